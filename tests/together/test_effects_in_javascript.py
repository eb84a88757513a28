"""Every effect through fal's own JavaScript client: what the program sees, and how many jobs one call became."""

from __future__ import annotations

import json
from typing import Any

from fakefal.effects.known import KNOWN
from fakefal_contracts.failures import LOCK_REASONS, MODEL_ERRORS, PLATFORM_ERRORS
from support.programs import JS, finish, run_under

VIDEO = "video"
SENT_AGAIN = (429, 502, 503, 504)
"""What @fal-ai/client 1.10.1 repeats, three times."""

Seen = dict[str, Any]


def refused(status: int, body: Any = None, *, jobs: int = 0) -> Seen:
    """An error with a status; 422 has a class of its own that shows the fields."""
    seen: Seen = {"error": "ApiError", "status": status, "jobs": jobs}
    if body is not None:
        seen["body"] = body
    if status == 422:
        seen |= {"error": "ValidationError", "fieldErrors": body["detail"]}
    return seen


def broken(*, jobs: int) -> Seen:
    """What a dead connection looks like."""
    return {"error": "TypeError", "message": "fetch failed", "jobs": jobs}


def came(data: Any = VIDEO, *, jobs: int = 1) -> Seen:
    return {"data": data, "jobs": jobs}


def ended(status: int, body: Any) -> tuple[Seen, Seen]:
    """An error that ends the job: by the queue one job, by run one for every time that it is sent."""
    return refused(status, body, jobs=1), refused(status, body, jobs=4 if status in SENT_AGAIN else 1)


def gate(status: int, body: Any = None) -> tuple[Seen, Seen]:
    """An error before there is a job."""
    return refused(status, body), refused(status, body)


def both(seen: Seen) -> tuple[Seen, Seen]:
    return seen, seen


LIMIT = {"detail": "Reached concurrent requests limit of 2", "type": "concurrent_requests_limit", "data": {"limit": 2}}
GAVE_UP = {"error": "Error", "message": "Client timed out waiting for the request to complete after 60000ms", "jobs": 1}
LOST = PLATFORM_ERRORS["runner_disconnected"]

#: By effect: what is seen by the queue and by run.
EXPECTED: dict[str, tuple[Seen, Seen | None]] = {
    **{name: ended(error.status, error.body()) for name, error in MODEL_ERRORS.items()},
    **{name: ended(error.status, error.body()) for name, error in PLATFORM_ERRORS.items()},
    "content_policy_violation(msg='No')": ended(422, MODEL_ERRORS["content_policy_violation"].body(msg="No")),
    "retry_then_succeed(attempts=2)": (came(), refused(LOST.status, LOST.body(), jobs=4)),
    "request_timeout(user=true)": both(refused(504, PLATFORM_ERRORS["request_timeout"].body(), jobs=1)),
    "stuck": (GAVE_UP, None),
    "respond(result={'mine': [1]}, seconds=0)": both(came({"mine": [1]})),
    "respond(result={'detail': 'tea'}, status=418)": ended(418, {"detail": "tea"}),
    "result_expired": (refused(404, {"status": "NOT_FOUND"}, jobs=1), came()),
    "cancel_ignored": both(came()),
    "webhook_lost": (came(0), came()),
    "webhook_duplicate": (came(2), came()),
    "webhook_bad_signature": (came(2), came()),
    "invalid_key": gate(401, {"detail": "invalid key credentials"}),
    "malformed_key": gate(
        401, {"detail": "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'."}
    ),
    "request_too_large": gate(413, {"detail": "Request body is too large"}),
    **{
        f"locked_account(reason={name})": gate(403, {"detail": f"User is locked. Reason: {reason}"})
        for name, reason in LOCK_REASONS.items()
    },
    "concurrent_requests_limit(limit=2)": gate(429, LIMIT),
    "queue_full": gate(429, {"detail": "Queue is full"}),
    "queue_full once": both(came()),
    "gateway_503": gate(503, {"detail": "Service Unavailable"}),
    "gateway_503 once": both(came()),
    "ingress_502": gate(502),
    "ingress_502 once": both(came()),
    "ingress_503": gate(503),
    "ingress_503 once": both(came()),
    "ingress_504": gate(504),
    "ingress_504 once": both(came()),
    **{
        name: both(seen)
        for drop in ("drop_before_accept", "drop_before_accept(bytes=0)", "drop_before_accept(bytes=5)")
        for name, seen in {drop: broken(jobs=0), f"{drop} once": came()}.items()
    },
    "accept_then_drop": both(broken(jobs=4)),
    "accept_then_drop once": both(came(jobs=2)),
    "slow_response(seconds=0.1)": both(came()),
}


def test_what_a_program_sees(offline: list[str], node: str) -> None:
    program = run_under(node, str(JS / "effects.mjs"), profile="stepped")
    seen = finish([*offline, *program], input=json.dumps(list(EXPECTED)))
    assert list(seen) == list(EXPECTED)
    for effect, (by_queue, by_run) in EXPECTED.items():
        assert without_address(seen[effect]["queue"]) == by_queue, effect
        assert without_address(seen[effect]["run"]) == by_run, effect


def without_address(seen: Any) -> Any:
    """What was seen, where a video stands for its address and size."""
    if isinstance(seen, dict) and isinstance(seen.get("data"), dict) and list(seen["data"]) == [VIDEO]:
        return seen | {"data": VIDEO}
    return seen


def test_every_effect_is_expected() -> None:
    assert {effect.partition("(")[0].partition(" ")[0] for effect in EXPECTED} == set(KNOWN)
