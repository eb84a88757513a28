"""JSON bodies: how much is decoded, how much memory that takes, and that nobody else waits for it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from fakefal.cli import main
from fakefal.core.grammar import BadEffect
from fakefal.effects.known import parse_rule
from fakefal.state import jsonio
from fakefal_client.steps import Reply
from support.endpoints import O1
from support.server import Serve, Server

MEBIBYTE = 1024 * 1024
MEDIUM = b'"data:image/png;base64,' + b"A" * 24 * MEBIBYTE + b'"'
FACE = '"\N{GRINNING FACE}"'.encode()

TOO_LARGE = {
    "brackets that open": b"[" * 64 * MEBIBYTE,
    "empty lists": b"[" + b"[]," * 20 * MEBIBYTE + b"[]]",
    "commas": b"," * 8 * MEBIBYTE,
    "quotation marks": b'"' * 8 * MEBIBYTE,
    "a long text": b'{"prompt": "' + b"x" * 4 * MEBIBYTE + b'"}',
    "a long key": b'{"data:' + b"x" * 4 * MEBIBYTE + b'": 1}',
    "empty media": b"[" + b'"data:",' * MEBIBYTE + b"1]",
    "values": b"[" + b"0," * 200_000 + b"0]",
    "short brackets that open": b"[" * 300_000,
}


class TestBounds:
    @pytest.mark.parametrize("name", TOO_LARGE)
    def test_too_much_is_refused_before_it_is_decoded(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        decoded: list[bytes] = []
        monkeypatch.setattr(jsonio, "_decode", lambda body, _: decoded.append(body))
        with pytest.raises(jsonio.JsonTooLarge):
            jsonio.parse(TOO_LARGE[name])
        assert decoded == []

    def test_so_many_values_are_decoded(self) -> None:
        most = b"[" + b"0," * (jsonio.MOST_VALUES - 2) + b"{}]"
        assert len(jsonio.parse(most)) == jsonio.MOST_VALUES - 1
        with pytest.raises(jsonio.JsonTooLarge, match="more than 200000 values"):
            jsonio.parse(most.replace(b"{}", b"[0]"))

    def test_empty_lists_and_commas_in_texts_are_counted_once(self) -> None:
        body = [[]] * 150_000 + [{"a": ",[{" * 9}]
        assert jsonio.parse(json.dumps(body).encode()) == body

    def test_the_rest_may_be_so_long(self) -> None:
        body = b'{"prompt": "", "start_image_url": ' + MEDIUM + b"}"
        full = body.replace(b'""', b'"' + b"x" * (jsonio.MAX_BYTES - len(body) + len(MEDIUM) - 3) + b'"', 1)
        assert jsonio.parse(full)["start_image_url"] == MEDIUM[1:-1].decode()
        with pytest.raises(jsonio.JsonTooLarge, match="4194304 bytes beside its data: strings"):
            jsonio.parse(full.replace(b"x", b"xx", 1))

    def test_depth_stops_at_its_limit_also_in_brackets_that_never_close(self) -> None:
        for body in (b"[" * 101, b"[" * 101 + b"]" * 101, b'{"a":' * 101 + b"1" + b"}" * 101):
            with pytest.raises(jsonio.InvalidJson, match="more than 100 levels deep"):
                jsonio.parse(body)
        assert jsonio.parse(b"[" * 100 + b"]" * 100 + b" " * 9)
        assert len(jsonio.parse(b"[" + b"[[]]," * 1000 + b"[]]")) == 1001


TEXTS = st.sampled_from(
    ["data:", " data:x,\\", 'data:"', "data:\n", "data:\u20ac", "data:+/", "x", "\\", '\\"', "[", "NaN", "\U0001f600"]
)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


ODD = st.sampled_from(["", "]", "}", '"', ",", ":", "1", "\\", "N", "\x01"])


class TestWithMedia:
    """Bodies whose media are taken out before the rest is decoded give what they always gave."""

    @given(VALUES, st.booleans(), st.sampled_from([None, 1]))
    def test_any_value_is_the_same(self, value: Any, ascii_only: bool, indent: int | None) -> None:
        body = json.dumps([value, [[]] * 101], ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
        assert jsonio.parse(body) == json.loads(body)

    @given(VALUES, st.lists(st.tuples(st.integers(min_value=0), ODD), min_size=1, max_size=3))
    @example(["x", "data:xx"], [(5, "1"), (13, "\x01")])  # a broken medium behind another fault
    @example({"x": "data:xx"}, [(5, "1"), (13, "\x01")])
    @example(["x", "data:xx"], [(6, "1"), (13, "\x01")])
    @example(["x", "data:xx"], [(13, "\x01"), (15, "1")])  # and before one
    def test_any_error_is_the_same(self, value: Any, faults: list[tuple[int, str]]) -> None:
        text = json.dumps([value, [[]] * 101], ensure_ascii=False)
        for place, odd in faults:
            where = place % len(text)
            text = text[:where] + odd + text[where + 1 :]
        broken = text.encode()
        assert _outcome(jsonio.parse, broken) == _outcome(jsonio.load, broken)

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
    def test_numbers_that_json_does_not_have_are_refused(self, number: str) -> None:
        with pytest.raises(jsonio.InvalidJson, match=r"not JSON|out of range"):
            jsonio.parse(b"[" + MEDIUM + b"," + number.encode() + b"]")

    def test_positions_count_the_media(self) -> None:
        before = '["\u20ac", "data:'.encode() + b"A" * 5 * MEBIBYTE
        for broken in (before + b'", oops]', before + b"\n", before, before + b'", "\xff"]', before + b'\\x"'):
            assert _outcome(jsonio.parse, broken) == _outcome(jsonio.load, broken)
            assert isinstance(_outcome(jsonio.load, broken), tuple)


def _outcome(read: Any, body: bytes) -> Any:
    try:
        return read(body)
    except jsonio.InvalidJson as error:
        return error.position, error.reason


MEASURE = """
import sys
from fakefal.state import jsonio
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024
body = sys.stdin.buffer.read()
open("/proc/self/clear_refs", "w").write("5")
before = peak()
try:
    jsonio.parse(body)
except jsonio.InvalidJson:
    pass
print(peak() - before)
"""
MANY = jsonio.MOST_VALUES
SHAPES = {
    "a medium, an emoji and 103 brackets": (b'{"z":[' + b"{}," * 103 + FACE + b'],"u":' + MEDIUM + b"}"),
    "escaped slashes": b'["data:' + b"\\/" * 12 * MEBIBYTE + b'"]',
    "escaped quotation marks": b'["data:' + b'\\"' * 12 * MEBIBYTE + b'"]',
    "a medium that never ends": MEDIUM[:-1],
    "empty objects": b"[" + b"{}," * (MANY - 3) + b"0]",
    "small objects": b"[" + b'{"a":0},' * (MANY // 2 - 3) + b"0]",
    "small lists": b"[" + b"[0]," * (MANY // 2 - 3) + b"0]",
    "texts and an emoji": b"[" + '"\u00e9bcdefghijklmn",'.encode() * (MANY - 3) + FACE + b"]",
    "keys": b"{" + b",".join(b'"k%d":0' % number for number in range(MANY - 3)) + b"}",
    "too many lists": b"[" + b"[]," * MEBIBYTE + b"0]",
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("name", SHAPES)
def test_memory_is_at_most_four_times_the_media_and_thirty_times_the_rest(name: str) -> None:
    body = SHAPES[name]
    done = subprocess.run([sys.executable, "-c", MEASURE], input=body, capture_output=True, check=True)
    media = len(body) if b"data:" in body else 0
    assert int(done.stdout) <= 4 * media + 30 * (len(body) - media) + MEBIBYTE  # what the interpreter itself takes


@pytest.mark.asyncio
async def test_others_go_on_while_a_large_body_is_decoded() -> None:
    body = b'["data:' + b'\\"' * 8 * MEBIBYTE + b'",' + b"{}," * 150_000 + b"0]"
    work = asyncio.ensure_future(asyncio.to_thread(jsonio.parse, body))
    turns = 0
    while not work.done():
        await asyncio.sleep(0)
        turns += 1
    assert len(await work) == 150_002
    assert turns > 5


def test_no_step_over_a_text_is_long() -> None:
    """A match holds the interpreter's lock to its end."""
    read = [one.end() - one.start() for one in jsonio._INSIDE_STRING.finditer(b'\\"' * 8 * MEBIBYTE)]
    assert max(read) <= 128 * 1024


MUCH = b'{"seconds": 1, "advance": 1, "effect": "stuck", "x": [' + b"0," * 200_000 + b"0]}"
DOORS = (
    ("POST", f"/queue/{O1}"),
    ("POST", f"/run/{O1}"),
    ("POST", "/rest/storage/upload/initiate"),
    ("POST", "/_fakefal/clock"),
    ("POST", "/_fakefal/scenarios"),
    ("PUT", "/platform/v1/storage/settings"),
    ("POST", "/platform/v1/storage/files/sign?url=x"),
)


class TestDoors:
    @pytest.mark.parametrize(("method", "path"), DOORS)
    def test_each_refuses_too_much(self, victim: Server, method: str, path: str) -> None:
        headers = {"Content-Type": "application/json"}
        for body in (MUCH, b'{"x": "' + b"x" * 5 * MEBIBYTE + b'"}'):
            answer = victim.http.request(method, path, content=body, headers=headers)
            assert answer.status_code == 413, answer.text
            assert "max_json_bytes" in answer.headers["x-fakefal-hint"]
        assert victim.http.post(f"/queue/{O1}", json={"prompt": "x"}).status_code == 200

    @pytest.mark.parametrize("path", ["/_fakefal/clock", "/_fakefal/scenarios", "/rest/storage/upload/initiate"])
    def test_each_reads_only_so_much(self, serve: Serve, path: str) -> None:
        server = serve(max_body_bytes=1000)
        answer = server.http.post(path, content=b" " * 1001, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413

    def test_the_bound_is_a_setting(self, serve: Serve) -> None:
        server = serve(max_json_bytes=6 * MEBIBYTE)
        body = b'{"prompt": "x", "x": "' + b"x" * 5 * MEBIBYTE + b'"}'
        answer = server.http.post(f"/queue/{O1}", content=body)
        assert answer.status_code == 200
        assert server.http.get(answer.json()["response_url"]).status_code in (200, 422)
        assert len(server.control("requests")[0]["arguments"]["x"]) == 5 * MEBIBYTE
        small = serve(max_json_bytes=100)
        assert small.http.post(f"/queue/{O1}", json={"prompt": "x" * 100}).status_code == 413

    def test_check_names_what_is_too_much(self) -> None:
        for body, said in ((MUCH, "more than 200000 values"), (b"[" * 200, "more than 100 levels deep")):
            done = CliRunner().invoke(main, ["check", "o1/image-to-video", "-"], input=body)
            assert done.exit_code == 2
            assert said in done.output

    def test_an_effect_of_the_settings_is_refused(self) -> None:
        for result in ("[" * 200 + "]" * 200, "[" + "0," * 200_000 + "0]"):
            with pytest.raises(BadEffect):
                parse_rule(f"respond(result={result})")

    def test_a_deep_answer_is_text_to_the_client(self) -> None:
        assert Reply(200, {}, b"[" * 100_000).json() == "[" * 100_000


def test_the_strings_of_a_value_come_in_its_order_without_names() -> None:
    value = {"a": "1", "b": [{"c": "2", "n": 5}, "3", None, ["4"]], "d": {"e": "5"}, "f": "6"}
    assert "".join(jsonio.texts_in(value)) == "123456"
    assert list(jsonio.texts_in("alone")) == ["alone"]
