"""The tools of the MCP server: those of fal's server, and more that only an emulator can have.

fal's documentation names the tools of its server (``mcp.fal.ai/mcp``, 2026), but not their arguments.  Public programs
send `endpoint_id`, `input`, `request_id`, `query`, `category`, `file_path` and the actions of `check_job`; all other
arguments and fields are inferred.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field

from fakefal.mcp_server.emulator_calls import CallFailed, EmulatorCalls
from fakefal.mcp_server.local_files import FileRefused, LocalFiles
from fakefal.settings import Settings
from fakefal_contracts import ContractError, Report, check, open_for_fake
from fakefal_contracts.endpoint import APP_SEGMENTS
from fakefal_contracts.errors import how_to_price
from fakefal_contracts.hosts import Part
from fakefal_contracts.media import Missing

Facts = dict[str, Any]
MODELS = f"/{Part.PLATFORM}/v1/models"
COMPLETED = "COMPLETED"
STUCK = "stuck"
NO_ROUTE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)

EndpointId = Annotated[
    str,
    Field(pattern=r"^[\w-][\w.-]*(/[\w-][\w.-]*)+$", max_length=300, description="a model's id: fal-ai/flux/dev"),
]
RequestId = Annotated[str, Field(pattern=r"^[\w-]+$", max_length=100, description="the request_id from submit_job")]
ModelInput = Annotated[Facts, Field(description="the model's arguments; see get_model_schema")]
Key = Annotated[str | None, Field(description="only this key id; default: all keys that called")]
Most = Annotated[int, Field(ge=1, le=100, description="how many at most")]


class ToolRefused(Exception):
    """A tool refused the call; the message says what to change.

    Args:
        said: what is wrong.
        facts: further fields of the answer.
    """

    def __init__(self, said: str, **facts: Any) -> None:
        super().__init__(said)
        self.facts = facts


@dataclass(frozen=True)
class Rehearsal:
    """The tools.

    Args:
        calls: sends calls to the emulator.
        settings: the contract and the models for `check_request`.
        files: the files that may be uploaded.
    """

    calls: EmulatorCalls
    settings: Settings
    files: LocalFiles

    def tools(self) -> Iterator[Callable[..., Facts]]:
        """All tools; the name of a tool is that of its function, its description is the docstring."""
        yield from (self.search_models, self.get_model_schema, self.get_pricing, self.run_model, self.submit_job)
        yield from (self.check_job, self.upload_file, self.check_request, self.explain_refusal, self.ledger)
        yield self.verdict

    def search_models(self, query: str = "", category: str | None = None, limit: Most = 20) -> Facts:
        """Find models by words in their id, name or category, such as "kling video" in image-to-video."""
        found = self.calls.fal("GET", MODELS, q=query, category=category, limit=limit)
        models = [{"endpoint_id": one["endpoint_id"], **_short(one["metadata"])} for one in found["models"]]
        return {"models": models, "has_more": found["has_more"]}

    def get_model_schema(self, endpoint_id: EndpointId) -> Facts:
        """Read the JSON schemas of a model's arguments and result.

        References point to `components` in the answer.
        """
        document = self._model(endpoint_id, expand="openapi-3.0").get("openapi", {})
        if "paths" not in document:
            raise ToolRefused(
                f"fakefal has no document of {endpoint_id}: download it with fakefal models add {endpoint_id}"
            )
        schemas = document.get("components", {}).get("schemas", {})
        return {
            "endpoint_id": endpoint_id,
            "input_schema": _schema_of(document, "post", "requestBody"),
            "output_schema": _schema_of(document, "get", "responses"),
            "components": {"schemas": schemas},
        }

    def get_pricing(self, endpoint_id: EndpointId) -> Facts:
        """Read the unit price of a model.  For the price of a request, use check_request."""
        self._model(endpoint_id)
        try:
            found = self.calls.fal("GET", f"{MODELS}/pricing", endpoint_id=endpoint_id)
        except CallFailed as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return {"endpoint_id": endpoint_id, "prices": [], "price_known": False, "note": _unpriced(endpoint_id)}
        return {"endpoint_id": endpoint_id, "prices": found["prices"], "price_known": True}

    def run_model(self, endpoint_id: EndpointId, input: ModelInput) -> Facts:  # noqa: A002 - fal's name
        """Rehearse a request, and get its result at once: the right format, with placeholder files.

        A refusal says what to change.  `cost` is what fal would charge.
        """
        request_id = self._submit(endpoint_id, input)
        if self._is_stuck(request_id):
            raise ToolRefused(
                "an effect keeps the job running for ever: a program must stop waiting and cancel it",
                endpoint_id=endpoint_id,
                request_id=request_id,
                **self._cost(request_id),
            )
        try:
            self.calls.control(f"requests/{request_id}/advance", body={"to": "end"})
        except CallFailed as error:
            if error.status != HTTPStatus.CONFLICT:  # it is over already
                raise
        return self._result(endpoint_id, request_id)

    def submit_job(self, endpoint_id: EndpointId, input: ModelInput) -> Facts:  # noqa: A002 - fal's name
        """Rehearse a request in the queue: returns its request_id at once, for check_job."""
        request_id = self._submit(endpoint_id, input)
        return {"endpoint_id": endpoint_id, "request_id": request_id, "status": "IN_QUEUE", **self._cost(request_id)}

    def check_job(
        self, endpoint_id: EndpointId, request_id: RequestId, action: Literal["status", "result", "cancel"] = "status"
    ) -> Facts:
        """Read the status or the result of a job, or cancel it."""
        if action == "status":
            return self._look(endpoint_id, request_id) | self._cost(request_id)
        if action == "result":
            return self._result(endpoint_id, request_id)
        answer = self._asked("PUT", f"{_of(endpoint_id, request_id)}/cancel")
        return {"endpoint_id": endpoint_id, "request_id": request_id, **answer}

    def upload_file(
        self, file_path: Annotated[str, Field(description="the path of a file below the folder of --root, not a URL")]
    ) -> Facts:
        """Upload a local file to the emulator, and get the URL to send in a model's input.

        A file that is on the web needs no upload: send its URL.
        """
        name = Path(file_path).name
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        try:
            with self.files.open(file_path) as file:
                size = file.seek(0, 2)
                file.seek(0)
                told = {"file_name": name, "content_type": content_type}
                given = self._asked("POST", f"/{Part.REST}/storage/upload/initiate", body=told)
                self.calls.put(given["upload_url"], file, content_type)
        except FileRefused as error:
            raise ToolRefused(str(error)) from error
        return {"cdn_url": given["file_url"], "content_type": content_type, "bytes": size}

    def check_request(self, endpoint_id: EndpointId, input: ModelInput) -> Facts:  # noqa: A002 - fal's name
        """Check and price a request without submitting it: all errors with rule, place and what to change."""
        found = self._judged(endpoint_id, input).as_dict()
        return {**found, "note": _unpriced(endpoint_id)} if found["ok"] and found["cost"] is None else found

    def explain_refusal(self, request_id: RequestId) -> Facts:
        """Explain why a job was refused: the broken rule, its evidence, what to change, what fal charges."""
        job = self._job(request_id)
        told = {name: job[name] for name in ("endpoint_id", "request_id", "status", "result_status", "charge", "hint")}
        if job["result_status"] is None:
            return {**told, "refused": False, "note": "it has not ended, and was not refused so far"}
        if job["cut"] is not None or job["result_status"] < HTTPStatus.BAD_REQUEST:
            return {**told, "refused": False, "note": f"it was not refused, but {job['cut'] or 'completed'}"}
        try:
            errors = self._judged(job["endpoint_id"], job["arguments"]).errors
        except ToolRefused:  # the model is unknown, which the hint says
            errors = ()
        reasons = [
            {
                "rule": one.rule.id,
                "says": one.rule.says,
                "evidence": f"{one.rule.evidence.grade}: {one.rule.evidence.source}",
                "loc": ["body", *one.loc],
                "type": one.type,
                "msg": one.msg,
                "hint": one.hint,
            }
            for one in errors
        ]
        note = (
            "" if reasons else "the input breaks no rule: an effect or the platform ended it, as the hint and logs say"
        )
        return {**told, "refused": True, "reasons": reasons, "logs": job["logs"], **({"note": note} if note else {})}

    def ledger(self, key: Key = None, limit: Most = 20) -> Facts:
        """Read what the jobs so far would have cost at fal: the totals, and the newest jobs."""
        found = self.calls.control("ledger", key=key)
        unpriced = sum(one["unpriced"] for one in found["totals"])
        count = sum(one["jobs"] for one in found["totals"])
        note = f"{unpriced} of {count} jobs have an unknown price: the sum does not include them" if unpriced else ""
        jobs = found["jobs"][:limit]
        more = len(found["jobs"]) - len(jobs)
        return {**found, "jobs": jobs, "more": more, "unpriced": unpriced, **({"note": note} if note else {})}

    def verdict(self, key: Key = None, limit: Most = 20) -> Facts:
        """Read the mistakes of the calling program so far that would cost money, with evidence."""
        try:
            found: Facts = self.calls.control("verdict", key=key, limit=limit)
        except CallFailed as error:
            if error.status in NO_ROUTE:
                raise ToolRefused("this emulator gives no verdicts: attach to a newer fakefal") from error
            raise
        return found

    def _submit(self, endpoint_id: str, arguments: Facts) -> str:
        request_id: str = self._asked("POST", f"/{Part.QUEUE}/{endpoint_id}", body=arguments)["request_id"]
        return request_id

    def _look(self, endpoint_id: str, request_id: str) -> Facts:
        status = self._asked("GET", f"{_of(endpoint_id, request_id)}/status", logs=1)
        kept: Facts = {
            name: status[name] for name in ("status", "queue_position", "error", "error_type") if name in status
        }
        return {"endpoint_id": endpoint_id, "request_id": request_id, **kept, "logs": status.get("logs") or []}

    def _result(self, endpoint_id: str, request_id: str) -> Facts:
        """The result of a job that is over, and its cost.

        Raises:
            ToolRefused: it was refused, or is not over.
        """
        which, cost = {"endpoint_id": endpoint_id, "request_id": request_id}, self._cost(request_id)
        try:
            result = self.calls.fal("GET", _of(endpoint_id, request_id))
        except CallFailed as error:
            job = self._job(request_id)
            if job["result_status"] is None:
                said = f"the job is {job['status']}: ask again later with check_job"
            else:
                said = f"fal would refuse this request with {error}: explain_refusal tells why"
            known = error.facts | {"hint": error.facts.get("hint") or job["hint"], "charge": job["charge"]}
            raise ToolRefused(said, **which, status=job["status"], **known, **cost) from error
        return {**which, "status": COMPLETED, "result": result, **cost}

    def _is_stuck(self, request_id: str) -> bool:
        """Whether the call that made a job has the effect which never ends it."""
        calls = self.calls.control(f"requests/{request_id}/details")["calls"]
        return any(one["method"] == "POST" and one["effect"] == STUCK for one in calls)

    def _cost(self, request_id: str) -> Facts:
        """What a job costs at fal; a price that is unknown is null, with words for it."""
        jobs = self.calls.control("ledger", key=self.calls.key_id)["jobs"]
        for job in jobs:
            if job["request_id"] == request_id:
                usd = {"usd": job["usd"], "units": job["units"]}
                return {"cost": usd if job["usd"] is not None else usd | {"note": _unpriced(job["endpoint_id"])}}
        return {"cost": {"usd": None, "note": "the job is not in the ledger of this key"}}

    def _job(self, request_id: str) -> Facts:
        job: Facts = self._told(lambda: self.calls.control(f"requests/{request_id}"))
        return job

    def _model(self, endpoint_id: str, **more: str) -> Facts:
        try:
            found: Facts = self.calls.fal("GET", MODELS, endpoint_id=endpoint_id, **more)["models"][0]
        except CallFailed as error:
            if error.status == HTTPStatus.NOT_FOUND:
                near = self.settings.catalogue().nearest(endpoint_id)
                meant = f": did you mean {near}?" if near else ": find it with search_models"
                raise ToolRefused(f"fakefal knows no model {endpoint_id}{meant}") from error
            raise
        return found

    def _judged(self, endpoint_id: str, arguments: Any) -> Report:
        """The report of `fakefal check`, with the emulator's own files read.

        Raises:
            ToolRefused: the model or the contract is unknown.
        """
        settings = self.settings
        try:
            return check(
                endpoint_id,
                arguments,
                contract=settings.contract,
                opener=self._open_media,
                catalogue=settings.catalogue(),
            )
        except ContractError as error:
            raise ToolRefused(str(error)) from error

    def _open_media(self, address: str) -> bytes | Path | None:
        try:
            content = self.calls.file(address)
        except CallFailed as error:
            raise Missing(f"{address} is not on the emulator's CDN", "upload the file first") from error
        return open_for_fake(address) if content is None else content

    def _asked(self, method: str, path: str, *, body: Any = None, **query: str | int | None) -> Facts:
        answer: Facts = self._told(lambda: self.calls.fal(method, path, body=body, **query))
        return answer

    @staticmethod
    def _told(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except CallFailed as error:
            raise ToolRefused(str(error), **error.facts) from error


def _of(endpoint_id: str, request_id: str) -> str:
    """Where the queue has a job: by the application alone."""
    app = "/".join(endpoint_id.split("/")[:APP_SEGMENTS])
    return f"/{Part.QUEUE}/{app}/requests/{quote(request_id, safe='')}"


def _unpriced(endpoint_id: str) -> str:
    return (
        f"the price of {endpoint_id} is unknown to fakefal, which does not mean that it is free: look it up at fal, "
        + (how_to_price(endpoint_id))
    )


def _short(metadata: Facts) -> Facts:
    return {name: metadata[name] for name in ("display_name", "category", "description")}


def _schema_of(document: Facts, method: str, part: str) -> Any:
    """The JSON schema of the request, or of the answer that has one, in a document of fal's."""
    found: Any = {}
    for path in document["paths"].values():
        if (operation := path.get(method)) and part in operation:
            given = operation[part]
            said = given if part == "requestBody" else given.get("200", {})
            schema = said.get("content", {}).get("application/json", {}).get("schema")
            found = schema or found
    return found
