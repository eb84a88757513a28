"""fal's own Python client, synchronous and unmodified, on every endpoint.

Usage: sync_client.py FOLDER.  Saves the videos there and prints what it saw as JSON.
"""

from __future__ import annotations

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
seen: dict[str, object] = {}


def save(name: str, result: dict[str, dict[str, object]]) -> None:
    video = result["video"]
    content = httpx.get(str(video["url"])).raise_for_status().content
    assert len(content) == video["file_size"]
    (folder / f"{name}.mp4").write_bytes(content)


uploads = [
    fal_client.upload((folder / "picture.png").read_bytes(), "image/png"),
    fal_client.upload_file(folder / "picture.png"),
    fal_client.upload_image(picture),
]
for url in uploads:
    assert url.startswith("https://v3b.fal.media/files/b/"), url
assert httpx.get(uploads[1]).content == (folder / "picture.png").read_bytes()

for endpoint_id, endpoint in FOUNDING.items():
    name = endpoint.path.replace("/", "-")
    updates: list[fal_client.Status] = []
    result = fal_client.subscribe(
        endpoint_id, arguments=examples(endpoint_id)["full"], with_logs=True, on_queue_update=updates.append
    )
    seen[name] = [type(update).__name__ for update in updates]
    assert any(isinstance(one, fal_client.InProgress) and one.logs for one in updates), updates
    save(f"{name}-subscribe", result)
    save(f"{name}-run", fal_client.run(endpoint_id, arguments=examples(endpoint_id)["full"]))

image_to_video = "fal-ai/kling-video/o1/image-to-video"
handle = fal_client.submit(image_to_video, arguments={"prompt": "x", "start_image_url": uploads[2]})
assert isinstance(handle.status(), fal_client.Queued)
assert isinstance(handle.status(with_logs=True), fal_client.InProgress)
save("submit", handle.get())
assert isinstance(handle.status(with_logs=True), fal_client.Completed)
save("again", fal_client.result(image_to_video, handle.request_id))

handle = fal_client.submit(image_to_video, arguments={"prompt": "x", "start_image_url": uploads[0]})
fal_client.cancel(image_to_video, handle.request_id)
status = fal_client.status(image_to_video, handle.request_id)
assert isinstance(status, fal_client.Completed)
assert status.error_type == "client_cancelled"

try:
    fal_client.subscribe(image_to_video, arguments={"prompt": "x"})
except fal_client.FalClientHTTPError as error:
    seen["refusal"] = [error.status_code, error.message]
print(json.dumps(seen))
