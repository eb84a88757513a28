"""One recorded call and its answer: a line of JSON without secrets."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fakefal.recording.calls import CallKind, FalCall, read_call
from fakefal.recording.scrub import Scrubber, query_text
from fakefal.state import jsonio
from fakefal_contracts.hosts import BaseUrl, Part

EVENTS = "text/event-stream"
OURS = "fakefal"
"""The source of refusals by the validating proxy itself."""


class BadExchange(ValueError):
    """The line is not a recorded exchange; ``str()`` says why."""


@dataclass(frozen=True)
class RecordedBody:
    """A body in one of four forms: JSON, text, a digest of bytes that are not stored, or a digest of a stored file."""

    form: str = "none"
    content: Any = None

    @classmethod
    def of(cls, raw: bytes, scrubber: Scrubber, base_url: BaseUrl | None = None) -> RecordedBody:
        """A body without secrets."""
        if not raw:
            return cls()
        try:
            return cls("json", scrubber.value(jsonio.parse(raw), base_url))
        except jsonio.JsonTooLarge:
            return cls.digest(hashlib.sha256(raw).hexdigest())
        except jsonio.InvalidJson:
            pass
        try:
            return cls("text", _clean_lines(raw.decode("utf-8"), scrubber))
        except UnicodeDecodeError:
            return cls.digest(hashlib.sha256(raw).hexdigest())

    @classmethod
    def digest(cls, sha256: str, form: str = "sha256") -> RecordedBody:
        """Bytes as a digest; with the form ``file`` they are stored beside the recording."""
        return cls(form, sha256)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {} if self.form == "none" else {self.form: self.content}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> RecordedBody:
        """Read the values of `as_dict`."""
        form = next((form for form in ("json", "text", "sha256", "file") if form in written), "none")
        return cls(form, written.get(form))


def _clean_lines(text: str, scrubber: Scrubber) -> str:
    """Text without secrets; the JSON of server-sent events is cleaned as JSON."""
    return "".join(_clean_line(line, scrubber) for line in text.splitlines(keepends=True))


def _clean_line(line: str, scrubber: Scrubber) -> str:
    if line.startswith("data:"):
        bare = line.removeprefix("data:").strip()
        try:
            cleaned = jsonio.dump(scrubber.value(jsonio.parse(bare.encode()))).decode()
        except jsonio.InvalidJson:
            cleaned = scrubber.text(bare)
        return f"data: {cleaned}\n"
    return scrubber.text(line)


@dataclass(frozen=True)
class RecordedRequest:
    """A request as the key of a look-up, independent of API keys, ports and time."""

    method: str
    part: Part
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: RecordedBody = field(default_factory=RecordedBody)

    @classmethod
    def of(cls, call: FalCall, query: str, body: RecordedBody, scrubber: Scrubber) -> RecordedRequest:
        """A call without secrets."""
        return cls(call.method, call.part, scrubber.path(call.path), scrubber.query(query), body)

    @property
    def call(self) -> FalCall:
        """The kind of the call."""
        call = read_call(self.method, f"/{self.part}{self.path}")
        assert call is not None
        return call

    @property
    def canonical(self) -> str:
        """A canonical text: equal for requests that differ only in the order of keys."""
        body = json.dumps(self.body.as_dict(), sort_keys=True, ensure_ascii=False)
        return f"{self.method} {self.part}{self.path}{query_text(self.query)} {body}"


@dataclass(frozen=True)
class RecordedAnswer:
    """A recorded answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: RecordedBody = field(default_factory=RecordedBody)


@dataclass(frozen=True)
class Exchange:
    """A request and its answer.

    `source` is the server that answered: ``fal``, ``upstream`` for another server, or `OURS`.
    """

    recorded_at: dt.datetime
    recorded_request: RecordedRequest
    answered: RecordedAnswer
    source: str = "fal"
    request_headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def request_id(self) -> str:
        """The id of its job, or empty."""
        call = self.recorded_request.call
        if call.kind is CallKind.SUBMIT:
            body = self.answered.body.content
            return str(body.get("request_id", "")) if isinstance(body, dict) else ""
        return call.request_id

    def line(self) -> bytes:
        """One line of JSON."""
        return jsonio.dump(
            {
                "recorded_at": self.recorded_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
                "source": self.source,
                "request": {
                    "method": self.recorded_request.method,
                    "part": self.recorded_request.part,
                    "path": self.recorded_request.path,
                    "query": dict(self.recorded_request.query),
                    "headers": dict(self.request_headers),
                    **self.recorded_request.body.as_dict(),
                },
                "response": {
                    "status": self.answered.status,
                    "headers": dict(self.answered.headers),
                    **self.answered.body.as_dict(),
                },
            }
        )

    @classmethod
    def read(cls, line: bytes) -> Exchange:
        """Read a line of `line`.

        Raises:
            BadExchange: it is not a recorded exchange.
        """
        try:
            written = jsonio.load(line)
            request, response = written["request"], written["response"]
            recorded_at = dt.datetime.fromisoformat(written["recorded_at"])
            recorded_request = RecordedRequest(
                request["method"], Part(request["part"]), request["path"], request["query"], RecordedBody.read(request)
            )
            answered = RecordedAnswer(int(response["status"]), response["headers"], RecordedBody.read(response))
            if recorded_at.tzinfo is None:
                raise BadExchange("recorded_at has no offset")
            return cls(recorded_at, recorded_request, answered, str(written["source"]), request["headers"])
        except (KeyError, TypeError, ValueError) as error:
            raise BadExchange(f"{type(error).__name__}: {error}") from error
