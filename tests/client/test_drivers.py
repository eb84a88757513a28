"""The drivers' own edges, with answers that no emulator gives: respx stands for the service."""

from __future__ import annotations

import json
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from fakefal.verdict.mistakes import SHORTEST_PAUSE
from fakefal_client import (
    Attempt,
    Completed,
    ConnectionLost,
    DeadlineExceeded,
    ForeignAddress,
    InProgress,
    MaybeAccepted,
    NotAllowed,
    NotFound,
    PlatformFailed,
    Queued,
    Retry,
    ServiceError,
    TimeSource,
    TooManyRequests,
    UnexpectedAnswer,
    Unknown,
    UsageError,
)
from fakefal_client.kling import KlingO1ReferenceToVideo
from support.clients import MakeClient
from support.endpoints import O1

BASE = "http://fake.test"
QUEUE = f"{BASE}/queue/{O1}"
JOB = f"{BASE}/queue/fal-ai/kling-video/requests/abc"
SUBMITTED = {"status": "IN_QUEUE", "request_id": "abc", "status_url": "https://queue.fal.run/evil", "response_url": "x"}
DONE = {"status": "COMPLETED", "request_id": "abc", "logs": None, "metrics": {}}
MODEL = {"x-fal-request-id": "abc"}


class Time:
    """A clock that pauses move."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def clock(self) -> TimeSource:
        return TimeSource(wall=lambda: self.now, monotonic=lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def fake(make_client: MakeClient, time: Time, request: pytest.FixtureRequest) -> Iterator[Any]:
    blocking = request.node.callspec.params["make_client"] == "sync"
    sleep = time.sleep if blocking else time.sleep_async
    with respx.mock(assert_all_called=False) as mock:
        client = make_client(
            BASE, contract="documented", clock=time.clock(), sleep=sleep, retry=Retry(draw=lambda: 1.0), poll_seconds=1
        )
        client.mock = mock
        yield client


def submit(fake: Any) -> Any:
    fake.mock.post(QUEUE).respond(json=SUBMITTED)
    return fake.submit(KlingO1ReferenceToVideo(prompt="x"))


@pytest.mark.quick
class TestPauses:
    def test_the_shortest_one_is_careful_as_the_verdict_sees_it(self) -> None:
        assert Retry(draw=lambda: 0.0).pause(1, {}, 0) >= SHORTEST_PAUSE

    def test_they_double_up_to_the_last_try(self, fake: Any, time: Time) -> None:
        fake.mock.post(QUEUE).respond(429, json={"detail": "no"})
        with pytest.raises(TooManyRequests):
            fake.submit(KlingO1ReferenceToVideo(prompt="x"))
        assert time.pauses == [0.5, 1, 2, 4]

    @pytest.mark.parametrize("said", ["7", formatdate(1007, usegmt=True)])
    def test_retry_after_is_honoured(self, fake: Any, time: Time, said: str) -> None:
        again = [httpx.Response(429, headers={"Retry-After": said}), httpx.Response(200, json=SUBMITTED)]
        fake.mock.post(QUEUE).mock(side_effect=again)
        fake.submit(KlingO1ReferenceToVideo(prompt="x"))
        assert time.pauses == [7]

    def test_no_pause_beyond_the_deadline(self, fake: Any, time: Time) -> None:
        fake.mock.post(QUEUE).respond(429, headers={"Retry-After": "600"})
        with pytest.raises(DeadlineExceeded) as caught:
            fake.submit(KlingO1ReferenceToVideo(prompt="x"), deadline_seconds=60)
        assert (time.pauses, caught.value.maybe_paid) == ([], False)

    def test_looks_at_a_job_and_a_cancellation_end_by_their_deadline(self, fake: Any, time: Time) -> None:
        job = submit(fake)
        fake.mock.get(f"{JOB}/status").respond(503)
        fake.mock.put(f"{JOB}/cancel").respond(503)
        for call in (job.status, job.cancel):
            with pytest.raises(DeadlineExceeded) as caught:
                call(deadline_seconds=0.4)
            assert (caught.value.request_id, caught.value.maybe_paid) == ("abc", True)
        assert time.pauses == []

    def test_a_search_ends_by_its_deadline(self, fake: Any, time: Time) -> None:
        fake.mock.get(url__startswith=f"{BASE}/platform/").respond(503)
        outcome = fake.reconcile(Attempt(O1, {"prompt": "x"}, time.now, time.now), deadline_seconds=0.4)
        assert isinstance(outcome, Unknown)
        assert "deadline" in outcome.reason
        assert time.pauses == []

    @pytest.mark.parametrize("status", [502, 503, 504, 429, 408])
    def test_reads_are_repeated_after_ingress_errors(self, fake: Any, time: Time, status: int) -> None:
        job = submit(fake)
        fake.mock.get(f"{JOB}/status").mock(
            side_effect=[httpx.Response(status, text="nginx"), httpx.Response(200, json=DONE)]
        )
        assert isinstance(job.status(), Completed)
        assert time.pauses == [0.5]

    def test_a_failure_of_the_model_is_no_ingress_error(self, fake: Any, time: Time) -> None:
        job = submit(fake)
        fake.mock.get(f"{JOB}/status").respond(json=DONE)
        body = {"detail": "Request timed out", "error_type": "request_timeout"}
        fake.mock.get(JOB).respond(504, json=body, headers=MODEL)
        with pytest.raises(Exception, match="Request timed out") as caught:
            job.result()
        assert caught.value.error_type == "request_timeout"
        assert time.pauses == []

    def test_one_deadline_covers_submit_and_waiting(self, fake: Any, time: Time) -> None:
        fake.mock.post(QUEUE).respond(json=SUBMITTED)
        fake.mock.get(f"{JOB}/status").respond(202, json={"status": "IN_QUEUE", "queue_position": 3})
        with pytest.raises(DeadlineExceeded, match="request abc goes on") as caught:
            fake.subscribe(O1, {"prompt": "x"}, deadline_seconds=10)
        assert (caught.value.request_id, caught.value.maybe_paid) == ("abc", True)
        assert sum(time.pauses) <= 10


@pytest.mark.quick
class TestAnswers:
    @pytest.mark.parametrize("status", [200, 301, 302, 307, 308, 500, 502, 503, 504, 408])
    def test_what_is_no_clear_answer_to_a_submit_is_not_sent_again(self, fake: Any, status: int) -> None:
        headers = {"Location": "https://queue.fal.run/elsewhere", "x-fal-request-id": "maybe"}
        route = fake.mock.post(QUEUE).respond(status, text="<html>", headers=headers)
        with pytest.raises(MaybeAccepted) as caught:
            fake.submit(KlingO1ReferenceToVideo(prompt="x"))
        assert (route.call_count, caught.value.request_id) == (1, "maybe")

    def test_an_answer_that_breaks_the_rules_of_http_is_not_a_reason_to_send_again(self, fake: Any) -> None:
        """httpcore calls it local where its HTTP/2 meets such an answer."""
        route = fake.mock.post(QUEUE).mock(side_effect=httpx.LocalProtocolError("authorization: Key a:secret"))
        with pytest.raises(MaybeAccepted) as caught:
            fake.submit(KlingO1ReferenceToVideo(prompt="x"))
        assert route.call_count == 1
        assert "secret" not in str(caught.value)

    def test_addresses_in_answers_are_not_followed(self, fake: Any) -> None:
        job = submit(fake)
        fake.mock.get(f"{JOB}/status").respond(json=DONE)
        fake.mock.get(JOB).respond(json={"video": {"url": "https://v3b.fal.media/files/a.mp4"}}, headers=MODEL)
        assert job.result().video.url == "https://v3b.fal.media/files/a.mp4"
        assert {call.request.url.host for call in fake.mock.calls} == {"fake.test"}

    def test_a_result_of_a_fake_that_leads_to_fal_is_not_opened(self, fake: Any, tmp_path: Path) -> None:
        for address in ("https://v3b.fal.media/files/a.mp4", "file:///etc/passwd"):
            with pytest.raises(ForeignAddress):
                fake.download(address, tmp_path / "a.mp4")
        assert list(tmp_path.iterdir()) == []

    def test_uploads_do_not_follow_a_fake_elsewhere(self, fake: Any) -> None:
        token = {"token": "t", "token_type": "Bearer", "base_url": "https://v3b.fal.media", "expires_at": "x"}
        fake.mock.post(f"{BASE}/rest/storage/auth/token").respond(json=token)
        with pytest.raises(ForeignAddress, match="v3b"):
            fake.upload(b"x", file_name="a.png")

    def test_redirects_are_not_followed(self, fake: Any) -> None:
        job = submit(fake)
        fake.mock.get(f"{JOB}/status").respond(307, headers={"Location": "https://queue.fal.run/x"})
        with pytest.raises(UnexpectedAnswer) as caught:
            job.status()
        assert caught.value.status == 307

    def test_a_result_that_is_no_video_is_not_lost(self, fake: Any) -> None:
        job = submit(fake)
        fake.mock.get(f"{JOB}/status").respond(json=DONE)
        fake.mock.get(JOB).respond(json={"clip": 1}, headers=MODEL | {"x-fal-billable-units": "5"})
        with pytest.raises(UnexpectedAnswer, match="VideoOutput") as caught:
            job.result()
        assert caught.value.body == {"clip": 1}
        assert fake.budget.spent > 0

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500, 502, 503])
    def test_an_answer_that_tells_nothing_of_the_job_refunds_nothing(self, fake: Any, status: int) -> None:
        job = submit(fake)
        fake.mock.get(f"{JOB}/status").respond(json=DONE)
        video = httpx.Response(200, json={"video": {"url": "x"}}, headers=MODEL | {"x-fal-billable-units": "5"})
        unclear = httpx.Response(status, json={"detail": "no"}, headers=MODEL)
        fake.mock.get(JOB).mock(side_effect=[unclear, video])
        with pytest.raises(ServiceError) as caught:
            job.result()
        assert caught.value.maybe_paid
        assert fake.budget.pending > 0
        job.result()
        assert (fake.budget.pending, float(fake.budget.spent)) == (0, 0.56)

    @pytest.mark.parametrize(
        ("status", "error"), [(401, NotAllowed), (403, NotAllowed), (429, TooManyRequests), (500, PlatformFailed)]
    )
    def test_a_locked_key_or_a_limit_is_no_failure_of_the_platform(
        self, fake: Any, status: int, error: type[ServiceError]
    ) -> None:
        job = submit(fake)
        fake.mock.get(f"{JOB}/status").respond(json=DONE)
        fake.mock.get(JOB).respond(status, json={"detail": "no", "error_type": "said"}, headers=MODEL)
        with pytest.raises(error) as caught:
            job.result()
        assert caught.value.error_type == "said"
        assert (fake.budget.pending > 0) == caught.value.maybe_paid == (error is not PlatformFailed)

    @pytest.mark.parametrize(
        ("kind", "units", "spent", "pending"),
        [
            ("content_policy_violation", None, 0, 0.56),
            ("content_policy_violation", "0", 0, 0),
            ("content_policy_violation", "5", 0.56, 0),
            ("face_detection_error", None, 0, 0),
        ],
    )
    def test_a_refusal_after_work_may_be_billed(
        self, fake: Any, kind: str, units: str | None, spent: float, pending: float
    ) -> None:
        job = submit(fake)
        fake.mock.get(f"{JOB}/status").respond(json=DONE)
        body = {"detail": [{"loc": ["body"], "msg": "no", "type": kind}]}
        headers = MODEL | ({} if units is None else {"x-fal-billable-units": units})
        fake.mock.get(JOB).respond(422, json=body, headers=headers)
        with pytest.raises(ServiceError) as caught:
            job.result()
        assert (float(fake.budget.spent), float(fake.budget.pending)) == (spent, pending)
        assert caught.value.maybe_paid == bool(spent or pending)

    def test_a_bill_after_a_refund_is_a_bill(self, fake: Any) -> None:
        job = submit(fake)
        fake.mock.put(f"{JOB}/cancel").respond(json={"status": "OK"})
        assert job.cancel()
        assert fake.budget.pending == 0
        fake.mock.get(f"{JOB}/status").respond(json=DONE)
        fake.mock.get(JOB).respond(json={"video": {"url": "x"}}, headers=MODEL | {"x-fal-billable-units": "5"})
        fake.resume(job.request_id, O1).result()
        job.result()
        assert float(fake.budget.spent) == 0.56

    def test_a_page_of_a_captive_portal_is_no_result(self, fake: Any) -> None:
        job = submit(fake)
        fake.mock.get(f"{JOB}/status").respond(json=DONE)
        video = httpx.Response(200, json={"video": {"url": "x"}}, headers=MODEL)
        fake.mock.get(JOB).mock(side_effect=[httpx.Response(200, text="<html>log in"), video])
        with pytest.raises(UnexpectedAnswer) as caught:
            job.result()
        assert (caught.value.maybe_paid, caught.value.request_id) == (True, "abc")
        assert job.result().video.url == "x"

    def test_what_cannot_be_written_down_is_not_paid(self, fake: Any) -> None:
        with pytest.raises(UsageError) as caught:
            fake.submit(KlingO1ReferenceToVideo(prompt="x"), headers={"x-note": "ü→"})
        assert (caught.value.maybe_paid, fake.budget.pending) == (False, 0)

    @pytest.mark.parametrize(
        "address",
        ["https://u:p@v3.fal.media/f.mp4", "https://v3。fal。media/f.mp4", "https://[::1]@fal.run/", "//fal.run"],
    )
    def test_addresses_that_may_be_read_in_two_ways(self, fake: Any, address: str, tmp_path: Path) -> None:
        with pytest.raises(ForeignAddress):
            fake.download(address, tmp_path / "a.mp4")

    def test_errors_cross_processes(self, fake: Any) -> None:
        fake.mock.post(QUEUE).respond(502)
        with pytest.raises(MaybeAccepted) as caught:
            fake.submit(KlingO1ReferenceToVideo(prompt="x"))
        copied = pickle.loads(pickle.dumps(caught.value))
        assert (str(copied), copied.maybe_paid, copied.attempt) == (str(caught.value), True, caught.value.attempt)
        assert fake.budget.pending > 0
        assert fake.budget.give_up(copied.attempt) is None
        assert fake.budget.pending == 0, "it is known by its copy"

    def test_a_job_of_a_closed_client_may_be_paid_all_the_same(self, fake: Any, tmp_path: Path) -> None:
        job = submit(fake)
        fake.close()
        calls = [job.result, job.status, job.cancel, lambda: job.download(tmp_path / "a.mp4"), lambda: [*job.updates()]]
        for call in calls:
            with pytest.raises(UsageError, match="closed") as caught:
                call()
            assert (caught.value.request_id, caught.value.maybe_paid) == ("abc", True)

    def test_an_unknown_job_says_so(self, fake: Any) -> None:
        fake.mock.get(f"{JOB}/status").respond(404, json={"status": "NOT_FOUND"})
        with pytest.raises(NotFound, match="NOT_FOUND"):
            fake.resume("abc", O1).status()

    @pytest.mark.parametrize("bad", ["../x", "a b", "", "a/b"])
    def test_ids_that_cannot_stand_in_an_address(self, fake: Any, bad: str) -> None:
        with pytest.raises(UsageError):
            fake.resume(bad, O1)
        with pytest.raises(UsageError):
            fake.submit(f"{bad}?" if bad == "a/b" else bad, {})

    def test_billed_units_count_and_not_the_estimate(self, fake: Any) -> None:
        job = submit(fake)
        fake.mock.get(f"{JOB}/status").respond(json=DONE)
        fake.mock.get(JOB).respond(json={"video": {"url": "x"}}, headers=MODEL | {"x-fal-billable-units": "7.5"})
        job.result()
        assert float(fake.budget.spent) == pytest.approx(7.5 * 0.112)

    def test_the_key_goes_to_the_service_and_not_to_the_cdn(self, fake: Any, tmp_path: Path) -> None:
        file = fake.mock.get(f"{BASE}/cdn/files/a.mp4").respond(content=b"1234")
        fake.download(f"{BASE}/cdn/files/a.mp4", tmp_path / "a.mp4")
        assert "authorization" not in file.calls[0].request.headers
        job = submit(fake)
        assert fake.mock.calls.last.request.headers["authorization"] == "Key fakefal-client:not-a-real-key"
        assert job.request_id == "abc"


def _stream(*pieces: bytes, dies: bool = False) -> Callable[..., httpx.Response]:
    class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield from pieces
            if dies:
                raise httpx.ReadError("gone")

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in self:
                yield piece

    return lambda _: httpx.Response(200, stream=Stream(), headers={"content-type": "text/event-stream"})


def _event(body: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()


class TestStreams:
    LINES = (
        _event({"status": "IN_QUEUE", "queue_position": 2}),
        b": keep-alive\n\n",
        _event({"status": "IN_PROGRESS", "logs": [{"timestamp": "1", "message": "é"}]}),
        _event(DONE),
    )

    @pytest.mark.parametrize("size", [1, 7, 10_000])
    def test_events_come_whole_however_they_are_cut(self, fake: Any, size: int) -> None:
        text = b"".join(self.LINES)
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        fake.mock.get(f"{JOB}/status/stream").mock(side_effect=_stream(*pieces))
        seen = list(fake.resume("abc", O1).updates(stream=True))
        assert [type(one) for one in seen] == [Queued, InProgress, Completed]
        assert seen[1].logs[0].message == "é"

    def test_polling_goes_on_where_a_stream_dies(self, fake: Any) -> None:
        fake.mock.get(f"{JOB}/status/stream").mock(side_effect=_stream(self.LINES[0], dies=True))
        fake.mock.get(f"{JOB}/status").respond(json=DONE)
        assert [type(one) for one in fake.resume("abc", O1).updates(stream=True)] == [Queued, Completed]

    @pytest.mark.parametrize("answer", [429, 408, 500, 502, 503, 504, httpx.ConnectError("refused")])
    def test_polling_goes_on_where_no_stream_begins(self, fake: Any, answer: Any) -> None:
        fake.mock.post(QUEUE).respond(json=SUBMITTED)
        stream = httpx.Response(answer, text="nginx") if isinstance(answer, int) else answer
        fake.mock.get(f"{JOB}/status/stream").mock(side_effect=[stream, stream])
        fake.mock.get(f"{JOB}/status").respond(json=DONE)
        fake.mock.get(JOB).respond(json={"video": {"url": "x"}}, headers=MODEL)
        assert [type(one) for one in fake.resume("abc", O1).updates(stream=True)] == [Completed]
        assert fake.subscribe(KlingO1ReferenceToVideo(prompt="x"), stream=True).video.url == "x"

    def test_a_job_that_is_not_there_is_said_of_streams_too(self, fake: Any) -> None:
        for path in ("status/stream", "status"):
            fake.mock.get(f"{JOB}/{path}").respond(404, json={"status": "NOT_FOUND"})
        with pytest.raises(NotFound):
            list(fake.resume("abc", O1).updates(stream=True))

    def test_a_caller_may_stop_listening(self, fake: Any) -> None:
        fake.mock.get(f"{JOB}/status/stream").mock(side_effect=_stream(*self.LINES))
        updates = fake.resume("abc", O1).updates(stream=True)
        assert isinstance(next(updates), Queued)
        updates.close()

    def test_log_lines_that_polls_repeat_are_told_once(self, fake: Any) -> None:
        lines = [{"timestamp": str(n), "message": "m"} for n in range(3)]
        running = {"status": "IN_PROGRESS"}
        answers = [
            httpx.Response(202, json=running | {"logs": lines[:1]}),
            httpx.Response(202, json=running | {"logs": lines[:1]}),
            httpx.Response(202, json=running | {"logs": lines[:2]}),
            httpx.Response(200, json=DONE | {"logs": lines[1:]}),
        ]
        fake.mock.get(f"{JOB}/status").mock(side_effect=answers)
        seen = list(fake.resume("abc", O1).updates())
        assert [[line.timestamp for line in one.logs] for one in seen] == [["0"], ["1"], ["2"]]


class TestDownloads:
    URL = f"{BASE}/cdn/files/a.mp4"

    def test_progress_and_the_whole_file(self, fake: Any, tmp_path: Path) -> None:
        fake.mock.get(self.URL).respond(content=b"12345", headers={"content-length": "5"})
        seen: list[Any] = []
        path = fake.download(self.URL, tmp_path / "a.mp4", on_progress=seen.append)
        assert path.read_bytes() == b"12345"
        assert (seen[-1].done, seen[-1].total) == (5, 5)

    @pytest.mark.parametrize(
        "answer",
        [
            lambda _: httpx.Response(200, content=b"123", headers={"content-length": "5"}),
            _stream(b"12", dies=True),
            lambda _: httpx.Response(502),
        ],
    )
    def test_what_breaks_off_leaves_the_old_file(self, fake: Any, tmp_path: Path, answer: Any) -> None:
        (tmp_path / "a.mp4").write_bytes(b"old")
        fake.mock.get(self.URL).mock(side_effect=answer)
        with pytest.raises((ConnectionLost, UnexpectedAnswer)):
            fake.download(self.URL, tmp_path / "a.mp4")
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.mp4", b"old")]

    def test_it_is_tried_again(self, fake: Any, tmp_path: Path) -> None:
        answers = [httpx.Response(503), httpx.ReadError("gone"), httpx.Response(200, content=b"123")]
        fake.mock.get(self.URL).mock(side_effect=answers)
        assert fake.download(self.URL, tmp_path / "a.mp4").read_bytes() == b"123"

    @pytest.mark.parametrize("status", [429, 503])
    def test_retry_after_is_honoured(self, fake: Any, time: Time, tmp_path: Path, status: int) -> None:
        answers = [httpx.Response(status, headers={"Retry-After": "7"}), httpx.Response(200, content=b"123")]
        fake.mock.get(self.URL).mock(side_effect=answers)
        assert fake.download(self.URL, tmp_path / "a.mp4").read_bytes() == b"123"
        assert time.pauses == [7]

    def test_no_pause_beyond_the_deadline(self, fake: Any, time: Time, tmp_path: Path) -> None:
        fake.mock.get(self.URL).respond(503)
        with pytest.raises(DeadlineExceeded):
            fake.download(self.URL, tmp_path / "a.mp4", deadline_seconds=0.6)
        assert time.pauses == [0.5]

    @pytest.mark.parametrize(("place", "said"), [("no/folder/a.mp4", "does not exist"), (".", "is a folder")])
    def test_where_no_file_can_be_written_nobody_waits(self, fake: Any, tmp_path: Path, place: str, said: str) -> None:
        job = submit(fake)
        before = len(fake.mock.calls)
        with pytest.raises(UsageError, match=said) as caught:
            job.download(tmp_path / place)
        assert (caught.value.request_id, caught.value.maybe_paid) == ("abc", True)
        with pytest.raises(UsageError, match=said) as caught:
            fake.download(self.URL, tmp_path / place)
        assert (caught.value.request_id, caught.value.maybe_paid) == (None, False)
        assert len(fake.mock.calls) == before

    def test_a_failure_names_the_job(self, fake: Any, tmp_path: Path) -> None:
        job = submit(fake)
        fake.mock.get(f"{JOB}/status").respond(json=DONE)
        fake.mock.get(JOB).respond(json={"video": {"url": self.URL}}, headers=MODEL)
        fake.mock.get(self.URL).mock(side_effect=[httpx.Response(404)] + 5 * [httpx.ReadError("gone")])
        for error in (NotFound, ConnectionLost):
            with pytest.raises(error) as caught:
                job.download(tmp_path / "a.mp4")
            assert (caught.value.request_id, caught.value.maybe_paid) == ("abc", True)

    def test_a_missing_file_is_said(self, fake: Any, tmp_path: Path) -> None:
        fake.mock.get(self.URL).respond(404, json={"detail": "File not found"})
        with pytest.raises(NotFound, match="File not found"):
            fake.download(self.URL, tmp_path / "a.mp4")
        assert list(tmp_path.iterdir()) == []
