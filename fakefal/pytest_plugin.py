"""The pytest plugin: the fixtures ``fakefal`` and ``fakefal_server``, and the marker ``fakefal``.

pytest loads this at every start, so everything heavy is imported where a fixture is used.
"""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fakefal.testing import Fakefal

MARKER = "fakefal"
JUNIT = "fakefal_junit"
ALLOW_REAL = "FAKEFAL_ALLOW_REAL"
OUTSIDE = (
    "this is outside of a test's fake: let what calls it ask for the fixture fakefal (a marker on the class brings it "
    f"before setup_method), or set {ALLOW_REAL}=1 if fal is meant"
)
_FAKE = pytest.StashKey["Fakefal"]()
_SUMS = pytest.StashKey[dict[str, str]]()
_GUARDED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the settings."""
    parser.addini(JUNIT, "add jobs, dollars and duplicates of each test to the JUnit file", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    what = "how the emulator of this test behaves; the fixture comes with it"
    config.addinivalue_line("markers", f"{MARKER}(profile, effects, contract, seed, ...): {what}")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give the fixture to tests that carry the marker: none of them may call fal because it was forgotten."""
    names = getattr(item, "fixturenames", None)
    if names is not None and item.get_closest_marker(MARKER) is not None and "fakefal" not in names:
        names.insert(0, "fakefal")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Guard the collection, too, where the whole suite has the fixture."""
    if "fakefal" in session.config.getini("usefixtures"):
        _guard(session.config)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Prepare where one test has the fixture: guard fixtures of wider scope and what outlives a test, and import all.

    So the first test does not take longer than the others.
    """
    if any("fakefal" in getattr(item, "fixturenames", ()) for item in session.items):
        _guard(session.config)
        if not session.config.option.collectonly:
            import fakefal.testing  # noqa: F401


@pytest.fixture
def fakefal(request: pytest.FixtureRequest) -> Iterator[Fakefal]:
    """A fresh fal in this process: all httpx calls to fal end here, and nothing is paid."""
    from fakefal.testing import Fakefal, SettingsError

    _guard(request.config)  # collection does not tell of getfixturevalue
    options = _options(request.node, list(inspect.signature(Fakefal).parameters))
    try:
        fake = Fakefal(**options)
    except SettingsError as error:
        pytest.fail(f"@pytest.mark.{MARKER}: {error}", pytrace=False)
    with _failing():
        try:
            with fake:
                request.node.stash[_FAKE] = fake
                yield fake
        finally:
            _note(request.node, fake)


@pytest.fixture
def fakefal_server(fakefal: Fakefal) -> Fakefal:
    """The test's `fakefal` on a socket, too: `url` for base URLs, `environ` for other programs."""
    fakefal.serve()
    return fakefal


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Ask the fake before mocks of other plugins, in whatever order fixtures came; fail what it complains of."""
    fake = item.stash.get(_FAKE, None)
    if fake is None:
        return (yield)
    try:
        with fake.intercepting():
            result = yield
    except BaseException as error:
        with _failing():
            fake.end(error)
        raise
    if not getattr(item, "_excinfo", None):  # else a TestCase ended early, and pytest would drop what is raised here
        with _failing():
            fake.end(None)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send a test's sums along with its last report, which xdist carries to where all are added."""
    report = yield
    if report.when == "teardown" and (noted := item.stash.get(_SUMS, None)):
        report.__dict__["fakefal"] = noted
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End with what was not paid."""
    reports = [report for some in terminalreporter.stats.values() for report in some]
    noted = [report.fakefal for report in reports if hasattr(report, "fakefal")]
    if noted:
        from fakefal.testing import Sums

        terminalreporter.write_line(f"fakefal: {sum((Sums.read(one) for one in noted), Sums())}")


def _guard(config: pytest.Config) -> None:
    """From now to the session's end no name of fal's is looked up, unless the environment allows it."""
    if config.stash.get(_GUARDED, False):
        return
    from fakefal.testing.names import Guard, guarded_names
    from fakefal_contracts.hosts import is_fal_host

    def refuses(name: str) -> bool:
        return is_fal_host(name) and os.environ.get(ALLOW_REAL) != "1"

    stack = ExitStack()
    stack.enter_context(guarded_names(Guard(refuses, lambda _: None, OUTSIDE)))
    config.add_cleanup(stack.close)
    config.stash[_GUARDED] = True


@contextmanager
def _failing() -> Iterator[None]:
    """Let a test fail by what the fake complains of, without a traceback: it would lead through this plugin."""
    from fakefal.testing import UnexpectedCall

    try:
        yield
    except UnexpectedCall as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def _note(item: pytest.Item, fake: Fakefal) -> None:
    """Keep the sums of a test that is over."""
    sums = item.stash[_SUMS] = fake.sums.plain()
    if item.config.getini(JUNIT):
        item.user_properties += [(f"fakefal_{name}", sums[name]) for name in ("jobs", "usd", "duplicates")]


def _options(node: Any, known: list[str]) -> dict[str, Any]:
    """What the markers of a test, its class and its module say; the nearest wins."""
    options: dict[str, Any] = {}
    for marker in reversed(list(node.iter_markers(MARKER))):
        if marker.args:
            pytest.fail(f"@pytest.mark.{MARKER} takes names: write effects={marker.args[0]!r}, or so", pytrace=False)
        for name in marker.kwargs:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                meant = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
                pytest.fail(f"@pytest.mark.{MARKER} has no argument {name!r}{meant}", pytrace=False)
        options |= marker.kwargs
    return options
