"""What the Kling generations share: media fields, the output, frame shapes, named references."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

from fakefal_contracts.evidence import documented, inferred, observed, third_party
from fakefal_contracts.media import ClipLimits, PictureLimits
from fakefal_contracts.model import Advice, Caution, Loc, Output

OPENAPI = documented("fal's OpenAPI document of the endpoint", "2026-06-11")

PICTURE_LIMITS = PictureLimits(
    max_bytes=10_485_760,
    timeout_seconds=20,
    formats=("jpeg", "png", "webp", "gif", "avif"),
    formats_evidence=documented("model page of o1/reference-to-video; Kling itself takes jpeg and png", "2025-12-01"),
    evidence=OPENAPI,
    min_width=300,
    min_height=300,
    min_ratio=0.40,
    max_ratio=2.50,
    min_pixels_evidence=observed(
        "message of a v-family element refusal (August 2026); type and ctx inferred", "2026-08-31"
    ),
)
CLIP_LIMITS = ClipLimits(
    max_bytes=209_715_200,
    timeout_seconds=30,
    formats=("mp4", "mov"),
    formats_evidence=documented("fal's pages of the clip fields; the schema lists no types", "2026-06-11"),
    evidence=OPENAPI,
    min_width=720,
    min_height=720,
    max_width=2160,
    max_height=2160,
    min_seconds=3,
    max_seconds=10.05,
    min_fps=24,
    max_fps=60,
)

Picture = Annotated[str, PICTURE_LIMITS]
Clip = Annotated[str, CLIP_LIMITS]
PROMPT_SEEN = observed("refusals quoted in September 2026; the OpenAPI document has the same limit", "2026-09-20")


class File(Output):
    """A produced file.  Keys as in fal's June 2026 schema."""

    url: str
    content_type: str | None = None
    file_name: str | None = None
    file_size: int | None = None


class VideoOutput(Output):
    """The result of nearly every endpoint here."""

    video: File


SURE_FORMATS = ("jpeg", "png")
FORMAT = Caution(
    "format",
    "pictures other than jpeg and png may be refused by Kling",
    third_party("Kling's own interface takes jpg, jpeg and png; fal's page lists more", "2026-06-11"),
)


_NAME = re.compile(r"@(?<!\w@)(Image|Element|Video)(\d{1,9})\d*", re.IGNORECASE)
"""What stands within a word, as in an e-mail address, is no name.  It begins with its one sure letter, and so is
searched for fast."""

_NAMES = inferred("no source shows that fal checks the names in a prompt", "2026-11-20")
UNKNOWN_REFERENCE = Caution("unknown_reference", "a name in a prompt should stand for something listed", _NAMES)
UNNAMED_MEDIA = Caution("unnamed_media", "listed pictures and elements should be named in a prompt", _NAMES)


def named_references(
    texts: Iterable[tuple[Loc, str]], lists: Sequence[tuple[str, str, int]], others: dict[str, tuple[str, int]]
) -> list[Advice]:
    """Warn of names in a prompt that stand for nothing, and of listed media that no prompt names.

    `lists` has each word for media that a prompt should name (``Image``, ``Element``), the field that lists them, and
    their count; `others` has the same for words that a prompt may use.  Names count from 1 in list order.  No source
    shows that fal checks them.
    """
    found: list[Advice] = []
    used: set[tuple[str, int]] = set()
    for loc, text in texts:
        if "@" not in text:
            continue
        names = {(word.capitalize(), int(number)): None for word, number in _NAME.findall(text)}
        used.update(names)
        counts = {word: (field, count) for word, field, count in lists} | others
        for word, number in names:
            field, count = counts.get(word, ("", 0))
            if not 1 <= number <= count:
                have = f"{field} holds {count}" if field else f"this endpoint has no @{word}"
                msg = f"@{word}{number} names nothing: {have}"
                found.append(Advice(UNKNOWN_REFERENCE, loc, msg, "names count from 1, in list order"))
    for word, field, count in lists:
        for number in range(1, count + 1):
            if (word, number) not in used:
                msg = f"@{word}{number} is listed but no prompt names it"
                hint = f"write @{word}{number} into the prompt where it should appear"
                found.append(Advice(UNNAMED_MEDIA, (field, number - 1), msg, hint))
    return found
