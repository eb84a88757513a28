"""A status object is put together as a text: its bytes are those that encoding it would give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fakefal.core.plan import Cut, Ending, Marks, Plan, view
from fakefal.state import jsonio
from fakefal.state.clock import MemoryClock
from fakefal.state.requests import Record, Snapshot
from fakefal.wire.queue import logged, status_body
from fakefal_contracts.hosts import BaseUrl

pytestmark = pytest.mark.quick

DONE = Ending(200, b"{}", 5.0, ok=True)
FAILED = replace(DONE, ok=False, error='said "no" \\ \u00fc\n', error_type="runner_error")
RECORD = Record("0199-id", "key", "fal-ai/kling-video", "o1", b"{}", 0.0, BaseUrl("http://127.0.0.1:8710"))
CANCELLED = {"error": "Request cancelled by the client.", "error_type": "client_cancelled"}
LINES = [(0.0, 'a "quoted" \u00fc \U0001f98a'), (86400.5, "long" * 100), (86400.5, "\ud800")]
STAMPS = ["1970-01-01T00:00:00.000+00:00", "1970-01-02T00:00:00.500+00:00", "1970-01-02T00:00:00.500+00:00"]
TEXTS = [LINES[0][1], LINES[1][1], "?"]


@pytest.mark.parametrize("lines", [None, [], LINES])
@pytest.mark.parametrize("app", ["fal-ai/kling-video", 'odd"\\/\u00fc\u2028'])
@pytest.mark.parametrize(
    ("ending", "marks", "more"),
    [
        (DONE, Marks(), {"queue_position": 3}),
        (DONE, Marks(started_at=1.0), {}),
        (DONE, Marks(1.0, 3.5), {}),
        (DONE, Marks(1.0, 1e16, Cut.CANCELLED), CANCELLED),
        (FAILED, Marks(1.0, 1.0), {"error": FAILED.error, "error_type": FAILED.error_type}),
    ],
)
def test_it_is_written_as_json_is_everywhere(
    ending: Ending, marks: Marks, more: dict[str, Any], app: str, lines: list[tuple[float, str]] | None
) -> None:
    record = replace(RECORD, app=app)
    seen = view(Plan(ending, run_seconds=1e-7), marks, 2.0)
    look = Snapshot(record, seen, 3, seen.plan)
    shown = "null" if lines is None else logged(lines, MemoryClock(real=lambda: 0.0))
    body = jsonio.load(status_body(look, record.base_url, shown))
    address = f"http://127.0.0.1:8710/queue/{app}/requests/0199-id"
    assert body == {
        "status": seen.state.value,
        "request_id": "0199-id",
        "response_url": address,
        "status_url": f"{address}/status",
        "cancel_url": f"{address}/cancel",
        "logs": None
        if lines is None
        else [
            {"timestamp": stamp, "level": "INFO", "message": text, "labels": {}}
            for stamp, text, _ in zip(STAMPS, TEXTS, lines, strict=False)
        ],
        "metrics": {} if marks.ended_at is None else {"inference_time": seen.run_seconds},
        **more,
    }
    assert jsonio.dump(body) == status_body(look, record.base_url, shown)
