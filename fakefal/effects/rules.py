"""Which effect a call gets: rules, header and test prompt.  Where rules are kept is behind a protocol."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from typing_extensions import override

from fakefal.core.effects import Effect, EffectRule, Occasion
from fakefal.core.grammar import BadEffect
from fakefal.effects.known import ACCOUNT_EFFECTS, DROP, UNREAD, parse_checked, parse_rule
from fakefal_contracts.testprompt import effect_in

LONGEST_SEARCHED = 64 * 1024
"""Characters of a prompt in which rules and test prompts look: a thousand rules search each body."""


class Rules(Protocol):
    """The rules that choose effects: those of the settings, and before them those that were added, newest first."""

    @property
    def seen(self) -> Sequence[EffectRule]:
        """The rules as they were when somebody last looked; who shares them may have changed them since."""
        ...

    async def listed(self) -> Sequence[EffectRule]:
        """The rules as they are now."""
        ...

    async def add(self, rule: EffectRule) -> None:
        """Add a rule, which wins over those that are there."""
        ...

    async def clear(self, key: str | None = None) -> int:
        """Remove every rule, those of the settings included; with a key, those added for it.  Returns how many."""
        ...

    async def reset(self, key: str | None) -> None:
        """Forget the rules that were added for a key; without a key, all that were added or removed."""
        ...


class MemoryRules(Rules):
    """Rules of this process.

    Args:
        texts: rules from the settings, oldest first.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._of_settings = self._kept = parse_rules(texts)
        self._added: list[EffectRule] = []

    @property
    @override
    def seen(self) -> Sequence[EffectRule]:
        return [*self._added, *self._kept]

    @override
    async def listed(self) -> Sequence[EffectRule]:
        return self.seen

    @override
    async def add(self, rule: EffectRule) -> None:
        self._added.insert(0, rule)

    @override
    async def clear(self, key: str | None = None) -> int:
        before = len(self.seen)
        await self.reset(key)
        if key is None:
            self._kept = ()
        return before - len(self.seen)

    @override
    async def reset(self, key: str | None) -> None:
        self._added = [rule for rule in self._added if key not in (None, rule.key)]
        if key is None:
            self._kept = self._of_settings


def parse_rules(texts: Iterable[str]) -> tuple[EffectRule, ...]:
    """Read rules that are written oldest first; the newest comes first.

    Raises:
        BadEffect: one is none.
    """
    return tuple(parse_rule(text) for text in texts)[::-1]


class Effects:
    """Chooses effects.  The header wins over a test prompt, and that over the newest rule that matches.

    Args:
        rules: the rules, only those of the settings so far.
        seed: makes probabilities repeatable; without one each run draws anew.
    """

    def __init__(self, rules: Rules, seed: str = "") -> None:
        self._rules = rules
        self._seed = seed or secrets.token_hex(8)
        self._unused = {id(rule): rule for rule in rules.seen}

    @property
    def unused(self) -> list[EffectRule]:
        """The rules of the settings, oldest first, that applied to no call here, without removed ones."""
        return [rule for rule in reversed(self._rules.seen) if id(rule) in self._unused]

    def may_drop(self, key: str, header: str | None) -> bool:
        """Whether a call of a key may have to be dropped, which is chosen before its body is read.

        Raises:
            BadEffect: the header names none.
        """
        if header:
            return parse_checked(header).name == DROP
        rules = self._rules.seen
        return bool(rules) and any(rule.effect.name == DROP and rule.key in (None, key) for rule in rules)

    def choose(self, occasion: Occasion, header: str | None) -> Effect | None:
        """The effect of a call that was counted, if it has one.

        Raises:
            BadEffect: the header names none, or the test prompt none that can still happen.
        """
        if header:
            return parse_checked(header)
        if requested := effect_in(occasion.prompt):
            effect = parse_checked(requested)
            if effect.name == DROP:
                raise BadEffect(f"{UNREAD}: choose it by a rule or by the header X-Fakefal-Effect")
            return effect
        rules = self._rules.seen
        if not rules:
            return None
        drawn = [str(rule) if rule.probability < 1 else "" for rule in rules]
        twins = Counter(drawn)
        for rule, name in zip(rules, drawn, strict=True):
            twins[name] -= 1
            # equal rules draw each for itself, whatever rules others have
            if rule.matches(occasion, f"{self._seed}/{twins[name]}" if name else self._seed):
                self._unused.pop(id(rule), None)
                return rule.effect
        return None

    async def of_account(self, key: str, header: str | None) -> Effect | None:
        """What holds for every call of a key, not only for its requests: a locked account, a wrong key.

        Raises:
            BadEffect: the header names none.
        """
        if header:
            effect = parse_checked(header)
            return effect if effect.name in ACCOUNT_EFFECTS else None
        rules = (
            rule
            for rule in await self._rules.listed()
            if rule.effect.name in ACCOUNT_EFFECTS and rule.key in (None, key)
        )
        found = next((rule for rule in rules if rule == EffectRule(rule.effect, key=rule.key)), None)
        if found is None:
            return None
        self._unused.pop(id(found), None)
        return found.effect


def prompts(body: Any) -> str:
    """The prompt of a body and of its shots, where rules and test prompts look, up to `LONGEST_SEARCHED`."""
    if not isinstance(body, dict):
        return ""
    shots = body.get("multi_prompt")
    prompted = [body, *(shots if isinstance(shots, list) else ())]
    texts = [one.get("prompt") for one in prompted if isinstance(one, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))[:LONGEST_SEARCHED]
