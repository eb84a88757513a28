"""fal's Python client, redirected to the TLS port by FAL_RUN_HOST and FAL_QUEUE_RUN_HOST."""

from __future__ import annotations

import json

import fal_client
import httpx

from fakefal_contracts import examples

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
result = fal_client.subscribe(ENDPOINT, arguments=examples(ENDPOINT)["full"])
assert fal_client.run(ENDPOINT, arguments=examples(ENDPOINT)["required"])["video"]
assert len(httpx.get(result["video"]["url"]).content) == result["video"]["file_size"]
print(json.dumps(result))
