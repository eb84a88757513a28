"""What a program with fal's Python client sees under each effect.  Prints it as JSON."""

from __future__ import annotations

import json
import os
from typing import Any

import fal_client
import httpx

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
control = httpx.Client(base_url=f"{os.environ['FAKEFAL_URL']}/_fakefal")


def call(effect: str, **more: Any) -> list[Any]:
    """Status, error type and message of one call, or that it came back; and how many jobs it became."""
    control.post("/reset")
    control.delete("/scenarios")
    control.post("/scenarios", json={"effect": effect, **more}).raise_for_status()
    try:
        fal_client.subscribe(ENDPOINT, arguments={"prompt": "x"})
        seen: list[Any] = ["came back"]
    except fal_client.FalClientHTTPError as error:
        seen = [error.status_code, error.error_type, error.message]
    return [*seen, len(control.get("/requests").json())]


names = json.loads(os.environ["EFFECTS"])
seen = {name: call(name) for name in names}
DROPS = ("drop_before_accept", "drop_before_accept(bytes=0)", "drop_before_accept(bytes=5)")
INGRESS = ("ingress_502", "ingress_503", "ingress_504")
for name in (*DROPS, "accept_then_drop", *INGRESS, "queue_full", "slow_response(seconds=0.1)"):
    seen[name] = call(name, nth=1)
seen["retry_then_succeed(attempts=3)"] = call("retry_then_succeed(attempts=3)")
print(json.dumps(seen))
