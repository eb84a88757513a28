"""Records, plans and tries as bytes. They never change, so each is written once.

The first line is JSON; after it comes the JSON from outside, unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any

from fakefal.core.plan import BrokenRule, Cut, Ending, Marks, Plan, Polls, Quirk
from fakefal.core.webhook import DeliveryAttempt
from fakefal.state.attempts import attempted
from fakefal.state.ledger import nanos
from fakefal.state.requests import Record
from fakefal_contracts.hosts import BaseUrl

AMOUNTS = ("usd", "maybe_usd")
"""The fields of an ending with exact dollars, which JSON numbers are not."""


def dump_record(record: Record) -> bytes:
    """A record without the fields that are stored elsewhere."""
    head = _values(record, "arguments") | {"base_url": asdict(record.base_url)}
    return _join(head, record.arguments)


def load_record(packed: bytes) -> Record:
    """Reads the output of `dump_record`."""
    head, arguments = _split(packed)
    tags = tuple((name, value) for name, value in head["tags"])
    return Record(**(head | {"base_url": BaseUrl(**head["base_url"]), "arguments": arguments, "tags": tags}))


def dump_plan(plan: Plan) -> bytes:
    """A plan and its ending."""
    amounts = {name: None if (usd := getattr(plan.ending, name)) is None else str(usd) for name in AMOUNTS}
    ending = _values(plan.ending, "body") | amounts | {"broken": list(map(asdict, plan.ending.broken))}
    head = _values(plan) | {"ending": ending, "quirks": sorted(plan.quirks), "polls": plan.polls and asdict(plan.polls)}
    return _join(head, plan.ending.body)


def load_plan(packed: bytes) -> Plan:
    """Reads the output of `dump_plan`."""
    head, body = _split(packed)
    ending = head["ending"]
    broken = tuple(BrokenRule(**(one | {"loc": tuple(one["loc"])})) for one in ending["broken"])
    return Plan(
        **(
            head
            | {
                "ending": Ending(
                    **(ending | {"body": body, "broken": broken} | {name: _exact(ending[name]) for name in AMOUNTS})
                ),
                "logs": tuple((moment, text) for moment, text in head["logs"]),
                "polls": head["polls"] and Polls(**head["polls"]),
                "retries": tuple(head["retries"]),
                "quirks": frozenset(map(Quirk, head["quirks"])),
            }
        )
    )


def plan_facts(plan: Plan) -> dict[str, Any]:
    """The part of a plan that the line needs; false values are left out, since Lua has no null."""
    facts: dict[str, Any] = {
        "wait": plan.wait_seconds,
        "run": plan.run_seconds,
        "retries": list(plan.retries),
        "status": plan.ending.status,
    }
    if plan.ending.usd:
        facts["nanos"] = str(nanos(plan.ending.usd))
    if plan.polls is not None:
        facts["polls"] = [plan.polls.queued, plan.polls.running]
    if Quirk.WEBHOOK_LOST in plan.quirks:
        facts["lost"] = True
    return facts


def load_marks(started: bytes, ended: bytes, cut: bytes, shifts: bytes) -> Marks:
    """What happened to a request, from the texts of a step's reply."""
    numbers = [float(one) for one in shifts.split()]
    return Marks(
        float(started) if started else None,
        float(ended) if ended else None,
        Cut(cut.decode()) if cut else None,
        tuple(zip(numbers[::2], numbers[1::2], strict=True)),
    )


def dump_attempts(attempts: Sequence[DeliveryAttempt]) -> bytes:
    """The tries of a webhook."""
    return json.dumps([[one.at, one.status, one.error] for one in attempts]).encode()


def load_attempts(packed: bytes) -> tuple[DeliveryAttempt, ...]:
    """Reads the output of `dump_attempts`."""
    return tuple(attempted(float(at), status, error) for at, status, error in json.loads(packed))


def _values(kept: Record | Plan | Ending, without: str = "") -> dict[str, Any]:
    return {field.name: getattr(kept, field.name) for field in fields(kept) if field.name != without}


def _exact(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def _join(head: dict[str, Any], body: bytes) -> bytes:
    return json.dumps(head).encode() + b"\n" + body


def _split(packed: bytes) -> tuple[dict[str, Any], bytes]:
    head, _, body = packed.partition(b"\n")
    values: dict[str, Any] = json.loads(head)
    return values, body
