"""The judgement on a request: how it will end, and its first log lines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from fakefal.core.plan import BrokenRule, Ending
from fakefal.core.sealed import sealed
from fakefal.files.cdn import Cdn
from fakefal.files.foreign_media import Fetched
from fakefal.files.known_results import KnownResults
from fakefal.files.made import MadeFile
from fakefal.files.rendering import Scene, Source, scene_of
from fakefal.files.result import TakesLong, result_of
from fakefal.files.wanted import WantedFiles
from fakefal.setting_values import OwnResult, own_result
from fakefal.state import jsonio
from fakefal_contracts import Catalogue, Report, UnknownContract, UnknownEndpoint, Unreadable, judge, open_data_uris
from fakefal_contracts.endpoint import STREAM, Edition
from fakefal_contracts.errors import UnreadableContract
from fakefal_contracts.hosts import BaseUrl, host_name, is_fal_host, split_address
from fakefal_contracts.judgement import media_addresses
from fakefal_contracts.measured import is_measured
from fakefal_contracts.media import Limits, Missing
from fakefal_contracts.price import Unit
from fakefal_contracts.probe import probe_clip, probe_picture

MOST_BROKEN = 20
"""The number of broken rules that are kept for the developer: the first ones. The answer holds them all."""


@sealed
class Judgement:
    """How a request ends, and what its plan needs: tier, measured run, log lines, and why earlier attempts failed.

    `foreign` are the media that were not checked and could be downloaded. `scene` is what its clip will show once it is
    rendered, and `wanted` the properties that its files must have.
    """

    ending: Ending
    tier: str = ""
    notes: tuple[str, ...] = ()
    foreign: Mapping[str, Limits] = field(default_factory=dict)
    failure: str = ""
    run_seconds: int | None = None
    wanted: WantedFiles | None = None
    scene: Scene | None = None


class UnknownPath(Exception):
    """fal knows no such path below the app; the runner answers 404, after the queue."""

    def __init__(self, path: str, hint: str) -> None:
        super().__init__(path)
        self.hint = hint


class ReadsFiles(Exception):
    """Judging this body reads files, or its result needs large ones, so it must run in a worker thread."""


class Judge:
    """Judges requests under one contract, with the files of one CDN.

    Args:
        contract: documented, latest, or an ISO day.
        cdn: finds the emulator's own files.
        catalogue: the known models.
        results: the answers that the user chose for models, by endpoint id.
        fetch: whether judgements name the media to download.
        renders: whether clips are rendered.
    """

    def __init__(
        self,
        contract: str,
        cdn: Cdn,
        catalogue: Catalogue,
        results: Mapping[str, OwnResult],
        *,
        fetch: bool = False,
        renders: bool = False,
    ) -> None:
        self._renders = renders
        self._contract = contract
        self._fetch = fetch
        self._cdn = cdn
        self._catalogue = catalogue
        self._known = KnownResults(cdn.made)
        self.results = dict(results)

    def edition(self, endpoint_id: str) -> Edition:
        """The edition that judges this endpoint.

        Raises:
            UnknownPath: no document of it is known, or fal did not have it on the day of the contract.
        """
        try:
            return self._catalogue.find(endpoint_id).edition(self._contract)
        except (UnknownEndpoint, UnknownContract, UnreadableContract) as error:
            model = endpoint_id.removesuffix(STREAM)
            quiet = model != endpoint_id and model in self._catalogue
            hint = f"{model} has no stream: call it without {STREAM}" if quiet else str(error)
            raise UnknownPath(endpoint_id, hint) from error

    def judgement(
        self,
        edition: Edition,
        body: Any,
        request_id: str,
        base_url: BaseUrl,
        fetched: Fetched,
        gone: Collection[str],
        *,
        reading: bool = True,
    ) -> Judgement:
        """Judge a body. If it names files of the emulator, this reads them, so call it in a worker thread then.

        `fetched` holds the downloads from foreign addresses. Files of the emulator at the paths in `gone` no longer
        exist.

        Raises:
            ReadsFiles: it would have to read files, and `reading` is False.
        """
        report = self.report(edition, body, base_url, gone, fetched, reading=reading)
        tier, run_seconds = edition.endpoint.tier, edition.endpoint.run_seconds
        notes = tuple(_notes(report))
        if not report.ok:
            return Judgement(_refused(report), tier, notes)
        wanted = WantedFiles(report, request_id)
        renders = self._renders and edition.endpoint.id not in self.results
        if not reading and (renders or edition.endpoint.id in self.results):
            raise ReadsFiles
        try:
            made = _made(report, self._result(wanted, drawing=reading))
        except TakesLong as error:
            raise ReadsFiles from error
        return Judgement(
            made,
            tier,
            notes,
            _fetchable(report) if self._fetch else {},
            run_seconds=run_seconds,
            wanted=wanted,
            scene=scene_of(wanted, self._sources(base_url, gone, fetched)) if renders else None,
        )

    def with_clip(self, judgement: Judgement, clip: MadeFile) -> Judgement:
        """A judgement whose result has this clip, rendered for it."""
        assert judgement.wanted is not None
        wanted = replace(judgement.wanted, clip=clip)
        return replace(judgement, ending=_made(wanted.report, self._result(wanted, drawing=True)))

    def report(
        self,
        edition: Edition,
        body: Any,
        base_url: BaseUrl,
        gone: Collection[str],
        fetched: Fetched | None = None,
        *,
        reading: bool = True,
    ) -> Report:
        """The errors of a body and its cost; arguments and exceptions as for `judgement`."""
        found = self._sources(base_url, gone, fetched or {})

        def opener(address: str) -> bytes | Path | None:
            source = found(address)
            if not reading and source is not None and not (isinstance(source, Path) and is_measured(source)):
                raise ReadsFiles
            return source

        return judge(edition, body, opener)

    def _sources(self, base_url: BaseUrl, gone: Collection[str], downloaded: Fetched) -> Source:
        """The places of the media in a body."""

        def found(address: str) -> bytes | Path | None:
            if address in downloaded:
                content = downloaded[address]
                if isinstance(content, Exception):
                    raise content
                return content
            if (path := self._cdn.path_of(address, base_url, gone)) is not None:
                source = self._cdn.find(path, gone)
                if source is None:
                    raise Missing(f"{address} is not on the emulator's CDN", "upload the file first")
                return source.source
            return open_data_uris(address)

        return found

    def unjudged(self, endpoint_id: str, hint: str) -> Judgement:
        """The judgement on an unknown model that runs anyway: one unit, if it has a price."""
        price = self._catalogue.prices.get(endpoint_id)
        usd = price.usd if price is not None and price.unit is Unit.REQUEST else None
        return Judgement(Ending(200, b"{}", 1.0, ok=True, hint=hint, usd=usd))

    def _result(self, wanted: WantedFiles, *, drawing: bool) -> bytes:
        """The user's own result of the model, or a generated one."""
        given = self.results.get(wanted.report.endpoint.id)
        if callable(given):
            given = _asked(given, wanted.report)
        if given is None:
            return self._known.body(wanted, drawing=drawing)
        if isinstance(given, Mapping):
            return jsonio.dump(dict(given))
        own = self._cdn.own_file(str(given)) | _pixels(Path(given))
        return jsonio.dump(result_of(wanted, self._cdn.made, own, drawing=drawing))


def _asked(function: Callable[[dict[str, Any]], Any], report: Report) -> Any:
    """The answer of the user's function for these arguments: a file, or a whole result.

    Raises:
        Exception: any exception of the function, with a note that names the function.
    """
    assert report.arguments is not None
    try:
        found = own_result(function(report.arguments.model_dump(mode="json", by_alias=True)))
        jsonio.dump(found if isinstance(found, Mapping) else str(found))
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        error.add_note(f"the function that answers for {report.endpoint.id} failed: {said}")
        raise
    return found


def _fetchable(report: Report) -> dict[str, Limits]:
    """The addresses to download that were not read yet, each with the widest limits that apply to it."""
    assert report.arguments is not None
    unread = {one.address for one in report.unchecked} - report.facts.keys()
    found: dict[str, Limits] = {}
    for _, address, limits in media_addresses(report.arguments):
        if address not in unread or is_fal_host(host_name(split_address(address).netloc)):
            continue
        if address not in found or limits.most_bytes > found[address].most_bytes:
            found[address] = limits
    return found


def _pixels(path: Path) -> dict[str, int]:
    """Width and height of a picture or clip of the user's; empty for other files."""
    for probe in (probe_picture, probe_clip):
        with suppress(Unreadable):
            facts = probe(path)
            return {"width": facts.width, "height": facts.height}
    return {}


def _notes(report: Report) -> Iterator[str]:
    """The first log lines of a request."""
    for one in report.unchecked:
        yield f"Not checked: {'.'.join(map(str, one.loc))} ({one.address[:200]}): {one.reason}"
    for advice in report.warnings:
        yield f"Warning: {'.'.join(map(str, advice.loc))}: {advice.msg}; {advice.hint}"
    if report.notes and report.length and report.length.assumed_of:
        yield f"Not measured: {report.length.assumed_of}: {report.length.seconds} s are assumed"


def _refused(report: Report) -> Ending:
    body = jsonio.dump({"detail": [error.wire() for error in report.errors]})
    first = report.errors[0]
    broken = tuple(
        BrokenRule(one.rule.id, one.type, ("body", *one.loc), one.msg, one.hint) for one in report.errors[:MOST_BROKEN]
    )
    return Ending(422, body, 0.0, ok=False, hint=f"{first.rule.id}: {first.hint}", broken=broken)


def _made(report: Report, result: bytes) -> Ending:
    hint = "; ".join(f"{'.'.join(map(str, one.loc))}: {one.msg}; {one.hint}" for one in report.warnings)
    cost = report.cost
    units = float(cost.units if cost else _assumed_units(report))
    return Ending(200, result, units, ok=True, hint=hint, usd=cost and cost.usd)


def _assumed_units(report: Report) -> Decimal:
    """The number of units if the price and so the unit is unknown: seconds, pictures, or the request itself."""
    assert report.arguments is not None
    category = report.endpoint.category or ""
    if category.endswith(("-to-video", "-to-audio", "-to-speech")):
        return report.length.seconds if report.length else Decimal(1)
    return Decimal(report.arguments.pictures())
