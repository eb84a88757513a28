"""The validating proxy before a second emulator that stands in for fal, over real sockets."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fakefal.cli import main
from fakefal.proxy.app import ValidatingProxy
from fakefal.proxy.upstream import Upstream
from fakefal.recording.folder import ExchangeWriter, read_folder
from fakefal.recording.spend_limit import OverSpendLimit, SpendLimit, SpendReservation
from fakefal.server.serving import Listening, hosting, serving_from
from fakefal_contracts import check, examples
from support.endpoints import O1, O3
from support.programs import FAKEFAL, JS, PROGRAMS, check_videos, finish, ready
from support.server import KEY, Serve, Server, caller
from support.waiting import LIMIT, run_program

BACKUP = "queue.falrun.com"
PLAIN = {"prompt": "a lighthouse"}
ALL_EVENTS = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]


@dataclass
class Proxied:
    """A proxy, what stands behind it, and a client for each."""

    proxy: ValidatingProxy
    http: httpx.Client
    url: str
    behind: Server

    def submit(self, arguments: Any, endpoint_id: str = O1, **headers: str) -> httpx.Response:
        return self.http.post(f"/queue/{endpoint_id}", json=arguments, headers=headers)

    def result(self, arguments: Any, endpoint_id: str = O1, **headers: str) -> httpx.Response:
        """Submit and read the result at once, as the instant profile allows."""
        return self.http.get(self.submit(arguments, endpoint_id, **headers).json()["response_url"])

    @property
    def arrived(self) -> int:
        """How many requests the service got."""
        return len(self.behind.http.get("/_fakefal/requests").json())

    @property
    def kinds(self) -> list[str]:
        return [one["kind"] for one in self.proxy.report().as_dict()["differences"]]


Start = Callable[..., Proxied]


@pytest.fixture
def stand(serve: Serve, tmp_path: Path) -> Iterator[Start]:
    """Start a proxy before a second emulator; keyword arguments are that one's settings."""
    with ExitStack() as stack:

        def start(usd: str = "5", url: str | None = None, **settings: Any) -> Proxied:
            behind = serve(**settings)
            upstream = Upstream(url or behind.url)
            proxy = ValidatingProxy(
                upstream, SpendLimit(Decimal(usd)), ExchangeWriter(tmp_path / "out", source="upstream")
            )
            where = stack.enter_context(hosted(proxy))
            http = stack.enter_context(caller(where.url))
            return Proxied(proxy, http, where.url, behind)

        yield start


@contextmanager
def hosted(proxy: ValidatingProxy) -> Iterator[Listening]:
    with serving_from(
        lambda bound: hosting(proxy.app(), bound, closing=proxy.close_streams, own_date=False)
    ) as listening:
        yield listening


@contextmanager
def silent() -> Iterator[tuple[str, list[bytes]]]:
    """A service that takes calls and hangs up without an answer."""
    calls: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def body() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    calls.append(connection.recv(65536))

        threading.Thread(target=body, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", calls
        server.shutdown(socket.SHUT_RDWR)


class TestPassing:
    def test_a_life_by_base_url(self, stand: Start) -> None:
        proxied = stand(profile="stepped")
        submitted = proxied.submit(PLAIN).json()
        assert submitted["status_url"].startswith(f"{proxied.url}/queue/fal-ai/kling-video/requests/")
        seen = [proxied.http.get(submitted["status_url"]) for _ in range(3)]
        assert [one.status_code for one in seen] == [202, 202, 200]
        assert [one.json()["status"] for one in seen] == ALL_EVENTS
        assert proxied.http.get(submitted["response_url"]).json()["video"]["content_type"] == "video/mp4"
        assert proxied.kinds == []

    def test_answers_are_unchanged(self, stand: Start) -> None:
        proxied = stand()
        place = proxied.submit(PLAIN).json()["response_url"].removeprefix(f"{proxied.url}/queue")
        straight = proxied.behind.http.get(place, headers={"Host": "queue.fal.run"})
        passed = proxied.http.get(f"/queue{place}")
        assert passed.content == straight.content
        assert {**passed.headers, "date": ""} == {**straight.headers, "date": ""}
        assert passed.headers.get_list("date") == [passed.headers["date"]], "one Date header, the service's"

    def test_streams_pass_as_they_come(self, stand: Start) -> None:
        proxied = stand(profile="realistic")
        submitted = proxied.submit(PLAIN).json()
        advance = f"/_fakefal/requests/{submitted['request_id']}/advance"
        seen = []
        with proxied.http.stream("GET", f"{submitted['status_url']}/stream") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    event = json.loads(line.removeprefix("data:"))
                    assert event["status_url"] == submitted["status_url"]
                    seen.append(event["status"])
                    # the service goes on only once its event was seen here
                    proxied.behind.http.post(advance, json={"to": "start" if len(seen) == 1 else "end"})
        assert seen == ALL_EVENTS

    def test_an_open_stream_does_not_hold_the_end_up(self, stand: Start) -> None:
        proxied = stand(effects=("stuck",))
        address = proxied.submit(PLAIN).json()["status_url"] + "/stream"
        with httpx.stream("GET", address, headers=KEY, trust_env=False) as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("data:")
            proxied.proxy.close_streams()
            assert "COMPLETED" not in "".join(lines), "it ends, and the request has not"

    def test_uploads_and_downloads(self, stand: Start) -> None:
        proxied = stand()
        bearer = proxied.http.post("/rest/storage/auth/token", json={}).json()
        assert bearer["base_url"] == "https://v3b.fal.media"
        headers = {"Authorization": f"Bearer {bearer['token']}", "X-Fal-File-Name": "a b.bin"}
        place = proxied.http.post("/cdn/files/upload", content=b"bytes" * 1000, headers=headers).json()["access_url"]
        answer = proxied.http.get(place.replace("https://v3b.fal.media", "/cdn"))
        assert answer.content == b"bytes" * 1000

    def test_no_mcp_server_attaches_to_it(self, stand: Start, tmp_path: Path) -> None:
        done = run_program([*FAKEFAL, "mcp", "--attach", stand().url], cwd=tmp_path, stdin=subprocess.DEVNULL)
        assert (done.returncode, done.stdout) == (1, "")
        assert "is not a fakefal: give the URL" in done.stderr

    def test_the_javascript_clients_route(self, stand: Start) -> None:
        proxied = stand()
        target = {"x-fal-target-url": f"https://queue.fal.run/{O1}"}
        assert proxied.http.post("/proxy", json=PLAIN, headers=target).json()["status"] == "IN_QUEUE"
        assert proxied.arrived == 1

    def test_a_caller_brings_its_own_key(self, stand: Start) -> None:
        proxied = stand()
        answer = httpx.post(f"{proxied.url}/queue/{O1}", json=PLAIN, trust_env=False)
        assert (answer.status_code, answer.json()["detail"][:25]) == (401, "Cannot access application")

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", f"/run/{O1}"),
            ("DELETE", "/queue/fal-ai/kling-video/requests/x"),
            ("POST", "/rest/tokens/"),
            ("POST", "/platform/v1/keys"),
            ("GET", "/ws/fal-ai/kling-video"),
            ("OPTIONS", f"/queue/{O1}"),
            ("GET", "/nonsense/x"),
        ],
    )
    def test_what_nobody_knows_the_price_of_is_not_sent(self, method: str, path: str, stand: Start) -> None:
        with silent() as (url, calls):
            answer = stand(url=url).http.request(method, path)
        assert answer.status_code == 501
        assert "was not sent" in answer.json()["detail"]
        assert calls == []


class TestBeforeItIsPaid:
    def test_what_no_known_revision_accepts_is_refused(self, stand: Start) -> None:
        proxied = stand()
        body = {"prompt": "x", "duration": "11"}
        answer = proxied.submit(body)
        expected = [error.wire() for error in check(O1, body, contract="latest").errors]
        assert (answer.status_code, answer.json()) == (422, {"detail": expected})
        assert answer.headers["x-fal-billable-units"] == "0"
        assert "did not send" in answer.headers["x-fakefal-hint"]
        assert proxied.arrived == 0

    @pytest.mark.parametrize("content", [b"{", b"\xff", b"[1", b"NaN"])
    def test_what_is_no_json_is_refused(self, content: bytes, stand: Start) -> None:
        proxied = stand()
        assert proxied.http.post(f"/queue/{O1}", content=content).status_code == 422
        assert proxied.arrived == 0

    @pytest.mark.parametrize("endpoint_id", ["fal-ai/fast-sdxl", "nobody/knows/it", "workflows/a/b"])
    def test_without_a_known_price_nothing_is_sent(self, endpoint_id: str, stand: Start) -> None:
        proxied = stand()
        assert proxied.submit(PLAIN, endpoint_id).status_code == 501
        assert (proxied.arrived, proxied.proxy.jobs.not_sent[0].reason) == (0, "no price is known")

    def test_what_exceeds_the_limit_is_refused(self, stand: Start) -> None:
        proxied = stand("1")
        assert proxied.submit(PLAIN).status_code == 200
        refused = proxied.submit(PLAIN)
        assert refused.status_code == 403
        assert refused.json()["detail"].endswith("costs $0.56, and $0.44 of the spend limit of $1.00 is left")
        assert proxied.submit({**PLAIN, "duration": "3"}).status_code == 200, "what still fits is sent"
        assert proxied.arrived == 2

    def test_a_file_that_nobody_looked_at_may_be_as_long_as_its_limit(self, stand: Start) -> None:
        proxied = stand("1.68")
        clip = {"prompt": "x", "video_url": "https://media.example/clip.mp4"}
        refused = proxied.submit(clip, "fal-ai/kling-video/o3/pro/video-to-video/edit")
        assert (refused.status_code, proxied.arrived) == (403, 0)
        assert "costs $1.6884" in refused.json()["detail"], "10.05 s at $0.168"

    def test_a_limit_of_nothing_sends_nothing(self, stand: Start) -> None:
        proxied = stand("0")
        assert [proxied.submit(PLAIN).status_code, proxied.http.post(f"/run/{O1}", json=PLAIN).status_code] == [
            403,
            403,
        ]
        assert proxied.arrived == 0

    def test_many_callers_at_once_stay_within_the_limit(self, stand: Start) -> None:
        proxied = stand("2")

        def call() -> None:
            statuses.append(proxied.submit(PLAIN).status_code)

        statuses: list[int] = []
        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [200] * 3 + [403] * 5
        assert proxied.arrived == 3

    def test_a_test_prompt_never_reaches_fal(self, tmp_path: Path) -> None:
        """Nothing may be sent here, so that no connection is there to send it on."""

        def fail(_: httpx.Request) -> httpx.Response:
            raise AssertionError

        upstream = Upstream(None, transport=httpx.MockTransport(fail))
        proxy = ValidatingProxy(upstream, SpendLimit(Decimal(5)), ExchangeWriter(tmp_path))
        with hosted(proxy) as where:
            answer = httpx.post(f"{where.url}/queue/{O1}", json={"prompt": "fakefal:stuck"}, trust_env=False)
        assert answer.status_code == 422
        assert "a test prompt" in answer.json()["detail"]

    def test_fal_itself_is_called_under_its_own_names(self, tmp_path: Path) -> None:
        seen: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(401, json={"detail": "invalid key credentials"})

        upstream = Upstream(None, transport=httpx.MockTransport(answer))
        query = "?fal_webhook=https%3A%2F%2Fa%2Fb"
        own = KEY | {"User-Agent": "mine"}
        with hosted(ValidatingProxy(upstream, SpendLimit(Decimal(5)), ExchangeWriter(tmp_path))) as where:
            httpx.post(f"{where.url}/queue/{O1}{query}", json=PLAIN, headers=own, trust_env=False)
            httpx.post(f"{where.url}/{O1}{query}", json=PLAIN, headers=own | {"Host": BACKUP}, trust_env=False)
        assert [str(one.url) for one in seen] == [f"https://{name}/{O1}{query}" for name in ("queue.fal.run", BACKUP)]
        for one in seen:
            sent = {name: one.headers.get(name) for name in ("host", "authorization", "user-agent", "accept-encoding")}
            assert sent == {**{k.lower(): v for k, v in KEY.items()}, "user-agent": "mine"} | {
                "host": one.url.host,
                "accept-encoding": "identity",
            }


class TestMoney:
    def test_a_result_settles_by_its_bill(self, stand: Start) -> None:
        proxied = stand()
        budget = proxied.proxy.jobs.budget
        submitted = proxied.submit(PLAIN).json()
        assert (budget.spent, budget.reserved) == (0, Decimal("0.560"))
        for _ in range(2):
            proxied.http.get(submitted["response_url"])
        assert (budget.spent, budget.reserved, budget.left) == (Decimal("0.560"), 0, Decimal("4.440"))

    def test_a_synchronous_call_is_settled_at_once(self, stand: Start) -> None:
        proxied = stand()
        assert proxied.http.post(f"/run/{O1}", json=PLAIN).status_code == 200
        assert (proxied.proxy.jobs.budget.spent, proxied.proxy.jobs.budget.reserved) == (Decimal("0.560"), 0)

    @pytest.mark.parametrize(
        ("effect", "outcome"),
        [
            ("content_policy_violation(billed=false)", "refused"),
            ("generation_timeout", "failed"),
            ("runner_disconnected", "failed"),
            ("locked_account", "not accepted: 403"),
            ("queue_full", "not accepted: 429"),
        ],
    )
    def test_what_is_not_billed_is_given_back(self, effect: str, outcome: str, stand: Start) -> None:
        proxied = stand(effects=(effect,))
        submitted = proxied.submit(PLAIN)
        if submitted.status_code == 200:
            proxied.http.get(submitted.json()["response_url"])
        (job,) = proxied.proxy.jobs.sent
        assert (job.outcome, proxied.proxy.jobs.budget.left, proxied.kinds) == (outcome, 5, [])

    @pytest.mark.parametrize(
        ("effect", "spent", "reserved"),
        [
            ("content_policy_violation", "0", "0.560"),
            ("content_policy_violation(billed=true)", "0.560", "0"),
            ("respond(result={}, status=422, billed=true)", "0.560", "0"),
        ],
    )
    def test_a_refusal_that_may_be_billed_is_not(self, effect: str, spent: str, reserved: str, stand: Start) -> None:
        proxied = stand(effects=(effect,))
        proxied.http.get(proxied.submit(PLAIN).json()["response_url"])
        budget = proxied.proxy.jobs.budget
        assert (budget.spent, budget.reserved) == (Decimal(spent), Decimal(reserved))

    def test_a_failure_that_only_the_status_showed_is_given_back(self, stand: Start) -> None:
        proxied = stand(effects=("runner_disconnected",))
        assert (
            proxied.http.get(proxied.submit(PLAIN).json()["status_url"]).json()["error_type"] == "runner_disconnected"
        )
        assert proxied.proxy.jobs.budget.left == 5

    def test_cancelled_in_the_queue_costs_nothing(self, stand: Start) -> None:
        proxied = stand(profile="realistic", runners=1)
        first, second = (proxied.submit(PLAIN).json() for _ in range(2))
        proxied.behind.http.post(f"/_fakefal/requests/{first['request_id']}/advance", json={"to": "start"})
        assert proxied.http.put(second["cancel_url"]).status_code == 200
        assert proxied.proxy.jobs.budget.reserved == Decimal("0.560")
        assert proxied.http.put(first["cancel_url"]).status_code == 202
        assert proxied.proxy.jobs.budget.reserved == Decimal("0.560"), "it ran: its bill is not known yet"

    def test_a_lost_answer_is_not_sent_again_and_stays_reserved(self, stand: Start) -> None:
        proxied = stand(effects=("accept_then_drop",))
        answer = proxied.submit(PLAIN)
        assert answer.status_code == 500
        assert "may have been accepted" in answer.json()["detail"]
        assert proxied.arrived == 1
        assert proxied.proxy.jobs.budget.reserved == Decimal("0.560")
        assert proxied.proxy.jobs.sent[0].outcome == "unknown: no answer came"

    def test_an_unclear_answer_stays_reserved(self, stand: Start) -> None:
        proxied = stand(effects=("ingress_502",))
        answer = proxied.submit(PLAIN)
        assert answer.status_code == 502
        assert "nginx" in answer.text
        assert proxied.proxy.jobs.budget.reserved == Decimal("0.560")

    def test_without_a_connection_nothing_is_spent(self, stand: Start) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        proxied = stand(url=f"http://127.0.0.1:{port}")
        answer = proxied.submit(PLAIN)
        assert answer.status_code == 502
        assert "did not send" in answer.json()["detail"]
        assert (proxied.proxy.jobs.budget.left, proxied.proxy.jobs.sent) == (5, [])
        assert [one.reason for one in proxied.proxy.jobs.not_sent] == ["no connection"]

    def test_each_call_is_sent_once(self, stand: Start) -> None:
        with silent() as (url, calls):
            proxied = stand(url=url)
            assert proxied.submit(PLAIN).status_code == 500
            assert proxied.http.post(f"/run/{O1}", json=PLAIN).status_code == 500
        assert [call.partition(b" HTTP")[0].decode() for call in calls] == [f"POST /{O1}", f"POST /{O1}"]


amounts = st.decimals(min_value=0, max_value=3, places=3)


class TestBudget:
    @given(limit=amounts, moves=st.lists(st.tuples(st.sampled_from(["reserve", "settle", "refund"]), amounts)))
    def test_reserved_money_never_exceeds_the_limit(self, limit: Decimal, moves: list[tuple[str, Decimal]]) -> None:
        budget, made = SpendLimit(limit), list[SpendReservation]()
        for move, usd in moves:
            before = budget.spent, budget.reserved
            match move:
                case "reserve":
                    if usd <= budget.left:
                        made.append(budget.reserve(usd))
                        continue
                    with pytest.raises(OverSpendLimit):
                        budget.reserve(usd)
                    assert (budget.spent, budget.reserved) == before
                case "settle" if made:
                    budget.settle(made[0], min(usd, made[0].usd))
                case "refund" if made:
                    budget.refund(made.pop())
            assert budget.spent + budget.reserved <= limit
            assert budget.left == limit - budget.spent - budget.reserved

    def test_a_bill_above_its_reservation_counts_in_full(self) -> None:
        budget = SpendLimit(Decimal(1))
        budget.settle(budget.reserve(Decimal(1)), Decimal(3))
        assert (budget.spent, budget.left) == (3, -2)
        with pytest.raises(OverSpendLimit, match=r"\$0\.00 of the spend limit of \$1\.00 is left"):
            budget.reserve(Decimal("0.01"))
        assert budget.reserve(Decimal(0)).usd == 0, "what costs nothing may go on"

    @pytest.mark.parametrize("limit", ["-1", "NaN", "Infinity"])
    def test_a_limit_is_an_amount(self, limit: str) -> None:
        with pytest.raises(ValueError, match="a spend limit is an amount"):
            SpendLimit(Decimal(limit))


SHORT = {"prompt": "x", "duration": "3"}
FREE_TYPE = {"prompt": "x", "shot_type": "handheld"}
OTHER_WORDS = "respond(status=422, result={'detail': [{'loc': ['body', 'prompt'], 'msg': 'too dull', 'type': 'x'}]})"


class TestDifferences:
    @pytest.mark.parametrize(
        ("settings", "endpoint_id", "arguments", "expected"),
        [
            ({"contract": "latest"}, O1, SHORT, []),
            ({"contract": "latest"}, O3, FREE_TYPE, []),
            ({"contract": "documented"}, O1, SHORT, ["refused"]),
            ({"contract": "documented"}, O3, FREE_TYPE, ["accepted"]),
            ({"contract": "latest", "effects": (OTHER_WORDS,)}, O3, FREE_TYPE, ["refusal"]),
            ({"contract": "latest", "effects": (OTHER_WORDS,)}, O1, SHORT, ["refused"]),
            ({"contract": "documented", "effects": ("respond(result={})",)}, O1, SHORT, ["units"]),
            ({"contract": "latest", "effects": ("content_policy_violation",)}, O1, SHORT, []),
            ({"contract": "latest", "effects": ("internal_error",)}, O1, SHORT, []),
        ],
    )
    def test_between_prediction_and_answer(
        self, settings: dict[str, Any], endpoint_id: str, arguments: Any, expected: list[str], stand: Start
    ) -> None:
        proxied = stand(**settings)
        proxied.result(arguments, endpoint_id)
        assert proxied.kinds == expected

    def test_unseen_media_are_no_contradiction(self, stand: Start) -> None:
        effect = "image_too_small(loc=['body', 'image_urls', 0])"
        proxied = stand(effects=(effect,))
        proxied.result({**PLAIN, "image_urls": ["https://pictures.example/a.png"]})
        assert proxied.kinds == []
        proxied.result({**PLAIN, "image_urls": []})
        assert proxied.kinds == ["refused"]

    def test_the_report(self, stand: Start, tmp_path: Path) -> None:
        proxied = stand("1", contract="documented")
        proxied.result(SHORT)
        proxied.result(PLAIN)
        proxied.submit({"prompt": "x", "duration": "11"})
        proxied.submit({"prompt": "x", "duration": "10"})
        proxied.submit({"prompt": "x", "duration": "3"}, **{"x-fal-no-retry": "1"})
        found = proxied.proxy.report()
        report = found.as_dict()
        assert json.loads(json.dumps(report)) == report
        assert (report["spent_usd"], report["reserved_usd"], report["limit_usd"]) == (0.56, 0.336, 1.0)
        assert [one["reason"] for one in report["not_sent"]] == ["no known revision accepts it", "spend limit"]
        assert [job["outcome"] for job in report["sent"]] == ["refused", "accepted", "open"]
        (difference,) = report["differences"]
        assert difference["predicted"] == "accepted"
        assert difference["answered"] == "refused: body.duration: literal_error: Input should be '5' or '10'"
        lines = found.text().splitlines()
        assert lines[0] == "3 sent, 2 not sent, $0.56 spent and up to $0.336 more, of $1.00"
        assert lines[-2:] == [
            "  1 of those sent have an unknown end: their results were never read",
            f"  {report['exchanges']} exchanges recorded in {tmp_path / 'out'}",
        ]

    def test_what_was_sent_was_recorded(self, stand: Start, tmp_path: Path) -> None:
        proxied = stand()
        proxied.result(PLAIN)
        kept = list(read_folder(tmp_path / "out"))
        assert [one.recorded_request.call.kind.value for one in kept] == ["submit", "result"]
        assert all(one.source == "upstream" for one in kept)
        assert dt.datetime.now(dt.UTC) - kept[0].recorded_at < dt.timedelta(hours=1)


class TestCommand:
    def test_it_stands_before_the_service_until_it_is_stopped(self, serve: Serve, tmp_path: Path) -> None:
        behind = serve(contract="documented")
        file, report = tmp_path / "ready.json", tmp_path / "report.json"
        options = ["--max-usd", "$1.5", "--upstream", behind.url, "--port", "0", "--tls-port", "0"]
        options += ["--ready-file", str(file)]
        command = [*FAKEFAL, "proxy", *options, "--out", str(tmp_path / "out"), "--report", str(report)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as proxy:
            where = ready(proxy, file)
            assert finish([sys.executable, "-c", SUBSCRIBE], env=by_host_variables(where)) == "COMPLETED"
            with caller(where["url"]) as http:
                assert http.get("/_fakefal/ready").json()["ready"]
                assert http.get(http.post(f"/queue/{O1}", json=SHORT).json()["response_url"]).status_code == 422
            proxy.send_signal(signal.SIGTERM)
            out, err = proxy.communicate(timeout=LIMIT)
        assert proxy.returncode == 0, err
        assert "a validating proxy, which may spend $1.50" in out
        assert "not-a-real-key" not in out, "it takes a real one"
        assert "2 sent, 0 not sent, $0.56 spent, of $1.50" in err
        assert json.loads(report.read_text())["differences"][0]["kind"] == "refused"

    def test_fals_javascript_client_under_it(self, node: str, offline: list[str], folder: Path) -> None:
        """Under `proxy --` the environment redirects the client, and all its calls are passed on."""
        script = PROGRAMS / "serve_and_run.py"
        program = [node, str(JS / "client.mjs"), str(folder), str(folder / "examples.json")]
        options = ["--max-usd", "100", "--upstream", "URL", "--out", str(folder / "out")]
        command = [*offline, sys.executable, str(script), *FAKEFAL, "proxy", *options, "--", *program]
        seen = finish(command, env=with_key())
        assert seen["uploaded"].startswith("https://v3b.fal.media/files/b/")
        assert seen["refusal"][0] == 422
        check_videos(folder, "polling", "streaming", "run")

    @pytest.mark.parametrize("command", ["proxy", "record"])
    def test_there_is_no_limit_by_default(self, command: str) -> None:
        done = CliRunner().invoke(main, [command, "--", "true"])
        assert done.exit_code == 2
        assert "Missing option '--max-usd'" in done.output

    @pytest.mark.parametrize("amount", ["-1", "lots", "NaN", "inf"])
    def test_a_limit_is_an_amount(self, amount: str) -> None:
        done = CliRunner().invoke(main, ["record", "--max-usd", amount, "--", "true"])
        assert done.exit_code == 2
        assert "not an amount of dollars" in done.output

    @pytest.mark.parametrize(
        "address", ["127.0.0.1:1", "http://me:pass@127.0.0.1", "https://queue.fal.run", "http://["]
    )
    def test_what_cannot_stand_in_for_fal(self, address: str) -> None:
        options = ["record", "--max-usd", "1", "--upstream", address, "--", "true"]
        done = CliRunner().invoke(main, options, env={"FAL_KEY": "id:secret"})
        assert done.exit_code == 2
        assert "--upstream" in done.output
        assert "pass" not in done.output

    def test_the_real_service_needs_a_key(self) -> None:
        done = CliRunner().invoke(main, ["record", "--max-usd", "1", "--", "true"], env={"FAL_KEY": None})
        assert done.exit_code == 2
        assert "set FAL_KEY" in done.output


SUBSCRIBE = f"""
import fal_client, json
handle = fal_client.submit({O1!r}, arguments={PLAIN})
assert handle.get()["video"]
print(json.dumps(type(handle.status()).__name__.upper()))
"""


def by_host_variables(where: dict[str, str]) -> dict[str, str]:
    """The environment that leads fal's Python client to a TLS port."""
    host = where["tls_url"].removeprefix("https://")
    names = {"FAL_RUN_HOST": f"{host}/run", "FAL_QUEUE_RUN_HOST": f"{host}/queue", "SSL_CERT_FILE": where["ca_file"]}
    return {**with_key(), **names}


def with_key() -> dict[str, str]:
    return {**os.environ, "FAL_KEY": "11111111-2222-3333-4444-555555555555:0123456789abcdef0123456789abcdef"}


def test_the_printed_examples_are_priced(stand: Start) -> None:
    proxied = stand("50")
    for endpoint_id in (O1, O3):
        proxied.result(examples(endpoint_id)["full"], endpoint_id)
    costs = [job.before.cost.usd for job in proxied.proxy.jobs.sent if job.before.cost]
    assert proxied.proxy.jobs.budget.spent == sum(costs)
    assert proxied.kinds == []
