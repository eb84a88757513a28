"""Small programs that make each mistake that a verdict finds, and their careful twins.

Usage: careless.py.  Cases come as JSON on standard input: the key that calls, which mistake, and whether the program
is careful.  They run at the same time, and call fal by plain HTTP.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from fakefal_client import Client, InvalidWebhook

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
SUBMIT = f"https://queue.fal.run/{ENDPOINT}"
LIST = f"https://api.fal.ai/v1/models/requests/by-endpoint?endpoint_id={ENDPOINT}"
PROMPT = {"prompt": "x"}
WRONG = {"prompt": "x", "duration": 5}
PAUSE = 0.3
LONGEST = 60
context = cache(httpx.create_ssl_context)


def finish(http: httpx.Client, job: dict[str, Any]) -> None:
    """Wait for a job and read its result."""
    while http.get(job["status_url"]).status_code == 202:
        time.sleep(PAUSE)
    http.get(job["response_url"])


def sent_again(http: httpx.Client, *, careful: bool) -> None:
    try:
        http.post(SUBMIT, json=PROMPT)
    except httpx.TransportError:
        found = http.get(LIST).json()["items"] if careful else []
        if not found:
            finish(http, http.post(SUBMIT, json=PROMPT).json())
        for one in found:
            url = f"https://queue.fal.run/fal-ai/kling-video/requests/{one['request_id']}"
            finish(http, {"status_url": f"{url}/status", "response_url": url})


def retried_refusal(http: httpx.Client, *, careful: bool) -> None:
    for _ in range(3):
        job = http.post(SUBMIT, json=WRONG).json()
        finish(http, job)
        if careful and http.get(job["response_url"]).status_code == 422:
            return


def ignored_retry_after(http: httpx.Client, *, careful: bool) -> None:
    refused = http.post(SUBMIT, json=PROMPT)
    time.sleep(float(refused.headers["retry-after"]) + PAUSE if careful else PAUSE)
    finish(http, http.post(SUBMIT, json=PROMPT).json())


def no_backoff(http: httpx.Client, *, careful: bool) -> None:
    for _ in range(3 if careful else 20):
        if http.post(SUBMIT, json=PROMPT).is_success:
            return
        if careful:
            time.sleep(PAUSE)


def went_on_when_locked(http: httpx.Client, *, careful: bool) -> None:
    for number in range(3):
        if http.post(SUBMIT, json={"prompt": str(number)}).status_code == 403 and careful:
            return


def result_never_fetched(http: httpx.Client, *, careful: bool) -> None:
    job = http.post(SUBMIT, json=PROMPT).json()
    while http.get(job["status_url"]).status_code == 202:
        time.sleep(PAUSE)
    if careful:
        http.get(job["response_url"])


def never_cancelled(http: httpx.Client, *, careful: bool) -> None:
    job = http.post(SUBMIT, json=PROMPT).json()
    http.get(job["status_url"])
    if careful:
        http.put(job["cancel_url"])


def short_timeout(http: httpx.Client, *, careful: bool) -> None:
    job = http.post(SUBMIT, json=PROMPT).json()
    ends = time.monotonic() + (LONGEST if careful else 0)
    while http.get(job["status_url"]).status_code == 202:
        if time.monotonic() >= ends:
            return
        time.sleep(PAUSE)
    http.get(job["response_url"])


def wrong_address(http: httpx.Client, *, careful: bool) -> None:
    job = http.post(SUBMIT, json=PROMPT).json()
    if not careful:
        http.get(f"{SUBMIT}/requests/{job['request_id']}/status")
    finish(http, job)


@contextmanager
def receiving(answer: Callable[[dict[str, str], bytes], int]) -> Iterator[str]:
    """A web server that takes webhooks."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(answer(dict(self.headers), body))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def unverified_webhook(http: httpx.Client, *, careful: bool) -> None:
    taken = threading.Semaphore(0)
    with Client(key=http.headers["authorization"].removeprefix("Key ")) as verifier:

        def answer(headers: dict[str, str], body: bytes) -> int:
            if careful:
                try:
                    verifier.verify(headers, body)
                except InvalidWebhook:
                    return 401
            taken.release()
            return 200

        with receiving(answer) as url:
            http.post(SUBMIT, params={"fal_webhook": url}, json=PROMPT)
            taken.acquire()
            if not careful:
                taken.acquire()  # the real one


MISTAKES = {
    "paid_twice": sent_again,
    "resubmitted_unknown": sent_again,
    "retried_refusal": retried_refusal,
    "ignored_retry_after": ignored_retry_after,
    "no_backoff": no_backoff,
    "went_on_when_locked": went_on_when_locked,
    "result_never_fetched": result_never_fetched,
    "never_cancelled": never_cancelled,
    "short_timeout": short_timeout,
    "wrong_address": wrong_address,
    "unverified_webhook": unverified_webhook,
}


def act(case: dict[str, Any]) -> None:
    headers = {"Authorization": f"Key {case['key']}:secret"}
    with httpx.Client(headers=headers, verify=context(), timeout=LONGEST) as http:
        MISTAKES[case["mistake"]](http, careful=case["careful"])


if __name__ == "__main__":
    cases = json.load(sys.stdin)
    context()
    with ThreadPoolExecutor(len(cases)) as pool:
        list(pool.map(act, cases))
