"""What type checkers know of the client; read by them and never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

from fakefal_client import AsyncClient, AsyncJob, Client, Job, Webhook
from fakefal_client.kling import O1ImageToVideo, O1ReferenceToVideo, O3ProReferenceToVideo, VideoOutput
from fakefal_contracts import Cost, Report

REQUEST = O1ReferenceToVideo(prompt="x", duration="10")


def blocking(client: Client) -> None:
    assert_type(client.submit(REQUEST), Job[VideoOutput])
    assert_type(client.submit(REQUEST).result(), VideoOutput)
    assert_type(client.submit(REQUEST).result().video.url, str)
    assert_type(client.submit("fal-ai/flux/dev", {"prompt": "x"}), Job[dict[str, Any]])
    assert_type(client.run(O3ProReferenceToVideo(prompt="x")), VideoOutput)
    assert_type(client.subscribe(REQUEST, on_update=print, deadline_seconds=60), VideoOutput)
    assert_type(client.subscribe("a/b", {}, priority="low"), dict[str, Any])
    assert_type(client.resume("id", O1ImageToVideo), Job[VideoOutput])
    assert_type(client.resume("id", "fal-ai/flux/dev"), Job[dict[str, Any]])
    assert_type(client.submit(REQUEST).download("a.mp4"), Path)
    assert_type(client.verify({}, b""), Webhook)
    assert_type(client.check(REQUEST, deadline_seconds=5), Report)
    assert_type(client.estimate("a/b", {}, deadline_seconds=5), Cost)


async def awaited(client: AsyncClient) -> None:
    assert_type(await client.submit(REQUEST), AsyncJob[VideoOutput])
    assert_type(await (await client.submit(REQUEST)).result(), VideoOutput)
    assert_type(await client.run("a/b", {}), dict[str, Any])
    assert_type(await client.subscribe(REQUEST, stream=True), VideoOutput)
    assert_type(client.resume("id", O1ImageToVideo), AsyncJob[VideoOutput])
