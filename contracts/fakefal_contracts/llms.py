"""``llms.txt`` of an endpoint: a description for language models, generated from the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any

from fakefal_contracts.catalogue import FOUNDING, about, examples
from fakefal_contracts.endpoint import Edition
from fakefal_contracts.example import example_input
from fakefal_contracts.openapi import openapi, page_url, schema_names
from fakefal_contracts.price import dollars
from fakefal_contracts.rulebooks import rulebook
from fakefal_contracts.schema_models import ordered

RUN = "https://fal.run"
SHOWN_WITH_THE_FIELD = ("required", "type", "one_of")
PARAGRAPH = "\n\n"
Json = dict[str, Any]


def llms_txt(edition: Edition, *, run: str = RUN, queue: str | None = None) -> str:
    """The text for one endpoint under one contract.

    Args:
        edition: the endpoint and the contract.
        run: the base URL of synchronous calls.
        queue: the base URL of the queue; default: fal's.
    """
    document = openapi(edition, **({"server": queue} if queue else {}))
    return "\n".join((*_head(edition, document, run), *_input(edition, document), *_rest(edition, document))) + "\n"


def _head(edition: Edition, document: Json, run: str) -> Iterator[str]:
    endpoint = edition.endpoint
    yield f"# {endpoint.title}"
    if text := about(endpoint.id):
        yield f"\n> {text}"
    yield "\n## Overview\n"
    yield f"- **Model ID**: `{endpoint.id}`"
    yield f"- **Endpoint**: `{run}/{endpoint.id}`"
    yield f"- **Queue**: `{document['servers'][0]['url']}/{endpoint.id}`"
    yield f"- **Category**: {endpoint.category}"
    yield f"- **Page**: {page_url(endpoint)}"
    yield f"- **Contract**: {edition.contract} ({edition.evidence.source}, {edition.evidence.day})"
    yield f"- **Checked against**: {endpoint.checked_against}"


def _input(edition: Edition, document: Json) -> Iterator[str]:
    schemas = document["components"]["schemas"]
    given, made = schema_names(edition.endpoint)
    yield "\n## Input\n"
    yield from _fields(schemas.get(given, {}))
    for name, schema in schemas.items():
        if name not in (given, made, "QueueStatus", "File"):
            yield f"\n### {name}\n"
            yield from _fields(schema)
    yield "\n## Limits\n"
    yield "Checks beyond names and types; `[]` stands for each item of a list.\n"
    limits = (rule for rule in rulebook(edition) if rule.kind not in SHOWN_WITH_THE_FIELD)
    for field, rules in groupby(limits, key=lambda rule: rule.field):
        yield f"- **`{field or 'body'}`**: {'; '.join(rule.says for rule in rules)}"


def _rest(edition: Edition, document: Json) -> Iterator[str]:
    endpoint = edition.endpoint
    schemas = document["components"]["schemas"]
    yield "\n## Output\n"
    yield from _fields(schemas.get(schema_names(endpoint)[1], {}))
    if "File" in schemas:
        yield "\n### File\n"
        yield from _fields(schemas["File"])
    yield "\n## Price\n"
    yield from _prices(edition)
    shown = {"smallest input": example_input(endpoint), "full input": example_input(endpoint, full=True)}
    if endpoint.id in FOUNDING:
        shown["output"] = examples(endpoint.id)["output"]
    for title, body in shown.items():
        yield f"\n## Example: {title}\n"
        yield f"```json\n{json.dumps(body, indent=2, ensure_ascii=False)}\n```"


def _fields(schema: Json) -> Iterator[str]:
    for name, one in ordered(schema):
        need = "required" if name in schema.get("required", ()) else "optional"
        null = " or null" if {"type": "null"} in one.get("anyOf", ()) else ""
        yield f"- **`{name}`** (`{_type(one)}`{null}, {need}){_words(one)}"
        if "enum" in one:
            yield f"  - Options: {', '.join(json.dumps(value) for value in one['enum'])}"
        if "default" in one:
            yield f"  - Default: {json.dumps(one['default'])}"


def _words(schema: Json) -> str:
    """The first paragraph of a field's description, if it has one."""
    return f": {schema['description'].partition(PARAGRAPH)[0]}" if "description" in schema else ""


def _type(schema: Json) -> str:
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list<{_type(schema.get('items', {}))}>"
    return str(schema.get("type", "any"))


def _prices(edition: Edition) -> Iterator[str]:
    """The price per second, tier by tier."""
    price = edition.endpoint.price(edition.contract)
    if price is None:
        yield "unknown"
        return
    for words, usd in price.tiers.items():
        yield f"- {dollars(usd)} for each {price.unit}{f' {words}' if words else ''}"
    if price.least_units:
        yield f"- at least {price.unit.in_words(Decimal(price.least_units))} are billed"
    if price.step:
        yield f"- billed in steps of {price.unit.in_words(Decimal(price.step))}"
    yield f"\nSince {price.since}, {price.evidence.grade}: {price.evidence.source}. "
    yield "A request that breaks the schema costs nothing; a later refusal may be charged if a runner worked on it."
