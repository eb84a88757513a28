"""The reference for the fixture: hand-written respx stubs that test the same three calls."""

from __future__ import annotations

import httpx
import respx

from fakefal.testing.measure import ENDPOINT, whole_call

REQUEST = "https://queue.fal.run/fal-ai/kling-video/requests/0199a1b2-0000-7000-8000-000000000000"
SUBMITTED = {
    "status": "IN_QUEUE",
    "request_id": REQUEST[-36:],
    "response_url": REQUEST,
    "status_url": f"{REQUEST}/status",
}
RESULT = {"video": {"url": "https://v3b.fal.media/files/b/1/output.mp4", "content_type": "video/mp4"}}


def stubbed_call(http: httpx.Client) -> None:
    """Set three stubs up, make the calls, take the stubs down."""
    with respx.mock:
        respx.post(f"https://queue.fal.run/{ENDPOINT}").respond(json=SUBMITTED)
        respx.get(f"{REQUEST}/status").respond(json={"status": "COMPLETED", "logs": None, "metrics": {}})
        respx.get(REQUEST).respond(json=RESULT)
        whole_call(http)
