"""Effects: how one is chosen, and the raw bytes of each."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakefal.core.effects import Occasion
from fakefal.effects.known import CALL_EFFECTS, KNOWN, QUIRKS, make_rule, parse_rule
from fakefal.effects.rules import Effects, MemoryRules
from fakefal.engine.emulator import Emulator
from fakefal.engine.overview import unused_effects
from fakefal.settings import Settings
from fakefal.testing import Fakefal
from fakefal_contracts.failures import LOCK_REASONS, MAY_BE_BILLED, MODEL_ERRORS, PLATFORM_ERRORS
from fakefal_fixtures import MASTERS
from support.receivers import Receiver, submit
from support.server import KEY, Server, served
from support.waiting import LIMIT, until

pytestmark = pytest.mark.quick

O1 = "fal-ai/kling-video/o1/reference-to-video"
NO_RETRY = {"X-Fal-No-Retry": "1"}


def ask(server: Server, effect: str, part: str = "queue", **arguments: Any) -> httpx.Response:
    return server.http.post(f"/{part}/{O1}", json={"prompt": "x", **arguments}, headers={"X-Fakefal-Effect": effect})


def ending(server: Server, effect: str) -> tuple[httpx.Response, httpx.Response]:
    """Status and result of a request with this effect."""
    submitted = ask(server, effect)
    assert submitted.status_code == 200, submitted.text
    body = submitted.json()
    return server.http.get(body["status_url"], params={"logs": 1}), server.http.get(body["response_url"])


@contextmanager
def half_sent(server: Server, effect: str, *, length: int, more: str = "") -> Iterator[socket.socket]:
    """A connection on which the head of a call has gone, but nothing of its body."""
    base = httpx.URL(server.url)
    head = f"POST /queue/{O1} HTTP/1.1\r\nHost: {base.host}\r\nX-Fakefal-Effect: {effect}\r\n{more}"
    head += f"Authorization: {KEY['Authorization']}\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection((base.host, base.port or 80), timeout=LIMIT) as wire:
        wire.sendall(head.encode())
        yield wire


def end_of(wire: socket.socket) -> bytes:
    """What comes before a connection is closed or reset."""
    with suppress(ConnectionError):
        return wire.recv(1000)
    return b""


def outcomes(server: Server, count: int) -> list[int | None]:
    """What so many requests ended with, one after the other; None where the connection died."""
    seen: list[int | None] = []
    for _ in range(count):
        try:
            seen.append(server.result(O1, {"prompt": "x"}).status_code)
        except httpx.TransportError:
            seen.append(None)
    return seen


class TestChoice:
    def test_rules_look_at_endpoint_key_prompt_number_and_chance(self) -> None:
        occasion = Occasion(O1, "me", "a red dog", 2)
        for conditions, expected in (
            ({}, True),
            ({"endpoint": None, "prompt": None}, True),
            ({"endpoint": "o1/reference-to-video"}, True),
            ({"endpoint": "image-to-video"}, False),
            ({"key": "me", "prompt": "red", "nth": 2}, True),
            ({"key": "you"}, False),
            ({"prompt": "blue"}, False),
            ({"nth": 1}, False),
            ({"probability": 0.0}, False),
        ):
            assert make_rule("stuck", conditions).matches(occasion, "seed") is expected, conditions

    def test_chances_repeat_with_the_seed(self) -> None:
        rule = make_rule("stuck", {"probability": 0.5})
        draws = [[rule.matches(Occasion(O1, "k", "", n), seed) for n in range(200)] for seed in ("a", "a", "b")]
        assert draws[0] == draws[1] != draws[2]
        assert 60 < sum(draws[0]) < 140

    def test_without_a_seed_chances_differ_from_run_to_run(self) -> None:
        def draws(seed: str) -> list[bool]:
            effects = Effects(MemoryRules(("stuck when probability=0.5",)), seed)
            return [effects.choose(Occasion(O1, "k", "", number), None) is not None for number in range(200)]

        first, second, seeded, again = map(draws, ("", "", "s", "s"))
        assert first != second
        assert seeded == again

    def test_equal_and_similar_rules_draw_for_themselves(self, serve: Callable[..., Server]) -> None:
        one, other = (make_rule("stuck", {"probability": 0.5, **more}) for more in ({}, {"prompt": "x"}))
        occasions = [Occasion(O1, "k", "x", number) for number in range(200)]
        assert 120 < sum(one.matches(at, "") or other.matches(at, "") for at in occasions) < 180, "three in four"
        server = serve(seed="s", effects=("queue_full when probability=0.5",) * 2)
        refused = sum(ask(server, "").status_code == 429 for _ in range(60))
        assert 35 < refused < 56, "three in four"

    @pytest.mark.both_stores
    def test_a_seed_draws_for_each_key_alone(self, serve: Callable[..., Server]) -> None:
        seen = []
        server = serve(profile="realistic", seed="s")
        for others in (0, 2):
            server.http.post("/_fakefal/reset")
            for _ in range(others):
                server.submit(O1, {"prompt": "x"}, Authorization="Key other:secret")
            job = server.submit(O1, {"prompt": "x"})
            server.http.post("/_fakefal/clock", json={"advance": 3600})
            seen.append(server.http.get(job["status_url"]).json()["metrics"])
        assert seen[0] == seen[1]

    def test_rules_may_be_long(self, server: Server) -> None:
        rule = {"effect": f"content_policy_violation(msg='{'x' * 100_000}')"}
        assert server.http.post("/_fakefal/scenarios", json=rule).status_code == 200
        assert server.result(O1, {"prompt": "x"}).json()["detail"][0]["msg"] == "x" * 100_000
        rule = {"effect": f"content_policy_violation(msg='{'x' * 2**20}')"}
        assert server.http.post("/_fakefal/scenarios", json=rule).status_code == 422

    @pytest.mark.parametrize(
        ("prompt", "msg"),
        [
            ("say fakefal:content_policy_violation(msg='No (really) no)') now", "No (really) no)"),
            ("fakefal:content_policy_violation(input=[[1, 2], {'a': ')'}], msg='x \\'(') and (more)", "x '("),
            ("(fakefal:content_policy_violation)", MODEL_ERRORS["content_policy_violation"].msg),
        ],
    )
    def test_a_test_prompt_has_arguments_with_brackets(self, server: Server, prompt: str, msg: str) -> None:
        assert server.result(O1, {"prompt": prompt}).json()["detail"][0]["msg"] == msg

    def test_arguments_of_a_test_prompt_that_do_not_end_are_refused(self, server: Server) -> None:
        for prompt in ("fakefal:stuck(", "fakefal:content_policy_violation(msg='don't')"):
            assert server.http.post(f"/queue/{O1}", json={"prompt": prompt}).status_code == 400

    def test_a_test_prompt_chooses(self, server: Server) -> None:
        result = server.result(O1, {"prompt": "please fakefal:content_policy_violation now"})
        assert result.json()["detail"][0]["type"] == "content_policy_violation"
        shots = {"multi_prompt": [{"prompt": "fakefal:runner_disconnected"}]}
        assert server.result("fal-ai/kling-video/o3/pro/reference-to-video", shots).status_code == 503

    def test_a_misspelt_one_is_refused_at_once(self, server: Server) -> None:
        answer = server.http.post(f"/queue/{O1}", json={"prompt": "fakefal:content_policy_violatoin"})
        assert answer.status_code == 400
        assert "did you mean content_policy_violation?" in answer.json()["detail"]
        assert ask(server, "nonsense(").status_code == 400

    @pytest.mark.parametrize(
        ("settings", "added", "prompt", "header", "expected"),
        [
            (["queue_full", "gateway_503"], [], "", "", 503),
            (["gateway_503", "queue_full"], [], "", "", 429),
            (["queue_full when nth=1", "gateway_503 when nth=2"], [], "", "", 429),
            (["queue_full"], ["gateway_503"], "", "", 503),
            (["queue_full"], ["invalid_key", "gateway_503"], "", "", 503),
            (["queue_full"], ["gateway_503", "invalid_key"], "", "", 401),
            (["queue_full"], ["gateway_503", "invalid_key when nth=2"], "", "", 503),
            (["queue_full"], ["gateway_503"], "fakefal:request_too_large", "", 413),
            (["queue_full"], ["gateway_503"], "fakefal:request_too_large", "locked_account", 403),
            (["drop_before_accept"], ["gateway_503"], "", "", 503),
            (["drop_before_accept"], [], "", "locked_account", 403),
        ],
    )
    @pytest.mark.parametrize("door", ["control API", "fixture"])
    def test_every_door_gives_the_same_winner(
        self,
        serve: Callable[..., Server],
        door: str,
        settings: list[str],
        added: list[str],
        prompt: str,
        header: str,
        expected: int,
    ) -> None:
        call: dict[str, Any] = {"json": {"prompt": prompt}, "headers": KEY | {"X-Fakefal-Effect": header}}
        if door == "fixture":
            with Fakefal(effects=settings) as fal:
                for text in added:
                    fal.inject(text)
                answer = httpx.post(f"https://queue.fal.run/{O1}", **call)
        else:
            server = serve(effects=settings)
            for text in added:
                rule = parse_rule(text)
                server.http.post("/_fakefal/scenarios", json={"effect": str(rule.effect), **rule.conditions})
            answer = server.http.post(f"/queue/{O1}", **call)
        assert answer.status_code == expected

    @pytest.mark.both_stores
    def test_the_control_api_lists_the_newest_rule_first(self, serve: Callable[..., Server]) -> None:
        server = serve(effects=("stuck", "queue_full"))
        server.http.post("/_fakefal/scenarios", json={"effect": "gateway_503"})
        server.http.post("/_fakefal/scenarios", json={"effect": "locked_account(reason='budget')"})
        listed = [rule["effect"] for rule in server.http.get("/_fakefal/scenarios").json()]
        assert listed == ["locked_account(reason=budget)", "gateway_503", "queue_full", "stuck"]

    def test_a_newer_equal_rule_does_not_change_what_the_older_draws(self) -> None:
        rules = MemoryRules(("stuck when probability=.5",))
        effects = Effects(rules, "s")
        occasions = [Occasion(O1, "k", "", number) for number in range(50)]
        first = [effects.choose(at, None) for at in occasions]
        asyncio.run(rules.add(rules.seen[0]))
        assert all(effects.choose(at, None) for at, chosen in zip(occasions, first, strict=True) if chosen)

    @pytest.mark.both_stores
    def test_those_of_the_settings_that_applied_to_no_call_are_known(self, serve: Callable[..., Server]) -> None:
        late, drop = "generation_timeout when nth=9", "drop_before_accept when nth=8"
        server = serve(effects=(late, "stuck when prompt=a", drop, "locked_account when key=other"))
        server.http.post("/_fakefal/scenarios", json={"effect": "queue_full", "nth": 7})
        server.submit(O1, {"prompt": "a"})
        server.http.post("/rest/storage/upload/initiate", json={}, headers={"Authorization": "Key other:secret"})
        assert [str(rule) for rule in server.emulator.effects.unused] == [late, drop]
        shared = server.emulator.settings.store != "memory"
        assert unused_effects(server.emulator) == ("" if shared else f"2 effects never applied: {late}, {drop}")
        server.http.delete("/_fakefal/scenarios")
        assert unused_effects(server.emulator) == ""

    @pytest.mark.memory_only("another replica may have applied them")
    def test_few_of_those_that_never_applied_are_listed(self, serve: Callable[..., Server]) -> None:
        server = serve(effects=tuple(f"stuck when nth={number}" for number in range(5, 10)))
        assert unused_effects(server.emulator) == (
            "5 effects never applied: stuck when nth=5, stuck when nth=6, stuck when nth=7, and 2 others"
        )

    def test_settings_choose_the_nth(self, serve: Callable[..., Server]) -> None:
        server = serve(effects=("generation_timeout when nth=2",))
        assert [server.result(O1, {"prompt": "x"}).status_code for _ in range(3)] == [200, 504, 200]

    @pytest.mark.both_stores
    def test_the_control_api_adds_lists_and_removes_rules(self, server: Server) -> None:
        rule = {"effect": "internal_server_error", "key": "tester", "prompt": "dog"}
        added = server.http.post("/_fakefal/scenarios", json=rule)
        assert added.json() == [{**rule, "endpoint": "", "nth": None, "probability": 1.0}]
        assert server.result(O1, {"prompt": "a dog"}).status_code == 500
        assert server.result(O1, {"prompt": "a cat"}).status_code == 200
        wrong = server.http.post("/_fakefal/scenarios", json={"effect": "internal_server_errr"})
        assert wrong.status_code == 422
        assert "did you mean" in wrong.json()["detail"]
        assert server.http.delete("/_fakefal/scenarios").json() == {"removed": 1}
        assert server.result(O1, {"prompt": "a dog"}).status_code == 200

    @pytest.mark.both_stores
    def test_the_control_api_narrows_rules_to_a_key(self, server: Server) -> None:
        scenarios = "/_fakefal/scenarios"
        server.http.post(scenarios, json={"effect": "internal_server_error", "key": "other"})
        added = server.http.post(f"{scenarios}?key=tester", json={"effect": "stuck"}).json()
        assert [(rule["effect"], rule["key"]) for rule in added] == [("stuck", "tester")]
        server.http.post(scenarios, json={"effect": "stuck", "key": "third"})
        assert server.http.get(f"{scenarios}?key=tester").json() == added
        assert server.http.delete(f"{scenarios}?key=tester").json() == {"removed": 1}
        assert [rule["key"] for rule in server.http.get(scenarios).json()] == ["third", "other"]

    @pytest.mark.both_stores
    def test_conditions_may_stand_in_the_effects_text(self, server: Server) -> None:
        scenarios = "/_fakefal/scenarios?key=tester"
        (rule,) = server.http.post(scenarios, json={"effect": "stuck when nth=2", "prompt": "dog"}).json()
        assert (rule["effect"], rule["key"], rule["nth"], rule["prompt"]) == ("stuck", "tester", 2, "dog")
        for twice in ({"effect": "stuck when nth=2", "nth": 3}, {"effect": "stuck when key=other"}):
            refused = server.http.post(scenarios, json=twice)
            assert refused.status_code == 422
            assert "once: in the effect's text, or beside it" in refused.json()["detail"]

    def test_two_keys_for_one_rule_are_refused(self, server: Server) -> None:
        for named, status in (("c", 422), ("a", 200)):
            answer = server.http.post("/_fakefal/scenarios?key=a", json={"effect": "stuck", "key": named})
            assert answer.status_code == status
        assert [rule["key"] for rule in server.http.get("/_fakefal/scenarios").json()] == ["a"]

    @pytest.mark.both_stores
    def test_reset_restores_the_rules_of_the_settings(self, serve: Callable[..., Server]) -> None:
        server = serve(effects=("stuck when nth=9",))
        server.http.post("/_fakefal/scenarios", json={"effect": "stuck"})
        server.http.post("/_fakefal/reset")
        assert [rule["nth"] for rule in server.http.get("/_fakefal/scenarios").json()] == [9]

    @pytest.mark.both_stores
    def test_reset_of_a_key_leaves_the_rules_of_the_settings(self, serve: Callable[..., Server]) -> None:
        server = serve(effects=("stuck when key='zz'",))
        server.http.post("/_fakefal/reset?key=zz")
        assert len(server.http.get("/_fakefal/scenarios").json()) == 1

    @pytest.mark.both_stores
    def test_keys_do_not_share_their_numbers(self, serve: Callable[..., Server]) -> None:
        server = serve(effects=("internal_server_error when nth=1",))
        for key in ("a", "b"):
            headers = {"Authorization": f"Key {key}:secret"}
            seen = [server.http.post(f"/run/{O1}", json={"prompt": "x"}, headers=headers).status_code for _ in "ab"]
            assert seen == [500, 200]


class TestEndings:
    @pytest.mark.parametrize("error", MODEL_ERRORS.values(), ids=lambda error: error.type)
    def test_model_errors(self, server: Server, error: Any) -> None:
        status, result = ending(server, error.type)
        assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
        assert "error" not in status.json(), "an error of the model does not show in the status"
        assert result.status_code == error.status
        (item,) = result.json()["detail"]
        assert list(item) == ["loc", "msg", "type", "url", *(["ctx"] if error.ctx else [])]
        assert (item["loc"], item["msg"], item["type"]) == (["body"], error.msg, error.type)
        assert item["url"] == f"https://docs.fal.ai/errors#{error.type}"
        assert item.get("ctx", {}) == dict(error.ctx)
        said = result.headers.get("x-fal-billable-units")
        assert said == (None if error.type in MAY_BE_BILLED else "0"), "what may be charged does not say that it is not"
        assert ask(server, error.type, "run").status_code == error.status

    def test_message_place_and_context_can_be_given(self, server: Server) -> None:
        _, result = ending(server, "image_too_small(msg='Tiny', loc=['body', 'image_urls', 0], min_width=512)")
        (item,) = result.json()["detail"]
        assert (item["msg"], item["loc"]) == ("Tiny", ["body", "image_urls", 0])
        assert item["ctx"] == {"min_height": 300, "min_width": 512}

    @pytest.mark.parametrize(
        ("effect", "msg"),
        [
            (
                "image_too_small(min_width=512, min_height=512)",
                "Image dimensions are too small. Minimum dimensions are 512x512 pixels.",
            ),
            (
                "video_duration_too_short(min_duration=10, provided_duration=7.2)",
                "Video is too short. Minimum is 10 seconds, provided is 7.2 seconds.",
            ),
            ("audio_duration_too_long", "Audio is too long. Maximum is 60 seconds, provided is 61 seconds."),
            ("greater_than(gt=5)", "Value should be greater than 5"),
            ("less_than_equal(le=0.5)", "Value should be less than or equal to 0.5"),
            ("multiple_of(multiple_of=16)", "Value should be a multiple of 16"),
            ("sequence_too_short(min_length=3)", "Sequence should have at least 3 items"),
            ("sequence_too_long(max_length=1)", "Sequence should have at most 1 item"),
            ("sequence_too_long(max_length='{gt}')", "Sequence should have at most {gt} items"),
            ("image_too_small(msg='{no} template', min_width=512)", "{no} template"),
        ],
    )
    def test_the_message_says_what_the_context_does(self, server: Server, effect: str, msg: str) -> None:
        _, result = ending(server, effect)
        assert result.json()["detail"][0]["msg"] == msg

    def test_the_refused_input_is_a_key_of_the_item(self, server: Server) -> None:
        _, result = ending(server, "image_too_small(input={'a': 1})")
        (item,) = result.json()["detail"]
        assert list(item) == ["loc", "msg", "type", "url", "ctx", "input"]
        assert (item["input"], item["ctx"]) == ({"a": 1}, {"min_height": 300, "min_width": 300})

    @pytest.mark.parametrize("error", PLATFORM_ERRORS.values(), ids=lambda error: error.error_type)
    def test_platform_errors(self, server: Server, error: Any) -> None:
        status, result = ending(server, error.error_type)
        assert (status.json()["error"], status.json()["error_type"]) == (error.sentence, error.error_type)
        assert result.status_code == error.status
        assert result.json() == {"detail": error.sentence, "error_type": error.error_type}
        assert result.headers["x-fal-error-type"] == error.error_type
        assert result.headers["x-fal-needs-retry"] == str(error.status in (503, 504)).lower()

    @pytest.mark.parametrize(
        ("effect", "said"),
        [("generation_timeout{}", "Generation timeout"), ("respond(result=dict_, status=503{})", "status 503")],
    )
    def test_the_server_tries_every_503_and_504_again(
        self, server: Server, receiver: Receiver, effect: str, said: str
    ) -> None:
        inner = effect.startswith("respond")
        whole = effect.format("" if inner else "()").replace("dict_", "{'detail': 'x'}")
        status, result = ending(server, whole)
        lines = [entry["message"] for entry in status.json()["logs"]]
        assert lines[:9] == [f"Attempt {number} failed: {said}" for number in range(1, 10)]
        assert result.status_code in (503, 504)
        assert "ctx" not in result.text
        once = server.http.post(f"/queue/{O1}", json={"prompt": "x"}, headers={"X-Fakefal-Effect": whole, **NO_RETRY})
        log = server.http.get(once.json()["status_url"], params={"logs": 1}).json()["logs"]
        assert not any(entry["message"].startswith("Attempt") for entry in log)
        assert ask(server, whole, "run").status_code == result.status_code
        recovering = effect.format(", attempts=2" if inner else "(attempts=2)").replace("dict_", "{'detail': 'x'}")
        assert ending(server, recovering)[1].status_code == 200
        server.http.post("/_fakefal/scenarios", json={"effect": whole})
        submitted = submit(server, receiver.url)
        assert f'"gateway_request_id": "{submitted["request_id"]}"' not in receiver.wait(1)[0].body.decode()

    @pytest.mark.parametrize("effect", ["retry_then_succeed(attempts=2)", "runner_disconnected(attempts=2)"])
    def test_the_server_tries_again(self, server: Server, receiver: Receiver, effect: str) -> None:
        status, result = ending(server, effect)
        lines = [entry["message"] for entry in status.json()["logs"]]
        assert lines[:2] == ["Attempt 1 failed: Runner disconnected", "Attempt 2 failed: Runner disconnected"]
        assert result.status_code == 200
        server.http.post("/_fakefal/scenarios", json={"effect": effect})
        submitted = submit(server, receiver.url)
        body = receiver.wait(1)[0].body.decode()
        assert f'"request_id": "{submitted["request_id"]}"' in body
        assert f'"gateway_request_id": "{submitted["request_id"]}"' not in body

    def test_a_start_timeout_covers_the_servers_further_attempts(self, serve: Callable[..., Server]) -> None:
        server = serve(profile="quick")
        headers = {"X-Fakefal-Effect": "runner_disconnected", "X-Fal-Request-Start-Timeout": "1"}
        submitted = server.http.post(f"/queue/{O1}", json={"prompt": "x"}, headers=headers).json()
        server.http.post("/_fakefal/clock", json={"advance": 60})
        status = server.http.get(submitted["status_url"], params={"logs": 1}).json()
        assert status["error_type"] == "request_timeout"
        attempts = [entry["message"] for entry in status["logs"] if entry["message"].startswith("Attempt")]
        assert len(attempts) == 3, "queued for half a second, an attempt takes 0.2 s"
        result = server.http.get(submitted["response_url"])
        assert (result.status_code, result.headers["x-fal-request-timeout-type"]) == (504, "user")

    def test_the_caller_can_forbid_it(self, server: Server) -> None:
        headers = {"X-Fakefal-Effect": "retry_then_succeed", "X-Fal-No-Retry": "1"}
        submitted = server.http.post(f"/queue/{O1}", json={"prompt": "x"}, headers=headers).json()
        assert server.http.get(submitted["response_url"]).status_code == 503
        assert ask(server, "retry_then_succeed", "run").status_code == 503, "fal.run never does"

    @pytest.mark.parametrize("header", ["X-Fal-Request-Start-Timeout", "X-Fal-Request-Timeout"])
    def test_a_callers_own_timeout_answers_as_one_by_header_does(
        self, serve: Callable[..., Server], header: str
    ) -> None:
        server = serve(profile="realistic", seed="any")
        seen = []
        for headers in ({header: "0.2"}, {"X-Fakefal-Effect": "request_timeout(user=true)"}):
            submitted = server.http.post(f"/queue/{O1}", json={"prompt": "x"}, headers=headers).json()
            server.http.post("/_fakefal/clock", json={"advance": 60})
            result = server.http.get(submitted["response_url"])
            status = server.http.get(submitted["status_url"]).json()
            told = {name: value for name, value in result.headers.items() if name not in ("date", "x-fal-request-id")}
            seen.append((result.status_code, result.content, told, status["error"], status["error_type"]))
        assert seen[0] == seen[1]
        assert (seen[1][0], seen[1][2]["x-fal-request-timeout-type"]) == (504, "user")
        assert seen[1][2]["x-fal-needs-retry"] == "false"

    @pytest.mark.parametrize(("arguments", "status"), [("", 200), (", status=404", 404)])
    def test_respond_with_a_text(self, server: Server, receiver: Receiver, arguments: str, status: int) -> None:
        effect = f"respond(text='not {{JSON}} fakefal-cdn: é'{arguments})"
        server.http.post("/_fakefal/scenarios", json={"effect": effect})
        submitted = submit(server, receiver.url)
        result = server.http.get(submitted["response_url"])
        assert (result.status_code, result.text) == (status, "not {JSON} fakefal-cdn: é")
        assert result.headers["content-type"] == "text/plain; charset=utf-8"
        (said,) = receiver.wait(1)
        error = "null" if status == 200 else f'"Invalid status code: {status}"'
        assert said.body.decode() == (
            f'{{"error": {error}, "gateway_request_id": "{submitted["request_id"]}", "payload": null, '
            '"payload_error": "Response payload is not JSON serializable. Either return a JSON serializable object or '
            'use the queue endpoint to retrieve the response.", '
            f'"request_id": "{submitted["request_id"]}", "status": "{"OK" if status == 200 else "ERROR"}"}}'
        )
        listed = server.http.get(
            "/platform/v1/models/requests/by-endpoint", params={"endpoint_id": O1, "expand": "payloads"}
        ).json()
        assert listed["items"][0]["json_output"] == result.text
        assert server.http.post(f"/run/{O1}", json={"prompt": "x"}).text == result.text

    def test_stuck_runs_until_somebody_cancels(self, server: Server) -> None:
        submitted = ask(server, "stuck").json()
        server.http.post("/_fakefal/clock", json={"advance": 1e9})
        assert server.http.get(submitted["status_url"]).json()["status"] == "IN_PROGRESS"
        assert server.http.put(submitted["cancel_url"]).status_code == 202

    def test_respond_is_the_users_own_answer(self, serve: Callable[..., Server]) -> None:
        server = serve(profile="realistic")
        submitted = ask(server, "respond(result={'mine': [1]}, logs=['one', 'two'], seconds=7)").json()
        server.http.post("/_fakefal/clock", json={"advance": 3600})
        status = server.http.get(submitted["status_url"], params={"logs": 1}).json()
        assert status["metrics"] == {"inference_time": 7.0}
        assert [entry["message"] for entry in status["logs"]] == ["one", "two"]
        result = server.http.get(submitted["response_url"])
        assert (result.json(), result.headers["x-fal-billable-units"]) == ({"mine": [1]}, "5.0")
        assert ask(server, "respond(result={'no': 1}, status=418)", "run").status_code == 418

    def test_respond_with_seconds_takes_them_in_every_profile(self, serve: Callable[..., Server]) -> None:
        server = serve(profile="stepped")
        submitted = ask(server, "respond(result={}, seconds=7)").json()
        states = [server.http.get(submitted["status_url"]).json()["status"] for _ in range(4)]
        assert states == ["IN_PROGRESS"] * 4
        server.http.post("/_fakefal/clock", json={"advance": 7})
        assert server.http.get(submitted["status_url"]).json()["metrics"] == {"inference_time": 7.0}

    def test_respond_with_a_video_of_the_users(self, serve: Callable[..., Server], tmp_path: Path) -> None:
        mine = tmp_path / "my clip.mp4"
        mine.write_bytes(MASTERS[0].path.read_bytes())
        server = serve(effects=(f"respond(video={str(mine)!r})",))
        result = server.result(O1, {"prompt": "x"})
        assert result.headers["x-fal-billable-units"] == "5.0"
        video = result.json()["video"]
        assert (video["file_name"], video["content_type"]) == ("my_clip.mp4", "video/mp4")
        assert video["file_size"] == mine.stat().st_size
        assert server.http.get(video["url"]).content == mine.read_bytes()

    def test_respond_with_the_address_of_a_video(self, server: Server) -> None:
        _, result = ending(server, "respond(video='https://example.com/a.webm')")
        described = {"content_type": "video/webm", "file_name": "a.webm", "file_size": None}
        assert result.json() == {"video": {"url": "https://example.com/a.webm", **described}}

    @pytest.mark.parametrize("road", ["header", "prompt", "control"])
    def test_who_comes_by_the_network_cannot_read_files(self, server: Server, road: str) -> None:
        effect = "respond(video='/etc/hostname')"
        if road == "control":
            answer = server.http.post("/_fakefal/scenarios", json={"effect": effect})
        elif road == "header":
            answer = ask(server, effect)
        else:
            answer = server.http.post(f"/queue/{O1}", json={"prompt": f"fakefal:{effect}"})
        assert answer.status_code in (400, 422)
        assert "over the network, video must be a URL" in answer.json()["detail"]
        assert server.http.get("/_fakefal/requests").json() == []


@pytest.mark.both_stores
class TestQuirks:
    def test_a_result_that_expired(self, server: Server) -> None:
        status, result = ending(server, "result_expired")
        assert (status.json()["status"], result.status_code) == ("COMPLETED", 404)

    def test_a_runner_that_does_not_listen(self, serve: Callable[..., Server]) -> None:
        server = serve(profile="realistic")
        submitted = ask(server, "cancel_ignored").json()
        answer = server.http.put(submitted["cancel_url"])
        assert (answer.status_code, answer.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
        server.http.post("/_fakefal/clock", json={"advance": 1e5})
        assert server.http.get(submitted["response_url"]).status_code == 200
        assert server.http.put(submitted["cancel_url"]).status_code == 400

    def test_a_webhook_that_is_lost(self, server: Server, receiver: Receiver) -> None:
        server.http.post("/_fakefal/scenarios", json={"effect": "webhook_lost"})
        submit(server, receiver.url)
        server.http.post("/_fakefal/clock", json={"advance": 10_000})
        assert receiver.received == []
        (one,) = server.http.get("/_fakefal/webhooks").json()
        assert (one["fate"], one["attempts"][0]["error"]) == ("failed", "lost by effect")

    def test_a_webhook_that_comes_twice(self, server: Server, receiver: Receiver) -> None:
        server.http.post("/_fakefal/scenarios", json={"effect": "webhook_duplicate"})
        submit(server, receiver.url)
        one, two = receiver.wait(2)
        assert one.body == two.body
        server.http.post("/_fakefal/clock", json={})
        assert [len(one["attempts"]) for one in server.http.get("/_fakefal/webhooks").json()] == [2]


class TestCalls:
    @pytest.mark.parametrize("part", ["queue", "run"])
    @pytest.mark.parametrize(
        ("effect", "status", "detail"),
        [
            ("concurrent_requests_limit(limit=2)", 429, "Reached concurrent requests limit of 2"),
            ("queue_full", 429, "Queue is full"),
            ("gateway_503", 503, "Service Unavailable"),
            ("invalid_key", 401, "invalid key credentials"),
            (
                "malformed_key",
                401,
                "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'.",
            ),
            ("request_too_large", 413, "Request body is too large"),
            ("locked_account", 403, f"User is locked. Reason: {LOCK_REASONS['exhausted_balance']}"),
            *(
                (f"locked_account(reason={name})", 403, f"User is locked. Reason: {reason}")
                for name, reason in LOCK_REASONS.items()
            ),
            *(
                (f"locked_account(reason='{text}')", 403, f"User is locked. Reason: {text}")
                for text in (
                    "TOP_UP.",
                    "Admin lock. Please contact support@fal.ai",
                    "Admin lock. Please contact support@fal.ai.",
                    "Exhausted balance. Top up your balance at fal.ai/dashboard/billing.",
                )
            ),
        ],
    )
    def test_the_gate_refuses(self, server: Server, part: str, effect: str, status: int, detail: str) -> None:
        answer = ask(server, effect, part)
        assert (answer.status_code, answer.json()["detail"]) == (status, detail)
        assert answer.headers["x-fal-request-id"], "by which clients tell fal from an ingress"
        assert server.http.get("/_fakefal/requests").json() == []

    @pytest.mark.parametrize("path", ["auth/token", "upload/initiate", "upload/initiate-multipart"])
    @pytest.mark.parametrize(
        ("effect", "status"),
        [("locked_account", 403), ("invalid_key", 401), ("malformed_key", 401), ("stuck", 0)],
    )
    def test_a_locked_account_can_upload_nothing(self, server: Server, path: str, effect: str, status: int) -> None:
        asked = {"file_name": "a.png", "content_type": "image/png"}
        by_header = server.http.post(f"/rest/storage/{path}", json=asked, headers={"X-Fakefal-Effect": effect})
        server.http.post("/_fakefal/scenarios", json={"effect": effect, "key": "tester"})
        by_rule = server.http.post(f"/rest/storage/{path}", json=asked)
        assert (by_header.status_code, by_rule.status_code) == (status or 200, status or 200)
        other = {"Authorization": "Key other:secret"}
        assert server.http.post(f"/rest/storage/{path}", json=asked, headers=other).status_code == 200

    @pytest.mark.parametrize("part", ["queue", "run"])
    @pytest.mark.parametrize("status", [502, 503, 504])
    def test_an_ingress_error_carries_no_request_id(self, server: Server, part: str, status: int) -> None:
        answer = ask(server, f"ingress_{status}", part)
        assert answer.status_code == status
        assert f"<title>{status} " in answer.text
        assert "nginx" in answer.text
        assert server.http.get("/_fakefal/requests").json() == []
        assert "x-fal-request-id" not in answer.headers

    @pytest.mark.parametrize(("effect", "accepted"), [("drop_before_accept", 0), ("accept_then_drop", 1)])
    def test_the_connection_dies(self, server: Server, effect: str, accepted: int) -> None:
        for part in ("queue", "run"):
            server.http.post("/_fakefal/reset")
            with pytest.raises(httpx.RemoteProtocolError):
                ask(server, effect, part)
            assert len(server.http.get("/_fakefal/requests").json()) == accepted

    @pytest.mark.parametrize("sent", [0, 10, 10**6])
    def test_the_connection_dies_within_the_answer(self, server: Server, sent: int) -> None:
        for part in ("queue", "run"):
            server.http.post("/_fakefal/reset")
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                ask(server, f"accept_then_drop(bytes={sent})", part)
            assert len(server.http.get("/_fakefal/requests").json()) == 1
            assert server.http.get("/_fakefal/journal").json()[0]["status"] == 200, "its head was sent"

    @pytest.mark.parametrize("size", [0, 5, 10**9])
    @pytest.mark.parametrize("road", ["queue", "run", "proxy", "web page"])
    def test_the_connection_dies_within_the_body(self, server: Server, road: str, size: int) -> None:
        effect = {"X-Fakefal-Effect": f"drop_before_accept(bytes={size})"}
        address, more = {
            "proxy": ("/proxy", {"x-fal-target-url": f"https://queue.fal.run/{O1}", **KEY}),
            "web page": (f"/queue/{O1}", {"Origin": "http://localhost:3000"}),
        }.get(road, (f"/{road}/{O1}", {}))
        for body in (b'{"prompt": "x"}', b"{ no JSON"):
            with pytest.raises(httpx.TransportError):
                server.http.post(address, content=body, headers=effect | more)
        assert server.http.get("/_fakefal/ledger").json()["jobs"] == []
        calls = server.http.get("/_fakefal/journal").json()
        assert [(call["status"], call["effect"]) for call in calls] == [(None, "drop_before_accept")] * 2

    def test_the_connection_lives_until_so_many_bytes_have_come(self, server: Server) -> None:
        with half_sent(server, "drop_before_accept(bytes=700)", length=1000) as wire:
            wire.sendall(b"x" * 699)
            until(lambda: any(call["effect"] for call in server.journal()))
            assert select.select([wire], [], [], 0)[0] == [], "no answer, and no end"
            (call,) = server.http.get("/_fakefal/journal").json()
            assert (call["effect"], call["milliseconds"]) == ("drop_before_accept", None)
            wire.sendall(b"x")
            assert end_of(wire) == b""
        assert server.http.get("/_fakefal/ledger").json()["jobs"] == []

    @pytest.mark.parametrize(("size", "said"), [(0, b""), (1, b"HTTP/1.1 100 Continue\r\n\r\n")])
    def test_without_a_byte_of_the_body_nobody_is_told_to_send_it(self, server: Server, size: int, said: bytes) -> None:
        effect = f"drop_before_accept(bytes={size})"
        with half_sent(server, effect, length=1000, more="Expect: 100-continue\r\n") as wire:
            assert wire.recv(1000) == said
            if said:
                wire.sendall(b"x")
                assert end_of(wire) == b""

    def test_who_sends_a_large_body_cannot_finish_it(self, server: Server) -> None:
        whole = 64 * 1024 * 1024
        with (
            half_sent(server, "drop_before_accept(bytes=1000000)", length=whole) as wire,
            pytest.raises(ConnectionError),
        ):
            wire.sendall(b"x" * whole)
        with pytest.raises(httpx.TransportError):
            ask(server, "drop_before_accept(bytes=1000000)", padding="x" * 8_000_000)
        assert server.http.get("/_fakefal/ledger").json()["jobs"] == []

    @pytest.mark.both_stores
    def test_a_call_whose_body_is_cut_counts_once(self, serve: Callable[..., Server]) -> None:
        server = serve(effects=("drop_before_accept(bytes=0) when nth=2", "generation_timeout when nth=4"))
        assert outcomes(server, 5) == [200, None, 200, 504, 200]
        server.http.post("/_fakefal/reset?key=tester")
        assert outcomes(server, 3) == [200, None, 200]

    def test_a_call_counts_whatever_its_body_is(self, serve: Callable[..., Server]) -> None:
        server = serve(effects=("generation_timeout when nth=2",))
        assert server.http.post(f"/queue/{O1}", content=b"{ no JSON").status_code == 422
        assert outcomes(server, 2) == [504, 200]

    def test_a_chance_of_being_cut_is_drawn_once_a_call(self, serve: Callable[..., Server]) -> None:
        server = serve(seed="s", effects=("drop_before_accept(bytes=3) when probability=0.5",))
        first = outcomes(server, 60)
        assert 18 < first.count(None) < 42
        server.http.post("/_fakefal/reset?key=tester")
        assert outcomes(server, 60) == first

    @pytest.mark.parametrize("drop", ["drop_before_accept", "drop_before_accept(bytes=0)"])
    def test_a_drop_is_chosen_before_the_prompt_is_read(self, server: Server, drop: str) -> None:
        for rule in ({"effect": drop}, {"effect": "gateway_503", "nth": 1}, {"effect": "stuck", "prompt": "x"}):
            server.http.post("/_fakefal/scenarios", json=rule)
        assert ask(server, "").status_code == 200, "the newest matches, and the next has no drop, either"
        for prompt in ("x", "x fakefal:stuck"):
            with pytest.raises(httpx.TransportError):
                ask(server, "", prompt=prompt)
        assert ask(server, "queue_full").status_code == 429, "the header wins"

    @pytest.mark.parametrize("drop", ["drop_before_accept", "drop_before_accept(bytes=5)"])
    def test_a_prompt_cannot_ask_for_a_drop(self, server: Server, drop: str) -> None:
        said = "fakefal: drop_before_accept happens before the prompt is read: choose it by"
        answer = ask(server, "", prompt=f"fakefal:{drop}")
        assert answer.status_code == 400
        assert answer.json()["detail"] == f"{said} a rule or by the header X-Fakefal-Effect"
        refused = server.http.post("/_fakefal/scenarios", json={"effect": drop, "prompt": "dog"})
        assert refused.status_code == 422
        assert refused.json()["detail"] == f"{said} endpoint, key, nth, probability"

    def test_a_slow_answer_comes(self, server: Server) -> None:
        assert ask(server, "slow_response(seconds=0.01)").status_code == 200

    def test_who_waits_is_told_when_the_server_stops(self) -> None:
        headers = KEY | {"X-Fakefal-Effect": "slow_response(seconds=1000)"}
        post = partial(httpx.post, json={"prompt": "x"}, headers=headers, trust_env=False, timeout=LIMIT)
        with ThreadPoolExecutor(1) as pool, served(Emulator(Settings(profile="instant"))) as server:
            held = pool.submit(post, f"{server.url}/queue/{O1}")
            until(lambda: server.control("requests"))
        answer = held.result()
        assert (answer.status_code, answer.json()["detail"]) == (503, "fakefal: the emulator is stopping")

    @pytest.mark.parametrize("part", ["queue", "run"])
    def test_who_does_not_wait_for_a_slow_answer_has_a_job_all_the_same(
        self, part: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with served(Emulator(Settings(profile="instant"))) as server:
            headers = {"X-Fakefal-Effect": "slow_response(seconds=1000000)"}
            ask_soon = partial(server.http.post, timeout=httpx.Timeout(LIMIT, read=0.1))
            with pytest.raises(httpx.ReadTimeout):
                ask_soon(f"/{part}/{O1}", json={"prompt": "x"}, headers=headers)
            until(lambda: len(server.control("ledger")["jobs"]) == 1)
        assert caplog.messages == [], "and nobody waits for it when the server stops"


def test_every_effect_of_the_documents_is_known() -> None:
    assert len(MODEL_ERRORS) == 31 + 4, "the reference, and what was seen beside it"
    assert len(PLATFORM_ERRORS) == 13
    assert set(KNOWN) >= {*MODEL_ERRORS, *PLATFORM_ERRORS, *CALL_EFFECTS, *QUIRKS, "stuck", "respond"}
