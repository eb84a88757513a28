"""Files of results as fal's own clients get them, over real sockets: a picture, a sound, a 3D model."""

from __future__ import annotations

import base64
import io
import json
import struct
import sys
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from support.programs import JS, finish, run_under

PYTHON = """
import base64, fal_client, httpx, json, sys
endpoint_id, arguments, *keys = map(json.loads, sys.argv[1:])
result = fal_client.subscribe(endpoint_id, arguments)
file = result
for key in keys:
    file = file[key]
whole = httpx.get(file["url"]).raise_for_status()
part = httpx.get(file["url"], headers={"Range": "bytes=2-9", "If-Range": whole.headers["etag"]})
print(json.dumps({
    "result": result, "file": file, "headers": dict(whole.headers), "content": base64.b64encode(whole.content).decode(),
    "part": [part.status_code, part.headers["content-range"], part.content == whole.content[2:10]],
}))
"""
JAVASCRIPT = """
import { fal } from "@fal-ai/client";
const [endpointId, input, ...keys] = process.argv.slice(2).map(JSON.parse);
const { data } = await fal.subscribe(endpointId, { input });
const file = keys.reduce((value, key) => value[key], data);
const whole = await fetch(file.url);
const headers = Object.fromEntries(whole.headers);
const content = Buffer.from(await whole.arrayBuffer());
const part = await fetch(file.url, { headers: { Range: "bytes=2-9", "If-Range": headers.etag } });
const seen = Buffer.from(await part.arrayBuffer());
console.log(JSON.stringify({
  result: data, file, headers, content: content.toString("base64"),
  part: [part.status, part.headers.get("content-range"), seen.equals(content.subarray(2, 10))],
}));
"""


class Seen:
    """What a program saw of one file of a result."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.result, self.file, self.headers = said["result"], said["file"], said["headers"]
        self.content = base64.b64decode(said["content"])
        size = len(self.content)
        assert self.headers["content-type"] == self.file["content_type"]
        assert int(self.headers["content-length"]) == size
        assert self.file.get("file_size", size) == size
        assert said["part"] == [206, f"bytes 2-9/{size}", True]


class Programs:
    """Runs a program of fal's client in a language, without a way to the net."""

    def __init__(self, offline: list[str], node: str, folder: Path) -> None:
        (folder / "result.mjs").write_text(JAVASCRIPT)
        (folder / "node_modules").symlink_to(JS / "node_modules")
        self._offline, self._folder = offline, folder
        self._commands = {"python": [sys.executable, "-c", PYTHON], "javascript": [node, "result.mjs"]}

    def run(self, language: str, *arguments: Any) -> Seen:
        """Subscribe to a model, and get the file that the keys lead to."""
        command = [*self._commands[language], *map(json.dumps, arguments)]
        return Seen(finish([*self._offline, *run_under(*command)], cwd=self._folder))


@pytest.fixture
def programs(offline: list[str], node: str, tmp_path: Path) -> Programs:
    return Programs(offline, node, tmp_path)


def test_a_picture(programs: Programs) -> None:
    asked = {"prompt": "a lighthouse", "num_images": 2, "image_size": "landscape_16_9", "seed": 5}
    seen = programs.run("python", "fal-ai/flux/dev", asked, "images", 1)
    assert (seen.result["prompt"], seen.result["seed"], len(seen.result["images"])) == ("a lighthouse", 5, 2)
    with Image.open(io.BytesIO(seen.content)) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("JPEG", (1024, 576))
        assert picture.size == (seen.file["width"], seen.file["height"])


def test_a_sound(programs: Programs) -> None:
    seen = programs.run("javascript", "fal-ai/stable-audio", {"prompt": "rain", "seconds_total": 7}, "audio_file")
    with av.open(io.BytesIO(seen.content)) as sound:
        rate = sound.streams.audio[0].rate
        assert sum(frame.samples for frame in sound.decode(audio=0)) / rate == pytest.approx(7, abs=0.05)


def test_a_3d_model(programs: Programs) -> None:
    picture = "data:image/png;base64," + base64.b64encode(_png()).decode()
    seen = programs.run("python", "fal-ai/trellis", {"image_url": picture}, "model_mesh")
    assert seen.file["content_type"] == "model/gltf-binary"
    magic, version, length = struct.unpack_from("<4sII", seen.content)
    assert (magic, version, length) == (b"glTF", 2, len(seen.content))
    tree_length, kind = struct.unpack_from("<I4s", seen.content, 12)
    tree = json.loads(seen.content[20 : 20 + tree_length])
    assert kind == b"JSON"
    assert tree["buffers"][0]["byteLength"] == len(seen.content) - 20 - tree_length - 8


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(out, "PNG")
    return out.getvalue()
