"""The pytest plugin: the fixtures ``fakefal`` and ``fakefal_server``, and the marker ``fakefal``.

pytest loads this module at every start, so heavy imports happen only when a fixture is used.
"""

from __future__ import annotations

import difflib
import inspect
import os
import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fakefal.testing import Fakefal

MARKER = "fakefal"
MODELS = "fakefal_models"
JUNIT = "fakefal_junit"
REPORT = "--fakefal-report"
REPORT_ENDINGS = (".html", ".json", ".xml")
KEY = "fakefal_key"
KEYLESS = ("NoKey", "NoTarget", "MissingCredentialsError")
"""The names of the errors that fakefal's and fal's clients raise without a key."""
EXPLANATION = (
    "fakefal sets FAL_KEY for each test that uses its fixture, but not while tests are collected. If a module "
    f"needs it at import, write {KEY} = true in the ini file of pytest ([tool.pytest.ini_options] in pyproject.toml)."
)
ALLOW_REAL = "FAKEFAL_ALLOW_REAL"
OUTSIDE = (
    "this call comes from outside of a test with the fixture fakefal: request the fixture where the call is made (a "
    f"marker on the class sets it up before setup_method), or set {ALLOW_REAL}=1 to call the real fal"
)
_FAKE = pytest.StashKey["Fakefal"]()
_SUMS = pytest.StashKey[dict[str, str]]()
_PART = pytest.StashKey[str]()
_GUARDED = pytest.StashKey[bool]()
_FAKED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the settings."""
    parser.addini(
        KEY,
        "set a fake FAL_KEY before tests are collected, for clients that are built at import",
        "bool",
        default=False,
    )
    parser.addini(MODELS, "your documents of models: files and folders", "paths", default=[])
    parser.getgroup("fakefal").addoption(
        REPORT, metavar="FILE", help="write a report on all tests with the fixture: .html, .json or .xml (JUnit)"
    )
    parser.addini(JUNIT, "add jobs, dollars and duplicates of each test to the JUnit file", type="bool", default=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, Any]:
    """Set the fake key, if configured, before any code of the user is imported; not if the target is the real fal."""
    meant = os.environ.get(ALLOW_REAL) == "1" and "FAL_KEY" in os.environ
    faked = early_config.stash[_FAKED] = early_config.getini(KEY) and not meant
    if faked:
        from fakefal.testing.surroundings import key_before_tests

        stack = ExitStack()
        stack.enter_context(key_before_tests())
        early_config.add_cleanup(stack.close)
    try:
        return (yield)
    except Exception as error:
        cause = getattr(error, "cause", error)  # pytest shows only that of an error in a conftest
        if _lacks_key(cause) and not early_config.getini(KEY):
            cause.add_note(EXPLANATION)
        raise


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Explain the error of a module that reads the key on import and finds none."""
    report = yield
    error = getattr(report.__dict__.get("call"), "excinfo", None)
    if error is not None and _lacks_key(error.value) and not collector.config.getini(KEY):
        report.sections.append(("fakefal", EXPLANATION))
    return report


def pytest_report_header(config: pytest.Config) -> str | None:
    """Report the fake key."""
    return f"fakefal: FAL_KEY is fake ({KEY} = true)" if config.stash.get(_FAKED, False) else None


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and check that the report can be written."""
    report = config.getoption(REPORT)
    if report is not None and not report.endswith(REPORT_ENDINGS):
        raise pytest.UsageError(f"{REPORT} {report}: end its name with {', '.join(REPORT_ENDINGS)}")
    what = "configure the emulator of this test; requests the fixture"
    config.addinivalue_line("markers", f"{MARKER}(profile, effects, contract, seed, ...): {what}")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give the fixture to tests with the marker, so that a forgotten fixture does not let them call fal."""
    names = getattr(item, "fixturenames", None)
    if names is not None and item.get_closest_marker(MARKER) is not None and "fakefal" not in names:
        names.insert(0, "fakefal")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Also refuse fal host names during collection if the whole suite uses the fixture."""
    if "fakefal" in session.config.getini("usefixtures"):
        _guard(session.config)


def pytest_collection_finish(session: pytest.Session) -> None:
    """If a test uses the fixture, import everything now, so that the first test is not slower than the others.

    Also refuse fal host names outside tests: in fixtures with a wider scope, and in threads that outlive a test.
    """
    if any("fakefal" in getattr(item, "fixturenames", ()) for item in session.items):
        _guard(session.config)
        if not session.config.option.collectonly:
            import fakefal.testing  # noqa: F401


@pytest.fixture
def fakefal(request: pytest.FixtureRequest) -> Iterator[Fakefal]:
    """A new emulator for this test: it answers all calls to fal, and nothing is charged."""
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
    """The fixture `fakefal` with a real server: `url` is its base URL, `environ` redirects other programs."""
    fakefal.serve()
    return fakefal


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Ask the emulator before mocks of other plugins; fail the test if it reports a problem."""
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
    """Add hints to the report of a failed test, and its totals to its last report, which xdist passes on."""
    report = yield
    if report.when == "call" and report.failed and (fake := item.stash.get(_FAKE, None)) is not None:
        hinted = [f"{one}" for one in fake.requests if one.hint and not one.succeeded]
        if hinted:
            report.sections.append(("fakefal", "\n".join(hinted)))
    if report.when == "teardown" and (noted := item.stash.get(_SUMS, None)):
        report.__dict__["fakefal"] = noted
        report.__dict__["fakefal_part"] = item.stash.get(_PART, None)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """Print what was not spent, and write the configured report."""
    reports = [report for some in terminalreporter.stats.values() for report in some]
    noted = [report.fakefal for report in reports if hasattr(report, "fakefal")]
    if noted:
        from fakefal.testing import Sums

        terminalreporter.write_line(f"fakefal: {sum((Sums.read(one) for one in noted), Sums())}")
    if path := terminalreporter.config.getoption(REPORT):
        from fakefal.report.report_files import write_test_report

        parts = [part for report in reports if (part := getattr(report, "fakefal_part", None))]
        write_test_report(parts, exitstatus, terminalreporter.config.rootpath / path)
        terminalreporter.write_line(f"fakefal: the report of these tests is {path}")


def _lacks_key(error: BaseException | None) -> bool:
    """Whether an error is about a missing key; many programs have their own message for it."""
    if error is None:
        return False
    missing = "FAL_KEY" not in os.environ and re.search(r"\bFAL_KEY\b", str(error), re.IGNORECASE) is not None
    return missing or type(error).__name__ in KEYLESS or _lacks_key(error.__cause__)


def _guard(config: pytest.Config) -> None:
    """Refuse to resolve fal host names from now to the end of the session, unless the environment allows it."""
    if config.stash.get(_GUARDED, False):
        return
    from fakefal.testing import UnexpectedCall
    from fakefal.testing.names import Guard, guarded_names
    from fakefal.testing.surroundings import HOST
    from fakefal_contracts.hosts import is_fal_host

    def refuses(name: str) -> bool:
        return name == HOST or (is_fal_host(name) and os.environ.get(ALLOW_REAL) != "1")

    stack = ExitStack()
    # no error of the network: clients would try again, fal's for a minute
    stack.enter_context(guarded_names(Guard(refuses, lambda _: None, OUTSIDE, UnexpectedCall)))
    config.add_cleanup(stack.close)
    config.stash[_GUARDED] = True


@contextmanager
def _failing() -> Iterator[None]:
    """Let a test fail with the emulator's message, without a traceback, which would only show this plugin."""
    from fakefal.testing import UnexpectedCall

    try:
        yield
    except UnexpectedCall as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def _note(item: pytest.Item, fake: Fakefal) -> None:
    """Keep the totals of a finished test."""
    sums = item.stash[_SUMS] = fake.sums.plain()
    if item.config.getoption(REPORT):
        item.stash[_PART] = fake.report_part(item.nodeid)
    if item.config.getini(JUNIT):
        item.user_properties += [(f"fakefal_{name}", sums[name]) for name in ("jobs", "usd", "duplicates")]


def _options(node: Any, known: list[str]) -> dict[str, Any]:
    """The options of the markers of a test, its class and its module; the nearest wins."""
    options: dict[str, Any] = {"models": node.config.getini(MODELS)}
    for marker in reversed(list(node.iter_markers(MARKER))):
        if marker.args:
            pytest.fail(
                f"@pytest.mark.{MARKER} takes keyword arguments: write effects={marker.args[0]!r}, for example",
                pytrace=False,
            )
        for name in marker.kwargs:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                meant = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
                pytest.fail(f"@pytest.mark.{MARKER} has no argument {name!r}{meant}", pytrace=False)
        options |= marker.kwargs
    return options
