"""What to change: one sentence for every kind of schema error."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

from fakefal_contracts.model import Model, Spot, choices

_LONGEST_ECHO = 60
_NEAR = 0.75

#: Names that other Kling endpoints have for the same thing.
_ELSEWHERE = {"image_url": "start_image_url", "tail_image_url": "end_image_url", "image": "start_image_url"}


def schema_hint(error: dict[str, Any], spot: Spot) -> str:
    """The hint for one pydantic error at one place of the model."""
    value = error["input"]
    match error["type"]:
        case "missing" if not error["loc"]:
            return "send a JSON object with the arguments at its top level"
        case "missing":
            return _missing(str(error["loc"][-1]), value, spot.owner)
        case "literal_error":
            return _one_of(value, choices(spot.kind) or ())
        case "string_too_long":
            limit = error["ctx"]["max_length"]
            return f"shorten it by {len(value) - limit:,} characters: it has {len(value):,} of {limit:,}"
        case _:
            return _wrong_type(error, spot)


def _wrong_type(error: dict[str, Any], spot: Spot) -> str:
    value = error["input"]
    if error["type"] == "list_type" and not isinstance(value, list | dict | None):
        return f"send a list: [{_echo(value)}]"
    if value is None and not spot.required and not spot.path.endswith("[]"):
        return "leave the key out instead of sending null"
    return f"{_echo(value)} has the wrong JSON type: {error['msg'][0].lower()}{error['msg'][1:]}"


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
    return [(str(key), value) for key, value in given.items() if key not in owner.model_fields]


def _wrapped(key: str, value: Any, owner: type[Model]) -> str:
    """What to say where the arguments lie one level too deep: ``{"input": {...}}`` is the clients' form."""
    if isinstance(value, dict) and any(name in owner.model_fields for name in value):
        return f'the arguments are wrapped in "{key}": send them at the top level'
    return ""


def _one_of(value: Any, allowed: tuple[str, ...]) -> str:
    if isinstance(value, int) and str(value) in allowed:
        return f'send it as a string: "{value}"'
    if isinstance(value, str) and value.strip().removesuffix("s") in allowed:
        return f'write it as "{value.strip().removesuffix("s")}"'
    return f"{_echo(value)} is not allowed; use one of {', '.join(json.dumps(one) for one in allowed)}"


def unknown_key_hint(key: str, model: type[Model], given: dict[str, Any]) -> str:
    """What an ignored key was probably meant to be."""
    if wrapped := _wrapped(key, given[key], model):
        return wrapped
    if meant := _meant(key, model, given):
        return f'did you mean "{meant}"?'
    return "remove it: this endpoint has no such argument"


def _meant(key: str, model: type[Model], given: dict[str, Any]) -> str | None:
    """The one field that is not given and that a wrong key stands for, if it is clear which."""
    free = [name for name in model.model_fields if name not in given]
    name = _snake(key[:_LONGEST_ECHO])
    if _ELSEWHERE.get(name) in model.model_fields:
        return _ELSEWHERE[name] if _ELSEWHERE[name] in free else None
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
