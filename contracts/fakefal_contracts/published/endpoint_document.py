"""fal's OpenAPI document of an endpoint, bare or inside the record of its models API."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from fakefal_contracts.errors import UnreadableContract
from fakefal_contracts.evidence import UNDATED
from fakefal_contracts.published import INPUT, OUTPUT, UNSAID, Place, Published, SourceKind
from fakefal_contracts.published.schema import places
from fakefal_contracts.record import Record, Source

_RESULT = "/requests/{request_id}"


def read_openapi(document: Any, source: str) -> Published:
    """What an OpenAPI document says of its endpoint.

    Until early 2026 fal's documents left out which fields take null: in a document where nothing does,
    it counts as unsaid.

    Raises:
        UnreadableContract: the value is no such document.
    """
    try:
        inner = document["openapi"] if isinstance(document["openapi"], dict) else document
        endpoint_id = document.get("endpoint_id") or inner["info"]["x-fal-metadata"]["endpointId"]
        found = {
            **places(INPUT, _sent(inner, endpoint_id), _Definitions(inner)),
            **places(OUTPUT, _returned(inner, endpoint_id), _Definitions(inner)),
        }
        day = document.get("metadata", {}).get("updated_at")
        day = day and dt.date.fromisoformat(day[:10])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, UnreadableContract):
            raise
        raise UnreadableContract(f"{source} is not an OpenAPI document of fal: {error!r}") from error
    return Published(SourceKind.OPENAPI, source, endpoint_id, day, _normalized(found))


def read_record(record: Record) -> Published:
    """What a record of the catalogue says of its endpoint."""

    def resolve(ref: str) -> Any:
        return record.schemas.get(ref.rsplit("/", 1)[-1], {})

    found = {
        **places(INPUT, record.schemas.get(record.input, {}), resolve),
        **places(OUTPUT, record.schemas.get(record.output, {}), resolve),
    }
    kind = SourceKind.TYPESCRIPT if record.source is Source.TYPES else SourceKind.OPENAPI
    day = None if record.seen == UNDATED else record.seen
    return Published(kind, record.evidence.source, record.id, day, _normalized(found))


class _Definitions:
    """The schemas that a document names."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def __call__(self, ref: str) -> Any:
        found: Any = self._document
        for part in ref.removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found


def _sent(document: dict[str, Any], endpoint_id: str) -> Any:
    operation = document["paths"][f"/{endpoint_id}"]["post"]
    return operation["requestBody"]["content"]["application/json"]["schema"]


def _returned(document: dict[str, Any], endpoint_id: str) -> Any:
    operation = document["paths"][f"/{endpoint_id}{_RESULT}"]["get"]
    return operation["responses"]["200"]["content"]["application/json"]["schema"]


def _normalized(found: dict[str, Place]) -> dict[str, Place]:
    """What a document says by saying nothing."""
    says_null = any(place.nullable for place in found.values())
    return {
        path: replace(
            place, nullable=place.nullable if says_null else UNSAID, words={"deprecated": False, **place.words}
        )
        for path, place in found.items()
    }
