"""What changed between two descriptions of one endpoint, and whom it hurts.  Pure: two in, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fakefal_contracts.published import ABSENT, INPUT, UNSAID, Place, Published, parent


class Level(StrEnum):
    """What a change means for a program that was written before it, worst first."""

    BREAKS = "breaks"
    """What worked may be refused, ignored, mean something else, or come back in a new form."""
    WIDENS = "widens"
    """What worked still works; more is possible, or more is promised."""
    COSMETIC = "cosmetic"
    """Words and order only."""

    def counts(self, least: Level) -> bool:
        """Whether this is as bad as another level, or worse."""
        order = list(Level)
        return order.index(self) <= order.index(least)


class Change(StrEnum):
    """What happened to the set of legal values, or to the place itself."""

    ADDED = "added"
    REMOVED = "removed"
    WIDENED = "widened"
    NARROWED = "narrowed"
    CHANGED = "changed"


@dataclass(frozen=True)
class DriftFinding:
    """One difference.  `before` and `after` are plain JSON; None where nothing is said.

    `place` is a path as in ``input.elements[].video_url``; `aspect` is ``field``, ``required``,
    ``nullable``, ``types``, ``choices``, ``default``, the name of a limit (``maxLength``,
    ``max_file_size``), or the name of mere words (``description``, ``order``).
    """

    level: Level
    place: str
    aspect: str
    change: Change
    before: Any
    after: Any

    def as_dict(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def compare(before: Published, after: Published) -> tuple[DriftFinding, ...]:
    """Every difference between two descriptions, in the order of their places.

    What one of them cannot say is no difference.  Of fields that came or went, only the outermost is
    reported.
    """
    old, new = before.places, after.places
    return tuple(
        finding
        for path in dict.fromkeys((*old, *new))
        if all(_can_hold(places, path) for places in (old, new))
        for finding in _place(path, old.get(path), new.get(path))
    )


def _can_hold(places: Mapping[str, Place], path: str) -> bool:
    """Whether a description has a list or an object where a place would lie."""
    holder = parent(path)
    container = "array" if path.endswith("[]") else "object"
    return holder is None or (holder in places and container in places[holder].types)


def _place(path: str, old: Place | None, new: Place | None) -> Iterator[DriftFinding]:
    sent = path.partition(".")[0] == INPUT
    if old is None or new is None:
        yield _came_or_went(path, old, new, sent=sent)
        return
    for aspect, change, before, after in (*_legal(old, new), *_limits(old.limits, new.limits)):
        yield DriftFinding(_level(change, sent=sent), path, aspect, change, before, after)
    if old.default != new.default and UNSAID not in (old.default, new.default) and not old.required | new.required:
        level = Level.BREAKS if sent else Level.COSMETIC
        yield DriftFinding(level, path, "default", Change.CHANGED, _plain(old.default), _plain(new.default))
    for aspect, before, after in _words(old, new):
        yield DriftFinding(Level.COSMETIC, path, aspect, Change.CHANGED, before, after)


def _came_or_went(path: str, old: Place | None, new: Place | None, *, sent: bool) -> DriftFinding:
    if new is None:
        return DriftFinding(Level.BREAKS, path, "field", Change.REMOVED, old and summary(old), None)
    level = Level.BREAKS if sent and new.required else Level.WIDENS
    return DriftFinding(level, path, "field", Change.ADDED, None, summary(new))


def _level(change: Change, *, sent: bool) -> Level:
    """A body may be sent as before when more is accepted; a result may be read as before when less can come."""
    harmless = Change.WIDENED if sent else Change.NARROWED
    return Level.WIDENS if change is harmless else Level.BREAKS


Aspect = tuple[str, Change, Any, Any]


def _legal(old: Place, new: Place) -> Iterator[Aspect]:
    """Presence, null, types and choices: sets of what is legal, compared as sets."""
    if old.required != new.required:
        yield "required", Change.WIDENED if old.required else Change.NARROWED, old.required, new.required
    if old.nullable != new.nullable and UNSAID not in (old.nullable, new.nullable):
        yield "nullable", Change.NARROWED if old.nullable else Change.WIDENED, old.nullable, new.nullable
    types = _alike(old, new)
    if change := _sets(types[0] or None, types[1] or None):
        yield "types", change, sorted(old.types), sorted(new.types)
    if change is Change.CHANGED:
        return
    choices = _distinct(old.choices), _distinct(new.choices)
    if change := _sets(*choices):
        yield "choices", change, _plain(old.choices), _plain(new.choices)


def _alike(old: Place, new: Place) -> tuple[frozenset[str], frozenset[str]]:
    """The types of two places; a number of unsaid kind is whatever the other says."""
    loose = "numeric" in old.types | new.types
    return _kinds(old, loose=loose), _kinds(new, loose=loose)


def _kinds(place: Place, *, loose: bool) -> frozenset[str]:
    numbers = place.types & {"integer", "number", "numeric"}
    return place.types - numbers | {"numeric"} if loose and numbers else place.types


def _distinct(choices: tuple[Any, ...] | None) -> frozenset[Any] | None:
    return None if choices is None else frozenset(map(_key, choices))


def _key(value: Any) -> tuple[str, str]:
    """What tells values apart as JSON does: 1, true and "1" are three."""
    return type(value).__name__, str(value)


def _sets(old: frozenset[Any] | None, new: frozenset[Any] | None) -> Change | None:
    """How a set changed, where None stands for everything."""
    if old == new:
        return None
    if new is None or (old is not None and old < new):
        return Change.WIDENED
    return Change.NARROWED if old is None or new < old else Change.CHANGED


def _limits(old: Any, new: Any) -> Iterator[Aspect]:
    if UNSAID in (old, new):
        return
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before != after:
            yield name, _bound(name, before, after), _plain(before), _plain(after)


def _bound(name: str, before: Any, after: Any) -> Change:
    if after is None:
        return Change.WIDENED
    if before is None:
        return Change.NARROWED
    upper = name.startswith(("max", "exclusiveMax", "timeout"))
    lower = name.startswith(("min", "exclusiveMin"))
    if not (upper or lower) or not isinstance(before, int | float) or not isinstance(after, int | float):
        return Change.CHANGED
    return Change.WIDENED if (after > before) is upper else Change.NARROWED


def _words(old: Place, new: Place) -> Iterator[tuple[str, Any, Any]]:
    for name in old.words:
        if name in new.words and name != "order" and old.words[name] != new.words[name]:
            yield name, _plain(old.words[name]), _plain(new.words[name])
    for name, before, after in (
        ("order", old.words.get("order", ()), new.words.get("order", ())),
        ("order of choices", old.choices or (), new.choices or ()),
    ):
        mine, theirs = list(map(_key, before)), list(map(_key, after))
        if [one for one in mine if one in theirs] != [one for one in theirs if one in mine]:
            yield name, list(before), list(after)


def summary(place: Place) -> str:
    """A place in a few words: ``string or null, optional``."""
    names = sorted(place.types - {"integer"} if "number" in place.types else place.types) or ["anything"]
    names += ["null"] if place.nullable is True else []
    return " or ".join(names) + (", required" if place.required else ", optional")


def _plain(value: Any) -> Any:
    """The value as JSON has it; what is absent is None."""
    if value is ABSENT or value is UNSAID:
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return list(value) if isinstance(value, tuple) else value
