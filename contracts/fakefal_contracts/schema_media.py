"""Which fields of a document take media, of which kind, and within which limits.

A document marks few of them.  Whether a field takes a file, and of which kind, was decided for the 1,529 models of
the catalogue by these rules; where they leave doubt, nobody looks into the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from fakefal_contracts.any_media import MediaLimits
from fakefal_contracts.evidence import Evidence
from fakefal_contracts.media import PUBLISHED, AudioLimits, ClipLimits, Limits, PictureLimits

Schema = Mapping[str, Any]

FILE_INPUT = "x-fal-file-input"
_ADDRESS = re.compile(r"https?://\S+?(?:\.(\w+))?(?:[?#]\S*)?")
_NAMED_ADDRESS = re.compile(r"(.+_)?(url|uri)s?(_.+)?")

#: Words of a field's name that tell its kind; the last one counts: ``images_data_url`` is an archive.
_WORDS: dict[str, type[Limits] | None] = {
    **dict.fromkeys(("image", "images", "img", "frame", "photo", "picture"), PictureLimits),
    **dict.fromkeys(("video", "videos", "clip"), ClipLimits),
    **dict.fromkeys(("audio", "voice", "speech", "music", "song", "sound"), AudioLimits),
    **dict.fromkeys(("data", "archive", "zip", "file", "files", "mesh", "pointmap"), Limits),
    "media": MediaLimits,
    # weights may be named by a repository as well
    **dict.fromkeys(("model", "lora", "checkpoint", "embedding", "config"), None),
}
_MASKS = {"mask", "masks"}

#: Where the name is silent, an example's ending tells it, and fal's hint for its own page before both.
_ENDINGS: dict[str, type[Limits]] = {
    **dict.fromkeys(("png", "jpg", "jpeg", "webp", "avif", "gif"), PictureLimits),
    **dict.fromkeys(("mp4", "mov", "webm", "m4v"), ClipLimits),
    **dict.fromkeys(("mp3", "wav", "m4a", "ogg", "flac", "aac", "mpga", "opus"), AudioLimits),
    **dict.fromkeys(("zip", "tar", "pdf", "glb", "gltf", "fbx", "obj", "stl", "ply", "safetensors"), Limits),
}
_PAGE_FIELDS = {"image": PictureLimits, "image_mask": PictureLimits, "video": ClipLimits, "audio": AudioLimits}


def limits_of(name: str, schema: Schema, evidence: Evidence, *, category: str | None = None) -> Limits | None:
    """The limits of the files that a field takes; None where it takes none, or may take what is no address.

    Of a list they are those of its items.  What only words limit has no limits here.

    Args:
        name: the name of the field.
        schema: its property in the document, with examples where it has some.
        evidence: why the document is believed.
        category: fal's category of the model, such as ``image-to-video``.
    """
    parts = tuple(_parts(schema))
    if not any(part.get("type") == "string" and "enum" not in part for part in parts):
        return None
    if not (_NAMED_ADDRESS.fullmatch(name) or any(part.get(FILE_INPUT) for part in parts)):
        return None
    bounds = _bounds(parts)
    kind = _kind(name, schema, parts, category)
    if kind is None:
        if not (bounds or any(part.get(FILE_INPUT) for part in parts)):
            return None  # the name of something that fal keeps, perhaps
        kind = Limits
    known = {field.name for field in fields(kind)}
    return kind(evidence=evidence, **{ours: bound for ours, bound in bounds.items() if ours in known})


def _parts(schema: Schema) -> Iterator[Schema]:
    """A schema, the branches of its union, and the items of its lists."""
    yield schema
    for inner in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ()), schema.get("items")):
        if isinstance(inner, Mapping):
            yield from _parts(inner)


def _bounds(parts: Iterable[Schema]) -> dict[str, Any]:
    """The limits that are printed anywhere in a property, by our names."""
    found: dict[str, Any] = {}
    for part in parts:
        block = part.get("x-fal")
        for printed in (part, block if isinstance(block, Mapping) else {}):
            for theirs, (ours, _) in PUBLISHED.items():
                bound = printed.get(theirs)
                if isinstance(bound, int | float) and not isinstance(bound, bool):
                    found[ours] = bound
    return found


def _kind(name: str, schema: Schema, parts: Iterable[Schema], category: str | None) -> type[Limits] | None:
    """What a field takes, if anything tells it."""
    for part in parts:
        ui = part.get("ui")
        hint = part.get("_fal_ui_field") or (ui.get("field") if isinstance(ui, Mapping) else None)
        if kind := _PAGE_FIELDS.get(str(hint)):
            return kind
    words = name.lower().split("_")
    known = (_WORDS[word] for word in reversed(words) if word in _WORDS)
    if kind := next(known, None):
        return kind
    for ending in _endings((schema.get("examples"), schema.get("default"))):
        if kind := _ENDINGS.get(ending):
            return kind
    # one mask of a clip may be a clip
    of_picture = category is not None and "video" not in category
    return PictureLimits if of_picture and not _MASKS.isdisjoint(words) else None


def _endings(examples: Any) -> Iterator[str]:
    """How the addresses among examples end."""
    if isinstance(examples, str):
        if (found := _ADDRESS.fullmatch(examples)) and found[1]:
            yield found[1].lower()
    elif isinstance(examples, list | tuple):
        for one in examples:
            yield from _endings(one)
