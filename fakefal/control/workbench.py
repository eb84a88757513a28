"""Calls of the control API for models: search, input schema, and a check of arguments."""

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

ModelId = Annotated[str, Query(alias="id", max_length=500, description="The full endpoint id.")]


class ModelRow(BaseModel):
    """A model of the catalogue."""

    endpoint_id: str
    title: str
    category: str


class ModelList(BaseModel):
    """The first models that match, how many match (`found`), and all categories."""

    models: list[ModelRow]
    found: int
    categories: list[str]


class ModelForm(BaseModel):
    """The data of a form for a model.  `input` is the name of its input schema in `schemas`."""

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
    """A model and arguments to check."""

    model_config = ConfigDict(extra="forbid", strict=True)

    endpoint_id: Annotated[str, Field(max_length=500)]
    arguments: JsonValue


class EffectInfo(BaseModel):
    """An effect and the names of its arguments."""

    name: str
    takes: list[str]


@router.get("/models", response_model=ModelList)
async def models(
    emulator: TheEmulator,
    q: Annotated[
        str, Query(max_length=200, description="Words that the id, name or category contain; all must match.")
    ] = "",
    category: Annotated[str | None, Query(min_length=1, description="Only models of this category.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Return at most this many.")] = 50,
) -> Json:
    """Search the catalogue of models."""
    known = emulator.catalogue
    ids = await asyncio.to_thread(known.search, q, [category] if category else ())
    found = [known.headings[one] for one in ids[:limit]]
    rows = [ModelRow(endpoint_id=one.id, title=one.title, category=one.category or "") for one in found]
    categories = sorted({one.category for one in known.headings.values() if one.category})
    return Json(ModelList(models=rows, found=len(ids), categories=categories).model_dump())


@router.get("/models/form", response_model=ModelForm)
async def model_form(emulator: TheEmulator, endpoint_id: ModelId) -> Json:
    """Read the input schema of a model, its price, and an example that it accepts.  404 for an unknown model."""
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
    """Check and price arguments as for a request, in the format of ``fakefal check --format json``."""
    edition = _edition(emulator, body.endpoint_id)
    gone = await emulator.access.gone(named_paths(body.arguments, base_url))
    report = await asyncio.to_thread(emulator.judge.report, edition, body.arguments, base_url, gone)
    return report.as_dict()


@router.get("/effects")
async def effects() -> list[EffectInfo]:
    """List all effects and the names of their arguments."""
    return [EffectInfo(name=name, takes=sorted(takes)) for name, takes in sorted(KNOWN.items())]


def _edition(emulator: Emulator, endpoint_id: str) -> Edition:
    try:
        return emulator.judge.edition(endpoint_id)
    except UnknownPath as error:
        raise refusal(404, f"fakefal: it knows no model {endpoint_id!r}", hint=error.hint) from error
