"""Each example in a help does what it says, typed as it is in the folder of a project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakefal_contracts import BUILT_IN
from fakefal_contracts.openapi import openapi
from support.commands import all_commands, examples_of
from support.endpoints import I2V
from support.machine import required_in_ci
from support.page_blocks import Block, Reader
from support.programs import JS

DOCUMENT = json.dumps(openapi(BUILT_IN.find(I2V).edition("latest")))
FLUX = "fal-ai/flux/dev"
CALL = f"""
import fal_client

print(fal_client.subscribe("{FLUX}", {{"prompt": "a lighthouse"}}))
"""
PROJECT = {
    "app.py": CALL,
    "worker.py": CALL,
    "fal/lighthouse.json": json.dumps({"endpoint_id": FLUX, "input": {"prompt": "a lighthouse"}}),
    "prompts.jsonl": '{"prompt": "dawn"}\n{"prompt": "dusk"}\n',
    "openapi.json": DOCUMENT,
    "new.json": DOCUMENT,
    "old.json": DOCUMENT,
    "package.json": '{"scripts": {"test": "node --eval 0"}}',
}
"""What users have there who type these."""

SERVER = "fakefal serve --lead --profile instant > server.log &\nuntil fakefal health > /dev/null; do sleep 0.1; done\n"
NEEDS_SERVER = ("eval ", "fakefal env", "fakefal health", " --attach http", " --target http")
ENDLESS = {
    "fakefal serve": "fakefal health",
    "fakefal serve --port 0 --ready-file ready.json": "test -s ready.json",
    "fakefal serve --profile realistic --balance 10.00": "fakefal health",
    "fakefal proxy --max-usd 5": "fakefal health",
}
"""What runs until it is stopped, and what holds when it runs."""

NEEDS_FAL = {
    "fakefal record --max-usd 2 -- pytest tests/live": "set FAL_KEY",
    "fakefal proxy --max-usd 5 --report report.json -- python app.py": "set FAL_KEY",
    "fakefal conform --target fal --max-usd 5": "is for use by hand",
    "fakefal drift --online": "cannot be reached",
    "fakefal models add fal-ai/flux/dev": "cannot be reached",
}
"""What asks fal itself, and what is said without a key or a network."""

ELSEWHERE = {
    "fakefal audit --yes --profile instant -- python app.py": "test_audit.py runs audits; this one takes minutes",
    "fakefal conform --target http://127.0.0.1:8710": "test_conform.py runs the suite in parts; all of it is long",
    "fakefal demo": "it is `fakefal demo --folder videos` with another folder, and takes seconds of real time",
}
ALL = [line for words in all_commands() for line in examples_of(words)]


@pytest.mark.parametrize("line", [line for line in dict.fromkeys(ALL) if line not in ELSEWHERE])
def test_an_example_runs_as_typed(
    line: str, tmp_path: Path, offline: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    if "node_modules" in line and not (JS / "node_modules").exists():
        required_in_ci("the packages of Node are missing (make js)")
    (tmp_path / "node_modules").symlink_to(JS / "node_modules")
    reader = Reader(tmp_path, offline, from_npm=True)
    if line in ENDLESS:
        reader.type(Block("bash", f"{line} &\nuntil {ENDLESS[line]}; do sleep 0.1; done\nkill %1 && wait %1"))
    elif line in NEEDS_FAL:
        reader.type(Block("bash", line, exits=2, prints=f"...{NEEDS_FAL[line]}..."))
    else:
        server = SERVER if any(words in line for words in NEEDS_SERVER) else ""
        reader.type(Block("bash", f"{server}{line}\n"))


def test_what_is_not_run_here_is_an_example() -> None:
    assert set(ALL) >= {*ELSEWHERE, *NEEDS_FAL, *ENDLESS}
