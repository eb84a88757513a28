"""The Platform API's search in past requests: by text, by the URL of a file, or newest first.

Parameters and answers are those of its OpenAPI document of August 2026 (public repository tryAGI/Fal).  fal compares
meanings.  Here the similarity to a text is the share of its words that also occur in the request, not counting files
and URLs.  The similarity to a file is 1 if the request has it as input or output.
"""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any

from annotated_types import Interval
from fastapi import APIRouter, Query
from starlette.responses import Response

from fakefal.platform_api.forms import (
    PREFIX,
    Cursor,
    Ids,
    PlatformKey,
    PlatformRoute,
    few_ids,
    page,
    platform_refusal,
)
from fakefal.platform_api.request_list import payloads_of, request_item
from fakefal.state.jsonio import texts_in
from fakefal.state.requests import Snapshot
from fakefal.wire.answers import Json
from fakefal.wire.context import TheBaseUrl, TheEmulator
from fakefal_contracts.hosts import BaseUrl

router = APIRouter(prefix=f"{PREFIX}/models/requests", tags=["platform"], route_class=PlatformRoute)
Limit = Annotated[int, Query(ge=1, le=100, description="Requests in a page.")]
Similarity = Annotated[
    Annotated[float, Interval(ge=0, le=1)] | None, Query(description="Only results with at least this similarity.")
]
Wanted = Annotated[bool, Query(description="All requests count as API requests.")]
Text = Annotated[str | None, Query(description="A text to compare with; the words of the request count.")]
FileUrl = Annotated[str | None, Query(description="The URL of an input or output file of the request.")]
_WORD = re.compile(r"\w+")
_ADDRESS = re.compile(r"(?:https?:/|data:)\S+", re.IGNORECASE)


@router.get("/search")
async def search(
    emulator: TheEmulator,
    base_url: TheBaseUrl,
    key: PlatformKey,
    query: Text = None,
    image_url: FileUrl = None,
    video_url: FileUrl = None,
    endpoint_id: Ids = None,
    endpoint: Annotated[str | None, Query(description="Older name of endpoint_id.", deprecated=True)] = None,
    exclude_api_requests: Wanted = False,  # noqa: FBT002 - a parameter of the query
    only_api_requests: Wanted = False,  # noqa: FBT002 - a parameter of the query
    min_similarity: Similarity = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Search the key's requests.  With `query` or a URL the most similar come first, otherwise the newest.

    All requests count as API requests.
    """
    given = [one for one in (query, image_url, video_url) if one is not None]
    if len(given) > 1:
        raise platform_refusal(400, "query, image_url and video_url: give one of them")
    if exclude_api_requests and only_api_requests:
        raise platform_refusal(400, "exclude_api_requests and only_api_requests: give one of them")
    ids = few_ids(endpoint_id) or ([endpoint] if endpoint else [])
    looks = [] if exclude_api_requests else (await emulator.all(key))[::-1]
    looks = [look for look in looks if not ids or look.record.endpoint_id in ids]

    def most_similar() -> list[tuple[float, Snapshot]]:
        rated = [(_similarity(look, query, given[0], base_url), look) for look in looks]
        near = [one for one in rated if one[0] > 0 and one[0] >= (min_similarity or 0)]
        return sorted(near, key=lambda one: -one[0])

    found: list[tuple[float | None, Snapshot]] = [(None, look) for look in looks]
    if given:
        found = [*await asyncio.to_thread(most_similar)]
    shown, following = page(found, cursor, limit)
    results = [
        request_item(look, emulator.clock, base_url, payloads=False)
        | ({} if similarity is None else {"similarity": similarity})
        for similarity, look in shown
    ]
    return Json({"results": results, **following})


def _similarity(look: Snapshot, query: str | None, wanted: str, base_url: BaseUrl) -> float:
    """How similar a request is to a text or to the URL of a file: from 0 to 1."""
    if look.erased:
        return 0.0
    payloads = [*payloads_of(look, base_url)]
    if query is None:
        return float(wanted in texts_in(payloads))
    said = " ".join(_ADDRESS.sub(" ", text) for text in texts_in(_without_files(payloads)))
    words, own = set(_WORD.findall(query.lower())), set(_WORD.findall(said.lower()))
    return len(words & own) / len(words) if words else 0.0


def _without_files(value: Any) -> Any:
    """A JSON value without the members of objects that describe a file."""
    if isinstance(value, dict):
        return {} if "url" in value else {name: _without_files(one) for name, one in value.items()}
    return [_without_files(one) for one in value] if isinstance(value, list) else value
