"""Money on the page: what refusals may cost, the balance that locks and is topped up, tags, findings."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from support.browser import Open
from support.endpoints import O1
from support.programs import FAKEFAL
from support.server import Serve, Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

OTHER = {"Authorization": "Key other:secret"}

CARELESS = f"""
import os, fal_client
print(os.environ["FAKEFAL_URL"], flush=True)
input()
first = fal_client.submit("{O1}", arguments={{"prompt": "a lighthouse"}})
for _ in range(2):
    try:
        fal_client.submit("{O1}", arguments={{"prompt": "a dog"}})
    except fal_client.FalClientHTTPError as error:
        print(error.status_code, flush=True)
input()
first.get()
print("fetched", flush=True)
input()
"""


def submits(server: Server, **headers: str) -> int:
    return server.http.post(f"/queue/{O1}", json={"prompt": "x"}, headers=headers).status_code


def test_a_locked_account_is_topped_up_and_submits_are_accepted_again(serve: Serve, open_page: Open) -> None:
    server = serve(balance="0.56")
    page = open_page(server.url).page
    expect(page.get_by_role("button", name="$0.56 left")).to_be_visible()
    assert [submits(server), submits(server), submits(server, **OTHER)] == [200, 403, 200]
    page.get_by_role("button", name="$0.00 left at least · 2 locked").click()
    panel = page.get_by_role("region", name="Balance")
    panel.get_by_label("Dollars").fill("0.50")
    panel.get_by_role("button", name="Top up tester", exact=True).click()
    expect(page.get_by_role("button", name="$0.00 left at least · locked")).to_be_visible()
    expect(panel.get_by_role("row", name="tester")).to_contain_text("$0.50")
    expect(panel.get_by_role("row", name="other")).to_contain_text("locked")
    assert [submits(server), submits(server, **OTHER)] == [200, 403]
    expect(page.get_by_role("button", name="-$0.06 left at least · 2 locked")).to_be_visible()
    panel.get_by_role("button", name="Top up all keys").click()
    expect(page.get_by_role("button", name="$0.44 left at least", exact=True)).to_be_visible()
    assert [submits(server), submits(server, **OTHER)] == [200, 200]


def test_a_wrong_amount_says_what_is_wrong_and_without_a_balance_there_is_none(
    page: Page, serve: Serve, open_page: Open
) -> None:
    expect(page.locator(".money .sum")).to_be_visible()
    expect(page.get_by_role("button", name="left")).to_have_count(0)
    visit = open_page(serve(balance="0").url)
    visit.page.get_by_role("button", name="$0.00 left · locked").click()
    visit.page.get_by_label("Dollars").fill("-1")
    visit.page.get_by_role("button", name="Top up all keys").click()
    expect(visit.page.get_by_role("status")).to_contain_text("greater than 0")
    visit.faults.clear()  # Chromium itself notes the 422


def test_refusals_say_whether_they_are_charged(page: Page, server: Server) -> None:
    said = {"(billed=true)": "charged", "(billed=false)": "not charged", "": "may be charged $0.56"}
    ids = {
        effect: server.submit(O1, {"prompt": effect}, **{"X-Fakefal-Effect": f"content_policy_violation{effect}"})
        for effect in said
    }
    for words in ("3 refused", "1 of them charged", "1 may be charged, $0.56"):
        expect(page.locator(".money")).to_contain_text(words)
    for effect, words in said.items():
        row = page.locator(f"tr[data-job='{ids[effect]['request_id']}']")
        expect(row.locator(".maybe")).to_have_text(["maybe $0.56"] if not effect else [])
        row.click()
        expect(page.get_by_role("article", name="Job").locator(".charge")).to_have_text(words)


def test_a_tag_leads_to_the_jobs_that_have_it(page: Page, server: Server) -> None:
    for team in ("design", "video"):
        server.submit(O1, {"prompt": team}, **{"X-Fal-Tags": f"team={team},env=prod"})
    rows = page.locator("tr[data-job]")
    expect(rows).to_have_count(2)
    expect(rows.first.locator(".tag")).to_have_text(["team=video", "env=prod"])
    rows.first.click()
    page.get_by_role("group", name="Tags").get_by_text("team=video").click()
    expect(rows).to_have_count(1)
    expect(page.locator(".money .sum")).to_have_text("$0.56 not spent")
    assert "tag=team%3Dvideo" in page.url
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="Do not filter by team=video").click()
    expect(rows).to_have_count(2)


def test_findings_of_a_program_come_and_go_without_a_reload(open_page: Open) -> None:
    command = [*FAKEFAL, "run", "--profile", "instant", "--balance", "0.50", "--", sys.executable, "-c", CARELESS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdin is not None
        assert run.stdout is not None

        def go_on() -> None:
            assert run.stdin is not None
            run.stdin.write("\n")
            run.stdin.flush()

        page = open_page(run.stdout.readline().strip()).page
        expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
        page.evaluate("window.kept = true")
        go_on()
        assert [run.stdout.readline() for _ in range(2)] == ["403\n", "403\n"]
        page.get_by_role("button", name="2 findings").click()
        panel = page.get_by_role("region", name="Findings")
        expect(panel).to_contain_text("went on when locked")
        expect(panel).to_contain_text("result never fetched")
        go_on()
        assert run.stdout.readline() == "fetched\n"
        expect(page.get_by_role("button", name="1 finding", exact=True)).to_be_visible()
        expect(panel).not_to_contain_text("result never fetched")
        assert page.evaluate("window.kept") is True
        go_on()


def test_what_is_to_be_said_of_money_stands_in_one_line(serve: Serve, open_page: Open) -> None:
    server = serve(balance="100")
    for prompt in ("x", "x", 5, 5, "fakefal:content_policy_violation"):
        server.submit(O1, {"prompt": prompt})
    page = open_page(server.url).page
    expect(page.get_by_role("button", name="findings")).to_be_visible()
    for width in (1024, 1280, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 700})
        places = "() => [...document.querySelectorAll('.money > *')].map((one) => one.getBoundingClientRect())"
        found = page.evaluate(places)
        assert max(place["top"] for place in found) < min(place["bottom"] for place in found), width
        top, margin = page.evaluate(
            "() => [document.querySelector('.top').offsetHeight, "
            "parseInt(getComputedStyle(document.documentElement).getPropertyValue('--top'))]"
        )
        assert abs(top - margin) <= 3, "the job beside the list would be hidden"
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("() => document.documentElement.scrollWidth") == 320
