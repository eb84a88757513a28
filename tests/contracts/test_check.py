"""What a report says beside errors: warnings, hints, contracts, cost, unchecked media."""

from __future__ import annotations

import base64
import copy
from decimal import Decimal
from typing import Any

import pytest

from fakefal_contracts import BUILT_IN, FOUNDING, UnknownContract, UnknownEndpoint, check, examples, judge
from fakefal_contracts.judgement import MOST_FOUND
from fakefal_contracts.kling.objects import OmniElement
from fakefal_contracts.price import dollars
from fakefal_contracts.testprompt import LONGEST_EFFECT, effect_in, marks
from support.endpoints import I2V, O1, O3, STANDARD
from support.media import picture

pytestmark = [pytest.mark.quick, pytest.mark.versions]

PICTURES = {"frontal_image_url": "https://a.example/f.png", "reference_image_urls": ["https://a.example/r.png"]}
CLIP = {"video_url": "https://a.example/v.mp4"}


def codes(endpoint_id: str, arguments: Any) -> set[str]:
    report = check(endpoint_id, arguments)
    assert report.ok, report.errors
    return {advice.code for advice in report.warnings}


class TestCost:
    @pytest.mark.parametrize(
        ("endpoint_id", "arguments", "expected"),
        [
            (O1, {"prompt": "x"}, "0.56"),
            (O1, {"prompt": "x", "duration": "10"}, "1.12"),
            (I2V, {"prompt": "x", "start_image_url": "https://a.example/b.png"}, "0.56"),
            (STANDARD, {"prompt": "x", "start_image_url": "https://a.example/b.png"}, "0.42"),
            (O3, {"prompt": "x", "duration": "8"}, "0.896"),
            (O3, {"prompt": "x", "duration": "8", "generate_audio": True}, "1.12"),
            (O3, {"prompt": "x", "elements": [CLIP]}, "0.84"),
            (O3, {"multi_prompt": [{"prompt": "x", "duration": "2"}, {"prompt": "y", "duration": "7"}]}, "1.008"),
        ],
    )
    def test_seconds_times_the_unit_price(self, endpoint_id: str, arguments: Any, expected: str) -> None:
        cost = check(endpoint_id, arguments).cost
        assert cost is not None
        assert cost.usd == Decimal(expected) == cost.units * cost.unit_usd

    @pytest.mark.parametrize("arguments", [{}, {"prompt": "x", "image_urls": ["ftp://x"]}])
    def test_a_refused_body_costs_nothing(self, arguments: Any) -> None:
        assert check(O1, arguments).cost is None

    def test_a_day_has_the_price_of_that_day(self) -> None:
        for day, usd in (("2026-02-04", "1.12"), ("2026-03-31", "1.12"), ("2026-04-01", "0.56"), ("latest", "0.56")):
            cost = check(O3, {"prompt": "x"}, contract=day).cost
            assert cost is not None
            assert cost.usd == Decimal(usd)

    @pytest.mark.parametrize(
        ("usd", "text"),
        [
            ("0.560", "$0.56"),
            ("3", "$3.00"),
            ("0.896", "$0.896"),
            ("-1.5", "-$1.50"),
            ("0.0000001", "$0.0000001"),
            ("1E+2", "$100.00"),
        ],
    )
    def test_amounts_are_read_by_people(self, usd: str, text: str) -> None:
        assert dollars(Decimal(usd)) == text


class TestShots:
    def test_the_clip_is_clamped_and_the_bill_is_not(self) -> None:
        shots = [{"prompt": "x", "duration": "15"}, {"prompt": "y", "duration": "5"}]
        report = check(O3, {"multi_prompt": shots})
        assert report.arguments is not None
        assert (report.arguments.seconds(), report.arguments.clip_seconds()) == (20, 15)
        assert {advice.code for advice in report.warnings} == {"shots_range"}

    def test_a_sum_other_than_an_explicit_duration_warns(self) -> None:
        shots = [{"prompt": "x", "duration": "4"}]
        assert codes(O3, {"multi_prompt": shots, "duration": "5"}) == {"shots_sum"}
        assert codes(O3, {"multi_prompt": shots}) == set()

    def test_more_than_six_shots_warn(self) -> None:
        assert codes(O3, {"multi_prompt": [{"prompt": "x", "duration": "2"}] * 7}) == {"shots_count"}


class TestReferences:
    def test_a_name_that_stands_for_nothing_warns(self) -> None:
        assert codes(O1, {"prompt": "@Image1"}) == {"unknown_reference"}
        assert codes(I2V, {"prompt": "@Image2", "start_image_url": "https://a.example/b.png"}) == {"unknown_reference"}
        assert codes(O1, {"prompt": "@Element0", "elements": [PICTURES]}) == {"unknown_reference", "unnamed_media"}

    def test_listed_media_that_nothing_names_warn(self) -> None:
        assert codes(O1, {"prompt": "@image1", "image_urls": ["https://a.example/b.png"] * 2}) == {"unnamed_media"}
        assert codes(O3, {"multi_prompt": [{"prompt": "@Element1"}], "elements": [PICTURES]}) == set()

    def test_a_name_twice_warns_once_and_an_address_is_no_name(self) -> None:
        warnings = check(O1, {"prompt": "@Image3 @Image3 bob@image1.com"}).warnings
        assert [advice.msg for advice in warnings] == ["@Image3 names nothing: image_urls holds 0"]

    def test_formats_that_kling_does_not_take_warn(self) -> None:
        address = "data:image/webp;base64," + base64.b64encode(picture(form="WEBP")).decode()
        assert codes(I2V, {"prompt": "x", "start_image_url": address}) == {"format"}

    def test_a_last_frame_beside_many_pictures_warns(self) -> None:
        body = {"prompt": "@Image1 @Image2 @Image3", "image_urls": ["https://a.example/b.png"] * 3}
        frames = {"start_image_url": "https://a.example/b.png", "end_image_url": "https://a.example/b.png"}
        assert codes(O3, body | frames) == {"end_with_pictures"}

    def test_a_last_frame_without_a_first_warns(self) -> None:
        assert codes(O3, {"prompt": "x", "end_image_url": "https://a.example/b.png"}) == {"end_without_start"}


class TestHints:
    @pytest.mark.parametrize(
        ("arguments", "hint"),
        [
            ({"input": {"prompt": "x"}}, 'the arguments are wrapped in "input"'),
            ({"promt": "x"}, 'did you mean it where you wrote "promt"?'),
            ({"prompt": "x", "duration": 5}, 'send it as a string: "5"'),
            ({"prompt": "x", "duration": "5s"}, 'write it as "5"'),
            ({"prompt": "x" * 2510}, "shorten it by 10 characters"),
            ({"prompt": None}, "null has the wrong JSON type: give a string"),
            ({"prompt": "x", "duration": [[[]]]}, "a list is not allowed"),
            ({"prompt": 5}, "5 has the wrong JSON type: give a string"),
            ({"prompt": "x", "image_urls": "a.png"}, 'send a list: ["a.png"]'),
            (["x"], "a list has the wrong JSON type: give an object"),
            (None, "send a JSON object"),
        ],
    )
    def test_they_say_what_to_change(self, arguments: Any, hint: str) -> None:
        assert hint in check(O1, arguments).errors[0].hint

    def test_a_refusal_names_the_contracts_that_accept(self) -> None:
        (error,) = check(O1, {"prompt": "x", "duration": "7"}, contract="documented").errors
        assert error.hint.endswith("; fal's schema of 2026-01-28 accepts it")

    def test_what_the_founding_page_refused_is_a_note(self) -> None:
        report = check(O1, {"prompt": "x", "duration": "7"})
        assert report.warnings == ()
        said = "fal's page of 2025-12-01 allows only 5 and 10; accepted since 2026-01-28"
        assert report.notes == ((("duration",), said),)

    def test_what_today_refuses_is_a_warning_under_an_older_contract(self) -> None:
        report = check(O3, {"prompt": "x", "shot_type": "anything"}, contract="documented")
        assert [(one.code, one.msg) for one in report.warnings] == [("outdated", "fal refuses this since 2026-06-11")]

    @pytest.mark.parametrize(
        ("endpoint_id", "arguments", "contract"),
        [
            (O3, {"shot_type": "foo"}, "documented"),
            (O1, {"prompt": "x", "duration": "7", "image_urls": ["https://a.example/b.png"] * 8}, "latest"),
            (O3, None, "documented"),
        ],
    )
    def test_what_another_contract_refuses_too_is_not_called_accepted(
        self, endpoint_id: str, arguments: Any, contract: str
    ) -> None:
        assert all("accepted under" not in e.hint for e in check(endpoint_id, arguments, contract=contract).errors)

    @pytest.mark.parametrize(
        ("endpoint_id", "arguments", "hint"),
        [
            (I2V, {"prompt": "x", "end_image_url": "https://a.example/b.png"}, 'add "start_image_url"'),
            (I2V, {"prompt": "x", "image_url": "https://a.example/b.png"}, 'where you wrote "image_url"?'),
            (O1, {"prompt": "x", "elements": [{"frontal_image": "x"}]}, 'where you wrote "frontal_image"?'),
            (O3, {"multi_prompt": [{"text": "x"}]}, 'add "prompt"'),
        ],
    )
    def test_a_missing_field_is_looked_for_in_its_own_object(self, endpoint_id: str, arguments: Any, hint: str) -> None:
        assert check(endpoint_id, arguments).errors[0].hint.endswith(hint)

    def test_no_other_contract_is_named_where_none_accepts(self) -> None:
        assert "accepted under" not in check(O1, {"prompt": "x", "duration": "99"}).errors[0].hint


class TestContracts:
    def test_a_revision_changes_only_what_a_schema_says(self) -> None:
        body = {"prompt": "x", "duration": "7"}
        assert not check(O1, body, contract="documented").ok
        assert not check(O1, body, contract="2026-01-27").ok
        assert check(O1, body, contract="2026-01-28").ok
        assert check(O1, body, contract="latest").ok

    def test_shot_type_became_an_enum(self) -> None:
        body = {"prompt": "x", "shot_type": "anything"}
        assert check(O3, body, contract="documented").ok
        assert check(O3, body, contract="2026-06-10").ok
        assert not check(O3, body, contract="2026-06-11").ok

    def test_a_day_before_the_first_names_the_first(self) -> None:
        with pytest.raises(UnknownContract, match="first published on 2026-02-04"):
            check(O3, {}, contract="2026-02-03")

    @pytest.mark.parametrize("contract", ["newest", "2026-13-01", ""])
    def test_other_names_are_refused(self, contract: str) -> None:
        with pytest.raises(UnknownContract, match="documented, latest or a day"):
            check(O3, {}, contract=contract)

    def test_an_unknown_endpoint_names_the_nearest(self) -> None:
        with pytest.raises(UnknownEndpoint, match="did you mean fal-ai/kling-video/o1/image-to-video"):
            check("fal-ai/kling-video/o1/image-to-vido", {})

    def test_fals_catalogue_has_the_ids_in_depth(self) -> None:
        assert set(FOUNDING) <= {*BUILT_IN}


BROKEN = [
    "data:image/png;base64,!!!",
    "data:nothing",
    "data:,hello",
    "data:,\ud800",
    "picture.png",
    "ftp://a/b.png",
    "//a/b.png",
    "http://",
    "https:///x",
    "http://[::1",
    "https://a b/",
]


class TestMedia:
    def test_data_uris_are_judged_and_others_are_listed(self) -> None:
        small = "data:image/png;base64," + base64.b64encode(picture(299, 300)).decode()
        body = {"prompt": "x", "start_image_url": small, "end_image_url": "https://elsewhere.example/b.png"}
        report = check(I2V, body)
        assert [error.rule.kind for error in report.errors] == ["min_pixels"]
        assert [media.loc for media in report.unchecked] == [("end_image_url",)]

    @pytest.mark.parametrize("address", [*BROKEN, ""])
    def test_broken_addresses_are_refused(self, address: str) -> None:
        (error,) = check(I2V, {"prompt": "x", "start_image_url": address}).errors
        assert error.rule.kind in ("readable", "reachable")

    @pytest.mark.parametrize("content", [picture(), b"none"])
    def test_what_stands_in_a_body_several_times_is_opened_once(self, content: bytes) -> None:
        opened: list[str] = []

        def opener(address: str) -> bytes:
            opened.append(address)
            return content

        body = {"prompt": "x", "image_urls": ["https://a.example/b.png"] * 3}
        judge(BUILT_IN.find(O1).edition("latest"), body, opener)
        assert opened == ["https://a.example/b.png"]

    def test_media_are_not_opened_when_something_else_is_wrong(self) -> None:
        def opener(address: str) -> bytes:
            raise AssertionError(address)

        body = {"prompt": "x", "start_image_url": "https://a.example/b.png", "duration": "99"}
        assert not judge(BUILT_IN.find(I2V).edition("documented"), body, opener).ok


class TestBounds:
    """Bodies that nobody means are judged in a time that grows with their size alone."""

    def test_so_many_errors_are_named(self) -> None:
        arguments = {"prompt": "x", "elements": [{}] * 100, "image_urls": [[]] * (2 * MOST_FOUND)}
        errors = check(O1, arguments).errors
        assert len(errors) == MOST_FOUND
        assert {error.loc[0] for error in errors[:100]} == {"image_urls"}

    def test_so_many_unknown_keys_are_named(self) -> None:
        report = check(O1, {"prompt": "x", **{f"key{number}": 1 for number in range(MOST_FOUND + 1)}})
        assert report.ok
        assert len(report.warnings) == MOST_FOUND

    def test_ignored_keys_are_named_beside_the_errors_of_the_schema(self) -> None:
        """So that nobody corrects a body twice."""
        elements = [{"frontal_image": "a"}, 5, {"video_url": 5, "x": {"prompt": 1}}]
        report = check(O3, {"pormpt": "x", "elements": elements, "multi_prompt": "a"})
        assert not report.ok
        assert [(one.loc, one.code) for one in report.warnings] == [
            (("pormpt",), "unknown_key"),
            (("elements", 0, "frontal_image"), "unknown_key"),
            (("elements", 2, "x"), "unknown_key"),
        ]
        assert 'did you mean "prompt"?' in report.warnings[0].hint
        for body in (None, 5, ["x"], [{"pormpt": 1}]):
            assert check(O3, body).warnings == ()

    def test_a_test_prompt_is_read_as_far_as_an_effect_may_go(self) -> None:
        for size in (LONGEST_EFFECT // 2, 2 * LONGEST_EFFECT):
            text = f"fakefal:stuck({'x' * size}) fakefal:stuck"
            assert list(marks(text))[1:] == (["fakefal:stuck"] if size < LONGEST_EFFECT else [])
            assert len(effect_in(text) or "") >= size


class TestValuesOfPython:
    """Arguments that a program gives as Python has them, before they are JSON."""

    def test_a_report_stays_as_it_is_when_the_body_is_changed_later(self) -> None:
        for endpoint_id, edition in ((one, FOUNDING[one].edition("latest")) for one in FOUNDING):
            body = copy.deepcopy(examples(endpoint_id)["full"]) | {"pormpt": [1], "duration": "3"}
            report, before = judge(edition, body), judge(edition, copy.deepcopy(body)).as_dict()
            for value in body.values():
                if isinstance(value, list):
                    value.clear()
            body.clear()
            assert report.as_dict() == before
            assert report.cost is not None

    def test_ignored_keys_are_found_in_tuples_and_beside_objects(self) -> None:
        strange, known = PICTURES | {"x": 1}, OmniElement(**PICTURES)
        report = check(O1, {"prompt": "@Element1 @Element2 @Element3", "y": 1, "elements": (strange, known, PICTURES)})
        assert [advice.loc for advice in report.warnings] == [("y",), ("elements", 0, "x")]


class TestManyFaults:
    def test_of_very_many_faults_the_first_are_named_as_they_are(self) -> None:
        wrong = {"prompt": "x", "image_urls": [*range(190_000)]}
        found = check(O1, wrong).errors
        assert len(found) == MOST_FOUND
        assert found[-1].loc == ("image_urls", MOST_FOUND - 1)
        assert found[:50] == check(O1, wrong | {"image_urls": [*range(60)]}).errors[:50]

    def test_of_very_many_unknown_keys_the_first_are_explained(self) -> None:
        given = {"prompt": "x", "image_url": 1, **{f"prompt_{number}": 1 for number in range(2_000)}}
        told = check(O1, given).warnings
        assert len(told) == MOST_FOUND
        assert "did you mean" in told[0].hint
        assert told[-1].hint == "remove it: this model has no such argument"
