"""The verdict on a request: how it will end, and what its log says from the start."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fakefal.core.plan import Ending
from fakefal.files.cdn import Cdn
from fakefal.files.clips import clip_address, clip_bytes, clip_for
from fakefal.files.foreign_media import Fetched
from fakefal.state import jsonio
from fakefal.state.endings import CDN_MARK
from fakefal_contracts import ENDPOINTS, Report, UnknownContract, judge, known_ids, open_data_uris
from fakefal_contracts.catalogue import nearest_ids
from fakefal_contracts.check import media_addresses
from fakefal_contracts.endpoint import Edition
from fakefal_contracts.hosts import BaseUrl, host_name, is_fal_host
from fakefal_contracts.measured import is_measured
from fakefal_contracts.media import Limits, Missing


@dataclass(frozen=True)
class Verdict:
    """How a request ends, and what shapes its plan: tier, log lines, and why earlier attempts failed.

    `foreign` are the media that nobody looked at and that could be downloaded.
    """

    ending: Ending
    tier: str = ""
    notes: tuple[str, ...] = ()
    foreign: Mapping[str, Limits] = field(default_factory=dict)
    failure: str = ""


class UnknownPath(Exception):
    """fal knows no such path below the app: the runner answers 404, after the queue."""

    def __init__(self, path: str, hint: str) -> None:
        super().__init__(path)
        self.hint = hint


class ReadsFiles(Exception):
    """Judging this body reads files: a worker thread has to do it."""


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
            raise UnknownPath(endpoint_id, f"{endpoint_id} does not exist; did you mean {nearest_ids(endpoint_id)[0]}?")
        try:
            return endpoint.edition(self._contract)
        except UnknownContract as error:
            raise UnknownPath(endpoint_id, str(error)) from error

    def verdict(
        self,
        edition: Edition,
        body: Any,
        request_id: str,
        base_url: BaseUrl,
        fetched: Fetched,
        gone: Collection[str],
        *,
        reading: bool = True,
    ) -> Verdict:
        """Judge a body.  Where it has media of ours, this reads files: call it in a worker thread then.

        `fetched` holds what was downloaded from foreign addresses; files of ours at the paths in `gone` are there
        no more.

        Raises:
            ReadsFiles: it would, and `reading` is not wanted.
        """

        def opener(address: str) -> bytes | Path | None:
            source = found(address)
            if not reading and source is not None and not (isinstance(source, Path) and is_measured(source)):
                raise ReadsFiles
            return source

        def found(address: str) -> bytes | Path | None:
            if address in fetched:
                content = fetched[address]
                if isinstance(content, Exception):
                    raise content
                return content
            if (path := self._cdn.path_of(address, base_url, gone)) is not None:
                source = self._cdn.find(path, gone)
                if source is None:
                    raise Missing(f"{address} is not on the emulator's CDN: upload the file first")
                return source.source
            return open_data_uris(address)

        report = judge(edition, body, opener)
        tier = edition.endpoint.tier
        notes = tuple(
            f"Not checked: {'.'.join(map(str, one.loc))} ({one.address[:200]}): {one.reason}"
            for one in report.unchecked
        ) + tuple(f"Warning: {'.'.join(map(str, one.loc))}: {one.msg}; {one.hint}" for one in report.warnings)
        if not report.ok:
            return Verdict(_refused(report), tier, notes)
        return Verdict(_made(report, request_id), tier, notes, self._fetchable(report))

    @staticmethod
    def _fetchable(report: Report) -> dict[str, Limits]:
        """The addresses to download, which nobody has read yet, each with the widest limits that it stands under."""
        assert report.arguments is not None
        unread = {one.address for one in report.unchecked} - report.facts.keys()
        found: dict[str, Limits] = {}
        for _, address, limits in media_addresses(report.arguments):
            if address not in unread or is_fal_host(host_name(urlsplit(address).netloc)):
                continue
            if address not in found or limits.most_bytes > found[address].most_bytes:
                found[address] = limits
        return found


def _refused(report: Report) -> Ending:
    body = jsonio.dump({"detail": [error.wire() for error in report.errors]})
    first = report.errors[0]
    return Ending(422, body, 0.0, ok=False, hint=f"{first.rule.id}: {first.hint}")


def _made(report: Report, request_id: str) -> Ending:
    assert report.cost is not None
    clip = clip_for(report)
    video = {
        "url": CDN_MARK + clip_address(clip, request_id),
        "content_type": "video/mp4",
        "file_name": "output.mp4",
        "file_size": clip_bytes(clip),
    }
    hint = "; ".join(f"{'.'.join(map(str, one.loc))}: {one.msg}; {one.hint}" for one in report.warnings)
    return Ending(
        200, jsonio.dump({"video": video}), float(report.cost.seconds), ok=True, hint=hint, usd=report.cost.usd
    )
