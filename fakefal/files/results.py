"""The result of an accepted request: what its output schema promises, with files that the CDN serves."""

from __future__ import annotations

from typing import Any

from fakefal.files.clips import clip_address, clip_bytes, clip_for
from fakefal.state.endings import CDN_MARK
from fakefal_contracts import IN_DEPTH, Report


def result_of(report: Report, request_id: str) -> dict[str, Any]:
    """The body that the result call answers with; addresses in it begin with `CDN_MARK`."""
    if report.endpoint.id not in IN_DEPTH:
        return {}
    clip = clip_for(report)
    video = {
        "url": CDN_MARK + clip_address(clip, request_id),
        "content_type": "video/mp4",
        "file_name": "output.mp4",
        "file_size": clip_bytes(clip),
    }
    return {"video": video}
