"""Which bodies are asked for each rule: drawn with a fixed seed, and those at the limits."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from fakefal_contracts import Rule, judge
from fakefal_contracts.endpoint import Edition
from fakefal_contracts.model import choices, spots
from fakefal_contracts.rulebook import rulebook
from fakefal_contracts.strategies import Body, Boundary, boundaries, invalid, valid
from fakefal_contracts.strategies.bodies import Builder
from fakefal_contracts.strategies.broken import Breach

T = TypeVar("T")


def drawn(strategy: st.SearchStrategy[T], count: int, seed: str) -> list[T]:
    """So many values of a strategy, the same ones for the same seed."""
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


@cache
def _boundaries(endpoint_id: str, contract: str) -> dict[str, list[Boundary]]:
    by_rule: dict[str, list[Boundary]] = {}
    for one in boundaries(endpoint_id, contract=contract):
        by_rule.setdefault(one.outside.rule, []).append(one)
    return by_rule


def _limits(edition: Edition, rule: Rule) -> list[Boundary]:
    return _boundaries(edition.endpoint.id, edition.contract).get(rule.id, [])


@lru_cache(maxsize=64)
def refused(edition: Edition, rule: Rule, count: int, seed: int) -> tuple[Body, ...]:
    """Bodies that break one rule and no other: drawn ones, then some from just outside of its limits.

    Of sizes only the limits are asked: every other one would be an upload of megabytes.
    """
    outside = spread([one.outside for one in _limits(edition, rule)], count)
    if rule.kind == "max_bytes":
        return tuple(outside)
    strategy = invalid(edition.endpoint.id, contract=edition.contract, rules=[rule.id])
    return (*drawn(strategy, count, f"{seed}/{rule.id}"), *outside)


@lru_cache(maxsize=64)
def accepted(edition: Edition, rule: Rule, count: int) -> tuple[Body, ...]:
    """Bodies that keep one rule at its limit: the last that it lets pass, each choice, null where it may stand."""
    return (*spread([one.inside for one in _limits(edition, rule)], count), *_legal(edition, rule, count))


def _legal(edition: Edition, rule: Rule, count: int) -> Iterator[Body]:
    spot = next((one for one in spots(edition.model) if one.path == rule.field), None)
    if spot is None or rule.kind not in ("one_of", "type") or not rule.field:
        return
    for value in (*spread(choices(spot.kind) or (), max(count, 2)), None):
        body = Breach(rule, rule.field, inside=_to(value)).kept(edition, Builder())
        if judge(edition, body.arguments, body.opener).ok:
            yield body


def _to(value: Any) -> Callable[[Any], Any]:
    return lambda _: value


@lru_cache(maxsize=64)
def kept(edition: Edition, count: int, seed: int) -> tuple[Body, ...]:
    """Bodies that keep all rules."""
    found = drawn(valid(edition.endpoint.id, contract=edition.contract), count, f"{seed}/{edition.endpoint.id}")
    return tuple(map(Body, found))


def spread(values: Sequence[T], count: int) -> list[T]:
    """At most so many values, from all over the sequence, its ends among them."""
    if len(values) <= count:
        return list(values)
    if count == 1:
        return [values[0]]
    return [values[round(place * (len(values) - 1) / (count - 1))] for place in range(count)]


def rules(edition: Edition) -> list[Rule]:
    """Every rule of an edition, in the order of its fields."""
    return list(rulebook(edition))
