"""Draws that a seed alone decides.

Hypothesis mixes literals of every loaded module of the project into what it draws, so that an edit
anywhere would change the bodies of an oracle.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import hypothesis
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

VERSIONS = {
    "hypothesis": hypothesis.__version__,
    "python": ".".join(platform.python_version_tuple()[:2]),
}
"""What draws still depend on: Hypothesis, and the characters that Python's Unicode tables know."""


@contextmanager
def by_seed_alone() -> Iterator[None]:
    """Draw without the literals of loaded modules while the block lasts."""
    cache = type(providers.CONSTANTS_CACHE)(providers.CONSTANTS_CACHE.max_size)
    with (
        mock.patch.object(providers, "_get_local_constants", Constants),
        mock.patch.object(providers, "CONSTANTS_CACHE", cache),
    ):
        yield
