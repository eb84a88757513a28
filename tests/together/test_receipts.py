"""What the real service answered, as public sources quote it, against the emulator."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from fakefal_contracts import examples
from support.receivers import Receiver
from support.server import KEY, Serve, Server
from tools.receipts import Known, Receipt, differences, receipts, unexplained

pytestmark = pytest.mark.quick

ALL = receipts()
BY_ID = {receipt.id: receipt for receipt in ALL}


Answer = tuple[int | None, Mapping[str, str], Any]
"""Status, headers and body; a webhook has no status."""


def answer_to(receipt: Receipt, serve: Serve, receiver: Receiver) -> Answer:
    """Bring the emulator to where the receipt begins, and ask what it asked, or wait for what it delivers."""
    settings = dict(receipt.given.get("settings", {}))
    settings["effects"] = tuple(settings.get("effects", ()))
    server = serve(profile="realistic", **settings)
    request = receipt.request
    if "delivery" in request:
        _prepare(receipt, server, f"?fal_webhook={quote(receiver.url, safe='')}")
        (delivered,) = receiver.wait(1)
        return None, {name.lower(): value for name, value in delivered.headers.items()}, json.loads(delivered.body)
    request_id = _prepare(receipt, server)
    own = {name.lower(): value for name, value in KEY.items()}
    headers = {"host": request["host"], **own, **request.get("headers", {})}
    sent = {name: value for name, value in headers.items() if value is not None}
    with httpx.Client(base_url=server.url, trust_env=False) as http:
        more = {"json": request["json"]} if "json" in request else {}
        answer = http.request(request["method"], request["path"].replace("{id}", request_id), headers=sent, **more)
    coded = answer.headers.get("content-type", "").startswith("application/json")
    return answer.status_code, answer.headers, answer.json() if coded else None


def _prepare(receipt: Receipt, server: Server, query: str = "") -> str:
    """Submit what was submitted before, and move it on; returns its id."""
    if "submit" not in receipt.given:
        return ""
    submit = receipt.given["submit"]
    arguments: Any = submit["json"] if "json" in submit else examples(submit["endpoint"])[submit["example"]]
    request_id: str = server.submit(f"{submit['endpoint']}{query}", arguments)["request_id"]
    for move in receipt.given["then"]:
        if move == "cancel":
            assert server.http.put(f"/queue/fal-ai/kling-video/requests/{request_id}/cancel").is_success
        else:
            moved = server.http.post(f"/_fakefal/requests/{request_id}/advance", json={"to": move})
            assert moved.status_code == 200, moved.text
    return request_id


@pytest.mark.parametrize("receipt", ALL, ids=str)
def test_the_emulator_answers_as_the_service_did(receipt: Receipt, serve: Serve, receiver: Receiver) -> None:
    found = differences(receipt, *answer_to(receipt, serve, receiver))
    assert unexplained(receipt, found) == [], found


def test_each_receipt_says_whence_and_when() -> None:
    assert len(BY_ID) == len(ALL)
    for receipt in ALL:
        assert re.fullmatch(r"20\d\d(-\d\d(-\d\d)?)?", receipt.seen), receipt
        assert len(receipt.source) > 10, receipt
        assert all(len(known.why) > 20 for known in receipt.differs), receipt


BENT: list[tuple[str, Callable[[Any], Any]]] = [
    ("submit.accepted", lambda body: {**body, "more": 1}),
    ("submit.accepted", lambda body: {**body, "queue_position": "0"}),
    ("submit.accepted", lambda body: dict(reversed(body.items()))),
    ("submit.accepted", lambda body: {**body, "status_url": "https://elsewhere.example/x"}),
    ("submit.accepted", lambda body: {name: body[name] for name in body if name != "logs"}),
    ("result.long-shots", lambda body: {"detail": body["detail"][:3]}),
    ("result.duration", lambda body: {"detail": [body["detail"][0] | {"msg": "Input should be 5"}]}),
    ("webhook.made", lambda body: {name: body[name] for name in body if name != "payload"}),
    ("webhook.made", lambda body: dict(reversed(body.items()))),
    ("webhook.made", lambda body: {**body, "error": ""}),
    ("webhook.not-json", lambda body: {**body, "payload_error": "x"}),
    ("result.four-shots", lambda body: {"video": body["video"] | {"content_type": "video/webm"}}),
]


@pytest.mark.parametrize(("name", "bend"), BENT)
def test_a_bent_answer_is_noticed(name: str, bend: Callable[[Any], Any]) -> None:
    """The quoted answer itself passes, and each of its bent forms does not."""
    receipt = replace(BY_ID[name], differs=())
    quoted = receipt.response["json"]
    headers = receipt.response.get("headers", {})
    status = receipt.response.get("status")
    assert differences(receipt, status, headers, quoted) == {}
    assert differences(receipt, status, headers, bend(quoted)) != {}


def test_status_and_headers_are_compared_too() -> None:
    receipt = BY_ID["result.long-shots"]
    quoted = receipt.response["json"]
    assert set(differences(receipt, 400, {}, quoted)) == {"status", "headers.x-fal-billable-units"}


def test_a_listed_difference_that_is_gone_is_noticed() -> None:
    receipt = replace(BY_ID["cancel.running"], differs=(Known("json.status", "x"),))
    assert unexplained(receipt, {}) == ["no longer differs: json.status"]
    assert unexplained(receipt, {"json.status": 1, "json.other": 2}) == ["differs: json.other"]
