"""The suite notices a wrong emulator: each rule switched off or bent in turn, and each habit of the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from unittest.mock import Mock, patch

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fakefal.conform import drawn_bodies
from fakefal.conform.cancelling import Cancelling
from fakefal.conform.refusals import Examiner
from fakefal.conform.request_life import LifecycleTraces
from fakefal.conform.results import ClaimOutcome, ClaimState
from fakefal.conform.service import TargetService
from fakefal.conform.spend_guard import SpendGuard
from fakefal.conform.target import ProbedTarget
from fakefal.conform.unknown import UnknownIds
from fakefal.conform.uploading import Uploads
from fakefal.conform.webhook_claims import WebhookTraces
from fakefal.engine.emulator import Emulator
from fakefal.proxy.upstream import Upstream
from fakefal.server.app import build_app
from fakefal.server.serving import hosting, serving_from
from fakefal.settings import Settings
from fakefal_contracts import FOUNDING, rulebook
from support.bent import Judged, Mutant, edition, mutants
from support.bent_schemas import KEYLESS, LIMITS
from support.endpoints import O1, O3
from support.machine import ROOT
from support.server import Serve
from support.waiting import LIMIT

EXAMPLES = 2


def noticed(mutant: Mutant, **more: Any) -> bool:
    """Whether a claim about the rule, or about bodies that keep all rules, differs: only that ends a run with 1."""
    right = edition(mutant.edition.endpoint.id)
    examiner = Examiner(Judged(mutant.edition, **more), right, examples=EXAMPLES, tries=0, to_the_word=True)
    found = {one.state for one in examiner.rule(mutant.rule)}
    return ClaimState.DIFFERS in found or examiner.valid().state is ClaimState.DIFFERS


@pytest.mark.parametrize("endpoint_id", FOUNDING)
class TestRules:
    def test_the_right_edition_agrees(self, endpoint_id: str) -> None:
        right = edition(endpoint_id)
        asked = Examiner(Judged(right), right, examples=EXAMPLES, to_the_word=True).all()
        assert [one.claim for one in asked if one.state is not ClaimState.AGREED] == []

    def test_every_rule_is_missed(self, endpoint_id: str) -> None:
        """Nothing is left out: each rule has its mutants, and each of them is noticed."""
        every = list(mutants(edition(endpoint_id)))
        assert {one.rule.id for one in every if one.how == "off"} == {one.id for one in rulebook(edition(endpoint_id))}
        assert [str(one) for one in every if not noticed(one)] == []

    def test_a_rule_that_a_fuse_leaves_to_be_seen_is_missed_too(self, endpoint_id: str) -> None:
        right = edition(endpoint_id)
        plain = [one for one in mutants(right) if one.how == "off" and one.rule.kind in ("one_of", "type")]
        assert plain
        assert [str(one) for one in plain if not noticed(one, fused=True)] == []


ANY = (
    "fal-ai/fast-animatediff/text-to-video",
    "fal-ai/recraft-20b",
    "fal-ai/gemini-3.1-flash-tts",
    "fal-ai/live-avatar",
    "alibaba/happy-horse/video-edit",
    "mirelo-ai/sfx-v1.5/video-to-audio",
    "veed/subtitles",
    "fal-ai/moondream3-preview/segment",
    "fal-ai/wan-25-preview/image-to-video",
)
"""Models of the catalogue that have every kind of rule between them."""


@pytest.mark.parametrize("endpoint_id", ANY)
def test_every_rule_of_a_document_is_missed(endpoint_id: str) -> None:
    """Each is switched off in the schema and, where it is a limit, moved by one."""
    right = edition(endpoint_id)
    asked = Examiner(Judged(right), right, examples=1, to_the_word=True).all()
    assert [one.claim for one in asked if one.state is not ClaimState.AGREED] == []
    every = list(mutants(right))
    schema = [one for one in drawn_bodies.rules(right) if one.field and one.kind not in KEYLESS]
    assert {one.rule.id for one in every if one.how == "off"} == {one.id for one in schema}
    assert [str(one) for one in every if not noticed(one)] == []


def test_every_kind_of_rule_has_a_mutant() -> None:
    kinds = {rule.kind for endpoint_id in ANY for rule in drawn_bodies.rules(edition(endpoint_id))}
    assert kinds >= {"required", "type", *LIMITS} - {"ratio", "min_fps", "max_fps", "timeout_seconds"}


def test_there_are_as_many_rules_as_the_page_says() -> None:
    numbers = re.findall(r"\d+", (ROOT / "docs" / "conformance.md").read_text("utf-8"))
    assert str(sum(len(drawn_bodies.rules(edition(one))) for one in FOUNDING)) in numbers
    assert str(sum(1 for one in FOUNDING for _ in mutants(edition(one)))) in numbers


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("o1.reference-to-video.elements[].reference_image_urls.items with other words", ClaimState.DIFFERS),
        ("o1.reference-to-video.body.max_references with other words", ClaimState.WORDED),
        ("o1.reference-to-video.elements[].reference_image_urls.min_items with other words", ClaimState.WORDED),
    ],
)
def test_words_that_no_source_quotes_may_be_others(name: str, state: ClaimState) -> None:
    right = edition(O1)
    mutant = next(one for one in mutants(right) if str(one) == name)
    found = next(iter(Examiner(Judged(mutant.edition), right, examples=2).rule(mutant.rule)))
    assert found.state is state, found.detail
    ours = next(iter(Examiner(Judged(mutant.edition), right, examples=2, to_the_word=True).rule(mutant.rule)))
    assert ours.state is ClaimState.DIFFERS, "of fakefal itself every word is expected"


SAMPLE = (
    "o1.reference-to-video.duration.one_of off",
    "o1.reference-to-video.prompt.max_length moved by -1",
    "o1.reference-to-video.elements[].reference_image_urls.items off",
    "o3.pro.reference-to-video.multi_prompt[].prompt.max_length off",
    "o3.pro.reference-to-video.start_image_url.min_pixels with min_width moved by 1",
    "o3.pro.reference-to-video.elements[].video_url.max_seconds off",
    "o3.pro.reference-to-video.body.prompt_xor_multi_prompt always",
)


@pytest.mark.parametrize("name", SAMPLE)
def test_over_http_too(name: str, serve: Serve) -> None:
    right = edition(O3 if name.startswith("o3") else O1)
    mutant = next(one for one in mutants(right) if str(one) == name)
    emulator = Emulator(Settings(profile="instant", contract="latest"))
    server = serve(emulator=emulator)

    def asked() -> list[ClaimOutcome]:
        with ProbedTarget(server.url, Upstream(server.url)) as target:
            examiner = Examiner(TargetService(target, SpendGuard(None)), right, examples=1)
            return [*examiner.rule(mutant.rule), examiner.valid()]

    assert [one.detail for one in asked() if one.state is not ClaimState.AGREED] == []
    emulator.judge.edition = lambda _: mutant.edition  # type: ignore[method-assign]
    failed = [one for one in asked() if one.state is ClaimState.DIFFERS]
    assert failed
    for one in failed:
        assert one.reproducer is not None
        assert one.reproducer["endpoint_id"] == right.endpoint.id


# -- the wire ---------------------------------------------------------------------------------------


@dataclass
class Reply:
    """An answer on its way out."""

    status: int
    headers: dict[str, str]
    body: Any


Bend = Callable[[Reply], None]
Where = Callable[[str, str], bool]


class Bent:
    """An emulator whose answers to some calls are bent."""

    def __init__(self, app: ASGIApp, where: Where, bend: Bend) -> None:
        self._app, self._where, self._bend = app, where, bend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._where(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        raw = b"".join(message.get("body", b"") for message in messages[1:])
        headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        coded = "application/json" in headers.get("content-type", "")
        reply = Reply(messages[0]["status"], headers, json.loads(raw) if coded else raw)
        self._bend(reply)
        body = json.dumps(reply.body).encode() if coded else reply.body
        reply.headers["content-length"] = str(len(body))
        sent = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": sent})
        await send({"type": "http.response.body", "body": body})


def submit(method: str, path: str) -> bool:
    return method == "POST" and path.startswith("/queue/")


def status(_: str, path: str) -> bool:
    return path.endswith("/status")


def result(method: str, path: str) -> bool:
    return method == "GET" and "/requests/" in path and not path.endswith("/status")


def cancel(method: str, _: str) -> bool:
    return method == "PUT"


def under(prefix: str) -> Where:
    return lambda _, path: path.startswith(prefix)


def becomes(status: int, *, of: int | None = None) -> Bend:
    def bend(reply: Reply) -> None:
        if of in (None, reply.status):
            reply.status = status

    return bend


def without(*names: str) -> Bend:
    def bend(reply: Reply) -> None:
        for name in names:
            reply.headers.pop(name, None)
            if isinstance(reply.body, dict):
                reply.body.pop(name, None)

    return bend


def says(of: int | None = None, **members: Any) -> Bend:
    def bend(reply: Reply) -> None:
        if of in (None, reply.status):
            reply.body = {**(reply.body or {}), **members}

    return bend


def has(name: str, value: str, *, of: int | None = None) -> Bend:
    def bend(reply: Reply) -> None:
        if of in (None, reply.status):
            reply.headers[name] = value

    return bend


def swapped(reply: Reply) -> None:
    """Queued and running, the other way round."""
    other = {"IN_QUEUE": "IN_PROGRESS", "IN_PROGRESS": "IN_QUEUE"}
    reply.body["status"] = other.get(reply.body["status"], reply.body["status"])


def no_object(reply: Reply) -> None:
    reply.body = [reply.body]


def whole_path(reply: Reply) -> None:
    reply.body["response_url"] = reply.body["response_url"].replace("/kling-video/", "/kling-video/o1/")


def garbled(reply: Reply) -> None:
    if isinstance(reply.body, bytes):
        reply.body += b"x"


def other_key(reply: Reply) -> None:
    reply.body["keys"][0]["x"] = "A" * 43


Area = Callable[[TargetService], Iterator[ClaimOutcome]]


def life(service: TargetService) -> Iterator[ClaimOutcome]:
    return LifecycleTraces(service, FOUNDING[O1]).outcomes()


def cancelling(service: TargetService) -> Iterator[ClaimOutcome]:
    return Cancelling(service, FOUNDING[O1]).outcomes()


def unknown(service: TargetService) -> Iterator[ClaimOutcome]:
    return UnknownIds(service).outcomes()


def uploads(service: TargetService) -> Iterator[ClaimOutcome]:
    return Uploads(service).outcomes()


def webhooks(service: TargetService, patience_seconds: float = LIMIT) -> Iterator[ClaimOutcome]:
    return WebhookTraces(service, patience_seconds=patience_seconds).outcomes()


def rule(service: TargetService) -> Iterator[ClaimOutcome]:
    examiner = Examiner(service, edition(O1), examples=1)
    return iter([examiner.valid()])


BENDS: list[tuple[str, Where, Bend, Area, str]] = [
    ("submit with 202", submit, becomes(202), life, "an accepted request: the answer to the submit"),
    ("submit without an address", submit, without("cancel_url"), life, "an accepted request: the answer to the submit"),
    ("submit with one member more", submit, says(more=1), life, "an accepted request: the answer to the submit"),
    ("submit with the whole path", submit, whole_path, life, "an accepted request: the answer to the submit"),
    (
        "submit that is over at once",
        submit,
        says(status="COMPLETED"),
        life,
        "an accepted request: the answer to the submit",
    ),
    (
        "submit without its id header",
        submit,
        without("x-fal-request-id"),
        life,
        "an accepted request: x-fal-request-id",
    ),
    ("submit with a bill", submit, has("x-fal-billable-units", "5.0"), life, "x-fal-billable-units on the result"),
    ("status with 200 while queued", status, becomes(200, of=202), life, "an accepted request: each status"),
    ("status with 202 at the end", status, becomes(202, of=200), life, "an accepted request: each status"),
    ("status without logs", status, without("logs"), life, "an accepted request: each status"),
    ("status with logs unasked", status, says(logs=[]), life, "an accepted request: each status"),
    ("status without a position", status, without("queue_position"), life, "an accepted request: each status"),
    ("states out of order", status, swapped, life, "an accepted request: the order of its states"),
    ("a state of its own", status, says(status="FAILED"), life, "an accepted request: the order of its states"),
    ("a status that is no object", status, no_object, life, "an accepted request: the order of its states"),
    ("an error in the status", status, says(200, error="x", error_type="y"), life, "without an error in its status"),
    ("status with a bill", status, has("x-fal-billable-units", "0"), life, "x-fal-billable-units on the result"),
    ("result before the end with 404", result, becomes(404, of=400), life, "its result before the end"),
    ("result before the end in other words", result, says(400, detail="wait"), life, "its result before the end"),
    ("refusal with 400", result, becomes(400, of=422), life, "a refused request: its result"),
    ("refusal without a bill", result, without("x-fal-billable-units"), life, "a refused request: x-fal-billable"),
    ("refusal that is billed", result, has("x-fal-billable-units", "5", of=422), life, "a refused request: x-fal-bill"),
    ("refusal to be tried again", result, has("x-fal-needs-retry", "true", of=422), life, "both retry headers"),
    ("result to be tried again", result, has("x-fal-needs-retry", "false", of=200), life, "no retry header"),
    ("result in an envelope", result, without("video"), life, "an accepted request: its result"),
    ("a bill of another length", result, has("x-fal-billable-units", "1.0", of=200), rule, "valid"),
    ("cancel of a queued one with 202", cancel, becomes(202, of=200), cancelling, "while queued"),
    ("cancel of a running one with 200", cancel, becomes(200, of=202), cancelling, "while running"),
    ("cancel of a finished one with 200", cancel, becomes(200, of=400), cancelling, "after the end"),
    ("cancel of an unknown one with 400", cancel, becomes(400, of=404), cancelling, "an unknown id"),
    ("a cancelled one that is made", result, becomes(200, of=499), cancelling, "while queued"),
    ("unknown id in other words", status, says(404, detail="x"), unknown, "the status of an unknown id"),
    ("unknown result with 400", result, becomes(400, of=404), unknown, "the result of an unknown id"),
    ("whole path with 404", status, becomes(404, of=405), unknown, "status by the whole endpoint's path"),
    ("unknown path with 422", result, becomes(422, of=404), unknown, "a path that the application does not have"),
    ("unknown app with 403", submit, becomes(403, of=404), unknown, "an unknown application"),
    ("no key with 403", submit, becomes(403, of=401), unknown, "a submit without a key"),
    (
        "a token without its end",
        under("/rest/storage/auth"),
        without("expires_at"),
        uploads,
        "Python client, in parts",
    ),
    ("a part without its ETag", under("/cdn/files"), without("etag"), uploads, "in parts"),
    (
        "an upload that leads nowhere",
        under("/rest/storage/upload"),
        without("file_url"),
        uploads,
        "JavaScript client",
    ),
    ("other bytes than were sent", under("/cdn/files/b"), garbled, uploads, "the Python client, in one piece"),
    ("a token for anybody", under("/rest/storage/auth"), becomes(200, of=401), uploads, "no token without a key"),
    ("another signing key", under("/rest/.well-known"), other_key, webhooks, "its signature"),
]


@contextmanager
def standing(where: Where, bend: Bend, **more: Any) -> Iterator[TargetService]:
    """A bent emulator as a service; it shows each state once, and who looks a hundred times gives up."""
    emulator = Emulator(Settings(profile="stepped", contract="latest", **more))
    app = Bent(build_app(emulator), where, bend)
    with (
        serving_from(lambda bound: hosting(app, bound, closing=emulator.close)) as found,
        ProbedTarget(found.url, Upstream(found.url), sleep=lambda _: None) as target,
        patch("fakefal.conform.service.time", Mock(monotonic=count().__next__)),
    ):
        yield TargetService(target, SpendGuard(None), patience_seconds=100)


def nothing(_: Reply) -> None:
    pass


@pytest.mark.parametrize("area", [life, cancelling, unknown, uploads, webhooks, rule])
def test_the_wrapper_itself_changes_nothing(area: Area) -> None:
    with standing(lambda *_: True, nothing) as service:
        assert [one.detail for one in area(service) if one.state is not ClaimState.AGREED] == []


@pytest.mark.parametrize(("name", "where", "bend", "area", "claim"), BENDS, ids=[one[0] for one in BENDS])
def test_a_bent_wire_is_noticed(name: str, where: Where, bend: Bend, area: Area, claim: str) -> None:
    with standing(where, bend) as service:
        failed = [one.claim for one in area(service) if one.state is ClaimState.DIFFERS]
    assert any(claim in one for one in failed), (name, failed)


@pytest.mark.parametrize(
    ("effect", "claim", "patience"), [("webhook_lost", "it is delivered", 0.1), ("internal_error", "its body", LIMIT)]
)
def test_a_bent_webhook_is_noticed(effect: str, claim: str, patience: float) -> None:
    with standing(lambda *_: False, nothing, effects=(effect,)) as service:
        assert any(claim in one.claim for one in webhooks(service, patience) if one.state is ClaimState.DIFFERS)


def test_a_difference_is_shrunk_to_what_shows_it() -> None:
    right = edition(O1)
    mutant = next(one for one in mutants(right) if str(one) == SAMPLE[0])
    (failed,) = [
        one for one in Examiner(Judged(mutant.edition), right).rule(mutant.rule) if one.state is ClaimState.DIFFERS
    ]
    assert failed.reproducer is not None
    assert set(failed.reproducer["arguments"]) == {"prompt", "duration"}
    assert failed.reproducer["arguments"]["prompt"] == ""
    assert "literal_error" in failed.reproducer["expected"]
    assert failed.reproducer["answered"]
