"""Other mock servers: AIMock with its fal support, and WireMock with a stub of the submit call.

Both come from npm by ``make bench``; WireMock needs Java.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tools.bench.machine import need
from tools.bench.servers import Running, answers, free_port, process
from tools.bench.table import NotInstalled

Rival = Callable[[str, dict[str, Any]], AbstractContextManager[tuple[Running, str, Mapping[str, str]]]]
"""Started with our answer and the body; gives the server, the path of its submit call, and headers it wants."""

NODE_MODULES = Path(__file__).parent / "node_modules"
"""Where ``make bench`` installs both."""

FAL_QUEUE = {"x-fal-target-host": "queue.fal.run"}
"""How AIMock is told which host of fal's a call is for."""

MODEL = "fal-ai/kling-video/o1/image-to-video"
RESULT = {"video": {"url": "https://v3b.fal.media/files/b/1/output.mp4", "content_type": "video/mp4"}}


def _installed(path: str) -> str:
    found = NODE_MODULES / path
    if not found.exists():
        raise NotInstalled("it is not installed: make bench does it")
    return str(found)


@contextmanager
def aimock(_: str, body: dict[str, Any]) -> Iterator[tuple[Running, str, Mapping[str, str]]]:
    """AIMock with a fixture for fal's submit call, silent, its journal as long as by default."""
    node = need("node", "Node is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        file = Path(folder) / "fal.json"
        file.write_text(json.dumps({"fixtures": [{"match": {"endpoint": "fal"}, "response": {"json": RESULT}}]}))
        script = _installed("@copilotkit/aimock/dist/cli.js")
        command = [node, script, "--port", str(port), "--fixtures", str(file), "--log-level", "silent"]
        with process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            running = Running(f"http://127.0.0.1:{port}", child.pid)
            answers(running, "POST", f"/fal/{MODEL}", body, FAL_QUEUE)
            yield running, f"/fal/{MODEL}", FAL_QUEUE


@contextmanager
def wiremock(recorded: str, body: dict[str, Any]) -> Iterator[tuple[Running, str, Mapping[str, str]]]:
    """WireMock with one stub that answers our bytes; its journal is off, as its authors advise for load."""
    java = need("java", "Java is not installed")
    jar = next(iter(sorted(Path(_installed("wiremock/build")).glob("*.jar"))))
    port = free_port()
    answer = json.loads(recorded)
    stub = {
        "request": {"method": "POST", "urlPathPattern": "/queue/.*"},
        "response": {"status": 200, "body": answer["body"], "headers": {"content-type": "application/json"}},
    }
    with tempfile.TemporaryDirectory(prefix="fakefal-bench-") as folder:
        (Path(folder) / "mappings").mkdir()
        (Path(folder) / "mappings" / "submit.json").write_text(json.dumps(stub))
        command = [java, "-jar", str(jar), "--port", str(port), "--root-dir", folder, "--no-request-journal"]
        with process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            running = Running(f"http://127.0.0.1:{port}", child.pid)
            answers(running, "POST", f"/queue/{MODEL}", body, {})
            yield running, f"/queue/{MODEL}", {}
