"""Trying a model out: search, a form that checks while you type, its price, and the request that comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.browser import Open
from support.endpoints import I2V, O1
from support.server import Serve, Server

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_model_is_found_and_tried(page: Page, server: Server) -> None:
    page.get_by_role("link", name="Models").click()
    page.get_by_label("Search models").fill("kling o1 image-to-video")
    page.locator(".found a", has_text="kling-video/o1/image-to-video").first.click()
    verdict = page.locator(".verdict")
    expect(verdict).to_have_text("Valid · $0.56")
    page.get_by_label("duration").select_option("10")
    expect(verdict).to_have_text("Valid · $1.12")
    page.get_by_label("prompt").fill("")
    expect(verdict).to_contain_text("fal would refuse this: 1 problem")
    expect(page.locator(".field.broken")).to_contain_text("prompt")
    page.get_by_label("prompt").fill("A lighthouse at dawn")
    expect(verdict).to_have_text("Valid · $1.12")
    assert server.control("jobs")["stored"] == 0
    page.get_by_role("button", name="Submit to the emulator").click()
    job = page.get_by_role("article", name="Job")
    expect(job.locator("header .state")).to_have_text("completed")
    (row,) = server.control("jobs")["jobs"]
    assert (row["endpoint_id"], row["prompt"], row["usd"], row["key"]) == (I2V, "A lighthouse at dawn", 1.12, "page")


@pytest.mark.parametrize(
    "endpoint_id", ["fal-ai/flux/dev", "fal-ai/kling-video/o3/pro/reference-to-video", "fal-ai/whisper"]
)
def test_every_form_begins_with_what_its_model_accepts(server: Server, open_page: Open, endpoint_id: str) -> None:
    page = open_page(f"{server.url}/?view=models&model={endpoint_id}").page
    expect(page.locator(".verdict.valid")).to_be_visible()
    page.get_by_role("button", name="JSON").click()
    text = page.get_by_label("Arguments as JSON").input_value()
    page.get_by_role("button", name="Submit to the emulator").click()
    expect(page.get_by_role("article", name="Job").locator("header .state")).to_have_text("completed")
    (sent,) = server.control("requests")
    assert sent["arguments"] == page.evaluate("JSON.parse", text)


def test_text_that_is_no_json_yet_is_kept_and_said(server: Server, open_page: Open) -> None:
    page = open_page(f"{server.url}/?view=models&model={O1}").page
    page.get_by_role("button", name="JSON").click()
    field = page.get_by_label("Arguments as JSON")
    field.fill('{"prompt": ')
    expect(page.get_by_text("This is not JSON yet.")).to_be_visible()
    field.fill('{"prompt": 5}')
    expect(page.locator(".verdict")).to_contain_text("1 problem")
    expect(field).to_have_value('{"prompt": 5}')


def test_a_server_with_keys_of_its_own_asks_for_one(serve: Serve, open_page: Open) -> None:
    server = serve(keys={"mine": "secret"})
    visit = open_page(f"{server.url}/?view=models&model={O1}")
    page = visit.page
    expect(page.get_by_text("accepts only its configured keys")).to_be_visible()
    page.get_by_role("button", name="Submit to the emulator").click()
    expect(page.get_by_role("status").last).to_contain_text("invalid key credentials")
    visit.faults.clear()  # Chromium itself notes the 401
    page.get_by_label("Key", exact=True).fill("mine:secret")
    page.get_by_role("button", name="Submit to the emulator").click()
    expect(page.get_by_role("article", name="Job").locator("header .state")).to_have_text("completed")
    assert "mine:secret" not in page.content()
