"""The whole Kling family at the emulator, over a socket: what the library refuses and bills is refused and billed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakefal.conform.refusals import Examiner
from fakefal.conform.results import ClaimState
from fakefal.core.plan import PROFILES, Ending, make_plan
from fakefal.engine.emulator import Emulator
from fakefal.server.serving import serving
from fakefal.settings import Settings
from fakefal.state import jsonio
from fakefal_contracts import BUILT_IN, Report, judge, rulebook
from fakefal_contracts.endpoint import Edition
from fakefal_contracts.example import example_input
from fakefal_contracts.kling.family import PREFIX, ROWS
from fakefal_contracts.kling.shared import PICTURE_LIMITS
from fakefal_contracts.media import Limits
from fakefal_contracts.model import spots
from fakefal_contracts.strategies import Medium, boundaries
from fakefal_contracts.strategies.bodies import Builder
from fakefal_contracts.strategies.broken import Body, breaches
from fakefal_contracts.strategies.medium import clip
from support.bent import Judged, Mutant, mutants
from support.media import measure
from support.server import KEY, Server

CDN = "https://v3b.fal.media"
SAMPLE = "https://media.example/voice.mp3"
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    emulator = Emulator(Settings(profile="instant", max_requests=200, max_files=200))
    with (
        serving(emulator=emulator) as where,
        httpx.Client(base_url=where.url, headers=KEY, trust_env=False, timeout=60) as http,
    ):
        yield Server(emulator, where.url, http)


def lay(server: Server, address: str, medium: Medium) -> None:
    """Lay a medium under an address of the server's CDN; its padding stays a hole."""
    part = server.emulator.files.open_part()
    part.write(medium.head)
    part.truncate(medium.size)
    part.seek(medium.size)
    server.emulator.files.keep(part, address.removeprefix(CDN), medium.content_type)


def asked(server: Server, endpoint_id: str, body: Body) -> Report:
    """The library's report on a body, with which the emulator's result was compared."""
    for address, medium in body.media.items():
        lay(server, address, medium)
    report = judge(BUILT_IN.find(endpoint_id).edition("latest"), body.arguments, body.opener)
    answer = server.result(endpoint_id, body.arguments)
    if report.ok:
        assert answer.status_code == 200
        if report.cost is not None:
            assert float(answer.headers["x-fal-billable-units"]) == float(report.cost.units)
    else:
        assert answer.status_code == 422
        assert answer.content == jsonio.dump({"detail": [error.wire() for error in report.errors]})
        assert answer.headers["x-fal-billable-units"] == "0"
    return report


@every_row
def test_each_rule_beyond_the_schema_alone_refuses_what_it_guards(row: Any, server: Server) -> None:
    endpoint = BUILT_IN.find(PREFIX + row.path)
    edition = endpoint.edition("latest")
    written = {rule.id for _, rule, _ in rulebook(edition).written()}
    for breach in breaches(edition):
        if breach.rule.id in written:
            broken = breach.broken(edition, Builder())
            assert [one.rule.id for one in asked(server, endpoint.id, broken).errors] == [breach.rule.id]


@every_row
def test_each_number_is_accepted_exactly_at_its_limit(row: Any, server: Server) -> None:
    for boundary in boundaries(PREFIX + row.path):
        assert asked(server, PREFIX + row.path, boundary.inside).ok
        assert boundary.outside.explains(asked(server, PREFIX + row.path, boundary.outside).errors)


@pytest.mark.parametrize("row", {id(row.family): row for row in ROWS}.values(), ids=lambda row: row.path)
class TestConform:
    """One endpoint of each family is asked by the conformance suite."""

    def test_the_right_edition_agrees(self, row: Any) -> None:
        right = BUILT_IN.find(PREFIX + row.path).edition("latest")
        asked = Examiner(Judged(right), right, examples=1, to_the_word=True).all()
        assert [one.claim for one in asked if one.state is not ClaimState.AGREED] == []

    def test_every_rule_is_missed(self, row: Any) -> None:
        right = BUILT_IN.find(PREFIX + row.path).edition("latest")
        written = {rule.id for _, rule, _ in rulebook(right).written()}
        wrong = [one for one in mutants(right) if one.how == "off" or one.rule.id in written]
        assert {one.rule.id for one in wrong} == {rule.id for rule in rulebook(right)}
        assert [str(one) for one in wrong if not noticed(one, right)] == []


def noticed(mutant: Mutant, right: Edition) -> bool:
    """Whether a claim about the rule, or about bodies that keep all rules, differs."""
    examiner = Examiner(Judged(mutant.edition), right, examples=2, tries=0, to_the_word=True)
    found = {one.state for one in examiner.rule(mutant.rule)}
    return ClaimState.DIFFERS in found or examiner.valid().state is ClaimState.DIFFERS


def test_limits_that_only_words_state_are_among_them() -> None:
    limited = [row for row in ROWS if {*row.family.limits.values()} - {PICTURE_LIMITS}]
    assert len(limited) == 8
    for row in limited:
        found = {spot.path: extra for spot in spots(BUILT_IN.find(PREFIX + row.path).input) for extra in spot.metadata}
        for field, limits in row.family.limits.items():
            assert isinstance(limits, Limits)
            assert found.get(field) is limits or field not in found


def test_a_measured_clip_is_billed_by_its_fraction(server: Server) -> None:
    address = f"{CDN}/files/b/strategies/an-edited-clip"
    lay(server, address, clip("mp4", 720, 720, 7_250, 174))
    answer = server.result(f"{PREFIX}o3/pro/video-to-video/edit", {"prompt": "x", "video_url": address})
    assert answer.headers["x-fal-billable-units"] == "7.25"


def test_of_a_clip_that_nobody_looked_at_the_log_says_that_its_length_is_assumed(server: Server) -> None:
    body = {"prompt": "x", "video_url": "https://media.example/clip.mp4"}
    submitted = server.submit(f"{PREFIX}o3/pro/video-to-video/edit", body)
    status = server.http.get(submitted["status_url"], params={"logs": "1"}).json()
    assert "Not measured: video_url: 5 s are assumed" in [line["message"] for line in status["logs"]]


@every_row
def test_every_result_is_what_its_schema_promises(row: Any, server: Server) -> None:
    endpoint = BUILT_IN.find(PREFIX + row.path)
    result = server.result(endpoint.id, example_input(endpoint, full=True)).json()
    assert set(endpoint.output.model_validate(result).model_dump()) == set(endpoint.output.model_fields)


EDITED = f"{CDN}/files/b/strategies/an-edited-clip"
"""It has no sound that could be kept."""


@pytest.mark.parametrize(
    ("path", "arguments", "size", "seconds", "sound"),
    [
        ("o3/4k/text-to-video", {"prompt": "x", "aspect_ratio": "9:16"}, (2160, 3840), 5, None),
        ("v3/pro/text-to-video", {"prompt": "x", "duration": "12"}, (1920, 1080), 12, "aac"),
        ("v3/standard/text-to-video", {"prompt": "x", "generate_audio": False}, (1280, 720), 5, None),
        ("v2.5-turbo/pro/text-to-video", {"prompt": "x", "duration": "10"}, (1920, 1080), 10, None),
        ("o3/standard/video-to-video/edit", {"prompt": "x", "video_url": EDITED}, (960, 960), 7.25, None),
        ("o1/standard/video-to-video/edit", {"prompt": "x", "video_url": EDITED}, (960, 960), 7.25, None),
    ],
)
def test_a_clip_has_the_size_the_length_and_the_sound_of_its_family(
    path: str, arguments: Any, size: Any, seconds: float, sound: str | None, server: Server, tmp_path: Path
) -> None:
    lay(server, EDITED, clip("mp4", 720, 720, 7_250, 174))
    made = server.result(PREFIX + path, arguments).json()["video"]
    (tmp_path / "a.mp4").write_bytes(server.http.get(made["url"]).content)
    found = measure(tmp_path / "a.mp4", decode=False)
    assert (found["size"], found["frames"], found["audio"]) == (size, 24 * seconds + 1, sound)


def test_a_voice_that_was_made_speaks_in_other_endpoints(server: Server) -> None:
    voices = [server.result(f"{PREFIX}create-voice", {"voice_url": SAMPLE}).json()["voice_id"] for _ in range(2)]
    assert voices[0] != voices[1]
    start = {"prompt": "x", "start_image_url": "https://media.example/picture.png"}
    element = {"video_url": "https://media.example/clip.mp4", "voice_id": voices[0]}
    for path, body in (
        ("v2.6/pro/image-to-video", {"voice_ids": voices}),
        ("v3/pro/image-to-video", {"elements": [element]}),
    ):
        assert server.result(PREFIX + path, start | body).status_code == 200


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("o3/standard/text-to-video", 94),  # measured
        ("o3/pro/text-to-video", 318),
        ("v3/standard/image-to-video", 226),
        ("o1/standard/reference-to-video", 120),
        ("v2.1/pro/image-to-video", 318),  # as others of its tier
        ("v2.1/standard/image-to-video", 120),
        ("v1/tts", 120),
    ],
)
def test_realistic_runs_last_as_long_as_was_measured(path: str, seconds: int) -> None:
    endpoint = BUILT_IN.find(PREFIX + path)
    ending = Ending(200, b"{}", 5.0, ok=True)
    runs = sorted(
        make_plan(
            PROFILES["realistic"], ending, tier=endpoint.tier, run_seconds=endpoint.run_seconds, seed=str(seed)
        ).run_seconds
        for seed in range(301)
    )
    assert runs[150] == pytest.approx(seconds, rel=0.1)
    quick = make_plan(PROFILES["quick"], ending, tier=endpoint.tier, run_seconds=endpoint.run_seconds)
    assert quick.run_seconds == 2
