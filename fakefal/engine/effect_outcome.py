"""How an effect changes a request: its run and its end."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from fakefal.core.effects import Effect
from fakefal.core.plan import BrokenRule, Ending, Plan, Quirk
from fakefal.effects.known import MOST_ATTEMPTS, QUIRKS
from fakefal.engine.judge import Judgement
from fakefal.state import jsonio
from fakefal.state.endings import USER_TIMEOUT, is_tried_again, platform_ending
from fakefal_contracts.failures import MAY_BE_BILLED, MODEL_ERRORS, PLATFORM_ERRORS

STUCK_SECONDS = 1e15


def changed_judgement(effect: Effect | None, judgement: Judgement, *, retry: bool) -> Judgement:
    """How the request ends under an effect; `retry` allows further attempts by the server."""
    if effect is None or (failed := _failed(effect, judgement.ending)) is None:
        return judgement
    ending, failure = failed
    if is_tried_again(ending) and retry:
        usual = 2 if effect.name == "retry_then_succeed" else MOST_ATTEMPTS
        attempts = int(effect.arguments.get("attempts", usual))
        recovers = attempts < MOST_ATTEMPTS
        ending = (
            replace(judgement.ending, attempts=attempts + 1) if recovers else replace(ending, attempts=MOST_ATTEMPTS)
        )
    return replace(judgement, ending=ending, failure=failure)


def _failed(effect: Effect, planned: Ending) -> tuple[Ending, str] | None:
    """How one attempt ends under an effect, and its log line."""
    arguments = {name: value for name, value in effect.arguments.items() if name not in ("attempts", "billed")}
    billed = effect.arguments.get("billed")
    if model := MODEL_ERRORS.get(effect.name):
        body = model.body(**arguments)
        (item,) = body["detail"]
        broken = (BrokenRule("", item["type"], tuple(item["loc"]), item["msg"]),)
        ending = Ending(model.status, jsonio.dump(body), 0.0, ok=False, broken=broken)
        if billed is None and model.type in MAY_BE_BILLED:
            ending = replace(ending, maybe_usd=planned.usd)
        return _charged(ending, planned, billed), arguments.get("msg", model.message(arguments))
    if effect.name == "respond" and {"result", "text", "events"} & arguments.keys():
        ending = _answer(arguments)
        return _charged(ending, planned, ending.ok or billed), f"status {ending.status}"
    name = "runner_disconnected" if effect.name == "retry_then_succeed" else effect.name
    if platform := PLATFORM_ERRORS.get(name):
        return USER_TIMEOUT if arguments.get("user") else platform_ending(platform), platform.sentence
    return None


def _charged(ending: Ending, planned: Ending, billed: bool | None) -> Ending:  # noqa: FBT001
    """An ending that costs as much as the planned one, if it is `billed`."""
    return replace(ending, billable_units=planned.billable_units, usd=planned.usd) if billed else ending


def _answer(arguments: dict[str, Any]) -> Ending:
    """The answer that the user chose."""
    text = arguments.get("text")
    result = arguments["events"][-1] if "events" in arguments else arguments.get("result")
    body = jsonio.dump(result) if text is None else text.encode()
    status = int(arguments.get("status", HTTPStatus.OK))
    return Ending(status, body, 0.0, ok=status < HTTPStatus.BAD_REQUEST, text=text is not None)


def changed_plan(effect: Effect | None, plan: Plan) -> Plan:
    """How the request runs under an effect."""
    if effect is None:
        return plan
    if effect.name == "stuck":
        return replace(plan, run_seconds=STUCK_SECONDS, polls=None, logs=plan.logs[:1])
    if effect.name in QUIRKS:
        return replace(plan, quirks=frozenset({Quirk(effect.name)}))
    if effect.name == "respond":
        seconds = float(effect.arguments.get("seconds", plan.run_seconds))
        lines = effect.arguments.get("logs")
        pace = seconds / plan.run_seconds if plan.run_seconds else 0.0
        logs = tuple((offset * pace, text) for offset, text in plan.logs)
        if lines is not None:
            logs = tuple((0.0, line) for line in lines)
        retries = tuple(offset * pace for offset in plan.retries)
        polls = None if "seconds" in effect.arguments else plan.polls
        return replace(plan, run_seconds=seconds, logs=logs, retries=retries, polls=polls)
    return plan


def gateway_id(request_id: str, attempts: int) -> str:
    """The id of a request's last attempt, which its webhook carries; the request's own id if there was one attempt."""
    if attempts == 1:
        return request_id
    digest = hashlib.blake2b(f"{request_id}/{attempts}".encode(), digest_size=6).hexdigest()
    return request_id[:-12] + digest
