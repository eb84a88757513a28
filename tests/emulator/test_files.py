"""Uploads and downloads over a real socket, good and hostile."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakefal_fixtures import EXAMPLES
from support.endpoints import I2V
from support.media import picture
from support.server import Serve, Server
from support.uploads import Parts, bearer, initiate, upload

pytestmark = pytest.mark.quick


class TestUploads:
    def test_the_token_is_in_the_clients_form(self, server: Server) -> None:
        token = server.http.post("/rest/storage/auth/token?storage_type=fal-cdn-v3", json={}).json()
        assert list(token) == ["token", "token_type", "base_url", "expires_at"]
        assert token["base_url"] == f"{server.url}/cdn"
        assert datetime.fromisoformat(token["expires_at"]) > datetime.now(UTC)

    def test_without_a_key_there_is_none(self, server: Server) -> None:
        answer = httpx.post(f"{server.url}/rest/storage/auth/token", json={}, trust_env=False)
        assert (answer.status_code, answer.json()) == (401, {"detail": "Authorization header is required"})

    def test_initiate_and_put(self, server: Server) -> None:
        upload = initiate(server, file_name="a b.png", content_type="image/png").json()
        assert list(upload) == ["file_url", "upload_url"]
        assert httpx.put(upload["upload_url"], content=picture(), trust_env=False).status_code == 200
        got = httpx.get(upload["file_url"], trust_env=False)
        assert (got.content, got.headers["content-type"]) == (picture(), "image/png")
        assert upload["file_url"].endswith("_a_b.png")

    def test_an_uploaded_picture_is_judged(self, server: Server) -> None:
        good = upload(server, picture(), **{"Content-Type": "image/png"})
        small = upload(server, picture(100, 100))
        assert server.result(I2V, {"prompt": "x", "start_image_url": good}).status_code == 200
        answer = server.result(I2V, {"prompt": "x", "start_image_url": good, "end_image_url": small})
        assert answer.status_code == 422
        assert answer.json() == {
            "detail": [
                {
                    "loc": ["body", "end_image_url"],
                    "msg": "Image dimensions are too small. Minimum dimensions are 300x300 pixels.",
                    "type": "image_too_small",
                    "url": "https://docs.fal.ai/errors#image_too_small",
                    "ctx": {"min_height": 300, "min_width": 300},
                    "input": small,
                }
            ]
        }

    @pytest.mark.parametrize(
        ("size", "ratio"), [((1280, 720), (1920, 1080)), ((720, 1280), (1080, 1920)), ((500, 520), (1440, 1440))]
    )
    def test_the_clip_takes_the_nearest_shape_of_the_first_picture(
        self, server: Server, size: tuple[int, int], ratio: tuple[int, int], tmp_path: Path
    ) -> None:
        from support.media import measure

        url = upload(server, picture(*size))
        result = server.result(I2V, {"prompt": "x", "start_image_url": url}).json()
        (tmp_path / "clip.mp4").write_bytes(server.http.get(result["video"]["url"]).content)
        assert measure(tmp_path / "clip.mp4")["size"] == ratio

    def test_a_file_of_ours_that_does_not_exist_cannot_be_downloaded(self, server: Server) -> None:
        answer = server.result(I2V, {"prompt": "x", "start_image_url": f"{server.url}/cdn/files/b/0/nothing.png"})
        assert [item["type"] for item in answer.json()["detail"]] == ["file_download_error"]

    def test_foreign_addresses_are_not_fetched_and_a_log_line_says_so(self, server: Server) -> None:
        submitted = server.submit(I2V, {"prompt": "x", "start_image_url": "https://pictures.example/a.png"})
        logs = server.http.get(submitted["status_url"], params={"logs": 1}).json()["logs"]
        assert logs[0]["message"].startswith("Not checked: start_image_url (https://pictures.example/a.png)")
        assert server.http.get(submitted["response_url"]).status_code == 200

    @pytest.mark.parametrize(
        "name", ["../../etc/passwd", "a/../../b.png", "ü\r\nX: y.png", "x" * 500, "", "...", "a?b#c.png"]
    )
    def test_names_cannot_lead_anywhere(self, server: Server, name: str) -> None:
        upload = initiate(server, file_name=name, content_type="image/png").json()
        path = httpx.URL(upload["file_url"]).path
        assert path.count("/") == 5
        assert ".." not in path
        httpx.put(upload["upload_url"], content=b"x", trust_env=False)
        assert httpx.get(upload["file_url"], trust_env=False).content == b"x"

    @pytest.mark.parametrize("body", [{}, {"file_name": 5, "content_type": "x"}, [], 3, "x"])
    def test_a_wrong_announcement_says_what_is_wrong(self, server: Server, body: Any) -> None:
        answer = server.http.post("/rest/storage/upload/initiate", json=body)
        assert answer.status_code == 422
        assert "file_name" in answer.json()["detail"]

    def test_an_upload_over_the_limit_leaves_nothing(self, serve: Serve) -> None:
        server = serve(max_upload_bytes=1000)
        answer = server.http.post("/cdn/files/upload", content=b"x" * 2000, headers=bearer(server))
        assert answer.status_code == 413
        assert server.emulator.files.all() == []

    def test_tokens_of_others_are_refused(self, server: Server) -> None:
        upload = initiate(server, file_name="a.png", content_type="image/png").json()
        other = initiate(server, file_name="b.png", content_type="image/png").json()
        token = httpx.URL(other["upload_url"]).params["upload_token"]
        for url in (
            f"{upload['file_url']}?upload_token={token}",
            f"{upload['file_url']}?upload_token=x.y",
            upload["file_url"],
        ):
            assert httpx.put(url, content=b"x", trust_env=False).status_code in (401, 403)
        for header in ({}, {"Authorization": "Bearer x.y"}, {"Authorization": "Key a:b"}):
            answer = httpx.post(f"{server.url}/cdn/files/upload", content=b"x", headers=header, trust_env=False)
            assert answer.status_code == 401

    def test_parts_that_never_came_are_named(self, server: Server) -> None:
        parts = Parts(server, **{"X-Fal-File-Name": "a.bin"})
        part = parts.put(1, b"one")
        assert part.headers["etag"] == part.json()["etag"]
        answer = parts.complete(1, 3)
        assert (answer.status_code, answer.json()) == (422, {"detail": "part 3 was not uploaded"})
        assert parts.complete("x").status_code == 422
        assert parts.put(0, b"x").status_code == 422
        for _ in range(2):  # a repeated completion is answered
            assert parts.complete(1).is_success
        assert server.http.get(parts.url).content == b"one"

    @pytest.mark.memory_only("the bytes of a dropped file stay for a minute: another replica may be sending them")
    def test_parts_count_as_files_and_go_with_them(self, serve: Serve) -> None:
        server = serve(max_file_bytes=1000)
        parts = Parts(server)
        assert all(parts.put(number, b"x" * 400).is_success for number in range(1, 6))
        folder = server.emulator.files.folder
        assert sum(path.stat().st_size for path in folder.glob("*.bin")) <= 1000
        server.http.post("/_fakefal/reset")
        assert list(folder.glob("[!.]*")) == []

    def test_parts_together_keep_the_limit(self, serve: Serve) -> None:
        parts = Parts(serve(max_upload_bytes=1000))
        for number in (1, 2):
            parts.put(number, b"x" * 600)
        assert parts.complete(1, 2).status_code == 413

    @pytest.mark.parametrize("number", ["0", "10001", "9" * 5000, "x", "1.5"])
    def test_odd_part_numbers_are_refused(self, server: Server, number: str) -> None:
        upload = initiate(server, file_name="a", content_type="a/b").json()
        url = httpx.URL(upload["upload_url"])
        part = url.copy_with(path=f"{url.path}/{number}")
        assert httpx.put(part, content=b"x", trust_env=False).status_code in (403, 422)
        complete = url.copy_with(path=f"{url.path}/complete")
        body = {"parts": [{"partNumber": int(number[:300]) if number.isdecimal() else number}]}
        assert httpx.post(complete, json=body, trust_env=False).status_code == 422

    def test_a_token_for_uploads_is_no_upload_token(self, server: Server) -> None:
        upload = initiate(server, file_name="a", content_type="a/b").json()
        url = httpx.URL(upload["upload_url"])
        token = bearer(server)["Authorization"].removeprefix("Bearer ")
        wrong = url.copy_set_param("upload_token", token)
        assert httpx.put(wrong, content=b"x", trust_env=False).status_code == 403
        as_bearer = {"Authorization": f"Bearer {url.params['upload_token']}"}
        answer = httpx.post(f"{server.url}/cdn/files/upload", content=b"x", headers=as_bearer, trust_env=False)
        assert answer.status_code == 401

    @pytest.mark.parametrize("content_type", ["a/b\r\nX: y", "text/plain€", "", "x", "a/b; c=d"])
    def test_odd_media_types_are_served_as_bytes(self, server: Server, content_type: str) -> None:
        upload = initiate(server, file_name="a", content_type=content_type).json()
        httpx.put(upload["upload_url"], content=b"x", trust_env=False)
        got = httpx.get(upload["file_url"], trust_env=False)
        expected = "a/b; c=d" if content_type == "a/b; c=d" else "application/octet-stream"
        assert (got.status_code, got.headers["content-type"]) == (200, expected)

    def test_the_oldest_files_go_first(self, serve: Serve) -> None:
        server = serve(max_files=2)
        urls = [upload(server, str(number).encode()) for number in range(3)]
        assert [server.http.get(url).status_code for url in urls] == [404, 200, 200]


class TestDownloads:
    @pytest.mark.memory_only("the bytes of a dropped file stay for a minute: another replica may be sending them")
    def test_a_file_that_is_dropped_meanwhile_arrives_whole(self, server: Server) -> None:
        content = bytes(range(256)) * 40_000
        url = upload(server, content)
        with server.http.stream("GET", url) as answer:
            parts = answer.iter_bytes(1000)
            first = next(parts)
            server.emulator.files.reset()
            assert first + b"".join(parts) == content
        folder = server.emulator.files.folder
        for _ in range(1000):  # the server lets go of it a little after its last byte
            assert server.http.get(url).status_code == 404
            if not any(folder.glob("[!.]*")):
                break
        assert list(folder.glob("[!.]*")) == []

    def test_ranges(self, server: Server) -> None:
        url = upload(server, b"0123456789")
        part = server.http.get(url, headers={"Range": "bytes=2-4"})
        assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
        assert server.http.get(url, headers={"Range": "bytes=-2"}).content == b"89"
        assert server.http.get(url, headers={"Range": "bytes=20-"}).status_code == 416

    def test_headers(self, server: Server) -> None:
        url = upload(server, b"0123456789", **{"Content-Type": "video/mp4"})
        head = server.http.head(url).headers
        assert (head["content-type"], head["content-length"], head["accept-ranges"]) == ("video/mp4", "10", "bytes")
        assert head["access-control-allow-origin"] == "*"
        assert head["cache-control"] == "public, max-age=5184000, immutable"

    def test_who_has_a_file_is_not_sent_it_again(self, server: Server) -> None:
        url = upload(server, b"0123456789", **{"Content-Type": "video/mp4"})
        etag = server.http.get(url).headers["etag"]
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            for method in ("GET", "HEAD"):
                answer = server.http.request(method, url, headers={"If-None-Match": known})
                assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
                assert answer.headers["cache-control"] == "public, max-age=5184000, immutable"
                assert answer.headers["access-control-allow-origin"] == "*"
        for known in ('"other"', "", etag.strip('"')):
            assert server.http.get(url, headers={"If-None-Match": known}).content == b"0123456789"

    def test_older_clients_upload_to_fal_media_with_their_key(self, server: Server) -> None:
        host = {"Host": "fal.media", "Content-Type": "image/png"}
        answer = server.http.post("/files/upload", content=b"picture", headers=host)
        assert answer.status_code == 200
        url = answer.json()["access_url"]
        assert url.startswith("https://v3b.fal.media/files/b/")
        path = url.removeprefix("https://v3b.fal.media")
        assert server.http.get(path, headers={"Host": "v3b.fal.media"}).content == b"picture"
        for wrong in ({"Authorization": ""}, {"Authorization": "Key nonsense"}):
            assert server.http.post("/files/upload", content=b"x", headers=host | wrong).status_code == 401
        locked = {"X-Fakefal-Effect": "locked_account"}
        assert server.http.post("/files/upload", content=b"x", headers=host | locked).status_code == 403
        newer = {"Host": "v3.fal.media"}
        assert server.http.post("/files/upload", content=b"x", headers=newer).status_code == 401, "by a token only"

    @pytest.mark.parametrize("path", EXAMPLES)
    def test_the_documents_files_exist(self, server: Server, path: str) -> None:
        answer = server.http.get(path, headers={"Host": "v3b.fal.media"})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == ("video/mp4" if path.endswith("mp4") else "image/png")

    @pytest.mark.parametrize(
        "path",
        [
            "..%2f..%2fetc/passwd",
            "%2e%2e/%2e%2e/etc/passwd",
            "b/0a8d1c8a/x.png",
            "",
            "b/ffffffff/aaaaaaaaaaaaaaaaaaaaa_output.mp4",
        ],
    )
    def test_other_paths_are_404(self, server: Server, path: str) -> None:
        assert server.http.get(f"/cdn/files/{path}").status_code == 404
