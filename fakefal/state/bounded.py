"""A dictionary that holds so much and no more."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

from typing_extensions import override

MOST_KEYS = 10_000
"""Of so many keys is remembered what lasts longer than their requests; the rest is as if it had just begun."""

K = TypeVar("K")
V = TypeVar("V")


class Bounded(OrderedDict[K, V]):
    """A dictionary that drops its oldest entries beyond `most`.  A new value under a key that is there is as old as it.

    Args:
        most: how many entries it holds.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    @override
    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > self.most:
            self.popitem(last=False)

    def renew(self, key: K, value: V) -> None:
        """Set a value that is the newest from now on."""
        self[key] = value
        self.move_to_end(key)
