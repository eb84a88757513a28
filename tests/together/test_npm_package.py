"""The npm package, from its tarball, as users of Vitest and node:test have it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fakefal.effects.known import CONDITIONS, KNOWN
from fakefal.verdict.mistakes import Kind
from fakefal.version import VERSION
from support.machine import ROOT, required_in_ci
from support.waiting import LIMIT, run_program, until

JS = ROOT / "tests" / "js"
PACKAGE = ROOT / "js"
README = (PACKAGE / "README.md").read_text("utf-8")
BORROWED = ("vitest", "@fal-ai", "@types", "typescript")
VITEST = ["npx", "--no-install", "vitest", "run", f"--testTimeout={LIMIT * 1000:.0f}"]


@pytest.fixture(scope="session")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project in which a user installed the package, as its README says."""
    if not (shutil.which("npm") and (JS / "node_modules" / "typescript").is_dir()):
        required_in_ci("Node or its packages are missing (make js)")
    folder = tmp_path_factory.mktemp("user")
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    clone = folder / "fakefal"
    shutil.copytree(PACKAGE, clone / "js", ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(ROOT / "LICENSE", clone)
    (install,) = re.findall(r"^npm install .*$", README, re.MULTILINE)
    run_program(["bash", "-euc", f"npm_config_offline=true {install}"], cwd=folder, check=True)
    shutil.rmtree(clone)
    modules = folder / "node_modules"
    for name in BORROWED:
        (modules / name).symlink_to(JS / "node_modules" / name)
    (modules / ".bin").mkdir()
    (modules / ".bin" / "vitest").symlink_to("../vitest/vitest.mjs")
    return folder


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment with a real key, in which the command is known and what a run leaves behind is seen."""
    own = {"FAL_KEY": "real:key-that-must-not-be-sent", "FAKEFAL_COMMAND": f"{sys.executable} -m fakefal"}
    return {**os.environ, **own, "TMPDIR": str(tmp_path), "NO_COLOR": "1"}


def suite(user: Path, name: str, *files: str) -> Path:
    """The tests of a user, of which some lie in two files."""
    folder = user / name
    shutil.copytree(JS / "npm" / name, folder, dirs_exist_ok=True)
    for file in files:
        shutil.copy(folder / file, folder / f"more.{file}")
    return folder


def left_behind(environ: dict[str, str]) -> list[Path]:
    return [Path(folder, name) for folder, _, names in os.walk(environ["TMPDIR"]) for name in names]


@pytest.mark.quick
def test_it_has_the_version_and_the_licence_of_the_python_package() -> None:
    declared = json.loads((PACKAGE / "package.json").read_text("utf-8"))
    assert (declared["version"], declared["license"]) == (VERSION, "MIT")
    assert not {"dependencies", "devDependencies"} & declared.keys()


@pytest.mark.quick
def test_its_types_know_every_kind_of_finding() -> None:
    types = (PACKAGE / "types.d.ts").read_text("utf-8")
    (union,) = re.findall(r"export type FindingKind =([^;]*);", types)
    assert re.findall(r'"(\w+)"', union) == [*Kind]


@pytest.mark.quick
def test_its_types_know_every_field_of_an_answer_and_every_condition() -> None:
    types = (PACKAGE / "types.d.ts").read_text("utf-8")
    fields = {
        name: re.findall(r"^  (\w+)\?:", body, re.MULTILINE)
        for name, body in re.findall(r"export interface (\w+)[^{]*{\n(.*?)^}", types, re.DOTALL | re.MULTILINE)
    }
    assert sorted(fields["Answer"]) == sorted(KNOWN["respond"])
    assert {*fields["When"]} == {*CONDITIONS} - {"key"}, "a test has its own key"


def test_files_of_vitest_do_not_meet_and_failures_are_readable(
    user: Path, environ: dict[str, str], offline: list[str]
) -> None:
    folder = suite(user, "vitest", "jobs.test.ts")
    done = run_program([*offline, *VITEST, "--dir", folder.name], cwd=user, env=environ)
    said = done.stdout + done.stderr
    assert re.search(r"Tests  5 failed \| 30 passed \(35\)", said), said
    assert len(re.findall(r"^server (\S+)$", said, re.MULTILINE)) == 2
    assert len(set(re.findall(r"^server (\S+)$", said, re.MULTILINE))) == 1
    for text in (
        "AssertionError: 1 finding, 1 proven, $0.025 lost or at risk\n  result_never_fetched: proven, $0.025\n",
        "Error: fakefal: there is no effect 'stuk'; did you mean stuck?\n",
        "Error: fakefal: allow.0: Input should be 'paid_twice'",
        "fakefal: POST /queue/fal-ai/flux/devv -> 200: fakefal knows no model fal-ai/flux/devv",
        'Error: fakefal: "concurrent" runs at the same time as other tests of its file',
    ):
        assert text in said, said
    until(lambda: not left_behind(environ))


def test_workers_that_keep_their_modules_will_do(user: Path, environ: dict[str, str], offline: list[str]) -> None:
    folder = suite(user, "vitest", "jobs.test.ts")
    one_worker = ["--pool=threads", "--no-isolate", "--maxWorkers=1", "--dir", folder.name, "jobs"]
    done = run_program([*offline, *VITEST, *one_worker], cwd=user, env=environ)
    assert re.search(r"Tests  30 passed \(30\)", done.stdout), done.stdout + done.stderr


def test_files_of_node_test_do_not_meet_and_failures_are_readable(
    user: Path, environ: dict[str, str], offline: list[str]
) -> None:
    folder = suite(user, "node", "jobs.test.mjs")
    files = [folder / name for name in ("jobs.test.mjs", "more.jobs.test.mjs", "failing.mjs")]
    done = run_program([*offline, "node", "--test", "--test-reporter=tap", *files], cwd=user, env=environ)
    assert len(re.findall(r"^# server (\S+)$", done.stdout, re.MULTILINE)) == 2, done.stdout + done.stderr
    assert len(set(re.findall(r"^# server (\S+)$", done.stdout, re.MULTILINE))) == 1
    failed = re.findall(r"^ *not ok \d+ - (.*)$", done.stdout, re.MULTILINE)
    assert failed == ["careless", "unknown model", "one", "two", "at once"]
    assert "1 finding, 1 proven, $0.025 lost or at risk\n      result_never_fetched: proven, $0.025\n" in done.stdout
    assert '"at once > two" and "at once > one" run at the same time in one file' in done.stdout
    assert "fakefal: POST /queue/fal-ai/flux/devv -> 200: fakefal knows no model" in done.stdout
    until(lambda: not left_behind(environ))


def test_the_server_ends_after_a_crash_of_the_run(user: Path, environ: dict[str, str]) -> None:
    waiting = suite(user, "node") / "waiting.mjs"
    with subprocess.Popen(["node", "--test", waiting], cwd=user, env=environ, stdout=subprocess.PIPE) as run:
        until(lambda: [path for path in left_behind(environ) if path.suffix == ".json"])
        run.send_signal(signal.SIGKILL)
    until(lambda: not left_behind(environ))


def test_within_fakefal_run_its_server_is_used(user: Path, environ: dict[str, str], offline: list[str]) -> None:
    jobs = suite(user, "node") / "jobs.test.mjs"
    run = [sys.executable, "-m", "fakefal", "run", "--profile", "instant", "--"]
    done = run_program([*offline, *run, "node", "--test", "--test-reporter=tap", jobs], cwd=user, env=environ)
    assert done.returncode == 0, done.stdout
    (watched,) = re.findall(r"watch this run at (\S+)/", done.stderr)
    assert set(re.findall(r"^# server (\S+)$", done.stdout, re.MULTILINE)) == {watched}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", 'fakefal: the command fakefal was not found. .*pip install "fakefal @ git.*FAKEFAL_COMMAND='),
        ("no/such/program", "fakefal: no server could be started by no/such/program: .*ENOENT"),
        (f"{sys.executable} -m fakefal", "profile cannot be 'hasty': use one of instant"),
    ],
    ids=["no command", "a wrong command", "a wrong setting"],
)
def test_what_keeps_the_server_from_starting_is_said(
    command: str, said: str, user: Path, environ: dict[str, str], node: str
) -> None:
    own = {"FAKEFAL_COMMAND": command, "PATH": str(user), "FAKEFAL_PROFILE": "hasty"}
    done = run_program([node, suite(user, "node") / "jobs.test.mjs"], cwd=user, env={**environ, **own})
    assert done.returncode == 1
    assert re.search(said, done.stderr, re.DOTALL), done.stderr
    assert not left_behind(environ)


@pytest.mark.parametrize("what", ["'fakefal'", "{ fakefal } from 'fakefal'"])
def test_an_import_of_no_entry_names_the_entries(what: str, user: Path, node: str) -> None:
    done = run_program([node, "--input-type=module", "-e", f"import {what}"], cwd=user)
    assert done.returncode == 1
    assert 'Error: fakefal: import from "fakefal/vitest" or, for node:test, from "fakefal/node"' in done.stderr


def test_a_clone_in_the_folder_is_not_an_installation(
    user: Path, environ: dict[str, str], node: str, tmp_path: Path
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # nothing is installed
    (programs / "python3").chmod(0o755)
    folder = suite(user, "node")
    (folder / "fakefal" / "fakefal").mkdir(parents=True)
    (folder / "fakefal" / "fakefal" / "__main__.py").touch()
    own = {"FAKEFAL_COMMAND": "", "PATH": str(programs), "PYTHONPATH": ""}
    done = run_program([node, "jobs.test.mjs"], cwd=folder, env={**environ, **own})
    shutil.rmtree(folder / "fakefal")
    assert "fakefal: the command fakefal was not found." in done.stderr, done.stderr


def test_a_folder_that_others_can_write_to_is_refused(
    user: Path, environ: dict[str, str], node: str, tmp_path: Path
) -> None:
    shared = tmp_path / f"fakefal-node-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    done = run_program([node, suite(user, "node") / "jobs.test.mjs"], cwd=user, env=environ)
    assert done.returncode == 1
    assert f"fakefal: {shared} must be a folder that only you can read: remove it" in done.stderr


def test_the_types_fit_the_code_and_its_users(user: Path) -> None:
    suite(user, "vitest")
    tsc = [JS / "node_modules" / ".bin" / "tsc"]
    strict = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", "node", "--skipLibCheck"]
    of_code = run_program([*tsc, "--project", PACKAGE])
    assert of_code.returncode == 0, of_code.stdout
    of_user = run_program([*tsc, *strict, "vitest/jobs.test.ts", "vitest/failing.test.ts"], cwd=user)
    assert of_user.returncode == 0, of_user.stdout


OF_VITEST = """
import { fal } from "@fal-ai/client";
import { expect, test } from "vitest";

test("a file that does not import fakefal", async () => {
  expect(process.env.FAL_KEY).toMatch(/^a-file-that-does-not-import-fakefal-/);
  const { data } = await fal.subscribe("fal-ai/flux/dev", { input: { prompt: "x" } });
  expect(data.images).toHaveLength(1);
});
"""


OF_NODE = """
import assert from "node:assert/strict";
import { test } from "node:test";
import { fal } from "@fal-ai/client";

test("a file that does not import fakefal", async () => {
  assert.match(process.env.FAL_KEY, /^a-file-that-does-not-import-fakefal-/);
  const { data } = await fal.subscribe("fal-ai/flux/dev", { input: { prompt: "x" } });
  assert.equal(data.images.length, 1);
});
"""


def test_a_setup_file_covers_files_that_do_not_import_it(
    user: Path, environ: dict[str, str], offline: list[str]
) -> None:
    folder = user / "covered"
    folder.mkdir()
    (config,) = re.findall(r"^```js\n// vitest.config.js\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    (folder / "vitest.config.js").write_text(config)
    for name in ("one", "other"):
        (folder / f"{name}.test.js").write_text(OF_VITEST)
    done = run_program([*offline, *VITEST], cwd=folder, env=environ)
    assert re.search(r"Tests  2 passed \(2\)", done.stdout), done.stdout + done.stderr
    (folder / "own.mjs").write_text(OF_NODE)
    done = run_program([*offline, "node", "--import", "fakefal/node", "--test", "own.mjs"], cwd=folder, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_shows_what_runs(user: Path, environ: dict[str, str], offline: list[str]) -> None:
    for name, code in re.findall(r"^```js\n// (\S+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE):
        (user / name).write_text(code)
    (commands,) = re.findall(r"^```bash\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    done = run_program([*offline, "bash", "-euc", commands], cwd=user, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Tests  2 passed \(2\)", done.stdout), done.stdout
    assert "# pass 1\n" in done.stdout
