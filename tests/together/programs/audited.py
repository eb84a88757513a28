"""A small program that is audited: it asks fal for one job, as its modes say.

Usage: audited.py MODE...: `careless` sends again what failed, `patient` waits before that, `forever` never gives up,
`upload` sends a file first, `webhook` waits for one, `once=FILE` does nothing where the file is, and writes it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.request
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

PATIENCE = 5
ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
HEADERS = {"Authorization": "Key k:s", "Content-Type": "application/json"}


def call(method: str, url: str, body: Any = None) -> Any:
    """One call of fal, with no second try."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, HEADERS, method=method), timeout=30) as answer:
        return answer.status, json.load(answer)


def tried(modes: set[str], method: str, url: str, body: Any = None) -> Any:
    """One call, and what the program does when it fails."""
    for _ in range(3 if modes & {"careless", "patient"} else 1):
        try:
            return call(method, url, body)
        except (OSError, HTTPException) as error:
            failed = error
            time.sleep(0.3 if "patient" in modes else 0)
    raise failed


def finish(modes: set[str], job: dict[str, Any]) -> None:
    ends = time.monotonic() + 1
    while tried(modes, "GET", job["status_url"])[0] == 202:
        if time.monotonic() > ends and "forever" not in modes:
            call("PUT", job["cancel_url"])
            raise TimeoutError
        time.sleep(0.05)
    tried(modes, "GET", job["response_url"])


def delivered(modes: set[str]) -> None:
    """Take a webhook without a look at its signature, as it comes."""
    came = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()
            came.set()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tried(
            modes,
            "POST",
            f"https://queue.fal.run/{ENDPOINT}?fal_webhook=http://127.0.0.1:{server.server_port}/",
            PROMPT,
        )
        if not came.wait(PATIENCE):
            raise TimeoutError
        server.shutdown()


PROMPT = {"prompt": "x"}


def main(modes: set[str]) -> None:
    for marker in [Path(mode.partition("=")[2]) for mode in modes if mode.startswith("once=")]:
        if marker.exists():
            return
        marker.write_text("it ran")
    if "upload" in modes:
        told = {"content_type": "image/png", "file_name": "x.png"}
        _, where = tried(modes, "POST", "https://rest.fal.ai/storage/upload/initiate?storage_type=fal-cdn-v3", told)
        tried(modes, "PUT", where["upload_url"], b"png")
    if "webhook" in modes:
        delivered(modes)
    else:
        finish(modes, tried(modes, "POST", f"https://queue.fal.run/{ENDPOINT}", PROMPT)[1])
    print("done")


if __name__ == "__main__":
    main(set(sys.argv[1:]))
