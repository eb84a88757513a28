"""The buttons do what the control API does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from support.browser import Open
from support.endpoints import O1
from support.receivers import Receiver
from support.server import Serve, Server
from support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def slow(serve: Serve) -> Server:
    """A server whose clock stands still, and one request of which runs at once."""
    server = serve(profile="realistic", runners=1)
    server.http.post("/_fakefal/clock", json={"speed": 0}).raise_for_status()
    return server


def job(page: Page, state: str) -> None:
    expect(page.get_by_role("article", name="Job").locator("header .state")).to_have_text(state)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_job_is_advanced_to_its_start_and_its_end(slow: Server, open_page: Open) -> None:
    request_id = slow.submit(O1, {"prompt": "x"})["request_id"]
    page = open_page(f"{slow.url}/?job={request_id}").page
    job(page, "queued")
    press(page, "To its start")
    job(page, "running")
    expect(page.get_by_role("button", name="To its start")).to_be_disabled()
    press(page, "To its end")
    job(page, "completed")
    assert slow.control(f"requests/{request_id}")["result_status"] == 200


def test_a_job_is_cancelled(slow: Server, open_page: Open) -> None:
    request_id = slow.submit(O1, {"prompt": "x"})["request_id"]
    page = open_page(f"{slow.url}/?job={request_id}").page
    press(page, "Cancel")
    job(page, "cancelled")
    assert slow.control(f"requests/{request_id}")["cut"] == "cancelled"


def test_the_clock_is_frozen_hurried_and_moved(page: Page, server: Server) -> None:
    server.submit(O1, {"prompt": "x"})
    clock = page.get_by_role("group", name="Clock")
    press(page, "Freeze")
    expect(clock).to_contain_text("frozen")
    before = server.control("clock")
    assert before["speed"] == 0
    press(page, "+1 min")
    until(lambda: server.control("clock")["now"] == before["now"] + 60)
    clock.get_by_text("60", exact=False).last.click()
    expect(clock.locator(".speed")).to_contain_text("60")
    assert server.control("clock")["speed"] == 60
    page.keyboard.press("f")
    expect(clock).to_contain_text("frozen")
    press(page, "Run")
    expect(clock.locator(".speed")).to_have_count(0)
    assert server.control("clock")["speed"] == 1


def test_an_injected_effect_fires(server: Server, open_page: Open) -> None:
    request_id = server.submit(O1, {"prompt": "before"})["request_id"]
    page = open_page(f"{server.url}/?job={request_id}").page
    page.get_by_role("link", name="Inject an effect").click()
    expect(page.get_by_label("Model ends with")).to_have_value(O1)
    page.get_by_label("Model ends with").fill("o1/reference-to-video")
    page.get_by_role("combobox", name="Effect").fill("runner_disconnected")
    page.get_by_label("Prompt has").fill("light")
    press(page, "Inject")
    expect(page.locator(".rules")).to_contain_text(
        "runner_disconnected when endpoint=o1/reference-to-video and prompt=light"
    )
    assert server.result(O1, {"prompt": "a lighthouse"}).status_code == 503
    assert server.result(O1, {"prompt": "a dog"}).status_code == 200
    press(page, "Remove all rules")
    expect(page.get_by_text("No rules.")).to_be_visible()
    assert server.result(O1, {"prompt": "a lighthouse"}).status_code == 200


def test_a_wrong_effect_says_what_to_write(server: Server, open_page: Open) -> None:
    visit = open_page(f"{server.url}/?view=control")
    visit.page.get_by_role("combobox", name="Effect").fill("stukc")
    press(visit.page, "Inject")
    expect(visit.page.get_by_role("status")).to_contain_text("did you mean stuck?")
    visit.faults.clear()  # Chromium itself notes the 422


def test_a_webhook_is_replayed(server: Server, open_page: Open, receiver: Receiver) -> None:
    answer = server.http.post(f"/queue/{O1}", params={"fal_webhook": receiver.url}, json={"prompt": "x"})
    request_id = answer.json()["request_id"]
    receiver.wait(1)
    page = open_page(f"{server.url}/?job={request_id}").page
    press(page, "Replay webhook")
    expect(page.locator(".waterfall .name", has_text="Webhook 2")).to_be_visible()
    first, second = receiver.wait(2)
    assert first.body == second.body
    page.get_by_role("link", name="Control").click()
    press(page, "Replay")
    assert len(receiver.wait(3)) == 3


def test_the_signing_key_is_rotated(server: Server, open_page: Open) -> None:
    def keys() -> int:
        return len(httpx.get(f"{server.url}/rest/.well-known/jwks.json", trust_env=False).json()["keys"])

    before = keys()
    page = open_page(f"{server.url}/?view=control").page
    press(page, "Rotate the signing key")
    until(lambda: keys() == before + 1)


def test_everything_is_forgotten_once_that_was_confirmed(server: Server, open_page: Open) -> None:
    server.submit(O1, {"prompt": "x"})
    page = open_page(f"{server.url}/?view=control").page
    press(page, "Reset")
    assert server.control("jobs")["stored"] == 1
    press(page, "Yes, delete everything")
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    assert server.control("jobs")["stored"] == 0
