"""What makes a process ready sooner."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = 2_000, 10, 50
"""After two thousand more new objects than gone ones the newest are searched, which takes a millisecond or two.  All
are searched after a million, since that takes a quarter of a second where 100,000 requests are stored."""


@contextmanager
def without_gc() -> Iterator[None]:
    """Do not search for garbage while modules are imported: nearly all that they make lives on.

    What lives on is not searched again later, either.  Afterwards it is searched less often than by default: requests
    are kept, and there is hardly any garbage among them that only a search finds.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
        if was_on:
            gc.enable()
