"""Reads the documents of models in every format that users have, as a `Record`.

The formats: a record of the models API (``{"endpoint_id": ..., "openapi": {...}}``), a page of it, a bare OpenAPI
document of fal's, the ``openapi.json`` of a ``fal.App`` (which does not name its id), and a line of a catalogue.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fakefal_contracts.catalogue import BUILT_IN, Catalogue
from fakefal_contracts.errors import UnreadableContract
from fakefal_contracts.evidence import UNDATED
from fakefal_contracts.price import Price
from fakefal_contracts.record import Record, Schema, Source

_METADATA = ("display_name", "date", "updated_at", "license_type", "kind", "tags", "group", "streams")
_REFERENCE = "#/components/schemas/"


def read_models(path: Path, endpoint_id: str | None = None) -> list[Record]:
    """The records in a file, or in all ``.json`` and ``.jsonl`` files of a folder.

    Args:
        path: the file or folder.
        endpoint_id: which model it is, where the document does not say (the ``openapi.json`` of a ``fal.App``).

    Raises:
        UnreadableContract: a file is none of the forms; the message names it.
        OSError: it cannot be read.
    """
    if path.is_dir():
        found = sorted(one for one in path.rglob("*.json*") if one.suffix in (".json", ".jsonl"))
        if not found:
            raise UnreadableContract(f"{path} holds no .json file")
        return [record for one in found for record in read_models(one, endpoint_id)]
    try:
        text = path.read_text("utf-8")
        values = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else [json.loads(text)]
    except ValueError as error:
        raise UnreadableContract(f"{path} is not JSON: {error}") from error
    return [record for value in values for record in records_of(value, str(path), endpoint_id)]


def load_catalogue(
    models: Catalogue | str | Path | Iterable[str | Path], prices: Mapping[str, Price] | None = None
) -> Catalogue:
    """The models of some documents before the built-in ones.

    Args:
        models: a file, a folder, several of them, or a catalogue that stays as it is.
        prices: prices by endpoint id, which replace what is known.

    Raises:
        UnreadableContract: a document cannot be read.
        OSError: a file cannot be read.
    """
    if isinstance(models, Catalogue):
        return models
    paths = [Path(models)] if isinstance(models, str | Path) else [Path(one) for one in models]
    if not paths and not prices:
        return BUILT_IN
    return Catalogue((record for path in paths for record in read_models(path)), prices)


def records_of(value: Any, file: str, endpoint_id: str | None = None) -> list[Record]:
    """The records of a decoded document of any form.

    Raises:
        UnreadableContract: it has none of the forms.
    """
    try:
        return list(_records(value, file, endpoint_id))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, UnreadableContract):
            raise
        raise UnreadableContract(f"{file} is not a document of a model that fakefal can read: {error!r}") from error


def _records(value: Any, file: str, endpoint_id: str | None) -> Iterator[Record]:
    if isinstance(value, list) or (isinstance(value, dict) and "models" in value):
        for one in value["models"] if isinstance(value, dict) else value:
            yield from _records(one, file, endpoint_id)
    elif not isinstance(value, dict):
        raise UnreadableContract(f"{file} holds no object")
    elif "schemas" in value and "id" in value:
        yield Record.from_json(value)
    elif isinstance(value.get("openapi"), dict):
        yield from _documents(value["openapi"], file, value.get("endpoint_id") or endpoint_id, value.get("metadata"))
    elif "paths" in value:
        yield from _documents(value, file, endpoint_id, None)
    else:
        raise UnreadableContract(f"{file} is neither an OpenAPI document nor a record or page of the models API")


def _documents(
    document: dict[str, Any], file: str, endpoint_id: str | None, metadata: Mapping[str, Any] | None
) -> Iterator[Record]:
    said = document.get("info", {}).get("x-fal-metadata", {})
    if "error" in document:
        raise UnreadableContract(f"{file}: fal had no document of {endpoint_id}: {document['error']}")
    if named := said.get("endpointId"):
        yield _published(document, file, named, {**said, **(metadata or {})})
    elif endpoint_id is None:
        raise UnreadableContract(f"{file} does not say which model it is: give its id (--id OWNER/APP)")
    elif f"/{endpoint_id}" in document["paths"]:
        yield _published(document, file, endpoint_id, dict(metadata or {}))
    else:
        yield from _app(document, file, endpoint_id)


def _published(document: dict[str, Any], file: str, endpoint_id: str, metadata: Mapping[str, Any]) -> Record:
    """The record of a document as fal publishes it: four calls of the queue."""
    paths = document["paths"]
    sent = _body(paths[f"/{endpoint_id}"]["post"]["requestBody"])
    made = _body(paths[f"/{endpoint_id}/requests/{{request_id}}"]["get"]["responses"]["200"])
    return _record(document, file, endpoint_id, sent, made, metadata)


def _app(document: dict[str, Any], file: str, endpoint_id: str) -> Iterator[Record]:
    """The records of an application's own document: one for each path that takes a body."""
    found = False
    for path, calls in document["paths"].items():
        call = calls.get("post", {})
        if "requestBody" in call:
            found = True
            sent, made = _body(call["requestBody"]), _body(call["responses"]["200"])
            yield _record(document, file, f"{endpoint_id}{path}".rstrip("/"), sent, made, {})
    if not found:
        raise UnreadableContract(f"{file} has no path that takes a JSON body by POST")


def _body(holder: dict[str, Any]) -> Schema:
    schema: Schema = holder["content"]["application/json"].get("schema", {})
    return schema


def _record(
    document: dict[str, Any], file: str, endpoint_id: str, sent: Schema, made: Schema, metadata: Mapping[str, Any]
) -> Record:
    every = document.get("components", {}).get("schemas", {})
    schemas: dict[str, Schema] = {}
    names = [_named(schema, fallback, schemas) for schema, fallback in ((sent, "Input"), (made, "Output"))]
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name not in schemas and name in every:
            schemas[name] = every[name]
        waiting += [one for one in _references(schemas.get(name)) if one not in schemas and one in every]
    day = metadata.get("updated_at")
    return Record(
        id=endpoint_id,
        category=metadata.get("category"),
        seen=dt.date.fromisoformat(day[:10]) if day else UNDATED,
        source=Source.OWN,
        input=names[0],
        output=names[1],
        schemas={name: _objects(schema) for name, schema in schemas.items()},
        metadata={name: metadata[name] for name in _METADATA if name in metadata},
        file=file,
    )


def _objects(schema: Any) -> Schema:
    """A schema without schemas that are just true or false: the one means what {} means, and nobody means the other."""
    if not isinstance(schema, dict):
        return {}
    read = dict(schema)
    if isinstance(fields := schema.get("properties"), dict):
        read["properties"] = {name: _objects(one) for name, one in fields.items()}
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if isinstance(branches := schema.get(key), list):
            read[key] = [_objects(one) for one in branches]
    if "items" in schema:
        read["items"] = _objects(schema["items"])
    if isinstance(more := schema.get("additionalProperties"), dict):
        read["additionalProperties"] = _objects(more)
    return read


def _named(schema: Schema, fallback: str, schemas: dict[str, Schema]) -> str:
    """The name of a body's schema; one without a name gets one."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_REFERENCE)
    schemas[fallback] = schema
    return fallback


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref" and isinstance(inner, str):
                yield inner.removeprefix(_REFERENCE)
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
