"""What `fakefal run` puts around a child: certificate authority, proxy and environment."""

from __future__ import annotations

import asyncio
import base64
import os
import pty
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakefal.engine.emulator import Emulator
from fakefal.server.authority import Authority
from fakefal.server.child import ChildAddresses, child_environment
from fakefal.server.credentials import FAKE_KEY, faked_credentials
from fakefal.server.serving import bind, listening
from fakefal.server.tunnel import Tunnel, UserProxy, tunnelling
from fakefal.settings import Settings
from support.server import KEY
from support.waiting import LIMIT, run_program

O1 = "fal-ai/kling-video/o1/reference-to-video"


SLY = ["al.run", "https://queue.fal.run", "all://*.fal.run", "https://", ".", "/", "QUEUE\u3002fal\u3002run"]
ADDRESSES = [
    "https://queue.fal.run/",
    "fal.run/x",
    "fal.run?a",
    "fal.run#a",
    "me@fal.run",
    "https://run/",
    "https://fal.run?a=://b",
]


@asynccontextmanager
async def proxied(**environ: str) -> AsyncIterator[httpx.AsyncClient]:
    """An emulator behind the proxy, and a client that only knows the proxy."""
    authority = Authority()
    emulator = Emulator(Settings(profile="instant"))
    async with listening(emulator, bind("127.0.0.1", 0), bind("127.0.0.1", 0), authority.server_context()) as where:
        assert where.tls_port is not None
        tunnel = Tunnel(tls_port=where.tls_port, plain_port=where.port, upstream=UserProxy(environ))
        async with tunnelling(tunnel) as port:
            trust = ssl.create_default_context(cadata=authority.certificate.decode())
            async with httpx.AsyncClient(proxy=f"http://127.0.0.1:{port}", verify=trust, headers=KEY) as http:
                yield http


@asynccontextmanager
async def site(
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    *,
    close: bool = True,
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server of somebody else's that keeps what it was asked; gives its port."""
    requests: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.read(65536))
        writer.write(answer)
        await writer.drain()
        while not close and (more := await reader.read(65536)):
            requests.append(more)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], requests
    finally:
        server.close()


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


class TestProxy:
    def test_fals_hosts_end_at_the_emulator(self) -> None:
        async def test() -> None:
            async with proxied() as http:
                for host in ("queue.fal.run", "queue.falrun.com", "QUEUE.fal.run:443"):
                    answer = await http.post(f"https://{host}/{O1}", json={"prompt": "x"})
                    assert answer.json()["status_url"].startswith("https://queue.fal.run/fal-ai/kling-video/requests/")
                picture = "https://v3b.fal.media/files/b/rabbit/NaslJIC7F2WodS6DFZRRJ.png"
                assert (await http.get(picture)).headers["content-type"] == "image/png"

        run(test)

    @pytest.mark.parametrize(
        "url",
        [
            "https://gateway.alpha.fal.ai/x",
            "https://x.v3b.fal.media/x",
            "https://a.b.c.d.fal.run/",
            "https://ALPHA.BETA.fal.ai/",
            "https://auth.fal.ai/x",
            "https://new.fal.run/x",
            "http://auth.fal.ai/x",
            "http://new.fal.dev/x",
        ],
    )
    def test_unknown_hosts_of_fals_are_never_forwarded(self, url: str) -> None:
        async def test() -> None:
            async with proxied() as http:
                answer = await http.get(url)
                assert answer.status_code == 501
                assert "sent nothing to it" in answer.json()["detail"]

        run(test)

    def test_plain_calls_of_fals_hosts_do_not_leave_either(self) -> None:
        async def test() -> None:
            async with proxied() as http:
                assert (await http.post(f"http://queue.fal.run/{O1}", json={})).json()["status"] == "IN_QUEUE"

        run(test)

    def test_other_hosts_are_tunnelled_unread(self) -> None:
        async def test() -> None:
            async with site() as (port, requests), proxied() as http:
                assert (await http.get(f"http://localhost:{port}/path?q=1")).text == "ok"
                assert requests[0].startswith(b"GET /path?q=1 HTTP/1.1\r\n")
                with pytest.raises(httpx.ConnectError, match="SSL"):
                    await http.get(f"https://localhost:{port}/")
                assert requests[1].startswith(b"\x16\x03"), "the TLS hello arrives as it was sent"

        run(test)

    def test_the_users_own_proxy_is_used_for_other_hosts(self) -> None:
        async def test() -> None:
            async with site() as (port, requests):
                environ = {"http_proxy": f"http://me:pass%21@127.0.0.1:{port}", "no_proxy": "direct.example"}
                async with proxied(**environ) as http:
                    assert (await http.get("http://far.example/x")).text == "ok"
            credentials = base64.b64encode(b"me:pass!")
            assert requests[0].startswith(b"GET http://far.example/x HTTP/1.1\r\n")
            assert b"Proxy-Authorization: Basic " + credentials in requests[0]

        run(test)

    def test_connect_goes_through_the_users_own_proxy(self) -> None:
        async def test() -> None:
            refused = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
            async with site(refused) as (port, requests), proxied(HTTPS_PROXY=f"http://127.0.0.1:{port}") as http:
                said = rf"502 fakefal: the upstream proxy 127.0.0.1:{port} answered 407 to CONNECT far.example:443"
                with pytest.raises(httpx.ProxyError, match=said):
                    await http.get("https://far.example/x")
            assert requests[0].startswith(b"CONNECT far.example:443 HTTP/1.1\r\n")

        run(test)

    @pytest.mark.parametrize("told", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000])
    def test_an_answer_without_a_head_is_a_bad_gateway(self, told: bytes) -> None:
        async def test() -> None:
            async with site(told) as (port, _), proxied(HTTPS_PROXY=f"http://127.0.0.1:{port}") as http:
                assert (await http.get(f"http://localhost:{port}/")).status_code == 502
                with pytest.raises(httpx.ProxyError, match=rf"502 fakefal: .*127\.0\.0\.1:{port}"):
                    await http.get("https://far.example/x")

        run(test)

    def test_who_cannot_be_reached_is_named_with_the_cause(self) -> None:
        async def test() -> None:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            async with proxied() as http:
                said = rf"502 fakefal: localhost:{port} cannot be reached: .*(refused|failed)"
                with pytest.raises(httpx.ProxyError, match=said):
                    await http.get(f"https://localhost:{port}/")
                answer = await http.get(f"http://localhost:{port}/")
                assert (answer.status_code, answer.reason_phrase) == (502, answer.text)
                assert answer.text.startswith(f"fakefal: localhost:{port} cannot be reached: ")
                with pytest.raises(httpx.ProxyError, match=r"502 fakefal: nowhere\.invalid:443 cannot be reached: "):
                    await http.get("https://nowhere.invalid/")

        run(test)

    def test_each_end_of_a_tunnel_may_finish_alone(self) -> None:
        """What came in one piece with a head belongs to the tunnel; a half that is closed leaves the other open."""

        async def test() -> None:
            async def far(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\n\r\nhello ")
                writer.write(await reader.read())
                writer.close()

            server = await asyncio.start_server(far, "127.0.0.1", 0)
            upstream = UserProxy({"all_proxy": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"})
            async with server, tunnelling(Tunnel(tls_port=1, plain_port=1, upstream=upstream)) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"CONNECT far.example:443 HTTP/1.1\r\nHost: far.example\r\n\r\nearly ")
                writer.write(b"late")
                writer.write_eof()
                assert (await reader.read()).endswith(b"\r\n\r\nhello early late")
                writer.close()

        run(test)

    def test_a_host_that_bills_another_key_is_named_once(self, caplog: pytest.LogCaptureFixture) -> None:
        async def test() -> None:
            refused = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
            async with site(refused) as (port, _), proxied(HTTPS_PROXY=f"http://127.0.0.1:{port}") as http:
                for _ in range(2):
                    with pytest.raises(httpx.ProxyError):
                        await http.get("https://router.huggingface.co/fal-ai/x")

        run(test)
        (said,) = caplog.messages
        assert said == (
            "fakefal does not emulate router.huggingface.co: it bills calls to fal to the hf_ key that they carry"
        )

    def test_an_answer_that_ends_with_its_connection_is_passed_on(self) -> None:
        async def test() -> None:
            told = b"HTTP/1.0 200 OK\r\nKeep-Alive: timeout=5\r\n\r\none two"
            async with site(told) as (port, _), proxied() as http:
                answer = await http.get(f"http://localhost:{port}/")
            assert answer.text == "one two"
            assert "keep-alive" not in answer.headers

        run(test)

    def test_one_plain_call_a_connection(self) -> None:
        """Behind the first call another could name fal's host, and must not go where the first went."""

        async def test() -> None:
            kept_open = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            async with site(kept_open, close=False) as (port, requests):
                tunnel = Tunnel(
                    tls_port=1, plain_port=1, upstream=UserProxy({"http_proxy": f"http://127.0.0.1:{port}"})
                )
                async with tunnelling(tunnel) as proxy_port:
                    reader, writer = await asyncio.open_connection("127.0.0.1", proxy_port)
                    first = b"POST http://far.example/1 HTTP/1.1\r\nHost: far.example\r\nContent-Length: 3\r\n\r\nabc"
                    second = b"GET http://queue.fal.run/2 HTTP/1.1\r\nHost: queue.fal.run\r\n\r\n"
                    writer.write(first + second)
                    answer = await reader.read()
                    writer.close()
                assert answer.endswith(b"\r\n\r\nok")
                assert answer.count(b"HTTP/1.1 ") == 1
                assert b"\r\nConnection: close\r\n" in answer
                assert b"queue.fal.run" not in b"".join(requests)
                assert b"".join(requests).endswith(b"\r\n\r\nabc")

        run(test)

    def test_bodies_in_chunks_are_passed_on(self) -> None:
        async def test() -> None:
            async def content() -> AsyncIterator[bytes]:
                for part in (b"one", b"two"):
                    yield part

            async with site() as (port, requests), proxied() as http:
                assert (await http.post(f"http://localhost:{port}/", content=content())).text == "ok"
            assert b"transfer-encoding: chunked" in requests[0].lower()

        run(test)

    @pytest.mark.parametrize(
        "sent",
        [
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"nonsense\r\n\r\n",
            b"GET http://h:99999/ HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
            b"CONNECT [::1:443 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"CONNECT x:y HTTP/1.1\r\nHost: x\r\n\r\n",
        ],
    )
    def test_what_is_no_proxy_call_is_told_so(self, sent: bytes) -> None:
        async def test() -> None:
            tunnel = Tunnel(tls_port=1, plain_port=1, upstream=UserProxy({}))
            async with tunnelling(tunnel) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(sent)
                assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
                writer.close()

        run(test)


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    """Begin TLS between two contexts, in memory."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there, server_hostname=name), server.wrap_bio(there, back, server_side=True)]
    waiting = [*ends]
    while waiting:
        for end in tuple(waiting):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
                waiting.remove(end)


class TestAuthority:
    def test_its_key_is_written_nowhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        authority = Authority()
        authority.server_context()
        assert b"PRIVATE" not in authority.certificate
        assert [path for path in tmp_path.rglob("*") if path.is_file() and b"PRIVATE" in path.read_bytes()] == []

    @pytest.mark.parametrize(
        ("name", "trusted"),
        [
            ("queue.fal.run", True),
            ("a.b.fal.media", True),
            ("127.0.0.2", True),
            ("mine.localhost", True),
            ("service.example", True),
            ("10.0.0.7", True),
            ("google.com", False),
            ("notfal.run", False),
            ("8.8.8.8", False),
            ("10.0.0.8", False),
        ],
    )
    def test_a_leaked_key_impersonates_nobody_else(self, name: str, *, trusted: bool) -> None:
        authority = Authority("service.example", "10.0.0.7")
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority._ca.issue_cert(name).configure_cert(server)
        client = ssl.create_default_context(cadata=authority.certificate.decode())
        if trusted:
            shake_hands(client, server, name)
        else:
            with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
                shake_hands(client, server, name)

    @pytest.mark.parametrize("name", ["gateway.alpha.fal.ai", "x.v3b.fal.media", "X.Y.fal.run"])
    def test_a_name_of_many_labels_gets_its_own_certificate(self, name: str) -> None:
        authority = Authority()
        client = ssl.create_default_context(cadata=authority.certificate.decode())
        shake_hands(client, authority.server_context(), name)

    @pytest.mark.parametrize(
        "name", ["under_score.alpha.fal.ai", f"{'x' * 63}.alpha.fal.ai", "a-.b.fal.ai", "google.com"]
    )
    def test_odd_names_end_only_their_own_connection(self, name: str) -> None:
        authority = Authority()
        client = ssl.create_default_context(cadata=authority.certificate.decode())
        client.check_hostname = False
        shake_hands(client, authority.server_context(), name)

    def test_a_strict_client_trusts_it(self) -> None:
        authority = Authority()
        client = ssl.create_default_context(cadata=authority.certificate.decode())
        client.verify_flags |= ssl.VERIFY_X509_STRICT
        shake_hands(client, authority.server_context(), "queue.fal.run")

    def test_two_runs_share_nothing(self) -> None:
        assert Authority().certificate != Authority().certificate


def environment(tmp_path: Path, **environ: str) -> dict[str, str]:
    return child_environment(environ, ChildAddresses("http://127.0.0.1:1", 1, 2, 3, tmp_path, Authority().certificate))


class TestChildEnvironment:
    def test_every_road_leads_to_the_proxy(self, tmp_path: Path) -> None:
        others = {"HTTPS_PROXY": "http://corporate:8080", "https_proxy": "http://other:1", "wss_proxy": "http://up"}
        child = environment(tmp_path, **others, SOCKS_PROXY="socks://up", Ws_Proxy="http://up")
        assert {name for name in child if name.upper().endswith("_PROXY")} == {
            *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
            *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        }
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            assert child[name] == "http://127.0.0.1:3"

    @pytest.mark.parametrize(
        "given",
        [
            "*",
            "fal.run",
            ".fal.run",
            "*.fal.ai",
            "queue.fal.run:443",
            "run",
            ".media",
            "*.run",
            "FAL.RUN",
            *("queue.*", "*fal*", "q*", "queue.fal.r?n", "https://*.fal.r*/"),
            *SLY,
            *ADDRESSES,
        ],
    )
    def test_no_exception_lets_calls_to_fal_past(self, given: str, tmp_path: Path) -> None:
        child = environment(tmp_path, NO_PROXY=f"intranet.example,{given}", no_proxy="10.0.0.1")
        assert child["NO_PROXY"] == child["no_proxy"] == "intranet.example,10.0.0.1,localhost,127.0.0.1,::1"

    def test_real_keys_stay_outside(self, tmp_path: Path) -> None:
        names = ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_FORCE_AUTH_BY_USER", "FAL_RUN_HOST")
        child = environment(tmp_path, **dict.fromkeys(names, "real"), FAL_HOME_DIR="/home/me/.fal")
        assert "real" not in child.values()
        assert child["FAL_KEY"] == FAKE_KEY
        assert list(Path(child["FAL_HOME_DIR"]).iterdir()) == []

    @pytest.mark.parametrize(
        "name",
        [
            *("FAL_API_KEY", "FAL_AI_API_KEY", "FAL_TOKEN", "fal_key", "NEXT_PUBLIC_FAL_KEY", "My_Fal_Secret"),
            *("FAL_KEYS", "INPUT_FAL-KEY", "fal.key", "FALAI_API_KEY", "falKey", "falApiKey", "FAL_CREDENTIALS"),
        ],
    )
    def test_keys_under_other_names_stay_outside(self, name: str, tmp_path: Path) -> None:
        child = environment(tmp_path, **{name: "real:secret"}, OTHER="real:secret")
        assert (child["FAL_KEY"], child[name], child["OTHER"]) == (FAKE_KEY, FAKE_KEY, FAKE_KEY)

    @pytest.mark.parametrize("form", ["{}\n", '"{}"', "Key {}", "other-key:0123456789abcdef,{}", " {} "])
    def test_keys_within_longer_values_stay_outside(self, form: str, tmp_path: Path) -> None:
        key = "11111111-2222-3333-4444-555555555555:0123456789abcdef0123456789abcdef"
        child = environment(tmp_path, FAL_KEY=form.format(key), A=key, B=f"Key {key}", C=key.partition(":")[2])
        assert (child["A"], child["C"]) == (FAKE_KEY, FAKE_KEY)
        assert child["B"].removeprefix("Key ") == FAKE_KEY

    def test_the_real_key_of_a_recording_stays_whole(self) -> None:
        key = "11111111-2222-3333-4444-555555555555:0123456789abcdef0123456789abcdef"
        assert faked_credentials({"FAL_KEY": key, "A": key, "B": f"Key {key}"}, key) == {"FAL_KEY": key}

    def test_the_halves_of_a_key_stay_outside_joined_too(self, tmp_path: Path) -> None:
        secret = "0123456789abcdef0123456789abcdef"
        halves = {"fal_key_id": "me", "FAL_KEY_SECRET": secret}
        child = environment(tmp_path, **halves, A=f"me:{secret}", B=secret, C=f"Key me:{secret}", D="me")
        assert child.keys() & halves.keys() == set()
        assert [child[name] for name in "ABCD"] == [FAKE_KEY, FAKE_KEY, f"Key {FAKE_KEY}", "me"]

    @pytest.mark.parametrize("name", ["FALCON_KEY", "FAKEFAL_CONTROL_TOKEN", "OPENAI_API_KEY", "FAL_MODEL", "FAL"])
    def test_what_is_no_credential_of_fals_is_left(self, name: str, tmp_path: Path) -> None:
        assert environment(tmp_path, **{name: "my own value"})[name] == "my own value"

    def test_a_plain_word_is_no_secret(self, tmp_path: Path) -> None:
        child = environment(tmp_path, FAL_USE_TOKEN="true", FAL_TOKEN_HOST="localhost", DEBUG="true", HOST="localhost")
        assert (child["DEBUG"], child["HOST"]) == ("true", "localhost")

    def test_a_fake_key_is_no_secret(self) -> None:
        assert faked_credentials({"FAL_KEY": FAKE_KEY, "OTHER": FAKE_KEY}, FAKE_KEY) == {"FAL_KEY": FAKE_KEY}

    def test_the_bundle_holds_what_was_trusted_before_and_ours(self, tmp_path: Path) -> None:
        corporate = Authority().certificate
        (tmp_path / "corporate.pem").write_bytes(corporate)
        child = environment(tmp_path, REQUESTS_CA_BUNDLE=str(tmp_path / "corporate.pem"))
        paths = {
            child[name] for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        }
        (path,) = paths
        bundle = Path(path).read_bytes()
        assert corporate.strip() in bundle
        assert bundle.count(b"BEGIN CERTIFICATE") > 100
        ssl.create_default_context(cafile=path)

    def test_options_for_node_are_kept(self, tmp_path: Path) -> None:
        options = environment(tmp_path, NODE_OPTIONS="--max-old-space-size=512")["NODE_OPTIONS"]
        assert options == f'--require "{tmp_path}/preload.cjs" --max-old-space-size=512'

    def test_the_own_path_of_python_is_kept(self, tmp_path: Path) -> None:
        assert environment(tmp_path)["PYTHONPATH"] == f"{tmp_path}/python"
        assert environment(tmp_path, PYTHONPATH="")["PYTHONPATH"] == f"{tmp_path}/python"
        assert environment(tmp_path, PYTHONPATH="/mine")["PYTHONPATH"] == f"{tmp_path}/python:/mine"


WATCH = r"fakefal: watch this run at http://127\.0\.0\.1:\d+/"
"""What `fakefal run` says first."""


class TestCommand:
    def run(self, *program: str, **more: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "fakefal", "run", "--", *program]
        return run_program(command, **more)

    def test_the_exit_code_is_passed_on(self) -> None:
        done = self.run("sh", "-c", "exit 7")
        assert done.returncode == 7
        watch, closing = done.stderr.splitlines()
        assert re.fullmatch(WATCH, watch)
        assert closing == "fakefal: 0 requests, 0 done, 0 refused, $0.00 not spent"
        assert self.run("sh", "-c", "kill -9 $$").returncode == 137

    def test_it_says_once_which_keys_were_replaced(self) -> None:
        keys = {"FAL_KEY": "real:secret", "fal_token": "other-secret", "COPY": "real:secret", "FAL_KEY_ID": "me"}
        done = self.run("true", env={**os.environ, **keys})
        assert done.stderr.splitlines()[1] == (
            "fakefal: replaced COPY, FAL_KEY, FAL_KEY_ID, fal_token: the program gets a fake key that fal would refuse"
        )
        assert len(done.stderr.splitlines()) == 3
        assert "secret" not in done.stderr

    def test_a_command_that_is_not_there(self, tmp_path: Path) -> None:
        done = self.run("no-such-command")
        assert done.returncode == 127
        assert "fakefal run: no-such-command: command not found\n" in done.stderr
        in_quotes = self.run("python app.py")
        assert "python app.py: command not found; leave out the quotes: -- python app.py\n" in in_quotes.stderr
        (tmp_path / "file").write_text("x")
        assert self.run(str(tmp_path / "file")).returncode == 126
        (tmp_path / "file").chmod(0o755)
        assert self.run(str(tmp_path / "file")).returncode == 126

    def test_a_misspelt_option_is_wrong_use(self) -> None:
        command = [sys.executable, "-m", "fakefal", "run", "--profil", "instant", "--", "true"]
        assert run_program(command).returncode == 2

    def test_options_of_the_command_are_its_own(self) -> None:
        assert self.run("echo", "--profile", "-x", "--help").stdout == "--profile -x --help\n"

    def test_nothing_is_left_behind(self, tmp_path: Path) -> None:
        done = self.run(
            "sh", "-c", 'stat -c %a "$(dirname "$SSL_CERT_FILE")"', env={**os.environ, "TMPDIR": str(tmp_path)}
        )
        assert done.stdout.strip() == "700"
        assert list(tmp_path.iterdir()) == []

    def test_ctrl_c_ends_both(self) -> None:
        """In a terminal: a pseudo-terminal passes the interrupt to the whole group, as the keyboard does."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(
                sys.executable, [sys.executable, "-m", "fakefal", "run", "--", "sh", "-c", "echo begun; exec sleep 60"]
            )
        seen = b""
        while b"begun" not in seen:
            seen += os.read(terminal, 1000)
        os.write(terminal, b"\x03")
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        assert os.waitstatus_to_exitcode(status) == 130

    @pytest.mark.parametrize("key", [b"\x03", b"\x1c"], ids=["Ctrl-C", "Ctrl-Backslash"])
    def test_the_keyboard_says_it_once(self, key: bytes) -> None:
        """The child prints each signal that it gets; the terminal's reaches it without us."""
        tell = "lambda got, _: print('got', got, flush=True)"
        told = f"import signal\nfor one in (2, 3): signal.signal(one, {tell})"
        pid, terminal = pty.fork()
        if pid == 0:
            child = [sys.executable, "-c", f"{told}\nprint('begun', flush=True)\nwhile True: signal.pause()"]
            os.execv(sys.executable, [sys.executable, "-m", "fakefal", "run", "--", *child])
        seen = b""
        while b"begun" not in seen:
            seen += os.read(terminal, 1000)
        number = b"2" if key == b"\x03" else b"3"
        for _ in range(2):
            os.write(terminal, key)
            while b"got " + number not in seen:
                seen += os.read(terminal, 1000)
            assert seen.count(b"got") == 1
            seen = b""
        os.kill(pid, signal.SIGTERM)
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        assert os.waitstatus_to_exitcode(status) == 143

    @pytest.mark.parametrize(
        "number",
        [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM],
    )
    def test_signals_reach_the_child(self, number: signal.Signals) -> None:
        handler = f"import signal, sys; signal.signal({int(number)}, lambda got, _: sys.exit(40 + got))"
        with running(f"{handler}; print('begun', flush=True); signal.pause()") as parent:
            parent.send_signal(number)
            assert parent.wait(timeout=LIMIT) == 40 + number

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1])
    def test_a_child_that_a_signal_ends(self, number: signal.Signals) -> None:
        with running("import signal; print('begun', flush=True); signal.pause()") as parent:
            parent.send_signal(number)
            assert parent.wait(timeout=LIMIT) == 128 + number

    def test_an_ignored_signal_stays_ignored(self) -> None:
        """As under nohup, where a closed terminal ends neither."""
        program = "import signal; print(signal.getsignal(signal.SIGHUP).name)"
        command = [sys.executable, "-m", "fakefal", "run", "--", sys.executable, "-c", program]
        nohup = (
            f"import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv({command[0]!r}, {command!r})"
        )
        assert subprocess.check_output([sys.executable, "-c", nohup], text=True, timeout=LIMIT) == "SIG_IGN\n"

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child that its parent died")
    def test_the_child_dies_with_its_parent(self) -> None:
        with running("import os, signal; print('begun', os.getpid(), flush=True); signal.pause()") as parent:
            assert parent.stdout is not None
            parent.kill()
            assert parent.wait(timeout=LIMIT) == -signal.SIGKILL
            assert select.select([parent.stdout], [], [], 30)[0], "the child still holds its end of the pipe"
            assert parent.stdout.read() == ""

    def test_an_interrupt_while_it_starts_says_nothing(self, tmp_path: Path) -> None:
        """The signal comes while the emulator is imported, from a module that stands before the real one."""
        (tmp_path / "uvicorn.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
        (tmp_path / "tmp").mkdir()
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        done = self.run("echo", "begun", env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path / "tmp")})
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
        assert list((tmp_path / "tmp").iterdir()) == []

    def test_a_signal_while_it_listens_already_leaves_nothing_behind(self, tmp_path: Path) -> None:
        """It comes when the child's environment is made: the servers are up, and their folder is there."""
        fakefal = "import fakefal.server.child as child, os, signal, sys; from fakefal.cli import main"
        kill = "child.child_environment = lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)"
        command = [sys.executable, "-c", f"{fakefal}; {kill}; main(['run', '--', 'echo', 'begun'])"]
        environ = {**os.environ, "TMPDIR": str(tmp_path)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT, env=environ)
        assert (done.returncode, done.stdout) == (143, "")
        assert re.fullmatch(f"{WATCH}\n", done.stderr)
        assert list(tmp_path.iterdir()) == []


@contextmanager
def running(program: str) -> Iterator[subprocess.Popen[str]]:
    """Run a Python program under `fakefal run`; what it says first says that it has begun."""
    usual = "import os, signal, sys\nfor one in (1, 2, 3, 10, 12, 14, 15): signal.signal(one, signal.SIG_DFL)\n"
    asked = [sys.executable, "-m", "fakefal", "run", "--", sys.executable, "-c", program]
    # a shell in the background has its children ignore some signals, and what is ignored stays so
    command = [sys.executable, "-c", f"{usual}os.execv({asked[0]!r}, {asked!r})"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith("begun")
        yield parent
