"""The bodies of fal's answers, as `fakefal.wire` writes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Interval, Len
from pydantic import BaseModel, ConfigDict, Field, RootModel

from fakefal.state.access import Acl, UploadLifecycle
from fakefal.state.happenings import AnyEvent
from fakefal.wire.cdn import MOST_PARTS


class Refusal(BaseModel):
    """Why the call was refused.  `error_type` is fal's machine-readable reason, if it has one."""

    detail: str
    error_type: str = ""


class NotFoundBody(BaseModel):
    """This application and API key have no such request."""

    status: Literal["NOT_FOUND"]


class Problem(BaseModel):
    """One error: its place, message and type.  Some errors also have `url`, `input` and `ctx`, as at fal."""

    model_config = ConfigDict(extra="allow")

    loc: list[str | int]
    msg: str
    type: str


class Problems(BaseModel):
    """The errors of a request."""

    detail: Annotated[list[Problem], Len(min_length=1)]


class LimitReached(BaseModel):
    """The API key has reached its limit of concurrent requests."""

    detail: str
    type: Literal["concurrent_requests_limit"]
    data: dict[str, Any]


class LogLineBody(BaseModel):
    """One log line of the runner."""

    timestamp: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    level: str
    message: str
    labels: dict[str, str]


class Metrics(BaseModel):
    """`inference_time` is how long the request ran, in seconds, after it has ended."""

    inference_time: Annotated[float, Field(ge=0)] = 0


class AcceptedBody(BaseModel):
    """The accepted request, and the URLs of its status, result and cancellation."""

    status: Literal["IN_QUEUE"]
    request_id: str
    response_url: str
    status_url: str
    cancel_url: str
    logs: None
    metrics: Metrics
    queue_position: Annotated[int, Field(ge=0)]


class StatusBody(BaseModel):
    """The status of a request.  `error` and `error_type` describe a failure of the platform."""

    status: Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    request_id: str
    response_url: str
    status_url: str
    cancel_url: str
    logs: list[LogLineBody] | None
    metrics: Metrics
    queue_position: Annotated[int, Field(ge=0)] = 0
    error: str = ""
    error_type: str = ""


class Cancelled(BaseModel):
    """The outcome of a cancellation."""

    status: Literal["OK", "CANCELLATION_REQUESTED", "ALREADY_COMPLETED"]


class UploadGrant(BaseModel):
    """A token for uploads.  `expires_at` is an ISO time with an offset."""

    token: str
    token_type: Literal["Bearer"]
    base_url: str
    expires_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class SigningKey(BaseModel):
    """A public key (Ed25519, RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class JwksBody(BaseModel):
    """The public keys that verify webhook signatures, newest first."""

    keys: Annotated[list[SigningKey], Len(min_length=1)]


class Account(BaseModel):
    """The account of an API key."""

    full_name: str
    nickname: str
    user_id: str
    is_personal: bool
    is_locked: bool
    lock_reason: str | None
    is_paying: bool


class NewFile(BaseModel):
    """The file to upload."""

    file_name: Annotated[str, Field(examples=["frame.png"])]
    content_type: Annotated[str, Field(examples=["image/png"])]


class UploadPlace(BaseModel):
    """`upload_url` is where to PUT the file; `file_url` is its URL after that."""

    file_url: str
    upload_url: str


class Uploaded(BaseModel):
    """`access_url` is the URL of the file."""

    access_url: str
    uploaded: Literal[True]


class MultipartUpload(BaseModel):
    """`access_url` is the future URL of the file; `uploadId` identifies the upload."""

    access_url: str
    uploadId: str  # noqa: N815 - fal's spelling


class PartBody(BaseModel):
    """A stored part."""

    partNumber: int  # noqa: N815 - fal's spelling
    etag: str


class PartNumber(BaseModel):
    """The number of a part.  Its `etag` is ignored."""

    partNumber: Annotated[int, Interval(ge=1, le=MOST_PARTS)]  # noqa: N815 - fal's spelling


class PartsBody(BaseModel):
    """The parts of the file."""

    parts: Annotated[list[PartNumber], Len(min_length=1)]


class PlatformFault(BaseModel):
    """An error of the Platform API."""

    type: str
    message: str


class PlatformRefusal(BaseModel):
    """Why the Platform API refused the call."""

    error: PlatformFault


class Page(BaseModel):
    """One page of a list.  `next_cursor` is the cursor of the next page."""

    next_cursor: str | None
    has_more: bool


class Models(Page):
    """A page of models."""

    models: list[dict[str, Any]]


class FoundModels(BaseModel):
    """A page of search results."""

    items: list[dict[str, Any]]
    page: int
    size: int
    total: int
    pages: int


class PriceBody(BaseModel):
    """The price of one second."""

    endpoint_id: str
    unit_price: float
    unit: Literal["seconds"]
    currency: Literal["USD"]


class Prices(Page):
    """Prices of models."""

    prices: list[PriceBody]


class Estimated(BaseModel):
    """The estimated cost in US dollars."""

    estimate_type: Literal["historical_api_price", "unit_price"]
    total_cost: float
    currency: Literal["USD"]


class PastRequest(BaseModel):
    """A request.  `json_input` and `json_output` are included with expand=payloads; `duration` is in seconds."""

    model_config = ConfigDict(extra="allow")

    request_id: str
    endpoint_id: str
    started_at: str
    sent_at: str
    ended_at: str | None
    status_code: int | None
    duration: float | None


class PastRequests(Page):
    """A page of the requests of an API key."""

    items: list[PastRequest]


class Removal(BaseModel):
    """Whether one file was removed; `exception` says why not."""

    link: str
    exception: str | None


class Removals(BaseModel):
    """The files of the result, and whether each was removed."""

    cdn_delete_results: list[Removal]


class QueueSize(BaseModel):
    """The number of waiting requests."""

    queue_size: Annotated[int, Field(ge=0)]


class Signed(BaseModel):
    """A URL that anybody can read until it expires."""

    signed_url: str


class WebhookRanges(BaseModel):
    """The IP ranges that webhooks come from, in CIDR notation."""

    webhook_ip_ranges: list[str]


class AnAcl(Acl):
    """The access control list of a file."""


class StorageSettingsBody(UploadLifecycle):
    """Defaults for later uploads of the key."""


class Health(BaseModel):
    """The server's version and main settings."""

    status: Literal["ok"]
    version: str
    profile: str
    contract: str
    any_key: bool


class Ready(BaseModel):
    """The server accepts requests; `fakefal` is its version, `lead_folder` the folder of ``serve --lead``."""

    ready: Literal[True]
    fakefal: str
    lead_folder: str | None


class EventInfo(RootModel[AnyEvent]):
    """One event; `kind` says which."""
