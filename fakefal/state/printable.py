"""Texts of callers, made harmless for those who show them."""

from __future__ import annotations


def shown(text: str) -> str:
    """A text without anything that a terminal would obey: control characters stand as escapes."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
