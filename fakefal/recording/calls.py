"""Classifies calls to fal's hosts: paid calls, calls of a job, and others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from fakefal_contracts import BUILT_IN
from fakefal_contracts.endpoint import STREAM
from fakefal_contracts.hosts import Part


class CallKind(StrEnum):
    """The kind of a call."""

    SUBMIT = "submit"
    RUN = "run"
    STATUS = "status"
    STREAM = "stream"
    RESULT = "result"
    CANCEL = "cancel"
    STORAGE = "storage"
    """Tokens and URLs for uploads, and the public keys of webhooks."""
    FILE = "file"
    """An upload to the CDN, or a download."""
    ACCOUNT = "account"
    """Reads of account data or of fal's site: passed on, never recorded."""
    OTHER = "other"
    """Unknown calls, which may cost money."""


READS = ("GET", "HEAD")

_JOB = re.compile(r"/(?P<app>[^/]+/[^/]+(?:/[^/]+)?)/requests/(?P<id>[^/]+)(?P<rest>/status/stream|/status|/cancel|)")
_JOB_CALLS = {
    ("GET", "/status"): CallKind.STATUS,
    ("GET", "/status/stream"): CallKind.STREAM,
    ("GET", ""): CallKind.RESULT,
    ("PUT", "/cancel"): CallKind.CANCEL,
}


@dataclass(frozen=True)
class FalCall:
    """One call by its kind.  `path` starts with a slash, without the part."""

    kind: CallKind
    part: Part
    method: str
    path: str
    endpoint_id: str = ""
    request_id: str = ""

    @property
    def is_paid(self) -> bool:
        """Whether fal may bill it."""
        return self.kind in (CallKind.SUBMIT, CallKind.RUN)

    @property
    def recorded(self) -> bool:
        """Whether such calls are recorded."""
        return self.kind not in (CallKind.ACCOUNT, CallKind.OTHER) and self.method != "HEAD"


def read_call(method: str, routed: str) -> FalCall | None:
    """Read a call from a path that starts with its part, as the router leaves it; None if there is no part."""
    name, _, rest = routed.lstrip("/").partition("/")
    if name not in set(Part):
        return None
    part, path = Part(name), f"/{rest}"
    if part is Part.QUEUE:
        return _queue(method, path)
    if part is Part.RUN and method == "POST":
        return FalCall(CallKind.RUN, part, method, path, rest if rest in BUILT_IN else rest.removesuffix(STREAM))
    return FalCall(_free_kind(method, part, path), part, method, path)


def _free_kind(method: str, part: Part, path: str) -> CallKind:
    """The kind of a call outside the applications, if it is known to cost nothing."""
    if part is Part.REST and path.startswith(("/storage/", "/.well-known/")):
        return CallKind.STORAGE
    if part is Part.CDN and path.startswith("/files/"):
        return CallKind.FILE
    if part in (Part.REST, Part.PLATFORM, Part.SITE, Part.CDN) and method in READS:
        return CallKind.ACCOUNT
    return CallKind.OTHER


def _queue(method: str, path: str) -> FalCall:
    if match := _JOB.fullmatch(path):
        kind = _JOB_CALLS.get((method, match["rest"]), CallKind.OTHER)
        return FalCall(kind, Part.QUEUE, method, path, match["app"], match["id"])
    kind = CallKind.SUBMIT if method == "POST" else CallKind.OTHER
    return FalCall(kind, Part.QUEUE, method, path, path.strip("/"))
