"""fal.ai's own addresses: the OpenAPI document and llms.txt of each model."""

from __future__ import annotations

import httpx
import pytest

from fakefal_contracts import BUILT_IN, FOUNDING
from fakefal_contracts.llms import llms_txt
from fakefal_contracts.openapi import openapi
from support.endpoints import I2V, O3
from support.server import Serve, Server

pytestmark = pytest.mark.quick

DOCUMENT = "/site/api/openapi/queue/openapi.json"
OTHER = "fal-ai/kling-video/v3/pro/text-to-video"


def read(server: Server, endpoint_id: str) -> httpx.Response:
    return httpx.get(f"{server.url}{DOCUMENT}", params={"endpoint_id": endpoint_id}, trust_env=False)


@pytest.mark.parametrize("endpoint_id", FOUNDING)
class TestEachModel:
    def test_the_document_is_the_contracts_and_needs_no_key(self, server: Server, endpoint_id: str) -> None:
        edition = BUILT_IN.find(endpoint_id).edition("latest")
        assert read(server, endpoint_id).json() == openapi(edition, server=f"{server.url}/queue")

    def test_llms_txt_is_the_contracts(self, server: Server, endpoint_id: str) -> None:
        answer = httpx.get(f"{server.url}/site/models/{endpoint_id}/llms.txt", trust_env=False)
        edition = BUILT_IN.find(endpoint_id).edition("latest")
        assert answer.text == llms_txt(edition, run=f"{server.url}/run", queue=f"{server.url}/queue")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"

    def test_at_fals_own_host_its_addresses_are_fals(self, server: Server, endpoint_id: str) -> None:
        path = DOCUMENT.removeprefix("/site")
        answer = server.http.get(path, params={"endpoint_id": endpoint_id}, headers={"Host": "fal.ai"})
        assert answer.json()["servers"] == [{"url": "https://queue.fal.run"}]
        text = server.http.get(f"/models/{endpoint_id}/llms.txt", headers={"Host": "fal.ai"}).text
        assert f"`https://fal.run/{endpoint_id}`" in text


def test_the_document_follows_the_servers_contract(serve: Serve) -> None:
    def durations(server: Server) -> list[str]:
        schema = read(server, I2V).json()["components"]["schemas"]["KlingVideoO1ImageToVideoInput"]
        found: list[str] = schema["properties"]["duration"]["enum"]
        return found

    assert durations(serve()) == ["3", "4", "5", "6", "7", "8", "9", "10"]
    assert durations(serve(contract="documented")) == ["5", "10"]


@pytest.mark.parametrize("endpoint_id", ["", "fal-ai/kling-video", "fal-ai/kling-video/o9/x", "nobody/knows"])
def test_an_unknown_model_is_404_and_null(server: Server, endpoint_id: str) -> None:
    answer = read(server, endpoint_id)
    assert (answer.status_code, answer.text) == (404, "null")
    assert httpx.get(f"{server.url}/site/models/{endpoint_id or 'x'}/llms.txt", trust_env=False).status_code == 404


def test_a_model_that_was_not_there_yet_is_404_and_says_why(serve: Serve) -> None:
    answer = read(serve(contract="2026-01-30"), O3)
    assert (answer.status_code, answer.text) == (404, "null")
    assert "2026-02-04" in answer.headers["x-fakefal-hint"]


@pytest.mark.parametrize("endpoint_id", ["fal-ai/flux/dev", "fal-ai/kling-video/v3/pro/text-to-video"])
def test_a_model_known_by_its_document_only_has_it_too(server: Server, endpoint_id: str) -> None:
    assert read(server, endpoint_id).json()["info"]["x-fal-metadata"]["endpointId"] == endpoint_id
    text = httpx.get(f"{server.url}/site/models/{endpoint_id}/llms.txt", trust_env=False).text
    assert f"`{server.url}/run/{endpoint_id}`" in text


@pytest.mark.parametrize("path", ["/models", "/api/models?keywords=kling", "/dashboard"])
def test_other_pages_are_501(server: Server, path: str) -> None:
    assert server.http.get(f"/site{path}").status_code == 501
