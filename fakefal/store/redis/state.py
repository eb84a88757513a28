"""The state that replicas share besides the queue: clocks, effects, calls, signing keys and the secret of tokens."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import override

from fakefal.core.effects import EffectRule
from fakefal.core.errors import StoreUnavailable
from fakefal.core.pace import Pace
from fakefal.effects.arrivals import Arrival, Arrivals
from fakefal.effects.known import make_rule
from fakefal.effects.rules import Rules, parse_rules
from fakefal.state.bounded import MOST_KEYS, Bounded
from fakefal.state.clock import Clock, Paces
from fakefal.state.once import MOST, REMEMBERED_SECONDS, Once
from fakefal.state.signing import MOST_SIGNING_KEYS, Jwks, SigningKeys, jwks, new_key, signature, signing_key
from fakefal.store.redis.access import digest, marked
from fakefal.store.redis.scripts import Reply, Steps, key_of, tag, tag_or_all

Added = dict[str, Any]
"""A rule as JSON."""

NOTHING = b'{"settled": true, "added": []}'
"""The version of the rules before any change, and after Redis has lost them."""


class RedisClock(Clock):
    """Clocks in Redis, on Redis's own time.

    The time in a step is exact. Between two looks at Redis, the time given here is late by at most the time of a reply,
    and never early. Beyond `MOST_KEYS` keys, the clocks that were not moved or reset for longest follow the global
    clock again.

    Args:
        steps: the connection.
        first: the reply of the step ``clocks``.
        ticks: a monotonic clock in seconds.
    """

    def __init__(self, steps: Steps, first: Reply, ticks: Callable[[], float] = time.perf_counter) -> None:
        self._steps = steps
        self._ticks = ticks  # bound before any test freezes time
        self._paces = Paces(keys=Bounded(MOST_KEYS))
        self._ahead = 0.0
        self._latest = 0.0
        self._era, self._seen = b"", 0
        self._take(first)

    def real_time(self) -> float:
        """Redis's own time, in seconds since 1970."""
        return self._steps.real_time() if self._steps.real_time else self._ticks() + self._ahead

    async def refresh(self) -> None:
        """Read the changes in Redis since the last time."""
        self._take(await self._steps("clocks", *self._known(), again=True))

    @override
    def now(self, key: str | None) -> float:
        return self._paces.now(key, self._real())

    @override
    def sleep_seconds(self, key: str, moment: float) -> float:
        return self._paces.sleep_seconds(key, moment, self._real())

    @override
    def shown(self, moment: float) -> float:
        return moment

    @override
    async def read(self, key: str | None) -> tuple[float, float]:
        await self.refresh()
        return self.now(key), self._paces.of(key).speed

    @override
    async def move(self, key: str | None, *, advance: float = 0.0, speed: float | None = None) -> None:
        moved = repr(advance), "" if speed is None else repr(speed)
        self._take(await self._steps("move", tag_or_all(key), *moved, str(MOST_KEYS), *self._known()))

    @override
    async def reset(self, key: str | None) -> None:
        self._take(await self._steps("reset_clocks", tag_or_all(key), *self._known(), again=True))

    def _real(self) -> float:
        """Redis's time, which stands still while Redis is replaced by one whose time is behind."""
        self._latest = max(self._latest, self.real_time())
        return self._latest

    def _known(self) -> tuple[bytes, str]:
        return self._era, str(self._seen)

    def _take(self, reply: Reply) -> None:
        _, now, era, number, everyone, changed = reply
        if era != self._era:
            self._paces.keys.clear()
        elif int(number) < self._seen:
            self._era = b""  # replies came out of order, or another Redis knows less: read everything again
            return
        self._ahead = float(now) - self._ticks()
        self._era, self._seen, self._paces.everyone = era, int(number), _pace(everyone)
        for name, pace in zip(changed[::2], changed[1::2], strict=True):
            self._paces.keys.pop(key_of(name), None)
            self._paces.keys[key_of(name)] = _pace(pace)


class RedisRules(Rules):
    """Rules; the added ones are in Redis, and those of the settings belong to each replica.

    Args:
        steps: the connection.
        texts: rules from the settings, oldest first.
    """

    def __init__(self, steps: Steps, texts: Iterable[str] = ()) -> None:
        self._steps = steps
        self._of_settings = parse_rules(texts)
        self._seen: Sequence[EffectRule] = self._of_settings
        self._packed = b""

    @property
    @override
    def seen(self) -> Sequence[EffectRule]:
        return self._seen

    @override
    async def listed(self) -> Sequence[EffectRule]:
        _, packed = await self._steps("rules", again=True)
        self.hear(packed)
        return self._seen

    @override
    async def add(self, rule: EffectRule) -> None:
        await self._change(lambda added: [_pack(rule), *added])

    @override
    async def clear(self, key: str | None = None) -> int:
        count = len(await self.listed())
        await (self._change(lambda _: [], settled=False) if key is None else self.reset(key))
        return count - len(self._seen)

    @override
    async def reset(self, key: str | None) -> None:
        if key is None:
            await self._change(lambda _: [], settled=True)
        else:
            await self._change(lambda added: [one for one in added if one["key"] != key])

    def hear(self, packed: bytes) -> None:
        """Take over the added rules from Redis."""
        if packed == self._packed:
            return
        found = json.loads(packed or NOTHING)
        added = [make_rule(one.pop("effect"), one) for one in found["added"]]
        self._seen = [*added, *(self._of_settings if found["settled"] else ())]
        self._packed = packed

    async def _change(self, change: Callable[[list[Added]], list[Added]], *, settled: bool | None = None) -> None:
        """Change the rules; if another replica changes them at the same time, apply this change on top of its own."""
        while True:
            await self.listed()
            before = json.loads(self._packed or NOTHING)
            kept = before["settled"] if settled is None else settled
            after = json.dumps({"settled": kept, "added": change(before["added"])}).encode()
            (done,) = await self._steps("set_rules", self._packed, after)
            if done == b"set":
                self.hear(after)
                return


class RedisArrivals(Arrivals):
    """Counts and files in Redis; one step reads everything, the rules of effects included.

    Args:
        steps: the connection.
        rules: are told of every change.
    """

    def __init__(self, steps: Steps, rules: RedisRules) -> None:
        self._steps = steps
        self._rules = rules

    @override
    async def arrive(self, key: str, paths: Collection[str]) -> Arrival:
        _, number, packed, gone = await self._steps("arrive", tag(key), *map(digest, paths))
        self._rules.hear(packed)
        return Arrival(int(number), marked(paths, gone))

    @override
    async def reset(self, key: str | None) -> None:
        await self._steps("forget_calls", tag_or_all(key))


class RedisOnce(Once):
    """Calls in Redis, which keeps them until a reset."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    @override
    async def first(self, key: str, call: str) -> bool:
        named, attempt = digest(call), secrets.token_hex(8)
        (said,) = await self._steps("once", tag(key), named, attempt, REMEMBERED_SECONDS, str(MOST), again=True)
        return bool(said == b"first")

    @override
    async def reset(self, key: str | None) -> None:
        await self._steps("forget_once", tag_or_all(key))


def _pace(packed: bytes) -> Pace:
    return Pace(*map(float, packed.split()))


def _pack(rule: EffectRule) -> Added:
    return asdict(rule) | {"effect": str(rule.effect)}


class RedisSigningKeys(SigningKeys):
    """Signing keys in Redis.

    A replica that has not seen the newest key signs with the one before, which is in the JWKS as well.

    Args:
        steps: the connection.
        first: the reply of the step ``signing``.
        family: the keys of servers on loopback, or those of servers reachable from elsewhere.
    """

    def __init__(self, steps: Steps, first: Reply, family: str) -> None:
        self._steps = steps
        self._family = family
        self._keys = _keys(first)

    @override
    def sign(self, request_id: str, user_id: str, timestamp: str, body: bytes) -> str:
        return signature(self._keys[-1], request_id, user_id, timestamp, body)

    @override
    async def rotate(self) -> None:
        self._keys = _keys(await self._steps("signing", self._family, new_key(), "1", str(MOST_SIGNING_KEYS)))

    @override
    async def jwks(self) -> Jwks:
        with suppress(StoreUnavailable):  # the known keys still verify
            self._keys = _keys(await self._steps("signing", self._family, "", "", str(MOST_SIGNING_KEYS), again=True))
        return jwks(self._keys)


def _keys(reply: Reply) -> list[Ed25519PrivateKey]:
    return [signing_key(one.decode()) for one in reply[1:]]
