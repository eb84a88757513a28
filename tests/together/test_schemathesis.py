"""The emulator answers as its own OpenAPI document says, in all phases and checks of Schemathesis."""

from __future__ import annotations

from typing import Any

import pytest

from fakefal.document.build import OPERATIONS
from fakefal_contracts import FOUNDING, examples
from oracles.document.run import PHASES, check, summary
from support.server import Server

EXAMPLES, HISTORIES, STEPS = 1, 20, 10
"""``make schemathesis`` makes many times as many."""

CHECKS = {
    "allow_header_conformance",
    "content_type_conformance",
    "ensure_resource_availability",
    "ignored_auth",
    "missing_required_header",
    "negative_data_rejection",
    "not_a_server_error",
    "object_level_authorization",
    "positive_data_acceptance",
    "response_headers_conformance",
    "response_schema_conformance",
    "status_code_conformance",
    "unsupported_method",
    "use_after_free",
}


@pytest.fixture
def document(server: Server) -> dict[str, Any]:
    """The document of a server."""
    found: dict[str, Any] = server.http.get("/openapi.json").json()
    return found


def test_every_call_answers_as_the_document_says() -> None:
    findings = check(EXAMPLES, HISTORIES, STEPS)
    assert findings.failures == [], summary(findings)
    assert findings.ended == 0, findings.output
    assert findings.uncalled == []
    assert len(findings.calls) == len(OPERATIONS) + len(FOUNDING)
    assert set(findings.phases) == set(PHASES)
    assert set(findings.checks) >= CHECKS


class TestTheDocument:
    def test_it_speaks_of_every_call_and_of_no_other(self, document: dict[str, Any]) -> None:
        named = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
        assert named == set(OPERATIONS) | {f"POST /run/{endpoint_id}" for endpoint_id in FOUNDING}
        ids = [one["operationId"] for item in document["paths"].values() for one in item.values()]
        assert len(set(ids)) == len(ids)

    def test_links_lead_to_operations(self, document: dict[str, Any]) -> None:
        operations = [one for item in document["paths"].values() for one in item.values()]
        ids = {one["operationId"] for one in operations}
        links = [
            link
            for one in operations
            for answer in one["responses"].values()
            for link in answer.get("links", {}).values()
        ]
        assert {link["operationId"] for link in links} <= ids
        submit = document["paths"]["/queue/{owner}/{app}/{path}"]["post"]["responses"]["200"]["links"]
        assert {"status", "stream", "result", "cancel"} <= set(submit)

    @pytest.mark.parametrize("endpoint_id", FOUNDING)
    def test_the_synchronous_call_of_a_model_has_its_schemas(self, endpoint_id: str, document: dict[str, Any]) -> None:
        shown = document["paths"][f"/run/{endpoint_id}"]["post"]
        content = shown["requestBody"]["content"]["application/json"]
        schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
        assert set(schema["properties"]) == set(FOUNDING[endpoint_id].edition("latest").model.model_fields)
        assert content["examples"]["full"]["value"] == examples(endpoint_id)["full"]

    def test_references_lead_somewhere(self, document: dict[str, Any]) -> None:
        schemas = document["components"]["schemas"]
        assert {one.rpartition("/")[2] for one in _references(document)} <= set(schemas)

    def test_the_control_token_is_asked_for_where_there_is_one(self, document: dict[str, Any]) -> None:
        assert "controlToken" not in document["components"]["securitySchemes"]
        assert "security" not in document["paths"]["/_fakefal/health"]["get"]


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [one for value in node.values() for one in _references(value)]
    return [one for value in node for one in _references(value)] if isinstance(node, list) else []
