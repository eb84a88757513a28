"""What callers send is kept within bounds: keys, lists of users, scenarios, settings of keys, open uploads."""

from __future__ import annotations

import asyncio

import pytest

from fakefal.control import api
from fakefal.effects.arrivals import MemoryArrivals
from fakefal.state import bounded
from fakefal.state.access import MOST_RULES, MemoryAccess, UploadLifecycle
from fakefal.state.clock import MemoryClock
from fakefal.state.requests import LONGEST_KEY
from support.endpoints import O1
from support.server import Server

LONG = "k" * (LONGEST_KEY + 1)


def test_a_key_may_be_so_long(victim: Server) -> None:
    for name, accepted in ((LONG[1:], True), (LONG, False)):
        headers = {"Authorization": f"Key {name}:secret"}
        assert victim.http.post(f"/queue/{O1}", json={"prompt": "x"}, headers=headers).is_success is accepted
        assert victim.http.post("/_fakefal/clock", json={}, params={"key": name}).is_success is accepted
        assert victim.http.get("/platform/v1/storage/settings", headers=headers).is_success is accepted
        scenario = {"effect": "stuck", "key": name}
        assert victim.http.post("/_fakefal/scenarios", json=scenario).is_success is accepted


def test_a_list_may_name_so_many_users(victim: Server) -> None:
    def answer(count: int, user: str = "u") -> int:
        acl = {"default": "allow", "rules": [{"user": user, "decision": "allow"}] * count}
        return victim.http.put("/platform/v1/storage/settings", json={"initial_acl": acl}).status_code

    assert answer(MOST_RULES) == 200
    assert (answer(MOST_RULES + 1), answer(1, LONG)) == (400, 400)


def test_so_many_scenarios_are_kept(victim: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MOST_RULES", 2)
    answers = [victim.http.post("/_fakefal/scenarios", json={"effect": "stuck"}) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 422]
    assert "at most 2 scenarios" in answers[-1].json()["detail"]


def test_what_is_said_of_keys_is_forgotten_beyond_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("clock", "access"):
        monkeypatch.setattr(f"fakefal.state.{module}.MOST_KEYS", 3)
    monkeypatch.setattr("fakefal.effects.arrivals.MOST_KEYS", 3)
    clock = MemoryClock()
    access = MemoryAccess(clock, 10)
    arrivals = MemoryArrivals(access)

    async def fill() -> None:
        for number in range(10):
            await clock.move(str(number), advance=1)
            await access.change_settings(str(number), UploadLifecycle(expiration_duration_seconds=5))
            await arrivals.arrive(str(number), ())
            assert (await arrivals.arrive("often", ())).number == number + 1

    asyncio.run(fill())
    assert [*clock._paces.keys] == [*access._settings] == ["7", "8", "9"]
    assert [*arrivals._calls] == ["8", "9", "often"]
    assert bounded.MOST_KEYS == 10_000
