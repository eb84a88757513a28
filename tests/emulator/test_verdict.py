"""The verdict as a whole: whose it is, what it says and keeps, and where it is shown."""

from __future__ import annotations

import pytest

from fakefal.verdict.mistakes import RULES, Kind
from fakefal.verdict.sendings import Passage
from fakefal.verdict.witness import MOST_FINDINGS, MOST_SENT, Witness
from support.redis_server import empty_databases
from support.server import Serve, Server
from support.verdict import PRICE, Ticks, entry, finish, found, send

pytestmark = pytest.mark.quick


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(parts={"ticks": Ticks()})


def test_keys_have_verdicts_of_their_own_and_a_reset_forgets(server: Server) -> None:
    send(server)
    send(server, headers={"Authorization": "Key other:secret"})
    assert [len(found(server, key=key)) for key in ("tester", "other", "nobody")] == [1, 1, 0]
    server.http.post("/_fakefal/reset", params={"key": "other"})
    assert [len(found(server, key=key)) for key in ("tester", "other")] == [1, 0]
    server.http.post("/_fakefal/reset")
    assert found(server) == []


def test_what_is_said_of_a_kind(server: Server) -> None:
    send(server)
    verdict = server.control("verdict")
    kind = Kind.RESULT_NEVER_FETCHED
    assert verdict["kinds"] == [
        {"kind": kind, "grade": "proven", "count": 1, "usd": PRICE, "rule": kind.rule, "advice": kind.advice}
    ]
    assert (verdict["proven"], verdict["possible"], verdict["usd"]) == (1, 0, PRICE)


def test_the_control_api_shows_it_as_a_table_and_lets_kinds_pass(server: Server) -> None:
    server.inject("accept_then_drop", nth=1)
    send(server)
    finish(server, send(server))
    shown = server.control("verdict")
    assert shown["text"] == str(server.emulator.witness.verdict({}, None))
    assert "paid_twice: proven" in shown["text"]
    allowed = server.control("verdict", allow=["paid_twice", "never_cancelled"])
    assert (allowed["proven"], allowed["findings"], allowed["text"]) == (0, [], "no findings but 1 allowed")
    unknown = server.http.get("/_fakefal/verdict", params={"allow": "paid_thrice"})
    assert unknown.status_code == 422


def test_every_kind_has_a_rule() -> None:
    assert set(RULES) == set(Kind)


def test_it_does_not_need_the_journal(serve: Serve) -> None:
    server = serve(max_journal=1)
    server.inject("accept_then_drop", nth=1)
    send(server)
    finish(server, send(server))
    assert (Kind.PAID_TWICE, "proven") in found(server)


def test_what_it_keeps_has_bounds() -> None:
    witness = Witness()
    for number in range(MOST_SENT + 5):
        call = entry(f"/queue/{number}/requests/x", status=405)
        witness.sent(call, ("k", "e", number), None)
        witness.saw(call, None, Passage(0.0, 1.0, whole=True))
    verdict = witness.verdict({}, None)
    assert (len(verdict.findings), verdict.more) == (MOST_FINDINGS, 5)
    assert len(witness._sent) == MOST_SENT
    assert str(verdict).startswith("10005 findings, ")


def test_it_keeps_no_connections(server: Server) -> None:
    finish(server, send(server))
    assert [one.gone for one in server.emulator.witness._sent.values()] == [None]


def test_each_replica_sees_its_own_calls(serve: Serve, redis_url: str) -> None:
    server = serve(profile="instant", store=next(empty_databases(redis_url)))
    server.inject("accept_then_drop", nth=1)
    send(server)
    finish(server, send(server))
    assert found(server) == [(Kind.PAID_TWICE, "proven")]


def test_findings_are_events(server: Server) -> None:
    server.inject("accept_then_drop", nth=1)
    send(server)
    finish(server, send(server))
    (told,) = [one for one in server.emulator.events.newest() if one.kind == "finding"]
    assert (told.finding, told.grade, float(told.usd)) == ("paid_twice", "proven", PRICE)
