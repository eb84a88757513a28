"""The control API: what it does, and whom it lets in."""

from __future__ import annotations

from typing import Any

import pytest

from fakefal.server.serving import serving
from fakefal.settings import Settings, SettingsError
from fakefal.version import VERSION
from support.endpoints import O1
from support.server import Serve, Server

pytestmark = pytest.mark.quick


def advance(server: Server, request_id: str, **body: Any) -> Any:
    return server.http.post(f"/_fakefal/requests/{request_id}/advance", json=body)


@pytest.mark.both_stores
class TestWhatItDoes:
    def test_health_and_ready(self, server: Server) -> None:
        assert server.control("health") == {
            "status": "ok",
            "version": VERSION,
            "profile": "instant",
            "contract": "latest",
            "any_key": True,
        }
        assert server.http.get("/_fakefal/ready").json() == {
            "ready": True,
            "fakefal": VERSION,
            "lead_folder": None,
        }

    def test_requests_are_shown_newest_first(self, server: Server) -> None:
        ids = [server.submit(O1, {"prompt": str(number)})["request_id"] for number in range(3)]
        shown = server.http.get("/_fakefal/requests").json()
        assert [one["request_id"] for one in shown] == ids[::-1]
        assert shown[0] == {
            "request_id": ids[2],
            "endpoint_id": O1,
            "key": "tester",
            "arguments": {"prompt": "2"},
            "status": "COMPLETED",
            "queue_position": None,
            **{name: shown[0][name] for name in ("submitted_at", "started_at", "ended_at")},
            "judged": True,
            "cut": None,
            "result_status": 200,
            "billable_units": 5.0,
            "charge": "charged",
            "tags": {},
            "hint": "",
            "logs": ["Arguments checked", *(f"Generating: {part}%" for part in (10, 50, 90))],
        }
        assert server.http.get("/_fakefal/requests", params={"key": "stranger"}).json() == []

    def test_advance_by_seconds_to_start_and_to_end(self, serve: Serve) -> None:
        server = serve(profile="realistic", runners=1)
        jobs = [server.submit(O1, {"prompt": "x"})["request_id"] for _ in range(3)]
        assert advance(server, jobs[0], to="start").json()["status"] == "IN_PROGRESS"
        assert advance(server, jobs[0], seconds=10_000).json()["status"] == "COMPLETED"
        assert advance(server, jobs[1], to="end").json()["result_status"] == 200
        over = advance(server, jobs[1], seconds=1)
        assert over.status_code == 409
        assert "COMPLETED cannot advance" in over.json()["detail"]

    @pytest.mark.parametrize("body", [{}, {"seconds": 1, "to": "end"}, {"seconds": -1}, {"to": "x"}, {"second": 1}])
    def test_a_wrong_advance_says_what_is_wrong(self, server: Server, body: Any) -> None:
        request_id = server.submit(O1, {"prompt": "x"})["request_id"]
        assert advance(server, request_id, **body).status_code == 422

    def test_with_a_key_other_keys_requests_are_unknown(self, serve: Serve) -> None:
        server = serve(profile="realistic")
        submitted = server.submit(O1, {"prompt": "x"})["request_id"]
        for key, status in (("other", 404), ("tester", 200)):
            address = f"/_fakefal/requests/{submitted}"
            assert server.http.get(address, params={"key": key}).status_code == status
            moved = server.http.post(f"{address}/advance", params={"key": key}, json={"to": "start"})
            assert moved.status_code == status
        assert server.http.post(f"/_fakefal/webhooks/{submitted}/replay?key=other").status_code == 404

    def test_reset_forgets_one_key_or_everything(self, server: Server) -> None:
        server.submit(O1, {"prompt": "x"})
        server.submit(O1, {"prompt": "x"}, Authorization="Key other:secret")
        assert server.http.post("/_fakefal/reset", params={"key": "other"}).json() == {"requests": 1}
        assert len(server.http.get("/_fakefal/requests").json()) == 1
        assert server.http.post("/_fakefal/reset").json() == {"requests": 1, "files": 0}
        assert server.http.get("/_fakefal/requests").json() == []

    def test_data_uris_are_kept_once_and_not_shown(self, server: Server) -> None:
        address = "data:image/png;base64," + "A" * 1000
        for _ in range(2):
            server.submit(O1, {"prompt": "x", "image_urls": [address]})
        shown = server.http.get("/_fakefal/requests").json()
        (path,) = {one["arguments"]["image_urls"][0] for one in shown}
        assert path.startswith("/files/data/")
        assert len(server.emulator.files.all()) == 1


class TestWhomItLetsIn:
    def test_a_simple_form_without_a_body_is_stopped_by_its_origin(self, server: Server) -> None:
        answer = server.http.post("/_fakefal/reset", headers={"Origin": "http://evil.example"})
        assert answer.status_code == 403

    def test_a_body_in_chunks_is_a_body(self, server: Server) -> None:
        headers = {"Content-Type": "text/plain"}
        assert server.http.post("/_fakefal/reset", content=iter([b"x"]), headers=headers).status_code == 415

    def test_beyond_loopback_a_server_without_a_token_does_not_start(self) -> None:
        with pytest.raises(SettingsError, match="needs a token"), serving(Settings(), host="0.0.0.0"):
            pass

    def test_its_own_page_may(self, server: Server) -> None:
        assert server.http.post("/_fakefal/reset", json={}, headers={"Sec-Fetch-Site": "same-origin"}).is_success
        assert server.http.get("/_fakefal/requests", headers={"Origin": server.url}).status_code == 200

    def test_no_page_elsewhere_can_read_it(self, server: Server) -> None:
        asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
        assert "access-control-allow-origin" not in server.http.options("/_fakefal/reset", headers=asked).headers

    def test_a_token_where_one_is_set(self, serve: Serve) -> None:
        server = serve(control_token="t0ken", hosts=frozenset({"fake.lan"}))
        assert server.http.get("/_fakefal/health").status_code == 401
        allowed = {"Authorization": "Bearer t0ken", "Host": "fake.lan:8710"}
        assert server.http.get("/_fakefal/health", headers=allowed).status_code == 200

    def test_an_uploaded_page_cannot_run(self, server: Server) -> None:
        part = server.emulator.files.open_part()
        part.write(b"<script>fetch('/_fakefal/reset', {method: 'POST'})</script>")
        server.emulator.files.keep(part, "/files/b/0/evil.html", "text/html")
        headers = server.http.get("/cdn/files/b/0/evil.html").headers
        assert headers["content-security-policy"].startswith("sandbox;")
        assert headers["x-content-type-options"] == "nosniff"
