"""A child does not outlive the process that started it, however that process ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

SET_DEATH_SIGNAL = 1
"""prctl's PR_SET_PDEATHSIG."""


def dying_with_us() -> Callable[[], None] | None:
    """Runs in the child before it becomes the program: on Linux it asks to be killed when its parent ends."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(SET_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before this call
            os.kill(os.getpid(), signal.SIGKILL)

    return ask
