"""What the value of a setting must be, by kind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from fakefal.core.plan import PROFILES
from fakefal_contracts import FOUNDING, Unit
from fakefal_contracts.endpoint import parse_contract
from fakefal_contracts.hosts import is_address

MEMORY = "memory"
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


def _whole(value: object, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        number = 0 if isinstance(value, bool) else read(value)
    except ValidationError:
        number = 0
    if number < 1:
        raise ValueError("give a whole number of at least 1")
    return number


def _dollars(value: object, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        amount = read(str(value).removeprefix("$"))
    except ValidationError:
        amount = Decimal(-1)
    if amount < 0:
        raise ValueError("give an amount of dollars, such as 20 or 4.50")
    return amount


def _profile(name: str) -> str:
    if name not in PROFILES:
        raise ValueError(f"use one of {', '.join(PROFILES)}")
    return name


def _contract(value: object) -> str:
    contract = str(value)  # TOML has dates
    first = min(endpoint.revisions[0].date for endpoint in FOUNDING.values())
    if parse_contract(contract) < first:
        raise ValueError(f"no schema was published by then; give {first} or later")
    return contract


def _url(address: str) -> str:
    if not is_address(address):
        raise ValueError("begin it with http:// or https://")
    return address


def _effect(text: str) -> str:
    from fakefal.effects.known import parse_rule

    parse_rule(text)
    return text


def own_result(given: object) -> object:
    """A user's own answer of a model, checked.

    Raises:
        ValueError: it is neither a file, nor an object, nor a function.
    """
    if isinstance(given, str | Path):
        given = Path(given)
        if not given.is_file():
            raise ValueError(f"there is no file {given}")
    elif not (isinstance(given, Mapping) or callable(given)):
        raise ValueError("give a file, an object, or a function of the arguments")  # noqa: TRY004 - pydantic reads it
    return given


def _store(store: str) -> str:
    if store != MEMORY and not store.startswith(REDIS_SCHEMES):
        raise ValueError("give memory or an address such as redis://127.0.0.1:6379/0")
    return store


def _pairs(keys: object) -> object:
    if not isinstance(keys, str):
        return keys
    pairs = [pair.partition(":") for pair in keys.split(",")]
    if not all(colon for _, colon, _ in pairs):
        raise ValueError("write id:secret,id2:secret2")
    return {key_id: secret for key_id, _, secret in pairs}


def _split_by(separator: str) -> BeforeValidator:
    """Split a list that the environment has as one text."""
    return BeforeValidator(lambda value: value.split(separator) if isinstance(value, str) else value)


Profile = Annotated[str, AfterValidator(_profile)]
Contract = Annotated[str, BeforeValidator(_contract)]
Url = Annotated[str, AfterValidator(_url)]
Store = Annotated[str, AfterValidator(_store)]
Dollars = Annotated[Decimal, WrapValidator(_dollars)]
Count = Annotated[int, WrapValidator(_whole)]
Stripped = Annotated[str, StringConstraints(strip_whitespace=True)]
Keys = Annotated[Mapping[Stripped, Stripped], BeforeValidator(_pairs)]
Paths = Annotated[tuple[Path, ...], _split_by(os.pathsep)]
Names = Annotated[frozenset[Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True)]], _split_by(",")]
OwnResult = Annotated[Any, BeforeValidator(own_result)]
"""A user's own answer of a model: a file, a whole result, or a function of the arguments that returns one of these."""
Effects = Annotated[tuple[Annotated[str, AfterValidator(_effect)], ...], _split_by(";")]


class OwnPrice(BaseModel, frozen=True, extra="forbid"):
    """A price that the user gives for a model: ``usd = "0.025", unit = "image"``."""

    usd: Dollars
    unit: Unit
