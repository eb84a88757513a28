"""The bodies that test each rule: generated with a fixed seed, and those at the limits."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from fakefal_contracts import Rule, judge
from fakefal_contracts.endpoint import Edition
from fakefal_contracts.model import bare_type, choices
from fakefal_contracts.rulebooks import rulebook
from fakefal_contracts.strategies import Body, Boundary
from fakefal_contracts.strategies.arguments import boundaries_of, invalid_of, valid_of
from fakefal_contracts.strategies.bodies import Builder
from fakefal_contracts.strategies.broken import Breach, breaches
from fakefal_contracts.strategies.places import places

T = TypeVar("T")


def drawn(strategy: st.SearchStrategy[T], count: int, seed: str) -> list[T]:
    """This number of values of a strategy, the same for the same seed."""
    values: list[T] = []

    @hypothesis.seed(zlib.crc32(seed.encode()))
    @hypothesis.settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(strategy)
    def collect(value: T) -> None:
        values.append(value)

    collect()
    return values


@lru_cache(maxsize=64)
def _boundaries(edition: Edition) -> dict[str, list[Boundary]]:
    by_rule: dict[str, list[Boundary]] = {}
    for one in boundaries_of(edition):
        by_rule.setdefault(one.outside.rule, []).append(one)
    return by_rule


def _limits(edition: Edition, rule: Rule) -> list[Boundary]:
    return _boundaries(edition).get(rule.id, [])


@lru_cache(maxsize=64)
def refused(edition: Edition, rule: Rule, count: int, seed: int) -> tuple[Body, ...]:
    """Bodies that break one rule and no other: generated ones, then some from just outside its limits.

    For file sizes only the limits are tested, because every other body would upload megabytes.
    """
    outside = spread([one.outside for one in _limits(edition, rule)], count)
    if rule.kind == "max_bytes":
        return tuple(outside)
    strategy = invalid_of(edition, [rule.id])
    return (*drawn(strategy, count, f"{seed}/{rule.id}"), *outside)


@lru_cache(maxsize=64)
def accepted(edition: Edition, rule: Rule, count: int) -> tuple[Body, ...]:
    """Bodies that keep one rule at its limit: the last valid value, each choice, null where it is allowed."""
    return (*spread([one.inside for one in _limits(edition, rule)], count), *_legal(edition, rule, count))


def _legal(edition: Edition, rule: Rule, count: int) -> Iterator[Body]:
    place = next((one for one in places(edition.model) if one.spot.path == rule.field), None)
    if place is None or rule.kind not in ("one_of", "type") or not rule.field:
        return
    allowed = [value for form in place.forms for value in choices(bare_type(form)[0]) or ()]
    for value in (*spread(allowed, max(count, 2)), None):
        body = Breach(rule, place, inside=_to(value)).kept(edition, Builder())
        if judge(edition, body.arguments, body.opener).ok:
            yield body


def _to(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


@lru_cache(maxsize=64)
def kept(edition: Edition, count: int, seed: int) -> tuple[Body, ...]:
    """Bodies that keep all rules."""
    found = drawn(valid_of(edition), count, f"{seed}/{edition.endpoint.id}")
    return tuple(map(Body, found))


def spread(values: Sequence[T], count: int) -> list[T]:
    """At most this number of values, spread over the sequence, its ends included."""
    if len(values) <= count:
        return list(values)
    if count == 1:
        return [values[0]]
    return [values[round(place * (len(values) - 1) / (count - 1))] for place in range(count)]


def rules(edition: Edition) -> list[Rule]:
    """Every rule of an edition that a body can break, in the order of its fields."""
    broken = {breach.rule.id for breach in breaches(edition)}
    return [rule for rule in rulebook(edition) if rule.id in broken]
