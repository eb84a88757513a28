"""The effects there are, how one is chosen for a request, and what it makes of the request's end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fakefal.core.effects import (
    LONGEST_RULE,
    BadEffect,
    Effect,
    EffectRule,
    parse_arguments,
    parse_effect,
)
from fakefal.core.plan import Quirk
from fakefal.state import jsonio
from fakefal_contracts.failures import LOCK_REASONS, MODEL_ERRORS, PLATFORM_ERRORS, RETRIED_STATUSES
from fakefal_contracts.hosts import is_address
from fakefal_contracts.testprompt import LONGEST_EFFECT

MOST_ATTEMPTS = 10
UNREAD = "drop_before_accept(bytes=...) happens before the prompt is read"
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

QUIRKS = tuple(Quirk)


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
