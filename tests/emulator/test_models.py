"""Every model: judged by its document, priced, answered by rules, shown by the command and the Platform API."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field

from fakefal.core.grammar import BadEffect
from fakefal.settings import Settings, SettingsError, load_settings
from fakefal.testing import Fakefal
from fakefal_contracts import BUILT_IN
from fakefal_contracts.openapi import openapi
from support.endpoints import I2V
from support.programs import FAKEFAL
from support.receivers import Receiver
from support.server import Serve, Server
from support.site import Site
from support.waiting import run_program

pytestmark = pytest.mark.quick

FLUX = "fal-ai/flux/dev"
UNPRICED = "fal-ai/fast-sdxl"
ANY = "some/brand-new/model"
MINE = "me/my-app"
V1 = "/platform/v1"

PROGRAM = """
import json, sys
import fal_client

found = []
for endpoint, arguments in json.loads(sys.argv[1]):
    try:
        found.append(fal_client.subscribe(endpoint, arguments))
    except fal_client.FalClientHTTPError as error:
        detail = error.response.json()["detail"]
        found.append([error.status_code, detail, error.response_headers.get("x-fakefal-hint", "")])
print(json.dumps(found))
"""
"""fal's own client, unmodified: it subscribes to each model, and prints the results and refusals."""


def called(folder: Path, *calls: tuple[str, Any], options: tuple[str, ...] = ()) -> tuple[list[Any], str]:
    """What fal's client gets under `fakefal run` in a folder, and the closing line."""
    command = [
        *FAKEFAL,
        "run",
        "--profile",
        "instant",
        *options,
        "--",
        sys.executable,
        "-c",
        PROGRAM,
        json.dumps(calls),
    ]
    done = run_program(command, cwd=folder)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found, done.stderr.splitlines()[-1]


def fakefal(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return run_program([*FAKEFAL, *arguments], **more)


class Arguments(BaseModel):
    prompt: str
    steps: int = Field(default=20, multiple_of=4)


class Answer(BaseModel):
    text: str


def own_app() -> str:
    """The openapi.json of an application as `fal.App` makes it."""
    app = FastAPI()

    @app.post("/")
    def run(arguments: Arguments) -> Answer:
        return Answer(text=arguments.prompt)

    return json.dumps(app.openapi())


def record(endpoint_id: str, like: str = FLUX) -> str:
    """A record of the models API, for a model of any id that takes what another one takes."""
    document = json.dumps(openapi(BUILT_IN.find(like).edition("latest"))).replace(like, endpoint_id)
    metadata = {"display_name": "Mine", "category": "text-to-image", "updated_at": "2026-11-01T00:00:00Z"}
    return json.dumps({"endpoint_id": endpoint_id, "metadata": metadata, "openapi": json.loads(document)})


class TestJudging:
    def test_fals_client_gets_what_fal_would_answer(self, tmp_path: Path) -> None:
        wrong = {"prompt": "x", "num_images": 9, "output_format": "jpg"}
        (made, refused), closing = called(tmp_path, (FLUX, {"prompt": "x", "num_images": 2}), (FLUX, wrong))
        assert isinstance(made, dict)
        status, detail, _ = refused
        assert status == 422
        assert [(one["loc"], one["type"]) for one in detail] == [
            (["body", "num_images"], "less_than_equal"),
            (["body", "output_format"], "literal_error"),
        ]
        assert closing == "fakefal: 2 requests, 1 done, 1 refused, $0.05 not spent"

    def test_an_unknown_model_gets_fals_404_and_says_how_to_add_it(self, tmp_path: Path) -> None:
        ((status, detail, hint),), _ = called(tmp_path, (ANY, {}))
        assert (status, detail) == (404, 'Application "brand-new" not found')
        assert hint == f"fakefal knows no model {ANY}: fakefal models add {ANY}"

    def test_unknown_accept_lets_any_model_run(self, tmp_path: Path) -> None:
        calls = (ANY, {"whatever": [1]}), ("fal-ai/flux/unheard-of", {}), (FLUX, {})
        (*made, refused), closing = called(tmp_path, *calls, options=("--unknown", "accept"))
        assert made == [{}, {}]
        assert refused[0] == 422, "what is known is judged as ever"
        assert closing == "fakefal: 3 requests, 2 done, 1 refused, $0.00 not spent, the price of 2 is unknown"

    def test_a_refusal_says_which_rule_and_what_to_change(self, server: Server) -> None:
        answer = server.result(FLUX, {"prompt": "x", "num_images": 9})
        said = "flux.dev.num_images.maximum: 9 does not fit: give a number between 1 and 4"
        assert answer.headers["x-fakefal-hint"] == server.journal()[0]["hint"] == said


class TestOwnDocuments:
    def test_a_record_of_fals_models_api(self, serve: Serve, tmp_path: Path) -> None:
        (tmp_path / "model.json").write_text(record(ANY))
        server = serve(models=(tmp_path,))
        assert server.result(ANY, {"prompt": "x"}).status_code == 200
        refused = server.result(ANY, {"prompt": "x", "num_images": 9}).json()["detail"]
        assert refused == server.result(FLUX, {"prompt": "x", "num_images": 9}).json()["detail"]

    def test_an_application_of_ones_own(self, tmp_path: Path) -> None:
        (tmp_path / "openapi.json").write_text(own_app())
        added = fakefal("models", "add", "openapi.json", "--id", MINE, cwd=tmp_path)
        assert added.returncode == 0, added.stderr
        calls = (MINE, {"prompt": "x"}), (MINE, {"steps": 3}), (FLUX, {"prompt": "x"})
        (made, refused, flux), _ = called(tmp_path, *calls, options=("--models", "fal-models"))
        assert isinstance(made, dict)
        assert [one["type"] for one in refused[1]] == ["missing", "multiple_of"]
        assert isinstance(flux, dict), "the built-in models are there, too"

    def test_they_win_over_the_built_in_ones(self, serve: Serve, tmp_path: Path) -> None:
        document = json.loads(record(FLUX))
        (schema,) = (one for name, one in document["openapi"]["components"]["schemas"].items() if "DevInput" in name)
        schema["properties"]["num_images"]["maximum"] = 9
        (tmp_path / "model.json").write_text(json.dumps(document))
        body = {"prompt": "x", "num_images": 9}
        assert serve(models=(tmp_path / "model.json",)).result(FLUX, body).status_code == 200
        assert serve().result(FLUX, body).status_code == 422

    def test_one_that_cannot_be_read_ends_the_start_and_names_its_file(self, tmp_path: Path) -> None:
        (tmp_path / "fakefal.toml").write_text('models = ["broken.json"]\n')
        (tmp_path / "broken.json").write_text("{")
        done = fakefal("serve", "--port", "0", cwd=tmp_path)
        assert done.returncode == 2
        assert "models cannot be read: broken.json is not JSON" in done.stderr


class TestPrices:
    def test_fals_price_counts_pictures(self, server: Server) -> None:
        server.submit(FLUX, {"prompt": "x", "num_images": 3})
        (job,) = server.control("ledger")["jobs"]
        assert (job["units"], job["usd"]) == (3.0, 0.075)

    def test_prices_of_the_file_win(self, tmp_path: Path) -> None:
        lines = [f'[prices."{FLUX}"]\nusd = "0.5"\nunit = "image"', f'[prices."{UNPRICED}"]\nusd = 2\nunit = "request"']
        (tmp_path / "fakefal.toml").write_text("\n".join(lines))
        calls = (FLUX, {"prompt": "x", "num_images": 2}), (UNPRICED, {"prompt": "x"})
        _, closing = called(tmp_path, *calls)
        assert closing == "fakefal: 2 requests, 2 done, 0 refused, $3.00 not spent"

    @pytest.mark.both_stores
    def test_an_unknown_price_is_counted_apart(self, serve: Serve) -> None:
        server = serve()
        submitted = server.submit(UNPRICED, {"prompt": "x"})
        assert server.http.get(submitted["response_url"]).headers["x-fal-billable-units"] == "1.0"
        server.submit(FLUX, {"prompt": "x"})
        found = server.control("ledger")
        assert [job["usd"] for job in found["jobs"]] == [0.025, None]
        assert found["usd"] == 0.025
        assert {one["endpoint_id"]: one["unpriced"] for one in found["totals"]} == {UNPRICED: 1, FLUX: 0}

    def test_the_closing_line_says_of_how_many_the_price_is_unknown(self, tmp_path: Path) -> None:
        _, closing = called(tmp_path, (UNPRICED, {"prompt": "x"}), (FLUX, {"prompt": "x"}))
        assert closing == "fakefal: 2 requests, 2 done, 0 refused, $0.025 not spent, the price of 1 is unknown"

    @pytest.mark.parametrize(
        ("price", "says"),
        [
            ({"usd": "0.02", "unit": "picture"}, "'second', 'image', 'megapixel', 'request' or '1000 characters'"),
            ({"usd": "-1", "unit": "image"}, "give an amount of dollars"),
            ({"usd": "1"}, "unit is missing"),
        ],
    )
    def test_what_is_no_price_is_refused(self, price: dict[str, str], says: str) -> None:
        with pytest.raises(SettingsError, match="prices") as refused:
            Settings.model_validate({"prices": {FLUX: price}})
        assert says in str(refused.value)

    def test_those_of_unknown_models_need_a_document_or_leave_to_accept_them(self, tmp_path: Path) -> None:
        (tmp_path / "fakefal.toml").write_text(f'[prices."{MINE}"]\nusd = 1\nunit = "image"')
        with pytest.raises(SettingsError, match=f"prices: unknown model {MINE}"):
            load_settings(environ={}, folder=tmp_path)
        assert MINE in load_settings({"unknown": "accept"}, environ={}, folder=tmp_path).prices
        (tmp_path / "model.json").write_text(record(MINE))
        assert MINE in load_settings({"models": (tmp_path / "model.json",)}, environ={}, folder=tmp_path).catalogue()


def by_settings(serve: Serve, _: Path) -> Server:
    return serve(effects=(f"respond(result={{'made': 1}}) when endpoint='{ANY}'",))


def by_control_api(serve: Serve, _: Path) -> Server:
    server = serve()
    server.inject("respond(result={'made': 1})", endpoint=ANY)
    return server


class TestAnsweringForAnyModel:
    """A rule with an answer makes any id run, known or not."""

    @pytest.mark.parametrize("door", [by_settings, by_control_api])
    def test_queue_webhook_and_ledger_know_it(
        self, door: Callable[[Serve, Path], Server], serve: Serve, receiver: Receiver, tmp_path: Path
    ) -> None:
        server = door(serve, tmp_path)
        answer = server.http.post(f"/queue/{ANY}", params={"fal_webhook": receiver.url}, json={"prompt": "x"})
        submitted = answer.json()
        assert server.http.get(submitted["status_url"]).json()["status"] == "COMPLETED"
        assert server.http.get(submitted["response_url"]).json() == {"made": 1}
        (received,) = receiver.wait(1)
        assert json.loads(received.body)["payload"] == {"made": 1}
        (job,) = server.control("ledger")["jobs"]
        assert (job["endpoint_id"], job["status"], job["usd"]) == (ANY, 200, None)
        assert server.http.post("/queue/another/one", json={}).status_code == 404

    def test_by_the_fixture(self) -> None:
        with Fakefal() as fake:
            fake.respond({"made": 1}, endpoint=ANY)
            with httpx.Client(headers={"Authorization": "Key a:b"}) as http:
                submitted = http.post(f"https://queue.fal.run/{ANY}", json={}).json()
                assert http.get(submitted["response_url"]).json() == {"made": 1}
            (job,) = fake.ledger
            assert job.endpoint_id == ANY

    def test_by_an_option_and_by_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "fakefal.toml").write_text(
            f"""effects = ["respond(result={{'file': 1}}) when endpoint='{ANY}'"]\n"""
        )
        assert called(tmp_path, (ANY, {}))[0] == [{"file": 1}]
        option = ("--effect", f"respond(result={{'option': 1}}) when endpoint='{ANY}'")
        assert called(tmp_path, (ANY, {}), options=option)[0] == [{"option": 1}]

    def test_with_its_price_it_is_billed(self, serve: Serve) -> None:
        prices = {ANY: {"usd": "0.3", "unit": "request"}}
        server = serve(prices=prices, effects=(f"respond(result={{}}) when endpoint='{ANY}'",))
        server.submit(ANY, {})
        assert server.control("ledger")["usd"] == 0.3


NEVER = "stuck when endpoint='o1/image-to-vide'"
SAID = f"no model that fakefal knows has an id that ends with o1/image-to-vide; did you mean {I2V}?"


class TestRulesThatCanNeverMatch:
    def test_the_settings_refuse_them(self) -> None:
        with pytest.raises(SettingsError) as refused:
            Settings(effects=(NEVER,))
        assert SAID in str(refused.value)

    def test_the_option_and_the_file_refuse_them(self, tmp_path: Path) -> None:
        done = fakefal("serve", "--port", "0", "--effect", NEVER, cwd=tmp_path)
        assert (done.returncode, SAID in " ".join(done.stderr.split())) == (2, True), done.stderr
        (tmp_path / "fakefal.toml").write_text(f'effects = ["{NEVER}"]\n')
        done = fakefal("serve", "--port", "0", cwd=tmp_path)
        assert (done.returncode, SAID in " ".join(done.stderr.split())) == (2, True), done.stderr

    def test_the_control_api_refuses_them(self, server: Server) -> None:
        answer = server.http.post("/_fakefal/scenarios", json={"effect": "stuck", "endpoint": "o1/image-to-vide"})
        assert answer.status_code == 422
        assert SAID in str(answer.json()["detail"])

    def test_the_fixture_refuses_them(self) -> None:
        with Fakefal() as fake, pytest.raises(BadEffect) as refused:
            fake.inject(NEVER)
        assert SAID in str(refused.value)

    def test_where_unknown_models_run_they_can_match(self, serve: Serve) -> None:
        server = serve(unknown="accept", effects=(f"internal_server_error when endpoint='{ANY}'",))
        assert server.result(ANY, {}).status_code == 500
        server.inject("internal_server_error", endpoint="another/one")
        assert server.result("another/one", {}).status_code == 500


class TestCommand:
    def test_models_are_found_by_words_and_kind(self) -> None:
        done = fakefal("models", "--search", "flux schnell", "--kind", "text-to-image", "--json")
        assert json.loads(done.stdout) == [
            {"endpoint_id": one, "category": "text-to-image", "checked_against": "fal's schema (2026-06-11)"}
            for one in ("fal-ai/flux-1/schnell", "fal-ai/flux/schnell")
        ]
        text = fakefal("models", "--search", "kling o1/standard/image")
        assert text.stdout.splitlines()[0].split() == [
            "fal-ai/kling-video/o1/standard/image-to-video", "image-to-video", "fal's", "schema", "and", "further",
            "rules",
        ]  # fmt: skip
        assert f"1 of {len(BUILT_IN)} models" in text.stderr

    def test_an_unknown_category_is_refused_with_those_that_exist(self) -> None:
        done = fakefal("models", "--kind", "tts")
        assert done.returncode == 2
        assert "no model has the category 'tts'; there are 3d-to-3d, audio-to-audio, " in done.stderr

    def test_all_are_listed(self) -> None:
        assert len(fakefal("models").stdout.splitlines()) == len(BUILT_IN)

    def test_of_one_its_rules_price_depth_and_an_example_are_told(self) -> None:
        shown = json.loads(fakefal("models", "show", "flux/dev", "--json").stdout)
        assert (shown["endpoint_id"], shown["category"], shown["price"]) == (FLUX, "text-to-image", "$0.025 an image")
        assert shown["checked_against"] == "fal's schema (2026-06-11)"
        assert shown["streams"]
        rule = next(one for one in shown["rules"] if one["rule"] == "flux.dev.num_images.maximum")
        assert rule == {
            "rule": "flux.dev.num_images.maximum",
            "says": "at most 4",
            "evidence": "documented, fal's OpenAPI document (2026-06-11)",
        }
        assert fakefal("check", FLUX, input=json.dumps(shown["example"])).returncode == 0

    def test_of_one_in_depth_the_contracts_and_tiers_of_its_price_are_told(self) -> None:
        text = fakefal("models", "show", "o3/pro/reference-to-video").stdout
        assert "checks     against fal's schema and further rules" in text
        assert "contracts  2026-02-04, 2026-06-11" in text
        tiers = "$0.112 a second, $0.14 a second with a sound track, $0.168 a second with a clip among the inputs"
        assert f"price      {tiers}" in text

    @pytest.mark.parametrize(
        "command",
        [
            ("models", "show"),
            ("check",),
            ("drift", "--online"),
            ("conform", "--target", "http://127.0.0.1:9", "--endpoint"),
        ],
    )
    def test_an_end_that_several_ids_have_names_none(self, command: tuple[str, ...]) -> None:
        done = fakefal(*command, "video-to-audio", input='{"prompt": "x"}')
        assert done.returncode == 2
        named = "mirelo-ai/sfx-v1/video-to-audio or fal-ai/kling-video/video-to-audio or mirelo-ai/sfx-v1.5/"
        assert f"3 ids end with video-to-audio: write the whole id, such as {named}" in done.stderr.replace("\n", " ")

    def test_an_unknown_one_is_wrong_use(self) -> None:
        done = fakefal("models", "show", "fal-ai/flx/dev")
        assert done.returncode == 2
        said = (
            "fakefal knows no model fal-ai/flx/dev: did you mean fal-ai/flux/dev? "
            "If not, add it: fakefal models add fal-ai/flx/dev"
        )
        assert said in " ".join(done.stderr.split())

    def test_a_file_is_added_and_used(self, tmp_path: Path) -> None:
        (tmp_path / "model.json").write_text(record(ANY))
        done = fakefal("models", "add", "model.json", cwd=tmp_path)
        assert done.stdout == f"{ANY}: fal-models/some--brand-new--model.jsonl\n"
        assert 'models = ["fal-models/"] in fakefal.toml' in done.stderr
        (tmp_path / "fakefal.toml").write_text('models = ["fal-models/"]\n')
        shown = json.loads(fakefal("models", "show", ANY, "--json", cwd=tmp_path).stdout)
        assert (shown["checked_against"], shown["price"]) == ("your schema (2026-11-01)", "unknown")

    def test_one_that_is_built_in_says_that_it_wins(self, tmp_path: Path) -> None:
        (tmp_path / "model.json").write_text(record(FLUX))
        done = fakefal("models", "add", "model.json", "--to", "mine", cwd=tmp_path)
        assert done.stdout == f"{FLUX}: mine/fal-ai--flux--dev.jsonl (it now wins over the built-in one)\n"

    def test_an_id_is_fetched_once_and_without_a_key(self, site: Site, tmp_path: Path) -> None:
        path = f"/api/openapi/queue/openapi.json?endpoint_id={ANY}"
        site.pages[path] = (200, {}, json.dumps(json.loads(record(ANY))["openapi"]).encode())
        url = f"http://127.0.0.1:{site.server_port}"
        done = fakefal("models", "add", ANY, "--url", url, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{ANY}: fal-models/some--brand-new--model.jsonl\n"
        assert len(site.asked) == 1
        (made,), _ = called(tmp_path, (ANY, {"prompt": "x"}), options=("--models", "fal-models"))
        assert isinstance(made, dict)

    @pytest.mark.parametrize("end", ["", "/api?x=1#inputs", "/playground", "/llms.txt"])
    def test_the_page_of_a_model_leads_to_its_document(self, site: Site, tmp_path: Path, end: str) -> None:
        path = f"/api/openapi/queue/openapi.json?endpoint_id={ANY}"
        site.pages[path] = (200, {}, json.dumps(json.loads(record(ANY))["openapi"]).encode())
        done = fakefal("models", "add", f"http://127.0.0.1:{site.server_port}/models/{ANY}{end}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{ANY}: fal-models/some--brand-new--model.jsonl\n"

    def test_the_address_of_a_document_is_read_as_it_is(self, site: Site, tmp_path: Path) -> None:
        site.pages["/v1/models?endpoint_id=x"] = (200, {}, f'{{"models": [{record(ANY)}]}}'.encode())
        address = f"http://127.0.0.1:{site.server_port}/v1/models?endpoint_id=x"
        done = fakefal("models", "add", address, cwd=tmp_path)
        assert done.stdout == f"{ANY}: fal-models/some--brand-new--model.jsonl\n", done.stderr

    def test_a_document_without_a_day_is_undated(self, tmp_path: Path) -> None:
        (tmp_path / "openapi.json").write_text(own_app())
        fakefal("models", "add", "openapi.json", "--id", MINE, cwd=tmp_path)
        text = fakefal("models", "show", MINE, "--models", "fal-models", cwd=tmp_path).stdout
        assert "checks     against your schema (undated)" in text
        assert "0001" not in text

    def test_an_id_that_the_site_does_not_have_is_wrong_use(self, site: Site, tmp_path: Path) -> None:
        done = fakefal("models", "add", ANY, "--url", f"http://127.0.0.1:{site.server_port}", cwd=tmp_path)
        assert done.returncode == 2
        assert "answers 404" in done.stderr
        assert not (tmp_path / "fal-models").exists()

    def test_without_network_it_says_what_to_do(self, tmp_path: Path) -> None:
        done = fakefal("models", "add", ANY, "--url", "http://127.0.0.1:9", cwd=tmp_path)
        assert done.returncode == 2
        assert "cannot be reached" in done.stderr
        assert "save the document, and give the file" in " ".join(done.stderr.split())

    def test_a_file_that_is_not_there_is_not_asked_for(self, tmp_path: Path) -> None:
        done = fakefal("models", "add", "model.json", cwd=tmp_path)
        assert (done.returncode, "file model.json does not exist" in done.stderr) == (2, True)


class TestPlatformApi:
    def test_a_model_of_ones_own_is_listed_with_its_document_and_price(self, serve: Serve, tmp_path: Path) -> None:
        (tmp_path / "model.json").write_text(record(ANY))
        server = serve(models=(tmp_path,), prices={ANY: {"usd": "0.3", "unit": "image"}})
        query = {"q": "brand-new", "category": "text-to-image", "expand": "openapi-3.0"}
        (found,) = server.http.get(f"{V1}/models", params=query).json()["models"]
        assert (found["endpoint_id"], found["metadata"]["display_name"]) == (ANY, "Mine")
        assert found["openapi"]["servers"] == [{"url": f"{server.url}/queue"}]
        assert f"/{ANY}" in found["openapi"]["paths"]
        (price,) = server.http.get(f"{V1}/models/pricing", params={"endpoint_id": ANY}).json()["prices"]
        assert price == {"endpoint_id": ANY, "unit_price": 0.3, "unit": "images", "currency": "USD"}

    def test_what_it_expands_is_a_document_that_can_be_added(self, server: Server, tmp_path: Path) -> None:
        query = {"endpoint_id": UNPRICED, "expand": "openapi-3.0"}
        page = server.http.get(f"{V1}/models", params=query)
        (tmp_path / "page.json").write_bytes(page.content)
        done = fakefal("models", "add", "page.json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    def test_an_unpriced_model_has_no_price_and_says_how_to_give_one(self, server: Server) -> None:
        answer = server.http.get(f"{V1}/models/pricing", params={"endpoint_id": UNPRICED})
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "not_found"
        assert f'[prices."{UNPRICED}"]' in answer.headers["x-fakefal-hint"]
