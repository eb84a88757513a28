"""`record` and `proxy` with models and prices of the user's own, before an emulator that stands in for fal."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from fakefal_contracts import BUILT_IN
from fakefal_contracts.openapi import openapi
from support.programs import FAKEFAL, finish
from support.recordings import FAL_KEY
from support.server import Serve, Server

FLUX = "fal-ai/flux/dev"
MINE = "me/own/model"
UNPRICED = "fal-ai/fast-sdxl"
NOBODYS = "some/brand-new/model"
PRICES = {MINE: {"usd": "0.25", "unit": "image"}}
GIVEN = f'[prices."{MINE}"]\nusd = "0.25"\nunit = "image"\n'
BODY = {"prompt": "x", "num_images": 2}

PROGRAM = """
import json, sys
import fal_client

found = []
for endpoint, arguments in json.loads(sys.argv[1]):
    try:
        found.append(fal_client.subscribe(endpoint, arguments))
    except fal_client.FalClientHTTPError as error:
        found.append([error.response.status_code, error.response.json()["detail"]])
print(json.dumps({"found": found}))
"""
"""fal's own client, unmodified: it subscribes to each model, and prints the results and refusals."""


@pytest.fixture
def fal(serve: Serve, tmp_path: Path) -> Server:
    """What stands in for fal, and has the model; its document lies beside the program."""
    document = json.dumps(openapi(BUILT_IN.find(FLUX).edition("latest"))).replace(FLUX, MINE)
    (tmp_path / "model.json").write_text(document)
    return serve(models=(tmp_path / "model.json",), prices=PRICES)


def called(command: str, fal: Server, folder: Path, *calls: tuple[str, Any], options: tuple[str, ...] = ()) -> Any:
    """What fal's client gets under a command that spends money, and the report."""
    money = ["--max-usd", "1.2", "--upstream", fal.url, "--report", "report.json", *options]
    program = [*FAKEFAL, command, *money, "--", sys.executable, "-c", PROGRAM, json.dumps(calls)]
    got = finish(program, cwd=folder, env={**os.environ, "FAL_KEY": FAL_KEY})["found"]
    return got, json.loads((folder / "report.json").read_text())


def arrived(fal: Server) -> list[str]:
    return [one["endpoint_id"] for one in fal.http.get("/_fakefal/requests").json()]


@pytest.mark.parametrize("command", ["record", "proxy"])
class TestEach:
    def test_an_own_model_is_judged_by_its_document_and_billed_at_its_price(
        self, command: str, fal: Server, tmp_path: Path
    ) -> None:
        (tmp_path / "fakefal.toml").write_text(GIVEN)
        calls = (MINE, BODY), (MINE, {**BODY, "num_images": 9}), (MINE, {**BODY, "num_images": 4})
        (made, wrong, dear), report = called(command, fal, tmp_path, *calls, options=("--models", "model.json"))
        assert len(made["images"]) == 2
        assert (wrong[0], wrong[1][0]["loc"]) == (422, ["body", "num_images"])
        assert dear[0] == 403
        assert dear[1].endswith("this request costs $1.00, and $0.70 of the spend limit of $1.20 is left")
        assert (arrived(fal), report["spent_usd"], report["differences"]) == ([MINE], 0.5, [])

    def test_what_has_no_price_is_refused_and_says_how_to_give_one(
        self, command: str, fal: Server, tmp_path: Path
    ) -> None:
        (tmp_path / "fakefal.toml").write_text('models = ["model.json"]\n')
        calls = [(one, {"prompt": "x"}) for one in (MINE, UNPRICED, NOBODYS)]
        (*unpriced, unknown), report = called(command, fal, tmp_path, *calls)
        for endpoint_id, refused in zip((MINE, UNPRICED), unpriced, strict=True):
            said = f'set it in fakefal.toml: [prices."{endpoint_id}"] usd = "0.025", unit = "image"'
            assert refused == [501, f"fakefal did not send this request: no price is known: {said}"]
        assert unknown[0] == 501
        assert f"fakefal knows no model {NOBODYS}: fakefal models add {NOBODYS}" in unknown[1]
        assert (arrived(fal), report["spent_usd"]) == ([], 0)
