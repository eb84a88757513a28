"""Several programs, one fake: `serve --lead` with `fakefal env`, and `run --attach`."""

from __future__ import annotations

import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from dotenv import dotenv_values

from fakefal.cli import main
from fakefal.cli.env import AT_THE_START, WRITERS, Unwritable, variables_of
from fakefal.proxy.app import ValidatingProxy
from fakefal.proxy.upstream import Upstream
from fakefal.recording.folder import ExchangeWriter
from fakefal.recording.spend_limit import SpendLimit
from fakefal.server.credentials import FAKE_KEY
from fakefal.server.lead_folder import NotLed, read_lead_folder
from fakefal.server.redirection import PREPENDED
from fakefal.server.serving import hosting, serving, serving_from
from fakefal.settings import Settings
from support.endpoints import APP, O1
from support.programs import FAKEFAL, ready
from support.redis_server import empty_databases
from support.server import SECRET, Serve, Server, caller
from support.site import Site
from support.waiting import LIMIT, run_program

SUBMIT = f'import fal_client; print(fal_client.submit("{O1}", {{"prompt": "x"}}).request_id)'
"""What a web process does; it prints the id of its job."""

POST = 'curl -sS -H "Authorization: Key $FAL_KEY" --json'
SEND = f"""{POST} '{{"prompt": "x"}}' https://queue.fal.run/{O1}"""
READ = f'curl -sS -H "Authorization: Key $FAL_KEY" https://queue.fal.run/{APP}/requests/$1'
"""What a worker does, by the id."""

OWN = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}


MINE = {"FAL_KEY": "real:secret-of-mine", "HTTPS_PROXY": "http://mine.example:3128", "NODE_OPTIONS": "--no-warnings"}
"""What a shell may have before."""


@contextmanager
def started(folder: Path, *options: str, **more: Any) -> Iterator[dict[str, str]]:
    """A server of the command line; gives what it wrote down."""
    file = folder / "ready.json"
    command = [*FAKEFAL, "serve", "--port", "0", "--profile", "instant", "--ready-file", str(file), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more)
    try:
        yield ready(process, file) | {"pid": str(process.pid)}
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == 0
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def leading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with started(tmp_path_factory.mktemp("a b"), "--lead") as where:
        yield where


def in_shell(script: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script of a user's, in which `fakefal` is the command."""
    whole = f'set -eu\nfakefal() {{ "{sys.executable}" -m fakefal "$@"; }}\n{script}'
    return run_program(["sh", "-c", whole, "sh", *arguments], env={**OWN, "PYTHON": sys.executable, **environ})


def refusal(*arguments: str) -> str:
    """What a command says on standard error that is used wrongly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fakefal.cli.run.end_quietly", lambda _: None)  # the signals of this process are pytest's
        done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2, done.output
    return done.stderr


def attached(url: str, *program: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return run_program([*FAKEFAL, "run", "--attach", url, "--", *program], **more)


class TestLead:
    def test_programs_of_two_shells_share_a_queue(self, leading: dict[str, str]) -> None:
        lead = f'eval "$(fakefal env --url {leading["url"]})"\n'
        submitted = in_shell(lead + '"$PYTHON" -c "$1"', SUBMIT, FAL_KEY="real:secret")
        assert submitted.returncode == 0, submitted.stderr
        worker = in_shell(lead + READ, submitted.stdout.strip())
        assert "output.mp4" in worker.stdout, worker.stderr

    def test_node_is_led_too(self, leading: dict[str, str], node: str) -> None:
        ask = "fetch('https://queue.fal.run/x/y/requests/1/status').then(async (r) => console.log(await r.text()))"
        done = in_shell(f'eval "$(fakefal env --url {leading["url"]})"\n"{node}" -e "$1"', ask)
        assert done.stdout == '{"status":"NOT_FOUND"}\n', done.stderr

    def test_what_it_writes_is_public_and_for_its_user_only(self, leading: dict[str, str]) -> None:
        folder = Path(leading["lead_folder"])
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert {path.name for path in files} >= {
            "environment.json",
            "certificates.pem",
            "preload.cjs",
            "sitecustomize.py",
        }
        assert {oct(path.stat().st_mode & 0o777) for path in files if path.name != ".fakefal-lock"} == {"0o600"}
        assert folder.stat().st_mode & 0o777 == 0o700
        assert not any(b"PRIVATE KEY" in path.read_bytes() for path in files)

    def test_without_a_server_the_shell_stops(self) -> None:
        gone = "http://127.0.0.1:9"
        said = refusal("env", "--url", gone)
        assert f"fakefal env: no fakefal is ready at {gone}: " in said
        assert "start it with fakefal serve --lead" in said
        stopped = in_shell(f'eval "$(fakefal env --url {gone})"\necho reached')
        assert stopped.returncode == 2
        assert stopped.stdout == ""
        assert CliRunner().invoke(main, ["env", "--url", gone, "--format", "json"]).stdout == ""

    def test_a_server_without_lead_says_how(self, server: Server) -> None:
        assert "start it with fakefal serve --lead, or use fakefal run --attach" in refusal("env", "--url", server.url)

    def test_a_server_elsewhere_says_how(self, serve: Serve, tmp_path: Path) -> None:
        server = serve()
        server.emulator.lead_folder = tmp_path / "there"
        refused = refusal("env", "--url", server.url)
        assert "on another machine, or in a container: use fakefal run --attach" in refused

    def test_a_proxy_before_fal_is_no_emulator(self, tmp_path: Path) -> None:
        writer = ExchangeWriter(tmp_path / "recordings", source="upstream")
        proxy = ValidatingProxy(Upstream("http://127.0.0.1:9"), SpendLimit(Decimal(1)), writer)
        with serving_from(partial(hosting, proxy.app())) as where:
            assert "is not an emulator: it is a validating proxy" in refusal("env", "--url", where.url)
            assert "is not an emulator: it is a validating proxy" in refusal("run", "--attach", where.url, "--", "true")

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--host", "192.0.2.1"], "use it with --host 127.0.0.1 or localhost or 0.0.0.0"),
            (["--replay", "."], "--lead needs the emulator: leave --replay out, or use fakefal run --replay"),
        ],
    )
    def test_what_it_cannot_do_is_wrong_use(self, options: list[str], said: str) -> None:
        assert said in refusal("serve", "--lead", *options)

    def test_several_workers_lead_alike(self, tmp_path: Path, redis_url: str) -> None:
        with started(tmp_path, "--lead", "--workers", "2", "--store", next(empty_databases(redis_url))) as where:
            lead = f'eval "$(fakefal env --url {where["url"]})"\n'
            sent = in_shell(lead + f"for n in 1 2; do {SEND}; echo; done")
            ids = {json.loads(line)["request_id"] for line in sent.stdout.splitlines()}
            with caller(where["url"]) as http:
                kept = http.get("/_fakefal/requests").json()
            assert len(ids) == 2
            assert {one["request_id"] for one in kept} == ids

    def test_a_folder_that_others_could_write_to_is_not_believed(self, tmp_path: Path) -> None:
        (tmp_path / "environment.json").write_text('{"LD_PRELOAD": "/tmp/theirs.so"}')
        tmp_path.chmod(0o755)
        with pytest.raises(NotLed, match="another user's"):
            read_lead_folder(tmp_path)
        tmp_path.chmod(0o700)
        assert read_lead_folder(tmp_path) == {"LD_PRELOAD": "/tmp/theirs.so"}

    def test_a_server_with_keys_of_its_own_is_given_one(self, tmp_path: Path) -> None:
        with started(tmp_path, "--lead", env={**os.environ, "FAKEFAL_KEYS": "a:b"}) as where:
            refused = run_program([*FAKEFAL, "env", "--url", where["url"]])
            given = run_program([*FAKEFAL, "env", "--url", where["url"], "--key", "a:b"])
        assert (refused.returncode, "give one of them as --key" in refused.stderr) == (2, True)
        assert "export FAL_KEY=a:b" in given.stdout


class TestUnset:
    """What gives a shell back what it had, also where the server has ended."""

    def test_other_programs_work_again_after_the_server_has_ended(self, tmp_path: Path, site: Site) -> None:
        with started(tmp_path, "--lead") as where:
            lines = run_program([*FAKEFAL, "env", "--url", where["url"]], env=OWN | MINE, check=True).stdout
        site.pages["/"] = (200, {}, b"reached")
        url = f"http://elsewhere.example:{site.server_port}/"
        asking = f"""
import socket, urllib.request
found = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more: found(host.replace("elsewhere.example", "127.0.0.1"), *more)
print(urllib.request.urlopen("{url}").read())
"""
        script = f"""
asking='{asking}'
fakefal() {{ "{sys.executable}" -m fakefal "$@"; }}
curled() {{ curl -sS --resolve elsewhere.example:{site.server_port}:127.0.0.1 {url}; echo " $?"; }}
asked() {{ "{sys.executable}" -c "$asking" 2>&1 | tail -n 1; }}
{lines}
curled; asked
eval "$(fakefal env --unset)"
curled; asked
env -0 > "$1"
"""
        done = run_program(["bash", "-c", script, "bash", tmp_path / "after"], env=OWN | MINE)
        refused, led, reached, direct = done.stdout.splitlines()
        assert (refused, reached) == (" 7", "reached 0"), done.stderr
        assert ("Connection refused" in led, direct) == (True, "b'reached'")
        assert site.asked == [f"elsewhere.example:{site.server_port}"] * 2
        assert "fakefal env: set FAL_KEY again: keys are not kept" in done.stderr
        after = dict(line.split("=", 1) for line in (tmp_path / "after").read_text().split("\0") if line)
        of_bash = ("_", "SHLVL", "PWD", "OLDPWD", "FAL_KEY")
        before = {**OWN, **MINE}
        assert {name: after.get(name) for name in {*before, *after} - {*of_bash}} == {
            name: before.get(name) for name in {*before, *after} - {*of_bash}
        }
        assert "FAL_KEY" not in after

    def test_the_second_server_of_a_shell_does_not_hide_what_it_had_first(self, leading: dict[str, str]) -> None:
        twice = f'eval "$(fakefal env --url {leading["url"]})"\n' * 2
        done = in_shell(f'{twice}eval "$(fakefal env --unset)"; echo "$HTTPS_PROXY $NODE_OPTIONS"', **MINE)
        assert done.stdout == f"{MINE['HTTPS_PROXY']} {MINE['NODE_OPTIONS']}\n", done.stderr

    @pytest.mark.quick
    @pytest.mark.parametrize(
        ("form", "said"),
        [
            ("shell", "export A=1\nunset B\nunset FAL_KEY\nunset _FAKEFAL_BEFORE\n"),
            ("dotenv", f"{AT_THE_START}\nA=1\n# remove B\n# remove FAL_KEY\n# remove _FAKEFAL_BEFORE\n"),
            ("json", '{\n  "A": "1",\n  "B": null,\n  "FAL_KEY": null,\n  "_FAKEFAL_BEFORE": null\n}\n'),
            (
                "powershell",
                "${env:A} = '1'\n"
                + "".join(
                    f"Remove-Item -ErrorAction Ignore 'Env:{name}'\n" for name in ("B", "FAL_KEY", "_FAKEFAL_BEFORE")
                ),
            ),
        ],
    )
    def test_every_format_writes_it(self, form: str, said: str) -> None:
        before = dict.fromkeys((*PREPENDED, "_FAKEFAL_BEFORE"))
        given = {**before, "_FAKEFAL_BEFORE": '{"A": "1", "B": null, "FAL_KEY": false}'}
        done = CliRunner(env=given).invoke(main, ["env", "--unset", "--format", form])
        assert (done.exit_code, done.stdout) == (0, said)

    @pytest.mark.quick
    def test_a_shell_that_has_nothing_of_it_is_told_so(self) -> None:
        done = CliRunner(env={"_FAKEFAL_BEFORE": None}).invoke(main, ["env", "--unset"])
        assert (done.exit_code, done.stdout.strip()) == (0, "")
        assert "nothing to undo" in done.stderr

    @pytest.mark.quick
    @pytest.mark.parametrize("changed", ["{", "5", "[1]"])
    def test_what_is_no_longer_remembered_stops_the_shell(self, changed: str) -> None:
        done = CliRunner(env={"_FAKEFAL_BEFORE": changed}).invoke(main, ["env", "--unset"])
        assert (done.exit_code, done.stdout.strip()) == (2, "(exit 2)")
        assert "_FAKEFAL_BEFORE was changed: start a new shell" in done.stderr


class TestFormats:
    def variables(self, leading: dict[str, str], form: str, **environ: str) -> str:
        done = CliRunner(env=environ).invoke(main, ["env", "--url", leading["url"], "--format", form])
        assert done.exit_code == 0, done.stderr
        return done.stdout

    def test_all_say_the_same(self, leading: dict[str, str], tmp_path: Path) -> None:
        given = {
            "FAL_KEY_ID": "me",
            "FAL_RUN_HOST": "x",
            "COPY": "real:secret-of-mine",
            "fal_token": "real:secret-of-mine",
        }
        found = json.loads(self.variables(leading, "json", **given))
        assert {name for name, value in found.items() if value is None} == {"FAL_KEY_ID", "FAL_RUN_HOST"}
        assert found["COPY"] == found["fal_token"] == found["FAL_KEY"] == FAKE_KEY
        assert found["FAKEFAL_URL"] == leading["url"]
        assert "secret-of-mine" not in json.dumps(found)
        shell = in_shell(
            'eval "$1"; "$PYTHON" -c "import json, os; print(json.dumps(dict(os.environ)))"',
            self.variables(leading, "shell", **given),
            **given,
        )
        after = json.loads(shell.stdout)
        assert {name: after.get(name) for name in found} == found
        dotenv = tmp_path / ".env"
        dotenv.write_text(self.variables(leading, "dotenv", **given))
        kept = {name: value for name, value in found.items() if value is not None}
        assert dotenv_values(dotenv) == kept
        assert "# remove FAL_KEY_ID" in dotenv.read_text()
        assert "Remove-Item -ErrorAction Ignore 'Env:FAL_KEY_ID'" in self.variables(leading, "powershell", **given)
        assert f"${{env:FAL_KEY}} = '{FAKE_KEY}'" in self.variables(leading, "powershell", **given)

    def test_node_reads_the_same_from_a_file(self, leading: dict[str, str], tmp_path: Path, node: str) -> None:
        (tmp_path / ".env").write_text(self.variables(leading, "dotenv"))
        print_all = "console.log(JSON.stringify(process.env))"
        bare = {"PATH": os.environ["PATH"]}
        read = json.loads(
            run_program([node, f"--env-file={tmp_path}/.env", "-e", print_all], env=bare, check=True).stdout
        )
        found = json.loads(self.variables(leading, "json"))
        assert {name: read.get(name) for name in found} == found

    @pytest.mark.parametrize("reader", ["node --env-file=.env", "dotenv -f .env run -- node"])
    def test_a_reader_that_sets_them_before_node_starts_leads_it(
        self, leading: dict[str, str], reader: str, tmp_path: Path, node: str
    ) -> None:
        (tmp_path / ".env").write_text(self.variables(leading, "dotenv"))
        call = f"""fetch("https://queue.fal.run/{O1}", {{
            method: "POST", headers: {{ authorization: `Key ${{process.env.FAL_KEY}}` }}, body: '{{"prompt": "x"}}'
        }}).then((answer) => console.log(answer.status))"""
        bare = {"PATH": os.pathsep.join([str(Path(node).parent), str(Path(sys.executable).parent), os.environ["PATH"]])}
        done = run_program([*reader.split(), "-e", call], cwd=tmp_path, env=bare)
        assert done.stdout == "200\n", done.stderr

    @pytest.mark.quick
    @pytest.mark.parametrize(
        ("form", "value", "written"),
        [
            ("shell", "it's $(me) `x`\n", "export A='it'\"'\"'s $(me) `x`\n'"),
            ("powershell", "it's $me", "${env:A} = 'it''s $me'"),
            ("dotenv", "a b # d", f"{AT_THE_START}\nA='a b # d'"),
            ("dotenv", "", f"{AT_THE_START}\nA="),
            ("json", 'a"b', '{\n  "A": "a\\"b"\n}'),
        ],
    )
    def test_values_are_quoted(self, form: str, value: str, written: str) -> None:
        assert WRITERS[form]({"A": value}) == written

    @pytest.mark.quick
    @pytest.mark.parametrize("value", ["it's", "a\\b c", "a\nb", "$HOME"])
    def test_what_readers_of_dotenv_take_differently_is_refused(self, value: str) -> None:
        with pytest.raises(Unwritable, match="as in A: use --format json"):
            WRITERS["dotenv"]({"A": value})

    @pytest.mark.quick
    def test_a_key_that_no_shell_can_replace_stops_it(self) -> None:
        with pytest.raises(Unwritable, match="no shell can change INPUT_FAL-KEY"):
            WRITERS["shell"]({"INPUT_FAL-KEY": FAKE_KEY})

    def test_an_earlier_server_leaves_nothing_behind(self, leading: dict[str, str]) -> None:
        own = {
            "PYTHONPATH": "/mine",
            "NODE_OPTIONS": "--no-warnings",
            "BUN_OPTIONS": "--smol",
            "NO_PROXY": "me.example",
        }
        first = {name: value or "" for name, value in variables_of(leading["url"], own).items()}
        old = {name: value.replace("/fakefal-tmp-lead-", "/fakefal-tmp-lead-old") for name, value in first.items()}
        assert variables_of(leading["url"], old) == first


class TestAttach:
    def test_each_closing_line_counts_its_own_calls(self, server: Server) -> None:
        real = {**os.environ, "FAL_KEY": f"real:{SECRET}"}
        web = attached(server.url, sys.executable, "-c", SUBMIT, env=real)
        assert web.returncode == 0, web.stderr
        assert web.stderr.splitlines() == [
            f"fakefal: calls go to {server.url}, which shows them at {server.url}/",
            "fakefal: replaced FAL_KEY: the program gets a fake key that fal would refuse",
            "fakefal: 1 request, 1 done, 0 refused, $0.56 not spent",
        ]
        read = f'{READ}; echo; echo "$FAL_KEY $FAKEFAL_URL"; exit 7'
        worker = attached(server.url, "sh", "-c", read, "sh", web.stdout.strip())
        result, told = worker.stdout.splitlines()
        assert "output.mp4" in result, worker.stderr
        assert told == f"{FAKE_KEY} {server.url}"
        assert worker.returncode == 7
        assert worker.stderr.splitlines()[-1] == "fakefal: 0 requests, 0 done, 0 refused, $0.00 not spent"
        (job,) = server.control("requests")
        assert job["request_id"] == web.stdout.strip()

    def test_it_counts_as_the_emulator_itself(self, server: Server) -> None:
        calls = f"""
            {POST} '{{"prompt": 5}}' https://fal.run/{O1}
            {POST} '{{"prompt": "x"}}' https://queue.fal.run/{O1}
            {POST} '{{"prompt": "x"}}' https://queue.fal.run/{O1}
            {POST} NaN https://queue.fal.run/{O1}
            {POST} NaN https://fal.run/{O1}
            {POST} '{{}}' https://queue.fal.run/me/unknown
            curl -s --json '{{}}' https://queue.fal.run/{O1}
            curl -s https://new.fal.run/x
        """
        own = run_program([*FAKEFAL, "run", "--profile", "instant", "--", "sh", "-c", calls])
        server.submit(O1, {"prompt": "of another program"})
        shared = attached(server.url, "sh", "-c", calls)
        assert "3 requests, 2 done, 1 refused" in own.stderr
        assert "3 calls refused without a job (422: 2, 401: 1)" in own.stderr
        assert shared.stderr.splitlines()[-1] == own.stderr.splitlines()[-1]

    def test_what_breaks_or_is_dropped_at_the_server_is_so_here(self, server: Server) -> None:
        control = 'curl -sS --json "$1" "$FAKEFAL_URL/_fakefal/$2" > /dev/null'
        script = f"""
            {SEND} > /dev/null
            tell() {{ {control}; }}
            tell '{{}}' reset
            tell '{{"effect": "accept_then_drop"}}' scenarios
            {SEND}
        """
        done = attached(server.url, "sh", "-c", script)
        assert done.returncode == 52, "curl: an empty reply"
        assert len(server.control("requests")) == 1
        assert done.stderr.splitlines()[-1] == (
            "fakefal: 0 requests, 0 done, 0 refused, $0.00 not spent; 1 more that the server no longer keeps; "
            "1 call without an answer"
        )

    def test_files_and_streams_pass(self, server: Server, tmp_path: Path) -> None:
        (tmp_path / "big.bin").write_bytes(os.urandom(3_000_000))
        script = f"""
import fal_client, httpx, sys
url = fal_client.upload_file(sys.argv[1])
print(httpx.get(url).content == open(sys.argv[1], "rb").read())
handle = fal_client.submit("{O1}", {{"prompt": "x"}})
print([type(one).__name__ for one in handle.iter_events(with_logs=True)][-1])
"""
        done = attached(server.url, sys.executable, "-c", script, str(tmp_path / "big.bin"))
        assert done.stdout.split() == ["True", "Completed"], done.stderr

    def test_a_server_that_ends_is_told_of(self, tmp_path: Path) -> None:
        with started(tmp_path) as where:
            end = 'kill "$1"; while kill -0 "$1" && ! grep -q zombie "/proc/$1/status"; do sleep 0.05; done'
            call = f"curl -s https://queue.fal.run/{O1} --json '{{}}'"
            done = attached(where["url"], "sh", "-c", f"{end}\n{call}", "sh", where["pid"])
        assert "cannot be reached" in done.stdout
        assert "the server cannot say what became of them" in done.stderr

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--careful"], "leave --attach out, or read {url}/_fakefal/verdict"),
            (["--report", "r.html"], "leave --attach out, or open the page at {url}/"),
            (["--replay", "."], "leave one of them out"),
            (["--profile", "quick"], "give --profile to fakefal serve"),
            (["--effect", "stuck"], "give --effect to fakefal serve"),
            (["--no-fetch"], "give --no-fetch to fakefal serve"),
        ],
    )
    def test_what_only_an_own_emulator_can_do_is_refused(self, options: list[str], said: str, server: Server) -> None:
        refused = refusal("run", "--attach", server.url, *options, "--", "true")
        assert said.format(url=server.url) in refused

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("http://127.0.0.1:9", "no fakefal is ready at http://127.0.0.1:9: "),
            ("127.0.0.1:9", "--attach needs the address of a server"),
            ("https://queue.fal.run", "this is fal itself"),
        ],
    )
    def test_what_is_no_server_is_refused(self, url: str, said: str) -> None:
        assert said in refusal("run", "--attach", url, "--", "true")

    @pytest.mark.parametrize("page", [b'{"ready": true}', b"[]", b"hello"])
    def test_a_server_of_somebody_else_is_refused(self, page: bytes, site: Site) -> None:
        site.pages["/_fakefal/ready"] = 200, {}, page
        refused = refusal("run", "--attach", f"http://127.0.0.1:{site.server_port}", "--", "true")
        assert "fakefal" in refused

    @pytest.mark.parametrize("page", [(200, {}, b"<html>"), (200, {}, b"\xff"), (404, {}, b"")])
    def test_a_server_that_is_no_fakefal_is_said_so(self, page: Any, site: Site) -> None:
        site.pages["/_fakefal/ready"] = page
        url = f"http://127.0.0.1:{site.server_port}"
        refused = refusal("run", "--attach", url, "--", "true")
        assert (
            f"no fakefal is ready at {url}: something else answers there; start it with fakefal serve on a free port"
            in refused
        )

    def test_a_server_that_speaks_no_http_is_said_so(self) -> None:
        class Greeting(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.rfile.readline()
                self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")

        with socketserver.TCPServer(("127.0.0.1", 0), Greeting) as other:
            thread = threading.Thread(target=other.handle_request)
            thread.start()
            refused = refusal("run", "--attach", f"http://127.0.0.1:{other.server_address[1]}", "--", "true")
            thread.join()
        assert "something else answers there" in refused

    def test_a_guarded_server_with_keys_wants_token_and_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = Settings(profile="instant", control_token=SECRET, development_key=False, keys={"team": SECRET})
        with serving(settings, host="0.0.0.0") as where:
            assert "set FAKEFAL_CONTROL_TOKEN to the token of the server" in refusal(
                "run", "--attach", where.url, "--", "true"
            )
            monkeypatch.setenv("FAKEFAL_CONTROL_TOKEN", SECRET)
            assert "give one of them as --key or FAKEFAL_CLIENT_KEY" in refusal(
                "run", "--attach", where.url, "--", "true"
            )
            monkeypatch.setenv("FAKEFAL_CLIENT_KEY", f"team:{SECRET}")
            done = attached(where.url, "sh", "-c", SEND)
            assert done.stderr.splitlines()[-1] == "fakefal: 1 request, 1 done, 0 refused, $0.56 not spent"


def test_the_lines_of_a_tls_port_can_be_evaluated(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    script = """
        "$PYTHON" -m fakefal serve --port 0 --tls-port 0 --profile instant --ready-file "$1" > "$2" & server=$!
        until [ -s "$1" ]; do sleep 0.05; done
        eval "$(grep ^export "$2")"
        "$PYTHON" -c "$3"
        kill $server
        wait $server
    """
    files = str(tmp_path / "ready.json"), str(tmp_path / "said")
    done = in_shell(script, *files, SUBMIT, TMPDIR=str(tmp_path / "a b"))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) == 36
