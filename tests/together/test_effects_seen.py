"""Every effect through fal's own Python client: what the program sees, and how many jobs one call became."""

from __future__ import annotations

import json
import os
import sys

from fakefal_contracts.failures import LOCK_REASONS, MODEL_ERRORS, PLATFORM_ERRORS
from support.programs import PROGRAMS, finish, run_under

DROPS = ("drop_before_accept", "drop_before_accept(bytes=0)", "drop_before_accept(bytes=5)")
INGRESS = ("ingress_502", "ingress_503", "ingress_504")
CALLS = {
    "invalid_key": [401, None, "invalid key credentials", 0],
    "malformed_key": [
        401,
        None,
        "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'.",
        0,
    ],
    "request_too_large": [413, None, "Request body is too large", 0],
    "request_timeout(user=true)": [504, "request_timeout", "Request timed out", 1],
    "locked_account": [403, None, f"User is locked. Reason: {LOCK_REASONS['exhausted_balance']}", 0],
    "result_expired": [404, None, '{"status":"NOT_FOUND"}', 1],
}


def test_what_a_program_sees(offline: list[str]) -> None:
    names = [*MODEL_ERRORS, *PLATFORM_ERRORS, *CALLS]
    program = run_under(sys.executable, str(PROGRAMS / "effects.py"), profile="instant")
    seen = finish([*offline, *program], env={**os.environ, "EFFECTS": json.dumps(names)})
    for name, error in MODEL_ERRORS.items():
        status, error_type, message, jobs = seen[name]
        assert (status, error_type, jobs) == (error.status, None, 1)
        assert [item["type"] for item in message] == [name]
    for name, platform in PLATFORM_ERRORS.items():
        assert seen[name] == [platform.status, name, platform.sentence, 1]
    for name, expected in CALLS.items():
        assert seen[name] == expected
    assert seen["retry_then_succeed(attempts=3)"] == ["came back", 1]
    # fal's client 1.0.3 sends a call again when the connection dies: an accepted job is paid twice
    assert seen["accept_then_drop"] == ["came back", 2]
    for name in (*DROPS, *INGRESS, "queue_full", "slow_response(seconds=0.1)"):
        assert seen[name] == ["came back", 1], name
