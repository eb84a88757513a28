"""A user's calls to fal by every library but httpx: run by `test_plugin.py` in a process of their own."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import multiprocessing
import re
import runpy
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from socket import getaddrinfo  # from before any fake
from typing import Any

import aiohttp
import fal_client
import httpx
import pytest
import requests
import trio
import urllib3
import uvloop
from freezegun import freeze_time

from fakefal.testing import Fakefal, UnexpectedCall
from fakefal.testing.listener import listener

APP = Path(__file__).with_name("app.py")
ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
HOST = "queue.fal.run"
QUEUE = f"https://{HOST}/{ENDPOINT}"
PROMPT = {"prompt": "A lighthouse at dawn"}
BODY = json.dumps(PROMPT).encode()
KEY = {"Authorization": "Key me:secret", "Content-Type": "application/json"}

# aiohttp leaves the end of a TLS connection to the loop, which its programs do not wait for
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

session = requests.Session()  # built at import
session.trust_env = False
pool = urllib3.PoolManager()


def test_httpx_needs_no_socket(fakefal: Fakefal) -> None:
    assert httpx.post(QUEUE, json=PROMPT, headers=KEY).is_success
    assert listener()._destination is None
    fakefal.assert_completed(1)


def by_urllib() -> int:
    with urllib.request.urlopen(urllib.request.Request(QUEUE, BODY, KEY)) as answer:
        return int(answer.status)


def by_urllib_without_proxies() -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(QUEUE, BODY, KEY)) as answer:
        return int(answer.status)


def by_http_client() -> int:
    with closing(http.client.HTTPSConnection(HOST)) as connection:
        connection.request("POST", f"/{ENDPOINT}", BODY, KEY)
        return connection.getresponse().status


def by_requests() -> int:
    return requests.post(QUEUE, BODY, headers=KEY).status_code


def by_a_session_of_the_module() -> int:
    return session.post(QUEUE, BODY, headers=KEY).status_code


def by_urllib3() -> int:
    return pool.request("POST", QUEUE, body=BODY, headers=KEY, retries=False).status


async def _aiohttp() -> int:
    async with aiohttp.ClientSession() as one, one.post(QUEUE, data=BODY, headers=KEY) as answer:
        return answer.status


def by_aiohttp() -> int:
    return asyncio.run(_aiohttp())


def by_aiohttp_on_uvloop() -> int:
    return uvloop.run(_aiohttp())


async def _streams() -> int:
    reader, writer = await asyncio.open_connection(HOST, 443, ssl=ssl.create_default_context())
    head = "".join(f"{name}: {value}\r\n" for name, value in {**KEY, "Connection": "close"}.items())
    head = f"POST /{ENDPOINT} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(BODY)}\r\n{head}\r\n"
    writer.write(head.encode() + BODY)
    status = int((await reader.read()).split()[1])
    writer.close()
    await writer.wait_closed()
    return status


def by_streams() -> int:
    return asyncio.run(_streams())


def by_streams_on_uvloop() -> int:
    return uvloop.run(_streams())


async def _trio() -> int:
    stream = await trio.open_ssl_over_tcp_stream(HOST, 443)
    async with stream:
        await stream.send_all(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        return int((await stream.receive_some()).split()[1])


LIBRARIES = [
    by_urllib,
    by_urllib_without_proxies,
    by_http_client,
    by_requests,
    by_a_session_of_the_module,
    by_urllib3,
    by_aiohttp,
    by_aiohttp_on_uvloop,
    by_streams,
    by_streams_on_uvloop,
]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("round_", range(2))
def test_every_library_is_answered(fakefal: Fakefal, library: Callable[[], int], round_: int) -> None:
    assert library() == 200, round_
    assert library() == 200
    fakefal.assert_completed(2)
    assert [request.arguments for request in fakefal.requests] == [PROMPT] * 2


@pytest.mark.fakefal(strict=False)
def test_trio_is_answered(fakefal: Fakefal) -> None:
    assert trio.run(_trio) == 404
    assert not fakefal.requests


@pytest.mark.parametrize("library", LIBRARIES)
def test_time_may_be_frozen(fakefal: Fakefal, library: Callable[[], int]) -> None:
    with freeze_time("2031-05-04", real_asyncio=True):
        assert library() == 200
    fakefal.assert_completed(1)


@pytest.mark.parametrize("library", [by_requests, by_aiohttp, by_http_client])
@pytest.mark.fakefal(effects="accept_then_drop when nth=1")
def test_a_dropped_connection_is_the_librarys_own_error(fakefal: Fakefal, library: Callable[[], int]) -> None:
    with pytest.raises((requests.ConnectionError, aiohttp.ClientError, http.client.HTTPException, ConnectionError)):
        library()
    assert len(fakefal.requests) == 1


def test_names_and_addresses_in_every_form(fakefal: Fakefal) -> None:
    for name in ("queue.fal.run", "QUEUE.fal.run.", "queue\u3002fal\u3002run", "QUEUE.\uff46al.run", b"queue.fal.run"):
        (address,) = {sockaddr[0] for *_, sockaddr in getaddrinfo(name, 443)}
        for host in (name, address):
            with socket.create_connection((host, 443), 10) as connection:
                assert connection.getpeername()[0] == "127.0.0.1"
    assert not fakefal.requests


def test_the_base_url_too(fakefal: Fakefal) -> None:
    assert urllib.request.urlopen(f"{fakefal.url}/_fakefal/health").status == 200


def test_the_readmes_program(fakefal: Fakefal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(APP))
    assert Path("clip.mp4").read_bytes()[4:8] == b"ftyp"
    fakefal.assert_completed(1)


def test_an_upload_and_a_stream(fakefal: Fakefal) -> None:
    url = fal_client.SyncClient().upload(b"x" * 3_000_000, "text/plain")
    assert session.get(url).content == b"x" * 3_000_000
    submitted = session.post(QUEUE, BODY, headers=KEY).json()
    with session.get(f"{submitted['status_url']}/stream", headers=KEY, stream=True) as answer:
        states = [json.loads(line[5:])["status"] for line in answer.iter_lines() if line.startswith(b"data:")]
    assert states[-1] == "COMPLETED"
    fakefal.assert_completed(1)


def test_threads_and_coroutines_share_the_fake(fakefal: Fakefal) -> None:
    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(_aiohttp() for _ in range(20)))

    with ThreadPoolExecutor(8) as threads:
        statuses = [*threads.map(lambda _: by_requests(), range(20))]
    assert statuses + asyncio.run(all_at_once()) == [200] * 40
    fakefal.assert_completed(40)


def test_a_call_on_its_way_ends_with_the_fake() -> None:
    waiting, ended = threading.Event(), []

    def wait() -> None:
        submitted = requests.post(QUEUE, BODY, headers=KEY).json()
        try:
            with requests.get(f"{submitted['status_url']}/stream", headers=KEY, stream=True) as answer:
                for _ in answer.iter_lines():
                    waiting.set()
        except requests.RequestException as error:
            ended.append(error)

    with Fakefal(effects="stuck"):
        thread = threading.Thread(target=wait)
        thread.start()
        assert waiting.wait(10)
    thread.join(10)
    assert not thread.is_alive()
    assert len(ended) == 1


def test_an_inner_fake_answers_while_it_lives(fakefal: Fakefal) -> None:
    with Fakefal() as inner:
        session.post(QUEUE, BODY, headers=KEY)
        inner.assert_completed(1)
    session.post(QUEUE, BODY, headers=KEY)
    fakefal.assert_completed(1)


def test_a_connection_that_was_kept_does_not_outlive_the_fake() -> None:
    with Fakefal() as fal:
        assert by_a_session_of_the_module() == 200
        fal.assert_completed(1)
    with pytest.raises(UnexpectedCall, match="outside of a test with the fixture"):
        by_a_session_of_the_module()


def call_in_child(said: Any) -> None:
    said.send(by_http_client())


def test_a_forked_child_is_answered_too(fakefal: Fakefal) -> None:
    assert by_requests() == 200  # it listens
    ours, theirs = multiprocessing.Pipe()
    with closing(ours), closing(theirs):
        child = multiprocessing.get_context("fork").Process(target=call_in_child, args=(theirs,))
        child.start()
        assert ours.recv() == 200
        child.join(10)
    fakefal.assert_completed(2)


def test_no_library_keeps_a_trace(request: pytest.FixtureRequest) -> None:
    before = (vars(socket.socket).get("connect"), socket.getaddrinfo, vars(ssl.SSLContext).get("wrap_socket"))
    with Fakefal():
        by_requests()
    assert before == (vars(socket.socket).get("connect"), socket.getaddrinfo, vars(ssl.SSLContext).get("wrap_socket"))
    assert request.node.name


async def test_in_a_coroutine(fakefal: Fakefal) -> None:
    assert await _aiohttp() == 200
    fakefal.assert_completed(1)


def test_big_answers_and_ranges(fakefal: Fakefal) -> None:
    video = fal_client.subscribe(ENDPOINT, arguments=PROMPT)["video"]
    whole = io.BytesIO(session.get(video["url"]).content).getvalue()
    assert len(whole) == video["file_size"]
    assert session.get(video["url"], headers={"Range": "bytes=4-7"}).content == b"ftyp"
    assert re.match(r"https://v3b\.fal\.media/", video["url"])
    fakefal.assert_completed(1)
