"""``fakefal drift``, as a user and a CI job type it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fakefal_contracts import BUILT_IN
from fakefal_contracts.openapi import openapi
from support.endpoints import I2V
from support.machine import ROOT
from support.waiting import run_program

SECONDS = ["3", "4", "5", "6", "7", "8", "9", "10"]


def document(seconds: list[str] = SECONDS, **fields: Any) -> dict[str, Any]:
    """The endpoint's document; `fields` are added to the arguments, or change them."""
    found = openapi(BUILT_IN.find(I2V).edition("latest"))
    arguments = found["components"]["schemas"]["KlingVideoO1ImageToVideoInput"]
    arguments["properties"]["duration"]["enum"] = seconds
    for name, field in fields.items():
        arguments["properties"].setdefault(name, {}).update(field)
    return found


TYPES = """
export type In = {
    prompt: string;
    start_image_url: string | Blob | File;
    end_image_url?: string | Blob | File;
    /** Default value: `"5"` */
    duration?: SECONDS;
};
export type File = {
    url: string; content_type?: string; file_name?: string; file_size?: number; file_data?: string;
};
export type EndpointTypeMap = { "fal-ai/kling-video/o1/image-to-video": { input: In; output: { video: File } } };
"""


def drift(*arguments: Any, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fakefal", "drift", *map(str, arguments)]
    return run_program(command, **more)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_a_document_that_says_what_we_say_is_0(save: Callable[..., Path]) -> None:
    done = drift("--document", save("same.json", document()))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"same  {I2V}: contract latest (in depth, 2026-01-28) -> ")


def test_a_model_of_any_kind_is_compared_and_both_ages_are_told(save: Callable[..., Path]) -> None:
    flux, types = "fal-ai/flux/dev", "CassetteAI/music-generator"
    found = [{"endpoint_id": one, "openapi": openapi(BUILT_IN.find(one).edition("latest"))} for one in (flux, types)]
    found[0]["metadata"] = {"updated_at": "2026-11-01T00:00:00Z"}
    path = save("page.json", {"models": found})
    said = drift("--document", path).stdout.replace(str(path), "FILE").splitlines()
    assert said[0] == f"same  {flux}: contract latest (document, 2026-06-11) -> FILE (2026-11-01)"
    assert f"same  {types}: contract latest (types only, 2026-08-02) -> FILE (undated)" in said


def test_ids_that_fal_has_and_we_do_not_are_listed(save: Callable[..., Path]) -> None:
    text = TYPES.replace("SECONDS", '"5"').replace("EndpointTypeMap = {", 'EndpointTypeMap = { "some/new": In;')
    done = drift("o1/image-to-video", "--types", save("endpoints.d.ts", text))
    assert "fakefal knows no model some/new: fakefal models add some/new" in done.stdout


def test_what_an_older_revision_of_ours_says_is_explained(save: Callable[..., Path]) -> None:
    done = drift("--document", save("old.json", document(["5", "10"])))
    assert done.returncode == 0
    assert "breaks  input.duration: choices narrowed" in done.stdout
    assert "explained by revision of 2025-12-01 (llms.txt of o1/image-to-video)" in done.stdout


def test_drift_is_1(save: Callable[..., Path]) -> None:
    done = drift("--document", save("new.json", document([*SECONDS, "15"], seed={"type": "integer"})))
    assert done.returncode == 1
    assert "drift  " in done.stdout
    assert 'widens  input.duration: choices widened: ["3", ' in done.stdout
    assert "widens  input.seed: field added (integer, optional)" in done.stdout


def test_a_checkout_drafts_the_revision(save: Callable[..., Path]) -> None:
    paths = (
        save("new.json", document([*SECONDS, "15"])),
        save("longer.json", document(prompt={"type": "string", "maxLength": 5000})),
        save("same.json", document()),
    )
    command = [sys.executable, "-m", "tools.draft", "--seen", "2026-11-20", *map(str, paths)]
    done = run_program(command, check=True, cwd=ROOT)
    new, longer, same = done.stdout.split(f"# {I2V}\n")[1:]
    assert new.endswith('Revision(documented("fal\'s OpenAPI document", "2026-11-20")),\n')
    assert '"prompt": {"maxLength": 2500, "type": "string"},' in longer
    assert same == "# no drift\n"


def test_as_json(save: Callable[..., Path]) -> None:
    path = save("new.json", document(SECONDS[:-1]))
    done = drift("--document", path, "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    (comparison,) = report["comparisons"]
    assert report == {"drift": True, "comparisons": [comparison], "unknown": []}
    assert comparison == {
        "endpoint_id": I2V,
        "before": "contract latest",
        "before_day": "2026-01-28",
        "after": str(path),
        "after_day": None,
        "findings": [
            {
                "level": "breaks",
                "place": "input.duration",
                "aspect": "choices",
                "change": "narrowed",
                "before": SECONDS,
                "after": SECONDS[:-1],
                "explained": None,
            }
        ],
        "stale": [],
        "drift": True,
    }


def test_the_level_says_what_counts(save: Callable[..., Path]) -> None:
    path = save("new.json", document(SECONDS[::-1]))
    assert drift("--document", path).returncode == 1
    done = drift("--document", path, "--level", "widens")
    assert done.returncode == 0
    assert "cosmetic  input.duration: order of choices changed" in done.stdout


@pytest.mark.parametrize(("contract", "explained"), [("documented", "2026-01-28"), ("2025-12-05", "2026-01-28")])
def test_an_older_contract_of_ours_is_compared_too(save: Callable[..., Path], contract: str, explained: str) -> None:
    done = drift("o1/image-to-video", "--contract", contract, "--document", save("same.json", document()))
    assert done.returncode == 0
    assert f"explained by revision of {explained}" in done.stdout


def test_types_of_the_client(save: Callable[..., Path]) -> None:
    seconds = " | ".join(json.dumps(one) for one in SECONDS)
    path = save("endpoints.d.ts", TYPES.replace("SECONDS", seconds))
    done = drift("o1/image-to-video", "--types", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "explained by known difference: file_data" in done.stdout
    path.write_text(path.read_text().replace(" file_data?: string;", ""))
    done = drift("o1/image-to-video", "--types", path)
    assert done.returncode == 1
    assert "a known difference no longer occurs, remove it: output.video.file_data" in done.stdout
    missing = drift("--types", path)
    assert missing.returncode == 2
    assert "does not declare fal-ai/kling-video/o1/reference-to-video" in missing.stderr


def test_two_documents(save: Callable[..., Path]) -> None:
    old, new = save("old.json", document()), save("new.json", document(seed={"type": "integer"}))
    assert drift("--document", old, "--since", old).returncode == 0
    done = drift("--document", new, "--since", old)
    assert done.returncode == 1
    assert "widens  input.seed: field added (integer, optional)" in done.stdout
    assert "Revision(" not in done.stdout


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[tuple[str, list[Any]]]:
    """An address that gives one answer to everything, and what it was asked."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, {name.lower() for name in self.headers}))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's environment, with a key that nobody may see."""
    monkeypatch.setenv("FAL_KEY", "user:secret")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.mark.usefixtures("environment")
def test_online_is_one_public_get_without_a_key() -> None:
    with answering(200, json.dumps(document()).encode()) as (url, asked):
        done = drift("o1/image-to-video", "--online", "--url", url)
    assert (done.returncode, done.stderr) == (0, "")
    ((path, headers),) = asked
    assert path == f"/api/openapi/queue/openapi.json?endpoint_id={I2V}"
    assert not headers & {"authorization", "cookie"}


@pytest.mark.usefixtures("environment")
def test_what_fal_says_now_is_not_excused_by_what_it_once_said() -> None:
    with answering(200, json.dumps(document(["5", "10"])).encode()) as (url, _):
        done = drift("o1/image-to-video", "--online", "--url", url)
    assert done.returncode == 1
    assert "explained" not in done.stdout


@pytest.mark.parametrize(
    ("status", "body", "headers", "said"),
    [
        (404, b"{}", {}, "answers 404"),
        (301, b"", {"Location": "https://example.com/"}, "answers 301"),
        (200, b"<html>", {}, "is not JSON"),
        (200, b"{}", {}, "is not an OpenAPI document of fal"),
        (200, json.dumps(document()).replace(I2V, "another/one").encode(), {}, "is about another/one"),
        (200, b" " * (9 << 20), {}, "more than 8,388,608 bytes"),
    ],
    ids=["missing", "moved", "page", "empty", "another", "large"],
)
@pytest.mark.usefixtures("environment")
def test_an_answer_that_is_no_document_is_2(status: int, body: bytes, headers: dict[str, str], said: str) -> None:
    with answering(status, body, **headers) as (url, asked):
        done = drift("o1/image-to-video", "--online", "--url", url)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr, done.stderr
    assert len(asked) == 1


@pytest.mark.usefixtures("environment")
def test_an_address_that_cannot_be_reached_is_2_and_says_what_to_do() -> None:
    with answering(200, b"") as (url, _):
        pass
    done = drift("--online", "--url", url)
    assert done.returncode == 2
    assert "cannot be reached" in done.stderr
    assert "save the document, and give the file" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give something to compare with"),
        (["--online", "--url", "ftp://example.com"], "is not an http(s) address"),
        (["--online", "--url", "http://["], "cannot be reached"),
        (["--document", "missing.json"], "does not exist"),
        (["--document", "text.json"], "is not JSON"),
        (["--document", "same.json", "--contract", "never"], "documented, latest or a day"),
        (["--document", "same.json", "--contract", "2020-01-01"], "first published on 2025-12-01"),
        (["--document", "same.json", "o3/pro/reference-to-video"], f"is about {I2V}, not fal-ai/kling-video/o3"),
        (["--document", "other.json"], "fakefal knows no model another/one"),
        (["--document", "same.json", "--since", "other.json"], "is about another/one"),
        (["--online", "--since", "same.json"], "--since compares two documents"),
        (["--types", "text.json", "o1/image-to-video"], "does not declare"),
        (["--document", "same.json", "--level", "all"], "'all' is not one of"),
    ],
)
def test_wrong_use_is_2(arguments: list[str], said: str, save: Callable[..., Path], tmp_path: Path) -> None:
    save("same.json", document())
    save("other.json", json.dumps(document()).replace(I2V, "another/one"))
    save("text.json", "text")
    done = drift(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in " ".join(done.stderr.split()), done.stderr
