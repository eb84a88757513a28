"""The errors of the core. They hold no HTTP status; `fakefal.wire.answers` maps them to responses.

QueueError
|- RefusedMove      the caller asked for a move that the lifecycle does not have
|- UnknownRequest   the caller named a request that is not stored or belongs to another key
|- NeedsJudgement   the request cannot start before it is judged
|- Busy             all runners of the key are taken and the caller does not want to wait
|- QueueFull        more requests wait than the caller accepts
|- StoreFull        the store holds only unfinished requests
`- StoreUnavailable the store cannot be reached; its contents are not lost
"""

from __future__ import annotations

SURPRISES = [("COMPLETED", move) for move in ("start", "advance", "finish")]
"""The refused moves of callers who believe that the request still runs."""


class QueueError(Exception):
    """The base of all errors of the queue. The call that raised it changed nothing."""


class RefusedMove(QueueError):
    """The lifecycle has no such move from this state."""

    def __init__(self, state: str, move: str) -> None:
        at_once = "; with the profile instant, jobs end at once" if (state, move) in SURPRISES else ""
        super().__init__(f"a request that is {state} cannot {move}{at_once}")
        self.state = state
        self.move = move


class UnknownRequest(QueueError):
    """No such request is stored for this key."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"request {request_id} is not stored")
        self.request_id = request_id


class NeedsJudgement(QueueError):
    """The request has no plan yet, because its media are still being downloaded."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"request {request_id} waits for its judgement")
        self.request_id = request_id


class Busy(QueueError):
    """All runners of the key are taken, and a synchronous call does not wait for one."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Reached concurrent requests limit of {limit}")
        self.limit = limit


class QueueFull(QueueError):
    """More requests wait than the caller accepts."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} requests wait")


class StoreFull(QueueError):
    """The store is full and has no finished request to evict."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the store is full: {reason}")


class StoreUnavailable(QueueError):
    """The store cannot be reached or cannot write; its contents are not lost.

    `silent` means that it did not answer in time, so a retry would only take as long again.
    """

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        super().__init__(f"the store is not available: {reason}")
        self.silent = silent
