"""Hostile input: a clear error each, nothing lost, nothing reachable that should not be, and the server lives.

File names and tokens are tried in test_files.py, any JSON in test_any_json.py, effects in test_effects.py,
pictures and clips in test_hostile_media.py, slow callers in test_slow_uploads.py, logs in test_secrets.py.
"""

from __future__ import annotations

import gzip
import json

import pytest
from starlette.routing import Route

from fakefal.control import api, inspection
from fakefal.settings import load_settings
from fakefal_contracts.hosts import HOSTS
from support.endpoints import APP, O1
from support.receivers import Receiver
from support.server import Serve, Server
from support.wire import ask, status, talk

CONTROL = [
    (method, route.path.replace("{request_id}", "019e161b-386c"))
    for module in (api, inspection)
    for route in module.router.routes
    if isinstance(route, Route)
    for method in sorted((route.methods or set()) - {"HEAD"})
]
assert {"GET", "POST", "DELETE"} == {method for method, _ in CONTROL}


def headers(answer: bytes) -> list[bytes]:
    return [line.partition(b":")[0].lower() for line in answer.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]]


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            "../../etc/passwd",
            "..%2f..%2f..%2fetc/passwd",
            "%252e%252e%252fetc%252fpasswd",
            "..%5c..%5cetc%5cpasswd",
            "..%c0%af..%c0%afetc/passwd",
            "%ef%bc%8e%ef%bc%8e/etc/passwd",
            "%2fetc%2fpasswd",
            "file:%2f%2f%2fetc/passwd",
            "a%00.png",
            "%ed%a0%80",
            "%e2%80%ae/gnp.x",
            "part:1:x",
            "x" * 20_000,
        ],
    )
    @pytest.mark.parametrize("prefix", ["/cdn/files/", "/cdn/", "/files/", "/cdn/files/b/"])
    def test_nothing_but_uploads_is_served(self, victim: Server, prefix: str, path: str) -> None:
        answer = ask(victim, f"GET {prefix}{path}", "Host: v3b.fal.media", body=b"")
        assert status(answer) == 404
        assert b"root:" not in answer

    @pytest.mark.parametrize(
        "path",
        [
            "/../_fakefal/reset",
            "/%2e%2e/_fakefal/reset",
            "//_fakefal/reset",
            "/./_fakefal/reset",
            "/queue/..%2f_fakefal/reset",
            "/cdn/../_fakefal/reset",
            "/_fakefal%2freset/..",
            "/_FAKEFAL/reset",
            "*",
        ],
    )
    def test_the_control_api_has_one_spelling(self, victim: Server, path: str) -> None:
        for host in ("127.0.0.1", "queue.fal.run", "v3b.fal.media"):
            answer = ask(victim, f"POST {path}", f"Host: {host}", body=b"")
            assert status(answer) in (401, 404, 405, 501), answer

    def test_requests_of_odd_ids_are_not_found(self, victim: Server) -> None:
        for odd in ("..", "%00", "a%0d%0aX-Evil:%20b", "%ed%a0%80", "x" * 5000, "*", "%25s", "1;2"):
            answer = ask(victim, f"GET /queue/{APP}/requests/{odd}/status", body=b"")
            assert status(answer) in (404, 405)
            assert b"x-evil" not in headers(answer)


class TestHeaderInjection:
    """What callers send comes back in headers as one line of ASCII, or not at all."""

    INJECTED = "a%0d%0aX-Evil:%20b%0d%0a%0d%0a<script>"

    @pytest.mark.parametrize(
        "line",
        [
            f"GET /queue/{APP}/requests/{INJECTED}",
            f"GET /queue/{APP}/requests/{INJECTED}/result",
            f"GET /queue/{APP}/requests/%c3%a9%e2%82%ac/result",
            f"POST /queue/{INJECTED}/x",
            f"POST /queue/{APP}/{INJECTED}",
            f"POST /run/{APP}/{INJECTED}",
            f"GET /rest/{INJECTED}",
            f"GET /cdn/files/{INJECTED}",
            f"GET /{INJECTED}",
        ],
    )
    def test_in_addresses(self, victim: Server, line: str) -> None:
        answer = ask(victim, line)
        assert b"x-evil" not in headers(answer)
        assert answer.partition(b"\r\n\r\n")[0].isascii()

    @pytest.mark.parametrize("effect", ["x\xe9\xff", "stuck\tstuck", "respond(result='\\r\\nX-Evil: b')", "a" * 30_000])
    def test_in_effects(self, victim: Server, effect: str) -> None:
        answer = ask(victim, f"POST /run/{O1}", f"X-Fakefal-Effect: {effect}")
        assert status(answer) in (200, 400)
        assert b"x-evil" not in headers(answer)

    def test_in_hints(self, victim: Server) -> None:
        answer = victim.http.post(f"/run/{O1}", json={"prompt": "x", "duration": "5\r\nX-Evil: b €" + "y" * 5000})
        assert answer.status_code == 422
        assert "x-evil" not in answer.headers
        assert len(answer.headers["x-fakefal-hint"]) <= 1000

    @pytest.mark.parametrize(
        "host", ['a"b<c>', "[::1", "x" * 5000, "\xe9\xff", "fal.run\xa0", "127.0.0.1:99999999", ""]
    )
    def test_in_the_host(self, victim: Server, host: str) -> None:
        answer = ask(victim, f"POST /queue/{O1}", f"Host: {host}")
        assert status(answer) in (200, 400, 403, 501)
        if status(answer) == 200:
            json.loads(answer.partition(b"\r\n\r\n")[2])


DEEP = b'{"advance":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
BODIES = {
    "deep lists": DEEP,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number beyond floats": b'{"advance": 1e400, "seconds": 1e400, "nth": 1e400, "effect": "stuck"}',
    "a number of 5000 digits": b'{"advance": ' + b"9" * 5000 + b', "seconds": 1}',
    "a number of 4000 digits": b'{"advance": ' + b"9" * 4000 + b', "seconds": ' + b"9" * 4000 + b"}",
    "no numbers": b'{"advance": NaN, "seconds": -Infinity, "effect": "stuck", "probability": NaN}',
    "UTF-16": '{"advance": "x"}'.encode("utf-16"),
    "Latin-1": b'{"effect": "stuck\xe9"}',
    "a lone surrogate": b'{"effect": "\\ud800", "advance": "\\ud800"}',
    "gzip": gzip.compress(bytes(1_000_000)),
    "nothing": b"\0" * 1000,
}


class TestBodies:
    @pytest.mark.parametrize("name", BODIES)
    @pytest.mark.parametrize("path", ["clock", "scenarios", "requests/{id}/advance"])
    def test_of_the_control_api(self, victim: Server, path: str, name: str) -> None:
        request_id = victim.http.get("/_fakefal/requests").json()[0]["request_id"]
        now = victim.http.get("/_fakefal/clock").json()["now"]
        answer = victim.http.post(
            f"/_fakefal/{path.format(id=request_id)}",
            content=BODIES[name],
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in (400, 409, 422), answer.text
        assert answer.json()["detail"]
        assert victim.http.get("/_fakefal/scenarios").json() == []
        assert victim.http.get("/_fakefal/clock").json()["now"] - now < 60

    @pytest.mark.parametrize(
        "name", [name for name in BODIES if name not in ("a number of 4000 digits", "a lone surrogate")]
    )
    def test_of_the_queue_and_of_uploads(self, victim: Server, name: str) -> None:
        for path in (f"/queue/{O1}", f"/run/{O1}", "/rest/storage/upload/initiate"):
            answer = victim.http.post(path, content=BODIES[name])
            assert answer.status_code == 422
        assert len(victim.control("requests")) == 1

    def test_a_compressed_body_is_not_opened_and_a_hint_says_so(self, victim: Server) -> None:
        packed = gzip.compress(b'{"prompt": "' + b"x" * 10_000_000 + b'"}')
        answer = victim.http.post(f"/queue/{O1}", content=packed, headers={"Content-Encoding": "gzip"})
        assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "json_invalid")
        assert "compressed" in answer.headers["x-fakefal-hint"]

    def test_a_mark_before_utf_8_is_no_error(self, victim: Server) -> None:
        answer = victim.http.post(f"/queue/{O1}", content=b'\xef\xbb\xbf{"prompt": "x"}')
        assert victim.http.get(answer.json()["response_url"]).status_code == 200

    @pytest.mark.parametrize("digits", ["9" * 4000, "-" + "9" * 4000, "1e308", "-0.0", "1" + "0" * 400])
    def test_large_numbers_are_kept(self, victim: Server, digits: str) -> None:
        raw = b'{"prompt": "x", "seed": ' + digits.encode() + b"}"
        submitted = victim.http.post(f"/queue/{O1}", content=raw).json()
        kept = victim.http.get(f"/_fakefal/requests/{submitted['request_id']}").json()["arguments"]["seed"]
        assert kept == json.loads(digits)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("limit", "9" * 5000),
            ("limit", "1e3"),
            ("limit", "0"),
            ("limit", "-1"),
            ("limit", "\u0661"),
            ("key", ""),
        ],
    )
    def test_of_queries(self, victim: Server, name: str, value: str) -> None:
        for path in ("journal", "files"):
            answer = victim.http.get(f"/_fakefal/{path}", params={name: value})
            assert answer.status_code in ((200, 422) if value == "\u0661" else (422,))

    @pytest.mark.parametrize(
        "query", ["key=%ed%a0%80", "key=%00", "key=%ff", "key=" + "x" * 20_000, "&&=&%", "key=a&key=b"]
    )
    @pytest.mark.parametrize("path", ["journal", "files", "requests", "ledger", "webhooks", "clock"])
    def test_odd_keys_are_nobodys(self, victim: Server, path: str, query: str) -> None:
        answer = ask(victim, f"GET /_fakefal/{path}?{query}", body=b"")
        assert status(answer) == (422 if len(query) > 1000 else 200)

    @pytest.mark.parametrize("key", ["Key \xe9\xff:\xfe", "Key a b:c", "Key :::", "Key a:" + "x" * 50_000, "Key \t:x"])
    def test_odd_keys_are_kept_apart(self, victim: Server, key: str) -> None:
        answer = ask(victim, f"POST /queue/{O1}", f"Authorization: {key}")
        assert status(answer) in (200, 401)
        assert len(victim.http.get("/_fakefal/requests", params={"key": "tester"}).json()) == 1
        assert victim.http.get("/_fakefal/journal").status_code == 200

    @pytest.mark.parametrize("value", ["nan", "inf", "1e400", "-1", "0", "0.1", "", "x", "9" * 400, "\xb2"])
    def test_of_start_timeouts(self, victim: Server, value: str) -> None:
        for part in ("queue", "run"):
            answer = ask(victim, f"POST /{part}/{O1}", f"X-Fal-Request-Start-Timeout: {value}")
            assert status(answer) == 400
            assert b'"error_type":"bad_request"' in answer


class TestForms:
    """Calls that two servers in a row could read differently, and heads that are too much."""

    @pytest.mark.parametrize(
        "head",
        [
            "Content-Length: 2\nTransfer-Encoding: chunked\n",
            "Transfer-Encoding: chunked\nContent-Length: 2\n",
            "Content-Length: 2\nContent-Length: 45\n",
            "Content-Length: 2, 45\n",
            "Content-Length: +2\n",
            "Content-Length: -1\n",
            "Content-Length: 0x2\n",
            "Content-Length : 2\n",
            "Transfer-Encoding: gzip, chunked\n",
            "Transfer-Encoding: xchunked\n",
            "Transfer-Encoding: chunked\nTransfer-Encoding: identity\n",
            "Host: evil.example\nContent-Length: 2\n",
            "X: a\0b\nContent-Length: 2\n",
        ],
    )
    def test_what_can_be_read_in_two_ways_is_refused(self, victim: Server, head: str) -> None:
        smuggled = "POST /_fakefal/reset HTTP/1.1\nHost: 127.0.0.1\n\n".replace("\n", "\r\n").encode()
        answer = talk(
            victim,
            f"POST /queue/{O1} HTTP/1.1\nHost: 127.0.0.1\nAuthorization: Key tester:secret\n{head}\n",
            b"0\r\n\r\n" + smuggled,
        )
        assert status(answer) in (400, 501)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert len(victim.control("requests")) == 1

    def test_thousands_of_headers_and_long_addresses_are_survived(self, victim: Server) -> None:
        many = "".join(f"X-{number}: y\n" for number in range(3000))
        head = f"GET /queue/{'x' * 30_000} HTTP/1.1\nHost: 127.0.0.1\n{{}}Connection: close\n\n"
        assert status(talk(victim, head.format(""))) == 404
        assert status(talk(victim, head.format(many))) in (400, 404)

    def test_garbage_is_refused(self, victim: Server) -> None:
        for raw in (
            b"\x16\x03\x01\x02\0\1\0" + b"x" * 500 + b"\r\n\r\n",
            b"\0" * 100 + b"\r\n\r\n",
            b"GET / HTTP/x\r\n\r\n",
        ):
            assert status(talk(victim, raw)) == 400


class TestForeignPages:
    """A page elsewhere can make nothing of the emulator, and so nothing of what listens beside it."""

    FOREIGN = (
        "http://evil.example",
        "https://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "http://evil.example:3000",
        "http://[::1",
        "null",
        "",
    )

    @pytest.mark.parametrize("origin", FOREIGN)
    def test_it_submits_nothing_and_has_no_webhook_sent(self, victim: Server, receiver: Receiver, origin: str) -> None:
        simple = {"Origin": origin, "Content-Type": "text/plain"}
        hook = {"fal_webhook": receiver.url}
        proxied = {"x-fal-target-url": f"https://queue.fal.run/{O1}?fal_webhook={receiver.url}"}
        for method, path, more in (
            ("POST", f"/queue/{O1}", {}),
            ("POST", f"/run/{O1}", {}),
            ("POST", f"/{O1}", {}),
            ("POST", f"/{O1}", {"Host": "queue.fal.run"}),
            ("POST", "/proxy", proxied),
            ("POST", "/rest/storage/upload/initiate", {}),
            ("GET", f"/platform/v1/models/requests/by-endpoint?endpoint_id={O1}&expand=payloads", {}),
        ):
            answer = victim.http.request(method, path, params=None if "?" in path else hook, headers=simple | more)
            assert answer.status_code == 403
            assert "Origin" in answer.json()["detail"]
            assert "access-control-allow-origin" not in answer.headers
        assert len(victim.control("requests")) == 1
        victim.http.post("/_fakefal/clock", json={"advance": 3600})
        assert receiver.received == []

    def test_it_may_not_even_ask(self, victim: Server) -> None:
        asked = {"Origin": self.FOREIGN[0], "Access-Control-Request-Method": "POST"}
        answer = victim.http.options(f"/queue/{O1}", headers=asked)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers

    @pytest.mark.parametrize("origins", ["https://app.example,null", "*"])
    def test_the_user_may_name_pages(self, serve: Serve, origins: str) -> None:
        server = serve(origins=load_settings({"origins": origins}, environ={}).origins)
        for origin in ("https://app.example", "null"):
            answer = server.http.post(f"/queue/{O1}", json={"prompt": "x"}, headers={"Origin": origin})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)
        other = server.http.post(f"/queue/{O1}", json={}, headers={"Origin": "https://app.example:444"})
        assert other.status_code == (200 if origins == "*" else 403)


class TestTheControlApi:
    """What a web page elsewhere, or a program that believes it speaks to fal, can do to it: nothing."""

    FOREIGN: tuple[dict[str, str], ...] = (
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    )

    @pytest.mark.parametrize(("method", "path"), CONTROL)
    def test_no_foreign_page_calls_it(self, victim: Server, method: str, path: str) -> None:
        for foreign in self.FOREIGN:
            answer = victim.http.request(method, path, headers={"Content-Type": "application/json"} | foreign)
            assert answer.status_code == 403
            assert "access-control-allow-origin" not in answer.headers

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    )
    def test_no_form_changes_anything(self, victim: Server, content_type: str) -> None:
        for method, path in CONTROL:
            if method != "GET":
                answer = victim.http.request(
                    method, path, content=b'{"advance": 1}', headers={"Content-Type": content_type}
                )
                assert answer.status_code == 415

    def test_it_does_not_exist_at_hosts_of_fals(self, victim: Server) -> None:
        for host in (*HOSTS, "anything.fal.media", "fal.dev", "unknown.fal.ai", "QUEUE.FAL.RUN", "queue.fal.run."):
            for method, path in CONTROL:
                headers = {"Host": host, "Content-Type": "application/json"}
                assert victim.http.request(method, path, headers=headers).status_code in (401, 404, 405, 501)

    @pytest.mark.parametrize(
        "target", ["/_fakefal/reset", "/../_fakefal/reset", "//_fakefal/reset", "/%2e%2e/_fakefal/reset"]
    )
    def test_the_proxy_does_not_lead_to_it(self, victim: Server, target: str) -> None:
        for host in ("queue.fal.run", "fal.run", "rest.fal.ai", "127.0.0.1", "queue.fal.run@127.0.0.1"):
            headers = {"x-fal-target-url": f"https://{host}{target}", "Content-Type": "application/json"}
            assert victim.http.post("/proxy", headers=headers).status_code in (400, 404, 405, 501)
