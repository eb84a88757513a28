"""Which effect a call gets: rules, header and test prompt."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable
from typing import Any

from fakefal.core.effects import Effect, EffectRule, Occasion
from fakefal.core.grammar import BadEffect
from fakefal.effects.known import ACCOUNT_EFFECTS, DROP, UNREAD, parse_checked, parse_rule
from fakefal_contracts.testprompt import effect_in


class Effects:
    """Chooses effects.  The header wins over a test prompt, and that over the newest rule that matches.

    Args:
        rules: rules from the settings, oldest first; more can be added while running.
        seed: makes probabilities repeatable; without one each run draws anew.

    Attributes:
        rules: newest first.
    """

    def __init__(self, rules: Iterable[str] = (), seed: str = "") -> None:
        self._settled = tuple(parse_rule(text) for text in rules)[::-1]
        self._seed = seed or secrets.token_hex(8)
        self._calls: Counter[str] = Counter()
        self.rules: list[EffectRule] = list(self._settled)

    def may_drop(self, key: str, header: str | None) -> bool:
        """Whether a call of a key may have to be dropped, which is chosen before its body is read.

        Raises:
            BadEffect: the header names none.
        """
        if header:
            return parse_checked(header).name == DROP
        return any(rule.effect.name == DROP and rule.key in (None, key) for rule in self.rules)

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
        if requested := effect_in(occasion.prompt):
            effect = parse_checked(requested)
            if effect.name == DROP:
                raise BadEffect(f"{UNREAD}: choose it by a rule or by the header X-Fakefal-Effect")
            return effect
        rules = enumerate(self.rules)
        return next((rule.effect for at, rule in rules if rule.matches(occasion, self._seed_of(at))), None)

    def _seed_of(self, at: int) -> str:
        """What a rule draws by: equal rules draw each for itself, whatever rules others have."""
        rule = self.rules[at]
        return f"{self._seed}/{self.rules[at + 1 :].count(rule)}" if rule.probability < 1 else self._seed

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
        """The rules, newest first."""
        await self._refresh()
        return self.rules

    async def add(self, rule: EffectRule) -> None:
        """Add a rule, which wins over those that are there."""
        self.rules = [rule, *self.rules]

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
