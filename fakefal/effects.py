"""The effects there are, how one is chosen for a request, and what it makes of the request's end."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from fakefal import jsonio
from fakefal.answers import platform_ending
from fakefal.core.effects import (
    BadEffect,
    Effect,
    EffectRule,
    Occasion,
    in_prompt,
    parse_arguments,
    parse_effect,
)
from fakefal.core.plan import Ending, Plan
from fakefal.verdict import Verdict
from fakefal_contracts.failures import LOCK_REASONS, MODEL_ERRORS, PLATFORM_ERRORS

MOST_ATTEMPTS = 10
RETRIED_STATUSES = (503, 504)
"""What fal's queue retries by itself, up to ten attempts in all (documentation of retries, 2026)."""

STUCK_SECONDS = 1e9

#: Faults of a call, before or beside the queue: answered in `fakefal.wire.faults`.
CALL_EFFECTS: dict[str, tuple[str, ...]] = {
    "accept_then_drop": (),
    "drop_before_accept": (),
    "slow_response": ("seconds",),
    "ingress_502": (),
    "concurrent_requests_limit": ("limit",),
    "queue_full": (),
    "locked_account": ("reason",),
    "invalid_key": (),
}

#: What stays with a request after its end; the store and the emulator look for it in the plan.
QUIRKS = ("result_expired", "cancel_ignored", "webhook_lost", "webhook_duplicate")

KNOWN: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(MODEL_ERRORS, ("*",)),
    **{name: ("attempts",) if error.status in RETRIED_STATUSES else () for name, error in PLATFORM_ERRORS.items()},
    "retry_then_succeed": ("attempts",),
    "stuck": (),
    "respond": ("result", "status", "seconds", "logs"),
    **dict.fromkeys(QUIRKS, ()),
    **CALL_EFFECTS,
}
CONDITIONS = ("endpoint", "key", "prompt", "nth", "probability")


def parse_rule(text: str) -> EffectRule:
    """Read ``effect`` or ``effect when nth=2, endpoint=o1/image-to-video``.

    Raises:
        BadEffect: it is none.
    """
    effect, _, conditions = text.partition(" when ")
    given = parse_arguments(conditions) if conditions.strip() else {}
    return make_rule(effect, given)


def make_rule(effect: str, given: Mapping[str, Any]) -> EffectRule:
    """A rule from an effect's text and its conditions.

    Raises:
        BadEffect: the effect or a condition is wrong.
    """
    for name in given:
        if name not in CONDITIONS:
            raise BadEffect(f"a rule looks at {', '.join(CONDITIONS)}, not at {name!r}")
    rule = EffectRule(parse_checked(effect), **given)
    if rule.nth is not None and (not isinstance(rule.nth, int) or rule.nth < 1):
        raise BadEffect("nth counts from 1")
    if not isinstance(rule.probability, int | float) or not 0 <= rule.probability <= 1:
        raise BadEffect("probability lies between 0 and 1")
    return rule


def parse_checked(text: str) -> Effect:
    """Read an effect and check its values.

    Raises:
        BadEffect: it is none, or a value cannot be used.
    """
    effect = parse_effect(text, KNOWN)
    for name, value in effect.arguments.items():
        numeric = name in ("attempts", "seconds", "limit", "status")
        if numeric and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
            raise BadEffect(f"{effect.name}: {name} is a number, not {value!r}")
    if effect.name == "locked_account" and effect.arguments.get("reason", "unknown") not in LOCK_REASONS:
        raise BadEffect(f"locked_account: reason is one of {', '.join(LOCK_REASONS)}")
    try:
        jsonio.dump(dict(effect.arguments))
    except (TypeError, ValueError) as error:
        raise BadEffect(f"{effect.name}: the values must be JSON") from error
    return effect


class Effects:
    """Chooses effects.  The header wins over a test prompt, and that over the rules, first match first.

    Args:
        rules: rules from the settings; more can be added while running.
        seed: makes probabilities repeatable.
    """

    def __init__(self, rules: Iterable[str] = (), seed: str = "") -> None:
        self._settled = tuple(parse_rule(text) for text in rules)
        self._seed = seed
        self._calls: Counter[str] = Counter()
        self.rules: list[EffectRule] = list(self._settled)

    def choose(self, key: str, endpoint_id: str, body: Any, header: str | None) -> Effect | None:
        """The effect of the next call of a key, if it has one.

        Raises:
            BadEffect: the header or the test prompt names none.
        """
        self._calls[key] += 1
        if header:
            return parse_checked(header)
        prompt = _prompts(body)
        if effect := in_prompt(prompt, KNOWN):
            return parse_checked(str(effect))
        occasion = Occasion(endpoint_id, key, prompt, self._calls[key])
        return next((rule.effect for rule in self.rules if rule.matches(occasion, self._seed)), None)

    def reset(self, key: str | None) -> None:
        """Forget the rules that were added for a key and its count; without a key, all of them."""
        if key is None:
            self._calls.clear()
            self.rules = list(self._settled)
        else:
            self._calls.pop(key, None)
            self.rules = [rule for rule in self.rules if rule.key != key]


def _prompts(body: Any) -> str:
    """The prompt of a body and of its shots, where rules and test prompts look."""
    if not isinstance(body, dict):
        return ""
    shots = body.get("multi_prompt")
    texts = (
        [body.get("prompt"), *(shot.get("prompt") for shot in shots or () if isinstance(shot, dict))]
        if (shots is None or isinstance(shots, list))
        else [body.get("prompt")]
    )
    return "\n".join(text for text in texts if isinstance(text, str))


def changed_verdict(effect: Effect | None, verdict: Verdict, *, retry: bool) -> Verdict:
    """How the request ends under an effect; `retry` says whether the server may try again."""
    if effect is None:
        return verdict
    arguments = dict(effect.arguments)
    if error := MODEL_ERRORS.get(effect.name):
        return replace(verdict, ending=Ending(error.status, jsonio.dump(error.body(**arguments)), 0.0))
    if effect.name == "respond" and "result" in arguments:
        return replace(verdict, ending=_answer(arguments, verdict.ending))
    name = "runner_disconnected" if effect.name == "retry_then_succeed" else effect.name
    if platform := PLATFORM_ERRORS.get(name):
        attempts = int(arguments.get("attempts", 2 if name != effect.name else MOST_ATTEMPTS))
        if retry and attempts < MOST_ATTEMPTS and platform.status in RETRIED_STATUSES:
            notes = tuple(f"Attempt {number} failed: {platform.sentence}" for number in range(1, attempts + 1))
            ending = replace(verdict.ending, attempts=attempts + 1)
            return replace(verdict, ending=ending, notes=(*verdict.notes, *notes))
        return replace(verdict, ending=platform_ending(platform))
    return verdict


def _answer(arguments: dict[str, Any], planned: Ending) -> Ending:
    """The user's own answer; it is billed as the planned one would be, where it is no error."""
    answer = Ending(int(arguments.get("status", 200)), jsonio.dump(arguments["result"]), 0.0)
    return replace(answer, billable_units=planned.billable_units, usd=planned.usd) if answer.ok else answer


def changed_plan(effect: Effect | None, plan: Plan) -> Plan:
    """How the request runs under an effect."""
    if effect is None:
        return plan
    if effect.name == "stuck":
        return replace(plan, run_seconds=STUCK_SECONDS, polls=None)
    if effect.name in QUIRKS:
        return replace(plan, quirks=frozenset({effect.name}))
    if effect.name == "respond":
        seconds = float(effect.arguments.get("seconds", plan.run_seconds))
        lines = effect.arguments.get("logs")
        logs = plan.logs if lines is None else tuple((0.0, str(line)) for line in lines)
        return replace(plan, run_seconds=seconds, logs=logs)
    return plan


def gateway_id(request_id: str, attempts: int) -> str:
    """The id of a request's last attempt, which its webhook carries: its own where one was enough."""
    if attempts == 1:
        return request_id
    digest = hashlib.blake2b(f"{request_id}/{attempts}".encode(), digest_size=6).hexdigest()
    return request_id[:-12] + digest
