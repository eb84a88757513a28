"""Uploads in the ways of both official clients, and the files at the resulting URLs."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from fakefal.conform.claims import Claim, demand, has_keys, outcomes
from fakefal.conform.results import ClaimOutcome
from fakefal.conform.service import TargetService
from fakefal.conform.target import Answer
from fakefal_contracts.hosts import Part
from fakefal_contracts.strategies.medium import picture

PICTURE = picture("PNG", 300, 300)
JAVASCRIPT = {"content_type": "image/png", "file_name": "conform.png"}


class Uploads:
    """Uploads one small picture in each way of the clients."""

    def __init__(self, service: TargetService) -> None:
        self._service = service
        self._target = service.target

    def outcomes(self) -> Iterator[ClaimOutcome]:
        """Every claim."""
        yield from outcomes(self._target, "uploads", self._claims())

    def _claims(self) -> Iterator[Claim]:
        yield "the Python client, in one piece", self._python
        yield "the Python client, in parts", self._python_parts
        yield "the JavaScript client, in one piece", self._javascript
        yield "the JavaScript client, in parts", self._javascript_parts
        yield "no token without a key: 401", self._keyless

    def _python(self) -> None:
        self._found(self._service.upload(PICTURE))

    def _python_parts(self) -> None:
        token = self._rest("/storage/auth/token", {})
        has_keys(token, ("token", "token_type", "base_url", "expires_at"))
        bearer = {"authorization": f"{token.json['token_type']} {token.json['token']}"}
        named = bearer | {"x-fal-file-name": "conform.png", "content-type": "image/png"}
        begun = self._target.call("POST", Part.CDN, "/files/upload/multipart", headers=named, key=False)
        demand(begun.status == HTTPStatus.OK, "200", begun)
        has_keys(begun, ("access_url", "uploadId"))
        part, path = self._target.part_of(begun.json["access_url"])
        whole = f"{path}/multipart/{begun.json['uploadId']}"
        sent = self._target.call("PUT", part, f"{whole}/1", content=PICTURE.head, headers=bearer, key=False)
        demand(sent.status == HTTPStatus.OK and "etag" in sent.headers, "200 with an ETag header", sent)
        parts = {"parts": [{"partNumber": 1, "etag": sent.headers["etag"]}]}
        ended = self._target.call("POST", part, f"{whole}/complete", body=parts, headers=bearer, key=False)
        demand(ended.status == HTTPStatus.OK, "200", ended)
        self._found(begun.json["access_url"])

    def _javascript(self) -> None:
        begun = self._rest("/storage/upload/initiate", JAVASCRIPT)
        has_keys(begun, ("file_url", "upload_url"))
        part, path = self._target.part_of(begun.json["upload_url"])
        sent = self._put(part, path)
        demand(sent.status // 100 == 2, "any 2xx", sent)  # noqa: PLR2004 - the class of success
        self._found(begun.json["file_url"])

    def _javascript_parts(self) -> None:
        begun = self._rest("/storage/upload/initiate-multipart", JAVASCRIPT)
        has_keys(begun, ("file_url", "upload_url"))
        part, whole = self._target.part_of(begun.json["upload_url"])
        path, _, query = whole.partition("?")
        sent = self._put(part, f"{path}/1?{query}")
        demand(sent.status == HTTPStatus.OK, "200", sent)
        has_keys(sent, ("partNumber", "etag"))
        ended = self._target.call("POST", part, f"{path}/complete?{query}", body={"parts": [sent.json]}, key=False)
        demand(ended.status == HTTPStatus.OK, "200", ended)
        self._found(begun.json["file_url"])

    def _keyless(self) -> None:
        path = "/storage/auth/token?storage_type=fal-cdn-v3"
        answer = self._target.call("POST", Part.REST, path, body={}, key=False)
        demand(answer.status == HTTPStatus.UNAUTHORIZED, "401", answer)

    def _rest(self, path: str, body: object) -> Answer:
        answer = self._target.call("POST", Part.REST, f"{path}?storage_type=fal-cdn-v3", body=body)
        demand(answer.status == HTTPStatus.OK, "200", answer)
        return answer

    def _put(self, part: Part, path: str) -> Answer:
        headers = {"content-type": "image/png"}
        return self._target.call("PUT", part, path, content=PICTURE.head, headers=headers, key=False)

    def _found(self, address: str) -> None:
        """The URL serves the same bytes, publicly, with their media type."""
        part, path = self._target.part_of(address)
        answer = self._target.call("GET", part, path, key=False)
        demand(answer.content == PICTURE.head, f"the picture at {address}", answer.status)
        demand(answer.headers.get("content-type") == "image/png", "image/png", answer.headers.get("content-type"))
