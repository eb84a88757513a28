"""Trying models out: the catalogue, a model's input schema, and what a body would be told before it is sent."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from fakefal.control.guard import guard
from fakefal.effects.known import KNOWN
from fakefal.engine.emulator import Emulator
from fakefal.engine.judge import UnknownPath
from fakefal.files.cdn import named_paths
from fakefal.wire.answers import Json, refusal
from fakefal.wire.context import TheBaseUrl, TheEmulator
from fakefal.wire.json_route import JsonRoute
from fakefal_contracts import Edition
from fakefal_contracts.catalogue import about
from fakefal_contracts.example import example_input
from fakefal_contracts.openapi import schema_names, schemas

router = APIRouter(prefix="/_fakefal", tags=["control"], dependencies=[Depends(guard)], route_class=JsonRoute)

ModelId = Annotated[str, Query(alias="id", max_length=500, description="a model's whole id")]


class ModelRow(BaseModel):
    """A model of the catalogue."""

    endpoint_id: str
    title: str
    category: str


class ModelList(BaseModel):
    """The first of the models that match, how many there are, and every category."""

    models: list[ModelRow]
    found: int
    categories: list[str]


class ModelForm(BaseModel):
    """What a form for a model is made from: `schemas` hold its input, named `input`, and what that refers to."""

    endpoint_id: str
    title: str
    category: str
    about: str
    checked_against: str
    price: str
    input: str
    schemas: dict[str, Any]
    example: dict[str, Any]


class CheckBody(BaseModel):
    """Arguments to judge."""

    model_config = ConfigDict(extra="forbid", strict=True)

    endpoint_id: Annotated[str, Field(max_length=500)]
    arguments: JsonValue


class EffectInfo(BaseModel):
    """An effect and the arguments that it takes."""

    name: str
    takes: list[str]


@router.get("/models", response_model=ModelList)
async def models(
    emulator: TheEmulator,
    q: Annotated[str, Query(max_length=200, description="words in id, name or category")] = "",
    category: Annotated[str | None, Query(min_length=1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Json:
    """Search the catalogue."""
    known = emulator.catalogue
    ids = await asyncio.to_thread(known.search, q, [category] if category else ())
    found = [known.headings[one] for one in ids[:limit]]
    rows = [ModelRow(endpoint_id=one.id, title=one.title, category=one.category or "") for one in found]
    categories = sorted({one.category for one in known.headings.values() if one.category})
    return Json(ModelList(models=rows, found=len(ids), categories=categories).model_dump())


@router.get("/models/form", response_model=ModelForm)
async def model_form(emulator: TheEmulator, endpoint_id: ModelId) -> Json:
    """The input schema of a model, its price, and an example that it accepts.  404 for a model that is unknown."""
    edition = _edition(emulator, endpoint_id)
    endpoint = edition.endpoint
    price = endpoint.price(edition.contract)
    shown = ModelForm(
        endpoint_id=endpoint.id,
        title=endpoint.title,
        category=endpoint.category or "",
        about=about(endpoint.id),
        checked_against=endpoint.checked_against,
        price=price.in_words if price else "",
        input=schema_names(endpoint)[0],
        schemas=schemas(edition),
        example=example_input(endpoint),
    )
    return Json(shown.model_dump())


@router.post("/check")
async def check_arguments(body: CheckBody, emulator: TheEmulator, base_url: TheBaseUrl) -> dict[str, Any]:
    """Judge and price arguments as a request with them would be, in the form of ``fakefal check --format json``."""
    edition = _edition(emulator, body.endpoint_id)
    gone = await emulator.access.gone(named_paths(body.arguments, base_url))
    report = await asyncio.to_thread(emulator.judge.report, edition, body.arguments, base_url, gone)
    return report.as_dict()


@router.get("/effects")
async def effects() -> list[EffectInfo]:
    """Every effect that a rule can choose."""
    return [EffectInfo(name=name, takes=sorted(takes)) for name, takes in sorted(KNOWN.items())]


def _edition(emulator: Emulator, endpoint_id: str) -> Edition:
    try:
        return emulator.judge.edition(endpoint_id)
    except UnknownPath as error:
        raise refusal(404, f"fakefal: it knows no model {endpoint_id!r}", hint=error.hint) from error
