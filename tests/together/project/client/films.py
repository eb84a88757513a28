"""Makes films by fal; its clients live as long as the program."""

from __future__ import annotations

from pathlib import Path

import fal_client
import httpx
from contracts.shots import Shot

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
downloads = httpx.Client()


def make(shot: Shot, path: Path) -> Path:
    """Make a clip and save it."""
    result = fal_client.subscribe(ENDPOINT, arguments={"prompt": shot.prompt, "duration": str(shot.seconds)})
    path.write_bytes(downloads.get(result["video"]["url"]).content)
    return path


async def make_soon(shot: Shot) -> str:
    """Make a clip; returns its address."""
    result = await fal_client.subscribe_async(ENDPOINT, arguments={"prompt": shot.prompt})
    return str(result["video"]["url"])
