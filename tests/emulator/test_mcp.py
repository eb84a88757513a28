"""The MCP server, driven as agents drive it: by the protocol's own client over stdio, in a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from fakefal.cli import main
from fakefal.cli.mcp import command
from fakefal.mcp_server.local_files import FileRefused, LocalFiles
from support.agent import BANNER, Agent, agent_of
from support.machine import ROOT
from support.media import picture
from support.namespaces import StandIn
from support.programs import FAKEFAL
from support.server import Serve
from support.waiting import LIMIT, run_program

I2V = "fal-ai/kling-video/o1/image-to-video"
UNPRICED = "fal-ai/whisper"
PAGE = (ROOT / "docs" / "agents.md").read_text("utf-8")
pytestmark = pytest.mark.versions
NAMES = {
    *("search_models", "get_model_schema", "get_pricing", "run_model", "submit_job", "check_job", "upload_file"),
    *("check_request", "explain_refusal", "ledger", "verdict"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server of the module runs: a root with a picture, and what lies beside it."""
    folder = tmp_path_factory.mktemp("agent")
    (folder / "root" / "below").mkdir(parents=True)
    (folder / "root" / "a.png").write_bytes(picture())
    (folder / "root" / "below" / "b.png").write_bytes(picture())
    (folder / "secret.png").write_bytes(picture())
    (folder / "root-too").mkdir()
    (folder / "root-too" / "c.png").write_bytes(picture())
    (folder / "root" / "link.png").symlink_to(folder / "secret.png")
    (folder / "root" / "gone.png").symlink_to(folder / "nothing.png")
    (folder / "root" / "out").symlink_to(folder)
    (folder / "root" / "circle.png").symlink_to("circle.png")
    (folder / "root" / "to-proc").symlink_to("/proc/self")
    (folder / "root" / "own.png").symlink_to("below/b.png")
    os.mkfifo(folder / "root" / "pipe.png")
    return folder


@pytest.fixture(scope="module")
def agent(folder: Path) -> Iterator[Agent]:
    """An agent whose server knows the time as the tests need it."""
    with agent_of(folder, "--root", "root", "--profile", "stepped") as one:
        yield one


def test_every_tool_says_that_it_is_an_emulator(agent: Agent) -> None:
    tools = agent.tools()
    assert {tool.name for tool in tools} == NAMES
    for tool in tools:
        assert tool.description is not None
        assert tool.description.startswith(BANNER)
        assert tool.meta == {"emulated": True}
        assert tool.annotations is not None
        assert tool.annotations.open_world_hint is False
    assert str(agent.instructions).startswith(BANNER)


def test_the_arguments_have_the_names_that_programs_send_to_fal(agent: Agent) -> None:
    arguments = {tool.name: set(tool.input_schema["properties"]) for tool in agent.tools()}
    assert arguments["search_models"] == {"query", "category", "limit"}
    assert arguments["get_model_schema"] == arguments["get_pricing"] == {"endpoint_id"}
    assert arguments["run_model"] == arguments["submit_job"] == {"endpoint_id", "input"}
    assert arguments["check_job"] == {"endpoint_id", "request_id", "action"}
    assert arguments["upload_file"] == {"file_path"}


def test_models_are_found_and_read(agent: Agent) -> None:
    found = agent.get("search_models", query="kling o1", category="image-to-video", limit=3)
    assert I2V in {model["endpoint_id"] for model in found["models"]}
    schema = agent.get("get_model_schema", endpoint_id=I2V)
    schemas = schema["components"]["schemas"]
    wanted = schemas[schema["input_schema"]["$ref"].rpartition("/")[2]]
    assert {"prompt", "start_image_url"} <= wanted["properties"].keys()
    assert "video" in schemas[schema["output_schema"]["$ref"].rpartition("/")[2]]["properties"]
    wrong = agent.refused("get_model_schema", endpoint_id="fal-ai/kling-video/o1/image-to-vide")
    assert wrong["error"].endswith(f"did you mean {I2V}?")


def test_a_request_is_checked_run_and_paid_by_nobody(agent: Agent) -> None:
    address = agent.get("upload_file", file_path="a.png")["cdn_url"]
    body = {"prompt": "x", "start_image_url": address}
    checked = agent.get("check_request", endpoint_id=I2V, input=body)
    assert (checked["ok"], checked["unchecked"], checked["cost"]["usd"]) == (True, [], 0.56)
    before = agent.get("ledger")["usd"]
    done = agent.get("run_model", endpoint_id=I2V, input=body)
    assert (done["status"], done["cost"]) == ("COMPLETED", {"usd": 0.56, "units": 5.0})
    video = httpx.get(done["result"]["video"]["url"], trust_env=False)
    assert video.headers["content-type"] == "video/mp4", "an agent can look at its placeholder"
    after = agent.get("ledger", limit=1)
    assert after["usd"] == pytest.approx(before + 0.56)
    assert [job["request_id"] for job in after["jobs"]] == [done["request_id"]]
    assert after["more"] == after["totals"][0]["jobs"] - 1


def test_a_job_goes_through_the_queue(agent: Agent) -> None:
    body = {"prompt": "x", "start_image_url": "https://a.example/a.png"}
    job = agent.get("submit_job", endpoint_id=I2V, input=body)
    assert (job["status"], job["cost"]["usd"]) == ("IN_QUEUE", 0.56)
    which = {"endpoint_id": I2V, "request_id": job["request_id"]}
    assert "ask again later" in agent.refused("check_job", **which, action="result")["error"]
    seen = [agent.get("check_job", **which)["status"] for _ in range(3)]
    assert seen == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    assert "video" in agent.get("check_job", **which, action="result")["result"]
    other = agent.get("submit_job", endpoint_id=I2V, input=body)
    which["request_id"] = other["request_id"]
    assert agent.get("check_job", **which, action="cancel")["status"] == "OK"
    explained = agent.get("explain_refusal", request_id=other["request_id"])
    assert (explained["refused"], explained["note"]) == (False, "it was not refused, but cancelled")


def test_a_job_that_an_effect_has_stuck_does_not_end(agent: Agent) -> None:
    body = {"prompt": "fakefal:stuck", "start_image_url": "https://a.example/a.png"}
    refused = agent.refused("run_model", endpoint_id=I2V, input=body)
    assert refused["error"].startswith("an effect keeps the job running for ever")
    which = {"endpoint_id": I2V, "request_id": refused["request_id"]}
    assert agent.get("check_job", **which)["status"] != "COMPLETED"


def test_a_refusal_is_explained(agent: Agent) -> None:
    body = {"prompt": "x", "start_image_url": "https://a.example/a.png", "duration": 5}
    checked = agent.get("check_request", endpoint_id=I2V, input=body)
    assert [error["hint"] for error in checked["errors"]] == ['send it as a string: "5"']
    refused = agent.refused("run_model", endpoint_id=I2V, input=body)
    assert refused["error"].startswith("fal would refuse this request with HTTP 422")
    assert (refused["charge"], refused["cost"]) == ("not_charged", {"usd": 0.0, "units": 0.0})
    assert refused["detail"][0]["loc"] == ["body", "duration"]
    explained = agent.get("explain_refusal", request_id=refused["request_id"])
    (reason,) = explained["reasons"]
    assert reason["rule"] == "o1.image-to-video.duration.one_of"
    assert reason["hint"] == 'send it as a string: "5"'
    assert reason["evidence"].startswith("documented: ")


def test_a_price_that_is_unknown_is_said_to_be(agent: Agent) -> None:
    priced = agent.get("get_pricing", endpoint_id=I2V)
    assert (priced["price_known"], priced["prices"][0]["currency"]) == (True, "USD")
    note = f"the price of {UNPRICED} is unknown to fakefal, which does not mean that it is free"
    unknown = agent.get("get_pricing", endpoint_id=UNPRICED)
    assert (unknown["price_known"], unknown["prices"]) == (False, [])
    assert unknown["note"].startswith(note)
    body = {"audio_url": "https://a.example/a.mp3"}
    checked = agent.get("check_request", endpoint_id=UNPRICED, input=body)
    assert (checked["ok"], checked["cost"]) == (True, None)
    assert checked["note"].startswith(note)
    cost = agent.get("run_model", endpoint_id=UNPRICED, input=body)["cost"]
    assert cost["usd"] is None
    assert cost["note"].startswith(note)
    ledger = agent.get("ledger")
    assert ledger["unpriced"] == 1
    assert ledger["note"].startswith("1 of ")
    assert ledger["note"].endswith(" jobs have an unknown price: the sum does not include them")


def test_media_that_were_never_uploaded_are_refused(agent: Agent, folder: Path) -> None:
    base = agent.get("upload_file", file_path="a.png")["cdn_url"].partition("/cdn/")[0]
    for address in (f"{base}/cdn/files/b/aa/never.png", "a.png", str(folder / "root" / "a.png"), "file:///etc/passwd"):
        body = {"prompt": "x", "start_image_url": address}
        checked = agent.get("check_request", endpoint_id=I2V, input=body)
        assert [error["type"] for error in checked["errors"]] == ["file_download_error"], address
        assert agent.refused("run_model", endpoint_id=I2V, input=body)["detail"][0]["type"] == "file_download_error"


@pytest.mark.parametrize("name", ["a.png", "below/b.png", "below/../a.png", "own.png", "out/root/a.png"])
def test_files_below_the_root_are_uploaded(agent: Agent, name: str) -> None:
    answer = agent.get("upload_file", file_path=name)
    assert httpx.get(answer["cdn_url"], trust_env=False).content == picture()
    assert (answer["content_type"], answer["bytes"]) == ("image/png", len(picture()))


def test_absolute_paths_below_the_root_are_uploaded(agent: Agent, folder: Path) -> None:
    assert agent.get("upload_file", file_path=str(folder / "root" / "a.png"))["bytes"] == len(picture())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../secret.png", "lies outside of"),
        ("below/../../secret.png", "lies outside of"),
        ("../root-too/c.png", "lies outside of"),
        ("../nothing.png", "lies outside of"),
        ("link.png", "lies outside of"),
        ("gone.png", "lies outside of"),
        ("out/secret.png", "lies outside of"),
        ("/etc/passwd", "lies outside of"),
        ("/proc/self/environ", "lies outside of"),
        ("/proc/self/cwd/secret.png", "lies outside of"),
        ("/dev/stdin", "lies outside of"),
        ("to-proc/environ", "lies outside of"),
        ("~/.ssh/id_rsa", "there is no file"),
        ("nothing.png", "there is no file"),
        ("circle.png", "circle.png"),
        ("pipe.png", "there is no file"),
        ("below", "there is no file"),
        ("", "there is no file"),
        ("a\0.png", "is not a path that can be followed"),
        ("x" * 5000, "xxx"),
        ("http://a.example/a.png", "there is no file"),
    ],
)
def test_no_other_file_is_read(agent: Agent, name: str, said: str) -> None:
    assert said in agent.refused("upload_file", file_path=name)["error"]


def test_the_kernels_files_are_no_files_even_below_a_root() -> None:
    for name in ("proc/self/environ", "/proc/self/cmdline", "sys/kernel/hostname", "dev/null"):
        with pytest.raises(FileRefused, match="lies outside of"), LocalFiles(Path("/")).open(name):
            pass


def test_wrong_arguments_are_told_as_every_answer(agent: Agent) -> None:
    assert "Unknown tool: delete" in agent.refused("delete")["error"]
    assert "endpoint_id\n  Field required" in agent.refused("run_model", input={})["error"]
    for wrong in ("../../_fakefal/reset", "fal-ai/../_fakefal", "fal-ai/x?y=1", "fal-ai", "https://fal.run/fal-ai/x"):
        assert "String should match pattern" in agent.refused("submit_job", endpoint_id=wrong, input={})["error"]
    unknown = "01900000-0000-7000-8000-000000000000"
    assert "HTTP 404" in agent.refused("check_job", endpoint_id=I2V, request_id=unknown)["error"]
    assert "HTTP 404" in agent.refused("explain_refusal", request_id=unknown)["error"]
    assert "pattern" in agent.refused("explain_refusal", request_id="../reset")["error"]


def test_fal_is_never_called(stand_in: StandIn, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    real = {"FAL_KEY": "real-id:real-secret-of-the-user"}
    with agent_of(tmp_path, "--root", ".", "--profile", "instant", prefix=stand_in.prefix, **real) as agent:
        address = agent.get("upload_file", file_path="a.png")["cdn_url"]
        for picked in (address, "https://v3.fal.media/files/b/aa/x.png"):
            which = {"endpoint_id": I2V, "input": {"prompt": "x", "start_image_url": picked}}
            for tool in ("check_request", "submit_job", "run_model"):
                agent.ask(tool, **which)
        for tool in ("search_models", "ledger", "verdict"):
            agent.ask(tool)
        for tool in ("get_model_schema", "get_pricing"):
            agent.get(tool, endpoint_id=I2V)
    assert stand_in.arrived == []


def test_another_emulator_is_used_by_its_address(serve: Serve, tmp_path: Path, folder: Path) -> None:
    server = serve(profile="instant", effects=("content_policy_violation when nth=1",))
    with agent_of(tmp_path, "--attach", server.url, FAL_KEY="real-id:real-secret-of-the-user") as agent:
        assert "--root" in agent.refused("upload_file", file_path=str(folder / "root" / "a.png"))["error"]
        body = {"prompt": "x", "start_image_url": "https://a.example/a.png"}
        refused = agent.refused("run_model", endpoint_id=I2V, input=body)
        assert refused["detail"][0]["type"] == "content_policy_violation"
        explained = agent.get("explain_refusal", request_id=refused["request_id"])
        assert explained["reasons"] == []
        assert explained["note"].startswith("the input breaks no rule")
        server.submit(I2V, body)
        assert {total["key"] for total in agent.get("ledger")["totals"]} == {"tester", "fakefal-mcp"}
        assert agent.get("ledger", key="tester")["totals"][0]["jobs"] == 1
    assert {call["key"] for call in server.journal()} == {"tester", "fakefal-mcp"}, "the user's key stays here"


def test_an_emulator_without_verdicts_says_so_and_another_tells_its_own(agent: Agent) -> None:
    result = agent.ask("verdict", limit=5)
    assert result.structured_content is not None
    if result.is_error:
        assert result.structured_content["error"] == "this emulator gives no verdicts: attach to a newer fakefal"
    else:
        assert {"usd", "kinds", "findings"} <= result.structured_content.keys()


def test_an_attached_server_is_asked_with_its_token_and_key(serve: Serve, tmp_path: Path) -> None:
    server = serve(profile="instant", keys={"me": "mine"}, control_token="token")
    with agent_of(tmp_path, "--attach", server.url, FAKEFAL_KEYS="me:mine", FAKEFAL_CONTROL_TOKEN="token") as agent:
        body = {"prompt": "x", "start_image_url": "https://a.example/a.png"}
        assert agent.get("run_model", endpoint_id=I2V, input=body)["cost"]["usd"] == 0.56


def test_only_the_protocol_comes_out_and_it_ends_with_its_input(tmp_path: Path) -> None:
    said = '{"jsonrpc": "2.0", "id": 1, "method": "ping"}\nno json\n'
    done = run_program([*FAKEFAL, "mcp"], input=said, cwd=tmp_path)
    assert done.returncode == 0
    assert {json.loads(line)["jsonrpc"] for line in done.stdout.splitlines()} == {"2.0"}
    assert "fakefal mcp: rehearses at http://127.0.0.1:" in done.stderr
    assert "no files may be uploaded (see --root)" in done.stderr


def test_a_signal_ends_it(tmp_path: Path) -> None:
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*FAKEFAL, "mcp"], cwd=tmp_path, text=True, **streams) as process:
        assert process.stderr is not None
        assert "rehearses at" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--attach", "https://queue.fal.run"], "--attach: this is a fal host"),
        (["--attach", "localhost"], "such as http://127.0.0.1:8710"),
        (["--attach", "http://127.0.0.1:9", "--profile", "instant"], "--profile has no effect with --attach"),
        (["--attach", "http://127.0.0.1:9", "--effect", "stuck"], "--effect has no effect with --attach"),
        (["--attach", "http://127.0.0.1:9", "--no-fetch"], "--no-fetch has no effect with --attach"),
        (["--attach", "http://127.0.0.1:9"], "no emulator answers at http://127.0.0.1:9"),
        (["--root", "nothing"], "does not exist"),
    ],
)
def test_what_cannot_be_served_is_said(options: list[str], said: str) -> None:
    done = CliRunner().invoke(main, ["mcp", *options])
    assert done.exit_code in (1, 2)
    assert said in " ".join(done.stderr.split())
    assert done.stdout == ""


BLOCKS = re.findall(r"^```(?:json|toml)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def servers(configuration: Any) -> Iterator[dict[str, Any]]:
    """Every server of a configuration, whatever the agent calls the table of them."""
    if "command" in configuration:
        yield configuration
    else:
        for inner in configuration.values():
            yield from servers(inner)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_configurations_of_the_page_start_it(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "media").mkdir()
    monkeypatch.chdir(tmp_path)
    (server,) = servers(json.loads(block) if block.startswith("{") else tomllib.loads(block))
    assert server["command"] == "fakefal"
    name, *options = server["args"]
    assert name == "mcp"
    context = command.make_context(name, [option.replace("/home/me/project", str(tmp_path)) for option in options])
    assert context.params["root"] or context.params["attach"]


def test_the_page_has_every_tool_and_its_arguments(agent: Agent) -> None:
    for tool in agent.tools():
        arguments = ", ".join(f"`{name}`" for name in tool.input_schema["properties"])
        assert f"| `{tool.name}` | {arguments} |" in PAGE


def test_without_the_package_it_says_how_to_install_it(tmp_path: Path) -> None:
    code = "import sys; sys.modules['mcp'] = None; from fakefal.cli import main; main()"
    done = run_program([sys.executable, "-c", code, "mcp"], cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "fakefal mcp needs the package mcp, 2 or later: pip install 'fakefal[mcp] @ git+https" in done.stderr
    assert str(ROOT) not in done.stderr
