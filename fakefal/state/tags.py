"""The tags of a request (`X-Fal-Tags`), for grouping costs and filtering lists.

The limits are those of fal's clients of 2026, which say that they mirror the gateway: it ignores invalid pairs and
accepts the request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from fakefal.state.requests import Tags

MOST_PAIRS = 10
LONGEST_KEY, LONGEST_VALUE = 64, 256
MOST_BYTES = 1024
"""Of keys and values together.  They and the pairs are counted before a repeated key takes the place of the earlier."""

RESERVED = "fal."
UNTAGGED = "(untagged)"
"""The value in a filter for requests without the key."""

_KEY = re.compile(r"[a-z0-9._-]+")
_VALUE = re.compile(r"[\x20-\x2b\x2d-\x7e]*")


class BadTagFilter(ValueError):
    """A filter that cannot match; the message says what to write."""


def read_tags(header: str) -> Tags:
    """The pairs of a header ``key=value,key=value``; without pairs that fal's gateway would ignore."""
    found: dict[str, str] = {}
    count = size = 0
    for pair in header.split(","):
        name, _, value = pair.partition("=")
        key, value = name.strip().lower(), value.strip()
        if not _is_tag(key, value):
            continue
        count, size = count + 1, size + len(key) + len(value)
        if count > MOST_PAIRS or size > MOST_BYTES:
            break
        found[key] = value
    return tuple(found.items())


def _is_tag(key: str, value: str) -> bool:
    fits = len(key) <= LONGEST_KEY and len(value) <= LONGEST_VALUE and not key.startswith(RESERVED)
    return fits and _KEY.fullmatch(key) is not None and _VALUE.fullmatch(value) is not None


@dataclass(frozen=True)
class TagFilter:
    """A filter by tags: each key must have one of these values, as in fal's billing events (2026)."""

    wanted: dict[str, frozenset[str]]

    SCHEMA: ClassVar[dict[str, Any]] = {
        "type": "array",
        "items": {"type": "string", "pattern": f"^{_KEY.pattern}="},
        "maxItems": MOST_PAIRS,
    }
    """The texts that it is read from, for documents."""

    @classmethod
    def read(cls, texts: Iterable[str]) -> TagFilter:
        """A filter from texts ``key=value``: different keys must all match, a repeated key by any of its values.

        Raises:
            BadTagFilter: a text is not of that form, or there are too many.
        """
        wanted: dict[str, frozenset[str]] = {}
        for number, text in enumerate(texts, 1):
            key, equals, value = text.partition("=")
            if not equals or not _KEY.fullmatch(key):
                raise BadTagFilter(f"tag: write key=value, such as team=design, not {text!r:.80}")
            if number > MOST_PAIRS:
                raise BadTagFilter(f"tag: give at most {MOST_PAIRS} of them")
            wanted[key] = wanted.get(key, frozenset()) | {value}
        return cls(wanted)

    def holds(self, tags: Tags) -> bool:
        """Whether a request with these tags matches."""
        if not self.wanted:
            return True
        given = dict(tags)
        return all(given.get(key, UNTAGGED) in values for key, values in self.wanted.items())


ANY_TAGS = TagFilter({})
"""The filter that matches everything."""
