"""What the page asks of the control API: jobs with state and price, one with all that is known, media, models."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fakefal_contracts import BUILT_IN
from support.endpoints import APP, I2V, O1
from support.receivers import Receiver
from support.server import SECRET, Serve, Server
from support.uploads import upload

pytestmark = pytest.mark.quick

PICTURE = "https://v3b.fal.media/files/b/rabbit/NaslJIC7F2WodS6DFZRRJ.png"


def ids(server: Server, **params: Any) -> list[str]:
    return [job["request_id"] for job in server.control("jobs", **params)["jobs"]]


def details(server: Server, request_id: str) -> dict[str, Any]:
    found: dict[str, Any] = server.control(f"requests/{request_id}/details")
    return found


@pytest.mark.both_stores
class TestJobs:
    def test_a_row_says_how_a_job_stands_and_what_it_costs(self, server: Server) -> None:
        request_id = server.submit(O1, {"prompt": "a lighthouse", "duration": "5"})["request_id"]
        (row,) = server.control("jobs")["jobs"]
        assert row.pop("submitted_at") == pytest.approx(row.pop("ended_at"), abs=60)
        assert row == {
            "request_id": request_id,
            "key": "tester",
            "endpoint_id": O1,
            "state": "completed",
            "queue_position": None,
            "prompt": "a lighthouse",
            "status": 200,
            "usd": 0.56,
            "charge": "charged",
            "maybe_usd": 0.0,
            "duplicate_of": None,
            "tags": {},
        }

    @pytest.mark.parametrize(
        ("body", "effect", "state"),
        [
            ({"prompt": "x"}, "", "completed"),
            ({"prompt": "x", "duration": 5}, "", "refused"),
            ({"prompt": "x"}, "runner_disconnected", "failed"),
            ({"prompt": "x"}, "stuck", "running"),
        ],
    )
    def test_each_state_has_a_word_and_can_be_asked_for(
        self, server: Server, body: dict[str, Any], effect: str, state: str
    ) -> None:
        wanted = server.submit(O1, body, **({"X-Fakefal-Effect": effect} if effect else {}))["request_id"]
        for word in ("queued", "running", "completed", "refused", "failed", "cancelled", "timed_out"):
            assert ids(server, state=word) == ([wanted] if word == state else [])

    def test_one_that_waits_has_a_place_and_can_be_cancelled(self, serve: Serve) -> None:
        server = serve(profile="realistic", runners=1)
        for _ in range(3):
            last = server.submit(O1, {"prompt": "x"})["request_id"]
        assert [job["queue_position"] for job in server.control("jobs", state="queued")["jobs"]] == [2, 1, 0]
        cancelled = server.http.post(f"/_fakefal/requests/{last}/cancel")
        assert (cancelled.status_code, cancelled.json()["cut"]) == (200, "cancelled")
        assert server.http.post(f"/_fakefal/requests/{last}/cancel").status_code == 409
        assert ids(server, state="cancelled") == [last]

    def test_they_are_found_by_words_key_and_model(self, server: Server) -> None:
        first = server.submit(O1, {"prompt": "Ein Tännchen im Wind"})["request_id"]
        second = server.submit(I2V, {"prompt": "a dog", "start_image_url": PICTURE}, Authorization="Key other:x")
        other = second["request_id"]
        assert ids(server) == [other, first]
        assert ids(server, q="tännchen WIND") == [first]
        assert ids(server, q="image-to-video dog") == [other]
        assert ids(server, q=first[-12:]) == [first]
        assert ids(server, q="tännchen dog") == []
        assert ids(server, key="other") == [other]
        assert ids(server, endpoint=O1) == [first]
        page = server.control("jobs", endpoint=O1)
        assert (page["found"], page["stored"], page["keys"]) == (1, 2, ["other", "tester"])
        assert page["endpoints"] == sorted([O1, I2V])

    def test_pages_follow_each_other(self, server: Server) -> None:
        every = [server.submit(O1, {"prompt": str(number)})["request_id"] for number in range(5)][::-1]
        page = server.control("jobs", limit=2)
        seen = [job["request_id"] for job in page["jobs"]]
        while page["next"]:
            page = server.control("jobs", limit=2, before=page["next"])
            seen += [job["request_id"] for job in page["jobs"]]
        assert seen == every

    def test_money_is_added_up_and_twins_stand_side_by_side(self, server: Server) -> None:
        first, second = (server.submit(O1, {"prompt": "x"})["request_id"] for _ in range(2))
        server.submit(O1, {"prompt": "x", "duration": 5})
        server.submit("fal-ai/wizper", {"audio_url": "https://example.com/a.mp3"})
        page = server.control("jobs")
        refusals = {"refused": 1, "billed_refusals": 0, "maybe_billed": 0, "maybe_usd": 0.0}
        assert page["money"] == {"usd": 1.12, "jobs": 4, "duplicates": 1, "unpriced": 1, **refusals}
        assert [[one["request_id"] for one in pair] for pair in page["twins"]] == [[first, second]]

    def test_refusals_that_fal_charges_or_may_charge_are_told_apart(self, server: Server) -> None:
        charges = {"": (0.0, 0.56), "(billed=true)": (0.56, 0.0), "(billed=false)": (0.0, 0.0)}
        for effect in charges:
            server.submit(O1, {"prompt": effect}, **{"X-Fakefal-Effect": f"content_policy_violation{effect}"})
        page = server.control("jobs")
        assert {job["prompt"]: (job["usd"], job["maybe_usd"]) for job in page["jobs"]} == charges
        assert [job["charge"] for job in page["jobs"]] == ["not_charged", "charged", "may_be_charged"]
        assert [details(server, job["request_id"])["maybe_usd"] for job in page["jobs"]] == [0.0, 0.0, 0.56]
        sums = {"refused": 3, "billed_refusals": 1, "maybe_billed": 1, "usd": 0.56, "maybe_usd": 0.56}
        assert page["money"].items() >= sums.items()

    def test_tags_filter_jobs_and_their_sums(self, server: Server) -> None:
        for team in ("design", "video"):
            server.submit(O1, {"prompt": team}, **{"X-Fal-Tags": f"team={team},env=prod"})
        server.submit(O1, {"prompt": "x"})
        page = server.control("jobs", tag=["team=video", "env=prod"])
        assert [job["tags"] for job in page["jobs"]] == [{"team": "video", "env": "prod"}]
        assert (page["found"], page["stored"], page["money"]["usd"]) == (1, 3, 0.56)
        assert len(ids(server, tag=["team=video", "team=design"])) == 2
        assert len(ids(server, tag="team=(untagged)")) == 1
        assert "write key=value" in server.http.get("/_fakefal/jobs?tag=team").json()["detail"]

    def test_the_balance_is_that_of_a_key_that_has_not_called(self, serve: Serve) -> None:
        assert serve().control("jobs")["balance"] is None
        server = serve(balance="1.00")
        server.submit(O1, {"prompt": "x"})
        server.http.post("/_fakefal/balance", json={"add": 0.5}).raise_for_status()
        assert (server.control("jobs")["balance"], server.control("balance")[0]["usd"]) == (1.5, 0.94)

    def test_a_body_without_a_prompt_has_its_first_text(self, server: Server) -> None:
        for body in ([], {}, {"number": 1, "text": "Hello"}, {"prompt": {"a": 1}, "x": 2}, None):
            server.submit(f"{APP}/anything", body)
        assert [job["prompt"] for job in server.control("jobs")["jobs"]] == ["", "", "Hello", "", ""]


@pytest.mark.both_stores
class TestDetails:
    def test_a_refusal_has_its_rule_and_what_to_write_instead(self, server: Server) -> None:
        request_id = server.submit(O1, {"prompt": "x", "duration": 5})["request_id"]
        shown = details(server, request_id)
        (problem,) = shown["problems"]
        assert problem["loc"] == ["body", "duration"]
        assert problem["rule"] == "o1.reference-to-video.duration.one_of"
        assert problem["hint"].startswith('send it as a string: "5"')
        assert shown["state"] == "refused"

    def test_where_its_time_went(self, serve: Serve) -> None:
        server = serve(profile="quick")
        effect = {"X-Fakefal-Effect": "retry_then_succeed(attempts=2)"}
        request_id = server.submit(O1, {"prompt": "x"}, **effect)["request_id"]
        assert [span["outcome"] for span in details(server, request_id)["spans"]] == ["queued"]
        server.advance(100)
        spans = details(server, request_id)["spans"]
        assert [(span["kind"], span["number"], span["outcome"]) for span in spans] == [
            ("queue", 1, "started"),
            ("attempt", 1, "failed"),
            ("attempt", 2, "failed"),
            ("attempt", 3, "completed"),
        ]
        assert [span["end"] - span["begin"] for span in spans] == pytest.approx([0.5, 0.2, 0.2, 2.0], abs=0.1)
        assert [before["end"] for before in spans[:-1]] == [after["begin"] for after in spans[1:]]

    def test_the_tries_of_its_webhook(self, server: Server, receiver: Receiver) -> None:
        receiver.answers = [500]
        answer = server.http.post(f"/queue/{O1}", params={"fal_webhook": receiver.url}, json={"prompt": "x"})
        server.advance(0)
        shown = details(server, answer.json()["request_id"])
        tries = [span for span in shown["spans"] if span["kind"] == "webhook"]
        assert [(one["number"], one["outcome"]) for one in tries] == [(1, "answered 500"), (2, "due")]
        assert tries[1]["begin"] == tries[0]["begin"] + 5
        assert shown["webhook"]["url"] == receiver.url
        assert shown["exchange"][0]["line"].endswith(
            "?fal_webhook=http%3A%2F%2F" + receiver.url[7:].replace(":", "%3A").replace("/", "%2F")
        )

    def test_what_went_over_the_wire_has_no_secret(self, server: Server) -> None:
        body = {"prompt": "x", "duration": "5"}
        submitted = server.submit(O1, body, Authorization=f"Key someone:{SECRET}", **{"x-fal-queue-priority": "low"})
        as_owner = {"Authorization": f"Key someone:{SECRET}"}
        status = server.http.get(submitted["status_url"], headers=as_owner)
        result = server.http.get(submitted["response_url"], headers=as_owner)
        answer = server.http.get(f"/_fakefal/requests/{submitted['request_id']}/details")
        assert SECRET not in answer.text
        call, *answers = answer.json()["exchange"]
        assert call["line"] == f"POST {server.url}/queue/{O1}"
        assert call["headers"]["Authorization"] == "Key someone:***"
        assert call["headers"]["X-Fal-Queue-Priority"] == "low"
        assert call["body"] == body
        assert [one["line"] for one in answers] == ["status: 200 OK", "result: 200 OK"]
        for shown, sent in zip(answers, (status, result), strict=True):
            assert shown["body"] == sent.json()
            assert shown["headers"].items() <= dict(sent.headers).items()
        assert [call["method"] for call in answer.json()["calls"]] == ["GET", "GET", "POST"]

    def test_its_media_lie_on_this_server(self, server: Server) -> None:
        body = {"prompt": "x", "start_image_url": PICTURE, "end_image_url": "https://example.com/b.png"}
        submitted = server.http.post(f"/{I2V}", json=body, headers={"Host": "queue.fal.run"}).json()
        request_id = submitted["request_id"]
        result, argument = details(server, request_id)["media"]
        assert (result["role"], result["loc"], result["content_type"]) == ("result", ["video", "url"], "video/mp4")
        assert (argument["role"], argument["loc"]) == ("argument", ["start_image_url"])
        for file in (result, argument):
            assert server.http.get(file["href"]).headers["content-type"] == file["content_type"]

    def test_a_data_uri_is_a_file_here(self, server: Server) -> None:
        picture = "data:image/png;base64," + "A" * 1000
        request_id = server.submit(I2V, {"prompt": "x", "start_image_url": picture})["request_id"]
        shown = details(server, request_id)
        (file,) = shown["media"]
        assert server.http.get(file["href"]).headers["content-type"] == "image/png"
        assert shown["exchange"][0]["body"]["start_image_url"] == f"{server.url}{file['href']}"
        assert [one["loc"] for one in shown["problems"]] == [["body", "start_image_url"]]

    @pytest.mark.parametrize("effect", ["respond(text=hello)", "respond(result={a: 1}, status=299)", "result_expired"])
    def test_any_answer_can_be_shown(self, server: Server, effect: str) -> None:
        request_id = server.submit(O1, {"prompt": "x"}, **{"X-Fakefal-Effect": effect})["request_id"]
        assert details(server, request_id)["state"] == "completed"

    def test_an_unknown_request_is_not_found(self, server: Server) -> None:
        assert server.http.get("/_fakefal/requests/x/details").status_code == 404
        assert server.http.post("/_fakefal/requests/x/cancel").status_code == 404


class TestMedia:
    def test_results_and_uploads_newest_first(self, server: Server) -> None:
        first, second = (server.submit(O1, {"prompt": word})["request_id"] for word in ("a", "b"))
        server.submit(O1, {"prompt": "x", "duration": 5})
        url = upload(server, b"hello", **{"Content-Type": "text/plain", "X-Fal-File-Name": "a b.txt"})
        found = server.control("media")
        assert [(one["role"], one["request_id"]) for one in found] == [
            ("result", second), ("result", first), ("upload", ""),
        ]  # fmt: skip
        assert found[-1]["href"] == httpx.URL(url).path
        assert found[-1]["content_type"] == "text/plain"
        assert len(server.control("media", limit=1)) == 2


class TestModels:
    def test_the_catalogue_is_searched(self, server: Server) -> None:
        found = server.control("models", q="kling o1 reference", limit=5)
        assert {
            "endpoint_id": O1,
            "title": "Kling O1 Reference Image to Video [Pro]",
            "category": "image-to-video",
        } in (found["models"])
        assert server.control("models")["found"] == len(BUILT_IN)
        assert "text-to-image" in found["categories"]

    @pytest.mark.parametrize("endpoint_id", [O1, I2V, "fal-ai/flux/dev", "fal-ai/whisper"])
    def test_a_form_has_what_its_example_needs(self, server: Server, endpoint_id: str) -> None:
        form = server.control("models/form", id=endpoint_id)
        known = form["schemas"][form["input"]]["properties"]
        assert form["example"].keys() <= known.keys()
        body = {"endpoint_id": endpoint_id, "arguments": form["example"]}
        report = server.http.post("/_fakefal/check", json=body).json()
        assert (report["endpoint_id"], report["ok"]) == (endpoint_id, True)

    def test_arguments_are_judged_as_a_request_is(self, server: Server) -> None:
        arguments = {"prompt": "x", "duration": 5}
        report = server.http.post("/_fakefal/check", json={"endpoint_id": O1, "arguments": arguments}).json()
        result = server.result(O1, arguments).json()
        assert [one["loc"] for one in report["errors"]] == [one["loc"] for one in result["detail"]]
        assert server.control("jobs")["stored"] == 1

    def test_what_is_unknown_is_not_found(self, server: Server) -> None:
        assert server.http.get("/_fakefal/models/form", params={"id": "fal-ai/nothing"}).status_code == 404
        body = {"endpoint_id": "fal-ai/nothing", "arguments": {}}
        assert server.http.post("/_fakefal/check", json=body).status_code == 404

    def test_effects_are_listed_with_what_they_take(self, server: Server) -> None:
        known = {one["name"]: one["takes"] for one in server.control("effects")}
        assert known["stuck"] == []
        assert known["retry_then_succeed"] == ["attempts"]
