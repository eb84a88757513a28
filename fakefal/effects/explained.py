"""What each effect does, in one line."""

from __future__ import annotations

from typing import NamedTuple

from fakefal_contracts.failures import MODEL_ERRORS, PLATFORM_ERRORS


class EffectSummary(NamedTuple):
    """What an effect does, and the status of the failing answer, if there is a fixed one."""

    status: int | None
    does: str


_NO_JOB = "no job is created"

EFFECTS: dict[str, EffectSummary] = {
    **{name: EffectSummary(one.status, f"the job ends with: {one.msg}") for name, one in MODEL_ERRORS.items()},
    **{name: EffectSummary(one.status, f"the job ends with: {one.sentence}") for name, one in PLATFORM_ERRORS.items()},
    "retry_then_succeed": EffectSummary(None, "the runner is lost twice, then the job succeeds"),
    "stuck": EffectSummary(None, "the job runs until it is cancelled"),
    "respond": EffectSummary(None, "the job returns your own answer"),
    "result_expired": EffectSummary(404, "the result has expired, as after its retention time"),
    "cancel_ignored": EffectSummary(None, "the job continues after it was cancelled"),
    "webhook_lost": EffectSummary(None, "the webhook is never sent"),
    "webhook_duplicate": EffectSummary(None, "the webhook is sent twice"),
    "webhook_bad_signature": EffectSummary(None, "a webhook with an invalid signature comes first"),
    "concurrent_requests_limit": EffectSummary(429, f"the submit is refused: {_NO_JOB}"),
    "queue_full": EffectSummary(429, f"the submit is refused: {_NO_JOB}"),
    "request_too_large": EffectSummary(413, f"the submit is refused: {_NO_JOB}"),
    "locked_account": EffectSummary(403, "submits and uploads are refused: the account is locked"),
    "invalid_key": EffectSummary(401, "submits and uploads are refused: the key does not exist"),
    "malformed_key": EffectSummary(401, "submits and uploads are refused: the key has a wrong form"),
    "drop_before_accept": EffectSummary(None, f"the connection dies before the call is accepted: {_NO_JOB}"),
    "accept_then_drop": EffectSummary(None, "the call is accepted, and the connection dies before the answer"),
    "slow_response": EffectSummary(None, "the call is accepted, and the answer comes late"),
    **{
        f"ingress_{status}": EffectSummary(status, f"a server in front of the queue answers: {_NO_JOB}")
        for status in (502, 503, 504)
    },
    "gateway_503": EffectSummary(503, f"a server in front of the queue answers: {_NO_JOB}"),
}
"""Every effect."""
