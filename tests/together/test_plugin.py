"""The pytest plugin, in a pytest of its own; what users write is in `plugin/`."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

# what is first imported inside an inner run is thrown away with it: import it here
import fal_client  # noqa: F401
import httpx2  # noqa: F401
import pytest
import pytest_httpx  # noqa: F401
import respx  # noqa: F401

import fakefal.testing
import fakefal_client  # noqa: F401

HERE = Path(__file__).parent / "plugin"
PLUGINS = {
    "anyio": "anyio.pytest_plugin",
    "asyncio": "pytest_asyncio.plugin",
    "httpx": "pytest_httpx",
    "respx": "respx.plugin",
    "xdist": "xdist.plugin",
}


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # whether or not fakefal itself is installed
    monkeypatch.setenv("FAL_KEY", "a-real:key")
    monkeypatch.setenv("FAL_KEY_ID", "real")
    monkeypatch.setenv("FAKEFAL_TARGET", "fal")
    return Runner(pytester)


class Runner:
    """Runs a file of `plugin/`, or source, in this process or another."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester
        self.folder = pytester.path

    def __call__(self, source: str, *arguments: str, plugins: str = "", apart: bool = False) -> pytest.RunResult:
        file = HERE / f"{source}.py"
        (self.folder / "test_users.py").write_text(file.read_text("utf-8") if file.is_file() else source)
        names = [PLUGINS[name] for name in plugins.split()]
        loaded = [part for name in ("fakefal.pytest_plugin", *names) for part in ("-p", name)]
        run = self._pytester.runpytest_subprocess if apart else self._pytester.runpytest_inprocess
        return run(*loaded, "-W", "error", "-p", "no:cacheprovider", *arguments)


def count(source: str) -> int:
    """How many tests a file has, before they are multiplied."""
    tree = ast.parse((HERE / f"{source}.py").read_text("utf-8"))
    return sum(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in ast.walk(tree))


def test_what_passes(run: Runner) -> None:
    result = run("passing")
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes
    assert outcomes["passed"] >= count("passing")
    result.stdout.re_match_lines([r"fakefal: \d+ requests, \d+ refused, \d probably sent twice, \$[\d.]+ not spent"])


def test_what_fails(run: Runner) -> None:
    result = run("failing", "--tb=short", "--junit-xml=said.xml")
    cases = ET.parse(run.folder / "said.xml").findall(".//testcase")
    said = {case.get("name", ""): "".join(end.text or "" for end in case) for case in cases}
    assert len(said) >= count("failing")
    tree = ast.parse((HERE / "failing.py").read_text("utf-8"))
    wanted = {node.name: ast.get_docstring(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    silent = [name for name, text in said.items() if (wanted[name.partition("[")[0]] or "?") not in text]
    assert not silent, said[silent[0]]
    assert "passed" not in {name: n for name, n in result.parseoutcomes().items() if name != "passed" or n > 1}


@pytest.mark.parametrize(
    ("source", "plugins", "options"),
    [
        ("in_coroutines", "asyncio", ("asyncio_mode=auto", "asyncio_default_fixture_loop_scope=function")),
        ("only_asyncio", "asyncio", ("asyncio_mode=auto", "asyncio_default_fixture_loop_scope=function")),
        ("in_coroutines", "anyio", ("anyio_mode=auto",)),  # asyncio and Trio
    ],
)
def test_coroutines(run: Runner, source: str, plugins: str, options: tuple[str, ...]) -> None:
    outcomes = run(source, *(part for option in options for part in ("-o", option)), plugins=plugins).parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes


def test_beside_mocks_in_any_order(run: Runner) -> None:
    outcomes = run("beside_mocks", plugins="httpx respx").parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes


ONE_JOB = """
import fal_client, pytest

@pytest.mark.parametrize("number", range({count}))
def test_it(fakefal, number):
    fal_client.SyncClient().subscribe("fal-ai/kling-video/o1/reference-to-video", arguments={{"prompt": "a"}})
"""


def test_with_xdist_one_line_sums_up(run: Runner) -> None:
    result = run(ONE_JOB.format(count=4), "-n", "2", plugins="xdist", apart=True)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["fakefal: 4 requests, 0 refused, $2.24 not spent"])


def test_one_line_keeps_a_whole_suite_from_fal(run: Runner) -> None:
    code = """
import unittest, httpx

CALL = ("https://rest.fal.ai/.well-known/jwks.json",)

def test_function():
    assert httpx.get(*CALL).is_success

class TestUnit(unittest.TestCase):
    def test_method(self):
        assert httpx.get(*CALL).is_success
"""
    run(code, "-o", "usefixtures=fakefal").assert_outcomes(passed=2)


def test_the_marker_brings_the_fixture_to_unittest_too(run: Runner) -> None:
    code = """
import unittest, httpx, pytest

@pytest.mark.fakefal(profile="stepped")
class TestUnit(unittest.TestCase):
    def test_method(self):
        assert httpx.get("https://rest.fal.ai/.well-known/jwks.json").is_success
"""
    run(code).assert_outcomes(passed=1)


def test_without_the_fixture_nothing_is_said(run: Runner) -> None:
    result = run("def test_it(): pass")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("fakefal:*")


@pytest.mark.parametrize(("arguments", "properties"), [((), {}), (("-o", "fakefal_junit=true"), {
    "fakefal_jobs": "1", "fakefal_usd": "0.560", "fakefal_duplicates": "0",
})])  # fmt: skip
def test_the_junit_file_has_properties_on_request(
    run: Runner, arguments: tuple[str, ...], properties: dict[str, str]
) -> None:
    run(ONE_JOB.format(count=1), "--junit-xml=said.xml", *arguments).assert_outcomes(passed=1)
    found = ET.parse(run.folder / "said.xml").findall(".//testcase/properties/property")
    assert {one.get("name"): one.get("value") for one in found} == properties


def test_the_fixtures_and_the_marker_explain_themselves(run: Runner) -> None:
    run("", "--fixtures").stdout.fnmatch_lines(["fakefal -- *", "*A fresh fal*", "fakefal_server -- *"])
    run("", "--markers").stdout.fnmatch_lines(["@pytest.mark.fakefal(profile, effects, contract, seed, *"])


def test_a_user_of_unittest_has_it_too(run: Runner) -> None:
    code = """
import unittest
import fal_client
from fakefal.testing import Fakefal, UnexpectedCall

class TestIt(unittest.TestCase):
    def setUp(self):
        self.fal = self.enterContext(Fakefal(profile="stepped"))

    def test_it(self):
        fal_client.SyncClient().subscribe("fal-ai/kling-video/o1/reference-to-video", arguments={"prompt": "a"})
        self.fal.assert_billed("0.56")

    def test_strictness(self):
        with self.assertRaisesRegex(UnexpectedCall, "auth.fal.ai"), Fakefal():
            import httpx
            httpx.get("https://auth.fal.ai/x")
"""
    (run.folder / "test_unit.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "unittest", "test_unit"],
        cwd=run.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_loading_the_plugin_loads_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", "-c", "import pytest, fakefal.pytest_plugin"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in said.splitlines()}
    assert {"pytest", "fakefal"} <= loaded
    assert not loaded & {"fastapi", "httpx", "httpx2", "PIL", "pydantic", "fakefal_contracts", "starlette"}


def test_what_the_fixture_gives_has_a_name_for_annotations() -> None:
    assert [getattr(fakefal.testing, name).__name__ for name in fakefal.testing.__all__] == fakefal.testing.__all__


def test_what_it_costs_can_be_measured() -> None:
    done = subprocess.run([sys.executable, "-m", "fakefal.testing.measure"], capture_output=True, text=True, check=True)
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        "set-up",
        "submit, status and result",
        "tear-down",
    ]
