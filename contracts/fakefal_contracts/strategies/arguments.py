"""What is drawn of requests: valid arguments, bodies with one broken rule, both sides of limits, and anything."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from hypothesis import strategies as st

from fakefal_contracts.catalogue import BUILT_IN, Catalogue
from fakefal_contracts.endpoint import LATEST, Edition
from fakefal_contracts.media import Limits
from fakefal_contracts.model import field_names, spots
from fakefal_contracts.rulebooks import rulebook
from fakefal_contracts.strategies.bodies import Builder
from fakefal_contracts.strategies.broken import Boundary, Breach, Broken, breaches
from fakefal_contracts.strategies.edges import edges
from fakefal_contracts.strategies.medium import Medium
from fakefal_contracts.strategies.places import places

Sample = tuple[Medium, str | None]
"""A medium, and the id of the one rule that it breaks or None."""


def valid(
    endpoint_id: str, *, contract: str = LATEST, catalogue: Catalogue = BUILT_IN
) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments that `fakefal_contracts.check` accepts.

    Media are addresses below ``media.example``, which does not exist, and small ``data:`` URIs.

    Raises:
        UnknownEndpoint, UnknownContract: as `fakefal_contracts.check`.
    """
    return valid_of(catalogue.find(endpoint_id).edition(contract))


@st.composite
def valid_of(draw: st.DrawFn, edition: Edition) -> dict[str, Any]:
    """Arguments that an edition accepts."""
    return Builder(draw).object(edition.model)


def invalid(
    endpoint_id: str,
    *,
    contract: str = LATEST,
    rules: Collection[str] | None = None,
    catalogue: Catalogue = BUILT_IN,
) -> st.SearchStrategy[Broken]:
    """Bodies that break one rule, with the rule and the place of the error.

    Args:
        endpoint_id: the full id.
        contract: ``documented``, ``latest`` or an ISO day.
        rules: the ids of the rules to choose from; by default all that can be broken: nothing is wrong for a
            value that may be anything, or that another form of its union takes.
        catalogue: the known models; by default the built-in ones.

    Raises:
        UnknownEndpoint, UnknownContract: as `fakefal_contracts.check`.
        ValueError: one of `rules` is no rule of the edition, or nothing breaks it.
    """
    return invalid_of(catalogue.find(endpoint_id).edition(contract), rules)


def invalid_of(edition: Edition, rules: Collection[str] | None = None) -> st.SearchStrategy[Broken]:
    """Bodies with one broken rule of an edition.

    Raises:
        ValueError: as `invalid`.
    """
    if unknown := set(rules or ()) - {rule.id for rule in rulebook(edition)}:
        names = ", ".join(sorted(unknown))
        raise ValueError(f"{edition.endpoint.id} has no rule {names} in contract {edition.contract}")
    ways = _by_rule(edition)
    if unbroken := sorted(set(rules or ()) - set(ways)):
        raise ValueError(f"nothing breaks {', '.join(unbroken)}: any value is accepted there, or another form takes it")
    return _invalid(edition, tuple(name for name in ways if rules is None or name in rules))


@st.composite
def _invalid(draw: st.DrawFn, edition: Edition, rules: tuple[str, ...]) -> Broken:
    ways = _by_rule(edition)[draw(st.sampled_from(rules))]
    return draw(st.sampled_from(ways)).broken(edition, Builder(draw))


@cache
def _by_rule(edition: Edition) -> dict[str, tuple[Breach, ...]]:
    """The ways to break each rule that can be broken, in the order of the rulebook."""
    every: dict[str, list[Breach]] = {rule.id: [] for rule in rulebook(edition)}
    for one in breaches(edition):
        every[one.rule.id].append(one)
    return {rule: tuple(ways) for rule, ways in every.items() if ways}


def boundaries(endpoint_id: str, *, contract: str = LATEST, catalogue: Catalogue = BUILT_IN) -> tuple[Boundary, ...]:
    """Both sides of every limit: lengths, numbers of items, and all that is measured in media.

    Raises:
        UnknownEndpoint, UnknownContract: as `fakefal_contracts.check`.
    """
    return boundaries_of(catalogue.find(endpoint_id).edition(contract))


def boundaries_of(edition: Edition) -> tuple[Boundary, ...]:
    """Both sides of every limit of an edition."""
    plain = Builder()
    limits = [one for one in breaches(edition) if one.inside is not None]
    return tuple(Boundary(one.kept(edition, plain), one.broken(edition, plain)) for one in limits)


def media(
    endpoint_id: str, field: str, *, contract: str = LATEST, catalogue: Catalogue = BUILT_IN
) -> st.SearchStrategy[Sample]:
    """Real pictures and clips at the edges of a field's limits: just inside, or just outside of one.

    Args:
        endpoint_id: the full id.
        field: the field as rules name it, such as ``start_image_url`` or ``elements[].video_url``.
        contract: ``documented``, ``latest`` or an ISO day.
        catalogue: as above.

    Raises:
        UnknownEndpoint, UnknownContract: as `fakefal_contracts.check`.
        ValueError: the field holds no media.
    """
    edition = catalogue.find(endpoint_id).edition(contract)
    found = (one for place in places(edition.model) if place.spot.path == field for one in place.spot.metadata)
    limits = next((one for one in found if isinstance(one, Limits)), None)
    if limits is None:
        raise ValueError(f"{field!r} is not a media field of {endpoint_id}")
    samples: list[Sample] = []
    for edge in edges(limits):
        samples.append((edge.inside, None))
        if isinstance(edge.outside, Medium):
            samples.append((edge.outside, rulebook(edition).get(field, edge.kind).id))
    return st.sampled_from(list(dict.fromkeys(samples)))


def anything(endpoint_id: str, *, contract: str = LATEST, catalogue: Catalogue = BUILT_IN) -> st.SearchStrategy[Any]:
    """Any JSON value, mostly a valid body with a few fields replaced, removed or added.

    Raises:
        UnknownEndpoint, UnknownContract: as `fakefal_contracts.check`.
    """
    return _anything(catalogue.find(endpoint_id).edition(contract))


@st.composite
def _anything(draw: st.DrawFn, edition: Edition) -> Any:
    values, fields = _json(edition), st.sampled_from((*field_names(edition.model), "unknown", "input"))
    if draw(st.sampled_from((True, False, False))):
        return draw(values)
    body = Builder(draw).object(edition.model)
    for name in draw(st.lists(fields, max_size=3)):
        body[name] = draw(values)
    for name in draw(st.lists(fields, max_size=2)):
        body.pop(name, None)
    return body


#: What is nearly right: choices, booleans in words, data URIs without pictures, a lone surrogate.
_ODD_TEXTS = ("", "5", "16:9", "true", "customize", "data:,x", "data:image/png;base64,AAAA", "\ud800", "\0", "x" * 513)
_SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(_ODD_TEXTS)
)


@cache
def _json(edition: Edition) -> st.SearchStrategy[Any]:
    """JSON values whose objects have the names of the model's fields."""
    names = [
        "unknown",
        *(spot.path.rpartition(".")[2].removesuffix("[]") for spot in spots(edition.model) if spot.path),
    ]

    def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(names), inner, max_size=4)

    return st.recursive(_SCALARS, nested, max_leaves=10)
