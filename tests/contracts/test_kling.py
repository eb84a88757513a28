"""The whole Kling family in depth: rules, lengths, prices, names of its typed requests."""

from __future__ import annotations

import datetime as dt
import pickle
import re
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel

from fakefal_client import kling
from fakefal_client.endpoint_call import endpoint_call
from fakefal_contracts import BUILT_IN, KLING, Depth, Report, UnknownEndpoint, check, judge, rulebook
from fakefal_contracts.example import example_input
from fakefal_contracts.kling.family import PREFIX, ROWS
from fakefal_contracts.media import Limits
from fakefal_contracts.model import Model, Spot, spots, wire_fields
from fakefal_contracts.price import Price, price_of
from fakefal_contracts.record import Source
from fakefal_contracts.rulebooks import type_name
from fakefal_contracts.schema_media import limits_of
from fakefal_contracts.schema_models import SchemaModels
from fakefal_contracts.strategies import boundaries
from fakefal_contracts.strategies.bodies import Builder
from fakefal_contracts.strategies.broken import breaches
from fakefal_contracts.strategies.medium import Medium, audio, clip
from support.machine import ROOT
from tools.kling_types import STUB, stub

PICTURE = "https://media.example/picture.png"
CLIP = "https://media.example/clip.mp4"
AUDIO = "https://media.example/speech.mp3"
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)


def asked(path: str, _media: Medium | None = None, **arguments: Any) -> Report:
    """The report on a request whose clip is this medium."""
    return check(PREFIX + path, arguments, opener=lambda one: _media.content if _media and one == CLIP else None)


class TestFamily:
    def test_every_id_is_known_in_depth(self) -> None:
        ours = [one for one in BUILT_IN if one.startswith(PREFIX)]
        assert sorted(KLING) == ours
        assert len(ours) == 69
        assert {BUILT_IN.find(one).depth for one in ours} == {Depth.IN_DEPTH}

    def test_types_are_all_that_v3_turbo_rests_on(self) -> None:
        by_source = [one for one in KLING if (record := BUILT_IN.find(one).record) and record.source is Source.TYPES]
        assert [one.removeprefix(PREFIX) for one in by_source] == [
            f"v3/turbo/{tier}/{kind}-to-video" for tier in ("pro", "standard") for kind in ("text", "image")
        ]

    @pytest.mark.parametrize("endpoint_id", ["kling/v4/text-to-video", "fal-ai/kling-video/v4/image-to-video"])
    def test_of_kling_4_no_document_is_published_and_fakefal_says_so(self, endpoint_id: str) -> None:
        with pytest.raises(UnknownEndpoint) as caught:
            BUILT_IN.find(endpoint_id)
        assert str(caught.value) == (
            f"fakefal knows no model {endpoint_id}: no document of Kling 4.0 has been published yet. "
            f"Once fal has one: fakefal models add {endpoint_id}"
        )
        assert endpoint_id not in BUILT_IN

    @every_row
    def test_examples_are_accepted(self, row: Any) -> None:
        endpoint = BUILT_IN.find(PREFIX + row.path)
        for full in (False, True):
            assert check(endpoint.id, example_input(endpoint, full=full)).ok

    @every_row
    def test_what_is_laid_over_a_document_says_nothing_else_of_its_schema(self, row: Any) -> None:
        endpoint = BUILT_IN.find(PREFIX + row.path)
        assert endpoint.record is not None
        limits = partial(limits_of, evidence=endpoint.documented, category=endpoint.category)
        plain = SchemaModels(endpoint.record, limits)
        ours, theirs = ([said(one, row) for one in spots(kind)] for kind in (endpoint.input, plain.input()))
        if endpoint.record.source is Source.TYPES:  # which have no order
            ours, theirs = sorted(ours), sorted(theirs)
        assert ours == theirs
        assert shape(endpoint.output) == shape(plain.output())


def said(spot: Spot, row: Any) -> tuple[Any, ...]:
    """What a schema says of a place; limits that only words state are left out."""
    in_words = spot.path in row.family.limits
    limits = [one.published() for one in spot.metadata if isinstance(one, Limits) and not in_words]
    return spot.path, spot.required, spot.nullable, type_name(spot.kind), limits


def shape(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of a result and whether they are always there."""
    return {key: field.is_required() for key, _, field in wire_fields(model)}


class TestRules:
    @every_row
    def test_each_alone_refuses_what_it_guards(self, row: Any) -> None:
        edition = BUILT_IN.find(PREFIX + row.path).edition("latest")
        found = breaches(edition)
        for breach in found:
            broken = breach.broken(edition, Builder())
            assert broken.explains(judge(edition, broken.arguments, broken.opener).errors), broken
        assert {one.rule.id for one in found} == {rule.id for rule in rulebook(edition)}

    @every_row
    def test_each_number_is_accepted_exactly_at_its_limit(self, row: Any) -> None:
        edition = BUILT_IN.find(PREFIX + row.path).edition("latest")
        for boundary in boundaries(PREFIX + row.path):
            inside, outside = boundary.inside, boundary.outside
            assert judge(edition, inside.arguments, inside.opener).ok, boundary
            assert outside.explains(judge(edition, outside.arguments, outside.opener).errors), boundary

    @pytest.mark.parametrize(
        ("kind", "count"),
        [
            ("body.prompt_xor_multi_prompt", 19), ("body.prompt_or_multi_prompt", 19),
            ("multi_prompt.prompt.max_length", 19), ("body.end_image_without_multi_prompt", 9),
            ("elements.reference_image_urls.min_items", 6), ("elements.voice", 6), ("body.max_clips", 6),
            ("body.max_references", 13), ("body.max_references_with_clip", 3), ("elements.media", 12),
            ("input_image_urls.max_items", 2), ("voice_ids.max_items", 1), ("body.max_elements", 2),
            ("body.element_orientation", 2), ("video_url.max_seconds_for_image", 4),
            ("multi_prompt.items", 4), ("multi_prompt.max_seconds", 4),
        ],
    )  # fmt: skip
    def test_as_many_endpoints_have_it_as_are_known_to(self, kind: str, count: int) -> None:
        books = [rulebook(BUILT_IN.find(one).edition("latest")) for one in KLING]
        names = [rule.id.replace("[]", "") for book in books for rule in book]
        assert sum(name.endswith(f".{kind}") for name in names) == count

    def test_a_clip_may_be_as_long_as_the_orientation_allows(self) -> None:
        arguments = {"image_url": PICTURE, "video_url": CLIP, "character_orientation": "image"}
        (error,) = asked("v3/pro/motion-control", clip("mp4", 400, 400, 12_000, 120), **arguments).errors
        assert error.wire() == {
            "loc": ["body", "video_url"],
            "msg": "Video is too long. Maximum is 10.05 seconds, provided is 12 seconds.",
            "type": "video_duration_too_long",
            "url": "https://docs.fal.ai/errors#video_duration_too_long",
            "ctx": {"max_duration": 10.05, "provided_duration": 12.0},
            "input": CLIP,
        }
        arguments["character_orientation"] = "video"
        assert asked("v3/pro/motion-control", clip("mp4", 400, 400, 12_000, 120), **arguments).ok

    def test_a_voice_that_was_made_is_taken_where_a_voice_is_wanted(self) -> None:
        voice, start = "829877809978941442", {"prompt": "x", "start_image_url": PICTURE}
        assert asked("v2.6/pro/image-to-video", **start, voice_ids=[voice]).ok
        assert asked("v3/pro/image-to-video", **start, elements=[{"video_url": CLIP, "voice_id": voice}]).ok


class TestLengths:
    @pytest.mark.parametrize(
        ("path", "arguments", "medium"),
        [
            ("o1/video-to-video/edit", {"prompt": "x", "video_url": CLIP}, clip("mp4", 720, 720, 7_250, 174)),
            ("o3/pro/video-to-video/edit", {"prompt": "x", "video_url": CLIP}, clip("mp4", 720, 720, 7_250, 174)),
            (
                "o3/standard/video-to-video/reference",
                {"prompt": "x", "video_url": CLIP, "duration": None},
                clip("mp4", 720, 720, 7_250, 174),
            ),
            (
                "v2.6/pro/motion-control",
                {"image_url": PICTURE, "video_url": CLIP, "character_orientation": "image"},
                clip("mp4", 720, 720, 7_250, 174),
            ),
            ("lipsync/audio-to-video", {"video_url": CLIP, "audio_url": AUDIO}, clip("mp4", 720, 720, 7_250, 174)),
            ("video-to-audio", {"video_url": CLIP}, clip("mp4", 720, 720, 7_250, 174)),
            ("ai-avatar/v2/pro", {"image_url": PICTURE, "audio_url": AUDIO}, audio("wav", 7_250)),
        ],
    )
    def test_a_result_is_as_long_as_the_file_it_follows(self, path: str, arguments: Any, medium: Medium) -> None:
        followed = arguments[BUILT_IN.find(PREFIX + path).input.follows]
        report = check(PREFIX + path, arguments, opener=lambda one: medium.content if one == followed else None)
        assert report.length == (Decimal("7.25"), "")
        assert not report.notes

    def test_of_a_file_that_nobody_looked_at_a_length_is_assumed_and_said(self) -> None:
        report = asked("o1/video-to-video/edit", prompt="x", video_url=CLIP)
        assert report.length == (5, "video_url")
        (note,) = report.notes
        assert note.loc == ("video_url",)
        assert note.msg == "the result is as long as this file, which was not read; 5 s are assumed"

    def test_speech_is_as_long_as_its_text_takes(self) -> None:
        assert asked("v1/tts", text="x" * 150).length == (10, "")
        assert asked("v1/tts", text="x" * 150, voice_speed=2).length == (5, "")

    def test_shots_add_up(self) -> None:
        shots = [{"prompt": "x", "duration": "4"}, {"prompt": "y"}]
        assert asked("v3/pro/text-to-video", multi_prompt=shots).length == (9, "")

    def test_a_voice_has_none(self) -> None:
        assert asked("create-voice", voice_url=AUDIO).length is None


START = {"prompt": "x", "start_image_url": PICTURE}
MOTION = {"image_url": PICTURE, "video_url": CLIP, "character_orientation": "video"}
MEANT = "did you mean it where you wrote"
NO_SUCH = "remove it: this model has no such argument"
V3_CLIP = {"prompt": "x", "start_image_url": PICTURE, "elements": [{"video_url": CLIP}]}
V3_VOICE = {"prompt": "x", "start_image_url": PICTURE, "elements": [{"video_url": CLIP, "voice_id": "v"}]}
I2V = {"prompt": "x", "image_url": PICTURE}


class TestPrices:
    @pytest.mark.parametrize(
        ("path", "arguments", "usd"),
        [
            # so much a second; more with sound, with voices, with a clip
            ("o1/standard/reference-to-video", {"prompt": "x", "duration": "7"}, "0.588"),  # 7 x 0.084
            ("v3/pro/text-to-video", {"prompt": "x", "duration": "6", "generate_audio": False}, "0.672"),  # 6 x 0.112
            ("v3/pro/text-to-video", {"prompt": "x", "duration": "6"}, "1.008"),  # 6 x 0.168
            ("v3/pro/image-to-video", V3_CLIP, "0.84"),  # 5 x 0.168
            ("v3/pro/image-to-video", V3_VOICE, "0.98"),  # 5 x 0.196
            ("v3/pro/image-to-video", {**V3_VOICE, "generate_audio": False}, "0.98"),  # billed without sound, too
            ("v2.6/pro/image-to-video", {"prompt": "x", "start_image_url": PICTURE, "voice_ids": ["v"]}, "0.84"),
            ("o3/standard/reference-to-video", {"prompt": "x", "elements": [{"video_url": CLIP}]}, "0.63"),  # 5 x 0.126
            ("o3/4k/text-to-video", {"prompt": "x", "generate_audio": True}, "2.1"),  # 5 x 0.42, with sound or without
            ("v3/turbo/standard/text-to-video", {"prompt": "x", "duration": "15"}, "1.68"),  # 15 x 0.112
            # one price for the first five seconds, then so much a second
            ("v2.5-turbo/pro/text-to-video", {"prompt": "x"}, "0.35"),
            ("v2.5-turbo/pro/text-to-video", {"prompt": "x", "duration": "10"}, "0.7"),  # 0.35 + 5 x 0.07
            ("v2.5-turbo/standard/image-to-video", {**I2V, "duration": "10"}, "0.42"),  # 0.21 + 5 x 0.042
            ("v2.1/pro/image-to-video", {**I2V, "duration": "10"}, "0.98"),  # 0.49 + 5 x 0.098
            ("v2.1/standard/image-to-video", I2V, "0.28"),
            ("v2.1/master/text-to-video", {"prompt": "x", "duration": "10"}, "2.8"),  # 1.40 + 5 x 0.28
            ("v2/master/text-to-video", {"prompt": "x"}, "1.4"),
        ],
    )  # fmt: skip
    def test_by_the_arguments(self, path: str, arguments: Any, usd: str) -> None:
        report = asked(path, **arguments)
        assert report.cost is not None, report
        assert report.cost.usd == Decimal(usd) == report.cost.units * report.cost.unit_usd

    @pytest.mark.parametrize(
        ("milliseconds", "units", "usd"),
        [(3_000, 5, "0.07"), (5_000, 5, "0.07"), (5_100, 10, "0.14"), (10_000, 10, "0.14")],
    )
    def test_input_seconds_in_steps_of_five(self, milliseconds: int, units: int, usd: str) -> None:
        source = clip("mp4", 720, 720, milliseconds, milliseconds // 40)
        report = check(
            f"{PREFIX}lipsync/audio-to-video",
            {"video_url": CLIP, "audio_url": AUDIO},
            opener=lambda address: source.content if address == CLIP else None,
        )
        assert report.cost is not None
        assert (report.cost.units, report.cost.usd) == (units, Decimal(usd))

    def test_fractions_of_a_measured_clip_are_billed(self) -> None:
        report = asked("o3/pro/video-to-video/edit", clip("mp4", 720, 720, 7_250, 174), prompt="x", video_url=CLIP)
        assert report.cost is not None
        assert report.cost.usd == Decimal("1.218")  # 7.25 x 0.168

    @pytest.mark.parametrize(
        ("path", "milliseconds", "usd", "most"),
        [
            ("o3/pro/video-to-video/edit", None, "0.84", "1.6884"),  # 5 x 0.168, 10.05 x 0.168
            ("o3/pro/video-to-video/edit", 7_250, "1.218", "1.218"),  # 7.25 x 0.168
            ("lipsync/audio-to-video", None, "0.07", "0.14"),  # 5 x 0.014, 10 x 0.014
            ("video-to-audio", None, "0.035", "0.035"),
        ],
    )
    def test_of_an_unmeasured_file_the_most_is_known(
        self, path: str, milliseconds: int | None, usd: str, most: str
    ) -> None:
        medium = milliseconds and clip("mp4", 720, 720, milliseconds, milliseconds // 40)
        body = {"video_url": CLIP, **({"audio_url": AUDIO} if "lipsync" in path else {"prompt": "x"})}
        report = asked(path, medium or None, **body)
        price = report.endpoint.price("latest")
        assert report.arguments is not None
        costs = [price_of(report.arguments, price, report.facts, at_most=at_most) for at_most in (False, True)]
        assert [cost and cost.usd for cost in costs] == [Decimal(usd), Decimal(most)]

    def test_of_a_file_without_a_limit_nobody_knows_the_most(self) -> None:
        report = asked("v1/pro/ai-avatar", image_url=PICTURE, audio_url=AUDIO)
        price = Price(dt.date(2026, 1, 1), Decimal(1), report.endpoint.documented)
        assert report.arguments is not None
        assert price_of(report.arguments, price, {}) == (5, 5, 1, "second")
        assert price_of(report.arguments, price, {}, at_most=True) is None

    def test_each_request_alike(self) -> None:
        cost = asked("video-to-audio", clip("mp4", 720, 720, 19_000, 100), video_url=CLIP).cost
        assert cost is not None
        assert (cost.usd, cost.units, cost.unit) == (Decimal("0.035"), 1, "request")

    @pytest.mark.parametrize(
        ("path", "contract", "usd"),
        [
            ("v3/standard/text-to-video", "2026-03-01", "1.26"),  # 5 x 0.252
            ("v3/standard/text-to-video", "latest", "0.63"),  # 5 x 0.126
            ("o3/pro/text-to-video", "2026-03-01", "1.12"),  # 5 x 0.224
            ("v1.6/standard/elements", "2025-06-01", "0.225"),  # 5 x 0.045
            ("v1.6/standard/elements", "latest", "0.28"),  # 5 x 0.056
        ],
    )
    def test_a_price_has_its_day(self, path: str, contract: str, usd: str) -> None:
        body = {"prompt": "x", **({"input_image_urls": [PICTURE]} if "elements" in path else {})}
        cost = check(PREFIX + path, body, contract=contract).cost
        assert cost is not None
        assert cost.usd == Decimal(usd)

    def test_no_price_is_older_than_its_endpoint(self) -> None:
        for endpoint in map(BUILT_IN.find, KLING):
            days = [price.since for price in endpoint.prices]
            assert days == sorted(days)
            assert all(day >= max(endpoint.launched, dt.date(2024, 6, 1)) for day in days), endpoint.id

    def test_of_23_nobody_knows_it(self) -> None:
        unknown = [one for one in KLING if not BUILT_IN.find(one).prices]
        assert len(unknown) == 23
        endpoint = BUILT_IN.find(unknown[0])
        assert check(endpoint.id, example_input(endpoint)).cost is None


class TestMeaning:
    @pytest.mark.parametrize(
        ("path", "arguments", "sound"),
        [
            ("o3/pro/text-to-video", {"prompt": "x"}, False),
            ("o3/pro/text-to-video", {"prompt": "x", "generate_audio": True}, True),
            ("v3/pro/text-to-video", {"prompt": "x"}, True),
            ("v2.6/pro/text-to-video", {"prompt": "x", "generate_audio": False}, False),
            ("o1/video-to-video/edit", {"prompt": "x", "video_url": CLIP}, False),
            ("o3/pro/video-to-video/edit", {"prompt": "x", "video_url": CLIP}, True),
            ("v2.1/master/text-to-video", {"prompt": "x"}, False),
            ("ai-avatar/v2/pro", {"image_url": PICTURE, "audio_url": AUDIO}, True),
        ],
    )
    def test_sound_by_the_default_of_each_family(self, path: str, arguments: Any, *, sound: bool) -> None:
        assert BUILT_IN.find(PREFIX + path).input.model_validate(arguments).audio() is sound

    @pytest.mark.parametrize(
        ("path", "tier"),
        [
            ("o3/4k/text-to-video", "4k"),
            ("o1/video-to-video/edit", "pro"),
            ("v2.1/master/text-to-video", "pro"),
            ("v2.5-turbo/standard/image-to-video", "standard"),
            ("v1/tts", ""),
        ],
    )
    def test_the_tier_is_in_the_path(self, path: str, tier: str) -> None:
        assert BUILT_IN.find(PREFIX + path).tier == tier

    @pytest.mark.parametrize(
        ("path", "arguments", "hint"),
        [
            ("o3/pro/image-to-video", {"start_image_url": PICTURE}, f'add "image_url"; {MEANT} "start_image_url"?'),
            ("v3/pro/image-to-video", {"image_url": PICTURE}, f'add "start_image_url"; {MEANT} "image_url"?'),
            ("v1.6/pro/elements", {"image_urls": []}, f'add "input_image_urls"; {MEANT} "image_urls"?'),
            ("v3/pro/text-to-video", {"prompt": "x", "duration": 5}, 'send it as a string: "5"'),
            ("v3/pro/text-to-video", {"prompt": "x", "duration": 6.0}, 'send it as a string: "6"'),
            ("v3/pro/text-to-video", {"multi_prompt": [{"prompt": "x", "duration": 4}]}, 'send it as a string: "4"'),
            ("v2.5-turbo/pro/image-to-video", {**I2V, "end_image_url": PICTURE}, 'did you mean "tail_image_url"?'),
            ("v2.6/pro/image-to-video", {**START, "tail_image_url": PICTURE}, 'did you mean "end_image_url"?'),
            ("v2.1/master/image-to-video", {**I2V, "tail_image_url": PICTURE}, NO_SUCH),
            ("v3/standard/motion-control", {**MOTION, "keep_audio": True}, 'did you mean "keep_original_sound"?'),
        ],
    )
    def test_advice_names_the_field_of_this_version(self, path: str, arguments: Any, hint: str) -> None:
        report = asked(path, **arguments)
        assert hint in [*(one.hint for one in report.errors), *(one.hint for one in report.warnings)]

    @pytest.mark.parametrize(
        ("path", "arguments", "msg"),
        [
            ("o3/pro/video-to-video/edit", {"prompt": "@Image3", "video_url": CLIP}, "@Image3: image_urls holds 0"),
            ("v3/pro/image-to-video", {**V3_CLIP, "prompt": "@Element2"}, "@Element2: elements holds 1"),
            ("v2.1/master/text-to-video", {"prompt": "@Image1"}, "@Image1: this endpoint has no @Image"),
        ],
    )
    def test_names_in_prompts_that_stand_for_nothing_are_told(self, path: str, arguments: Any, msg: str) -> None:
        assert msg in [one.msg.replace(" names nothing", "") for one in asked(path, **arguments).warnings]

    def test_the_clip_of_an_edit_has_a_name(self) -> None:
        assert not asked("o3/pro/video-to-video/edit", prompt="Take @Video1", video_url=CLIP).warnings

    @every_row
    def test_every_warning_is_one_that_the_endpoint_lists(self, row: Any) -> None:
        endpoint = BUILT_IN.find(PREFIX + row.path)
        body = example_input(endpoint, full=True) | {"nonsense": 1}
        if "prompt" in endpoint.input.model_fields:
            body["prompt"] = "@Image9 @Element9 @Video9"
        warnings = check(endpoint.id, body).warnings
        assert warnings
        assert {one.caution for one in warnings} <= set(endpoint.input.cautions)


class TestTypedRequests:
    def test_the_stub_is_fresh(self) -> None:
        assert STUB.read_text("utf-8") == stub(), "run python -m tools.kling_types"

    @pytest.mark.parametrize("endpoint_id", KLING)
    def test_every_endpoint_has_one_with_the_result_it_promises(self, endpoint_id: str) -> None:
        endpoint = BUILT_IN.find(endpoint_id)
        kind = getattr(kling, kling.request_name(endpoint_id))
        assert issubclass(kind, endpoint.input)
        assert kind.output_type() is endpoint.output
        request = kind(**example_input(endpoint))
        call = endpoint_call(request, None)
        assert (call.endpoint_id, call.output) == (endpoint_id, endpoint.output)
        assert check(endpoint_id, call.arguments).ok
        assert pickle.loads(pickle.dumps(request)) == request

    def test_names_are_those_of_the_paths(self) -> None:
        assert kling.request_name("fal-ai/kling-video/v3/pro/image-to-video") == "KlingV3ProImageToVideo"
        assert kling.request_name("fal-ai/kling-video/v2.5-turbo/pro/text-to-video") == "KlingV25TurboProTextToVideo"
        assert set(kling.__all__) <= set(dir(kling))
        with pytest.raises(AttributeError, match="has no KlingV4TextToVideo"):
            kling.KlingV4TextToVideo  # noqa: B018

    def test_objects_of_one_endpoint_fit_into_another(self) -> None:
        element = kling.ComboElement(video_url=CLIP)
        for name in ("KlingV3ProImageToVideo", "KlingV3StandardImageToVideo"):
            request = getattr(kling, name)(prompt="x", start_image_url=PICTURE, elements=[element])
            assert request.elements == [element]

    def test_only_what_was_given_is_sent(self) -> None:
        request = kling.KlingV3ProImageToVideo(prompt="x", start_image_url=PICTURE)
        assert endpoint_call(request, None).arguments == {"prompt": "x", "start_image_url": PICTURE}
        assert isinstance(request, Model)


def test_the_page_of_the_family_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "kling.md").read_text("utf-8"), re.DOTALL)
    exec(code, {})
