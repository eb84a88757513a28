"""Writes the journal while calls pass, and adds hints to answers for addresses that do not exist."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus

from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fakefal.engine.emulator import Emulator
from fakefal.state import jsonio
from fakefal.state.journal import JournalEntry, without_secrets
from fakefal.state.tokens import BadToken
from fakefal.verdict.sendings import Passage
from fakefal.wire.answers import HINT, REQUEST_ID, header_text
from fakefal.wire.auth import LONGEST_REMEMBERED, TOKEN
from fakefal.wire.faults import GONE
from fakefal.wire.nearmiss import REQUESTS, KnownAddress, NearMisses
from fakefal_contracts.hosts import Part

LONGEST_AGENT = 100
LONGEST_ERROR = 64 * 1024
"""Larger error bodies are not looked into for their type."""

OF_A_REQUEST = f"/{REQUESTS}/"
OK, REFUSED = int(HTTPStatus.OK), int(HTTPStatus.BAD_REQUEST)
NOWHERE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})
TROUBLED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""What may come with a Retry-After."""

PROXY, TARGET = "/proxy", b"x-fal-target-url"
"""The path of the proxy, and the header with which a client calls one."""

Headers = Mapping[bytes, bytes]
"""The headers of a call by their names in lower case."""

_HINT, _ID, _TYPE = HINT.encode(), REQUEST_ID.encode(), b"x-fal-error-type"


class JournalRecorder:
    """Passes calls on and writes down what becomes of them.

    Args:
        emulator: whose journal and clock are used.
        near: finds the place that an address almost names.
    """

    def __init__(self, emulator: Emulator, near: NearMisses) -> None:
        self._emulator = emulator
        self._clock, self._ticks = emulator.clock, emulator.ticks
        self._journal, self._witness = emulator.journal, emulator.witness
        self._near = near

    async def record(
        self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, part: str, headers: Headers
    ) -> None:
        """Have `app` answer a call; `part` is what the router found, or empty for a host of fal's that is unknown."""
        key, secret = _known_caller(headers.get(b"authorization", b""))
        if not (key or secret) and TOKEN.encode() in scope["query_string"]:
            key = self._user(scope)
        entry = JournalEntry(
            at=self._clock.now(key),
            wall=time.time(),
            key=key,
            method=scope["method"][:20],
            host=headers.get(b"host", b"").decode("latin-1")[:255],
            part=part,
            path=without_secrets(scope["path"], secret),
            agent=without_secrets(headers.get(b"user-agent", b"")[:LONGEST_AGENT].decode("latin-1"), secret),
        )
        scope["state"]["call"] = entry
        self._journal.add(entry)
        ticks, witness = self._ticks, self._witness
        gone: Callable[[], bool] | None = scope.get("extensions", {}).get(GONE)
        by_page = scope["state"]["by_page"] = headers.get(b"sec-fetch-site") == b"same-origin"
        passage = Passage(ticks(), by_page=by_page)

        def noted(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                self._begun(entry, scope, message, secret)
                if message["status"] in TROUBLED:
                    passage.retry_after = _retry_after(message["headers"])
            else:
                if not message.get("more_body") and (gone is None or not gone()):
                    passage.whole, passage.ended = True, ticks()
                    # before the caller can do anything with it
                    witness.saw(entry, scope["state"].get("sending"), passage)
                if entry.status is not None and entry.status >= REFUSED and not entry.error_type:
                    entry.error_type = _error_type(message.get("body", b""))
            return send(message)

        try:
            await app(scope, receive, noted)
        finally:
            ended = ticks()
            entry.milliseconds = (ended - passage.began) * 1000
            status = entry.status or 0
            self._emulator.tally.called(entry.part, status)
            if (entry.effect or status >= REFUSED) and not scope["state"].get("fired"):
                self._emulator.events.called(entry)
            if not passage.whole:
                passage.ended = ended
                witness.saw(entry, scope["state"].get("sending"), passage)

    def _user(self, scope: Scope) -> str:
        """Whom a caller stands for that sends a token instead of a key."""
        try:
            return str(self._emulator.tokens.read(QueryParams(scope["query_string"]).get(TOKEN, "")).get("user", ""))
        except BadToken:
            return ""

    def _begun(self, entry: JournalEntry, scope: Scope, message: Message, secret: str) -> None:
        """Take down what the head of the answer says, and hint at what was probably meant."""
        entry.status = message["status"]
        if hint := self._hint(entry, scope):
            kept = [pair for pair in message["headers"] if pair[0] != _HINT]
            message["headers"] = [*kept, (_HINT, header_text(hint).encode())]
        for name, value in message["headers"]:
            if name == _ID:
                entry.request_id = value.decode("latin-1")
            elif name == _HINT:
                entry.hint = without_secrets(value.decode("latin-1"), secret)
            elif name == _TYPE:
                entry.error_type = value.decode("latin-1")

    def _hint(self, entry: JournalEntry, scope: Scope) -> str:
        """What was probably meant, if the answer says that nothing is there or something else is."""
        state = scope["state"]
        if state.get("socket"):
            return ""
        if entry.status in NOWHERE and TARGET in state["headers"] and state.get("bare"):
            return f"did you mean {entry.method} {state['base_url'].base}{PROXY} ?"
        if entry.status in NOWHERE or (entry.method == "POST" and OF_A_REQUEST in entry.path):
            meant = self._near.find(entry.method, entry.path)
            return f"did you mean {meant.shown(state['base_url'])} ?" if meant else ""
        if entry.status == OK and state.get("bare"):
            queued = KnownAddress("POST", Part.QUEUE, entry.path.removeprefix(f"/{Part.RUN}"))
            return (
                "without a prefix this is fal.run, which does not queue; "
                f"for the queue: {queued.shown(state['base_url'])}"
            )
        return ""


def record_target(scope: Scope, part: str, path: str, authorization: bytes = b"") -> None:
    """Write down that a call is for another part and path than those it came in by."""
    entry: JournalEntry | None = scope["state"].get("call")
    if entry is None:  # nobody keeps a journal
        return
    key, secret = _known_caller(authorization)
    entry.part, entry.path, entry.key = part, without_secrets(path, secret), entry.key or key


def _known_caller(authorization: bytes) -> tuple[str, str]:
    return (_caller if len(authorization) <= LONGEST_REMEMBERED else _caller.__wrapped__)(authorization)


@lru_cache(maxsize=256)
def _caller(authorization: bytes) -> tuple[str, str]:
    """The id and the secret of a caller; what is no key's form is all secret."""
    scheme, _, credentials = authorization.decode("latin-1").partition(" ")
    if scheme.lower() != "key":
        return "", credentials or scheme
    key_id, colon, secret = credentials.strip().partition(":")
    return (key_id[:255], secret) if colon else ("", credentials)


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float:
    """The seconds that a Retry-After header asks for, 0 where there is none."""
    for name, value in headers:
        if name == b"retry-after":
            with suppress(ValueError):
                return float(value)
    return 0.0


def _error_type(body: bytes) -> str:
    """The type that an error's body states: fal's flat form, its list of items, or the queue's status."""
    if not body or len(body) > LONGEST_ERROR:
        return ""
    try:
        said = jsonio.parse(body)
    except jsonio.InvalidJson:
        return ""
    if not isinstance(said, dict):
        return ""
    items = said.get("detail")
    first = items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else {}
    error_type = said.get("error_type") or said.get("type") or first.get("type") or said.get("status")
    return error_type[:100] if isinstance(error_type, str) else ""
