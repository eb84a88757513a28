"""fal's own Python client, asynchronous and unmodified, on every endpoint.

Usage: async_client.py FOLDER.  Saves the videos there and prints what it saw as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import fal_client
import httpx
from PIL import Image

from fakefal_contracts import FOUNDING, examples

folder = Path(sys.argv[1])
picture = Image.new("RGB", (640, 360), "navy")
picture.save(folder / "picture.png")


async def save(name: str, result: dict[str, dict[str, object]]) -> None:
    video = result["video"]
    async with httpx.AsyncClient() as http:
        content = (await http.get(str(video["url"]))).raise_for_status().content
    assert len(content) == video["file_size"]
    (folder / f"{name}.mp4").write_bytes(content)


async def one(endpoint_id: str) -> list[str]:
    name = FOUNDING[endpoint_id].path.replace("/", "-")
    arguments = examples(endpoint_id)["full"]
    updates: list[fal_client.Status] = []
    result = await fal_client.subscribe_async(
        endpoint_id, arguments=arguments, with_logs=True, on_queue_update=updates.append
    )
    await save(f"{name}-subscribe", result)
    await save(f"{name}-run", await fal_client.run_async(endpoint_id, arguments=arguments))
    return [type(update).__name__ for update in updates]


async def main() -> None:
    uploads = [
        await fal_client.upload_async((folder / "picture.png").read_bytes(), "image/png"),
        await fal_client.upload_file_async(folder / "picture.png"),
        await fal_client.upload_image_async(picture),
    ]
    seen: dict[str, object] = {}
    for endpoint_id, updates in zip(FOUNDING, await asyncio.gather(*map(one, FOUNDING)), strict=True):
        seen[FOUNDING[endpoint_id].path.replace("/", "-")] = updates
    image_to_video = "fal-ai/kling-video/o1/image-to-video"
    arguments = {"prompt": "x", "start_image_url": uploads[0], "end_image_url": uploads[2]}
    handle = await fal_client.submit_async(image_to_video, arguments=arguments)
    events = [type(event).__name__ async for event in handle.iter_events(with_logs=True)]
    assert events == ["Queued", "InProgress", "Completed"], events
    await save("submit", await handle.get())
    handle = await fal_client.submit_async(image_to_video, arguments=arguments)
    await fal_client.cancel_async(image_to_video, handle.request_id)
    status = await fal_client.status_async(image_to_video, handle.request_id)
    assert isinstance(status, fal_client.Completed)
    try:
        await fal_client.subscribe_async(image_to_video, arguments={"prompt": "x"})
    except fal_client.FalClientHTTPError as error:
        seen["refusal"] = [error.status_code, error.message]
    print(json.dumps(seen))


asyncio.run(main())
