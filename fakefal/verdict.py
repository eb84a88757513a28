"""The verdict on a request: how it will end, and what its log says from the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fakefal import jsonio
from fakefal.cdn import Cdn
from fakefal.clips import clip_address, clip_for
from fakefal.core.plan import Ending
from fakefal.hosts import Way
from fakefal_contracts import ENDPOINTS, Report, UnknownContract, Unreadable, judge, known_ids, open_data_uris
from fakefal_contracts.check import media_addresses
from fakefal_contracts.endpoint import Edition
from fakefal_contracts.media import Limits, Missing

CDN_MARK = "fakefal-cdn:"
"""Stands in a stored result for the CDN's address, which depends on how the reader comes in."""

Fetched = Mapping[str, Path | Unreadable]


@dataclass(frozen=True)
class Verdict:
    """How a request ends, and what shapes its plan: tier, log lines, a hint for the caller."""

    ending: Ending
    tier: str = ""
    notes: tuple[str, ...] = ()


class UnknownPath(Exception):
    """fal knows no such path below the app: the runner answers 404, after the queue."""

    def __init__(self, path: str, hint: str) -> None:
        super().__init__(path)
        self.hint = hint


class NotEmulated(Exception):
    """fal has this endpoint and the emulator does not."""

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(
            f"{endpoint_id} exists at fal but fakefal does not emulate it yet; emulated are: {', '.join(ENDPOINTS)}"
        )


class Judge:
    """Judges requests under one contract, with the files of one CDN.

    Args:
        contract: documented, latest, or an ISO day.
        cdn: finds the emulator's own files.
    """

    def __init__(self, contract: str, cdn: Cdn) -> None:
        self._contract = contract
        self._cdn = cdn

    def edition(self, endpoint_id: str) -> Edition:
        """What judges this endpoint.

        Raises:
            NotEmulated: fal has it, the emulator does not.
            UnknownPath: fal does not have it, or did not on the day of the contract.
        """
        endpoint = ENDPOINTS.get(endpoint_id)
        if endpoint is None:
            if endpoint_id in known_ids():
                raise NotEmulated(endpoint_id)
            raise UnknownPath(endpoint_id, f"no such endpoint; emulated are: {', '.join(ENDPOINTS)}")
        try:
            return endpoint.edition(self._contract)
        except UnknownContract as error:
            raise UnknownPath(endpoint_id, str(error)) from error

    def media(self, edition: Edition, body: Any) -> dict[str, Limits]:
        """The media addresses of a body; empty when its schema is broken, since nothing is read then."""
        try:
            arguments = edition.model.model_validate(body, from_attributes=True)
        except ValidationError:
            return {}
        return {address: limits for _, address, limits in media_addresses(arguments)}

    def is_foreign(self, address: str, way: Way) -> bool:
        """Whether the content of an address lies neither in it nor with the emulator."""
        return address.lower().startswith(("http://", "https://")) and self._cdn.path_of(address, way) is None

    def verdict(self, edition: Edition, body: Any, request_id: str, way: Way, fetched: Fetched) -> Verdict:
        """Judge a body.  Where it has media, this reads files: call it in a worker thread then."""

        def opener(address: str) -> bytes | Path | None:
            if address in fetched:
                found = fetched[address]
                if isinstance(found, Unreadable):
                    raise found
                return found
            if (path := self._cdn.path_of(address, way)) is not None:
                source = self._cdn.find(path)
                if source is None:
                    raise Missing(f"{address} is not on the emulator's CDN: upload the file first")
                return source.source
            return open_data_uris(address)

        report = judge(edition, body, opener)
        notes = tuple(
            f"Not checked: {'.'.join(map(str, one.loc))} ({one.address[:200]}) lies outside the emulator"
            for one in report.unchecked
        )
        if not report.ok:
            return Verdict(_refused(report), edition.endpoint.tier, notes)
        return Verdict(_made(report, request_id), edition.endpoint.tier, notes)


def _refused(report: Report) -> Ending:
    body = jsonio.dump({"detail": [error.wire() for error in report.errors]})
    return Ending(422, body, 0.0)


def _made(report: Report, request_id: str) -> Ending:
    assert report.cost is not None
    clip = clip_for(report)
    video = {
        "url": CDN_MARK + clip_address(clip, request_id),
        "content_type": "video/mp4",
        "file_name": "output.mp4",
        "file_size": clip.path.stat().st_size,
    }
    return Ending(200, jsonio.dump({"video": video}), float(report.cost.seconds))
