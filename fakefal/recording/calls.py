"""What a call of fal's hosts is: which cost money, which belong to a job, and which are neither."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from fakefal_contracts.hosts import Part


class Kind(StrEnum):
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
    ("GET", "/status"): Kind.STATUS,
    ("GET", "/status/stream"): Kind.STREAM,
    ("GET", ""): Kind.RESULT,
    ("PUT", "/cancel"): Kind.CANCEL,
}
STREAM_SUFFIX = "/stream"


@dataclass(frozen=True)
class Call:
    """One call, by what it asks for.  `path` starts with a slash and does not name the part."""

    kind: Kind
    part: Part
    method: str
    path: str
    endpoint_id: str = ""
    request_id: str = ""

    @property
    def is_paid(self) -> bool:
        """Whether fal may bill it."""
        return self.kind in (Kind.SUBMIT, Kind.RUN)

    @property
    def recorded(self) -> bool:
        """Whether such calls are kept."""
        return self.kind not in (Kind.ACCOUNT, Kind.OTHER) and self.method != "HEAD"


def read_call(method: str, routed: str) -> Call | None:
    """The call of a path that starts with its part, as the router leaves it; None where there is no part."""
    name, _, rest = routed.lstrip("/").partition("/")
    if name not in set(Part):
        return None
    part, path = Part(name), f"/{rest}"
    if part is Part.QUEUE:
        return _queue(method, path)
    if part is Part.RUN and method == "POST":
        return Call(Kind.RUN, part, method, path, rest.removesuffix(STREAM_SUFFIX))
    return Call(_free_kind(method, part, path), part, method, path)


def _free_kind(method: str, part: Part, path: str) -> Kind:
    """What a call outside the applications is, if it is known to cost nothing."""
    if part is Part.REST and path.startswith(("/storage/", "/.well-known/")):
        return Kind.STORAGE
    if part is Part.CDN and path.startswith("/files/"):
        return Kind.FILE
    if part in (Part.REST, Part.PLATFORM, Part.SITE, Part.CDN) and method in READS:
        return Kind.ACCOUNT
    return Kind.OTHER


def _queue(method: str, path: str) -> Call:
    if match := _JOB.fullmatch(path):
        kind = _JOB_CALLS.get((method, match["rest"]), Kind.OTHER)
        return Call(kind, Part.QUEUE, method, path, match["app"], match["id"])
    kind = Kind.SUBMIT if method == "POST" else Kind.OTHER
    return Call(kind, Part.QUEUE, method, path, path.strip("/"))
