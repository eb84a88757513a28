"""fal's own Python client, unmodified, on the roads beside the queue: tokens, and files with a life of their own.

Prints what it saw as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os

import fal_client
import httpx
from fal_client.client import StorageACL, StorageACLRule, StorageSettings

from fakefal_contracts import examples

O1 = "fal-ai/kling-video/o1/image-to-video"
API = "https://api.fal.ai/v1"
client = fal_client.SyncClient()
key = {"Authorization": f"Key {os.environ['FAL_KEY']}"}


def run_with(token: str) -> int:
    """What a browser does with a token."""
    body = examples(O1)["required"]
    return httpx.post(f"https://fal.run/{O1}", params={"fal_jwt_token": token}, json=body).status_code


acl = StorageACL(default="forbid", rules=[StorageACLRule(user="somebody", decision="allow")])
url = client.upload(b"for few", "text/plain", lifecycle=StorageSettings(expires_in="1h", initial_acl=acl))
signed = httpx.post(
    f"{API}/storage/files/sign", params={"url": url}, json={"expiration_seconds": 60}, headers=key
).json()["signed_url"]
handle = client.submit(O1, arguments=examples(O1)["required"])
handle.get()
listed = httpx.get(
    f"{API}/models/requests/by-endpoint", params={"endpoint_id": O1, "request_id": handle.request_id}, headers=key
).json()["items"]
document = httpx.get("https://fal.ai/api/openapi/queue/openapi.json", params={"endpoint_id": O1}).json()
print(
    json.dumps(
        {
            "sync": run_with(client._get_realtime_token(O1)),
            "async": run_with(asyncio.run(fal_client.AsyncClient()._get_realtime_token(O1))),
            "forbidden": httpx.get(url).status_code,
            "signed": httpx.get(signed).text,
            "acl": httpx.get(f"{API}/storage/files/acl", params={"url": url}, headers=key).json(),
            "listed": [item["status_code"] for item in listed],
            "document": document["info"]["title"],
            "llms": httpx.get(f"https://fal.ai/models/{O1}/llms.txt").text.partition("\n")[0],
        }
    )
)
