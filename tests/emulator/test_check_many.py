"""`fakefal check` over many inputs: where they come from, and what becomes of each."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections import Counter
from contextlib import chdir
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from fakefal.cli.check import command
from support.media import clip, picture
from support.programs import FAKEFAL
from support.waiting import LIMIT, run_program

FLUX = "fal-ai/flux/dev"
O1 = "fal-ai/kling-video/o1/image-to-video"
GOOD = {"prompt": "x"}


def named(endpoint_id: Any, **given: Any) -> dict[str, Any]:
    return {"endpoint_id": endpoint_id, "input": given}


def check(*arguments: str | Path, given: Any = None, cwd: Path | str = ".") -> Result:
    """The command inside this process: starting one for each question takes most of the time."""
    text = given if isinstance(given, str | None) else json.dumps(given)
    with chdir(cwd):
        return CliRunner().invoke(command, [str(one) for one in arguments], input=text)


def rows(*arguments: str | Path, **more: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in check("--format", "jsonl", *arguments, **more).stdout.splitlines()]


def places(*arguments: str | Path, **more: Any) -> list[str]:
    return [one["place"] for one in rows(*arguments, **more)]


#: Every kind of file: its bytes, and what becomes of each input in it.
KINDS: dict[str, tuple[bytes, list[str]]] = {
    "good": (json.dumps(named(FLUX, **GOOD)).encode(), ["valid"]),
    "pretty": (json.dumps(named(FLUX, **GOOD), indent=2).encode(), ["valid"]),
    "mark": (b"\xef\xbb\xbf" + json.dumps(named(FLUX, **GOOD)).encode(), ["valid"]),
    "warned": (json.dumps(named(FLUX, prompt="x", pormpt="y")).encode(), ["valid"]),
    "unchecked": (json.dumps(named(O1, prompt="x", start_image_url="https://a.example/b.png")).encode(), ["valid"]),
    "schema": (json.dumps(named(FLUX, prompt="x", num_images="many"), indent=2).encode(), ["refused"]),
    "both": (json.dumps(named(FLUX, pormpt="x"), indent=2).encode(), ["refused"]),
    "media": (json.dumps(named(O1, prompt="x", start_image_url="http://localhost/a.png")).encode(), ["refused"]),
    "scalar": (json.dumps({"endpoint_id": FLUX, "input": 5}).encode(), ["refused"]),
    "null": (json.dumps({"endpoint_id": FLUX, "input": None}).encode(), ["refused"]),
    "list": (json.dumps([named(FLUX, **GOOD), named(FLUX), 7], indent=1).encode(), ["valid", "refused", "unusable"]),
    "lines": (b'\n%s\r\n{"a\n' % json.dumps(named(FLUX, **GOOD)).encode() * 2, ["valid", "unusable"] * 2),
    "empty": (b"", ["unusable"]),
    "blank": (b" \n\n", ["unusable"]),
    "empty list": (b"[]", ["unusable"]),
    "broken": (b'{"endpoint_id": "x"\n "input": 1}', ["unusable"]),
    "bytes": (b'{"endpoint_id": "\xff"}', ["unusable"]),
    "wide": (json.dumps(named(FLUX, **GOOD)).encode("utf-16"), ["unusable"]),
    "constant": (b'{"endpoint_id": "fal-ai/flux/dev", "input": {"seed": NaN}}', ["unusable"]),
    "deep": (b"[" * 5000 + b"]" * 5000, ["unusable"]),
    "nested list": (json.dumps([[named(FLUX, **GOOD)]]).encode(), ["unusable"]),
    "large": (json.dumps(named(FLUX, prompt=["x"] * 250_000)).encode(), ["unusable"]),
    "no model": (json.dumps(GOOD).encode(), ["unusable"]),
    "no input": (json.dumps({"endpoint_id": FLUX}).encode(), ["unusable"]),
    "no id": (json.dumps(named(5, **GOOD)).encode(), ["unusable"]),
    "unknown": (json.dumps(named("fal-ai/flux/dve", **GOOD)).encode(), ["unusable"]),
}

#: Names that break out of a table, of XML, or of an annotation, wherever they are not escaped.
HOSTILE = (
    "two\nlines.json",
    "\x1b[2Jcleared.json",
    "\r::stop-commands::x.json",
    "::error file=a,line=1::x.json",
    "a,b:c%0A::warning::d.json",
    '<&">]]>.json',
    "\u202egnp.json",
    os.fsdecode(b"\xff\xfe.json"),
    "\U0001f600 \uffff.json",
    "--strict.json",
    "[ab]*.json",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hundreds of inputs, with every kind of fault in files of every kind of name."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(10):
        inside = folder / "fal" / f"batch {number}" / "deeper"
        inside.mkdir(parents=True)
        for kind, (data, _) in KINDS.items():
            if number == 0 or len(data) < 1000:
                (inside / f"{kind}.json").write_bytes(data)
    for name in HOSTILE:
        (folder / "fal" / name).write_bytes(KINDS["schema"][0])
    (folder / "fal" / "lost.json").symlink_to("nowhere")
    os.mkfifo(folder / "fal" / "pipe.json")
    (folder / "fal" / ".hidden").mkdir()
    (folder / "fal" / ".hidden" / "a.json").write_bytes(b"{")
    (folder / "fal" / "around").symlink_to(folder)
    (folder / "fal" / "notes.md").write_text("no input")
    return folder


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, list[str]]:
    """What becomes of the inputs of each file."""
    found = {f"fal/{name}": ["refused"] for name in HOSTILE} | {"fal/lost.json": ["unusable"]}
    for path in (folder / "fal").glob("batch */deeper/*.json"):
        found[str(path.relative_to(folder))] = KINDS[path.stem][1]
    return found


def counted(expected: dict[str, list[str]]) -> Counter[str]:
    return Counter(status for of_file in expected.values() for status in of_file)


class TestEveryFault:
    def test_each_input_gets_its_status(self, folder: Path, expected: dict[str, list[str]]) -> None:
        found: dict[str, list[str]] = {}
        for row in rows("fal", cwd=folder):
            found.setdefault(row["file"], []).append(row["status"])
        assert found == expected
        assert counted(expected).total() > 250

    def test_the_text_has_a_row_for_each_and_nothing_that_moves_the_cursor(
        self, folder: Path, expected: dict[str, list[str]]
    ) -> None:
        done = run_program([*FAKEFAL, "check", "fal"], cwd=folder)
        assert done.returncode == 2
        *lines, total = done.stdout.split("\n")[:-1]
        assert Counter(line.split(" ")[0] for line in lines if not line.startswith(" ")) == counted(expected)
        assert all(line.isprintable() for line in lines)
        counts = counted(expected)
        said = ", ".join(f"{counts[status]} {status}" for status in ("valid", "refused", "unusable"))
        assert total.startswith(f"{counts.total()} inputs: {said}; ")

    def test_json_is_one_document_with_the_totals(self, folder: Path, expected: dict[str, list[str]]) -> None:
        whole = json.loads(check("fal", "--format", "json", cwd=folder).stdout)
        priced = [one["cost"]["usd"] for one in whole["inputs"] if one.get("cost")]
        assert whole["totals"]["usd"] == pytest.approx(sum(priced))
        assert {status: whole["totals"][status] for status in counted(expected)} == counted(expected)
        assert not whole["ok"]

    def test_junit_is_read_by_a_parser(self, folder: Path, expected: dict[str, list[str]]) -> None:
        suite = ET.fromstring(check("fal", "--format", "junit", cwd=folder).stdout)
        counts = counted(expected)
        assert suite.attrib == {
            "name": "fakefal check",
            "tests": str(counts.total()),
            "failures": str(counts["refused"]),
            "errors": str(counts["unusable"]),
        }
        cases = suite.findall("testcase")
        assert len(cases) == counts.total()
        assert len({(case.get("name"), case.get("classname")) for case in cases}) == counts.total()
        wrong = [one for case in cases for one in (*case.findall("failure"), *case.findall("error"))]
        assert all(one.get("message") and one.get("type") for one in wrong)
        (usd,) = (one.get("value") for one in suite.findall("properties/property") if one.get("name") == "usd")
        prices = [one.get("value") for one in suite.findall("testcase/properties/property")]
        assert float(str(usd)) == pytest.approx(sum(float(str(one)) for one in prices))

    def test_annotations_follow_the_grammar_of_github(self, folder: Path, expected: dict[str, list[str]]) -> None:
        lines = check("fal", "--format", "github", cwd=folder).stdout.split("\n")
        assert lines.pop() == ""
        found: Counter[str] = Counter()
        for line in lines:
            level, properties, _ = annotation(line)
            if level == "error":
                found[properties["file"]] += 1
        wanted = {in_annotation(file): len(of) - of.count("valid") for file, of in expected.items()}
        assert found == {file: number for file, number in wanted.items() if number}


def in_annotation(name: str) -> str:
    """A name as an annotation holds it: line ends by GitHub's escapes, what else cannot be seen by Python's."""
    return "".join(one if one.isprintable() or one in "\r\n" else ascii(one)[1:-1] for one in name)


def annotation(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it: properties up to the second ``::``, then the message."""
    found = re.fullmatch(r"::(error|warning|notice) ([^\r\n]*?)::([^\r\n]*)", line)
    assert found, line
    pairs = [one.partition("=") for one in found[2].split(",")]
    properties = {name: _unescaped(value, ":,") for name, _, value in pairs}
    assert set(properties) <= {"file", "line", "title"}, line
    return found[1], properties, _unescaped(found[3], "")


def _unescaped(text: str, more: str) -> str:
    for one in f"{more}\r\n%":
        text = text.replace(f"%{ord(one):02X}", one)
    return text


class TestPlaces:
    def test_errors_and_warnings_stand_together_with_their_lines(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_bytes(KINDS["both"][0])
        (row,) = rows(tmp_path / "a.json")
        assert [(one["loc"], one["line"]) for one in row["errors"]] == [(["body", "prompt"], 3)]
        (warning,) = row["warnings"]
        assert (warning["loc"], warning["line"]) == (["body", "pormpt"], 4)
        assert warning["hint"] == 'did you mean "prompt"?'

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ('{"prompt": "x",\n\n"num_images": "a"}', 3),
            ('{"prompt": "x", "num_images": 1,\n"num_images": "a"}', 2),
            ('[{"prompt": "x"},\n{"prompt": "\\"}{",\n"num_images"\n:\n"a"}]', 5),
            ('{"prompt": "x"}\n\n{"prompt": "x", "num_images": "a"}', 3),
            ('{"prompt": "data:,\\n",\n"num_images": "a"}', 2),
            ('{"prompt": "num_images",\n"num_images": "a"}', 2),
            ('{"x": {"num_images": 1}, "prompt": "x",\n"num_images": "a"}', 2),
            ('{"x": {"num_images": 1}, "prompt": "x",\n"num\\u005fimages": "a"}', 2),
            ('{"x": {\n"num_images": 1},\n"endpoint_id": "fal-ai/flux/dev",\n"input": {"prompt": 5}}', 4),
        ],
    )
    def test_the_line_of_a_fault(self, text: str, line: int) -> None:
        assert [one["line"] for row in rows(FLUX, given=text) for one in row["errors"]] == [line]

    @pytest.mark.parametrize(
        ("text", "why", "line", "column"),
        [
            (b'{\n "a" 1}', "Expecting ':' delimiter", 2, 6),
            (b'\xef\xbb\xbf{"a": tru}', "Expecting value", 1, 7),
            (b'{"prompt": "NaN",\n "x": "data:,a", "y": NaN}', "NaN is not JSON", 2, 23),
            (b'{"a": {"b": -1e999}}', "a number is out of range", 1, 13),
            (b'{"a": [1, ' + b"9" * 5000 + b"]}", "Exceeds the limit (4300 digits) for integer string ", 1, 11),
            (b"[\n" * 150, "The body is nested more than 100 levels deep", 101, 1),
            ('{"a": "éé",\n "é": "'.encode() + b"\xff", "The body is not UTF-8", 2, 8),
        ],
    )
    def test_where_text_is_no_json(self, tmp_path: Path, text: bytes, why: str, line: int, column: int) -> None:
        (tmp_path / "it.json").write_bytes(text)
        (row,) = rows(FLUX, str(tmp_path / "it.json"))
        assert row["line"] == line
        assert row["problem"].startswith(f"is not JSON: {why}")
        assert row["problem"].endswith(f", line {line} column {column}")

    @pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\n"])
    @pytest.mark.parametrize(
        ("cut", "column"), [(b'{"prompt": "x", "num_images": 1', 32), (b'{"prompt": "x", "num_im', 17)]
    )
    def test_what_is_cut_off_is_reported_where_it_ends(
        self, tmp_path: Path, cut: bytes, column: int, end: bytes
    ) -> None:
        (tmp_path / "cut.jsonl").write_bytes(b'{"prompt": "x"}\n' + cut + end)
        (tmp_path / "cut.json").write_bytes(b"\n" + cut + end)
        _, line = rows(FLUX, str(tmp_path / "cut.jsonl"))
        (whole,) = rows(FLUX, str(tmp_path / "cut.json"))
        assert line["line"] == whole["line"] == 2
        assert line["problem"] == whole["problem"]
        assert line["problem"].endswith(f", line 2 column {column}")

    def test_a_picture_or_a_clip_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(picture(form="JPEG"))
        clip(tmp_path / "b.mp4")
        found = rows(FLUX, str(tmp_path / "a.jpg"), str(tmp_path / "b.mp4"))
        assert [row["problem"] for row in found] == [
            f"is not JSON: it is {kind}; give the JSON file with the arguments"
            for kind in ("a JPEG picture", "an MP4 clip")
        ]

    def test_thousands_of_faults_in_one_list_are_quick(self) -> None:
        body = {"prompt": "x", "image_urls": [1] * 100_000}
        (row,) = rows(O1.replace("image-to", "reference-to"), given=json.dumps(body, indent=0))
        assert [one["line"] for one in row["errors"]][:2] == [4, 5]


class TestWhatIsRead:
    @pytest.fixture
    def tree(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        for name in ("b.json", "a.JSON", "sub/c.jsonl", "sub/d.ndjson", "sub/more/e.json", "f.txt", "[g].json"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(json.dumps(named(FLUX, **GOOD)))
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def test_folders_globs_files_and_names_that_look_like_globs(self, tree: Path) -> None:
        every = ["[g].json", "a.JSON", "b.json", "sub/c.jsonl:1", "sub/d.ndjson:1", "sub/more/e.json"]
        assert places(".") == [f"./{one}" for one in every]
        assert places(str(tree)) == [f"{tree}/{one}" for one in every]
        assert places("**/*.json") == ["[g].json", "b.json", "sub/more/e.json"]
        assert places("su*") == every[3:]
        assert places("[g].json") == ["[g].json"]
        assert places("f.txt") == ["f.txt"], "a file that is named is read, whatever its ending"
        assert places("b.json", "b.json", "*.json") == ["b.json", "[g].json"], "each once"
        assert places("b.json", "-", given=named(FLUX, **GOOD)) == ["b.json", "standard input"]

    def test_what_names_nothing_is_wrong_use(self, tree: Path) -> None:
        (tree / "nothing").mkdir()
        for path, said in {
            "nothing": "nothing contains no .json, .jsonl, .ndjson file",
            "no*.json": "no such file or folder: no*.json",
            "./x": "no such file or folder: ./x",
            "": " cannot be read: No such file or directory",
            "./" + "x" * 5000: "cannot be read: File name too long",
            '{"prompt": "' + "x" * 5000: "that is JSON, not a path: send it to standard input",
            "[{}": "that is JSON, not a path",
            "fal-ai/flux/dve": "add fal-ai/flux/dve. There is no file of this name, either",
        }.items():
            done = check(path, given="{}")
            assert done.exit_code == 2
            assert said in done.stderr
            assert not done.stdout

    def test_a_known_id_comes_before_a_path_and_a_dot_makes_it_one(self, tree: Path) -> None:
        for place in (FLUX, "flux/dev"):
            (tree / place).mkdir(parents=True)
            (tree / place / "x.json").write_text(json.dumps(named(O1, **GOOD)))
        assert [one["endpoint_id"] for one in rows(FLUX, given=GOOD)] == [FLUX]
        assert [one["endpoint_id"] for one in rows(f"./{FLUX}")] == [O1]
        assert places("flux/dev") == ["flux/dev/x.json"], "the end of an id comes after a path"
        assert [one["endpoint_id"] for one in rows("flux/schnell", given=GOOD)] == ["fal-ai/flux/schnell"]

    def test_what_an_input_names_goes_before_the_id_that_comes_first(self) -> None:
        given = [named(O1, **GOOD), GOOD, {"input": GOOD}]
        found = rows(FLUX, given=given)
        assert [one["endpoint_id"] for one in found] == [O1, FLUX, FLUX]
        assert [len(one["errors"]) for one in found] == [1, 0, 1]

    def test_a_terminal_is_told_what_is_waited_for(self) -> None:
        for arguments, said in ((["check"], '"endpoint_id"'), (["check", FLUX], f"the arguments of {FLUX}")):
            ours, theirs = pty.openpty()
            with subprocess.Popen(
                [*FAKEFAL, *arguments], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as program:
                os.close(theirs)
                assert program.stderr is not None
                assert said in program.stderr.readline()
                os.write(ours, json.dumps(named(FLUX, **GOOD)).encode() + b"\n\x04")
                assert program.wait(LIMIT) == 0
            os.close(ours)

    def test_a_reader_that_leaves_ends_it_quietly(self, folder: Path) -> None:
        done = run_program(
            ["bash", "-c", '"$@" | head -1', "-", *FAKEFAL, "check", "fal", "--format", "jsonl"], cwd=folder
        )
        assert done.stdout.count("\n") == 1
        assert "Traceback" not in done.stderr
        assert "Exception" not in done.stderr


class TestStrictAndMoney:
    @pytest.mark.parametrize(
        ("given", "options", "code"),
        [
            (named(FLUX, **GOOD), [], 0),
            (named(FLUX, **GOOD), ["--strict"], 0),
            (named(FLUX, prompt="x", pormpt=1), [], 0),
            (named(FLUX, prompt="x", pormpt=1), ["--strict"], 1),
            (named(O1, prompt="x", start_image_url="https://a.example/b.png"), [], 0),
            (named(O1, prompt="x", start_image_url="https://a.example/b.png"), ["--strict"], 1),
            (named("fal-ai/kling-video/o1/reference-to-video", prompt="x", duration="7"), ["--strict"], 0),
            ([named(FLUX, **GOOD)] * 4, ["--max-usd", "0.10"], 0),
            ([named(FLUX, **GOOD)] * 5, ["--max-usd", "$0.10"], 1),
            ([named(FLUX, **GOOD), named(FLUX)], ["--max-usd", "0.03"], 1),
            ([named(FLUX), GOOD], ["--strict", "--max-usd", "0"], 2),
            (named("fal-ai/whisper", audio_url="https://a.example/b.mp3"), [], 0),
            (named("fal-ai/whisper", audio_url="https://a.example/b.mp3"), ["--max-usd", "100"], 1),
        ],
    )
    def test_exit_codes(self, given: Any, options: list[str], code: int) -> None:
        done = check(*options, given=given)
        assert done.exit_code == code, done.stdout + done.stderr

    def test_the_strict_verdict_is_shown_everywhere(self) -> None:
        given = named(FLUX, prompt="x", pormpt=1)
        assert check("--strict", given=given).stdout.startswith("failed ")
        (row,) = rows("--strict", given=given)
        assert (row["status"], row["ok"]) == ("failed", True)
        suite = ET.fromstring(check("--strict", "--format", "junit", given=given).stdout)
        assert suite.get("failures") == "1"
        assert annotation(check("--strict", "--format", "github", given=given).stdout[:-1])[0] == "error"
        assert annotation(check("--format", "github", given=given).stdout[:-1])[0] == "warning"

    def test_what_is_too_dear_says_so_everywhere(self) -> None:
        given = [named(FLUX, **GOOD)] * 5
        said = "$0.125 is more than --max-usd $0.10"
        done = {
            form: check("--max-usd", "0.10", "--format", form, given=given)
            for form in ("text", "json", "jsonl", "junit", "github")
        }
        assert done["text"].stdout.endswith(f"too expensive: {said}\n")
        assert json.loads(done["json"].stdout)["totals"]["over_max_usd"] == said
        assert said in done["jsonl"].stderr
        (failure,) = ET.fromstring(done["junit"].stdout).findall("testcase/failure")
        assert failure.get("message") == said
        assert annotation(done["github"].stdout[:-1]) == ("error", {"title": "too expensive"}, said)

    def test_unknown_prices_stand_apart(self) -> None:
        given = [named(FLUX, **GOOD), named("fal-ai/whisper", audio_url="https://a.example/b.mp3")]
        total = check(given=given).stdout.splitlines()[-1]
        assert total.endswith("$0.025 in total, and 1 of unknown price")

    def test_a_file_that_nobody_looked_at_counts_as_the_longest(self) -> None:
        edit = "fal-ai/kling-video/o1/video-to-video/edit"
        given = named(edit, prompt="x", video_url="https://a.example/b.mp4")
        (row,) = rows(given=given)
        at_most = check("--max-usd", str(row["cost"]["usd"]), given=given)
        assert at_most.exit_code == 1
        assert "because the files that decide were not read" in at_most.stdout
