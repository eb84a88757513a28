"""The effects there are, how one is chosen for a request, and what it makes of the request's end."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fakefal import jsonio
from fakefal.answers import USER_TIMEOUT, is_tried_again, platform_ending
from fakefal.cdn import is_address
from fakefal.core.effects import (
    LONGEST_RULE,
    BadEffect,
    Effect,
    EffectRule,
    Occasion,
    parse_arguments,
    parse_effect,
)
from fakefal.core.plan import Ending, Plan
from fakefal.verdict import Verdict
from fakefal_contracts.failures import LOCK_REASONS, MODEL_ERRORS, PLATFORM_ERRORS, RETRIED_STATUSES
from fakefal_contracts.testprompt import LONGEST_EFFECT, effect_in

MOST_ATTEMPTS = 10
UNREAD = "drop_before_accept(bytes=...) happens before the prompt is read"
STUCK_SECONDS = 1e15
LARGEST_NUMBER = 1e9

#: Faults of a call, before or beside the queue: answered in `fakefal.wire.faults`.
CALL_EFFECTS: dict[str, tuple[str, ...]] = {
    "accept_then_drop": ("bytes",),
    "drop_before_accept": ("bytes",),
    "slow_response": ("seconds",),
    "ingress_502": (),
    "ingress_503": (),
    "ingress_504": (),
    "gateway_503": (),
    "concurrent_requests_limit": ("limit",),
    "queue_full": (),
    "locked_account": ("reason",),
    "invalid_key": (),
    "malformed_key": (),
    "request_too_large": (),
}

#: Those that are the account's, and so hold for uploads, too (`locked_account`: issue reports of 2026).
ACCOUNT_EFFECTS = ("locked_account", "invalid_key", "malformed_key")

#: What stays with a request after its end; the store and the emulator look for it in the plan.
QUIRKS = ("result_expired", "cancel_ignored", "webhook_lost", "webhook_duplicate")


def _attempts(status: int) -> tuple[str, ...]:
    return ("attempts",) if status in RETRIED_STATUSES else ()


KNOWN: dict[str, tuple[str, ...]] = {
    **{name: ("msg", "loc", "input", *error.ctx, *_attempts(error.status)) for name, error in MODEL_ERRORS.items()},
    **{name: _attempts(error.status) for name, error in PLATFORM_ERRORS.items()},
    "request_timeout": ("attempts", "user"),
    "retry_then_succeed": ("attempts",),
    "stuck": (),
    "respond": ("video", "result", "text", "status", "seconds", "logs", "attempts"),
    **dict.fromkeys(QUIRKS, ()),
    **CALL_EFFECTS,
}
CONDITIONS = ("endpoint", "key", "prompt", "nth", "probability")


def parse_rule(text: str) -> EffectRule:
    """Read ``effect`` or ``effect when nth=2, endpoint='o1/image-to-video'``, said on this machine.

    Raises:
        BadEffect: it is none.
    """
    pieces = text.split(" when ")
    for count in range(1, len(pieces)):  # the word may stand inside a quoted value, too
        try:
            effect = parse_checked(" when ".join(pieces[:count]), local=True, longest=LONGEST_RULE)
        except BadEffect:
            continue
        return make_rule(str(effect), parse_arguments(" when ".join(pieces[count:])), local=True)
    return make_rule(text if len(pieces) == 1 else pieces[0], {}, local=True)


def make_rule(effect: str, given: Mapping[str, Any], *, local: bool = False) -> EffectRule:
    """A rule from an effect's text and its conditions; `local` as for `parse_checked`.

    Raises:
        BadEffect: the effect or a condition is wrong.
    """
    for name in given:
        if name not in CONDITIONS:
            raise BadEffect(f"a rule looks at {', '.join(CONDITIONS)}, not at {name!r}")
    for name in ("endpoint", "key", "prompt"):
        if not isinstance(given.get(name, ""), str | None):
            raise BadEffect(f"{name} is a text: write {name}='{given[name]}'")
    rule = EffectRule(parse_checked(effect, local=local, longest=LONGEST_RULE), **given)
    if rule.prompt and cut_within_body(rule.effect) is not None:
        raise BadEffect(f"{UNREAD}: choose it by {', '.join(name for name in CONDITIONS if name != 'prompt')}")
    if len(str(rule.effect)) > LONGEST_RULE:
        raise BadEffect(f"written out, the effect has more than {LONGEST_RULE} characters")
    if rule.nth is not None and (not isinstance(rule.nth, int) or rule.nth < 1):
        raise BadEffect("nth counts from 1")
    if not isinstance(rule.probability, int | float) or not 0 <= rule.probability <= 1:
        raise BadEffect("probability lies between 0 and 1")
    return rule


def parse_checked(text: str, *, local: bool = False, longest: int = LONGEST_EFFECT) -> Effect:
    """Read an effect of at most `longest` characters and check its values.

    Only who says it on this machine (`local`) may name its files.

    Raises:
        BadEffect: it is none, or a value cannot be used.
    """
    return checked(parse_effect(text, KNOWN, longest), local=local)


def checked(effect: Effect, *, local: bool) -> Effect:
    """An effect whose values can be used; `local` as for `parse_checked`.

    Raises:
        BadEffect: one cannot.
    """
    for name, value in effect.arguments.items():
        wanted, fits = VALUES.get(name, ("JSON", _is_json))
        if not fits(value):
            raise BadEffect(f"{effect.name}: {name} is {wanted}, not {value!r:.60}")
    if effect.name == "respond":
        _check_answer(effect.arguments, local=local)
    if effect.name == "retry_then_succeed" and effect.arguments.get("attempts", 1) >= MOST_ATTEMPTS:
        raise BadEffect(f"retry_then_succeed: after {MOST_ATTEMPTS} attempts fal gives up; use fewer")
    if effect.arguments.get("user") and "attempts" in effect.arguments:
        raise BadEffect(f"{effect.name}: the queue does not try again after the caller's own timeout")
    return effect


def _check_answer(given: Mapping[str, Any], *, local: bool) -> None:
    answers = [name for name in ("video", "result", "text") if name in given]
    if len(answers) > 1:
        raise BadEffect(f"respond: give a {' or a '.join(answers)}, not both")
    if "status" in given and not {"result", "text"} & given.keys():
        raise BadEffect("respond: a status needs a result or a text")
    if "attempts" in given and given.get("status") not in RETRIED_STATUSES:
        raise BadEffect("respond: attempts need a status that the queue tries again: 503 or 504")
    video = given.get("video")
    if video is None:
        return
    if is_address(video):
        return
    if not local:
        raise BadEffect("respond: over the network a video is an http address; files are named where the server starts")
    if not Path(video).is_file():
        raise BadEffect(f"respond: there is no file {video}")


def _is_json(value: Any) -> bool:
    try:
        jsonio.parse(jsonio.dump(value))
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LARGEST_NUMBER


def _is_count(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int)


#: What the values of effects must be, by the name of the argument: in words, and as a test.
VALUES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "attempts": ("a whole number from 0", _is_count),
    "bytes": ("a whole number from 0", _is_count),
    "limit": ("a whole number from 0", _is_count),
    "seconds": ("a number from 0", _is_number),
    "status": ("a status from 200 to 599 that has a body", lambda value: _is_count(value) and _has_body(value)),
    "logs": ("a list of texts", lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value)),
    "user": ("true or false", lambda value: isinstance(value, bool)),
    "text": ("a text", lambda value: isinstance(value, str) and _is_json(value)),
    "msg": ("a text", lambda value: isinstance(value, str) and _is_json(value)),
    "video": ("a path or an http address, in quotes", lambda value: isinstance(value, str) and _is_json(value)),
    "loc": ("a list", lambda value: isinstance(value, list) and _is_json(value)),
    "reason": (f"one of {', '.join(LOCK_REASONS)}", lambda value: isinstance(value, str) and value in LOCK_REASONS),
}


def _has_body(status: int) -> bool:
    return 200 <= status <= 599 and status not in (204, 205, 304)  # noqa: PLR2004


def cut_within_body(effect: Effect | None) -> int | None:
    """After how many bytes of its body a call's connection dies; None where the whole body is read."""
    if effect is None or effect.name != "drop_before_accept" or "bytes" not in effect.arguments:
        return None
    return int(effect.arguments["bytes"])


class Effects:
    """Chooses effects.  The header wins over a test prompt, and that over the rules, first match first.

    Where a connection may have to die within the body (`may_cut`), a call is asked about twice, before its body is read
    and after: then no prompt is read that could choose otherwise.

    Args:
        rules: rules from the settings; more can be added while running.
        seed: makes probabilities repeatable; without one each run draws anew.
    """

    def __init__(self, rules: Iterable[str] = (), seed: str = "") -> None:
        self._settled = tuple(parse_rule(text) for text in rules)
        self._seed = seed or secrets.token_hex(8)
        self._calls: Counter[str] = Counter()
        self.rules: list[EffectRule] = list(self._settled)

    def may_cut(self, key: str, header: str | None) -> bool:
        """Whether a connection may have to die within the body of a key's call, which is then asked about before, too.

        Raises:
            BadEffect: the header names none.
        """
        effects = [parse_checked(header)] if header else (rule.effect for rule in self.rules if rule.key in (None, key))
        return any(cut_within_body(effect) is not None for effect in effects)

    def count(self, key: str) -> int:
        """Count a call; returns which one of its key it is, from 1."""
        self._calls[key] += 1
        return self._calls[key]

    def choose(self, occasion: Occasion, header: str | None) -> Effect | None:
        """The effect of a call that was counted, if it has one.

        Raises:
            BadEffect: the header names none, or the test prompt none that can still happen.
        """
        if header:
            return parse_checked(header)
        if asked := effect_in(occasion.prompt):
            effect = parse_checked(asked)
            if cut_within_body(effect) is not None:
                raise BadEffect(f"{UNREAD}: choose it by a rule or by the header X-Fakefal-Effect")
            return effect
        rules = enumerate(self.rules)
        return next((rule.effect for at, rule in rules if rule.matches(occasion, self._seed_of(at))), None)

    def _seed_of(self, at: int) -> str:
        """What a rule draws by: equal rules draw each for itself, whatever rules others have."""
        rule = self.rules[at]
        return f"{self._seed}/{self.rules[:at].count(rule)}" if rule.probability < 1 else self._seed

    async def of_account(self, key: str, header: str | None) -> Effect | None:
        """What holds for every call of a key, not only for its requests: a locked account, a wrong key.

        Raises:
            BadEffect: the header names none.
        """
        if header:
            effect = parse_checked(header)
            return effect if effect.name in ACCOUNT_EFFECTS else None
        await self._refresh()
        rules = (rule for rule in self.rules if rule.effect.name in ACCOUNT_EFFECTS and rule.key in (None, key))
        return next((rule.effect for rule in rules if rule == EffectRule(rule.effect, key=rule.key)), None)

    async def listed(self) -> list[EffectRule]:
        """The rules, in the order in which they are asked."""
        await self._refresh()
        return self.rules

    async def add(self, rule: EffectRule) -> None:
        """Add a rule behind the others."""
        self.rules.append(rule)

    async def clear(self, key: str | None = None) -> int:
        """Remove every rule, those of the settings included; with a key, those added for it.  Returns how many."""
        count = len(self.rules)
        self.rules = [] if key is None else self._without(key)
        return count - len(self.rules)

    async def reset(self, key: str | None) -> None:
        """Forget the rules that were added for a key and its count; without a key, all of them."""
        if key is None:
            self._calls.clear()
            self.rules = list(self._settled)
        else:
            self._calls.pop(key, None)
            self.rules = self._without(key)

    def _without(self, key: str) -> list[EffectRule]:
        return [rule for rule in self.rules if rule.key != key or rule in self._settled]

    async def _refresh(self) -> None:
        """See what others did to the rules: nobody else does here."""


def prompts(body: Any) -> str:
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
    if effect is None or (failed := _failed(effect, verdict.ending)) is None:
        return verdict
    ending, failure = failed
    if is_tried_again(ending) and retry:
        usual = 2 if effect.name == "retry_then_succeed" else MOST_ATTEMPTS
        attempts = int(effect.arguments.get("attempts", usual))
        recovers = attempts < MOST_ATTEMPTS
        ending = replace(verdict.ending, attempts=attempts + 1) if recovers else replace(ending, attempts=MOST_ATTEMPTS)
    return replace(verdict, ending=ending, failure=failure)


def _failed(effect: Effect, planned: Ending) -> tuple[Ending, str] | None:
    """How one attempt ends under an effect, and what the log says of it."""
    arguments = {name: value for name, value in effect.arguments.items() if name != "attempts"}
    if model := MODEL_ERRORS.get(effect.name):
        ending = Ending(model.status, jsonio.dump(model.body(**arguments)), 0.0)
        return ending, arguments.get("msg", model.message(arguments))
    if effect.name == "respond" and {"result", "text"} & arguments.keys():
        ending = _answer(arguments, planned)
        return ending, f"status {ending.status}"
    name = "runner_disconnected" if effect.name == "retry_then_succeed" else effect.name
    if platform := PLATFORM_ERRORS.get(name):
        return USER_TIMEOUT if arguments.get("user") else platform_ending(platform), platform.sentence
    return None


def _answer(arguments: dict[str, Any], planned: Ending) -> Ending:
    """The user's own answer; it is billed as the planned one would be, where it is no error."""
    text = arguments.get("text")
    body = jsonio.dump(arguments["result"]) if text is None else text.encode()
    answer = Ending(int(arguments.get("status", 200)), body, 0.0, text=text is not None)
    return replace(answer, billable_units=planned.billable_units, usd=planned.usd) if answer.ok else answer


def changed_plan(effect: Effect | None, plan: Plan) -> Plan:
    """How the request runs under an effect."""
    if effect is None:
        return plan
    if effect.name == "stuck":
        return replace(plan, run_seconds=STUCK_SECONDS, polls=None, logs=plan.logs[:1])
    if effect.name in QUIRKS:
        return replace(plan, quirks=frozenset({effect.name}))
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
    """The id of a request's last attempt, which its webhook carries: its own where one was enough."""
    if attempts == 1:
        return request_id
    digest = hashlib.blake2b(f"{request_id}/{attempts}".encode(), digest_size=6).hexdigest()
    return request_id[:-12] + digest
