"""Test prompts: ``fakefal:content_policy_violation`` anywhere in a prompt, as test card numbers do for payments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

PROMPT_MARK = re.compile(r"fakefal:([a-z][a-z0-9_]*(?:\([^()]*\))?)")
"""What asks the emulator for an effect, and must never be sent to fal."""


def marked_texts(value: Any) -> Iterator[str]:
    """Every mark in the texts of a JSON value."""
    if isinstance(value, str):
        yield from (found[0] for found in PROMPT_MARK.finditer(value))
    elif isinstance(value, dict):
        for item in value.values():
            yield from marked_texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from marked_texts(item)
