"""All effects with their arguments, and the conditions of rules."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from fakefal.core.effects import Effect, EffectRule
from fakefal.core.grammar import BadEffect, read_rule, rule_text
from fakefal.core.plan import Quirk
from fakefal.state import jsonio
from fakefal.state.journal import USED_UP
from fakefal_contracts import Catalogue
from fakefal_contracts.failures import LOCK_REASONS, MODEL_ERRORS, PLATFORM_ERRORS, RETRIED_STATUSES
from fakefal_contracts.hosts import is_address
from fakefal_contracts.testprompt import LONGEST_EFFECT

LONGEST_RULE = 1024 * 1024
"""The most characters of a rule."""

MOST_ATTEMPTS = 10
DROP = "drop_before_accept"
"""The one effect that is chosen before the body of a call is read."""

UNREAD = f"{DROP} happens before the prompt is read"
LARGEST_NUMBER = 1e9

RETRY_AFTER = "retry_after"
"""The seconds of a Retry-After header, which fal does not document, but a gateway in front of it may send."""

#: Faults of a call, before or beside the queue: answered in `fakefal.wire.faults`.
CALL_EFFECTS: dict[str, tuple[str, ...]] = {
    "accept_then_drop": ("bytes",),
    DROP: ("bytes",),
    "slow_response": ("seconds",),
    "ingress_502": (),
    "ingress_503": (RETRY_AFTER,),
    "ingress_504": (),
    "gateway_503": (RETRY_AFTER,),
    "concurrent_requests_limit": ("limit", RETRY_AFTER),
    "queue_full": (RETRY_AFTER,),
    "locked_account": ("reason",),
    "invalid_key": (),
    "malformed_key": (),
    "request_too_large": (),
}

#: Those that are the account's, and so hold for uploads, too (`locked_account`: issue reports of 2026).
ACCOUNT_EFFECTS = ("locked_account", "invalid_key", "malformed_key")

#: What happens to a call before fal looks at the account's balance.
BEFORE_THE_GATE = (DROP, "ingress_502", "ingress_503", "ingress_504", "invalid_key", "malformed_key")

EXHAUSTED = Effect(USED_UP, {"reason": "exhausted_balance"})
"""The effect of an exhausted balance."""

LOCKS = ("locked_account", EXHAUSTED.name)

QUIRKS = tuple(Quirk)
REFUSALS = range(400, 500)


def _attempts(status: int) -> tuple[str, ...]:
    return ("attempts",) if status in RETRIED_STATUSES else ()


def _billed(status: int) -> tuple[str, ...]:
    """Refusals may be charged; failures of the service never are (fal's FAQ, 2026)."""
    return ("billed",) if status in REFUSALS else ()


KNOWN: dict[str, tuple[str, ...]] = {
    **{
        name: ("msg", "loc", "input", *error.ctx, *_attempts(error.status), *_billed(error.status))
        for name, error in MODEL_ERRORS.items()
    },
    **{name: _attempts(error.status) for name, error in PLATFORM_ERRORS.items()},
    "request_timeout": ("attempts", "user"),
    "retry_then_succeed": ("attempts",),
    "stuck": (),
    "respond": ("video", "result", "text", "events", "status", "seconds", "logs", "attempts", "billed"),
    **dict.fromkeys(QUIRKS, ()),
    **CALL_EFFECTS,
}
CONDITIONS = ("endpoint", "key", "prompt", "nth", "probability")


def parse_rule(text: str) -> EffectRule:
    """Read ``effect`` or ``effect when nth=2 and endpoint=o1/image-to-video``, from this machine.

    Raises:
        BadEffect: the text is malformed, or the effect or a condition is wrong.
    """
    _check_length(text, LONGEST_RULE)
    name, arguments, conditions = read_rule(text)
    return checked_rule(checked(Effect(name, arguments), local=True), conditions)


def make_rule(text: str, conditions: Mapping[str, Any]) -> EffectRule:
    """Read a rule from the network: its text, and further conditions.

    Raises:
        BadEffect: the effect or a condition is wrong, or a condition is given twice.
    """
    _check_length(text, LONGEST_RULE)
    name, arguments, said = read_rule(text)
    if twice := sorted(said.keys() & conditions.keys()):
        raise BadEffect(f"give {twice[0]} once: in the effect's text, or beside it")
    return checked_rule(checked(Effect(name, arguments), local=False), {**conditions, **said})


def checked_rule(effect: Effect, conditions: Mapping[str, Any]) -> EffectRule:
    """Check the conditions of a rule; null counts as not given.

    Raises:
        BadEffect: a condition cannot be met.
    """
    for name in conditions:
        if name not in CONDITIONS:
            raise BadEffect(f"a rule looks at {', '.join(CONDITIONS)}, not at {name!r}{_meant(name, CONDITIONS)}")
    given = {name: value for name, value in conditions.items() if value is not None}
    for name in ("endpoint", "key", "prompt"):
        if not isinstance(given.get(name, ""), str):
            raise BadEffect(f"{name} is a text: write {name}='{given[name]}'")
    rule = EffectRule(effect, **given)
    if rule.prompt and effect.name == DROP:
        raise BadEffect(f"{UNREAD}: choose it by {', '.join(name for name in CONDITIONS if name != 'prompt')}")
    if rule.nth is not None and (not _is_count(rule.nth) or rule.nth < 1):
        raise BadEffect("nth counts from 1: write nth=1")
    if not _is_number(rule.probability) or rule.probability > 1:
        raise BadEffect("probability lies between 0 and 1: write probability=.5")
    _check_length(str(rule), LONGEST_RULE)
    return rule


def check_endpoint(rule: EffectRule, catalogue: Catalogue) -> None:
    """Check that a rule can apply: an unknown model always gets fal's 404, unless the rule answers for it.

    Raises:
        BadEffect: it can never apply.
    """
    if rule.endpoint and not ANSWERING & rule.effect.arguments.keys() and not catalogue.has_end(rule.endpoint):
        nearest = catalogue.nearest(rule.endpoint)
        meant = f"; did you mean {nearest}?" if nearest else ""
        raise BadEffect(f"no model that fakefal knows has an id that ends with {rule.endpoint}{meant}")


def parse_checked(text: str) -> Effect:
    """Read an effect of at most `LONGEST_EFFECT` characters from the network.

    Raises:
        BadEffect: the text is malformed, or names an effect or a value that cannot be used.
    """
    _check_length(text, LONGEST_EFFECT)
    name, arguments, conditions = read_rule(text)
    if conditions:
        raise BadEffect(f"conditions do not belong here; write: {Effect(name, arguments)!s:.200}")
    return checked(Effect(name, arguments), local=False)


def _check_length(text: str, longest: int) -> None:
    if len(text) > longest:
        raise BadEffect(f"an effect has at most {longest} characters")


def checked(effect: Effect, *, local: bool) -> Effect:
    """Check the arguments of an effect; files are allowed only from this machine (`local`).

    Raises:
        BadEffect: the effect does not exist, or an argument cannot be used.
    """
    if effect.name not in KNOWN:
        raise BadEffect(_no_effect(effect.name))
    takes = sorted(KNOWN[effect.name])
    for name, value in effect.arguments.items():
        if name in CONDITIONS and name not in takes:
            raise BadEffect(f"{name} is a condition; write: {rule_text(effect.name, {}, {name: value}):.200}")
        if name not in takes:
            raise BadEffect(
                f"{effect.name} takes {', '.join(takes) or 'no arguments'}, not {name!r}{_meant(name, takes)}"
            )
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


_ANSWER_WORDS = {"video": "a video", "result": "a result", "text": "a text", "events": "events"}

ANSWERING = _ANSWER_WORDS.keys()
"""The arguments that set the answer of a request, for any model."""


def _no_effect(name: str) -> str:
    """The message for an unknown effect; a status suggests the effects that answer with it."""
    if status := re.search(r"\b[45]\d\d\b", name.replace("_", " ")):
        from fakefal.effects.explained import EFFECTS

        near = [one for one, what in EFFECTS.items() if what.status == int(status[0])]
    else:
        near = difflib.get_close_matches(name, KNOWN, n=3)
    meant = f"; did you mean {' or '.join(near[:5])}?" if near else ""
    return f"there is no effect {name!r:.200}{meant}" + ("" if len(near) == 1 else "; `fakefal effects` lists all")


def _meant(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _check_answer(given: Mapping[str, Any], *, local: bool) -> None:
    if not given:
        raise BadEffect("respond: give what the job answers or how it runs: result={...}, video='clip.mp4', seconds=3")
    answers = [words for name, words in _ANSWER_WORDS.items() if name in given]
    if len(answers) > 1:
        raise BadEffect(f"respond: give {' or '.join(answers)}, not both")
    if "status" in given and not {"result", "text"} & given.keys():
        raise BadEffect("respond: a status needs a result or a text")
    if "attempts" in given and given.get("status") not in RETRIED_STATUSES:
        raise BadEffect("respond: attempts need a status that the queue tries again: 503 or 504")
    if "billed" in given and given.get("status") not in REFUSALS:
        raise BadEffect("respond: billed needs a status that fal may charge beside success: 400 to 499")
    video = given.get("video")
    if video is None:
        return
    if is_address(video):
        return
    if not local:
        raise BadEffect(
            "respond: over the network, video must be a URL; only settings, options and Python tests can name files"
        )
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


_SHORT_NAME = re.compile(r"[a-z_]*")
"""Text that looks like the name of a reason and must be one; fal's texts have capitals."""


#: What the values of effects must be, by the name of the argument: in words, and as a test.
VALUES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "attempts": ("a whole number from 0", _is_count),
    "bytes": ("a whole number from 0", _is_count),
    "limit": ("a whole number from 0", _is_count),
    "seconds": ("a number from 0", _is_number),
    RETRY_AFTER: ("a number of seconds from 0", _is_number),
    "status": ("a status from 200 to 599 that has a body", lambda value: _is_count(value) and _has_body(value)),
    "logs": ("a list of texts", lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value)),
    "user": ("true or false", lambda value: isinstance(value, bool)),
    "billed": ("true or false", lambda value: isinstance(value, bool)),
    "text": ("a text", lambda value: isinstance(value, str) and _is_json(value)),
    "events": (
        "a list of JSON values, the last one the whole result",
        lambda value: isinstance(value, list) and bool(value) and _is_json(value),
    ),
    "msg": ("a text", lambda value: isinstance(value, str) and _is_json(value)),
    "video": ("a path or an http address", lambda value: isinstance(value, str) and _is_json(value)),
    "loc": ("a list", lambda value: isinstance(value, list) and _is_json(value)),
    "reason": (
        f"one of {', '.join(LOCK_REASONS)}, or fal's own text, such as 'TOP_UP.'",
        lambda value: isinstance(value, str) and _is_reason(value),
    ),
}


def _is_reason(text: str) -> bool:
    return text in LOCK_REASONS or (not _SHORT_NAME.fullmatch(text) and _is_json(text))


def _has_body(status: int) -> bool:
    return 200 <= status <= 599 and status not in (204, 205, 304)  # noqa: PLR2004
