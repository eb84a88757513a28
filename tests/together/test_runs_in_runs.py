"""`fakefal run` inside `fakefal run`, and in a shell with `fakefal env`: the inner run answers."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from support.programs import FAKEFAL, PROGRAMS, ready, run_under
from support.waiting import LIMIT, run_program

LED = shlex.join([sys.executable, str(PROGRAMS / "led.py")])
CALL = """fetch("https://queue.fal.run/fal-ai/kling-video/o1/reference-to-video", {
  method: "POST",
  headers: { authorization: `Key ${process.env.FAL_KEY}`, "content-type": "application/json" },
  body: '{"prompt": "x"}',
}).then((answer) => console.log(answer.status))"""
OWN_ENVIRONMENT = '{ env: process.env, stdio: "inherit" }'
CHILD = f'require("child_process").execFileSync("node", ["-e", {json.dumps(CALL)}], {OWN_ENVIRONMENT})'
CALLS = f"""
{LED} urllib; {LED} http_client; {LED} child_with_own_environment
node -e {shlex.quote(CALL)}; node -e {shlex.quote(CHILD)}
"""
"""Five calls of Python and Node."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that leads shells."""
    file = tmp_path_factory.mktemp("shared") / "ready.json"
    command = [*FAKEFAL, "serve", "--lead", "--port", "0", "--profile", "instant", "--ready-file", str(file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        yield ready(process, file)["url"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == 0


def inside(outer: str, url: str, program: list[str]) -> list[str]:
    """A command that starts a program within something that leads it already."""
    if outer == "env":
        lead = f'eval "$({shlex.join(FAKEFAL)} env --url {url})"'
        return ["sh", "-c", f"{lead}\n{shlex.join(program)}"]
    return attached(url, program) if outer == "attach" else run_under(*program, profile="instant")


def attached(url: str, program: list[str]) -> list[str]:
    return [*FAKEFAL, "run", "--attach", url, "--", *program]


@pytest.mark.parametrize(("outer", "inner"), [("run", "run"), ("run", "attach"), ("attach", "run"), ("env", "run")])
def test_the_inner_run_answers_python_and_node(outer: str, inner: str, shared: str, node: str) -> None:
    del node
    program = ["sh", "-c", CALLS]
    within = attached(shared, program) if inner == "attach" else run_under(*program, profile="instant")
    done = run_program(inside(outer, shared, within))
    assert done.stdout.split() == ["200"] * 5, done.stderr
    counts = [line.split()[1] for line in done.stderr.splitlines() if " requests, " in line]
    assert counts == (["5"] if outer == "env" else ["5", "0"]), done.stderr


@pytest.mark.parametrize("outer", ["run", "env"])
def test_the_environment_is_that_of_the_inner_run_and_the_users(outer: str, shared: str) -> None:
    names = "PYTHONPATH NODE_OPTIONS BUN_OPTIONS FAKEFAL_CALLER FAKEFAL_LED_BY"
    within = run_under("sh", "-c", f"for name in {names}; do printenv $name; done")
    changed = f"export PYTHONPATH=$PYTHONPATH:/mine FAKEFAL_CALLER=/of/a/test; {shlex.join(within)}"
    done = run_program(inside(outer, shared, ["sh", "-c", changed]))
    *prepended, folder = done.stdout.splitlines()
    assert [value.replace(folder, "FOLDER") for value in prepended] == [
        ":".join(filter(None, ["FOLDER/python", os.environ.get("PYTHONPATH"), "/mine"])),
        '--require "FOLDER/preload.cjs"',
        "--preload=FOLDER/preload.cjs",
    ], done.stderr
