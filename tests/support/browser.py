"""A browser that looks at the page: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from support.machine import required_in_ci
from support.server import Server
from support.waiting import LIMIT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
#: No sandbox: CI runs as root.  No resolution of names: whatever the page asks of another server fails.
ARGUMENTS = (
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


#: Clips that start by themselves keep two cores busy.
USUAL = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser that the tests of a module share."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        required_in_ci("Chromium is missing (apt-get install chromium)")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=LIMIT * 1000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield chromium
        chromium.close()


class Visit:
    """A page of the browser, and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: self.requests.append(request.url))
        page.set_default_timeout(LIMIT * 1000)


Open = Callable[..., Visit]
"""Opens an address in a browser without a past; keyword arguments are Playwright's, of a context."""


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open addresses, each in a context of its own; in the end nothing may have gone wrong in any of them."""
    visits: list[Visit] = []
    with ExitStack() as stack:

        def start(url: str, **context: Any) -> Visit:
            own: BrowserContext = browser.new_context(**{**USUAL, **context})
            stack.callback(own.close)
            visit = Visit(own.new_page())
            visits.append(visit)
            visit.page.goto(url)
            return visit

        yield start
        assert [fault for visit in visits for fault in visit.faults] == []


@pytest.fixture
def page(open_page: Open, server: Server) -> Page:
    """The page of a fresh server of the instant profile."""
    return open_page(server.url).page
