"""Calls fal by one library, with no proxy of the environment's; prints the status of the answer.

Usage: python led.py WAY
"""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request

HOST = "queue.fal.run"
PATH = "/fal-ai/kling-video/o1/reference-to-video"
URL = f"https://{HOST}{PATH}"
HEADERS = {"Authorization": f"Key {os.environ.get('FAL_KEY', 'none')}", "Content-Type": "application/json"}
BODY = b'{"prompt": "x"}'


def by_http_client() -> int:
    connection = http.client.HTTPSConnection(HOST, timeout=10)
    connection.request("POST", PATH, BODY, HEADERS)
    return connection.getresponse().status


def by_urllib() -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(URL, BODY, HEADERS), timeout=10) as answer:
        return int(answer.status)


def by_urllib3() -> int:
    import urllib3

    return urllib3.PoolManager().request("POST", URL, body=BODY, headers=HEADERS, retries=False).status


def by_requests() -> int:
    import requests

    with requests.Session() as session:
        session.trust_env = False
        return session.post(URL, BODY, headers=HEADERS, timeout=10).status_code


def by_httpx() -> int:
    import httpx

    with httpx.Client(trust_env=False) as client:
        return client.post(URL, content=BODY, headers=HEADERS).status_code


async def _httpx() -> int:
    import httpx

    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.post(URL, content=BODY, headers=HEADERS)).status_code


def by_httpx_on_asyncio() -> int:
    return asyncio.run(_httpx())


def by_httpx_on_trio() -> int:
    import trio

    return trio.run(_httpx)


def by_httpx_on_uvloop() -> int:
    import uvloop

    return uvloop.run(_httpx())


async def _aiohttp(resolver: str) -> int:
    import aiohttp

    connector = aiohttp.TCPConnector(resolver=getattr(aiohttp, resolver)())
    session = aiohttp.ClientSession(connector=connector)
    async with session, session.post(URL, data=BODY, headers=HEADERS) as answer:
        return answer.status


def by_aiohttp() -> int:
    return asyncio.run(_aiohttp("ThreadedResolver"))


def by_aiohttp_with_aiodns() -> int:
    return asyncio.run(_aiohttp("AsyncResolver"))


def by_aiohttp_on_uvloop() -> int:
    import uvloop

    return uvloop.run(_aiohttp("ThreadedResolver"))


async def _streams() -> int:
    reader, writer = await asyncio.open_connection(HOST, 443, ssl=ssl.create_default_context())
    writer.write(_request())
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


def by_streams() -> int:
    return asyncio.run(_streams())


def by_streams_on_uvloop() -> int:
    import uvloop

    return uvloop.run(_streams())


def by_gevent() -> int:
    from gevent import monkey

    monkey.patch_all()
    return by_http_client()


def by_truststore() -> int:
    import truststore
    import urllib3

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    pool = urllib3.PoolManager(ssl_context=context)
    return pool.request("POST", URL, body=BODY, headers=HEADERS, retries=False).status


def by_name_in_bytes() -> int:
    return _over(socket.create_connection((HOST.encode(), 443), timeout=10))


def by_name_in_other_letters() -> int:
    return _over(socket.create_connection(("QUEUE。fal。\uff52\uff55\uff4e.", 443), timeout=10))


def by_connect() -> int:
    own = socket.socket()
    own.settimeout(10)
    own.connect((HOST, 443))
    return _over(own)


def by_connect_ex() -> int:
    own = socket.socket()
    assert own.connect_ex((socket.gethostbyname(HOST), 443)) == 0
    return _over(own)


def by_plain_port() -> int:
    connection = http.client.HTTPConnection(HOST, timeout=10)
    connection.request("POST", PATH, BODY, HEADERS)
    return connection.getresponse().status


def by_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(by_http_client()))
    thread.start()
    thread.join()
    return found[0]


def by_child_with_own_environment() -> int:
    environ = {"PATH": os.environ["PATH"], "FAL_KEY": os.environ["FAL_KEY"], "PYTHONPATH": "/own/modules"}
    child = [sys.executable, __file__, "http_client"]
    return int(subprocess.run(child, env=environ, capture_output=True, text=True, check=True).stdout)


def by_child_of_a_changed_environment() -> int:
    os.environ["PYTHONPATH"] = "/own/modules"
    child = [sys.executable, __file__, "http_client"]
    return int(subprocess.run(child, capture_output=True, text=True, check=True).stdout)


def by_exec_behind_another_sitecustomize() -> int:
    """As opentelemetry-instrument starts its program."""
    folder = tempfile.mkdtemp()
    with open(f"{folder}/sitecustomize.py", "w") as file:  # noqa: PTH123 - it runs on every Python
        file.write("import atexit, os; atexit.register(os.write, 1, b'')")
    os.environ["PYTHONPATH"] = folder + os.pathsep + os.environ["PYTHONPATH"]
    os.execl(sys.executable, sys.executable, __file__, "http_client")


def by_pycurl() -> int:
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, URL)
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.SSL_VERIFYPEER, 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 0)
    curl.setopt(pycurl.POSTFIELDS, BODY)
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in HEADERS.items()])
    curl.setopt(pycurl.WRITEFUNCTION, len)
    curl.perform()
    return int(curl.getinfo(pycurl.RESPONSE_CODE))


def _over(own: socket.socket) -> int:
    with ssl.create_default_context().wrap_socket(own, server_hostname=HOST) as tls:
        tls.sendall(_request())
        return int(tls.recv(100).split()[1])


def _request() -> bytes:
    head = [f"POST {PATH} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {len(BODY)}", "Connection: close"]
    return "\r\n".join([*head, *(f"{name}: {value}" for name, value in HEADERS.items()), "", ""]).encode() + BODY


if __name__ == "__main__":
    print(globals()[f"by_{sys.argv[1]}"]())
