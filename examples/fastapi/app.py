"""A backend that has clips made by fal, and hears of their end by webhook."""

import base64
import hashlib
import os
import time
from typing import Annotated

import fal_client
import httpx
from fastapi import FastAPI, Header, HTTPException, Request
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from pydantic import BaseModel

MODEL = "fal-ai/kling-video/o1/reference-to-video"
KEYS = "https://rest.fal.ai/.well-known/jwks.json"
PUBLIC_URL = os.environ.get("PUBLIC_URL", "https://clips.example")

app = FastAPI()
clips: dict[str, dict[str, str]] = {}  # a database, in a real backend


class Wish(BaseModel):
    """What a visitor asks for."""

    prompt: str


@app.post("/clips", status_code=202)
async def order(wish: Wish) -> dict[str, str]:
    """Order a clip; fal calls back when it is there."""
    job = await fal_client.submit_async(
        MODEL, arguments={"prompt": wish.prompt, "duration": "5"}, webhook_url=f"{PUBLIC_URL}/hooks/fal"
    )
    clips[job.request_id] = {"state": "waiting"}
    return {"id": job.request_id}


@app.get("/clips/{clip_id}")
async def look(clip_id: str) -> dict[str, str]:
    """Tell how far a clip is."""
    return clips[clip_id]


@app.post("/hooks/fal")
async def finished(
    request: Request,
    x_fal_webhook_request_id: Annotated[str, Header()],
    x_fal_webhook_user_id: Annotated[str, Header()],
    x_fal_webhook_timestamp: Annotated[str, Header()],
    x_fal_webhook_signature: Annotated[str, Header()],
) -> None:
    """Keep what fal says of a clip, if it is fal who says it."""
    body = await request.body()
    digest = hashlib.sha256(body).hexdigest()
    signed = "\n".join([x_fal_webhook_request_id, x_fal_webhook_user_id, x_fal_webhook_timestamp, digest]).encode()
    if not await by_fal(signed, x_fal_webhook_signature) or abs(time.time() - int(x_fal_webhook_timestamp)) > 300:
        raise HTTPException(401, "this webhook is not fal's")
    said = await request.json()
    ok = said["status"] == "OK"
    clips[said["request_id"]] = {"state": "done", "url": said["payload"]["video"]["url"]} if ok else {"state": "failed"}


async def by_fal(signed: bytes, signature: str) -> bool:
    """Whether one of fal's keys made this signature."""
    async with httpx.AsyncClient() as http:
        published = (await http.get(KEYS)).raise_for_status().json()["keys"]  # keep them for a day
    for key in published:
        try:
            VerifyKey(base64.urlsafe_b64decode(key["x"] + "==")).verify(signed, bytes.fromhex(signature))
        except (BadSignatureError, ValueError):
            continue
        return True
    return False
