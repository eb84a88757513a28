"""What a call of fal's hosts is: which cost money, which belong to a job, and which are neither."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from fakefal_contracts import BUILT_IN
from fakefal_contracts.endpoint import STREAM
from fakefal_contracts.hosts import Part


class CallKind(StrEnum):
    """What a call asks for."""

    SUBMIT = "submit"
    RUN = "run"
    STATUS = "status"
    STREAM = "stream"
    RESULT = "result"
    CANCEL = "cancel"
    STORAGE = "storage"
    """Tokens and addresses for uploads, and the keys that webhooks are signed with."""
    FILE = "file"
    """An upload to the CDN, or a download."""
    ACCOUNT = "account"
    """Reading what belongs to an account or to the site: passed on, never recorded."""
    OTHER = "other"
    """Nobody here knows whether it costs anything."""


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
    """One call, by what it asks for.  `path` starts with a slash and does not name the part."""

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
        """Whether such calls are kept."""
        return self.kind not in (CallKind.ACCOUNT, CallKind.OTHER) and self.method != "HEAD"


def read_call(method: str, routed: str) -> FalCall | None:
    """The call of a path that starts with its part, as the router leaves it; None where there is no part."""
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
    """What a call outside the applications is, if it is known to cost nothing."""
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
