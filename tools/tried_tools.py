"""Runs the examples of tools that people use with fal, each unmodified, and writes docs/tools.md from the outcome.

``python -m tools.tried_tools --python .venv-tools/bin/python`` runs all of them; with names it runs only those
examples.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
from PIL import Image

from fakefal.files.made import MadeFile
from fakefal.files.making import content_of
from tools.run_examples import ExampleFailed

ROOT = Path(__file__).parents[1]
PROGRAMS, PAGE = ROOT / "examples" / "tools", ROOT / "docs" / "tools.md"
MINUTES = 60.0


@dataclass(frozen=True)
class Tool:
    """A tool: how people call it, its packages, its example, and facts that no measurement shows.

    `refused` are the calls of the example that fal's documents refuse; the example keeps them.
    """

    name: str
    packages: tuple[str, ...]
    example: str
    refused: tuple[str, ...] = ()
    remarks: str = ""

    @property
    def file(self) -> Path:
        """The example."""
        return PROGRAMS / self.example

    @property
    def is_python(self) -> bool:
        """Whether it also runs in the fixture."""
        return self.file.suffix == ".py"


@dataclass
class Outcome:
    """The outcome of an example: the output or error of each call, and the requests that fal would have refused."""

    tool: Tool
    versions: dict[str, str]
    made: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    in_fixture: bool = False

    @property
    def surprises(self) -> list[str]:
        """The differences from this table."""
        wrong = [f"{task} failed: {why}" for task, why in self.failed.items() if task not in self.tool.refused]
        return wrong + [f"{task} is not refused any more" for task in self.tool.refused if task not in self.failed]

    @property
    def row(self) -> str:
        """Its row of the page."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"| [{self.tool.name}](../examples/tools/{self.tool.example}) | {versions} {self.findings}"

    @property
    def findings(self) -> str:
        """The part of its row after the versions."""
        ways = "`fakefal run`, fixture" if self.in_fixture else "`fakefal run`"
        wrong = "; ".join(f"to `{endpoint}`: {hint}" for endpoint, hint in self.hints.items()) or "nothing"
        works = ", ".join(task.replace("_", " ") for task in self.made)
        return f"| {works} | {ways} | {wrong} |"


TOOLS = (
    Tool(
        "AI SDK",
        ("ai", "@ai-sdk/fal"),
        "ai_sdk.mjs",
        ("video_of_five_seconds", "transcription_by_wizper"),
        "Of the six video models that its types name, fakefal knows `hunyuan-video` only. `generateVideo` with a "
        "`duration` sends `5s`, which Luma's and Google's models take and Kling's refuse; without it, it works. For "
        "videos and transcriptions it asks for the result and never for the status, so they do not end with the "
        "profile `stepped`, which moves on status reads.",
    ),
    Tool(
        "TanStack AI",
        ("@tanstack/ai", "@tanstack/ai-fal"),
        "tanstack.mjs",
        ("music", "video_of_five_seconds"),
        "The example of `falAudio` in its own pages lacks what `fal-ai/diffrhythm` requires. `generateVideo` takes a "
        "`duration` as a number and sends it so; Kling takes a text.",
    ),
    Tool("fal's JavaScript client", ("@fal-ai/client",), "fal_client.mjs"),
    Tool("fal's Python client", ("fal-client",), "fal_client_stream.py"),
    Tool(
        "huggingface_hub",
        ("huggingface_hub",),
        "hugging_face.py",
        remarks="Give it a fal key: then it calls fal, and fakefal answers. With a Hugging Face token (`hf_...`) it "
        "calls `router.huggingface.co`, which fakefal does not redirect. In both cases it first asks `huggingface.co` "
        "which fal model is meant; the test answers that one call itself.",
    ),
    Tool(
        "LiteLLM",
        ("litellm",),
        "lite_llm.py",
        remarks="It reads `FAL_AI_API_KEY`: set it to anything under `fakefal run`, which replaces it. When it is "
        "imported it asks GitHub for its list of prices, unless `LITELLM_LOCAL_MODEL_COST_MAP=True` is set.",
    ),
    Tool("LiveKit Agents", ("livekit-plugins-fal",), "livekit_speech.py"),
    Tool("Pipecat", ("pipecat-ai",), "pipecat_speech.py"),
)


def measured(tool: Tool, python: str, prefix: Sequence[str] = (), profile: str = "quick") -> Outcome:
    """Run the example of a tool under ``fakefal run`` and, if it is Python, in the fixture.

    Args:
        tool: the tool.
        python: the interpreter that has the Python tools.
        prefix: the prefix of the commands, such as a network of their own.
        profile: how time passes; with `quick` the tools have to wait and poll.
    """
    program = [python, "run.py"] if tool.is_python else ["node", str(PROGRAMS / "run.mjs")]
    with tempfile.TemporaryDirectory(prefix="fakefal-examples-") as name:
        folder = Path(name)
        _lay_inputs(folder)
        watched = [sys.executable, "-m", "tools.watched"]
        run = [sys.executable, "-m", "fakefal", "run", "--profile", profile, "--", *watched, *program, tool.file.stem]
        *lines, requests = _run([*prefix, *run], folder).splitlines()
        outcome = Outcome(tool, dict(_versions(tool, python)))
        for one in (json.loads(line) for line in lines if line.startswith('{"task"')):
            outcome.failed |= {one["task"]: one["error"]} if "error" in one else {}
            outcome.made |= {one["task"]: one["made"]} if "made" in one else {}
        for made in outcome.made.values():
            _open(folder, made)
        outcome.hints = {
            one["endpoint_id"]: one["hint"] for one in reversed(json.loads(requests)) if not one["billable_units"]
        }
        if tool.is_python:
            tests = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_examples.py", "-k", tool.file.stem]
            _run([*prefix, *watched, *tests], folder)
            outcome.in_fixture = True
    return outcome


def _lay_inputs(folder: Path) -> None:
    """The files that examples read, and the Python examples themselves."""
    sounds = [MadeFile(ending, seconds=2.0) for ending in ("mp3", "wav")]
    for made in (*sounds, MadeFile("png", 512, 512, caption="input")):
        (folder / f"input.{made.ending}").write_bytes(content_of(made))
    for one in (*PROGRAMS.glob("*.py"), PROGRAMS / "pytest.ini"):
        (folder / one.name).write_bytes(one.read_bytes())


def _run(command: Sequence[str], folder: Path) -> str:
    """Run a program to its end; returns its output.

    Raises:
        ExampleFailed: it failed.
    """
    more = {
        "FAL_AI_API_KEY": "any:key",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    done = subprocess.run(
        command, cwd=folder, env=os.environ | more, check=False, capture_output=True, text=True, timeout=5 * MINUTES
    )
    if done.returncode:
        raise ExampleFailed(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def _versions(tool: Tool, python: str) -> Iterator[tuple[str, str]]:
    for package in tool.packages:
        if tool.is_python:
            code = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
            yield package, subprocess.check_output([python, "-c", code], text=True).strip()
        else:
            described = PROGRAMS / "node_modules" / package / "package.json"
            yield package, json.loads(described.read_text("utf-8"))["version"]


def _open(folder: Path, made: str) -> None:
    """Open a file that an example saved with an independent reader; unknown kinds count as text.

    Raises:
        ExampleFailed: it is empty, or does not match its name.
    """
    path = folder / made
    if not made.strip() or (len(made) < 40 and Path(made).suffix and not path.is_file()):  # noqa: PLR2004
        raise ExampleFailed(f"an example says that it made {made!r}, and did not")
    if not path.is_file():
        return
    if path.suffix in (".png", ".jpg"):
        with Image.open(path) as picture:
            picture.load()
        return
    with av.open(path) as file:
        if not any(True for _ in file.decode()):
            raise ExampleFailed(f"{made} is empty")


PAGE_TEXT = """# Tools that people use with fal

Each tool runs unmodified, with models from its own documentation. Its name links to the program. `make examples`
installs all tools at pinned versions, runs each program under `fakefal run` (Python programs also in the pytest
fixture), opens every file that they get, and writes this page. It fails if a call works that was refused before, or
the reverse.

| tool | version | works | run by | invalid calls |
|---|---|---|---|---|
{rows}

A call is invalid if the model's document at fal refuses it. fakefal answers it with fal's 422. The hint in this
table is also in the log of the request, in the journal and in the header `x-fakefal-hint`.

{remarks}

To try one, run it in a folder that has its input files: `npm ci --prefix examples/tools`, then
`fakefal run -- node examples/tools/run.mjs ai_sdk`; or `pip install litellm`, then
`fakefal run -- python examples/tools/run.py lite_llm`.
"""


def page(outcomes: Sequence[Outcome]) -> str:
    """The page of all tools."""
    remarks = [f"- **{one.tool.name}.** {one.tool.remarks}" for one in outcomes if one.tool.remarks]
    return PAGE_TEXT.format(rows="\n".join(one.row for one in outcomes), remarks="\n".join(remarks))


def main() -> None:
    """Run the examples; without names, write the page."""
    parser = argparse.ArgumentParser(prog="python -m tools.tried_tools", description=__doc__)
    parser.add_argument("names", nargs="*", help="of examples; without, all of them, and the page is written")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has the Python tools")
    given = parser.parse_args()
    outcomes = []
    for tool in TOOLS:
        if not given.names or tool.file.stem in given.names:
            outcomes.append(measured(tool, str(Path(given.python).absolute())))
            print(outcomes[-1].row, flush=True)  # noqa: T201
    if not given.names:
        PAGE.write_text(page(outcomes), "utf-8")
    if surprises := [f"{one.tool.name}: {what}" for one in outcomes for what in one.surprises]:
        sys.exit("\n".join(surprises))


if __name__ == "__main__":
    main()
