"""Foreign media, where the user allows it: downloaded within limits, never from inside."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest
import trustme

from fakefal.files.fetch import MAX_REDIRECTS, Fetcher
from fakefal.files.foreign_media import Downloads
from fakefal_contracts import Unreadable
from fakefal_contracts.addresses import is_public
from fakefal_contracts.kling.shared import PICTURE_LIMITS
from fakefal_contracts.media import Limits, PictureLimits
from support.endpoints import I2V
from support.media import picture
from support.server import Serve, Server
from support.site import PERMISSIVE, Site, to_loopback
from support.wrong_media import picture_that_says

pytestmark = pytest.mark.quick

SPECIAL = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "0.0.0.0",
    "100.64.0.1",
    "::1",
    "fe80::1%eth0",
    "fc00::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::",
    "224.0.0.1",
    "255.255.255.255",
    "::127.0.0.1",
    "64:ff9b:1::1",
    "fec0::1",
    "5f00::1",
    "64:ff9b::7f00:1",
    "192.0.0.192",
    "168.63.129.16",
    "192.0.2.1",
]


def fetch(fetcher: Fetcher, url: str, tmp_path: Path, limits: Limits = PICTURE_LIMITS) -> Path | Unreadable:
    with (tmp_path / "fetched").open("wb") as into:
        return asyncio.run(fetcher.fetch(url, limits, into))


class TestFetcher:
    def test_it_downloads_under_the_name_it_was_given(self, site: Site, tmp_path: Path) -> None:
        assert fetch(PERMISSIVE, site.url("/good.png"), tmp_path) == tmp_path / "fetched"
        assert (tmp_path / "fetched").read_bytes() == picture()
        assert site.asked == [f"pictures.example:{site.server_port}"]

    @pytest.mark.parametrize("address", SPECIAL)
    def test_special_addresses_are_refused(self, address: str, tmp_path: Path) -> None:
        async def resolve(host: str, port: int) -> str:  # noqa: ARG001
            return address

        assert not is_public(address)
        found = fetch(Fetcher(resolve=resolve), "http://pictures.example/a.png", tmp_path)
        assert isinstance(found, Unreadable)
        assert "which is not allowed here" in str(found)

    @pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111"])
    def test_public_addresses_are_allowed(self, address: str) -> None:
        assert is_public(address)

    def test_a_redirect_is_checked_again(self, site: Site, tmp_path: Path) -> None:
        site.pages["/away"] = (302, {"Location": "http://inside.example/secret"}, b"")

        async def resolve(host: str, port: int) -> str:  # noqa: ARG001
            return "127.0.0.1" if host == "pictures.example" else "169.254.169.254"

        fetcher = Fetcher(resolve=resolve, allow=lambda ip: ip == "127.0.0.1")
        found = fetch(fetcher, site.url("/away"), tmp_path)
        assert "inside.example leads to 169.254.169.254" in str(found)

    def test_redirects_are_bounded(self, site: Site, tmp_path: Path) -> None:
        site.pages["/loop"] = (302, {"Location": "/loop"}, b"")
        assert "redirects more than" in str(fetch(PERMISSIVE, site.url("/loop"), tmp_path))
        assert len(site.asked) == MAX_REDIRECTS + 1

    def test_a_short_chain_is_followed(self, site: Site, tmp_path: Path) -> None:
        site.pages["/away"] = (301, {"Location": "/good.png"}, b"")
        assert isinstance(fetch(PERMISSIVE, site.url("/away"), tmp_path), Path)

    def test_bytes_are_bounded(self, site: Site, tmp_path: Path) -> None:
        site.pages["/large"] = (200, {}, bytes(3 * int(PICTURE_LIMITS.most_bytes)))
        assert isinstance(fetch(PERMISSIVE, site.url("/large"), tmp_path), Path)
        assert PICTURE_LIMITS.most_bytes < (tmp_path / "fetched").stat().st_size < 2 * PICTURE_LIMITS.most_bytes

    def test_where_nothing_is_limited_fakefal_has_bounds_of_its_own(
        self, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fakefal.files.fetch.MOST_BYTES", 1000)
        site.pages["/large"] = (200, {}, bytes(1001))
        site.pages["/small"] = (200, {}, bytes(1000))
        unlimited = PictureLimits(evidence=PICTURE_LIMITS.evidence)
        found = fetch(PERMISSIVE, site.url("/large"), tmp_path, unlimited)
        assert str(found) == "it has more than 1,000 bytes, as many as fakefal downloads"
        assert isinstance(fetch(PERMISSIVE, site.url("/small"), tmp_path, unlimited), Path)
        monkeypatch.setattr("fakefal.files.fetch.MOST_SECONDS", 0)
        assert "did not answer within 0 s" in str(fetch(PERMISSIVE, site.url("/small"), tmp_path, unlimited))

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("https://v3b.fal.media/files/x.png", "the emulator never calls it"),
            ("https://V3B.fal.media./files/x.png", "the emulator never calls it"),
            ("ftp://pictures.example/a.png", "is not an http(s) address"),
            ("http://", "is not an http(s) address"),
            ("http://[", "could not be downloaded"),
            ("http://pictures.example:99999/", "names a port above 65535"),
        ],
    )
    def test_what_cannot_be_had_says_why(self, url: str, reason: str, tmp_path: Path) -> None:
        assert reason in str(fetch(PERMISSIVE, url, tmp_path))

    def test_https_is_pinned_and_still_checks_the_name(self, site: Site, tmp_path: Path) -> None:
        authority = trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("pictures.example").configure_cert(context)
        site.socket = context.wrap_socket(site.socket, server_side=True)
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        secure = site.url("/good.png").replace("http://", "https://")
        for url, expected in ((secure, Path), (secure.replace("pictures", "others"), Unreadable)):
            fetcher = Fetcher(to_loopback, lambda _: True, httpx.AsyncHTTPTransport(verify=trust))
            assert isinstance(fetch(fetcher, url, tmp_path), expected)

    def test_an_error_page_is_no_picture(self, site: Site, tmp_path: Path) -> None:
        assert "it answered 404" in str(fetch(PERMISSIVE, site.url("/nothing"), tmp_path))

    def test_nobody_listening(self, tmp_path: Path) -> None:
        assert "could not be downloaded" in str(fetch(PERMISSIVE, "http://pictures.example:1/a.png", tmp_path))


class Broken(Fetcher):
    """A fetcher that fails as nobody foresaw."""

    async def fetch(self, address: str, limits: Limits, into: BinaryIO) -> Path | Unreadable:  # noqa: ARG002
        raise RuntimeError(address)


@pytest.mark.both_stores
class TestJudgements:
    @pytest.fixture
    def fetching(self, serve: Serve) -> Server:
        return serve(fetch=True, parts={"fetcher": PERMISSIVE})

    def result(self, server: Server, *urls: str) -> httpx.Response:
        """The result, once the stream says that the request is over."""
        fields = dict(zip(("start_image_url", "end_image_url"), urls, strict=False))
        submitted = server.submit(I2V, {"prompt": "x", **fields})
        server.http.get(f"{submitted['status_url']}/stream")
        return server.http.get(submitted["response_url"])

    def test_good_pictures_are_accepted_and_leave_no_file(self, fetching: Server, site: Site) -> None:
        assert self.result(fetching, site.url("/good.png"), site.url("/good.png")).status_code == 200
        assert len(site.asked) == 1, "each address is fetched once"
        assert list(fetching.emulator.files.folder.glob("[!.]*")) == []

    def test_bad_ones_are_refused_at_their_field(self, fetching: Server, site: Site) -> None:
        answer = self.result(fetching, site.url("/good.png"), site.url("/small.png"))
        assert [(item["type"], item["loc"]) for item in answer.json()["detail"]] == [
            ("image_too_small", ["body", "end_image_url"])
        ]
        answer = self.result(fetching, site.url("/nothing.png"))
        assert [item["type"] for item in answer.json()["detail"]] == ["file_download_error"]

    def test_a_failure_of_ours_does_not_stop_the_line(self, serve: Serve) -> None:
        server = serve(fetch=True, parts={"fetcher": Broken()})
        assert self.result(server, "https://pictures.example/a.png").status_code == 500
        assert self.result(server, "data:,x").status_code == 422
        assert list(server.emulator.files.folder.glob("[!.]*")) == []

    def test_a_picture_that_is_too_large_to_decode_is_not_fetched(self, serve: Serve) -> None:
        server = serve(fetch=True, parts={"fetcher": Broken()})
        large = picture_that_says(picture(), "PNG", 8500, 6000)
        address = f"data:image/png;base64,{b64encode(large).decode()}"
        submitted = server.submit(I2V, {"prompt": "x", "start_image_url": address})
        assert server.http.get(submitted["response_url"]).status_code == 200
        logs = server.http.get(f"{submitted['status_url']}?logs=1").json()["logs"]
        assert logs[0]["message"].endswith("only its header was read: it has more than 50 megapixels")

    def test_nothing_is_fetched_for_a_body_that_is_refused_anyway(self, fetching: Server, site: Site) -> None:
        elements = [{"frontal_image_url": site.url("/good.png")}]
        r2v = "fal-ai/kling-video/o1/reference-to-video"
        submitted = fetching.submit(r2v, {"prompt": "x", "elements": elements})
        assert fetching.http.get(submitted["response_url"]).status_code == 422
        assert site.asked == []

    def test_files_of_the_real_cdn_stay_unchecked(self, fetching: Server) -> None:
        assert self.result(fetching, "https://v3b.fal.media/files/b/somebody/elses.png").status_code == 200

    def test_the_line_waits_for_the_judgement(self, fetching: Server, site: Site) -> None:
        site.hold.clear()
        submitted = fetching.submit(I2V, {"prompt": "x", "start_image_url": site.url("/good.png")})
        behind = fetching.submit(I2V, {"prompt": "x", "start_image_url": "data:,x"})
        for one in (submitted, behind):
            assert fetching.http.get(one["status_url"]).json()["status"] == "IN_QUEUE"
        site.hold.set()
        for one, status in ((submitted, 200), (behind, 422)):
            fetching.http.get(f"{one['status_url']}/stream")
            assert fetching.http.get(one["response_url"]).status_code == status

    def test_the_synchronous_road_waits_too(self, fetching: Server, site: Site) -> None:
        arguments = {"prompt": "x", "start_image_url": site.url("/good.png")}
        assert fetching.http.post(f"/run/{I2V}", json=arguments).status_code == 200

    def test_advancing_to_the_end_waits_too(self, serve: Serve, site: Site) -> None:
        server = serve(profile="realistic", fetch=True, parts={"fetcher": PERMISSIVE})
        submitted = server.submit(I2V, {"prompt": "x", "start_image_url": site.url("/good.png")})
        url = f"/_fakefal/requests/{submitted['request_id']}/advance"
        assert server.http.post(url, json={"to": "end"}).json()["result_status"] == 200

    def test_a_move_of_the_clock_waits_too(self, serve: Serve, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        server = serve(profile="realistic", fetch=True, parts={"fetcher": PERMISSIVE})
        finish = Downloads.finish

        async def released(self: Downloads, key: str, seconds: float) -> None:
            site.hold.set()  # only now, so that the clock moves before the media are there
            await finish(self, key, seconds)

        monkeypatch.setattr(Downloads, "finish", released)
        site.hold.clear()
        submitted = server.submit(I2V, {"prompt": "x", "start_image_url": site.url("/good.png")})
        server.http.post("/_fakefal/clock", json={"advance": 3600}, params={"key": "tester"})
        assert server.http.get(submitted["status_url"]).json()["status"] == "COMPLETED"
