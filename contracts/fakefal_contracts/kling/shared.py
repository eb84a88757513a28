"""What the Kling generations share: media fields, the output, frame shapes, named references."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from annotated_types import MaxLen
from pydantic import BaseModel

from fakefal_contracts.evidence import documented, observed
from fakefal_contracts.media import ClipLimits, PictureLimits
from fakefal_contracts.model import Advice, Loc

OPENAPI = documented("fal's OpenAPI document of the endpoint", "2026-06-11")

PICTURE_LIMITS = PictureLimits(
    max_bytes=10_485_760,
    timeout_seconds=20,
    formats=("jpeg", "png", "webp", "gif", "avif"),
    evidence=OPENAPI,
    min_width=300,
    min_height=300,
    min_ratio=0.40,
    max_ratio=2.50,
)
CLIP_LIMITS = ClipLimits(
    max_bytes=209_715_200,
    timeout_seconds=30,
    formats=("mp4", "mov"),
    evidence=OPENAPI,
    min_pixels=720,
    max_pixels=2160,
    min_seconds=3,
    max_seconds=10.05,
    min_fps=24,
    max_fps=60,
)

Picture = Annotated[str, PICTURE_LIMITS]
Clip = Annotated[str, CLIP_LIMITS]
Ratio = Literal["16:9", "9:16", "1:1"]
Prompt = Annotated[
    str,
    MaxLen(2500),
    observed("refusals quoted in September 2026; the OpenAPI document has the same limit", "2026-09-20"),
]


class File(BaseModel):
    """A produced file.  Keys in the order of fal's June 2026 schema."""

    url: str
    content_type: str | None = None
    file_name: str | None = None
    file_size: int | None = None


class VideoOutput(BaseModel):
    """The result of every endpoint here."""

    video: File


_NAME = re.compile(r"@(Image|Element)(\d+)", re.IGNORECASE)


def named_references(texts: list[tuple[Loc, str]], listed: dict[str, tuple[str, int]]) -> Iterator[Advice]:
    """Warn of names in a prompt that stand for nothing, and of listed media that no prompt names.

    `listed` maps a word (``Image``, ``Element``) to the field that holds the media and their count.
    Names count from 1 in list order.  No source shows that fal checks them.
    """
    used: set[tuple[str, int]] = set()
    for loc, text in texts:
        for name, digits in _NAME.findall(text):
            word, number = name.capitalize(), int(digits[:9])
            used.add((word, number))
            field, count = listed.get(word, ("", 0))
            if not 1 <= number <= count:
                have = f"{field} holds {count}" if field else f"this endpoint has no @{word}"
                yield Advice("unknown_reference", loc, f"@{word}{number} names nothing: {have}", "names count from 1")
    for word, (field, count) in listed.items():
        if field.endswith("_url"):
            continue
        for number in range(1, count + 1):
            if (word, number) not in used:
                yield Advice(
                    "unnamed_media",
                    (field, number - 1),
                    f"@{word}{number} is listed but no prompt names it",
                    f"write @{word}{number} into the prompt where it should appear",
                )
