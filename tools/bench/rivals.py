"""Other mock servers: AIMock with its fal support, and WireMock with a stub of the submit call.

Both come from npm by ``make bench``; WireMock needs Java.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tools.bench.machine import need
from tools.bench.servers import KEY, Running, answers, free_port, process
from tools.bench.sides import ENDPOINT, Kind, Side, arguments
from tools.bench.table import NotInstalled

NODE_MODULES = Path(__file__).parent / "node_modules"
"""Where ``make bench`` installs both."""

FAL_QUEUE = {"x-fal-target-host": "queue.fal.run"}
"""The header that tells AIMock for which fal host a call is."""

RESULT = {"video": {"url": "https://v3b.fal.media/files/b/1/output.mp4", "content_type": "video/mp4"}}


def _installed(path: str) -> str:
    found = NODE_MODULES / path
    if not found.exists():
        raise NotInstalled("it is not installed: make bench does it")
    return str(found)


@contextmanager
def aimock(*_: object, **__: object) -> Iterator[Side]:
    """AIMock with a fixture for fal's calls, silent, its journal as long as by default."""
    node = need("node", "Node is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        file = Path(folder) / "fal.json"
        file.write_text(json.dumps({"fixtures": [{"match": {"endpoint": "fal"}, "response": {"json": RESULT}}]}))
        script = _installed("@copilotkit/aimock/dist/cli.js")
        command = [node, script, "--port", str(port), "--fixtures", str(file), "--log-level", "silent"]
        with process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            running = Running(f"http://127.0.0.1:{port}", child.pid)
            side = Side(running, f"/fal/{ENDPOINT}", f"/fal/{ENDPOINT}/requests", {**KEY, **FAL_QUEUE})
            answers(running, "POST", side.submit, arguments(), side.headers)
            yield side.filled()


@contextmanager
def wiremock(ours: Side, kind: Kind, *, fast: bool) -> Iterator[Side]:  # noqa: ARG001 - as every reference
    """WireMock with one stub that answers our bytes; its journal is off, as its authors advise for load."""
    java = need("java", "Java is not installed")
    jar = next(iter(sorted(Path(_installed("wiremock/build")).glob("*.jar"))))
    port = free_port()
    answer = ours.answer(kind)
    stub = {
        "request": {"method": "POST", "urlPathPattern": "/queue/.*"},
        "response": {"status": 200, "body": answer.body.decode(), "headers": {"content-type": "application/json"}},
    }
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        (Path(folder) / "mappings").mkdir()
        (Path(folder) / "mappings" / "submit.json").write_text(json.dumps(stub))
        command = [java, "-jar", str(jar), "--port", str(port), "--root-dir", folder, "--no-request-journal"]
        with process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            running = Running(f"http://127.0.0.1:{port}", child.pid)
            answers(running, "POST", ours.submit, arguments(), {})
            yield replace(ours, running=running, fixed=answer)
