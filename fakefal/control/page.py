"""The page at ``/``: its files, and the session of a browser that cannot send the control token as a header.

The page itself holds no data: everything that it shows it asks of the control API, as any program may.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from fakefal.control.guard import check_host, check_place, check_token, session_cookie
from fakefal.version import VERSION
from fakefal.wire.answers import Json, refusal
from fakefal.wire.context import TheEmulator
from fakefal.wire.json_route import JsonRoute
from fakefal_contracts.hosts import HOSTS

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
        "media-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
INDEX = "index.html"


async def _place(request: Request) -> None:
    check_place(request, request.app.state.emulator.settings)


router = APIRouter(include_in_schema=False, route_class=JsonRoute)
_own = APIRouter(prefix="/_fakefal", dependencies=[Depends(_place)], route_class=JsonRoute)


@router.get("/")
async def front(request: Request, emulator: TheEmulator) -> Response:
    """The page for browsers; for others, what this server is."""
    if "text/html" in request.headers.get("accept", ""):
        check_host(request, emulator.settings)
        answer = _answer(INDEX)
        answer.headers["vary"] = "accept"
        return answer
    about = {
        "fakefal": VERSION,
        "fal_hosts": {host: f"/{part}" for host, part in HOSTS.items()},
        "document": "/openapi.json",
        "page": "open this address in a browser",
    }
    return Json(about, headers={"vary": "accept"})


@_own.get("/page/{name:path}")
async def page_file(name: str) -> Response:
    """A file of the page."""
    if name not in page_files():
        raise refusal(404, "fakefal: the page has no such file")
    return _answer(name)


class SessionBody(BaseModel):
    """The control token, typed once."""

    model_config = ConfigDict(extra="forbid", strict=True)

    token: Annotated[str, Field(max_length=1000)]


@_own.post("/session")
async def begin_session(body: SessionBody, request: Request, emulator: TheEmulator) -> Response:
    """Give a browser that knows the token a cookie that stands for it."""
    check_token(body.token, emulator.settings)
    answer = Json({"session": True})
    name, value = session_cookie(request, emulator.settings)
    secure = request.url.scheme == "https"
    answer.set_cookie(name, value, path="/_fakefal", httponly=True, samesite="strict", secure=secure)
    return answer


router.include_router(_own)


@cache
def page_files() -> dict[str, bytes]:
    """Every file that browsers load, by its path below the page's folder."""
    folder = files("fakefal") / "page"
    places = {"": folder, "vendor/": folder / "vendor"}
    found = {f"{prefix}{one.name}": one for prefix, place in places.items() for one in place.iterdir()}
    return {name: one.read_bytes() for name, one in found.items() if _ending(name) in _TYPES}


def _ending(name: str) -> str:
    return name.rpartition(".")[2]


def _answer(name: str) -> Response:
    return Response(page_files()[name], headers={**HEADERS, "content-type": _TYPES[_ending(name)]})
