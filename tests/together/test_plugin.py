"""The pytest plugin, in a pytest of its own; what users write is in `plugin/`."""

from __future__ import annotations

import ast
import json
import os
import re
import socket
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
from fakefal_contracts.shipped import shipped_record
from support.machine import ROOT
from support.waiting import run_program

pytestmark = pytest.mark.versions

HERE = Path(__file__).parent / "plugin"
README = (ROOT / "README.md").read_text("utf-8")
PLUGINS = {
    "anyio": "anyio.pytest_plugin",
    "asyncio": "pytest_asyncio.plugin",
    "httpx": "pytest_httpx",
    "respx": "respx.plugin",
    "socket": "pytest_socket",
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
        code = (HERE / f"{source}.py").read_text("utf-8") if source.isidentifier() else source
        (self.folder / "test_users.py").write_text(code)
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
    result.stdout.re_match_lines([r"fakefal: \d+ requests, \d+ done, \d+ refused, \d repeated, \$[\d.]+ not spent"])


def test_models_prices_and_unknown_ids_of_ones_own(run: Runner) -> None:
    record = shipped_record("fal-ai/fast-sdxl")
    assert record is not None
    (run.folder / "own.jsonl").write_text(json.dumps(record.as_json() | {"id": "me/own"}))
    code = """
import fal_client
import pytest

def test_models(fakefal):
    assert len(fal_client.subscribe("me/own", arguments={"prompt": "x", "num_images": 2})["images"]) == 2

@pytest.mark.fakefal(prices={"me/own": {"usd": "0.5", "unit": "image"}})
def test_prices(fakefal):
    fal_client.subscribe("me/own", arguments={"prompt": "x", "num_images": 2})
    fakefal.assert_billed("1.00")

@pytest.mark.fakefal(unknown="accept")
def test_unknown(fakefal):
    assert fal_client.subscribe("me/other", arguments={}) == {}
"""
    result = run(code, "-o", f"fakefal_models={run.folder / 'own.jsonl'}")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["fakefal: 3 requests, 3 done, 0 refused, $1.00 not spent, the price of 2 is unknown"])


def test_webhooks_reach_what_users_have(run: Runner) -> None:
    outcomes = run("receivers", apart=True).parseoutcomes()  # Django is set up once a process
    assert set(outcomes) == {"passed"}, outcomes
    assert outcomes["passed"] >= count("receivers")


@pytest.mark.filterwarnings("default")
def test_beside_frozen_time(run: Runner) -> None:
    outcomes = run("frozen", apart=True).parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes
    assert outcomes["passed"] >= count("frozen")


def test_a_fake_that_would_be_imported_while_time_is_frozen_says_so(run: Runner) -> None:
    code = """
import pytest
from freezegun import freeze_time

@freeze_time("2031-05-04")
def test_it(request):
    request.getfixturevalue("fakefal")
"""
    result = run(code, apart=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E *fakefal.testing is imported while time is frozen: import it at the top of the file*"]
    )


def test_what_fails(run: Runner) -> None:
    result = run("failing", "--tb=short", "--junit-xml=said.xml")
    cases = ET.parse(run.folder / "said.xml").findall(".//testcase")
    said = {case.get("name", ""): "".join(end.text or "" for end in case) for case in cases}
    assert len(said) >= count("failing")
    tree = ast.parse((HERE / "failing.py").read_text("utf-8"))
    wanted = {node.name: ast.get_docstring(node) for node in tree.body if isinstance(node, ast.FunctionDef)}
    silent = [name for name, text in said.items() if (wanted[name.partition("[")[0]] or "?") not in text]
    assert not silent, said[silent[0]]
    assert result.ret == pytest.ExitCode.TESTS_FAILED


REFUSED = """
import fal_client

def test_it(fakefal):
    fal_client.run("fal-ai/kling-video/o1/reference-to-video", {"prompt": "x", "duration": 5})
"""


def test_a_failed_test_says_what_to_change_in_its_calls(run: Runner) -> None:
    result = run(REFUSED)
    result.stdout.fnmatch_lines(["*- fakefal -*", '*: COMPLETED with 422 (*duration*send it as a string: "5"*)'])


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


def test_calls_by_every_library(run: Runner) -> None:
    (program,) = re.findall(r"^```python\n(# app\.py.*?)^```", README, re.DOTALL | re.MULTILINE)
    (run.folder / "app.py").write_text(program)
    asyncio = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
    outcomes = run("by_sockets", *asyncio, plugins="asyncio", apart=True).parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes
    assert outcomes["passed"] >= count("by_sockets")


WITH_SOCKETS = """
import fal_client, httpx, pytest, requests, urllib.request

QUEUE = "https://queue.fal.run/fal-ai/kling-video/o1/reference-to-video"
CALL = {"json": {"prompt": "a"}, "headers": {"Authorization": "Key me:secret"}}

def test_httpx(fakefal):
    assert httpx.post(QUEUE, **CALL).is_success
    fal_client.subscribe("fal-ai/kling-video/o1/reference-to-video", arguments={"prompt": "a"})

def test_requests(fakefal):
    assert requests.post(QUEUE, **CALL).ok

def test_urllib(fakefal):
    assert urllib.request.urlopen(f"{fakefal.url}/_fakefal/health").status == 200

def test_a_socket(fakefal_server):
    assert requests.get(f"{fakefal_server.url}/_fakefal/health").ok

def test_swallowed(fakefal):
    try:
        requests.post(QUEUE, **CALL)
    except Exception:
        pass

def test_another_host(fakefal):
    with pytest.raises(Exception, match="A test tried to use") as raised:
        requests.get("http://192.0.2.1/")
    assert not hasattr(raised.value, "__notes__")
"""
NEEDED = "*every other library needs --allow-hosts=127.0.0.1*"
LOUD = ("-W", "default")  # pytest-socket warns before it raises


@pytest.mark.parametrize("warned", [(), LOUD], ids=["warnings are errors", "warnings"])
@pytest.mark.parametrize("forbidden", [("--disable-socket",), ("--allow-hosts=192.0.2.7",)])
def test_without_sockets_httpx_works_and_the_others_say_what_to_allow(
    run: Runner, forbidden: tuple[str, ...], warned: tuple[str, ...]
) -> None:
    result = run(WITH_SOCKETS, *forbidden, *warned, plugins="socket", apart=True)
    unaided = 1 if "--disable-socket" in forbidden else 0  # the server of the fixture may listen, but is not reached
    result.assert_outcomes(passed=2, failed=4 - unaided, errors=unaided)
    result.stdout.fnmatch_lines([NEEDED] * 4)


def test_with_loopback_allowed_all_work(run: Runner) -> None:
    arguments = ("--disable-socket", "--allow-hosts=127.0.0.1")
    run(WITH_SOCKETS, *arguments, plugins="socket", apart=True).assert_outcomes(passed=6)


def test_pytest_sockets_own_restrictions_end_with_their_test(run: Runner) -> None:
    code = """
import socket, pytest, requests

@pytest.mark.allow_hosts(["127.0.0.1"])
def test_loopback(fakefal):
    assert requests.get("https://rest.fal.ai/.well-known/jwks.json").ok

def test_nothing(fakefal):
    with pytest.raises(Exception, match="A test tried to use socket.gethostbyname"):
        socket.gethostbyname("localhost")

@pytest.mark.enable_socket
def test_all():
    assert socket.getaddrinfo("localhost", 80)
    assert socket.gethostbyname("localhost")
    with socket.create_server(("127.0.0.2", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    with pytest.raises(Exception, match="outside of a test with the fixture"):
        requests.packages.urllib3.util.connection.create_connection(("queue.fal.run", 443))
"""
    run(code, "--disable-socket", plugins="socket", apart=True).assert_outcomes(passed=3)


def test_beside_mocks_in_any_order(run: Runner) -> None:
    outcomes = run("beside_mocks", plugins="httpx respx").parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes


ONE_JOB = """
import fal_client, pytest

@pytest.mark.parametrize("number", range({count}))
def test_it(fakefal, number):
    fal_client.SyncClient().subscribe("fal-ai/kling-video/o1/reference-to-video", arguments={{"prompt": "a"}})
"""


@pytest.mark.parametrize("fixture", ["fakefal", "tmp_path"])
def test_all_is_imported_once_collection_shows_a_use(run: Runner, fixture: str) -> None:
    source = f"""
import sys

import pytest

@pytest.fixture(scope="session", autouse=True)
def before_all():
    assert ("fastapi" in sys.modules) is {fixture == "fakefal"}

def test_it({fixture}):
    pass
"""
    outcomes = run(source, apart=True).parseoutcomes()
    assert outcomes == {"passed": 1}


KEY_AT_IMPORT = ("-o", "fakefal_key=true")


def test_clients_that_are_built_at_import_may_have_a_fake_key(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAL_KEY")
    asyncio = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
    result = run("built_at_import", *KEY_AT_IMPORT, *asyncio, plugins="asyncio")
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes
    assert outcomes["passed"] > count("built_at_import")
    result.stdout.fnmatch_lines(["fakefal: FAL_KEY is fake (fakefal_key = true)"])
    assert "FAL_KEY" not in os.environ


SEES_NO_REAL_KEY = """
import os

assert os.environ["FAL_KEY"] == "fakefal-run:not-a-real-key"
assert "a-real:key" not in os.environ.values()
assert "FAKEFAL_TARGET" not in os.environ
def test_it():
    assert os.environ["FAL_KEY"] == "fakefal-run:not-a-real-key"
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_real_key_is_hidden_from_conftests_and_modules(
    run: Runner, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    monkeypatch.setenv("FAL_API_KEY", "a-real:key")
    (run.folder / "conftest.py").write_text(SEES_NO_REAL_KEY)
    run(SEES_NO_REAL_KEY, *KEY_AT_IMPORT, *workers, plugins="xdist", apart=True).assert_outcomes(passed=1)


@pytest.mark.parametrize(("allowed", "key"), [("1", "a-real:key"), ("", "fakefal-run:not-a-real-key")])
def test_the_key_stays_where_fal_is_meant(run: Runner, monkeypatch: pytest.MonkeyPatch, allowed: str, key: str) -> None:
    monkeypatch.setenv("FAKEFAL_ALLOW_REAL", allowed)
    code = f"import os\ndef test_it(): assert os.environ['FAL_KEY'] == {key!r}"
    run(code, *KEY_AT_IMPORT).assert_outcomes(passed=1)


def test_without_the_setting_no_key_appears(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAL_KEY")
    code = "import os, pytest\n@pytest.mark.skipif('FAL_KEY' not in os.environ, reason='live')\ndef test_it(): pass"
    run(code).assert_outcomes(skipped=1)


NO_KEY = [
    "import os; os.environ['FAL_KEY']",
    "import os\nif not os.environ.get('FAL_KEY'): raise RuntimeError('set FAL_KEY first')",
    "import os, pydantic\nclass Its(pydantic.BaseModel): fal_key: str\nIts(fal_key=os.environ.get('FAL_KEY'))",
    "import fakefal_client; fakefal_client.Client()",
    "import fakefal_client; fakefal_client.Client(target='fal')",
    "import fal_client.auth; fal_client.auth.fetch_auth_credentials()",
]
ADVICE = "*needs it at import, write fakefal_key = true in the ini file of pytest*"


@pytest.mark.parametrize("code", NO_KEY)
def test_a_key_that_is_missing_at_import_is_explained(
    run: Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str
) -> None:
    for name in ("FAL_KEY", "FAL_KEY_ID", "FAKEFAL_TARGET"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("FAL_HOME_DIR", str(tmp_path))
    result = run(f"{code}\ndef test_it(): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([ADVICE])
    run(f"{code}\ndef test_it(): pass", *KEY_AT_IMPORT).assert_outcomes(passed=1)
    (run.folder / "conftest.py").write_text(code)
    assert ADVICE.strip("*") in run("def test_it(): pass", apart=True).stderr.str()


def test_another_missing_key_is_not_explained(run: Runner) -> None:
    result = run("import os; os.environ['OTHER_KEY']")
    result.assert_outcomes(errors=1)
    result.stdout.no_fnmatch_line(ADVICE)


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_report_of_all_tests(run: Runner, workers: tuple[str, ...]) -> None:
    result = run(ONE_JOB.format(count=4), "--fakefal-report", "report.json", *workers, plugins="xdist", apart=True)
    result.stdout.fnmatch_lines(["fakefal: the report of these tests is report.json"])
    report = json.loads((run.folder / "report.json").read_bytes())
    assert (report["exit_code"], report["sums"]["jobs"], report["sums"]["usd"]) == (0, 4, 2.24)
    assert sorted(part["name"] for part in report["parts"]) == [f"test_users.py::test_it[{n}]" for n in range(4)]
    assert all(len(part["jobs"]) == 1 for part in report["parts"])


def test_a_report_of_another_form_is_refused(run: Runner) -> None:
    result = run("def test_it(): pass", "--fakefal-report", "report.pdf", apart=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--fakefal-report report.pdf: end its name with .html, .json, .xml"])


def test_with_xdist_one_line_sums_up(run: Runner) -> None:
    result = run(ONE_JOB.format(count=4), "-n", "2", plugins="xdist", apart=True)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["fakefal: 4 requests, 4 done, 0 refused, $2.24 not spent"])


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


CALLS_OUTSIDE = {
    "a module's fixture": """
@pytest.fixture(scope="module")
def early():
    call()

def test_it(early, fakefal):
    pass
""",
    "a fixture before the fake": """
@pytest.fixture
def early():
    call()

def test_it(early, fakefal):
    pass
""",
    "setup_method": """
class TestIt:
    def setup_method(self):
        call()

    def test_it(self, fakefal):
        pass
""",
    "another test": """
def test_with(fakefal):
    call()

def test_without():
    call()
""",
    "a client of a cache": """
@functools.cache
def client():
    return httpx.Client()

def test_with(fakefal):
    assert client().get(URL).is_success

def test_without():
    client().get(URL)
""",
    "a thread that outlives its test": """
go = threading.Event()
pool = ThreadPoolExecutor(1)
late = []

def test_with(fakefal):
    late.append(pool.submit(lambda: (go.wait(), call())))

def test_without():
    go.set()
    late[0].result()
""",
    "a fixture taken late": """
def test_with(request):
    request.getfixturevalue("fakefal")
    call()

def test_without():
    call()
""",
}
CALL = """
import functools, socket, threading
from concurrent.futures import ThreadPoolExecutor
import httpx, pytest

URL = "https://rest.fal.ai/.well-known/jwks.json"
at_import = httpx.Client(headers={"Authorization": "Key real:key"})

def call():
    assert at_import.get(URL).is_success
"""


@pytest.mark.parametrize("source", CALLS_OUTSIDE.values(), ids=CALLS_OUTSIDE)
def test_what_calls_outside_of_a_fake_does_not_reach_fal(run: Runner, source: str) -> None:
    result = run(CALL + source, "--tb=short")
    outcomes = result.parseoutcomes()
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 1, outcomes
    result.stdout.fnmatch_lines(["*rest.fal.ai must not be reached: this call comes from outside of a test*"])


@pytest.mark.parametrize(
    "call",
    [
        'fal_client.SyncClient(key="a:b").submit("fal-ai/flux/dev", arguments={})',
        'asyncio.run(fal_client.AsyncClient(key="a:b").submit("fal-ai/flux/dev", arguments={}))',
    ],
)
def test_fals_client_does_not_try_again_outside_of_a_fake(run: Runner, call: str) -> None:
    code = f"""
import asyncio, time
import fal_client, pytest

def test_with(fakefal):
    pass

def test_without(monkeypatch):
    monkeypatch.setattr(time, "sleep", None)
    monkeypatch.setattr(asyncio, "sleep", None)
    with pytest.raises(AssertionError, match="queue.fal.run must not be reached"):
        {call}
"""
    run(code).assert_outcomes(passed=2)


def test_a_whole_suite_is_kept_from_fal_while_it_is_collected(run: Runner) -> None:
    result = run(f"{CALL}\ncall()\ndef test_it(): pass", "-o", "usefixtures=fakefal")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*rest.fal.ai must not be reached: this call comes from outside of a test*"])


@pytest.mark.parametrize(("allowed", "reason"), [("1", "Name or service not known"), ("", "must not be reached")])
def test_who_means_fal_can_say_so(run: Runner, monkeypatch: pytest.MonkeyPatch, allowed: str, reason: str) -> None:
    monkeypatch.setenv("FAKEFAL_ALLOW_REAL", allowed)
    code = """
import socket, pytest

def test_with(fakefal):
    pass

def test_live():
    socket.getaddrinfo("queue.fal.run", 443, flags=socket.AI_NUMERICHOST)  # asks nobody
"""
    result = run(code)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f"E *{reason}*"])


def test_the_guard_ends_with_the_session(run: Runner) -> None:
    run("def test_it(fakefal): pass").assert_outcomes(passed=1)
    with pytest.raises(socket.gaierror) as raised:
        socket.getaddrinfo("queue.fal.run", 443, flags=socket.AI_NUMERICHOST)
    assert "fakefal" not in str(raised.value)


def test_respx_answers_for_fal_where_the_fixture_is_not_used(run: Runner) -> None:
    code = """
import httpx, respx

URL = "https://rest.fal.ai/.well-known/jwks.json"

def test_with(fakefal):
    assert httpx.get(URL).is_success

@respx.mock
def test_without():
    respx.get(URL).respond(text="mine")
    assert httpx.get(URL).text == "mine"
"""
    run(code, plugins="respx").assert_outcomes(passed=2)


def test_a_testcase_that_skips_or_fails_hides_no_unknown_call(run: Runner) -> None:
    code = """
import unittest, httpx, pytest

@pytest.mark.fakefal
class TestIt(unittest.TestCase):
    def setUp(self):
        httpx.get("https://auth.fal.ai/x")

    def test_skip(self):
        self.skipTest("later")

    def test_fail(self):
        self.fail("now")
"""
    result = run(code)
    result.assert_outcomes(skipped=1, failed=1, errors=2)
    result.stdout.fnmatch_lines(["*auth.fal.ai/x was answered 501*"] * 2)


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
    run("", "--fixtures").stdout.fnmatch_lines(["fakefal -- *", "*A new emulator*", "fakefal_server -- *"])
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

    def test_a_skip_hides_nothing(self):
        with self.assertRaisesRegex(UnexpectedCall, "auth.fal.ai"), Fakefal():
            import httpx
            httpx.get("https://auth.fal.ai/x")
            self.skipTest("later")
"""
    (run.folder / "test_unit.py").write_text(code)
    done = run_program([sys.executable, "-W", "error", "-m", "unittest", "test_unit"], cwd=run.folder)
    assert done.returncode == 0, done.stderr


def test_loading_the_plugin_loads_nothing_heavy() -> None:
    command = [sys.executable, "-X", "importtime", "-c", "import pytest, fakefal.pytest_plugin"]
    said = run_program(command, check=True).stderr
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in said.splitlines()}
    assert {"pytest", "fakefal"} <= loaded
    assert not loaded & {"fastapi", "httpx", "httpx2", "PIL", "pydantic", "fakefal_contracts", "starlette"}


def test_what_the_fixture_gives_has_a_name_for_annotations() -> None:
    assert [getattr(fakefal.testing, name).__name__ for name in fakefal.testing.__all__] == fakefal.testing.__all__


def test_what_it_costs_can_be_measured() -> None:
    done = run_program([sys.executable, "-m", "fakefal.testing.measure"], check=True)
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        "set-up",
        "submit, status and result",
        "tear-down",
    ]
