"""Python under `fakefal run`: whatever library calls fal, and whatever it thinks of proxies, the emulator answers."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fakefal.testing import Fakefal
from support.machine import not_tested_here, required_in_ci
from support.namespaces import StandIn
from support.programs import JS, PROGRAMS, run_under

LED = PROGRAMS / "led.py"
WAYS = re.findall(r"^def by_(\w+)", LED.read_text("utf-8"), re.MULTILINE)
ELSEWHERE = ["pycurl", "aiohttp_with_aiodns"]
"""Ways that tests of their own take."""

CALL = "import http.client as h; c = h.HTTPSConnection('queue.fal.run'); c.request('GET', '/'); c.getresponse()"


def run(*program: str, prefix: list[str] | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    command = [*(prefix or []), *run_under(*program, profile="instant")]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (more.get("PYTHONPATH"), os.environ.get("PYTHONPATH"))))
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environ)


def test_every_library_that_ignores_proxies_is_led(stand_in: StandIn) -> None:
    led = [way for way in WAYS if way not in ELSEWHERE]
    calls = " ".join(f"echo {way} $({sys.executable} {LED} {way});" for way in led)
    done = run("sh", "-c", calls, prefix=stand_in.prefix)
    assert dict(line.split(" ", 1) for line in done.stdout.splitlines()) == dict.fromkeys(led, "200"), done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"fakefal: {len(led)} requests, ")
    assert stand_in.arrived == []


OF_A_PROCESS = [way for way in WAYS if way not in (*ELSEWHERE, "gevent") and not way.startswith(("child_", "exec_"))]
"""Those that leave the rest of their process as it was."""

FIXED = f"""
import sys
import pytest

@pytest.mark.parametrize("way", {OF_A_PROCESS})
def test_it(fakefal, way):
    sys.path.insert(0, {str(PROGRAMS)!r})
    import led
    assert getattr(led, "by_" + way)() == 200
    assert len(fakefal.requests) == 1
"""


def test_the_fixture_of_a_test_comes_before_the_run_around_it(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(FIXED)
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert done.stderr.splitlines()[-1].startswith("fakefal: 0 requests, ")


def test_the_inner_of_two_runs_answers(stand_in: StandIn) -> None:
    led = [way for way in WAYS if way not in ELSEWHERE]
    calls = " ".join(f"{sys.executable} {LED} {way};" for way in led)
    done = run(*run_under("sh", "-c", calls), prefix=stand_in.prefix)
    assert done.stdout.splitlines() == ["200"] * len(led), done.stderr
    inner, outer = (line for line in done.stderr.splitlines() if " requests, " in line)
    assert inner.startswith(f"fakefal: {len(led)} requests, ")
    assert outer.startswith("fakefal: 0 requests, ")


def test_aiodns_is_led(stand_in: StandIn) -> None:
    if importlib.util.find_spec("aiodns") is None:
        required_in_ci("aiodns is not installed")
    done = run(sys.executable, str(LED), "aiohttp_with_aiodns", prefix=stand_in.prefix)
    assert (done.stdout, stand_in.arrived) == ("200\n", []), done.stderr


def test_pyopenssl_ends_at_the_emulator(stand_in: StandIn) -> None:
    use = "import urllib3.contrib.pyopenssl as own, urllib3; own.inject_into_urllib3(); urllib3.PoolManager()"
    program = f"{use}.request('GET', 'https://queue.fal.run/', retries=False)"
    done = run(sys.executable, "-c", program, prefix=stand_in.prefix)
    assert "certificate verify failed" in done.stderr
    assert stand_in.arrived == []


@pytest.mark.parametrize(
    "program",
    [
        [sys.executable, str(LED), "pycurl"],
        [sys.executable, "-I", str(LED), "http_client"],
        [sys.executable, "-S", "-c", CALL],
        ["sh", "-c", f'env -i FAL_KEY="$FAL_KEY" {sys.executable} {LED} http_client'],
    ],
    ids=["pycurl", "isolated", "without site", "empty environment"],
)
def test_what_is_not_led_holds_a_key_that_fal_refuses(program: list[str], stand_in: StandIn) -> None:
    run(*program, prefix=stand_in.prefix, FAL_KEY="real:secret")
    assert stand_in.arrived, "it was led: say so on the page"
    assert "secret" not in "".join(stand_in.arrived)


def test_keys_under_other_names_stay_out_of_a_test_and_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FAL_API_KEY", "fal_token", "COPY"):
        monkeypatch.setenv(name, "real:secret")
    with Fakefal(keys={"me": "mine"}) as fake:
        held = [
            environ[name] for environ in (os.environ, fake.environ) for name in ("FAL_API_KEY", "fal_token", "COPY")
        ]
    assert held == ["me:mine"] * 6
    assert os.environ["COPY"] == "real:secret"


def pythons() -> list[str]:
    found = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"))
    return [str(path) for path in found if int(path.parents[1].name.split(".")[1]) >= 8]


def test_the_redirection_is_one_file_for_python_3_8_and_newer() -> None:
    from fakefal.server import redirection

    source = Path(redirection.__file__).read_text("utf-8")
    imports = {node for node in ast.walk(ast.parse(source, feature_version=(3, 8))) if isinstance(node, ast.ImportFrom)}
    assert {str(node.module).partition(".")[0] for node in imports} == {"__future__", "collections", "typing"}


def test_every_python_of_this_machine_is_led(stand_in: StandIn) -> None:
    if not (found := pythons()):
        not_tested_here("there is no other Python")
    for python in found:
        done = run(python, str(LED), "http_client", prefix=stand_in.prefix)
        assert (done.stdout, stand_in.arrived) == ("200\n", []), (python, done.stderr)


def test_a_child_that_calls_nobody_pays_for_nothing() -> None:
    modules = "import sys; print(sorted(sys.modules))"
    done = run(sys.executable, "-c", modules)
    bare = subprocess.run([sys.executable, "-c", modules], capture_output=True, text=True, check=True)
    assert set(ast.literal_eval(done.stdout)) - set(ast.literal_eval(bare.stdout)) <= {"sitecustomize", "__future__"}


def test_the_next_sitecustomize_runs_too(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('mine', __file__)")
    done = run(sys.executable, "-c", "import sitecustomize; print(sitecustomize.__file__)", PYTHONPATH=str(tmp_path))
    own = str(tmp_path / "sitecustomize.py")
    assert done.stdout.splitlines() == [f"mine {own}", f"mine {own}", own], "fakefal is a Python program, too"


def test_a_broken_sitecustomize_of_the_users_is_reported_as_always(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import no_such_module")
    done = run(sys.executable, str(LED), "http_client", PYTHONPATH=str(tmp_path))
    assert (done.stdout, "No module named 'no_such_module'" in done.stderr) == ("200\n", True)


def test_what_cannot_be_patched_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "uvloop.py").write_text("mine = 1")
    done = run(sys.executable, "-c", "import uvloop; print(uvloop.mine)", PYTHONPATH=str(tmp_path))
    *others, closing = done.stderr.splitlines()
    (said,) = [line for line in others if not line.startswith("fakefal: watch this run")]
    assert done.stdout == "1\n"
    assert said.startswith(f"fakefal: only the proxy variables redirect {sys.executable}: AttributeError(")
    assert closing.startswith("fakefal: 0 requests")


CLIENTS = """
import ssl, sys, {0} as httpx
read, inner = [], ssl.SSLContext.load_verify_locations
ssl.SSLContext.load_verify_locations = lambda self, *args: read.append(args) or inner(self, *args)
def reads(**named):
    read.clear()
    httpx.Client(**named), httpx.AsyncClient(**named)
    return len(read)
own = ssl.create_default_context()
print(reads(), reads(trust_env=False), reads(verify=False), reads(verify=own))
print(httpx.Client(transport=httpx.HTTPTransport(verify=own))._transport._pool._ssl_context is own)
"""


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_a_client_of_httpx_reads_the_certificates_once_and_its_own_ones_stay(library: str) -> None:
    done = run(sys.executable, "-c", CLIENTS.format(library))
    assert done.stdout == "2 2 0 0\nTrue\n", done.stderr


def test_modules_are_found_by_their_own_loaders() -> None:
    program = "import socket, json; print(json.dumps([type(socket.__loader__).__name__, socket.__spec__.origin]))"
    led, bare = run(sys.executable, "-c", program).stdout, subprocess.check_output([sys.executable, "-c", program])
    assert json.loads(led) == json.loads(bare)


def test_a_target_without_a_name_of_fals_is_left_alone(stand_in: StandIn) -> None:
    """Somebody else's host is looked up, reached, and not trusted by our authority."""
    done = run(
        *(sys.executable, "-c", CALL.replace("queue.fal.run", "router.huggingface.co")),
        prefix=stand_in.prefix,
    )
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr
    assert stand_in.arrived == [""]


def test_node_is_led_in_workers_and_in_children_with_an_environment_of_their_own(stand_in: StandIn, node: str) -> None:
    done = run("env", "-u", "HTTPS_PROXY", "-u", "https_proxy", node, str(JS / "led.mjs"), prefix=stand_in.prefix)
    assert set(json.loads(done.stdout).values()) == {401}, done
    assert stand_in.arrived == []
