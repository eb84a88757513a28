"""Everybody can use the page: axe finds nothing serious in any view, dark or light, wide or narrow."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from support.browser import Open
from support.endpoints import I2V, O1
from support.machine import ROOT, required_in_ci
from support.server import Server

AXE = ROOT / "tests" / "js" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_serious(server: Server, open_page: Open, scheme: str, width: int) -> None:
    if not AXE.exists():
        required_in_ci("axe-core is missing (make js)")
    empty = open_page(server.url, color_scheme=scheme)
    views = {"empty": empty}
    expect(empty.page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    assert serious(empty.page) == []
    for _ in range(2):
        server.submit(O1, {"prompt": "a lighthouse"}, **{"X-Fal-Tags": "team=design"})
    server.submit("fal-ai/flux/dev", {"prompt": "a lighthouse"})
    for effect in ("runner_disconnected", "stuck", "retry_then_succeed"):
        server.submit(O1, {"prompt": effect}, **{"X-Fakefal-Effect": effect})
    server.inject("content_policy_violation", prompt="dog")
    wrong = server.submit(I2V, {"prompt": "x", "duration": 5})["request_id"]
    well = server.control("jobs", state="completed")["jobs"][0]["request_id"]
    paths = {
        "list": "/",
        "refused": f"/?job={wrong}",
        "completed": f"/?job={well}",
        "gallery": "/?view=gallery",
        "form": f"/?view=models&model={I2V}",
        "control": "/?view=control",
    }
    for name, path in paths.items():
        visit = views[name] = open_page(
            server.url + path, color_scheme=scheme, viewport={"width": width, "height": 900}
        )
        expect(visit.page.locator(".money .sum")).to_be_visible()
        expect(visit.page.locator("main h1, main h2, main table, main .code").first).to_be_attached()
        if name == "list":
            visit.page.get_by_role("button", name="repeated").click()
            expect(visit.page.locator(".twin").first).to_contain_text("key")
        assert (name, serious(visit.page)) == (name, [])


def serious(page: object) -> list[str]:
    """What axe finds, from moderate on."""
    evaluate = page.evaluate  # type: ignore[attr-defined]
    evaluate(AXE.read_text("utf-8") + ";0")
    found = evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [
        f"{one['impact']}: {one['id']}: {node['html'][:200]}: {node['failureSummary'][:300]}"
        for one in found
        if one["impact"] != "minor"
        for node in one["nodes"]
    ]
