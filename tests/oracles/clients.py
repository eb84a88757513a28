"""The refusal of every rule, through the parsers of fal's own clients: is it the error that they promise?

Usage: PYTHONPATH=tests python -m oracles.clients > tests/oracles/clients.json
The summary says for each rule and client whether status, items and request id came out as they went in.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fal_client
import httpx

from fakefal.conform import drawn_bodies
from fakefal.conform.service import Submitted, TargetService
from fakefal.conform.spend_guard import SpendGuard
from fakefal.conform.target import KEY, Answer, ProbedTarget
from fakefal.proxy.upstream import Upstream
from fakefal.server.serving import serving
from fakefal.settings import Settings
from fakefal_contracts import FOUNDING, judge
from support.waiting import run_program

CONTRACT = "latest"
JS = Path(__file__).parent.parent / "js"
REFUSED = 422


def refusals(service: TargetService) -> Iterator[tuple[str, Submitted, list[Any]]]:
    """For every rule a request that broke it and is over, and the items that its result has to have."""
    for endpoint in FOUNDING.values():
        edition = endpoint.edition(CONTRACT)
        for rule in drawn_bodies.rules(edition):
            body = service.lay(drawn_bodies.refused(edition, rule, 1, 0)[0])
            predicted = judge(edition, body.arguments, body.opener)
            assert [error.rule.id for error in predicted.errors] == [rule.id]
            items = json.loads(json.dumps([error.wire() for error in predicted.errors]))
            yield rule.id, service.submit(endpoint.id, body.arguments), items


def by_python(http: httpx.Client, submitted: Submitted, items: list[Any]) -> bool:
    """Whether fal's Python client raises what it promises."""
    names = ("request_id", "response_url", "status_url", "cancel_url")
    urls = {name: submitted.answer.json[name] for name in names}
    try:
        fal_client.SyncRequestHandle(**urls, client=http).get()
    except fal_client.FalClientHTTPError as error:
        known = error.response_headers.get("x-fal-request-id") == submitted.request_id
        return bool(known and error.status_code == REFUSED and error.message == items and error.error_type is None)
    return False


def by_javascript(answers: list[Answer]) -> list[dict[str, Any]]:
    """What fal's JavaScript client makes of answers."""
    recorded = [{"status": one.status, "headers": dict(one.headers), "body": one.content.decode()} for one in answers]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.json"
        path.write_text(json.dumps(recorded))
        command = ["node", str(JS / "parsers.mjs"), str(path)]
        done = run_program(command, check=True)
    parsed: list[dict[str, Any]] = json.loads(done.stdout)
    return parsed


def summary() -> dict[str, Any]:
    """What came of every rule, as plain JSON values."""
    python: dict[str, bool] = {}
    asked: list[tuple[str, Submitted, list[Any], Answer]] = []
    settings = Settings(profile="instant", contract=CONTRACT)
    with (
        serving(settings) as where,
        ProbedTarget(where.url, Upstream(where.url)) as target,
        httpx.Client(headers={"authorization": f"Key {KEY}"}, trust_env=False) as http,
    ):
        service = TargetService(target, SpendGuard(None))
        for rule, submitted, items in refusals(service):
            python[rule] = by_python(http, submitted, items)
            asked.append((rule, submitted, items, service.fetch(submitted)))
    parsed = by_javascript([answer for *_, answer in asked])
    javascript = {
        rule: (one["kind"], one["status"], one["fields"], one["requestId"])
        == ("ValidationError", REFUSED, items, submitted.request_id)
        for (rule, submitted, items, _), one in zip(asked, parsed, strict=True)
    }
    installed = json.loads((JS / "node_modules" / "@fal-ai" / "client" / "package.json").read_text())
    return {
        "oracle": "clients",
        "contract": CONTRACT,
        "versions": {"fal-client": version("fal-client"), "@fal-ai/client": installed["version"]},
        "rules": {rule: {"python": python[rule], "javascript": javascript[rule]} for rule in python},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(summary(), indent=1) + "\n")
