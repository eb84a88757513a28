"""Each snippet of the first documents of fal that this project was given, as printed, runs under ``fakefal run``."""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from pathlib import Path

import pytest

from fakefal_contracts import FOUNDING, examples
from support.machine import required_in_ci
from support.programs import JS, run_under
from support.waiting import run_program

FENCED = re.compile(r"^( *)```(bash|python|javascript)[^\n]*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
RUNNERS = {"bash": ["sh", "snippet"], "python": [sys.executable, "snippet"], "javascript": ["node", "snippet.mjs"]}


def snippets(text: str) -> list[tuple[str, str]]:
    """The runnable snippets of a document: language and code; installation lines are left out."""
    found = [(language, textwrap.dedent(code)) for _, language, code in FENCED.findall(text)]
    return [(language, code) for language, code in found if "install" not in code]


@pytest.mark.parametrize("document", ["000", "002", "004"])
@pytest.mark.parametrize("language", RUNNERS)
def test_a_printed_snippet_returns_a_video(
    document: str, language: str, seeds: dict[str, str], offline: list[str], tmp_path: Path
) -> None:
    if shutil.which(RUNNERS[language][0]) is None or (language == "bash" and shutil.which("curl") is None):
        required_in_ci(f"nothing runs {language} snippets")
    (code,) = [code for one, code in snippets(seeds[document]) if one == language]
    (tmp_path / RUNNERS[language][1]).write_text(code)
    (tmp_path / "node_modules").symlink_to(JS / "node_modules")
    command = [*offline, *run_under(*RUNNERS[language], profile="instant")]
    done = run_program(command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r"https://v3b\.fal\.media/files/b/[0-9a-f]{8}/[\w-]{21}_output\.mp4", done.stdout), done.stdout


def test_the_quick_start_that_its_own_page_forbids_answers_422(
    seeds: dict[str, str], offline: list[str], tmp_path: Path
) -> None:
    page = seeds["003"]
    code = page[page.index("import fal_client") : page.index("print(result)") + len("print(result)")]
    assert "arguments={}" in code
    (tmp_path / "snippet").write_text(code)
    command = [*offline, *run_under(sys.executable, "snippet", profile="instant")]
    done = run_program(command, cwd=tmp_path)
    assert done.returncode == 1
    assert "Either 'prompt' or 'multi_prompt' must be provided." in done.stderr


def test_every_example_body_of_the_documents_is_carried_over_exactly(seeds: dict[str, str]) -> None:
    carried = [json.dumps(body, sort_keys=True) for one in FOUNDING for body in examples(one).values()]
    for name in ("000", "002", "004"):
        for block in re.findall(r"```json[^\n]*\n(.*?)```", seeds[name], re.DOTALL):
            assert json.dumps(json.loads(block), sort_keys=True) in carried
