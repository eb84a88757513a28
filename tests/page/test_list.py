"""The list of jobs: live, searchable, bounded, and at an address that can be shared."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support.browser import Open
from support.endpoints import I2V, O1
from support.programs import run_under
from support.server import Serve, Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURE = "https://v3b.fal.media/files/b/rabbit/NaslJIC7F2WodS6DFZRRJ.png"

PROGRAM = f"""
import os, fal_client
print(os.environ["FAKEFAL_URL"], flush=True)
input()
handle = fal_client.submit("{O1}", arguments={{"prompt": "a lighthouse", "duration": "5"}})
print(handle.request_id, flush=True)
input()
print(handle.get()["video"]["url"])
"""


def rows(page: Page) -> list[str]:
    return page.locator("tr[data-job] .prompt").all_text_contents()


def test_what_fals_client_submits_appears_and_completes_without_a_reload(open_page: Open) -> None:
    command = run_under(sys.executable, "-c", PROGRAM, profile="quick")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        page = open_page(run.stdout.readline().strip()).page
        expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
        page.evaluate("window.kept = true")
        run.stdin.write("\n")
        run.stdin.flush()
        request_id = run.stdout.readline().strip()
        row = page.locator(f"tr[data-job='{request_id}']")
        expect(row).to_contain_text("a lighthouse")
        expect(row).to_contain_text("completed")
        expect(row).to_contain_text("$0.56")
        expect(page.locator(".money .sum")).to_have_text("$0.56 not spent")
        assert page.evaluate("window.kept") is True
        run.stdin.write("\n")
        run.stdin.flush()
        assert run.stdout.readline().strip().endswith(".mp4")


def test_filters_stand_in_the_address_which_can_be_shared(page: Page, server: Server, open_page: Open) -> None:
    server.submit(O1, {"prompt": "one lighthouse"})
    server.submit(O1, {"prompt": "two lighthouses", "duration": 5})
    server.submit(I2V, {"prompt": "a dog", "start_image_url": PICTURE}, Authorization="Key other:x")
    expect(page.locator("tr[data-job]")).to_have_count(3)
    page.get_by_label("Search jobs").fill("lighthouse")
    expect(page.locator("tr[data-job]")).to_have_count(2)
    page.get_by_role("group", name="State").get_by_text("refused").click()
    expect(page.locator("tr[data-job]")).to_have_count(1)
    assert page.url.removeprefix(server.url) == "/?q=lighthouse&state=refused"
    there = open_page(page.url).page
    expect(there.locator("tr[data-job]")).to_have_count(1)
    assert rows(there) == ["two lighthouses"]
    expect(there.get_by_label("Search jobs")).to_have_value("lighthouse")
    page.go_back()
    expect(page.locator("tr[data-job]")).to_have_count(2)
    page.goto(server.url)
    page.get_by_label("Key", exact=True).select_option("other")
    expect(page.locator("tr[data-job]")).to_have_count(1)
    assert rows(page) == ["a dog"]
    page.get_by_label("Key", exact=True).select_option("")
    page.get_by_label("Model").select_option(O1)
    expect(page.locator("tr[data-job]")).to_have_count(2)


def test_at_most_200_rows_are_drawn_and_older_ones_are_a_step_away(server: Server, open_page: Open) -> None:
    for number in range(205):
        server.submit(O1, {"prompt": f"number {number}"})
    page = open_page(server.url).page
    expect(page.locator(".pages")).to_contain_text("205 jobs")
    assert page.locator("tr[data-job]").count() <= 200
    assert rows(page)[0] == "number 204"
    while page.get_by_role("link", name="Older").is_visible():
        first = rows(page)[0]
        page.get_by_role("link", name="Older").click()
        expect(page.locator("tr[data-job] .prompt").first).not_to_have_text(first)
    assert rows(page)[-1] == "number 0"
    page.get_by_role("link", name="Newest").click()
    expect(page.locator("tr[data-job] .prompt").first).to_have_text("number 204")


def test_requests_that_repeat_stand_side_by_side(page: Page, server: Server) -> None:
    first, second = (server.submit(O1, {"prompt": "x"})["request_id"] for _ in range(2))
    page.get_by_role("button", name="1 repeated").click()
    pair = page.locator(".pair .twin")
    expect(pair).to_have_count(2)
    for shown, request_id in zip((pair.nth(0), pair.nth(1)), (first, second), strict=True):
        expect(shown).to_contain_text(request_id[-8:])
        expect(shown).to_contain_text(f"POST {server.url.removeprefix('http://')}/queue/{O1}")
        expect(shown).to_contain_text("key tester")
        expect(shown).to_contain_text("by python-httpx/")


def test_the_keyboard_is_enough(page: Page, server: Server) -> None:
    ids = [server.submit(O1, {"prompt": f"number {word}"})["request_id"] for word in ("one", "two", "three")][::-1]
    expect(page.locator("tr[data-job]")).to_have_count(3)
    for key, job in (("j", ids[0]), ("j", ids[1]), ("k", ids[0])):
        page.keyboard.press(key)
        expect(page.locator("tr.open")).to_have_attribute("data-job", job)
    expect(page.get_by_role("article", name="Job")).to_contain_text(ids[0])
    page.keyboard.press("Escape")
    expect(page.get_by_role("article", name="Job")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("number two")
    expect(page.locator("tr[data-job]")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("2")
    expect(page.get_by_role("heading", name="Gallery")).to_be_visible()
    page.keyboard.press("1")
    page.locator("tr[data-job] a").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="Job")).to_be_visible()


def test_an_empty_server_shows_the_ways_in_with_its_own_addresses(page: Page, server: Server) -> None:
    main = page.get_by_role("main")
    for address in ("/queue/fal-ai/", "/proxy", "/run", "/rest", "/cdn", "/platform", "/_fakefal"):
        expect(main).to_contain_text(f"{server.url}{address}")
    assert page.title() == "fakefal"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_follows_the_colours_of_the_system(open_page: Open, server: Server, scheme: str) -> None:
    page = open_page(server.url, color_scheme=scheme).page
    red = page.evaluate("getComputedStyle(document.body).backgroundColor").removeprefix("rgb(").split(",")[0]
    assert (int(red) < 60) == (scheme == "dark")


def test_it_fits_a_phone(serve: Serve, open_page: Open) -> None:
    server = serve()
    request_id = server.submit(O1, {"prompt": "x" * 2000, "duration": 5})["request_id"]
    for path in ("/", f"/?job={request_id}", "/?view=gallery", f"/?view=models&model={O1}", "/?view=control"):
        page = open_page(f"{server.url}{path}", viewport={"width": 390, "height": 800}).page
        expect(page.get_by_role("main")).to_be_visible()
        expect(page.locator(".money .sum")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_findings_stand_beside_the_money_with_what_to_do(page: Page, server: Server) -> None:
    ids = [server.submit(O1, {"prompt": "x"})["request_id"] for _ in range(2)]
    found = server.control("verdict")
    page.get_by_role("button", name=f"{found['proven'] + found['possible']} finding").click()
    panel = page.get_by_role("region", name="Findings")
    for kind in found["kinds"]:
        expect(panel).to_contain_text(kind["advice"])
    expect(panel).to_contain_text(ids[0][-8:])
    expect(panel).to_contain_text(ids[1][-8:])
