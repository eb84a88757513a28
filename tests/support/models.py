"""Which models of the catalogue a test looks at: those with rare schemas, others by a fixed draw, or a family."""

from __future__ import annotations

import os
import random
from collections import Counter
from functools import cache

from fakefal_contracts import BUILT_IN, FOUNDING

RARE = {
    "a set of choices": "fal-ai/fooocus",
    "a tuple": "fal-ai/ben/v2/video",
    "a union of an object and a choice": "fal-ai/flux/dev",
    "a union of a dictionary, an object and a text": "bria/fibo-bbq-preview/generate",
    "a union of a number and a text": "fal-ai/auto-caption",
    "a union of an integer and a choice": "sonauto/v2/text-to-music",
    "a union of a number and a dictionary": "fal-ai/flux-general",
    "a union of lists and texts": "fal-ai/bytedance/seed/v2/mini",
    "a union of a list and a dictionary": "fal-ai/moondream3-preview/segment",
    "a choice beside any text": "fal-ai/flux-pro/v1.1-ultra",
    "a pattern": "fal-ai/gemini-3.1-flash-tts",
    "a UUID": "fal-ai/recraft-20b",
    "an address": "mirelo-ai/sfx-v1.5/video-to-audio",
    "an open bound": "fal-ai/wan-move",
    "very small steps": "fal-ai/wan-22-image-trainer",
    "whole steps": "fal-ai/ltx-video-13b-dev/extend",
    "the length of an address": "fal-ai/flux-pro/kontext",
    "types only": "CassetteAI/music-generator",
    "no other keys": "veed/subtitles",
    "limits of pictures and clips": "fal-ai/kling-video/v2.6/pro/motion-control",
    "limits of clips": "fal-ai/kling-video/o1/standard/video-to-video/edit",
    "limits of bytes": "fal-ai/workflow-utilities/reverse-video",
    "limits of pixels": "fal-ai/moondream3-preview/detect",
}
"""A model for each kind of schema that few have."""

COUNT = int(os.environ.get("MODELS", "40"))
"""How many are looked at; ``MODELS=2000`` looks at all."""


@cache
def sample(count: int = COUNT) -> tuple[str, ...]:
    """So many models that are not in depth: the rare ones, then some of every category."""
    others = [record for record in BUILT_IN.records() if record.id not in FOUNDING]
    random.Random(14).shuffle(others)
    turns = Counter[str | None]()
    by_turn: list[tuple[int, str]] = []
    for record in others:
        turns[record.category] += 1
        by_turn.append((turns[record.category], record.id))
    by_turn.sort(key=lambda one: one[0])
    return tuple(dict.fromkeys((*RARE.values(), *(name for _, name in by_turn))))[:count]


def family(start: str) -> tuple[str, ...]:
    """The models whose ids begin so, except the first four."""
    return tuple(one.id for one in BUILT_IN.records() if one.id.startswith(start) and one.id not in FOUNDING)
