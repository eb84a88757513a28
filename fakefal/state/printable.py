"""Texts of callers, made harmless for those who show them."""

from __future__ import annotations


def shown(text: str) -> str:
    """A text of unknown origin on one line; characters that move the cursor, colour or hide text are escaped."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
