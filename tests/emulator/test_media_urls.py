"""Where files in answers lead callers who speak to fal's hosts: to fal's CDN, or to this server."""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import Any

import httpx
import pytest

from support.endpoints import I2V, O1
from support.machine import ROOT
from support.media import picture
from support.programs import FAKEFAL
from support.receivers import Receiver
from support.server import Serve, Server
from support.waiting import run_program

pytestmark = pytest.mark.quick

INSTANT = {**os.environ, "FAKEFAL_PROFILE": "instant"}
AT_FAL = {"Host": "queue.fal.run"}


def by_fal(server: Server, endpoint_id: str, arguments: Any, **params: str) -> dict[str, Any]:
    """The result for a caller who believes to speak to fal."""
    submitted = server.http.post(f"/{endpoint_id}", json=arguments, headers=AT_FAL, params=params).json()
    answer = server.http.get(httpx.URL(submitted["response_url"]).path, headers=AT_FAL)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.both_stores
class TestLocal:
    def test_a_result_leads_to_this_server_where_a_browser_opens_it(self, serve: Serve) -> None:
        server = serve(media_urls="local")
        url = by_fal(server, O1, {"prompt": "x"})["video"]["url"]
        assert url.startswith(f"{server.url}/cdn/files/")
        assert httpx.get(url, trust_env=False).headers["content-type"] == "video/mp4"

    def test_all_other_addresses_stay_fals(self, serve: Serve) -> None:
        server = serve(media_urls="local")
        submitted = server.http.post(f"/{O1}", json={"prompt": "x"}, headers=AT_FAL).json()
        assert submitted["status_url"].startswith("https://queue.fal.run/")

    def test_a_webhook_says_the_same(self, serve: Serve, receiver: Receiver) -> None:
        server = serve(media_urls="local")
        by_fal(server, O1, {"prompt": "x"}, fal_webhook=receiver.url)
        (received,) = receiver.wait(1)
        assert f'"url": "{server.url}/cdn/files/'.encode() in received.body

    def test_an_upload_that_lies_here_can_be_an_argument(self, serve: Serve) -> None:
        server = serve(media_urls="local")
        started = server.http.post(
            "/storage/upload/initiate",
            json={"file_name": "a.png", "content_type": "image/png"},
            headers={"Host": "rest.fal.ai"},
        ).json()
        assert started["file_url"].startswith(f"{server.url}/cdn/files/")
        server.http.put(started["upload_url"], content=picture()).raise_for_status()
        assert by_fal(server, I2V, {"prompt": "x", "start_image_url": started["file_url"]})["video"]

    def test_the_public_address_counts(self, serve: Serve) -> None:
        server = serve(media_urls="local", public_url="https://fake.example/base/", hosts={"fake.example"})
        url = by_fal(server, O1, {"prompt": "x"})["video"]["url"]
        assert url.startswith("https://fake.example/base/cdn/files/")


@pytest.mark.parametrize("given", [{}, {"media_urls": "fal"}])
def test_else_they_lead_to_fals_cdn(serve: Serve, given: dict[str, str]) -> None:
    url = by_fal(serve(**given), O1, {"prompt": "x"})["video"]["url"]
    assert httpx.URL(url).host.endswith(".fal.media")


def test_who_comes_by_base_url_gets_its_own_addresses_always(serve: Serve) -> None:
    server = serve(media_urls="fal")
    assert server.result(O1, {"prompt": "x"}).json()["video"]["url"].startswith(f"{server.url}/cdn/files/")


PROGRAM = f"""
import os, urllib.request, fal_client
url = fal_client.run("{O1}", arguments={{"prompt": "x"}})["video"]["url"]
print(url.startswith(os.environ["FAKEFAL_URL"] + "/cdn/files/"), urllib.request.urlopen(url).status)
"""


@pytest.mark.parametrize("file", ["docs/tutorials/nextjs.md", "examples/nextjs/package.json"])
def test_a_run_can_be_told_so_as_where_a_browser_shows_the_files(file: str) -> None:
    (script,) = re.findall(r'"dev": "fakefal (.*) next dev"', (ROOT / file).read_text("utf-8"))
    done = run_program([*FAKEFAL, *shlex.split(script), sys.executable, "-c", PROGRAM], env=INSTANT)
    assert done.stdout.split() == ["True", "200"], done.stderr
