"""The event loop of a server: uvloop if the extra ``[fast]`` is installed, otherwise asyncio's own.

Inside the process of a test the loop is `SteadyLoop`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from typing_extensions import override


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The factory of the loop; None means asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


class SteadyLoop(asyncio.SelectorEventLoop):
    """A loop whose timers also fire while a test has frozen or moved the time (time-machine)."""

    _ticks: ClassVar[Callable[[], float]] = time.perf_counter

    @override
    def time(self) -> float:
        return SteadyLoop._ticks()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a server until it ends."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main)
