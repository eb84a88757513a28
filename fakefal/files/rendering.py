"""Clips that show the pictures of their requests: their scenes, and the processes that render them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from fakefal.core.errors import QueueError
from fakefal.files.clips import nearest_master, sound_of_clips
from fakefal.files.made import MadeFile
from fakefal.files.making import place_of_rendered
from fakefal.files.pictures import draw_picture
from fakefal.files.sizes import Size
from fakefal.files.wanted import WantedFiles
from fakefal.state.files import FileStore
from fakefal.state.temporary import TemporaryFolder
from fakefal_contracts import Unreadable
from fakefal_contracts.probe import OTHER_PICTURE_FORMATS, PICTURE_FORMATS
from fakefal_fixtures import FRAMES_PER_SECOND

MOST_PIXELS = 4096 * 2304
"""The pixel limit of a frame: more than 4K in any shape."""
MOST_RENDERED_SECONDS = 30.0
MOST_WORK_SECONDS = 60
"""The time limit for rendering one clip."""
LEAST_SIDE = 16
SAME_SHAPE, SAME_TIER = 0.01, 0.35
"""How far ratio and area of two sizes may differ that count as the same."""
_LONGEST_REASON = 300

Source = Callable[[str], bytes | Path | None]
"""Finds the content of a file by its address."""


class NotRendered(Exception):
    """A clip cannot be rendered; the message gives the reason."""


@dataclass(frozen=True)
class Scene:
    """The content of a clip.

    `pictures` are shown one after another. `rests` is whether the last of them is the clip's last frame. `caption` is
    written at their foot. `made` is the clip as its address describes it.
    """

    pictures: tuple[bytes | Path, ...]
    rests: bool
    caption: str
    made: MadeFile

    def named(self) -> MadeFile:
        """The clip with the digest of its whole scene; equal scenes have equal digests. This reads the pictures."""
        digest = hashlib.sha256(repr((self.rests, self.caption, self.made)).encode())
        for one in self.pictures:
            content = one if isinstance(one, bytes) else one.read_bytes()
            digest.update(hashlib.sha256(content).digest())
        return replace(self.made, caption=digest.hexdigest()[:32])


def scene_of(wanted: WantedFiles, source: Source) -> Scene | None:
    """The scene of a request's clip, or None if it makes no clip."""
    ending = wanted.clip_ending
    if ending is None or not wanted.makes_clips:
        return None
    wide, high = _size(wanted)
    made = MadeFile(ending, wide, high, wanted.made_seconds, wanted.has_sound)
    pictures: tuple[bytes | Path, ...] = ()
    with suppress(Unreadable):  # one was removed after it was judged
        pictures = tuple(found for address in wanted.shown if (found := source(address)) is not None)
    if not pictures:  # drawn in the same way as pictures of results
        pictures = (draw_picture("png", wide, high, wanted.caption),) if wide * high <= MOST_PIXELS else ()
        return Scene(pictures, rests=False, caption="", made=made)
    rests = len(pictures) > 1 or wanted.last_frame in wanted.shown
    return Scene(pictures, rests, wanted.words, made)


def _size(wanted: WantedFiles) -> Size:
    """The given size, otherwise the size of the master of this shape and tier, otherwise one that fits both."""
    wide, high = wanted.clip_size
    master = nearest_master(wide, high)
    other_shape = abs(wide * master.height / (high * master.width) - 1)
    other_tier = abs(master.width * master.height / (wide * high) - 1)
    if wanted.given_clip_size is None and other_shape < SAME_SHAPE and other_tier < SAME_TIER:
        return master.size
    return max(LEAST_SIDE, wide - wide % 2), max(LEAST_SIDE, high - high % 2)  # colours are of squares of four


class Renderer:
    """Renders clips, one at a time, each in a process of its own.

    Args:
        files: stores the clips, so that replicas have them too.
        program: the Python module that renders.
    """

    def __init__(self, files: FileStore, program: str = "fakefal.files.moving") -> None:
        self._files = files
        self._program = program
        self._turn = asyncio.Semaphore(1)

    async def render(self, scene: Scene) -> MadeFile:
        """Render a clip, unless an equal one exists.

        Raises:
            NotRendered: it is WebM or too large, its pictures cannot be read, or the process failed.
        """
        made = scene.made
        if made.ending == "webm":
            raise NotRendered("only MP4 and QuickTime clips are rendered, not WebM")
        if made.width * made.height > MOST_PIXELS:
            raise NotRendered(f"{made.width}x{made.height} is more than {MOST_PIXELS:,} pixels")
        if made.seconds > MOST_RENDERED_SECONDS:
            raise NotRendered(f"{made.seconds:g} s is more than {MOST_RENDERED_SECONDS:g} s")
        try:
            made = await asyncio.to_thread(scene.named)
            async with self._turn:
                if self._files.get(place_of_rendered(made)) is None:
                    with TemporaryFolder("render") as folder:
                        into = folder.path / made.name
                        await self._run(await asyncio.to_thread(_order, scene, folder.path, into))
                        await asyncio.to_thread(self._keep, into.with_suffix(".jpg"), made.first_frame)
                        await asyncio.to_thread(self._keep, into, made)
        except (OSError, QueueError) as error:  # a picture is gone, or the disk is full
            raise NotRendered(str(error)) from error
        return made

    def _keep(self, rendered: Path, made: MadeFile) -> None:
        with rendered.open("rb") as content, self._files.writing() as written:
            shutil.copyfileobj(content, written)
        self._files.keep(written, place_of_rendered(made), made.media_type)

    async def _run(self, order: Path) -> None:
        program = [sys.executable, "-P", "-m", self._program, str(order), str(MOST_WORK_SECONDS)]
        process = await asyncio.create_subprocess_exec(
            *program,
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        try:
            async with asyncio.timeout(MOST_WORK_SECONDS):
                _, said = await process.communicate()
        except TimeoutError:
            raise NotRendered(f"it took more than {MOST_WORK_SECONDS} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines() or [""]
            raise NotRendered(f"the encoder ended with {process.returncode}: {lines[-1][-_LONGEST_REASON:]}")


def _order(scene: Scene, folder: Path, into: Path) -> Path:
    """Write the program's input into a folder; returns the file with the order."""
    pictures = []
    for number, one in enumerate(scene.pictures):
        path = one if isinstance(one, Path) else folder / f"picture-{number}"
        if isinstance(one, bytes):
            path.write_bytes(one)
        pictures.append(str(path))
    made, sound = scene.made, folder / "sound.m4a"
    if made.sound:
        sound.write_bytes(sound_of_clips().cut_sound(made.seconds))
    order = {
        "pictures": pictures,
        "formats": [name for name in PICTURE_FORMATS | OTHER_PICTURE_FORMATS if name != "MPO"],  # Pillow's JPEG
        "rests": scene.rests,
        "caption": scene.caption,
        "width": made.width,
        "height": made.height,
        "frames": round(made.seconds * FRAMES_PER_SECOND) + 1,
        "sound": str(sound) if made.sound else "",
        "into": str(into),
    }
    written = folder / "order.json"
    written.write_text(json.dumps(order), "utf-8")
    return written
