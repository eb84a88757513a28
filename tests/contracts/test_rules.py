"""Every rule refuses, alone, at its place; and nothing is refused without a rule."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from cases import Case, cases, good_body, good_media
from conftest import Server
from fakefal_contracts import ENDPOINTS, Edition, Grade, judge, rulebook
from fakefal_contracts.model import path_of

EDITIONS = [endpoint.edition(name) for endpoint in ENDPOINTS.values() for name in ("documented", "latest")]


@pytest.mark.parametrize("edition", EDITIONS, ids=lambda one: f"{one.contract}:{one.endpoint.name}")
class TestEveryEdition:
    def test_the_good_bodies_are_accepted(self, edition: Edition) -> None:
        o3 = "multi_prompt" in edition.model.model_fields
        variants = [(shots, element) for shots in (False, True) for element in ("", "clip")] if o3 else [(False, "")]
        for shots, element in variants:
            body = good_body(edition, shots=shots, element=element)
            report = judge(edition, body, lambda address: good_media()[address])
            assert report.ok, report.errors
            assert not report.unchecked

    def test_rule_ids_are_stable_names(self, edition: Edition) -> None:
        ids = [rule.id for rule in rulebook(edition)]
        assert len(ids) == len(set(ids))
        for name in ids:
            assert name.startswith(f"{edition.endpoint.name}.")
            assert re.fullmatch(r"[a-z0-9.\-_\[\]]+", name)

    def test_every_rule_has_evidence(self, edition: Edition) -> None:
        for rule in rulebook(edition):
            assert rule.evidence.source
            assert rule.evidence.grade in Grade
            assert rule.says


@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_rule_alone_refuses(case: Case) -> None:
    report = judge(case.edition, case.body, case.opener)
    assert [error.rule.id for error in report.errors] == [case.rule.id]
    (error,) = report.errors
    assert path_of(error.loc) == case.rule.field or error.type == "missing"
    assert error.hint


def test_every_rule_refuses_at_the_result_and_bills_nothing(serve: Callable[..., Server]) -> None:
    servers = {name: serve(contract=name) for name in ("documented", "latest")}
    for server in servers.values():
        for address, content in good_media().items():
            put(server, address, content)
    for case in cases():
        server = servers[case.edition.contract]
        for address, content in case.media.items():
            put(server, address, content)
        answer = server.result(case.edition.endpoint.id, case.body)
        assert answer.status_code == 422, (str(case), answer.text[:300])
        assert answer.headers["x-fal-billable-units"] == "0"
        expected = [error.wire() for error in judge(case.edition, case.body, case.opener).errors]
        assert answer.json() == {"detail": expected}, str(case)


def put(server: Server, address: str, content: Any) -> None:
    """Lay content under an address of the server's CDN."""
    part = server.emulator.files.open_part()
    whole = content if isinstance(content, bytes) else content.read_bytes()
    part.write(whole.rstrip(b"\0"))
    part.truncate(len(whole))  # the padding of large files stays a hole
    part.seek(len(whole))
    server.emulator.files.keep(part, address.removeprefix("https://v3b.fal.media"), "application/octet-stream")
