"""Files above the clients' limits come in parts, in the form of each client."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from support.programs import JS, finish, run_under
from support.waiting import run_program

MEBIBYTE = 1024 * 1024
PYTHON = """
import fal_client, hashlib, httpx, json, sys
url = fal_client.upload_file(sys.argv[1])
print(json.dumps({"url": url, "sha256": hashlib.sha256(httpx.get(url).content).hexdigest()}))
"""
JAVASCRIPT = """
import fs from "node:fs";
import { createHash } from "node:crypto";
import { fal } from "@fal-ai/client";
const url = await fal.storage.upload(new File([fs.readFileSync(process.argv[2])], "large.bin"));
const content = Buffer.from(await (await fetch(url)).arrayBuffer());
console.log(JSON.stringify({ url, sha256: createHash("sha256").update(content).digest("hex") }));
"""


def large_file(path: Path, mebibytes: int) -> str:
    """A file whose parts all differ; returns its digest."""
    with path.open("wb") as file:
        for number in range(mebibytes):
            file.write(bytes([number]) * MEBIBYTE)
    return run_program(["sha256sum", str(path)], check=True).stdout.split()[0]


def test_python(offline: list[str], tmp_path: Path) -> None:
    digest = large_file(tmp_path / "large.bin", 101)
    seen = finish([*offline, *run_under(sys.executable, "-c", PYTHON, str(tmp_path / "large.bin"))])
    assert seen["sha256"] == digest
    assert seen["url"].endswith("_large.bin")


def test_javascript(node: str, offline: list[str], tmp_path: Path) -> None:
    digest = large_file(tmp_path / "large.bin", 91)
    (tmp_path / "upload.mjs").write_text(JAVASCRIPT)
    (tmp_path / "node_modules").symlink_to(JS / "node_modules")
    program = [node, "upload.mjs", str(tmp_path / "large.bin")]
    seen = finish([*offline, *run_under(*program)], cwd=tmp_path)
    assert seen["sha256"] == digest, json.dumps(seen)
