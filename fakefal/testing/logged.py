"""Errors that happen in the emulator between calls, and are only logged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def logged_errors(failed: Callable[[BaseException], None]) -> Iterator[None]:
    """Report each exception that the emulator logs while the block lasts."""

    class Telling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1]:
                failed(record.exc_info[1])

    logger, handler = logging.getLogger("fakefal"), Telling(logging.ERROR)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
