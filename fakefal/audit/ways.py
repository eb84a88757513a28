"""The points at which a program calls fal, and the ways in which each can fail."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus


class PointKind(StrEnum):
    """The kind of call at a point."""

    SUBMIT = "submit"
    RUN = "run"
    STATUS = "status"
    RESULT = "result"
    UPLOAD = "upload"
    WEBHOOK = "webhook"


@dataclass(frozen=True)
class Point:
    """A call on which the program depends: its kind, and its endpoint, application or host."""

    kind: PointKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Way:
    """How a point fails: by an effect, a status, or a dropped connection.

    It happens to the first call of the point, or to `every` call.  `{slow}` stands for seconds in its effect.
    """

    name: str
    what: str
    effect: str = ""
    status: HTTPStatus | None = None
    late: bool = False
    every: bool = False


_LOST = Way("lost answer", "the call was accepted, and the connection dies before its answer")
_BUSY = Way("429", "too many requests", status=HTTPStatus.TOO_MANY_REQUESTS)
_DOWN = Way("503", "the service is unavailable", status=HTTPStatus.SERVICE_UNAVAILABLE)
_SLOW = Way("slow", "the answer comes late", late=True)
_LOCKED = Way("locked", "the account has no money left, for every call", "locked_account", every=True)
_REFUSED = Way("refused", "the model refuses the request: 422", "content_policy_violation")
_FAILED = Way("failed", "the runner is lost: the job ends with 503 and is not paid", "runner_disconnected")


def _asking(busy: str) -> tuple[Way, ...]:
    """The ways of a call that creates a job; `busy` is the effect for 429."""
    return (
        Way("lost answer", "the job was accepted, and the connection dies before the answer", "accept_then_drop"),
        Way("lost call", "the connection dies before the job is accepted", "drop_before_accept"),
        Way("429", "too many requests", busy),
        Way("429 always", "too many requests, every time", busy, every=True),
        Way("502", "an ingress before fal fails", "ingress_502"),
        Way("503", "fal's gateway is unavailable", "gateway_503"),
        Way("503 always", "fal's gateway is unavailable, every time", "gateway_503", every=True),
        Way("slow", "the job was accepted, and the answer comes late", "slow_response(seconds={slow:g})"),
        _LOCKED,
    )


WAYS: dict[PointKind, tuple[Way, ...]] = {
    PointKind.SUBMIT: _asking("queue_full"),
    PointKind.RUN: (*_asking("concurrent_requests_limit"), _REFUSED, _FAILED),
    PointKind.STATUS: (_LOST, _BUSY, _DOWN, _SLOW, Way("stuck", "the job never ends", "stuck")),
    PointKind.RESULT: (
        *(_LOST, _BUSY, _DOWN, _SLOW, _REFUSED, _FAILED),
        Way("expired", "the result is gone: 404", "result_expired"),
    ),
    PointKind.UPLOAD: (_LOST, _BUSY, _DOWN, _SLOW, _LOCKED),
    PointKind.WEBHOOK: (
        Way("lost", "it never comes", "webhook_lost"),
        Way("duplicate", "it comes twice", "webhook_duplicate"),
        Way("bad signature", "a forged webhook comes first", "webhook_bad_signature"),
    ),
}
"""The ways of each kind of point."""


@dataclass(frozen=True)
class Fault:
    """One way at one point."""

    point: Point
    way: Way

    def __str__(self) -> str:
        return f"{self.point}: {self.way.name}"


def faults_of(points: Collection[Point], only: Collection[str] = ()) -> Iterator[Fault]:
    """All ways of all points; with `only`, those of the given kinds or ways."""
    for point in points:
        for way in WAYS[point.kind]:
            if not only or {point.kind.value, way.name, f"{point.kind}:{way.name}"} & set(only):
                yield Fault(point, way)


def names() -> list[str]:
    """The values that `only` accepts: kinds, ways, and both together."""
    return [*kind_names(), *way_names(), *(f"{kind}:{way.name}" for kind, some in WAYS.items() for way in some)]


def kind_names() -> list[str]:
    """The kinds of points."""
    return [kind.value for kind in WAYS]


def way_names() -> list[str]:
    """The ways of all kinds, each once."""
    return list(dict.fromkeys(way.name for some in WAYS.values() for way in some))
