"""Calls of the control API for requests, scenarios, clocks and webhooks."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from fakefal.control.guard import guard
from fakefal.core.grammar import BadEffect
from fakefal.core.plan import Charge, Cut
from fakefal.core.webhook import Delivery, DeliveryAttempt, Fate
from fakefal.effects.known import make_rule
from fakefal.state import jsonio
from fakefal.state.endings import ending_of
from fakefal.state.ledger import bill
from fakefal.state.requests import LONGEST_KEY, Snapshot
from fakefal.state.tags import TagFilter
from fakefal.wire.answers import Json, refusal
from fakefal.wire.context import TheEmulator
from fakefal.wire.json_route import JsonRoute

router = APIRouter(prefix="/_fakefal", tags=["control"], dependencies=[Depends(guard)], route_class=JsonRoute)
Key = Annotated[
    str | None, Query(min_length=1, max_length=LONGEST_KEY, description="The id part of an API key; default: all keys.")
]
Tag = Annotated[
    list[str] | None,
    Query(
        description="A tag of X-Fal-Tags, as key=value.  Repeat it for more: each key must match one of its values.",
        json_schema_extra=TagFilter.SCHEMA,
    ),
]


MOST_LISTED = 10_000
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED, description="Return at most this many, newest first.")]

MOST_RULES = 1000
"""How many scenarios there can be, those of the settings included."""


class RequestInfo(BaseModel):
    """A request with what fal hides from callers.  Times are emulated seconds since 1970.

    `charge` says whether fal charges for the request, and is null until `judged` is true.  `cut` says why it ended
    early, and `hint` what to change in it.
    """

    request_id: str
    key: str
    endpoint_id: str
    status: str
    queue_position: int | None
    arguments: Any
    submitted_at: float
    started_at: float | None
    ended_at: float | None
    cut: Cut | None
    judged: bool
    result_status: int | None
    billable_units: float | None
    charge: Charge | None
    tags: dict[str, str]
    hint: str
    logs: list[str]


_ONE_OF_TWO: list[JsonValue] = [
    {"required": [given], "properties": {given: {"not": {"type": "null"}}, other: {"type": "null"}}}
    for given, other in (("seconds", "to"), ("to", "seconds"))
]


class AdvanceBody(BaseModel):
    """Either `seconds` to advance by (emulated), or the moment `to` advance to."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"oneOf": _ONE_OF_TWO})

    seconds: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None
    to: Literal["start", "end"] | None = None

    @model_validator(mode="after")
    def _one(self) -> AdvanceBody:
        if (self.seconds is None) == (self.to is None):
            raise ValueError('give either "seconds" or "to"')
        return self


@router.get("/requests", response_model=list[RequestInfo])
async def requests(emulator: TheEmulator, key: Key = None, limit: Limit = 100, tag: Tag = None) -> Json:
    """List requests, newest first; with `tag`, only requests that have it."""
    wanted = TagFilter.read(tag or ())
    looks = await emulator.all(key, None if tag else limit)

    def answer() -> Json:
        found = [look for look in looks if wanted.holds(look.record.tags)]
        return Json([info(look).model_dump() for look in reversed(found[-limit:])])

    return await asyncio.to_thread(answer)


@router.get("/requests/{request_id}", response_model=RequestInfo)
async def one_request(request_id: str, emulator: TheEmulator, key: Key = None) -> Json:
    """Read one request of any key, or of the given key."""
    return Json(info(await emulator.find(request_id, key)).model_dump())


@router.post("/requests/{request_id}/advance", response_model=RequestInfo)
async def advance(request_id: str, body: AdvanceBody, emulator: TheEmulator, key: Key = None) -> Json:
    """Advance one request toward its end; no clock moves.  409 if it has ended already."""
    how = body.to if body.to is not None else body.seconds
    assert how is not None
    await emulator.find(request_id, key)
    return Json(info(await emulator.advance(request_id, how)).model_dump())


class ScenarioBody(BaseModel):
    """A rule: an effect, and the requests that it applies to.  A condition that is left out matches every request.

    The conditions can also be part of `effect`, for example ``webhook_lost when nth=2``.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    effect: Annotated[str, Field(min_length=1, examples=["webhook_lost"])]
    endpoint: str = ""
    key: Annotated[str, Field(max_length=LONGEST_KEY)] | None = None
    prompt: str = ""
    nth: Annotated[int, Field(ge=1)] | None = None
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0


@router.get("/scenarios", response_model=list[ScenarioBody])
async def scenarios(emulator: TheEmulator, key: Key = None) -> Json:
    """List the rules that choose effects, newest first.  The first matching rule wins.  With `key`, only its rules."""
    rules = [rule for rule in await emulator.rules.listed() if key in (None, rule.key)]
    return Json([asdict(rule) | {"effect": str(rule.effect)} for rule in rules])


@router.post("/scenarios", response_model=list[ScenarioBody])
async def add_scenario(body: ScenarioBody, emulator: TheEmulator, key: Key = None) -> Json:
    """Add a rule.  It overrides older rules and stays until the next reset.  422 says what is wrong with it.

    With `key`, the rule applies to that key only, and the body must not name another key.
    """
    if key is not None and body.key not in (None, key):
        raise refusal(422, f"fakefal: the query names key {key!r}, the body {body.key!r}")
    if len(await emulator.rules.listed()) >= MOST_RULES:
        raise refusal(422, f"fakefal: at most {MOST_RULES} scenarios are kept: remove them with DELETE")
    given = body.model_dump(exclude={"effect"}, exclude_unset=True) | ({"key": key} if key is not None else {})
    try:
        await emulator.add_rule(make_rule(body.effect, given))
    except BadEffect as error:
        raise refusal(422, f"fakefal: {error}") from error
    return await scenarios(emulator, key)


@router.delete("/scenarios")
async def remove_scenarios(emulator: TheEmulator, key: Key = None) -> dict[str, int]:
    """Remove all rules, including those of the settings; with `key`, only rules that were added for it."""
    return {"removed": await emulator.rules.clear(key)}


class WebhookInfo(BaseModel):
    """A webhook and its delivery attempts.  Times are emulated seconds since 1970."""

    request_id: str
    url: str
    fate: str
    due_at: float | None
    attempts: list[DeliveryAttempt]


class ClockInfo(BaseModel):
    """A clock.  `now` is in emulated seconds since 1970.  `speed` is relative to the clock that it follows."""

    key: str | None
    now: float
    speed: float


class ClockBody(BaseModel):
    """`advance` the clock by emulated seconds, set its `speed`, or both.  Speed 0 freezes it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    advance: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] = 0.0
    speed: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None = None


@router.get("/clock")
async def clock(emulator: TheEmulator, key: Key = None) -> ClockInfo:
    """Read the clock of a key, or the global clock, which the clocks of all keys follow."""
    now, speed = await emulator.clock.read(key)
    return ClockInfo(key=key, now=now, speed=speed)


@router.post("/clock")
async def move_clock(body: ClockBody, emulator: TheEmulator, key: Key = None) -> ClockInfo:
    """Move a clock.  The answer comes after everything due was done, including attempts to send webhooks."""
    await emulator.unless_stopping(emulator.move_clock(key, advance=body.advance, speed=body.speed))
    return await clock(emulator, key)


@router.get("/webhooks")
async def webhooks(emulator: TheEmulator, key: Key = None, limit: Limit = MOST_LISTED) -> list[WebhookInfo]:
    """List the webhooks of requests that have ended, newest first."""
    return [webhook_info(one) for one in (await emulator.deliveries(key))[: -limit - 1 : -1]]


@router.post("/webhooks/{request_id}/replay")
async def replay(request_id: str, emulator: TheEmulator, key: Key = None) -> WebhookInfo:
    """Send a webhook again.  The answer comes after the receiver has answered."""
    await emulator.find(request_id, key)
    return webhook_info(await emulator.unless_stopping(emulator.replay_webhook(request_id)))


@router.post("/webhooks/rotate")
async def rotate(emulator: TheEmulator) -> dict[str, Any]:
    """Sign webhooks with a new key from now on.  Returns the JWKS, which keeps the older keys."""
    await emulator.signing.rotate()
    return await emulator.signing.jwks()


def webhook_info(delivery: Delivery) -> WebhookInfo:
    """A webhook, as the API shows it."""
    return WebhookInfo(
        request_id=delivery.request_id,
        url=delivery.url,
        fate=delivery.fate,
        due_at=delivery.due_at if delivery.fate is Fate.PENDING else None,
        attempts=list(delivery.attempts),
    )


def info(look: Snapshot) -> RequestInfo:
    """A request, as the API shows it."""
    view, plan = look.view, look.plan
    waiting = view.state.value == "IN_QUEUE"
    ending, billed = ending_of(look), bill(look)
    return RequestInfo(
        request_id=look.record.id,
        key=look.record.key,
        endpoint_id=look.record.endpoint_id,
        status=view.state.value,
        queue_position=look.position if waiting else None,
        arguments=jsonio.load(look.record.arguments),
        submitted_at=look.record.submitted_at,
        started_at=view.started_at,
        ended_at=view.ended_at,
        cut=view.cut,
        judged=plan is not None,
        result_status=ending.status if ending else None,
        billable_units=ending.billable_units if ending else None,
        charge=billed.charge if billed else None,
        tags=dict(look.record.tags),
        hint=ending.hint if ending else "",
        logs=[text for _, text in view.logs],
    )
