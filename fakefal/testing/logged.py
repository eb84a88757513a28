"""Errors that happen in the emulator between calls, and are only logged."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from typing_extensions import override


@contextmanager
def logged_errors(failed: Callable[[BaseException], None]) -> Iterator[None]:
    """Report each exception that the emulator logs while the block lasts."""
    logger, handler = logging.getLogger("fakefal"), _Telling(failed)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Telling(logging.Handler):
    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        super().__init__(logging.ERROR)
        self._failed = failed

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            self._failed(record.exc_info[1])
