"""Strategies build what they promise: valid bodies, one broken rule each, both sides of each limit, real media."""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.statistics import collector
from PIL import Image

from fakefal_contracts import (
    BUILT_IN,
    FOUNDING,
    KLING,
    Catalogue,
    Edition,
    UnknownEndpoint,
    Unreadable,
    check,
    judge,
    rulebook,
    strategies,
)
from fakefal_contracts.evidence import UNDATED
from fakefal_contracts.kling.shared import CLIP_LIMITS, PICTURE_LIMITS
from fakefal_contracts.media import AudioLimits, ClipLimits, Limits, PictureLimits
from fakefal_contracts.model import spots
from fakefal_contracts.record import Record, Source
from fakefal_contracts.rule import Requirement
from fakefal_contracts.strategies import (
    Advance,
    Boundary,
    Broken,
    Step,
    Submit,
    anything,
    boundaries,
    histories,
    invalid,
    media,
    play,
    valid,
)
from fakefal_contracts.strategies.bodies import Builder
from fakefal_contracts.strategies.broken import breaches
from fakefal_contracts.strategies.edges import edges, usual
from fakefal_contracts.strategies.medium import audio
from fakefal_contracts.strategies.recipes import RECIPES
from support.draws import draws
from support.editions import every_edition
from support.machine import ROOT
from support.media import measure
from support.waiting import run_program

#: Every kind of rule that has a number, or a list of formats.
LIMITS = {
    "max_length", "items", "min_items", "max_clips", "max_references", "max_references_with_clip", "max_bytes",
    "format", "ratio", "min_pixels", "max_pixels", "min_seconds", "max_seconds", "min_fps", "max_fps",
}  # fmt: skip
UNLIMITED = {
    "required", "type", "one_of", "reachable", "readable", "media", "voice", "prompt_or_multi_prompt",
    "prompt_xor_multi_prompt", "end_image_without_multi_prompt",
}  # fmt: skip

few = settings(max_examples=draws(50), derandomize=True)


def refused(edition: Edition, broken: Broken) -> list[tuple[str, tuple[str | int, ...]]]:
    """The rules that refuse a body, and where."""
    return [(error.rule.id, error.loc) for error in judge(edition, broken.arguments, broken.opener).errors]


@every_edition
class TestEveryEdition:
    def test_valid_arguments_are_accepted(self, edition: Edition) -> None:
        @few
        @given(valid(edition.endpoint.id, contract=edition.contract))
        def accepted(arguments: dict[str, Any]) -> None:
            assert check(edition.endpoint.id, arguments, contract=edition.contract).ok

        accepted()

    def test_every_rule_is_broken_alone_where_it_says(self, edition: Edition) -> None:
        seen: Counter[str] = Counter()
        for rule in rulebook(edition):

            @settings(max_examples=8, derandomize=True)
            @given(invalid(edition.endpoint.id, contract=edition.contract, rules=[rule.id]))
            def alone(broken: Broken) -> None:
                assert refused(edition, broken) == [(broken.rule, broken.loc)]
                seen[broken.rule] += 1

            alone()
        assert set(seen) == {rule.id for rule in rulebook(edition)}

    def test_every_known_way_to_break_a_rule_breaks_it_alone(self, edition: Edition) -> None:
        for breach in breaches(edition):
            if breach.wrong is None:
                broken = breach.broken(edition, Builder())
                assert refused(edition, broken) == [(breach.rule.id, broken.loc)], broken

    def test_both_sides_of_every_limit(self, edition: Edition) -> None:
        found = boundaries(edition.endpoint.id, contract=edition.contract)
        for boundary in found:
            assert judge(edition, boundary.inside.arguments, boundary.inside.opener).ok, boundary
            assert refused(edition, boundary.outside) == [(boundary.outside.rule, boundary.outside.loc)], boundary
        assert {one.outside.rule for one in found} == {rule.id for rule in rulebook(edition) if rule.kind in LIMITS}

    def test_every_kind_of_rule_has_a_limit_or_has_none(self, edition: Edition) -> None:
        assert {rule.kind for rule in rulebook(edition)} <= LIMITS | UNLIMITED


@pytest.mark.quick
def test_every_rule_written_by_hand_has_a_recipe() -> None:
    written = {
        requirement
        for endpoint in map(BUILT_IN.find, KLING)
        for spot in spots(endpoint.input)
        for requirement in (*spot.metadata, *getattr(spot.kind, "requirements", ()))
        if isinstance(requirement, Requirement)
    }
    assert set(RECIPES) == written


RULED = [one for one in KLING if one not in FOUNDING and BUILT_IN.find(one).input.requirements]
"""The models beside the first four with rules across fields."""


@pytest.mark.parametrize("endpoint_id", RULED)
def test_bodies_of_models_with_rules_across_fields_are_what_they_promise(endpoint_id: str) -> None:
    edition = BUILT_IN.find(endpoint_id).edition("latest")

    @settings(max_examples=draws(60), derandomize=True)
    @given(valid(endpoint_id), invalid(endpoint_id))
    def drawn(arguments: dict[str, Any], broken: Broken) -> None:
        assert judge(edition, arguments).errors == ()
        assert refused(edition, broken) == [(broken.rule, broken.loc)]

    drawn()


class TestNothingIsThrownAway:
    @pytest.mark.parametrize("endpoint_id", FOUNDING)
    @pytest.mark.parametrize("strategy", [valid, invalid, anything], ids=lambda one: one.__name__)
    def test_no_example_is_rejected_with_all_health_checks_on(self, endpoint_id: str, strategy: Any) -> None:
        outcomes: Counter[str] = Counter()

        @settings(max_examples=draws(200), derandomize=True, suppress_health_check=())
        @given(strategy(endpoint_id))
        def nothing(_: Any) -> None:
            pass

        def count(statistics: dict[str, Any]) -> None:
            outcomes.update(case["status"] for case in statistics["generate-phase"]["test-cases"])

        with collector.with_value(count):
            nothing()
        assert outcomes["valid"] == draws(200)
        assert outcomes["invalid"] == 0  # "overrun" counts hypothesis' own attempts with too few choices

    def test_no_strategy_filters(self) -> None:
        for path in (ROOT / "contracts/fakefal_contracts/strategies").glob("*.py"):
            assert not re.search(r"\bassume\(|\.filter\(|\breject\(", path.read_text("utf-8")), path


class TestMedia:
    @pytest.mark.parametrize("limits", [PICTURE_LIMITS, CLIP_LIMITS], ids=lambda one: one.noun)
    def test_each_side_of_each_edge_is_judged_as_it_says(self, limits: Limits) -> None:
        for edge in edges(limits):
            assert findings(limits, edge.inside.content) == []
            if not isinstance(edge.outside, str):
                assert findings(limits, edge.outside.content) == [edge.kind], edge.outside
        assert {edge.kind for edge in edges(limits)} == set(limits.says())

    def test_the_pictures_are_pictures_in_all_formats(self) -> None:
        formats = set()
        for edge in edges(PICTURE_LIMITS):
            whole = edge.inside.content
            assert isinstance(whole, bytes)
            with Image.open(io.BytesIO(whole)) as image:
                image.load()
                formats.add(image.format)
        assert formats == {"JPEG", "MPO", "PNG", "WEBP", "GIF", "AVIF"}

    @pytest.mark.parametrize("form", ["mp4", "mov"])
    def test_an_independent_reader_plays_every_frame_of_the_clips(self, form: str, tmp_path: Path) -> None:
        for number, edge in enumerate(edges(CLIP_LIMITS)):
            if not edge.inside.name.startswith(form) or edge.kind == "max_bytes":
                continue
            found = measure(edge.inside.save(tmp_path / f"{number}.{form}"))
            _, size, milliseconds, _, frames, _ = edge.inside.name.split()
            assert found == {
                "size": tuple(map(int, size.split("x"))),
                "codec": "mjpeg",
                "rate": pytest.approx(int(frames) * 1000 / int(milliseconds)),
                "frames": int(frames),
                "audio": None,
            }

    def test_large_media_are_files_with_holes(self, tmp_path: Path) -> None:
        (edge,) = (one for one in edges(CLIP_LIMITS) if one.kind == "max_bytes" and one.inside.name.startswith("mp4"))
        path = edge.inside.save(tmp_path / "large.mp4")
        assert path.stat().st_size == CLIP_LIMITS.max_bytes == edge.inside.size
        assert path.stat().st_blocks * 512 < 1_000_000
        assert measure(path)["frames"] == 126

    def test_a_field_says_which_limits_its_media_have(self) -> None:
        seen: set[str | None] = set()
        o3 = "fal-ai/kling-video/o3/pro/reference-to-video"

        @settings(max_examples=draws(200), derandomize=True)
        @given(media(o3, "elements[].video_url"))
        def collect(sample: Any) -> None:
            medium, rule = sample
            assert len(findings(CLIP_LIMITS, medium.content)) == (rule is not None)
            seen.add(rule)

        collect()
        kinds = {rule.rpartition(".")[2] for rule in seen if rule}
        assert kinds == set(CLIP_LIMITS.says()) - {"reachable"}
        with pytest.raises(ValueError, match="'prompt' is not a media field"):
            media(o3, "prompt")


def findings(limits: Limits, content: bytes | Path) -> list[str]:
    """The kinds of the limits that a content breaks."""
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    if size > limits.most_bytes:
        return ["max_bytes"]
    try:
        return [finding.kind for finding in limits.judge(limits.measure(content))]
    except Unreadable:
        return ["readable"]


NOVEL = "fal-ai/kling-video/novel"


@pytest.fixture
def novel() -> Catalogue:
    """An endpoint that nobody has written a strategy for."""
    picture = {"type": "string", "x-fal": {"min_aspect_ratio": 0.4, "max_aspect_ratio": 2.5}}
    scene = {
        "type": "object",
        "title": "Scene",
        "required": ["title"],
        "properties": {
            "title": {"type": "string", "maxLength": 7},
            "frame_urls": {"anyOf": [{"type": "array", "items": picture}, {"type": "null"}]},
        },
    }
    song = {"type": "string", "x-fal": {"min_duration": 1, "max_duration": 3}}
    arguments = {
        "type": "object",
        "title": "Novel",
        "required": ["style", "scenes"],
        "properties": {
            "style": {"type": "string", "enum": ["plain", "rich"]},
            "scenes": {"type": "array", "items": {"$ref": "#/components/schemas/Scene"}},
            "loop": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
            "song_url": {"anyOf": [song, {"type": "null"}]},
            "data_url": {"type": "string", "default": "https://media.example/usual", "x-fal": {"max_file_size": 1000}},
        },
    }
    schemas = {"Input": arguments, "Scene": scene, "Output": {"type": "object", "properties": {}}}
    return Catalogue([Record(NOVEL, None, UNDATED, Source.OWN, "Input", "Output", schemas)])


def test_media_that_the_service_fills_in_itself_are_not_looked_at(novel: Catalogue) -> None:
    body = {"style": "plain", "scenes": []}
    assert check(NOVEL, body, catalogue=novel).unchecked == ()
    report = check(NOVEL, body | {"data_url": "https://media.example/mine"}, catalogue=novel)
    assert [one.loc for one in report.unchecked] == [("data_url",)]


def test_audio_is_judged_and_what_it_does_not_say_is_listed(novel: Catalogue) -> None:
    body = {"style": "plain", "scenes": []}
    report = check(NOVEL, body | {"song_url": audio("mp3", 4800).address}, catalogue=novel)
    (error,) = report.errors
    assert (error.rule.id, error.type) == ("novel.song_url.max_seconds", "audio_duration_too_long")
    report = check(NOVEL, body | {"song_url": audio("amr", 4800).address}, catalogue=novel)
    assert report.ok
    (unchecked,) = report.unchecked
    assert unchecked.reason == "the length of this amr file is not stated in its header"


def test_a_new_endpoint_needs_no_strategy_of_its_own(novel: Catalogue) -> None:
    edition = novel.find(NOVEL).edition("latest")
    assert {breach.rule.id for breach in breaches(edition)} == {rule.id for rule in rulebook(edition)}
    limits = {boundary.outside.rule for boundary in boundaries(NOVEL, catalogue=novel)}
    assert {"novel.scenes[].title.max_length", "novel.scenes[].frame_urls[].ratio"} <= limits
    assert {"novel.song_url.min_seconds", "novel.song_url.max_seconds", "novel.data_url.max_bytes"} <= limits

    @few
    @given(valid(NOVEL, catalogue=novel), invalid(NOVEL, catalogue=novel))
    def built(arguments: dict[str, Any], broken: Broken) -> None:
        assert check(NOVEL, arguments, catalogue=novel).ok
        assert refused(edition, broken) == [(broken.rule, broken.loc)]

    built()


SEEN = CLIP_LIMITS.evidence
OTHER_LIMITS = [
    PictureLimits(
        max_bytes=5_000, formats=("gif",), min_width=20, min_height=40, min_ratio=0.25, max_ratio=4.0, evidence=SEEN
    ),
    PictureLimits(max_width=7000, max_height=7000, evidence=SEEN),
    PictureLimits(min_width=384, min_height=384, max_width=5000, max_height=5000, max_bytes=26_214_400, evidence=SEEN),
    PictureLimits(min_width=340, max_width=3850, max_height=3850, min_ratio=0.4, max_ratio=2.5, evidence=SEEN),
    PictureLimits(max_height=100, evidence=SEEN),
    PictureLimits(min_ratio=1.5, evidence=SEEN),
    PictureLimits(max_ratio=0.5, min_height=300, evidence=SEEN),
    PictureLimits(evidence=SEEN),
    ClipLimits(
        max_bytes=90_000, timeout_seconds=1, formats=("mov",), min_width=64, min_height=64, max_width=128,
        max_height=128, min_seconds=1, max_seconds=2, min_fps=10, max_fps=12, evidence=SEEN,
    ),
    ClipLimits(min_width=340, min_height=200, max_width=3850, max_seconds=30.05, max_bytes=104_857_600, evidence=SEEN),
    ClipLimits(min_fps=24, evidence=SEEN),
    ClipLimits(max_fps=60, min_seconds=3, evidence=SEEN),
    ClipLimits(formats=("mp4", "mov", "avi", "webm"), max_width=32, evidence=SEEN),
    ClipLimits(evidence=SEEN),
    AudioLimits(max_bytes=5_242_880, min_seconds=2, max_seconds=60, evidence=SEEN),
    AudioLimits(formats=("mp3", "wav", "m4a", "ogg", "flac"), min_seconds=1.5, max_seconds=30.1, evidence=SEEN),
    AudioLimits(formats=("mp3", "m4a", "ogg", "flac"), max_bytes=100_000, max_seconds=5, evidence=SEEN),
    AudioLimits(evidence=SEEN),
    Limits(max_bytes=1000, timeout_seconds=3, evidence=SEEN),
    Limits(evidence=SEEN),
]  # fmt: skip


@pytest.mark.parametrize("limits", OTHER_LIMITS, ids=lambda one: f"{one.noun}: {one.published_text()}")
def test_other_limits_have_other_edges(limits: Limits) -> None:
    assert {edge.kind for edge in edges(limits)} == set(limits.says())
    assert findings(limits, usual(limits).content) == []
    for edge in edges(limits):
        assert findings(limits, edge.inside.content) == [], edge
        if not isinstance(edge.outside, str):
            assert findings(limits, edge.outside.content) == [edge.kind], edge


@pytest.mark.quick
class TestWhatUsersSee:
    def test_the_contracts_alone_do_not_import_hypothesis(self) -> None:
        code = "import sys, fakefal_contracts; sys.exit('hypothesis' in sys.modules)"
        assert run_program([sys.executable, "-c", code]).returncode == 0

    def test_wrong_names_are_refused_at_once(self) -> None:
        with pytest.raises(UnknownEndpoint):
            valid("fal-ai/kling-video/o1/image-to-vido")
        with pytest.raises(ValueError, match="has no rule prompt in contract latest"):
            invalid("fal-ai/kling-video/o1/image-to-video", rules=["prompt"])

    def test_a_large_body_is_shown_in_a_few_words(self) -> None:
        for boundary in boundaries("fal-ai/kling-video/o1/image-to-video"):
            assert isinstance(boundary, Boundary)
            assert len(repr(boundary)) < 2000


@few
@given(histories())
def test_histories_name_no_request_that_is_not_there_yet(history: list[Step]) -> None:
    class Target:
        def __init__(self) -> None:
            self.submitted = 0

        def submit(self, endpoint_id: str, arguments: Any) -> int:  # noqa: ARG002 - the protocol has it
            assert endpoint_id in FOUNDING
            self.submitted += 1
            return self.submitted - 1

        def poll(self, request: int, *, logs: bool) -> None:
            assert request < self.submitted
            assert isinstance(logs, bool)

        def fetch(self, request: int) -> None:
            assert request < self.submitted

        def cancel(self, request: int) -> None:
            assert request < self.submitted

        def advance(self, seconds: float) -> None:
            assert seconds >= 0

    assert isinstance(history[0], Submit)
    answers = play(history, Target())
    assert [step for step, _ in answers] == history
    assert all(answer is None for step, answer in answers if isinstance(step, Advance))


def test_the_example_of_the_page_runs() -> None:
    page = (ROOT / "docs" / "strategies.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(code, "docs/strategies.md", "exec"), names)
    tests = [few(test) for name, test in names.items() if name.startswith("test_")]
    assert len(tests) == 4
    for test in tests:
        test()
    for name in re.findall(r"^\| `(\w+)\(", page, re.MULTILINE):
        assert name in strategies.__all__
