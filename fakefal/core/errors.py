"""What the core raises.  None of these knows an HTTP status; `fakefal.wire.answers` maps them.

QueueError
|- RefusedMove      the caller asked for a move that the lifecycle does not have
|- UnknownRequest   the caller named a request that is not stored, or is another key's
|- NeedsJudgement   the request cannot start before somebody has judged it
|- Busy             all runners of the key are taken, and the caller does not want to wait
|- QueueFull        more requests wait than the caller accepts
|- StoreFull        the store holds only unfinished requests
`- StoreUnavailable the store cannot be reached; what it holds stays
"""

from __future__ import annotations


class QueueError(Exception):
    """The base of all errors of the queue.  Whatever raised it changed nothing."""


class RefusedMove(QueueError):
    """The lifecycle has no such move from this state."""

    def __init__(self, state: str, move: str) -> None:
        super().__init__(f"a request that is {state} cannot {move}")
        self.state = state
        self.move = move


class UnknownRequest(QueueError):
    """No such request is stored for this key."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"request {request_id} is not stored")
        self.request_id = request_id


class NeedsJudgement(QueueError):
    """The request has no plan yet: its media are still being fetched."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"request {request_id} waits for its judgement")
        self.request_id = request_id


class Busy(QueueError):
    """All runners of the key are taken, and the synchronous road does not wait."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"Reached concurrent requests limit of {limit}")
        self.limit = limit


class QueueFull(QueueError):
    """More requests wait than the caller accepts."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} requests wait")


class StoreFull(QueueError):
    """No finished request can be dropped to make room for a new one."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the store is full: {reason}")


class StoreUnavailable(QueueError):
    """The store cannot be reached, or cannot write; what it holds is not lost.

    `silent` says that it took longer to answer than it may: to ask again would only take as long.
    """

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        super().__init__(f"the store is not available: {reason}")
        self.silent = silent
