"""Reading a call of an application: its caller, its body, its effect.  The queue and fal.run share it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from functools import partial
from typing import Any
from zlib import crc32

from starlette.requests import Request

from fakefal.core.effects import Effect, Occasion
from fakefal.core.grammar import BadEffect
from fakefal.core.sealed import sealed
from fakefal.effects.arrivals import Arrival
from fakefal.effects.known import ANSWERING, BEFORE_THE_GATE, DROP, EXHAUSTED
from fakefal.effects.rules import prompts
from fakefal.engine.emulator import Emulator
from fakefal.files.cdn import named_paths
from fakefal.state import jsonio
from fakefal.state.journal import JournalEntry
from fakefal.state.requests import NO_KEY
from fakefal.state.submission import Submission
from fakefal.state.tags import read_tags
from fakefal.verdict.sendings import Sign
from fakefal.wire.answers import BILLABLE_UNITS, HINT, WireError, header_text, no_access, refusal, retry_headers
from fakefal.wire.auth import application_key, demand_rest_key
from fakefal.wire.body import LARGE_BODY, decoded, read_body, skip
from fakefal.wire.call import Call
from fakefal.wire.faults import GONE, refuse
from fakefal_contracts import UnknownEndpoint

EFFECT = b"x-fakefal-effect"
TAGS = b"x-fal-tags"
START_TIMEOUTS = (b"x-fal-request-start-timeout", b"x-fal-request-timeout")
SHORTEST_START_TIMEOUT = 0.1
NO_RETRY_WORDS = ("1", "true", "yes")
GZIP = b"\x1f\x8b"
DATA_URI = b"data:"


async def read_submission(call: Call, *, low: bool = False, **more: Any) -> Submission:
    """Read the caller and the body of a submit; `more` are further facts.

    Raises:
        WireError: 401 without a usable key, 404 for an unknown application, 413 for a large body, 422
            for a body that is not JSON.
    """
    emulator, app, path = call.emulator, call.app, call.path
    key = application_key(call.authorization, call.token, app, emulator.settings.keys, emulator.tokens)
    if key == NO_KEY:
        raise no_access(app)
    endpoint_id = f"{app}/{path}" if path else app
    read = await _read(call, endpoint_id, key)
    if not (emulator.knows_app(app) or (read.effect is not None and ANSWERING & read.effect.arguments.keys())):
        hint = str(UnknownEndpoint(endpoint_id, emulator.catalogue.nearest(endpoint_id)))
        raise refusal(404, f'Application "{app.rpartition("/")[2]}" not found', hint=hint)
    no_retry = (call.header(b"x-fal-no-retry") or "").lower() in NO_RETRY_WORDS
    if read.effect is not None and read.effect is not EXHAUSTED:
        more["fired"] = partial(_fired, call)
    if (tags := call.header(TAGS)) is not None:
        more["tags"] = read_tags(tags)
    return Submission(
        key,
        app,
        path,
        read.body,
        call.base_url,
        low=low,
        heavy=read.heavy,
        start_seconds=_read_start_seconds(call),
        effect=read.effect,
        retry=not no_retry,
        number=read.arrival.number,
        gone=read.arrival.gone,
        **more,
    )


@sealed
class _Read:
    """The body of a call, whether judging it takes long, and what is known of the call since it arrived."""

    body: Any
    heavy: bool
    arrival: Arrival
    effect: Effect | None


async def _read(call: Call, endpoint_id: str, key: str) -> _Read:
    """Count the call, choose its effect, and read its body as far as that lets it through.

    A call is counted after its body, whatever that is, so that one question to a shared store tells all; before it only
    where a `drop_before_accept` may be due.

    Raises:
        WireError: 400 for a wrong effect, 413 for a large body, 422 for what is not JSON.
    """
    emulator, base_url, receive, early = call.emulator, call.base_url, call.receive, None
    if _may_drop(call, key):
        early = await emulator.arrivals.arrive(key, ())
        effect = _choose(call, Occasion(endpoint_id, key, "", early.number))
        if effect is not None and effect.name == DROP:
            _note(call.state["call"], effect)
            checksum = await skip(receive, effect.arguments.get("bytes", math.inf))
            if checksum is not None:
                _note_sending(call, (key, endpoint_id, checksum))
            return _Read(None, heavy=False, arrival=early, effect=effect)
    try:
        raw = await read_body(receive, emulator.settings.max_body_bytes)
        _note_sending(call, (key, endpoint_id, crc32(raw)))
        body = await _parse(raw, emulator.settings.max_json_bytes) if raw.strip() else None
    except WireError:
        if early is None:
            await emulator.arrivals.arrive(key, ())
        raise
    heavy = len(raw) > LARGE_BODY or DATA_URI in raw
    named = await asyncio.to_thread(named_paths, body, base_url) if heavy else named_paths(body, base_url)
    if early is None:
        arrival = await emulator.arrivals.arrive(key, named)
    else:
        arrival = replace(early, gone=await emulator.access.gone(named))
    effect = _choose(call, Occasion(endpoint_id, key, prompts(body), arrival.number))
    if (effect is None or effect.name not in BEFORE_THE_GATE) and await emulator.accounts.is_locked(key):
        effect = EXHAUSTED
    _note(call.state["call"], effect)
    return _Read(body, heavy, arrival, effect)


def _may_drop(call: Call, key: str) -> bool:
    with WRONG_EFFECTS:
        return call.emulator.effects.may_drop(key, call.header(EFFECT))


def _choose(call: Call, called: Occasion) -> Effect | None:
    """The effect of a call.

    Raises:
        WireError: 400, the header or test prompt names no effect.
    """
    with WRONG_EFFECTS:
        return call.emulator.effects.choose(called, call.header(EFFECT))


def _note(call: JournalEntry, effect: Effect | None) -> None:
    """Record the effect of a call in the journal."""
    if effect is not None:
        call.effect = effect.name


def _fired(call: Call, request_id: str | None) -> None:
    """Tell that the effect of a call makes a job different, once: before the end of the job, which may come at once.

    A call that does not become a job, such as one that finds the queue full, had no effect.
    """
    if request_id is None:
        call.state["call"].effect = ""
        return
    call.state["fired"] = True
    call.emulator.events.fired(call.state["call"], request_id)


def _note_sending(call: Call, sign: Sign) -> None:
    """Report the call to the witness of the verdict."""
    gone = call.scope.get("extensions", {}).get(GONE)
    call.state["sending"] = call.emulator.witness.sent(call.state["call"], sign, gone, by_page=call.state["by_page"])


async def rest_key(request: Request, emulator: Emulator, authorization: str | None) -> str:
    """The key id of a caller of the REST host; its account may be locked.

    Raises:
        WireError: 401 without a usable key, 403 for a locked account.
    """
    key = demand_rest_key(authorization, emulator.settings.keys)
    effect = await account_effect(request, emulator, key)
    if effect is not None:
        _note(request.state.call, effect)
        refuse(effect)
    return key


async def account_effect(request: Request, emulator: Emulator, key: str) -> Effect | None:
    """The effect on the caller's account: a rule, or an exhausted balance.

    Raises:
        WireError: 400, the header names no effect.
    """
    with WRONG_EFFECTS:
        effect = await emulator.effects.of_account(key, request.headers.get(EFFECT.decode()))
    return EXHAUSTED if effect is None and await emulator.accounts.is_locked(key) else effect


class _WrongEffects:
    """Tells the caller what is wrong with the requested effect."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BadEffect):
            raise refusal(400, f"fakefal: {error}", hint=str(error)) from error


WRONG_EFFECTS = _WrongEffects()


def _read_start_seconds(call: Call) -> float | None:
    """The start timeout of the request; the newer of two header names wins.

    Raises:
        WireError: 400, it is not a number above 0.1 (the body is inferred).
    """
    given = next((text for name in START_TIMEOUTS if (text := call.header(name)) is not None), None)
    if given is None:
        return None
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not SHORTEST_START_TIMEOUT < seconds < float("inf"):
        body = {"detail": f"Invalid start timeout: {given[:40]}", "error_type": "bad_request"}
        raise WireError(400, body, {"x-fal-error-type": "bad_request"})
    return seconds


async def _parse(raw: bytes, max_json_bytes: int) -> Any:
    """The JSON value of a body.

    Raises:
        WireError: 413, it is too large; 422 in FastAPI's words for malformed JSON (inferred: no capture of it
            exists).
    """
    try:
        return await decoded(raw, max_json_bytes)
    except jsonio.InvalidJson as error:
        compressed = raw.startswith(GZIP)
        hint = "send JSON as it is, in UTF-8: it is compressed" if compressed else f"the body is not JSON: {error}"
        item = {
            "type": "json_invalid",
            "loc": ["body", error.position],
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": error.reason},
        }
        raise WireError(422, {"detail": [item]}, _headers(hint)) from error


def _headers(hint: str) -> dict[str, str]:
    return {BILLABLE_UNITS: "0"} | retry_headers(retry=False) | {HINT: header_text(hint)}
