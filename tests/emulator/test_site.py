"""fal.ai's own addresses: the OpenAPI document and llms.txt of each model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakefal_contracts import BUILT_IN, FOUNDING
from fakefal_contracts.llms import llms_txt
from fakefal_contracts.openapi import openapi
from support.endpoints import I2V, O3, STANDARD
from support.server import Serve, Server

pytestmark = pytest.mark.quick

DOCUMENT = "/site/api/openapi/queue/openapi.json"
FLUX, FLUX_1 = "fal-ai/flux/schnell", "fal-ai/flux-1/schnell"
O3_PRO = "fal-ai/kling-video/o3/pro/"


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


class TestSearch:
    """The form that programs expect of the search behind fal's pages."""

    @staticmethod
    def found(server: Server, **query: str | int) -> dict[str, Any]:
        answer = httpx.get(f"{server.url}/site/api/models", params=query, trust_env=False)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"keywords": "flux schnell", "categories": "text-to-image"}, [FLUX_1, FLUX]),
            ({"keywords": "flux schnell", "category": "text-to-image"}, [FLUX_1, FLUX]),
            ({"keywords": "first FRAME standard o1"}, [STANDARD]),
            ({"keywords": "kling o3/pro", "categories": "text-to-video,image-to-video"}, [f"{O3_PRO}{one}" for one in (
                "image-to-video", "reference-to-video", "text-to-video")]),
            ({"keywords": "nothing like it"}, []),
        ],
        ids=str,
    )  # fmt: skip
    def test_models_are_found_by_words_and_category(
        self, server: Server, query: dict[str, str], expected: list[str]
    ) -> None:
        assert [one["id"] for one in self.found(server, **query)["items"]] == expected

    def test_an_item_has_what_programs_read(self, server: Server) -> None:
        (item,) = self.found(server, keywords="fal-ai/flux/dev", size=1)["items"]
        assert item["id"] == "fal-ai/flux/dev"
        assert item["category"] == "text-to-image"
        assert item["modelUrl"] == f"{server.url}/run/fal-ai/flux/dev"
        assert item["pricingInfoOverride"] == "$0.025 per image"
        assert (item["status"], item["deprecated"], item["removed"]) == ("public", False, False)
        assert httpx.get(item["thumbnailUrl"], trust_env=False).headers["content-type"] == "image/png"

    def test_an_unknown_price_is_null(self, server: Server) -> None:
        (item,) = self.found(server, keywords="fal-ai/fast-sdxl", size=1)["items"]
        assert item["pricingInfoOverride"] is None

    def test_pages_lead_through_all_models(self, server: Server) -> None:
        first = self.found(server)
        assert (len(first["items"]), first["total"], first["pages"]) == (40, len(BUILT_IN), -(-len(BUILT_IN) // 40))
        pages = [self.found(server, page=number, size=600)["items"] for number in (1, 2, 3, 4)]
        assert [one["id"] for page in pages for one in page] == list(BUILT_IN)
        assert pages[-1] == []

    def test_a_model_of_ones_own_is_found(self, serve: Serve, tmp_path: Path) -> None:
        edition = BUILT_IN.find("fal-ai/flux/dev").edition("latest")
        text = json.dumps(openapi(edition)).replace("fal-ai/flux/dev", "me/own/model")
        (tmp_path / "model.json").write_text(text)
        (item,) = self.found(serve(models=(tmp_path,)), keywords="me/own")["items"]
        assert item["id"] == "me/own/model"

    def test_at_fals_own_host_it_is_the_same(self, server: Server) -> None:
        answer = server.http.get("/api/models", params={"keywords": "flux/dev", "size": 1}, headers={"Host": "fal.ai"})
        assert answer.json()["items"][0]["modelUrl"].startswith("https://fal.run/")

    @pytest.mark.parametrize("query", [{"page": "0"}, {"page": "x"}, {"size": "0"}])
    def test_wrong_pages_are_refused(self, server: Server, query: dict[str, str]) -> None:
        assert server.http.get("/site/api/models", params=query).status_code == 422


@pytest.mark.parametrize("path", ["/models", "/api/other", "/dashboard"])
def test_other_pages_are_501(server: Server, path: str) -> None:
    assert server.http.get(f"/site{path}").status_code == 501
