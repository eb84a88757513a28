"""What to change: one sentence for every kind of schema error."""

from __future__ import annotations

import difflib
import json
from typing import Any

from fakefal_contracts.model import Model, Spot, choices

_LONGEST_ECHO = 60


def schema_hint(error: dict[str, Any], spot: Spot, body: Any) -> str:
    """The hint for one pydantic error at one place of the model."""
    value = error["input"]
    match error["type"]:
        case "missing" if not error["loc"]:
            return "send a JSON object with the arguments at its top level"
        case "missing":
            return _missing(str(error["loc"][-1]), body)
        case "literal_error":
            return _one_of(value, choices(spot.kind) or ())
        case "string_too_long":
            limit = error["ctx"]["max_length"]
            return f"shorten it by {len(value) - limit:,} characters: it has {len(value):,} of {limit:,}"
        case _ if value is None:
            return "leave the key out instead of sending null"
        case _:
            return f"{_echo(value)} has the wrong JSON type: {error['msg'][0].lower()}{error['msg'][1:]}"


def _missing(name: str, body: Any) -> str:
    if isinstance(body, dict):
        wrapped = body.get("input")
        if isinstance(wrapped, dict) and name in wrapped:
            return f'the arguments are wrapped in "input": send them at the top level ("{name}" is inside it)'
        if near := difflib.get_close_matches(name, [str(key) for key in body], n=1):
            return f'add "{name}"; did you mean it where you wrote "{near[0]}"?'
    return f'add "{name}"'


def _one_of(value: Any, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) and str(value) in allowed:
        return f'send it as a string: "{value}"'
    if isinstance(value, str) and value.strip().removesuffix("s") in allowed:
        return f'write it as "{value.strip().removesuffix("s")}"'
    return f"{_echo(value)} is not allowed; use one of {', '.join(json.dumps(one) for one in allowed)}"


def unknown_key_hint(key: str, model: type[Model]) -> str:
    """What an ignored key was probably meant to be."""
    if near := difflib.get_close_matches(key, list(model.model_fields), n=1, cutoff=0.75):
        return f'did you mean "{near[0]}"?'
    return "remove it: this endpoint has no such argument"


def _echo(value: Any) -> str:
    """The value as JSON, cut short."""
    text = json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_ECHO else text[: _LONGEST_ECHO - 3] + "..."
