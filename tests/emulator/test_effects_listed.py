"""``fakefal effects`` lists every effect, with what the emulator does."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from fakefal.cli import main
from fakefal.effects.explained import EFFECTS
from fakefal.effects.known import CALL_EFFECTS, KNOWN
from support.server import Server

pytestmark = pytest.mark.quick


def test_every_effect_has_its_line() -> None:
    lines = CliRunner().invoke(main, ["effects"]).output.splitlines()
    assert sorted(line.split()[0] for line in lines) == sorted(KNOWN)


def test_those_of_one_status() -> None:
    rows = json.loads(CliRunner().invoke(main, ["effects", "--status", "429", "--json"]).output)
    assert [row["effect"] for row in rows] == ["concurrent_requests_limit", "queue_full"]
    done = CliRunner().invoke(main, ["effects", "--status", "418"])
    assert done.exit_code == 2
    assert "--status 418: no effect answers so; there are 400, " in done.output


@pytest.mark.parametrize("name", [name for name in CALL_EFFECTS if EFFECTS[name].status])
def test_a_fault_of_a_call_has_the_status_that_is_listed(name: str, serve: Callable[..., Server]) -> None:
    answer = serve().http.post("/queue/fal-ai/flux/dev", json={"prompt": "x"}, headers={"X-Fakefal-Effect": name})
    assert answer.status_code == EFFECTS[name].status
