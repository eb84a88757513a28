"""The life of a request as a table; a pair that is missing from the table is the error."""

from __future__ import annotations

from enum import StrEnum

from fakefal.core.errors import RefusedMove


class State(StrEnum):
    """The states that the status call shows. fal has no state for failure: a refused request is COMPLETED."""

    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"


class Move(StrEnum):
    """The events that move a request from state to state."""

    START = "start"
    ADVANCE = "advance"
    FINISH = "finish"
    CANCEL = "cancel"
    EXPIRE = "expire"


NEXT: dict[tuple[State, Move], State] = {
    (State.IN_QUEUE, Move.START): State.IN_PROGRESS,
    (State.IN_QUEUE, Move.ADVANCE): State.IN_QUEUE,
    (State.IN_QUEUE, Move.CANCEL): State.COMPLETED,
    (State.IN_QUEUE, Move.EXPIRE): State.COMPLETED,
    (State.IN_PROGRESS, Move.ADVANCE): State.IN_PROGRESS,
    (State.IN_PROGRESS, Move.FINISH): State.COMPLETED,
    (State.IN_PROGRESS, Move.CANCEL): State.COMPLETED,
    (State.IN_PROGRESS, Move.EXPIRE): State.COMPLETED,
}


def after(state: State, move: Move) -> State:
    """The state after a move.

    Raises:
        RefusedMove: the table has no such move; nothing was changed.
    """
    try:
        return NEXT[state, move]
    except KeyError:
        raise RefusedMove(state, move) from None
