"""The report of a run: one file that says what was called, and that is safe to open."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from fakefal.engine.emulator import Emulator
from fakefal.report import run_report as module
from fakefal.report.report_files import WRITERS, as_html, as_json, as_junit
from fakefal.report.run_report import ReportedRun, part_of_run, run_report
from fakefal.settings import Settings
from support.endpoints import I2V, O1
from support.programs import FAKEFAL
from support.receivers import Receiver
from support.server import Server, served
from support.waiting import run_program, until

HOSTILE = "</style></script><script>alert(1)</script><img src=x onerror=alert(1)>'\"&{{7*7}}\x1b[2J\x00\u202e\ud800"
PROGRAM = f"""
import fal_client
def ask(endpoint, **arguments):
    try:
        fal_client.subscribe(endpoint, arguments)
    except fal_client.FalClientHTTPError as error:
        print(error.status_code)
for _ in range(2):
    ask("{O1}", prompt="a lighthouse")
ask("{I2V}", prompt="x", start_image_url="https://example.com/a.png", duration="30")
ask("fal-ai/flux/dev", prompt="a picture")
ask("fal-ai/klink-video", prompt="x")
ask("{O1}", prompt="fakefal:content_policy_violation")
"""


class Page(HTMLParser):
    """What a page has: its elements, where they lead, and its texts."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.leads: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.policy = ""
        self.feed(content.decode())
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = {name: value or "" for name, value in attrs}
        self.attributes |= given.keys()
        self.leads += [given[name] for name in ("src", "href", "action", "data", "poster", "srcset") if name in given]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def report_of(emulator: Emulator, command: str = "my program") -> ReportedRun:
    """The report of an emulator that nobody serves any more."""
    return run_report(command, 0, [asyncio.run(part_of_run(emulator, command))])


def submit(server: Server, prompt: str, endpoint: str = O1, **more: Any) -> str:
    body = json.dumps({"prompt": prompt, **more}).encode()
    answer = server.http.post(f"/queue/{endpoint}", content=body, headers={"Content-Type": "application/json"})
    request_id: str = answer.raise_for_status().json()["request_id"]
    return request_id


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return run_program([*FAKEFAL, "run", "--profile", "instant", *options, "--", sys.executable, "-c", PROGRAM])


def test_a_run_leaves_a_page_that_stands_alone(tmp_path: Path) -> None:
    done = run("--report", str(tmp_path / "report.html"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == f"fakefal: the report of this run is {tmp_path / 'report.html'}"
    page = Page((tmp_path / "report.html").read_bytes())
    assert [lead for lead in page.leads if not lead.startswith(("data:image/jpeg;base64,", "#"))] == []
    assert not {"script", "iframe", "object", "link", "form", "base"} & set(page.tags)
    for said in (
        "5 jobs 3 done 2 refused, 1 may be charged ($0.56) 0 cancelled 1 repeated $1.145 not spent",
        'duration : "30" is not allowed; use one of "3"',
        "o1.image-to-video.duration.one_of",
        "content_policy_violation",
        "unknown model 404 POST queue.fal.run/fal-ai/klink-video",
        "Repeats",
        "paid_twice possible",
        "refused 422 $0.00, may be charged $0.56",
    ):
        assert said in page.text, page.text
    posters = [lead for lead in page.leads if lead.startswith("data:")]
    assert len(posters) == 3
    for poster in posters:
        with Image.open(io.BytesIO(base64.b64decode(poster.partition(",")[2]))) as picture:
            assert (picture.format, max(picture.size)) == ("JPEG", 160)


def test_a_run_leaves_json_in_the_documented_form(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    assert run("--report", str(file)).returncode == 0
    report = ReportedRun.model_validate_json(file.read_bytes())
    assert report.exit_code == 0
    assert [(one.endpoint_id, one.outcome, one.status) for one in report.parts[0].jobs] == [
        (O1, "completed", 200),
        (O1, "completed", 200),
        (I2V, "refused", 422),
        ("fal-ai/flux/dev", "completed", 200),
        (O1, "refused", 422),
    ]
    first, second = report.parts[0].jobs[:2]
    assert (first.duplicate_of, second.duplicate_of) == (None, first.request_id)
    assert json.loads(file.read_text())["sums"] == {
        "jobs": 5,
        "done": 3,
        "refused": 2,
        "cancelled": 0,
        "duplicates": 1,
        "unpriced": 0,
        "usd": 1.145,
        "billed_refusals": 0,
        "maybe_billed": 1,
        "maybe_usd": 0.56,
    }
    assert [(one.kind, one.effect) for one in report.parts[0].calls] == [
        ("unknown_model", ""),
        ("effect", "content_policy_violation"),
    ]


def test_a_run_and_its_report_name_an_effect_that_never_applied(tmp_path: Path) -> None:
    file, said = tmp_path / "report.json", "1 effect never applied: generation_timeout when nth=99"
    effects = ("--effect", "generation_timeout when nth=99", "--effect", "slow_response(seconds=0) when nth=1")
    done = run("--careful", "--report", str(file), *effects)
    assert done.stderr.count("never applied") == done.stderr.count(said) == 1
    assert ReportedRun.model_validate_json(file.read_bytes()).notes == [said]


def test_a_run_leaves_junit_and_each_further_report(tmp_path: Path) -> None:
    file, page = tmp_path / "report.xml", tmp_path / "report.html"
    done = run("--report", str(file), "--report", str(page))
    assert done.returncode == 0
    assert done.stderr.splitlines()[-2:] == [f"fakefal: the report of this run is {one}" for one in (file, page)]
    assert page.read_text("utf-8").startswith("<!doctype html>")
    suites = ET.fromstring(file.read_text("utf-8"))
    assert (suites.tag, suites.get("tests"), suites.get("failures"), suites.get("errors")) == (
        "testsuites",
        "5",
        "2",
        "0",
    )
    failed = {one.get("type") for one in suites.iterfind("testsuite/testcase/failure")}
    assert failed == {"o1.image-to-video.duration.one_of", "content_policy_violation"}
    properties = {one.get("name"): one.get("value") for one in suites.iterfind("testsuite/properties/property")}
    assert (properties["usd"], properties["duplicates"]) == ("1.145", "1")


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("report.pdf", "end its name with .html, .json, .xml"),
        ("none/report.html", "none does not exist"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path, name: str, said: str) -> None:
    done = run("--report", str(tmp_path / name))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


@pytest.mark.quick
class TestHostileTexts:
    @pytest.fixture
    def report(self) -> ReportedRun:
        emulator = Emulator(Settings(profile="instant", unknown="accept"))
        with served(emulator) as server:
            submit(server, HOSTILE)
            submit(server, "x", I2V, **{HOSTILE: HOSTILE})
            server.http.post(f"/queue/{O1}", json={}, headers={"Authorization": f"Key {HOSTILE[:40]}"})
            server.http.get("/rest/%3Cscript%3E%1b%00")
            return report_of(emulator, HOSTILE)

    def test_in_a_page_they_are_texts(self, report: ReportedRun) -> None:
        content = as_html(report)
        page = Page(content)
        assert {"script", "onerror"} & (set(page.tags) | page.attributes) == set()
        assert "<script>alert(1)</script>" in page.text
        assert "{{7*7}}" in page.text
        assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", content)
        assert "\u202e" not in content.decode()

    def test_the_policy_allows_the_style_of_the_page_and_nothing_else(self, report: ReportedRun) -> None:
        content = as_html(report).decode()
        (style,) = re.findall(r"<style>(.*?)</style>", content, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert Page(content.encode()).policy == f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
        assert "style=" not in content

    def test_as_xml_and_as_json_they_can_be_read(self, report: ReportedRun) -> None:
        cases = [*ET.fromstring(as_junit(report).decode()).iter("testcase")]
        assert any("<script>alert(1)</script>" in str(one.get("name")) for one in cases)
        found = json.loads(as_json(report))
        assert found["parts"][0]["jobs"][0]["prompt"] == HOSTILE[:100].replace("\ud800", "?")


@pytest.mark.quick
def test_webhooks_and_what_is_not_over(receiver: Receiver) -> None:
    receiver.answers = [500]
    emulator = Emulator(Settings(profile="quick"))
    with served(emulator) as server:
        submit(server, "told", f"{O1}?fal_webhook={receiver.url}/hook?secret=1")
        server.advance(10)
        receiver.wait(2)
        until(lambda: server.control("webhooks")[0]["fate"] == "delivered")
        submit(server, "runs")
        report = report_of(emulator)
    told, runs = report.parts[0].jobs
    assert told.webhook is not None
    assert told.webhook.url == f"{receiver.url}/hook?***"
    assert [one.status for one in told.webhook.tries] == [500, 200]
    assert (runs.outcome, runs.status, runs.webhook) == (None, None, None)
    assert f"Webhook delivered: {receiver.url}/hook?*** 500, 200" in Page(as_html(report)).text
    assert "not over" in Page(as_html(report)).text
    assert ET.fromstring(as_junit(report).decode()).get("skipped") == "1"


@pytest.mark.quick
def test_a_report_is_bounded_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_JOBS", 4)
    monkeypatch.setattr(module, "MOST_POSTER_BYTES", 3000)
    emulator = Emulator(Settings(profile="instant"))
    with served(emulator) as server:
        for number in range(6):
            submit(server, str(number))
        report = report_of(emulator)
    jobs = report.parts[0].jobs
    assert [one.prompt for one in jobs] == ["2", "3", "4", "5"]
    assert report.sums.jobs == 6
    with_posters = [one.prompt for one in jobs if one.poster]
    assert with_posters == ["2", "3", "4", "5"][-len(with_posters) :]
    assert 0 < len(with_posters) < 4
    assert report.notes == [
        "The 4 newest of 6 jobs are shown; the sums are of all.",
        f"{4 - len(with_posters)} posters are left out, so that this file stays small.",
    ]
    assert all(note in Page(as_html(report)).text for note in report.notes)


@pytest.mark.quick
def test_an_empty_report(server: Server) -> None:
    report = report_of(server.emulator)
    assert "0 jobs" in Page(as_html(report)).text
    assert set(WRITERS) == {".html", ".json", ".xml"}
    assert all(write(report) for write in WRITERS.values())
