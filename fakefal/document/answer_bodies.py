"""The bodies of fal's answers, in the forms that `fakefal.wire` writes them in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Interval, Len
from pydantic import BaseModel, ConfigDict, Field, RootModel

from fakefal.state.access import Acl, UploadLifecycle
from fakefal.state.happenings import AnyEvent
from fakefal.wire.cdn import MOST_PARTS


class Refusal(BaseModel):
    """Why nothing was done; `error_type` says it for programs, where fal has a word for it."""

    detail: str
    error_type: str = ""


class NotFoundBody(BaseModel):
    """No such request of this key and application is stored."""

    status: Literal["NOT_FOUND"]


class Problem(BaseModel):
    """One thing that is wrong; `url`, `input` and `ctx` stand where fal sends them."""

    model_config = ConfigDict(extra="allow")

    loc: list[str | int]
    msg: str
    type: str


class Problems(BaseModel):
    """What is wrong with a request, item by item."""

    detail: Annotated[list[Problem], Len(min_length=1)]


class LimitReached(BaseModel):
    """The key has as many requests running as it may."""

    detail: str
    type: Literal["concurrent_requests_limit"]
    data: dict[str, Any]


class LogLineBody(BaseModel):
    """A line that the runner wrote."""

    timestamp: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    level: str
    message: str
    labels: dict[str, str]


class Metrics(BaseModel):
    """How long it ran, in seconds, once it is over."""

    inference_time: Annotated[float, Field(ge=0)] = 0


class AcceptedBody(BaseModel):
    """A request that was accepted, and the addresses of what comes next."""

    status: Literal["IN_QUEUE"]
    request_id: str
    response_url: str
    status_url: str
    cancel_url: str
    logs: None
    metrics: Metrics
    queue_position: Annotated[int, Field(ge=0)]


class StatusBody(BaseModel):
    """Where a request stands; `error` and `error_type` show failures of the platform."""

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
    """What became of a cancellation."""

    status: Literal["OK", "CANCELLATION_REQUESTED", "ALREADY_COMPLETED"]


class UploadGrant(BaseModel):
    """A token for uploads; `expires_at` carries its offset."""

    token: str
    token_type: Literal["Bearer"]
    base_url: str
    expires_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class SigningKey(BaseModel):
    """A public key of RFC 8037."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class JwksBody(BaseModel):
    """The keys that webhooks are signed with, newest first."""

    keys: Annotated[list[SigningKey], Len(min_length=1)]


class Account(BaseModel):
    """The account behind a key."""

    full_name: str
    nickname: str
    user_id: str
    is_personal: bool
    is_locked: bool
    lock_reason: str | None
    is_paying: bool


class NewFile(BaseModel):
    """The file that will be uploaded."""

    file_name: Annotated[str, Field(examples=["frame.png"])]
    content_type: Annotated[str, Field(examples=["image/png"])]


class UploadPlace(BaseModel):
    """Where to PUT a file, and where it will lie."""

    file_url: str
    upload_url: str


class Uploaded(BaseModel):
    """Where a file lies."""

    access_url: str
    uploaded: Literal[True]


class MultipartUpload(BaseModel):
    """Where a file will lie, and the name of its upload."""

    access_url: str
    uploadId: str  # noqa: N815 - fal's spelling


class PartBody(BaseModel):
    """A part that has arrived."""

    partNumber: int  # noqa: N815 - fal's spelling
    etag: str


class PartNumber(BaseModel):
    """Names a part; its `etag` is not compared."""

    partNumber: Annotated[int, Interval(ge=1, le=MOST_PARTS)]  # noqa: N815 - fal's spelling


class PartsBody(BaseModel):
    """The parts that make the file."""

    parts: Annotated[list[PartNumber], Len(min_length=1)]


class PlatformFault(BaseModel):
    """What is wrong, in the Platform API's form."""

    type: str
    message: str


class PlatformRefusal(BaseModel):
    """Why the Platform API did nothing."""

    error: PlatformFault


class Page(BaseModel):
    """What a list always says of its rest."""

    next_cursor: str | None
    has_more: bool


class Models(Page):
    """Models of the catalogue."""

    models: list[dict[str, Any]]


class FoundModels(BaseModel):
    """A page of the search of fal's own site."""

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
    """Prices of endpoints."""

    prices: list[PriceBody]


class Estimated(BaseModel):
    """What it will cost."""

    estimate_type: Literal["historical_api_price", "unit_price"]
    total_cost: float
    currency: Literal["USD"]


class PastRequest(BaseModel):
    """A request in the list; `json_input` and `json_output` stand there when asked for."""

    model_config = ConfigDict(extra="allow")

    request_id: str
    endpoint_id: str
    started_at: str
    sent_at: str
    ended_at: str | None
    status_code: int | None
    duration: float | None


class PastRequests(Page):
    """Requests of the key."""

    items: list[PastRequest]


class Removal(BaseModel):
    """What became of one file."""

    link: str
    exception: str | None


class Removals(BaseModel):
    """What became of the files that a request made."""

    cdn_delete_results: list[Removal]


class QueueSize(BaseModel):
    """How many requests wait."""

    queue_size: Annotated[int, Field(ge=0)]


class Signed(BaseModel):
    """An address that leads to the file whoever reads it."""

    signed_url: str


class WebhookRanges(BaseModel):
    """Where webhooks come from."""

    webhook_ip_ranges: list[str]


class AnAcl(Acl):
    """Who may read a file."""


class StorageSettingsBody(UploadLifecycle):
    """What holds for later uploads."""


class Health(BaseModel):
    """That the server answers, and what it was told."""

    status: Literal["ok"]
    version: str
    profile: str
    contract: str
    any_key: bool


class Ready(BaseModel):
    """That requests can be taken, and by what; `lead_folder` is that of ``serve --lead``."""

    ready: Literal[True]
    fakefal: str
    lead_folder: str | None


class EventInfo(RootModel[AnyEvent]):
    """What happened; `kind` says which of these it is."""
