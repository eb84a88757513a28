"""Start ``fakefal serve``, run a program beside it, stop the server with SIGTERM.

Usage: serve_and_run.py [--tls] CMD...  In CMD, URL stands for the server's base URL.  With --tls the
program gets fal's host variables for the TLS port.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

arguments = sys.argv[1:]
tls = arguments[0] == "--tls"
command = arguments[tls:]
with tempfile.TemporaryDirectory() as folder:
    ready_file = Path(folder) / "ready.json"
    options = ["--profile", "stepped", "--port", "0", "--ready-file", str(ready_file), "--media-urls", "fal"]
    options += ["--tls-port", "0"] if tls else []
    server = subprocess.Popen([sys.executable, "-m", "fakefal", "serve", *options], stdout=subprocess.DEVNULL)
    while not ready_file.exists():
        assert server.poll() is None, "the server did not start"
        time.sleep(0.01)
    ready = json.loads(ready_file.read_text())
    environ = dict(os.environ)
    if tls:
        host = ready["tls_url"].removeprefix("https://")
        environ |= {
            "FAL_RUN_HOST": f"{host}/run",
            "FAL_QUEUE_RUN_HOST": f"{host}/queue",
            "SSL_CERT_FILE": ready["ca_file"],
            "FAL_KEY": "id:secret",
        }
    done = subprocess.run([part.replace("URL", ready["url"]) for part in command], env=environ, check=False)
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0, "SIGTERM ends the server with 0"
sys.exit(done.returncode)
