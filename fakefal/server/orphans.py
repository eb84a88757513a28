"""A child does not outlive the process that started it, however that ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

SET_DEATH_SIGNAL = 1
"""prctl's PR_SET_PDEATHSIG."""


def dying_with_us() -> Callable[[], None] | None:
    """What the child does before it becomes the program: on Linux it asks to be killed when we end in any way."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(SET_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:  # we ended before it asked
            os.kill(os.getpid(), signal.SIGKILL)

    return ask
