"""The kind of file that a field of a result holds, according to its document."""

from __future__ import annotations

import re
from typing import Any

from fakefal.files.media_types import MEDIA_TYPES, OCTETS, ending_of_type
from fakefal.state.jsonio import texts_in
from fakefal_contracts.record import Schema

_ENDING = re.compile(r"https?://[^\s\"'?#]+\.([A-Za-z0-9]{2,11})(?=[\s\"'?#]|$)")

#: Words of a title, a name or a description, and the kind that they tell; the first that is found counts.
_WORDS = tuple(
    (re.compile(words), ending)
    for words, ending in (
        ("glb|mesh|gltf|pbr_model|base_model|model_3d", "glb"),
        ("fbx", "fbx"),
        ("usdz", "usdz"),
        ("mtl", "mtl"),
        (r"(^|_)obj(_|$)", "obj"),
        ("stl", "stl"),
        ("blend(er)?$", "blend"),
        ("zip|archive|artifacts", "zip"),
        ("exr", "exr"),
        ("splat|ply|point_?cloud", "ply"),
        ("lora|safetensors|weights|checkpoint|embedding|latents|residual", "safetensors"),
        ("config|lottie|json|timestamps|metadata", "json"),
        ("srt|subtitle", "srt"),
        ("caption", "txt"),
        ("thumbnail|preview_image|image|mask|texture|depth|photo|picture|normal|albedo|base_color|metallic", "png"),
        ("roughness|rendered|spritesheet|overlay|frame", "png"),
        ("video|clip|movie|animation", "mp4"),
        ("audio|speech|music|sound|vocal|song|voice|stem|drums|bass|guitar|piano", "mp3"),
        ("debug|dataset|preprocess", "zip"),
    )
)
_TITLES = {"image": "png", "video": "mp4", "audio": "mp3"}
_CATEGORIES = {"image": "png", "video": "mp4", "audio": "mp3", "speech": "mp3", "3d": "glb", "training": "safetensors"}


def ending_of_field(name: str, outer: Schema, title: str, example: Any, category: str | None) -> str:
    """The file name extension for the file in a field.

    Args:
        name: the field's name.
        outer: the field's schema.
        title: the title of the file's own schema.
        example: the example of this field in the document, if there is one.
        category: fal's category of the model, such as ``text-to-image``.
    """
    return (
        ending_in(example)
        or _by_content_type(example)
        or next((ending for word, ending in _TITLES.items() if word in title.lower()), None)
        or _by_words(name)
        or _by_words(f"{outer.get('title', '')} {outer.get('description', '')}")
        or _CATEGORIES.get((category or "").rpartition("to-")[2], "bin")
    )


def ending_in(example: Any) -> str | None:
    """The extension of the first address in a JSON value that has a known one."""
    for text in texts_in(example):
        for found in _ENDING.finditer(text):
            if (ending := found[1].lower()) in MEDIA_TYPES:
                return ending
    return None


def _by_content_type(example: Any) -> str | None:
    kinds = (text for text in texts_in(example) if re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", text) and text != OCTETS)
    return next(filter(None, map(ending_of_type, kinds)), None)


def _by_words(text: str) -> str | None:
    """The kind that words indicate, starting with the last word of a name: ``body_mesh_ply``, ``mask_video``."""
    last = text.lower().rpartition("_")[2]
    if last in MEDIA_TYPES:
        return last
    if last in _TITLES:
        return _TITLES[last]
    return next((ending for words, ending in _WORDS if words.search(text.lower())), None)
