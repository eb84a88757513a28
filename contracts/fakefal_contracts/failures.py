"""fal's failures by name: what the model and the platform answer when something goes wrong.

Types, statuses and context keys are those of fal's error reference and request-error page (2026), and four
types that are not in it but were seen: `invalid_request`, `image_aspect_ratio_error` and `value_error` in live
answers of 2026 (status 422, the first with 0 billed units), `input_value_error` in fal's own SDK (1.83.0).  A
message that no source quotes is written in the style of those that are, and marked by `quoted`.  Where a message
tells a value of its context, a placeholder of that name stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fakefal_contracts.rule import ERRORS_PAGE


class _Shown:
    """A value of a context as messages tell it: with ``:s``, the s of several is added."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __format__(self, form: str) -> str:
        if form == "s":
            return "" if self._value == 1 else "s"
        return f"{self._value:g}" if isinstance(self._value, float) else str(self._value)


@dataclass(frozen=True)
class ModelError:
    """A failure of the model: one item of fal's ``detail`` list."""

    type: str
    status: int
    template: str
    ctx: Mapping[str, Any] = field(default_factory=dict)
    quoted: bool = False

    @property
    def msg(self) -> str:
        """The message with the usual context."""
        return self.message({})

    def message(self, changes: Mapping[str, Any]) -> str:
        """The message where `changes` gives other values for the context."""
        values = {**self.ctx, **changes}
        return self.template.format_map({name: _Shown(values[name]) for name in self.ctx})

    def body(self, /, **changes: Any) -> dict[str, Any]:
        """The answer; `changes` may give another ``msg`` or ``loc``, an ``input``, and values for the context."""
        loc = changes.pop("loc", ["body"])
        refused = {"input": changes.pop("input")} if "input" in changes else {}
        item: dict[str, Any] = {"loc": loc, "msg": changes.pop("msg", self.message(changes)), "type": self.type}
        item["url"] = ERRORS_PAGE + self.type
        if ctx := {**self.ctx, **changes}:
            item["ctx"] = ctx
        return {"detail": [item | refused]}  # last, as fal's own helper writes it (SDK 1.83.0)


@dataclass(frozen=True)
class PlatformError:
    """A failure of the platform around the model: a flat answer with an ``error_type``."""

    error_type: str
    status: int
    sentence: str
    quoted: bool = False

    def body(self) -> dict[str, Any]:
        """The answer."""
        return {"detail": self.sentence, "error_type": self.error_type}


def _limit(type_: str, key: str, value: float, msg: str) -> ModelError:
    return ModelError(type_, 422, msg, {key: value})


_ARCHIVES = [".zip"]
_PIXELS = {"max_height": 4096, "max_width": 4096}
_POLICY = "The content could not be processed because it contained material flagged by a content checker."
_DOWNLOAD = "Failed to download the file. Please check if the URL is accessible and try again."
_TOO_LONG = "is too long. Maximum is {max_duration} seconds, provided is {provided_duration} seconds."
_TOO_SHORT = "is too short. Minimum is {min_duration} seconds, provided is {provided_duration} seconds."
_TOO_SMALL = "Image dimensions are too small. Minimum dimensions are {min_width}x{min_height} pixels."

#: Status 500 of `downstream_service_error` follows the newer of two documents (the older says 400).
MODEL_ERRORS: dict[str, ModelError] = {
    error.type: error
    for error in (
        ModelError("internal_server_error", 500, "Internal server error", quoted=True),
        ModelError("generation_timeout", 504, "Generation timeout", quoted=True),
        ModelError("downstream_service_error", 500, "Downstream service error", quoted=True),
        ModelError("downstream_service_unavailable", 500, "Downstream service unavailable"),
        ModelError("content_policy_violation", 422, _POLICY, quoted=True),
        ModelError("no_media_generated", 422, "No media was generated"),
        ModelError("image_too_small", 422, _TOO_SMALL, {"min_height": 300, "min_width": 300}, quoted=True),
        ModelError("image_too_large", 422, "Image too large", _PIXELS),
        ModelError("image_load_error", 422, "Failed to load the image."),
        ModelError("file_download_error", 422, _DOWNLOAD, quoted=True),
        ModelError("face_detection_error", 422, "Could not detect face in the image", quoted=True),
        ModelError("file_too_large", 422, "File too large", {"max_size": 10_485_760}),
        _limit("greater_than", "gt", 0, "Value should be greater than {gt}"),
        _limit("greater_than_equal", "ge", 1, "Value should be greater than or equal to {ge}"),
        _limit("less_than", "lt", 1, "Value should be less than {lt}"),
        _limit("less_than_equal", "le", 1, "Value should be less than or equal to {le}"),
        _limit("multiple_of", "multiple_of", 8, "Value should be a multiple of {multiple_of}"),
        _limit("sequence_too_short", "min_length", 1, "Sequence should have at least {min_length} item{min_length:s}"),
        _limit("sequence_too_long", "max_length", 1, "Sequence should have at most {max_length} item{max_length:s}"),
        ModelError("one_of", 422, "Value should be one of the expected values", {"expected": ["a", "b"]}),
        ModelError("feature_not_supported", 422, "Feature not supported"),
        ModelError("invalid_archive", 422, "Invalid archive", {"supported_extensions": _ARCHIVES}),
        ModelError(
            "archive_file_count_below_minimum",
            422,
            "Archive contains too few files",
            {"min_count": 2, "provided_count": 1, "supported_extensions": _ARCHIVES},
        ),
        ModelError(
            "archive_file_count_exceeds_maximum",
            422,
            "Archive contains too many files",
            {"max_count": 1, "provided_count": 2, "supported_extensions": _ARCHIVES},
        ),
        ModelError(
            "audio_duration_too_long", 422, f"Audio {_TOO_LONG}", {"max_duration": 60, "provided_duration": 61.0}
        ),
        ModelError(
            "audio_duration_too_short", 422, f"Audio {_TOO_SHORT}", {"min_duration": 2, "provided_duration": 1.0}
        ),
        ModelError(
            "video_duration_too_long", 422, f"Video {_TOO_LONG}", {"max_duration": 10.05, "provided_duration": 11.0}
        ),
        ModelError(
            "video_duration_too_short", 422, f"Video {_TOO_SHORT}", {"min_duration": 3, "provided_duration": 2.0}
        ),
        ModelError("unsupported_audio_format", 422, "Unsupported audio format", {"supported_formats": ["mp3", "wav"]}),
        ModelError("unsupported_image_format", 422, "Unsupported image format", {"supported_formats": ["jpeg", "png"]}),
        ModelError("unsupported_video_format", 422, "Unsupported video format", {"supported_formats": ["mp4", "mov"]}),
        ModelError("invalid_request", 422, "Invalid request"),
        ModelError("image_aspect_ratio_error", 422, "Image aspect ratio is not supported"),
        ModelError("value_error", 422, "Value error"),
        ModelError("input_value_error", 422, "Input value error"),
    )
}

PLATFORM_ERRORS: dict[str, PlatformError] = {
    error.error_type: error
    for error in (
        PlatformError("request_timeout", 504, "Request timed out", quoted=True),
        PlatformError("startup_timeout", 504, "Startup timed out"),
        PlatformError("runner_scheduling_failure", 503, "Runner scheduling failed"),
        PlatformError("runner_connection_timeout", 503, "Runner connection timed out"),
        PlatformError("runner_disconnected", 503, "Runner disconnected", quoted=True),
        PlatformError("runner_connection_refused", 503, "Runner connection refused"),
        PlatformError("runner_connection_error", 503, "Runner connection error"),
        PlatformError("runner_incomplete_response", 502, "Runner response was incomplete"),
        PlatformError("runner_server_error", 500, "Runner server error"),
        PlatformError("client_disconnected", 499, "Client disconnected"),
        PlatformError("client_cancelled", 499, "Request cancelled by the client.", quoted=True),
        PlatformError("bad_request", 400, "Bad request"),
        PlatformError("internal_error", 500, "Internal error"),
    )
}

MAY_BE_BILLED = frozenset({"content_policy_violation"})
"""Refusals of runners that may have worked before.  fal's FAQ (2026) says that a 422 may be charged if a runner spent
GPU time before the error was detected, and that failures with status 500 and above never are.  Which of its types these
are, it does not say: inferred."""

RETRIED_STATUSES = (503, 504)
"""What fal's queue tries again by itself, up to ten attempts in all (documentation of retries, 2026)."""

#: fal's own reasons for a locked account, as its generated REST client lists them (fal 1.83.0).
LOCK_REASONS: dict[str, str] = {
    "exhausted_balance": "Exhausted balance. Top up your balance at fal.ai/dashboard/billing",
    "payment_method": "Please add a payment method at fal.ai/dashboard/billing",
    "budget": "User budget is exceeded. Adjust it at fal.ai/dashboard/billing",
    "admin": "Admin lock. Please contact hello@fal.ai.",
    "archived": "This account has been archived. Please contact hello@fal.ai.",
    "unknown": "Unknown. Please contact hello@fal.ai.",
}
