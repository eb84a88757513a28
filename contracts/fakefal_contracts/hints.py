"""What to change: one sentence for every kind of schema error."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable
from typing import Any

from fakefal_contracts.model import Model, Spot, bare_type, branches, choices, field_names

_LONGEST_ECHO = 60
_NEAR = 0.75

#: Names that models, above all those of the Kling family, have for the same thing.
START_FRAMES = ("start_image_url", "image_url", "first_image_url", "first_frame_url", "image")
END_FRAMES = ("end_image_url", "tail_image_url", "last_image_url", "last_frame_url", "end_image")
_SAME = (
    START_FRAMES,
    END_FRAMES,
    ("image_urls", "input_image_urls", "reference_image_urls", "images"),
    ("video_url", "input_video_url", "reference_video_url", "video"),
    ("audio_url", "input_audio_url", "voice_url", "audio"),
    ("generate_audio", "enable_audio", "with_audio", "sound"),
    ("keep_audio", "keep_original_sound"),
    ("voice_ids", "voice_id"),
    ("multi_prompt", "shots"),
)


REMOVE = "remove it: this model has no such argument"
"""What to do with a key that is like none of the model's."""


def schema_hint(error: dict[str, Any], spot: Spot) -> str:
    """The hint for one pydantic error at one place of the model."""
    if error["type"] == "missing":
        return _missing_at(error, spot)
    if (by_type := _HINTS.get(error["type"])) is not None:
        return by_type(error["input"], error.get("ctx", {}), spot)
    return _wrong_type(error, spot)


def _missing_at(error: dict[str, Any], spot: Spot) -> str:
    if not error["loc"]:
        return "send a JSON object with the arguments at its top level"
    return _missing(str(error["loc"][-1]), error["input"], spot.owner)


def _too_long(value: Any, ctx: dict[str, Any], _: Spot) -> str:
    limit = ctx["max_length"]
    return f"shorten it by {len(value) - limit:,} characters: it has {len(value):,} of {limit:,}"


def _too_short(value: Any, ctx: dict[str, Any], _: Spot) -> str:
    return f"write at least {ctx['min_length']:,} characters: it has {len(value):,}"


def _out_of_range(value: Any, _: dict[str, Any], spot: Spot) -> str:
    return f"{_echo(value)} does not fit: give {_range(spot)}"


def _no_address(value: Any, _: dict[str, Any], __: Spot) -> str:
    return f"{_echo(value)} is not a URL that fal accepts: give one that starts with https://"


def _no_choice(value: Any, _: dict[str, Any], spot: Spot) -> str:
    return _one_of(value, choices(spot.kind) or _all_choices(spot))


#: What to change, by pydantic's types of errors; for all others the JSON type is wrong.
_HINTS: dict[str, Callable[[Any, dict[str, Any], Spot], str]] = {
    **dict.fromkeys(("literal_error", "enum"), _no_choice),
    "string_too_long": _too_long,
    "string_too_short": _too_short,
    "string_pattern_mismatch": lambda value, ctx, _: f"{_echo(value)} does not match {ctx['pattern']}",
    **dict.fromkeys(
        ("greater_than_equal", "greater_than", "less_than_equal", "less_than", "multiple_of"), _out_of_range
    ),
    "too_short": lambda _, ctx, __: f"give at least {ctx['min_length']:,} items: it has {ctx['actual_length']:,}",
    "too_long": lambda _, ctx, __: f"keep at most {ctx['max_length']:,} items",
    "extra_forbidden": lambda value, _, spot: unknown_key_hint(spot.key, spot.owner, {spot.key: value}),
    **dict.fromkeys(("url_type", "url_parsing", "url_syntax_violation", "url_scheme", "url_too_long"), _no_address),
}


def _all_choices(spot: Spot) -> tuple[Any, ...]:
    """Every choice in any branch of a union."""
    return tuple(value for branch in branches(spot.kind) for value in choices(bare_type(branch)[0]) or ())


def _range(spot: Spot) -> str:
    """The legal numbers in words: ``a number between 0 and 20``, ``a multiple of 8``."""
    given = [*spot.metadata, *(extra for branch in branches(spot.kind) for extra in bare_type(branch)[1])]
    limits = {name: getattr(one, name) for one in given for name in _LIMITS if getattr(one, name, None) is not None}
    step = f"a multiple of {limits['multiple_of']}" if "multiple_of" in limits else ""
    if "ge" in limits and "le" in limits:
        return f"{step or 'a number'} between {limits['ge']} and {limits['le']}"
    words = [f"{word} {limits[name]}" for name, word in _LIMITS.items() if name in limits and word]
    return " ".join((step or "a number", " and ".join(words))).rstrip()


#: Bounds of numbers by pydantic's names, and the words for them.
_LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "multiple_of": ""}


def _wrong_type(error: dict[str, Any], spot: Spot) -> str:
    value = error["input"]
    if error["type"] in ("list_type", "set_type") and not isinstance(value, list | dict | None):
        return f"send a list: [{_echo(value)}]"
    if value is None and not spot.required and not spot.path.endswith("[]"):
        return "leave the key out instead of sending null"
    kind = next((words for start, words in _TYPES.items() if error["type"].startswith(start)), "")
    wanted = f"give {kind}" if kind else f"{error['msg'][0].lower()}{error['msg'][1:]}"
    return f"{_echo(value)} has the wrong JSON type: {wanted}"


#: JSON types in words, by the start of the names of pydantic's errors.
_TYPES = {
    "string_": "a string",
    "int_": "a whole number",
    "float_": "a number",
    "bool_": "true or false",
    "list_": "a list",
    **dict.fromkeys(("dict_", "model_", "dataclass_"), "an object"),
}


def _missing(name: str, given: Any, owner: type[Model]) -> str:
    """What to add to an object, which may hold it under a wrong name."""
    if not isinstance(given, dict):
        return f'add "{name}"'
    for key, value in _strangers(owner, given):
        if wrapped := _wrapped(key, value, owner):
            return f'{wrapped} ("{name}" is inside it)' if name in value else wrapped
        if _meant(key, owner, given) == name:
            return f'add "{name}"; did you mean it where you wrote "{key}"?'
    return f'add "{name}"'


def requirement_hint(hint: str, given: Any, owner: Any) -> str:
    """The hint of a rule about a whole object, and what stands in that object under a wrong name."""
    if not (isinstance(given, dict) and isinstance(owner, type) and issubclass(owner, Model)):
        return hint
    for key, value in _strangers(owner, given):
        if wrapped := _wrapped(key, value, owner):
            return wrapped
        if meant := _meant(key, owner, given):
            hint += f'; did you mean "{meant}" where you wrote "{key}"?'
    return hint


def _strangers(owner: type[Model], given: dict[Any, Any]) -> list[tuple[str, Any]]:
    """What is given and is no field."""
    return [(str(key), value) for key, value in given.items() if key not in field_names(owner)]


def _wrapped(key: str, value: Any, owner: type[Model]) -> str:
    """What to say where the arguments lie one level too deep: ``{"input": {...}}`` is the clients' form."""
    if isinstance(value, dict) and any(name in field_names(owner) for name in value):
        return f'the arguments are wrapped in "{key}": send them at the top level'
    return ""


def _one_of(value: Any, allowed: tuple[Any, ...]) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and f"{value:g}" in allowed:
        return f'send it as a string: "{value:g}"'
    if isinstance(value, str) and any(type(one) is int and str(one) == value.strip() for one in allowed):
        return f"send it as a number: {value.strip()}"
    if isinstance(value, str) and value.strip().removesuffix("s") in allowed:
        return f'write it as "{value.strip().removesuffix("s")}"'
    return f"{_echo(value)} is not allowed; use one of {', '.join(json.dumps(one) for one in allowed)}"


def unknown_key_hint(key: str, model: type[Model], given: dict[str, Any]) -> str:
    """What an ignored key was probably meant to be."""
    if wrapped := _wrapped(key, given[key], model):
        return wrapped
    if meant := _meant(key, model, given):
        return f'did you mean "{meant}"?'
    return REMOVE


def _meant(key: str, model: type[Model], given: dict[str, Any]) -> str | None:
    """The one field that is not given and that a wrong key stands for, if it is clear which."""
    free = [name for name in field_names(model) if name not in given]
    name = _snake(key[:_LONGEST_ECHO])
    same = next((group for group in _SAME if name in group), ())
    if here := next((one for one in same if one in field_names(model)), None):
        return here if here in free else None
    near = difflib.get_close_matches(name, free, n=1, cutoff=_NEAR)
    return near[0] if near else None


def _snake(name: str) -> str:
    """``startImageUrl``, ``start-image-url`` and ``START_IMAGE_URL`` as the wire writes them."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


def _echo(value: Any) -> str:
    """The value as JSON, cut short; of lists and objects only that they are one."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = json.dumps(value[:_LONGEST_ECHO] if isinstance(value, str) else value, default=str)
    return text if len(text) <= _LONGEST_ECHO else text[: _LONGEST_ECHO - 3] + "..."
