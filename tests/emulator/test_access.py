"""Who may read a file, and until when: lists, signed addresses, expiry, a key's settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakefal_contracts import examples
from support.endpoints import I2V
from support.media import picture
from support.server import Serve, Server
from support.uploads import Parts, bearer, initiate

pytestmark = pytest.mark.quick

STORAGE = "/platform/v1/storage"
FRIEND = {"Authorization": "Key friend:secret"}
FORBIDDEN = {"default": "forbid", "rules": [{"user": "friend", "decision": "allow"}]}
Road = Callable[..., str]


def lifecycle(asked: Any) -> dict[str, str]:
    return {"X-Fal-Object-Lifecycle": json.dumps(asked)}


def python_upload(server: Server, asked: Any = None) -> str:
    """As fal's Python client uploads small files."""
    headers = bearer(server) | (lifecycle(asked) if asked else {})
    return str(server.http.post("/cdn/files/upload", content=picture(), headers=headers).json()["access_url"])


def python_parts(server: Server, asked: Any = None) -> str:
    """As fal's Python client uploads large files."""
    parts = Parts(server, **(lifecycle(asked) if asked else {}))
    parts.put(1, picture())
    assert parts.complete(1).status_code == 200
    return parts.url


def javascript_upload(server: Server, asked: Any = None, *, parts: bool = False) -> str:
    """As fal's JavaScript client uploads files."""
    path = f"/rest/storage/upload/initiate{'-multipart' if parts else ''}?storage_type=fal-cdn-v3"
    body = {"file_name": "a.png", "content_type": "image/png"}
    upload = server.http.post(path, json=body, headers=lifecycle(asked) if asked else {}).json()
    base, _, query = upload["upload_url"].partition("?")
    if parts:
        part = httpx.put(f"{base}/1?{query}", content=picture(), trust_env=False).json()
        httpx.post(f"{base}/complete?{query}", json={"parts": [part]}, trust_env=False).raise_for_status()
    else:
        httpx.put(upload["upload_url"], content=picture(), trust_env=False).raise_for_status()
    return str(upload["file_url"])


def javascript_parts(server: Server, asked: Any = None) -> str:
    """As fal's JavaScript client uploads large files."""
    return javascript_upload(server, asked, parts=True)


def read(url: str, **headers: str) -> int:
    return httpx.get(url, headers=headers, trust_env=False).status_code


def put_acl(server: Server, url: str, acl: Any) -> httpx.Response:
    return server.http.put(f"{STORAGE}/files/acl", params={"url": url}, json=acl)


def sign(server: Server, url: str, seconds: Any = 60, **headers: str) -> httpx.Response:
    body = {"expiration_seconds": seconds}
    return server.http.post(f"{STORAGE}/files/sign", params={"url": url}, json=body, headers=headers)


@pytest.mark.parametrize("upload", [python_upload, python_parts, javascript_upload, javascript_parts])
class TestEachRoadOfUpload:
    def test_what_an_upload_asks_for_holds(self, server: Server, upload: Road) -> None:
        url = upload(server, {"initial_acl": FORBIDDEN, "expiration_duration_seconds": 60})
        assert read(url) == 403
        assert read(url, **FRIEND) == 200
        assert read(url, Authorization="Key tester:secret") == 200, "its owner"
        assert read(url, Authorization="Key stranger:secret") == 403
        assert server.http.get(f"{STORAGE}/files/acl", params={"url": url}).json() == FORBIDDEN
        server.http.post("/_fakefal/clock?key=tester", json={"advance": 60})
        assert read(url, **FRIEND) == 404

    def test_what_the_key_has_set_holds_for_uploads_that_ask_for_nothing(self, server: Server, upload: Road) -> None:
        before = upload(server)
        settings = {"expiration_duration_seconds": 60, "initial_acl": {"default": "forbid"}}
        server.http.put(f"{STORAGE}/settings", json=settings)
        usual, own = upload(server), upload(server, {"initial_acl": {"default": "allow"}})
        assert (read(before), read(usual), read(own)) == (200, 403, 200)
        server.http.post("/_fakefal/clock?key=tester", json={"advance": 60})
        assert (read(before), read(own)) == (200, 404)

    def test_what_makes_no_sense_is_refused(self, server: Server, upload: Road) -> None:
        for asked in ({"expiration_duration_seconds": -1}, {"initial_acl": {"default": "maybe"}}, ["x"]):
            with pytest.raises((KeyError, httpx.HTTPError)):
                upload(server, asked)


@pytest.mark.both_stores
class TestLists:
    def test_a_file_is_open_until_it_is_closed(self, server: Server) -> None:
        url = python_upload(server)
        assert server.http.get(f"{STORAGE}/files/acl", params={"url": url}).json() == {"default": "allow", "rules": []}
        assert put_acl(server, url, FORBIDDEN).json() == FORBIDDEN
        assert (read(url), read(url, **FRIEND)) == (403, 200)
        assert put_acl(server, url, {"default": "hide"}).json() == {"default": "hide", "rules": []}
        assert (read(url), read(url, **FRIEND)) == (404, 404)
        put_acl(server, url, {"default": "allow"})
        assert read(url) == 200

    def test_a_result_can_be_closed(self, server: Server) -> None:
        url = server.result(I2V, examples(I2V)["required"]).json()["video"]["url"]
        put_acl(server, url, {"default": "forbid"})
        assert read(url) == 403

    def test_another_keys_file_is_not_to_be_had(self, server: Server) -> None:
        url = python_upload(server)
        query = {"url": url}
        for answer in (
            server.http.get(f"{STORAGE}/files/acl", params=query, headers=FRIEND),
            server.http.put(f"{STORAGE}/files/acl", params=query, json={"default": "hide"}, headers=FRIEND),
            sign(server, url, **FRIEND),
        ):
            assert (answer.status_code, answer.json()["error"]["type"]) == (403, "authorization_error")
        assert read(url) == 200

    @pytest.mark.parametrize(
        "body", [{}, {"default": "maybe"}, {"default": "allow", "more": 1}, {"default": "allow", "rules": [{}]}, []]
    )
    def test_wrong_lists_are_refused(self, server: Server, body: Any) -> None:
        answer = put_acl(server, python_upload(server), body)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "validation_error")

    @pytest.mark.parametrize(
        ("url", "status"),
        [("{url}?x=1", 400), ("https://v3.fal.media/files/none", 404), ("https://example.com/x", 404), ("x", 404)],
    )
    def test_wrong_addresses_are_refused(self, server: Server, url: str, status: int) -> None:
        url = url.format(url=python_upload(server))
        assert put_acl(server, url, {"default": "allow"}).status_code == status
        assert sign(server, url).status_code == status


@pytest.mark.both_stores
class TestSignedAddresses:
    def test_one_leads_to_a_forbidden_file(self, server: Server) -> None:
        url, other = python_upload(server), python_upload(server)
        for one in (url, other):
            put_acl(server, one, {"default": "forbid"})
        signed = sign(server, url).json()["signed_url"]
        assert signed.startswith(f"{url}?identity=")
        assert httpx.get(signed, trust_env=False).content == picture()
        assert read(f"{other}?{signed.partition('?')[2]}") == 403, "it is for one file"
        assert read(f"{url}?identity=made.up") == 403

    def test_a_signature_is_no_permission_to_upload(self, server: Server) -> None:
        url = python_upload(server)
        identity = sign(server, url).json()["signed_url"].partition("identity=")[2]
        assert httpx.put(f"{url}?upload_token={identity}", content=b"x", trust_env=False).status_code == 403
        headers = {"Authorization": f"Bearer {identity}"}
        assert server.http.post("/cdn/files/upload", content=b"x", headers=headers).status_code == 401

    @pytest.mark.parametrize("seconds", [0, 604_801, "soon", None])
    def test_for_a_week_at_most(self, server: Server, seconds: Any) -> None:
        assert sign(server, python_upload(server), seconds).status_code == 400


@pytest.mark.both_stores
class TestSettings:
    def test_they_belong_to_a_key_and_change_piece_by_piece(self, server: Server) -> None:
        path = f"{STORAGE}/settings"
        nothing = {"expiration_duration_seconds": None, "initial_acl": None}
        assert server.http.get(path).json() == nothing
        server.http.put(path, json={"expiration_duration_seconds": 86400})
        changed = server.http.put(path, json={"initial_acl": {"default": "hide"}})
        both = {"expiration_duration_seconds": 86400, "initial_acl": {"default": "hide", "rules": []}}
        assert changed.json() == server.http.get(path).json() == both
        assert server.http.get(path, headers=FRIEND).json() == nothing
        server.http.put(path, json=nothing)
        assert server.http.get(path).json() == nothing

    def test_a_reset_forgets_them(self, server: Server) -> None:
        path = f"{STORAGE}/settings"
        server.http.put(path, json={"expiration_duration_seconds": 86400})
        server.http.post("/_fakefal/reset?key=tester")
        assert server.http.get(path).json()["expiration_duration_seconds"] is None

    @pytest.mark.parametrize("body", [{"expiration_duration_seconds": 0}, {"initial_acl": {}}, {"more": 1}])
    def test_wrong_ones_are_refused(self, server: Server, body: Any) -> None:
        answer = server.http.put(f"{STORAGE}/settings", json=body)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "validation_error")


@pytest.mark.both_stores
def test_a_model_does_not_find_an_expired_file(server: Server) -> None:
    url = python_upload(server, {"expiration_duration_seconds": 60})
    assert server.result(I2V, {"prompt": "x", "start_image_url": url}).status_code == 200
    server.http.post("/_fakefal/clock?key=tester", json={"advance": 60})
    answer = server.result(I2V, {"prompt": "x", "start_image_url": url})
    assert answer.json()["detail"][0]["type"] == "file_download_error"


@pytest.mark.both_stores
def test_what_was_said_of_old_files_is_forgotten(serve: Serve) -> None:
    server = serve(max_files=2)
    results = [server.result(I2V, examples(I2V)["required"]).json()["video"]["url"] for _ in range(3)]
    for url in results:
        put_acl(server, url, {"default": "forbid"})
    assert [read(url) for url in results] == [200, 403, 403]


@pytest.mark.both_stores
class TestAPrivateFileStaysPrivate:
    """However many other files are closed, removed or announced."""

    @pytest.fixture
    def private(self, serve: Serve) -> tuple[Server, str]:
        server = serve(max_files=2)
        url = python_upload(server)
        put_acl(server, url, {"default": "forbid"})
        return server, url

    def test_whatever_is_announced_and_never_comes(self, private: tuple[Server, str]) -> None:
        server, url = private
        for _ in range(3):
            assert Parts(server).complete(1).status_code == 422
        assert (read(url), read(url, Authorization="Key tester:secret")) == (403, 200)

    def test_however_many_results_are_closed_and_erased(self, private: tuple[Server, str]) -> None:
        server, url = private
        for _ in range(3):
            submitted = server.submit(I2V, examples(I2V)["required"])
            result = server.http.get(submitted["response_url"]).json()["video"]["url"]
            assert put_acl(server, result, {"default": "forbid"}).status_code == 200
            erased = f"/platform/v1/models/requests/{submitted['request_id']}/payloads"
            assert server.http.delete(erased).status_code == 200
        assert read(url) == 403

    def test_when_its_owner_sends_it_again(self, serve: Serve) -> None:
        server = serve()
        upload = initiate(server, file_name="a.png", content_type="image/png").json()
        httpx.put(upload["upload_url"], content=b"one", trust_env=False).raise_for_status()
        put_acl(server, upload["file_url"], {"default": "forbid"})
        httpx.put(upload["upload_url"], content=b"two", trust_env=False).raise_for_status()
        assert read(upload["file_url"]) == 403
        owner = {"Authorization": "Key tester:secret"}
        assert httpx.get(upload["file_url"], headers=owner, trust_env=False).content == b"two"

    def test_and_its_owners_when_another_erases_a_result_that_names_it(self, serve: Serve, tmp_path: Path) -> None:
        before = serve(spool=tmp_path)
        url = python_upload(before)
        before.emulator.files.close()  # as a server that stops
        server = serve(spool=tmp_path)
        url = url.replace(before.url, server.url)
        effect = {"X-Fakefal-Effect": f"respond(video='{url}')"} | FRIEND
        submitted = server.submit(I2V, examples(I2V)["required"], **effect)
        erased = f"/platform/v1/models/requests/{submitted['request_id']}/payloads"
        (upload,) = server.http.delete(erased, headers=FRIEND).json()["cdn_delete_results"]
        assert upload == {"link": url, "exception": "The file belongs to another key"}
        assert read(url, Authorization="Key tester:secret") == 200

    def test_when_nobody_knows_any_more_who_may_read_it(self, serve: Serve, tmp_path: Path) -> None:
        before = serve(spool=tmp_path)
        private, public = python_upload(before), python_upload(before)
        put_acl(before, private, {"default": "forbid"})
        before.emulator.files.close()  # as a server that stops
        server = serve(spool=tmp_path)
        for kept in (private, public):
            url = kept.replace(before.url, server.url)
            assert (read(url), read(url, Authorization="Key tester:secret")) == (403, 200)
            assert put_acl(server, url, {"default": "hide"}).status_code == 200
            assert read(url) == 404
