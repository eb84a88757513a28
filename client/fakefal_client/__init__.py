"""A client for fal that checks, prices and limits calls before anything is paid."""

from __future__ import annotations

from fakefal_client import kling
from fakefal_client.async_client import AsyncClient
from fakefal_client.budget import Budget, BudgetEntry, Money
from fakefal_client.call_options import ClientOptions
from fakefal_client.client import Client
from fakefal_client.errors import (
    Attempt,
    ConnectionLost,
    DeadlineExceeded,
    FakefalError,
    FieldError,
    ForeignAddress,
    InvalidRequest,
    InvalidWebhook,
    MaybeAccepted,
    ModelFailed,
    NetworkError,
    NoKey,
    NotAllowed,
    NoTarget,
    NotFound,
    OverBudget,
    PlatformFailed,
    RealNotAllowed,
    RequestRefused,
    ServiceError,
    TestPromptRefused,
    TooManyRequests,
    UnexpectedAnswer,
    UnknownMedia,
    UnknownPrice,
    Unreachable,
    UsageError,
)
from fakefal_client.job import AsyncJob, Job
from fakefal_client.parsing import Completed, InProgress, LogLine, Queued, Status
from fakefal_client.reconcile import Found, NotListed, Outcome, Unknown
from fakefal_client.retry import Retry, TimeSource
from fakefal_client.sending import SubmitOptions
from fakefal_client.uploads import Progress
from fakefal_client.verification import Webhook
from fakefal_client.warning import RequestWarning

__all__ = [
    "AsyncClient",
    "AsyncJob",
    "Attempt",
    "Budget",
    "BudgetEntry",
    "Client",
    "ClientOptions",
    "Completed",
    "ConnectionLost",
    "DeadlineExceeded",
    "FakefalError",
    "FieldError",
    "ForeignAddress",
    "Found",
    "InProgress",
    "InvalidRequest",
    "InvalidWebhook",
    "Job",
    "LogLine",
    "MaybeAccepted",
    "ModelFailed",
    "Money",
    "NetworkError",
    "NoKey",
    "NoTarget",
    "NotAllowed",
    "NotFound",
    "NotListed",
    "Outcome",
    "OverBudget",
    "PlatformFailed",
    "Progress",
    "Queued",
    "RealNotAllowed",
    "RequestRefused",
    "RequestWarning",
    "Retry",
    "ServiceError",
    "Status",
    "SubmitOptions",
    "TestPromptRefused",
    "TimeSource",
    "TooManyRequests",
    "UnexpectedAnswer",
    "Unknown",
    "UnknownMedia",
    "UnknownPrice",
    "Unreachable",
    "UsageError",
    "Webhook",
    "kling",
]
