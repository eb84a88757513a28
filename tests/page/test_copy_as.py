"""What is copied runs: commands, programs, a test, a rule."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from fakefal.effects.known import parse_rule
from support.browser import Open
from support.endpoints import O1
from support.machine import ROOT, required_in_ci
from support.programs import FAKEFAL, run_under
from support.server import Server
from support.waiting import run_program

if TYPE_CHECKING:
    from playwright.sync_api import Page

ARGUMENTS = {"prompt": 'it\'s a "light"house `$(x)` \\ 灯台\n#2', "duration": "5"}
REFUSED = {**ARGUMENTS, "duration": 5, "elements": None, "more": [True, {"a": 1.5}]}


def copied(page: Page, form: str) -> str:
    """What the clipboard has once a form was chosen and copied."""
    section = page.get_by_role("region", name="Copy as")
    section.get_by_role("button", name=form, exact=True).click()
    section.get_by_role("button", name=f"Copy {form}", exact=True).click()
    expect(page.get_by_role("status").last).to_have_text("Copied")
    text: str = page.evaluate("navigator.clipboard.readText()")
    page.evaluate("navigator.clipboard.writeText('')")
    return text


@pytest.fixture
def pages(open_page: Open, server: Server) -> tuple[Page, Page]:
    """One job that was accepted, and one that was refused."""
    ids = [server.submit(O1, arguments)["request_id"] for arguments in (ARGUMENTS, REFUSED)]
    allowed = ["clipboard-read", "clipboard-write"]
    first, second = (open_page(f"{server.url}/?job={one}", permissions=allowed).page for one in ids)
    return first, second


def test_curl_submits_the_same(pages: tuple[Page, Page], server: Server) -> None:
    for page, arguments in zip(pages, (ARGUMENTS, REFUSED), strict=True):
        run_program(["sh", "-c", copied(page, "curl")], check=True)
        newest = server.control("requests", limit=1)[0]
        assert (newest["arguments"], newest["endpoint_id"], newest["key"]) == (arguments, O1, "tester")


def test_a_python_program_runs(pages: tuple[Page, Page], tmp_path: Path) -> None:
    program = tmp_path / "app.py"
    program.write_text(copied(pages[0], "Python"), "utf-8")
    done = run_program(run_under(sys.executable, str(program), profile="instant"))
    assert "output.mp4" in done.stdout, done.stderr


def test_a_javascript_program_runs(pages: tuple[Page, Page], tmp_path: Path, node: str) -> None:
    packages = ROOT / "tests" / "js" / "node_modules"
    if not packages.exists():
        required_in_ci("the packages of the JavaScript tests are missing (make js)")
    (tmp_path / "node_modules").symlink_to(packages)
    program = tmp_path / "app.mjs"
    program.write_text(copied(pages[0], "JavaScript"), "utf-8")
    done = run_program(run_under(node, str(program), profile="instant"))
    assert "output.mp4" in done.stdout, done.stderr


def test_a_pytest_test_passes(pages: tuple[Page, Page], tmp_path: Path) -> None:
    for name, page in zip(("accepted", "refused"), pages, strict=True):
        (tmp_path / f"test_{name}.py").write_text(copied(page, "pytest"), "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = run_program(command, cwd=tmp_path)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_an_effect_rule_can_be_read_and_matches(pages: tuple[Page, Page], server: Server) -> None:
    rule = parse_rule(copied(pages[0], "Effect rule"))
    assert (str(rule.effect), rule.endpoint) == ("content_policy_violation", O1)
    server.inject(str(rule.effect), endpoint=rule.endpoint, prompt=rule.prompt)
    assert server.result(O1, ARGUMENTS).json()["detail"][0]["type"] == "content_policy_violation"
    assert server.result(O1, {"prompt": "other"}).status_code == 200


def test_check_judges_the_same(pages: tuple[Page, Page], tmp_path: Path) -> None:
    (tmp_path / "fakefal").write_text(f'#!/bin/sh\nexec {" ".join(FAKEFAL)} "$@"\n')
    (tmp_path / "fakefal").chmod(0o755)
    for page, code in zip(pages, (0, 1), strict=True):
        command = copied(page, "fakefal check").replace("fakefal check", f"{tmp_path}/fakefal check --format json", 1)
        done = run_program(["sh", "-c", command])
        assert done.returncode == code, done.stderr
        assert json.loads(done.stdout)["ok"] is (code == 0)
