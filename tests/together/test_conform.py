"""The conformance suite against the emulator, and against a second one that stands in for fal."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from fakefal.cli import main
from fakefal.conform import drawn_bodies, fuse
from fakefal.conform.cases import Case, read_cases, write_case
from fakefal.conform.refusals import Examiner
from fakefal.conform.request_life import LifecycleTraces, broken, sample
from fakefal.conform.results import ClaimOutcome, ClaimState, Differs, NotRun, SuiteRun
from fakefal.conform.service import TargetService
from fakefal.conform.shrink import shrink
from fakefal.conform.spend_guard import SpendGuard, dearest
from fakefal.conform.suite import Suite, own_contract
from fakefal.conform.target import Answer, ProbedTarget
from fakefal.conform.webhook_claims import WebhookTraces
from fakefal.proxy.upstream import Upstream
from fakefal.recording.spend_limit import SpendLimit
from fakefal_contracts import BUILT_IN, FOUNDING, judge
from fakefal_contracts.hosts import Part
from fakefal_contracts.record import Record, Source
from fakefal_contracts.strategies import Body
from fakefal_contracts.strategies.medium import Medium
from support.bent import Judged, edition, mutants
from support.endpoints import I2V, O1, O3
from support.machine import ROOT
from support.server import Serve, Server
from support.waiting import LIMIT, run_program

DAY = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
REGRESSIONS = ROOT / "tests" / "regressions"
KEYED = {"FAL_KEY": "tester:secret"}


@pytest.fixture
def ask(serve: Serve) -> Iterator[Callable[..., TargetService]]:
    """Stand before an emulator as the suite does: at its base URL, or under fal's host names with a limit."""
    with ExitStack() as stack:

        def start(server: Server | None = None, usd: str | None = None, **more: Any) -> TargetService:
            server = server or serve(profile="instant", contract="latest")
            base = server.url if usd is None else None
            target = stack.enter_context(ProbedTarget(base, Upstream(server.url), **more))
            return TargetService(
                target, SpendGuard(None if usd is None else SpendLimit(Decimal(usd))), patience_seconds=LIMIT
            )

        yield start


Ask = Callable[..., TargetService]


def differing(outcomes: list[ClaimOutcome]) -> list[str]:
    return [f"{one.claim}: {one.detail}" for one in outcomes if one.state is not ClaimState.AGREED]


class TestTheEmulator:
    @pytest.mark.parametrize("endpoint_id", FOUNDING)
    def test_it_agrees_in_everything(self, endpoint_id: str, serve: Serve, ask: Ask) -> None:
        """No claim differs, is worded otherwise, or is left out."""
        service = ask(serve(profile="stepped", contract="latest"))
        found = list(Suite(service, endpoint_ids=[endpoint_id], examples=1, to_the_word=True).run())
        assert differing(found) == []
        areas = Counter(one.area for one in found)
        assert set(areas) == {
            "unknown", "uploads", "lifecycle", "headers", "cancel", "webhooks", "refusals", "boundaries",
        }  # fmt: skip
        rules = [one.claim for one in found if one.area == "refusals"]
        assert rules == [rule.id for rule in edition_rules(endpoint_id)]

    @pytest.mark.parametrize("endpoint_id", ["fal-ai/flux/dev", "fal-ai/whisper", "CassetteAI/music-generator"])
    def test_it_agrees_for_any_model(self, endpoint_id: str, serve: Serve, ask: Ask) -> None:
        """Its price known or not, with a document or types only."""
        service = ask(serve(profile="stepped", contract="latest"))
        suite = Suite(service, endpoint_ids=[endpoint_id], examples=1, to_the_word=True)
        life = LifecycleTraces(service, BUILT_IN.find(endpoint_id)).outcomes()
        found = [*(one for one in life if one.claim != "an accepted request: its result"), *suite.rules()]
        assert differing(found) == []
        rules = [one.claim for one in found if one.area == "refusals"]
        assert rules == [rule.id for rule in drawn_bodies.rules(BUILT_IN.find(endpoint_id).edition("latest"))]

    def test_equal_seeds_ask_the_same(self) -> None:
        def asked(seed: int) -> list[Any]:
            drawn_bodies.refused.cache_clear()
            drawn = (drawn_bodies.refused(edition(O3), rule, 2, seed) for rule in edition_rules(O3))
            return [one.arguments for bodies in drawn for one in bodies]

        assert asked(3) == asked(3) != asked(4)

    def test_its_own_contract_is_what_is_expected(self, serve: Serve, ask: Ask) -> None:
        assert own_contract(ask(serve(contract="2026-01-28")).target) == "2026-01-28"
        assert own_contract(ask(serve(contract="documented"), usd="0").target) is None, "fal tells none"

    @pytest.mark.parametrize(
        ("expected", "code", "outcome"), [(None, 1, "differs"), ("2026-06-11", 0, "worded")], ids=["own", "other"]
    )
    def test_of_fakefal_itself_every_word_is_expected(
        self, expected: str | None, code: int, outcome: str, serve: Serve
    ) -> None:
        """Under the contract that it tells; of anybody else, words that no source quotes are left open."""
        server = serve(contract="latest")
        (wrong,) = [one for one in mutants(edition(O1)) if str(one).endswith("body.max_references with other words")]
        right = server.emulator.judge.edition
        server.emulator.judge.edition = lambda one: wrong.edition if one == O1 else right(one)  # type: ignore[method-assign]
        options = ["--contract", expected] if expected else []
        done = run("--target", server.url, *options, "--endpoint", "o1/reference-to-video", "--examples", "1", "--json")
        found = {one["claim"]: one["state"] for one in json.loads(done.stdout)["outcomes"] if one["area"] == "refusals"}
        assert (done.exit_code, found[wrong.rule.id]) == (code, outcome), done.stderr

    def test_under_the_wrong_contract_it_differs(self, serve: Serve, ask: Ask) -> None:
        found = list(Examiner(ask(serve(contract="documented")), edition(O1), examples=1).all())
        assert {one.claim for one in found if one.state is ClaimState.DIFFERS} >= {
            "o1.reference-to-video.duration.one_of"
        }


def edition_rules(endpoint_id: str) -> list[Any]:
    return drawn_bodies.rules(edition(endpoint_id))


@pytest.mark.quick
class TestFuses:
    @pytest.mark.parametrize("endpoint_id", FOUNDING)
    def test_a_fused_body_is_refused_by_every_revision(self, endpoint_id: str) -> None:
        endpoint = FOUNDING[endpoint_id]
        assert fuse.holds(endpoint, broken(FOUNDING[endpoint_id]))
        assert not fuse.holds(endpoint, sample(FOUNDING[endpoint_id]))
        assert all(judge(one, sample(FOUNDING[endpoint_id])).ok for one in endpoint.editions)

    def test_a_body_that_cannot_take_a_fuse_has_none(self) -> None:
        for body in (None, [], "x", {"multi_prompt": "x"}):
            assert fuse.armed(FOUNDING[O3], body) == body
            assert not fuse.holds(FOUNDING[O3], body)

    def test_the_shots_that_are_there_stay(self) -> None:
        fused = fuse.armed(FOUNDING[O3], {"multi_prompt": [{"prompt": "a"}]})
        assert [shot["prompt"][:3] for shot in fused["multi_prompt"]] == ["a", "xxx"]


class TestAgainstFal:
    """An emulator stands in for fal, under fal's own host names."""

    @pytest.mark.parametrize("endpoint_id", [O1, O3])
    def test_at_a_limit_of_nothing_every_submit_carries_the_fuse(
        self, endpoint_id: str, serve: Serve, ask: Ask
    ) -> None:
        server = serve(profile="stepped", contract="latest")
        found = list(Suite(ask(server, usd="0"), endpoint_ids=[endpoint_id], examples=1).run())
        submitted = server.http.get("/_fakefal/requests?limit=10000").json()
        assert submitted
        for one in submitted:
            assert fuse.holds(FOUNDING[one["endpoint_id"]], one["arguments"])
            assert one["result_status"] == 422
        assert server.http.get("/_fakefal/ledger").json()["usd"] == 0
        counted = Counter(one.state for one in found)
        assert set(counted) == {ClaimState.AGREED, ClaimState.NOT_RUN}
        assert all(one.detail for one in found if one.state is ClaimState.NOT_RUN), "each says why"
        assert {"webhooks", "boundaries"} <= {one.area for one in found if one.state is ClaimState.NOT_RUN}

    def test_what_a_fuse_hides_is_not_sent(self, ask: Ask) -> None:
        asked = Examiner(ask(usd="0"), edition(O1), examples=1).all()
        found = {one.claim: one for one in asked if one.area == "refusals"}
        seen = [name for name, one in found.items() if one.state is ClaimState.AGREED]
        agreed = {name.removeprefix("o1.reference-to-video.") for name in seen}
        assert agreed == {
            "prompt.required", "image_urls.type", "image_urls[].type", "elements.type", "elements[].type",
            "elements[].frontal_image_url.required", "elements[].frontal_image_url.type",
            "elements[].reference_image_urls.type", "elements[].reference_image_urls.min_items",
            "elements[].reference_image_urls[].type", "duration.one_of", "aspect_ratio.one_of",
        }  # fmt: skip
        hidden = [one for one in found.values() if one.state is not ClaimState.AGREED]
        assert {one.state for one in hidden} == {ClaimState.NOT_RUN}
        assert all("no fuse covers it" in one.detail for one in hidden)

    def test_an_older_revision_there_costs_nothing(self, serve: Serve, ask: Ask) -> None:
        """The service accepts what the newest schema refuses: without a fuse that would be paid."""
        server = serve(contract="documented")
        service = ask(server, usd="0")
        (outcome,) = [
            one
            for one in Examiner(service, edition(O3), examples=1).rule(rule_of(O3, "shot_type.one_of"))
            if one.area == "refusals"
        ]
        assert outcome.state is ClaimState.DIFFERS
        assert server.http.get("/_fakefal/ledger").json()["usd"] == 0

    def test_paid_cases_stay_within_the_limit(self, serve: Serve, ask: Ask) -> None:
        server = serve(profile="instant", contract="latest")
        service = ask(server, usd="2.5")
        found = list(Examiner(service, edition(O1), examples=1).all())
        spent = server.http.get("/_fakefal/ledger").json()["usd"]
        assert 0 < spent <= 2.5
        assert float(service.purse.spent_usd) == spent
        assert {one.state for one in found} == {ClaimState.AGREED, ClaimState.NOT_RUN}

    def test_a_made_request_is_settled_by_its_bill(self, serve: Serve, ask: Ask) -> None:
        """Looking at the result before the end, which has no bill, gives nothing back."""
        server = serve(profile="stepped", contract="latest")
        service = ask(server, usd="3")
        assert differing(list(LifecycleTraces(service, FOUNDING[O3]).outcomes())) == []
        budget = service.purse.budget
        assert budget is not None
        assert (budget.spent, budget.reserved) == (5 * FOUNDING[O3].price("latest").usd, 0), "in the tier it was made"

    @pytest.mark.parametrize("units", [None, "", "lots", "NaN", "-5"])
    def test_without_a_bill_it_stays_spent(self, units: str | None) -> None:
        purse = SpendGuard(SpendLimit(Decimal(5)))
        admitted = purse.admit(O1, sample(FOUNDING[O1]))
        headers = {} if units is None else {"x-fal-billable-units": units}
        for status in (200, 400, 500):
            purse.settle(admitted, Answer(status, headers, b""))
        assert purse.spent_usd == Decimal("1.12")
        purse.settle(admitted, Answer(422, {"x-fal-billable-units": "0"}, b""))
        assert purse.spent_usd == 0

    def test_large_media_are_not_sent(self, ask: Ask) -> None:
        large = Medium("a clip", "video/mp4", b"x", 20_000_000)
        with pytest.raises(NotRun, match="20,000,001 bytes, which is not sent to the real service"):
            ask(usd="9").lay(Body({"video_url": "there"}, {"there": large}))

    @pytest.mark.parametrize(
        ("endpoint_id", "says"),
        [("nobody/knows/this", "its price is unknown"), ("fal-ai/fast-sdxl", "its price is unknown")],
    )
    def test_what_has_no_price_is_not_submitted(self, endpoint_id: str, says: str, ask: Ask) -> None:
        with pytest.raises(NotRun, match=says):
            ask(usd="99").submit(endpoint_id, {"prompt": "x"})

    def test_a_refusal_of_any_model_costs_nothing(self) -> None:
        for endpoint_id in ("fal-ai/fast-sdxl", "fal-ai/whisper"):
            endpoint = BUILT_IN.find(endpoint_id)
            assert fuse.holds(endpoint, broken(endpoint))
            assert not fuse.holds(endpoint, sample(endpoint))
            assert SpendGuard(SpendLimit(Decimal(0))).check(endpoint_id, broken(endpoint)) == 0

    def test_webhooks_need_a_public_address(self, ask: Ask) -> None:
        (outcome,) = WebhookTraces(ask(usd="0")).outcomes()
        assert outcome.state == ClaimState.NOT_RUN
        assert "give --webhook-url" in outcome.detail

    def test_with_one_they_are_received(self, serve: Serve, ask: Ask) -> None:
        import socket

        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        service = ask(serve(contract="latest"), usd="0")
        found = list(WebhookTraces(service, f"http://127.0.0.1:{port}", port).outcomes())
        refused = [one for one in found if one.claim.startswith("a refused request")]
        assert (len(refused), differing(refused)) == (5, [])

    def test_the_dearest_a_body_can_be(self) -> None:
        o3 = FOUNDING[O3]
        assert dearest(FOUNDING[O1], None) == Decimal("1.12")
        assert dearest(o3, {}) == Decimal("0.168") * 15
        edit = BUILT_IN.find("fal-ai/kling-video/o3/pro/video-to-video/edit")
        assert dearest(edit, {}) == Decimal("0.168") * Decimal("10.05")
        assert dearest(o3, {"multi_prompt": [{"duration": "15"}, {"duration": "x"}, {}, 1]}) == Decimal("0.168") * 50


def rule_of(endpoint_id: str, name: str) -> Any:
    return next(one for one in edition_rules(endpoint_id) if one.id.endswith(f".{name}"))


@pytest.mark.quick
class TestManners:
    """429, lost answers, and what is never sent twice."""

    @pytest.mark.parametrize(
        ("after", "waits"),
        [
            ("Fri, 20 Nov 2026 12:00:09 GMT", [9]),
            ("Fri, 20 Nov 2026 11:00:00 GMT", [0]),
            ("120", [120]),
            ("soon", [1]),
            ("nan", [1]),
            ("-3", [0]),
        ],
    )
    def test_retry_after_is_seconds_or_a_date(self, after: str, waits: list[float]) -> None:
        slept: list[float] = []
        answers = [httpx.Response(429, headers={"retry-after": after}), httpx.Response(200, json={})]
        upstream = Upstream("http://fake.example", transport=httpx.MockTransport(lambda _: answers.pop(0)))
        with ProbedTarget("http://fake.example", upstream, sleep=slept.append, now=lambda: DAY) as target:
            target.call("GET", Part.QUEUE, "/x")
        assert slept == waits

    @pytest.mark.parametrize("after", ["121", "inf", "Fri, 20 Nov 2026 18:00:00 GMT"])
    def test_who_wants_to_be_left_alone_for_longer_is(self, after: str) -> None:
        """Nothing is asked any more, and every claim that is left is not run."""
        seen: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(429, headers={"retry-after": after})

        upstream = Upstream("http://fake.example", transport=httpx.MockTransport(answer))
        with ProbedTarget("http://fake.example", upstream, sleep=pytest.fail, now=lambda: DAY) as target:
            found = list(Suite(TargetService(target, SpendGuard(None)), examples=1, endpoint_ids=[O1]).run())
        assert len(seen) == 1
        assert {one.state for one in found} == {ClaimState.NOT_RUN}
        assert all("asked to wait" in one.detail for one in found if "no delivery" not in one.detail)

    def test_reads_wait_as_long_as_they_are_told(self) -> None:
        waits: list[float] = []
        answers = [httpx.Response(429, headers={"retry-after": "7"}), httpx.Response(429), httpx.Response(200, json={})]
        upstream = Upstream("http://fake.example", transport=httpx.MockTransport(lambda _: answers.pop(0)))
        with ProbedTarget("http://fake.example", upstream, sleep=waits.append) as target:
            assert target.call("GET", Part.QUEUE, "/x").status == 200
        assert waits == [7, 1]

    @pytest.mark.parametrize(("status", "raised"), [(429, NotRun), (503, Differs), (401, Differs)])
    def test_a_submit_is_sent_once(self, status: int, raised: type[Exception]) -> None:
        waits: list[float] = []
        seen: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return httpx.Response(status, headers={"retry-after": "30"}, json={"detail": "no"})

        upstream = Upstream("http://fake.example", transport=httpx.MockTransport(answer))
        budget = SpendLimit(Decimal(5))
        with ProbedTarget(None, upstream, sleep=waits.append) as target:
            service = TargetService(target, SpendGuard(budget))
            with pytest.raises(raised):
                service.submit(O1, sample(FOUNDING[O1]))
        assert len(seen) == 1
        assert waits == ([30] if status == 429 else []), "what comes next waits"
        assert float(budget.reserved) == (1.12 if status == 503 else 0), "after a server's error nobody knows"

    def test_a_lost_answer_stays_reserved(self) -> None:
        def lose(_: httpx.Request) -> httpx.Response:
            raise httpx.ReadError("gone")

        budget = SpendLimit(Decimal(5))
        upstream = Upstream("http://fake.example", transport=httpx.MockTransport(lose))
        with ProbedTarget(None, upstream) as target, pytest.raises(Differs, match="no answer came"):
            TargetService(target, SpendGuard(budget)).submit(O1, sample(FOUNDING[O1]))
        assert budget.reserved > 0

    def test_nobody_there_is_not_run(self) -> None:
        with (
            ProbedTarget("http://127.0.0.1:1", Upstream("http://127.0.0.1:1")) as target,
            pytest.raises(NotRun, match="cannot be reached"),
        ):
            target.call("GET", Part.QUEUE, "/x")

    def test_a_request_that_does_not_end_is_given_up(self, serve: Serve) -> None:
        server = serve(profile="realistic", contract="latest")
        with ProbedTarget(server.url, Upstream(server.url)) as target:
            service = TargetService(target, SpendGuard(None), patience_seconds=0.01)
            with pytest.raises(NotRun, match="did not end within"):
                service.ask(O1, sample(FOUNDING[O1]))


@pytest.mark.quick
class TestShrinking:
    @pytest.mark.parametrize(
        ("body", "shows", "small"),
        [
            ({"a": 1, "b": [1, 2, 3]}, lambda body: 2 in body.get("b", ()), {"b": [2]}),
            ({"text": "xxxxY"}, lambda body: "Y" in body.get("text", ""), {"text": "xxxxY"}),
            ({"text": "Yxxxxxxx"}, lambda body: "Y" in body.get("text", ""), {"text": "Y"}),
            ([{"a": {"b": None, "c": 1}}], lambda body: "b" in str(body), [{"a": {"b": None}}]),
            (5, lambda _: True, 5),
        ],
    )
    def test_to_what_still_shows_it(self, body: Any, shows: Any, small: Any) -> None:
        assert shrink(body, shows) == small

    def test_it_asks_so_often_at_most(self) -> None:
        asked: list[Any] = []
        shrink({str(number): number for number in range(50)}, lambda one: bool(asked.append(one)), most_tries=7)
        assert len(asked) == 7


def cases() -> list[Case]:
    return list(read_cases(REGRESSIONS))


class TestRegressionCases:
    def test_all_that_were_ever_found_agree(self, ask: Ask) -> None:
        found = list(Suite(ask(), cases=cases()).replayed())
        assert differing(found) == []
        assert len(found) == len(cases()) > 0

    @pytest.mark.parametrize("case", cases(), ids=lambda case: case.claim)
    def test_each_shows_the_fault_that_it_was_found_by(self, case: Any) -> None:
        right = edition(case.endpoint_id)
        wrong = [one for one in mutants(right) if one.rule.id == case.claim]
        found = [Examiner(Judged(one.edition), right, tries=0).replay(case).state for one in wrong]
        assert ClaimState.DIFFERS in found

    def test_a_difference_becomes_one_and_is_asked_first(self, serve: Serve, tmp_path: Path) -> None:
        server, folder = serve(contract="documented"), tmp_path / "cases"
        options = ["--target", server.url, "--contract", "latest", "--endpoint", "o1/reference-to-video"]
        options += ["--examples", "1", "--cases", str(folder), "--json"]
        first = run(*options)
        assert first.exit_code == 1
        names = [path.name for path in sorted(folder.glob("*.json"))]
        assert any(name.startswith("o1.reference-to-video.duration.one_of-") for name in names)
        second = run(*options)
        assert [path.name for path in sorted(folder.glob("*.json"))] == names, "one difference is one file"
        outcomes = json.loads(second.stdout)["outcomes"]
        asked = [one["area"] for one in outcomes[: len(names)]]
        assert asked == ["cases"] * len(names)
        assert {one["state"] for one in outcomes[: len(names)]} == {"differs"}

    def test_a_claim_about_the_wire_is_asked_again_by_its_name(self, serve: Serve, ask: Ask, tmp_path: Path) -> None:
        wrong = ask(serve(profile="stepped", contract="latest", effects=("content_policy_violation",)))
        failed = [one for one in LifecycleTraces(wrong, FOUNDING[O1]).outcomes() if one.state is ClaimState.DIFFERS]
        for one in failed:
            assert one.reproducer is not None
            write_case(tmp_path, one.reproducer)
        kept = tuple(read_cases(tmp_path))
        assert {one.area for one in kept} == {"lifecycle", "headers"}
        names = sorted(f"{one.area}: {one.claim}" for one in failed)
        for service, state in (
            (wrong, ClaimState.DIFFERS),
            (ask(serve(profile="stepped", contract="latest")), ClaimState.AGREED),
        ):
            found = list(Suite(service, cases=kept).replayed())
            assert sorted(one.claim for one in found) == names
            assert {one.state for one in found} == {state}

    def test_a_claim_that_is_no_more_is_not_run(self, ask: Ask) -> None:
        gone = [Case("x", "", area="uploads"), Case("x", "", area="nothing"), Case("x", "fal-ai/y", area="lifecycle")]
        found = list(Suite(ask(), cases=gone).replayed())
        assert [one.state for one in found] == [ClaimState.NOT_RUN] * 3

    def test_a_trace_holds_no_secrets(self, ask: Ask) -> None:
        service = ask()
        service.target.call("POST", Part.REST, "/storage/auth/token?storage_type=fal-cdn-v3", body={})
        (call,) = service.target.trace(0)
        assert (call["status"], call["body"]["token"], call["body"]["token_type"]) == (200, "removed", "Bearer")

    def test_a_medium_that_was_uploaded_is_kept_with_it(self, serve: Serve, ask: Ask, tmp_path: Path) -> None:
        right = edition(I2V)
        rule = rule_of(I2V, "start_image_url.max_bytes")
        mutant = next(one for one in mutants(right) if str(one) == f"{rule.id} off")
        server = serve(contract="latest")
        server.emulator.judge.edition = lambda _: mutant.edition  # type: ignore[method-assign]
        service = ask(server)
        failed = next(iter(Examiner(service, right, examples=1).rule(rule)))
        assert failed.reproducer is not None
        assert write_case(tmp_path, failed.reproducer).stat().st_size < 20_000, "its padding is no bytes"
        (case,) = read_cases(tmp_path)
        assert set(case.arguments) == {"prompt", "start_image_url"}
        assert set(case.body.media) == {case.arguments["start_image_url"]}
        assert Examiner(service, right, tries=0).replay(case).state is ClaimState.DIFFERS
        assert Examiner(ask(), right).replay(case).state is ClaimState.AGREED

    def test_without_a_limit_a_case_is_fused_or_not_sent(self, ask: Ask) -> None:
        service = ask(usd="0")
        found = {one.claim.rpartition(".")[2]: one.state for one in Suite(service, cases=cases()).replayed()}
        assert found["one_of"] is ClaimState.AGREED
        assert found["items"] is ClaimState.NOT_RUN

    def test_what_is_none_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_text('{"claim": 1}')
        done = run("--target", "http://127.0.0.1:1", "--contract", "latest", "--cases", str(tmp_path))
        assert done.exit_code == 2
        assert "is not a regression case" in done.output


def run(*options: str, env: dict[str, str | None] | None = None) -> Result:
    return CliRunner().invoke(main, ["conform", *options], env=env)


class TestCommand:
    @pytest.fixture(autouse=True)
    def elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Cases are written to where the command runs."""
        monkeypatch.chdir(tmp_path)

    @pytest.mark.parametrize("contract", ["latest", "documented"])
    def test_agreement_is_0_and_told_by_area(self, contract: str, serve: Serve) -> None:
        server = serve(profile="stepped", contract=contract)
        done = run("--target", server.url, "--examples", "1", "--endpoint", "o1/image-to-video")
        assert done.exit_code == 0, done.output
        lines = done.output.splitlines()
        assert lines[0] == f"{server.url} (contract: {contract}, seed: 0)"
        assert lines[-1].endswith(" agreed")

    def test_a_document_of_ones_own_is_asked(self, serve: Serve, tmp_path: Path) -> None:
        schemas = {
            "MineInput": {"type": "object", "properties": {"steps": {"type": "integer", "maximum": 8}}},
            "MineOutput": {"type": "object", "properties": {}},
        }
        record = Record("me/mine", None, DAY.date(), Source.OWN, "MineInput", "MineOutput", schemas)
        file = tmp_path / "mine.jsonl"
        file.write_text(json.dumps(record.as_json()))
        server = serve(profile="stepped", models=(file,))
        done = run("--target", server.url, "--examples", "1", "--models", str(file), "--json")
        assert done.exit_code == 0, done.output
        claims = {one["claim"]: one.get("endpoint_id") for one in json.loads(done.stdout)["outcomes"]}
        assert claims["me.mine.steps.maximum"] == claims["an accepted request: its result"] == "me/mine"

    def test_a_difference_is_1(self, serve: Serve) -> None:
        server = serve(profile="stepped", effects=("content_policy_violation",))
        done = run("--target", server.url, "--examples", "1", "--endpoint", "o1/image-to-video", "--json")
        assert done.exit_code == 1
        found = json.loads(done.stdout)
        assert (found["target"], found["contract"], found["seed"]) == (server.url, "latest", 0)
        assert found["differs"] == sum(one["state"] == "differs" for one in found["outcomes"]) > 0
        assert "differs: boundaries: " in done.stderr
        written = [json.loads(path.read_text()) for path in sorted(Path("conform-cases").glob("*.json"))]
        assert len(written) == found["differs"]
        (lost,) = [
            one
            for one in written
            if (one.get("area"), one["claim"]) == ("lifecycle", "an accepted request: its result")
        ]
        assert lost["expected"] == "expected 200"
        assert lost["trace"][-1]["status"] == 422
        assert lost["trace"][-1]["asked"].startswith("GET queue/fal-ai/kling-video/requests/")

    def test_the_text_shows_the_smallest_body(self, serve: Serve) -> None:
        server = serve(profile="stepped", contract="documented")
        options = ["--contract", "latest", "--endpoint", "o1/reference-to-video", "--examples", "1"]
        done = run("--target", server.url, *options)
        assert done.exit_code == 1
        assert re.search(
            r"refusals: o1\.reference-to-video\.duration\.one_of\n +shown by \{.*\"duration\"", done.output
        )

    def test_fal_by_way_of_another_server(self, serve: Serve) -> None:
        server = serve(profile="stepped", contract="latest")
        options = ["--upstream", server.url, "--examples", "1", "--endpoint", "o1/image-to-video"]
        done = run("--target", "fal", *options, env={**KEYED})
        assert done.exit_code == 0, done.output
        assert done.output.startswith(f"fal, by way of {server.url} (contract: latest, ")
        assert "not run:\n" in done.output
        assert "no fuse covers it" in done.output

    @pytest.mark.parametrize(
        ("options", "env", "says"),
        [
            ((), {}, "--target URL"),
            (("--target", "nonsense"), {}, "a base URL such as"),
            (("--target", "https://queue.fal.run"), {}, "write --target fal"),
            (
                ("--target", "http://127.0.0.1:1", "--upstream", "http://127.0.0.1:1"),
                {},
                "--upstream needs --target fal",
            ),
            (("--target", "http://127.0.0.1:1", "--endpoint", "nothing"), {}, "fakefal knows no model nothing"),
            (("--target", "http://127.0.0.1:1"), {}, "cannot be reached"),
            (("--target", "http://127.0.0.1:1", "--contract", "never"), {}, "'never' is not a contract"),
            (("--target", "http://127.0.0.1:1", "--contract", "2020-01-01"), {}, "was first published on"),
            (("--target", "fal"), KEYED, "PYTEST"),
            (("--target", "fal"), {**KEYED, "CI": "true"}, "CI is set"),
            (("--target", "fal", "--upstream", "https://fal.run"), KEYED, "--upstream: this is a fal host"),
            (("--target", "fal", "--upstream", "http://127.0.0.1:1"), {"FAL_KEY": None}, "set FAL_KEY"),
            (("--target", "fal", "--max-usd", "lots"), KEYED, "not an amount of dollars"),
        ],
    )
    def test_used_wrongly_is_2(self, options: tuple[str, ...], env: dict[str, str | None], says: str) -> None:
        done = run(*options, env={"CI": None, **env})
        assert done.exit_code == 2, done.output
        assert says in " ".join(done.output.split()), done.output

    def test_without_hypothesis_it_names_the_extra(self) -> None:
        script = "import sys; sys.modules['hypothesis'] = None; from fakefal.cli import main; main()"
        command = [sys.executable, "-c", script, "conform", "--target", "http://127.0.0.1:1"]
        done = run_program(command)
        assert done.returncode == 2, done.stderr
        assert "pip install 'fakefal[test] @ git+" in done.stderr, done.stderr

    def test_the_text_groups_what_was_not_run_by_its_reason(self) -> None:
        run = SuiteRun("there", "latest", 0, 1)
        run.outcomes = [ClaimOutcome("x", name, ClaimState.NOT_RUN, O1, detail="too dear") for name in ("a", "o1.b")]
        assert run.text().splitlines()[-4:] == [
            "    x: o1.reference-to-video: a",
            "    x: o1.reference-to-video: o1.b",
            "",
            "2 not run",
        ]


@pytest.mark.parametrize("contract", ["latest", "documented"])
def test_drift_finds_none_at_the_emulators_own_site(contract: str, serve: Serve) -> None:
    """What an emulator publishes is the contract that it was told to keep."""
    server = serve(contract=contract)
    done = CliRunner().invoke(main, ["drift", "--online", "--url", f"{server.url}/site", "--contract", contract])
    assert done.exit_code == 0, done.output
    assert done.output.count("same  ") == len(FOUNDING)
