"""Runs a command inside ``fakefal run``, and prints its requests as JSON in the last line.

For huggingface_hub it answers the one call to huggingface.co, which asks for the id of the model at fal.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

MAPPED = {
    "black-forest-labs/FLUX.1-schnell": ("fal-ai/flux/schnell", "text-to-image"),
    "tencent/HunyuanVideo": ("fal-ai/hunyuan-video", "text-to-video"),
}
"""The name of a model at huggingface.co, its id at fal, and its task (inferred: the service could not be called)."""


class Hub(BaseHTTPRequestHandler):
    """Answers ``GET /api/models/{id}`` with the providers of a model."""

    def do_GET(self) -> None:
        """Answer."""
        name = self.path.removeprefix("/api/models/").partition("?")[0]
        if name not in MAPPED:
            self.send_error(404)
            return
        model, task = MAPPED[name]
        mapping = {"fal-ai": {"status": "live", "providerId": model, "task": task}}
        body = json.dumps({"id": name, "inferenceProviderMapping": mapping}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def main(command: list[str]) -> int:
    """Run the command; returns its exit code."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as hub:
        Thread(target=hub.serve_forever, daemon=True).start()
        environment = os.environ | {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}"}
        code = subprocess.run(command, check=False, env=environment).returncode
        hub.shutdown()
    if (url := os.environ.get("FAKEFAL_URL")) is not None:
        with urllib.request.urlopen(f"{url}/_fakefal/requests") as answer:
            print(answer.read().decode())
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
