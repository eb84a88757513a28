"""The media type and family of a file, by its file name extension."""

from __future__ import annotations

from enum import Enum


class MediaFamily(Enum):
    """The family of a file."""

    PICTURE = "picture"
    CLIP = "clip"
    SOUND = "sound"
    DATA = "data"


OCTETS = "application/octet-stream"

_TYPES = {
    MediaFamily.PICTURE: {
        "png": "image/png",
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "webp": "image/webp",
        "gif": "image/gif",
        "svg": "image/svg+xml",
        "exr": "image/x-exr",
        "tiff": "image/tiff",
        "bmp": "image/bmp",
        "avif": "image/avif",
    },
    MediaFamily.CLIP: {"mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm"},
    MediaFamily.SOUND: {
        "mp3": "audio/mpeg",
        "wav": "audio/wav",
        "aac": "audio/aac",
        "m4a": "audio/mp4",
        "flac": "audio/flac",
        "ogg": "audio/ogg",
        "opus": "audio/ogg",
    },
    MediaFamily.DATA: {
        "glb": "model/gltf-binary",
        "gltf": "model/gltf+json",
        "obj": "model/obj",
        "mtl": "model/mtl",
        "ply": "model/ply",
        "stl": "model/stl",
        "fbx": "model/fbx",
        "usdz": "model/vnd.usdz+zip",
        "splat": "model/splat",
        "blend": "application/x-blender",
        "zip": "application/zip",
        "tar": "application/x-tar",
        "safetensors": OCTETS,
        "pt": OCTETS,
        "npy": OCTETS,
        "bin": OCTETS,
        "json": "application/json",
        "jsonl": "application/jsonl",
        "yaml": "application/yaml",
        "csv": "text/csv",
        "txt": "text/plain",
        "srt": "application/x-subrip",
        "vtt": "text/vtt",
        "html": "text/html",
        "pdf": "application/pdf",
    },
}

MEDIA_TYPES: dict[str, str] = {ending: kind for group in _TYPES.values() for ending, kind in group.items()}
"""The media type of each extension that a generated file can have."""

FAMILIES: dict[str, MediaFamily] = {ending: family for family, group in _TYPES.items() for ending in group}
"""The family of each extension."""

_OTHER_NAMES = {
    "audio/mp3": "mp3",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/x-m4a": "m4a",
    "image/jpg": "jpeg",
    "application/x-zip-compressed": "zip",
    "application/gzip": "tar",
    "text/srt": "srt",
    "application/x-yaml": "yaml",
    "model/vnd.usdz": "usdz",
}
_ENDINGS = {kind: ending for ending, kind in reversed(MEDIA_TYPES.items()) if kind != OCTETS} | _OTHER_NAMES


def ending_of_type(media_type: str) -> str | None:
    """The usual extension of a media type; None if the type is unknown or generic."""
    return _ENDINGS.get(media_type.partition(";")[0].strip().lower())
