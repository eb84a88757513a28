"""Every model of the catalogue: found, built, judged, printed; and documents of the user's own."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from pydantic import BaseModel, Field

from fakefal_contracts import BUILT_IN, FOUNDING, Catalogue, Depth, Unit, UnknownContract, UnknownEndpoint, check, judge
from fakefal_contracts.errors import UnreadableContract
from fakefal_contracts.evidence import UNDATED, third_party
from fakefal_contracts.example import example_input
from fakefal_contracts.media import AudioLimits, ClipLimits, Limits, PictureLimits
from fakefal_contracts.model import Input, spots
from fakefal_contracts.openapi import openapi
from fakefal_contracts.own_documents import load_catalogue, read_models, records_of
from fakefal_contracts.price import Price
from fakefal_contracts.record import Record, Source, with_titles, without_titles
from fakefal_contracts.rulebooks import rulebook
from fakefal_contracts.shipped import is_shipped_app, shipped_ids, shipped_record, shipped_records
from tools.catalogue import main as rebuild
from tools.catalogue import without_words

FLUX = "fal-ai/flux/dev"
O1 = "fal-ai/kling-video/o1/image-to-video"


class TestShipped:
    def test_ids_are_sorted_and_each_is_found(self) -> None:
        ids = list(shipped_ids())
        assert ids == sorted(ids)
        assert [record.id for record in shipped_records()] == ids
        assert all((found := shipped_record(one)) is not None and found.id == one for one in ids)

    @pytest.mark.parametrize(
        "wrong", ["", "a", "fal-ai", "fal-ai/flu", "fal-ai/flux", f"{FLUX}/", f"{FLUX}x", "zzzz", FLUX.upper()]
    )
    def test_no_other_id_is_found(self, wrong: str) -> None:
        assert shipped_record(wrong) is None
        assert wrong not in BUILT_IN

    def test_applications_are_known_by_their_models(self) -> None:
        assert is_shipped_app("fal-ai/flux")
        assert is_shipped_app("xai/tts")
        assert not is_shipped_app("fal-ai/flu")
        assert not is_shipped_app("")

    def test_titles_that_are_left_out_come_back(self) -> None:
        schema = {"properties": {"num_images": {"title": "Num Images"}, "odd": {}, "other": {"title": "OTHER"}}}
        short = without_titles(schema)
        assert "Num Images" not in json.dumps(short)
        assert with_titles(short) == schema


def test_every_model_accepts_its_example_and_answers_an_empty_body_as_its_schema_says() -> None:
    wrong: list[Any] = []
    for endpoint_id in BUILT_IN:
        endpoint = BUILT_IN.find(endpoint_id)
        edition = endpoint.edition("latest")
        for body in (example_input(endpoint), example_input(endpoint, full=True)):
            wrong += [(endpoint_id, error) for error in judge(edition, body).errors]
        required = [field.alias or name for name, field in edition.model.model_fields.items() if field.is_required()]
        missing = [error.loc[0] for error in judge(edition, {}).errors if error.rule.kind == "required"]
        if missing != required:
            wrong.append((endpoint_id, missing))
        if not {rule.kind for rule in rulebook(edition)} >= {"type"}:
            wrong.append((endpoint_id, "no rules"))
    assert wrong == []


def test_fields_that_take_media_are_known_by_kind() -> None:
    def limits(endpoint_id: str, path: str) -> Limits:
        model = BUILT_IN.find(endpoint_id).edition("latest").model
        spot = next(one for one in spots(model) if one.path == path)
        return next(one for one in spot.metadata if isinstance(one, Limits))

    assert isinstance(limits("fal-ai/flux/dev/image-to-image", "image_url"), PictureLimits)
    assert isinstance(limits("fal-ai/whisper", "audio_url"), AudioLimits)
    assert isinstance(limits("fal-ai/kling-video/v2.6/pro/motion-control", "video_url"), ClipLimits)


class TestJudging:
    def test_refusals_come_in_fals_order_with_the_names_of_branches(self) -> None:
        body = {"prompt": 1, "num_images": 9, "acceleration": "x", "image_size": {"width": -1}, "seed": None}
        found = [(error.type, error.loc, error.rule.id) for error in check(FLUX, body).errors]
        branch = "literal['square_hd','square','portrait_4_3','portrait_16_9','landscape_4_3','landscape_16_9']"
        assert found == [
            ("string_type", ("prompt",), "flux.dev.prompt.type"),
            ("greater_than", ("image_size", "ImageSize", "width"), "flux.dev.image_size.width.minimum"),
            ("literal_error", ("image_size", branch), "flux.dev.image_size.one_of"),
            ("less_than_equal", ("num_images",), "flux.dev.num_images.maximum"),
            ("literal_error", ("acceleration",), "flux.dev.acceleration.one_of"),
        ]

    @pytest.mark.parametrize(
        ("body", "hint"),
        [
            ({"num_images": 9}, "9 does not fit: give a number between 1 and 4"),
            ({"guidance_scale": 0.5}, "0.5 does not fit: give a number between 1 and 20"),
            ({"sync_mode": None}, "leave the key out instead of sending null"),
            ({"output_format": "jpg"}, '"jpg" is not allowed; use one of "jpeg", "png"'),
            ({"image_size": {"width": 0}}, "0 does not fit: give a number above 0 and at most 14142"),
        ],
    )
    def test_each_kind_of_limit_has_a_hint(self, body: dict[str, Any], hint: str) -> None:
        assert check(FLUX, {"prompt": "x"} | body).errors[0].hint == hint

    def test_an_address_is_asked_for(self) -> None:
        found = next(
            record for record in shipped_records() if '"format": "uri"' in json.dumps(record.schemas[record.input])
        )
        schema = found.schemas[found.input]["properties"]
        name = next(key for key, one in schema.items() if '"format": "uri"' in json.dumps(one))
        body = example_input(BUILT_IN.find(found.id)) | {name: "no address"}
        error = next(error for error in check(found.id, body).errors if error.loc[0] == name)
        assert error.rule.kind == "address"
        assert "https://" in error.hint

    def test_a_report_says_how_deep_it_looked(self) -> None:
        assert check(FLUX, {"prompt": "x"}).as_dict()["checked_against"] == "fal's schema (2026-06-11)"
        assert (
            check("CassetteAI/music-generator", {}).as_dict()["checked_against"]
            == "fal's types, no limits (2026-08-02)"
        )
        assert check(next(iter(FOUNDING)), {}).as_dict()["checked_against"] == "fal's schema and further rules"

    def test_a_price_of_pictures_counts_them(self) -> None:
        cost = check(FLUX, {"prompt": "x", "num_images": 3}).cost
        assert cost is not None
        assert (cost.usd, cost.units, cost.unit) == (Decimal("0.075"), 3, Unit.IMAGE)

    def test_an_unknown_price_is_unknown(self) -> None:
        report = check("fal-ai/fast-sdxl", {"prompt": "x"})
        assert report.ok
        assert report.cost is None

    def test_a_day_before_the_launch_is_refused(self) -> None:
        with pytest.raises(UnknownContract, match="2025-04-01"):
            check(FLUX, {"prompt": "x"}, contract="2025-03-31")
        assert check(FLUX, {"prompt": "x"}, contract="2025-04-01").ok

    def test_an_unknown_id_is_unknown_to_fakefal(self) -> None:
        with pytest.raises(UnknownEndpoint) as caught:
            check("fal-ai/flx/dev", {})
        said = (
            "fakefal knows no model fal-ai/flx/dev: did you mean fal-ai/flux/dev? "
            "If not, add it: fakefal models add fal-ai/flx/dev"
        )
        assert str(caught.value) == said


class Inner(BaseModel):
    number: int = Field(default=1, ge=1, le=4)


class Arguments(BaseModel):
    prompt: str
    steps: int = Field(default=20, multiple_of=4)
    inner: Inner | None = None


class Answer(BaseModel):
    text: str


def own_app() -> dict[str, Any]:
    """The document of an application as `fal.App` makes it: a FastAPI with one call for each endpoint."""
    app = FastAPI()

    @app.post("/")
    def run(arguments: Arguments) -> Answer:
        return Answer(text=arguments.prompt)

    @app.post("/turbo")
    def turbo(arguments: Inner) -> Answer:
        return Answer(text=str(arguments.number))

    return app.openapi()


class TestOwnDocuments:
    def published(self, **more: Any) -> dict[str, Any]:
        document = openapi(BUILT_IN.find(FLUX).edition("latest"))
        return {"endpoint_id": FLUX, "metadata": {"updated_at": "2026-11-01T00:00:00Z"}, "openapi": document} | more

    @pytest.mark.parametrize("form", ["record", "page", "list", "bare"])
    def test_every_form_of_fals_is_read(self, form: str, tmp_path: Path) -> None:
        record = self.published()
        forms = {"record": record, "page": {"models": [record]}, "list": [record], "bare": record["openapi"]}
        file = tmp_path / "model.json"
        file.write_text(json.dumps(forms[form]))
        (found,) = read_models(file)
        catalogue = Catalogue([found])
        endpoint = catalogue.find(FLUX)
        assert found.source is Source.OWN
        assert endpoint.depth is Depth.DOCUMENT
        day = "undated" if form == "bare" else "2026-11-01"
        assert endpoint.checked_against == f"your schema ({day})"
        body = {"prompt": "x", "num_images": 9, "image_size": "huge"}
        ours, theirs = check(FLUX, body, catalogue=catalogue), check(FLUX, body)
        assert [error.wire() for error in ours.errors] == [error.wire() for error in theirs.errors]

    def test_an_application_of_ones_own_is_read_with_its_id(self, tmp_path: Path) -> None:
        file = tmp_path / "openapi.json"
        file.write_text(json.dumps(own_app()))
        catalogue = Catalogue(read_models(file, "me/my-app"))
        report = check("me/my-app", {"prompt": "x", "steps": 3, "inner": {"number": 9}}, catalogue=catalogue)
        assert [error.rule.id for error in report.errors] == [
            "me.my-app.steps.multiple_of",
            "me.my-app.inner.number.maximum",
        ]
        assert check("me/my-app/turbo", {}, catalogue=catalogue).ok
        assert catalogue.has_app("me/my-app")
        assert catalogue.has_owner("me")

    def test_its_models_are_built_once_for_all_tests_and_again_for_another_document(self, tmp_path: Path) -> None:
        file = tmp_path / "model.json"
        priced = Price(UNDATED, Decimal("0.1"), third_party("a test", "2026-11-30"))

        def built(text: dict[str, Any]) -> tuple[type[Input], type[Input], type[Input]]:
            file.write_text(json.dumps(text))
            plain, at_a_price = load_catalogue(file), load_catalogue(file, {FLUX: priced, O1: priced})
            return plain.find(FLUX).input, at_a_price.find(FLUX).input, at_a_price.find(O1).input

        first = built(self.published())
        assert built(self.published()) == first
        other = built(self.published(metadata={"updated_at": "2026-11-02T00:00:00Z"}))
        assert other[0] is not first[0]
        assert other[1] is not first[1]
        assert other[2] is first[2]

    def test_a_folder_is_read_whole(self, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        whisper = shipped_record("fal-ai/whisper")
        assert whisper is not None
        (tmp_path / "deep" / "one.jsonl").write_text(json.dumps(whisper.as_json()))
        (tmp_path / "two.json").write_text(json.dumps(self.published()["openapi"]))
        assert {one.id for one in read_models(tmp_path)} == {FLUX, "fal-ai/whisper"}

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("{", "is not JSON"),
            ("{}", "is neither an OpenAPI document"),
            ("7", "holds no object"),
            (json.dumps({"paths": {}}), "give its id"),
            (json.dumps({"endpoint_id": "a/b", "openapi": {"error": {"code": "expansion_failed"}}}), "no document"),
        ],
    )
    def test_what_cannot_be_read_says_which_file_and_why(self, text: str, says: str, tmp_path: Path) -> None:
        file = tmp_path / "wrong.json"
        file.write_text(text)
        with pytest.raises(UnreadableContract, match=says) as caught:
            read_models(file)
        assert "wrong.json" in str(caught.value)

    def test_a_schema_that_the_document_does_not_hold_is_a_note(self) -> None:
        record = records_of(self.published(), "x")[0]
        schemas = {name: one for name, one in record.schemas.items() if name != "ImageSize"}
        catalogue = Catalogue([Record(**{**vars(record), "schemas": schemas})])
        assert catalogue.find(FLUX).unread == (
            "the document does not hold the schema ImageSize: any value is accepted there",
        )
        assert check(FLUX, {"prompt": "x", "image_size": 7}, catalogue=catalogue).ok


class TestRebuilding:
    def test_what_is_shipped_holds_facts_alone(self) -> None:
        assert [record.id for record in shipped_records() if without_words(record) != record] == []

    def test_a_listing_becomes_the_catalogue(self, tmp_path: Path) -> None:
        document = openapi(BUILT_IN.find(FLUX).edition("latest"))
        schema = document["components"]["schemas"]["FluxDevInput"]
        schema["properties"]["prompt"] |= {
            "description": "What fal says of it.",
            "examples": ["A long sentence of somebody's own.", "https://x.example/a.png?b=1", "red"],
        }
        page = tmp_path / "page.json"
        page.write_text(json.dumps({"models": [{"endpoint_id": FLUX, "metadata": {}, "openapi": document}]}))
        done = CliRunner().invoke(
            rebuild, [str(page), "--seen", "2026-11-30", "--whole", "--to", str(tmp_path / "out")]
        )
        assert done.exit_code == 0, done.output
        lines = (tmp_path / "out").read_text().splitlines()
        assert len(lines) == len(BUILT_IN)
        found = {one["id"]: one for one in map(json.loads, lines)}
        assert found[FLUX]["seen"] == "2026-11-30"
        assert found[FLUX]["schemas"]["FluxDevInput"]["properties"]["prompt"] == {
            "type": "string",
            "examples": ["https://v3b.fal.media/files/example.png", "red"],
        }
        assert found["fal-ai/whisper"]["listed"] is False
