"""Answers calls from recordings only."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp

from fakefal.recording.calls import CallKind, FalCall, read_call
from fakefal.recording.exchange import Exchange, RecordedAnswer, RecordedBody, RecordedRequest
from fakefal.recording.folder import FILES, Now, read_folder, wall_now
from fakefal.recording.front import front, new_id
from fakefal.recording.scrub import Scrubber
from fakefal.settings import MEBIBYTE
from fakefal.state import jsonio
from fakefal.wire.answers import WireError, refusal
from fakefal.wire.body import limited
from fakefal_contracts.hosts import HOSTS, BaseUrl

LARGEST_BODY = 512 * MEBIBYTE
TOKEN_SECONDS = 3600
EXPIRES = "expires_at"


@dataclass
class Track:
    """The answers to one request, in the order of recording.  The last is repeated."""

    exchanges: list[Exchange] = field(default_factory=list)

    def at(self, position: int) -> Exchange:
        """The exchange with this number, from 0."""
        return self.exchanges[min(position, len(self.exchanges) - 1)]

    def since(self, oldest: dt.datetime) -> Track:
        """The track without older exchanges, unless that leaves none: newer recordings replace older ones."""
        return Track([one for one in self.exchanges if one.recorded_at >= oldest] or self.exchanges)


@dataclass
class ReplayedJob:
    """A replayed job: it has its own id, and its own position in each track of a recorded job."""

    job: dict[str, Track]
    recorded_id: str
    positions: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Replay:
    """Answers recorded requests.

    Equal submits get the recordings in their order, and the last one is repeated.  Recordings that are too old are
    ignored if there are newer ones.  Status, result and cancel are answered from the same recording, each in its
    order, so programs that poll more or less often see the same states.

    Args:
        folder: the folder or file with recordings.
        max_age_days: refuse older recordings; None allows all.
        now: the real date and time.

    Raises:
        BadExchange: a line cannot be read.
        OSError: the folder cannot be read.
    """

    def __init__(self, folder: Path, *, max_age_days: float | None = None, now: Now = wall_now) -> None:
        self._folder = folder if folder.is_dir() else folder.parent
        self._max_age_days = max_age_days
        self._now = now
        self._scrubber = Scrubber()
        self._count = 0
        self._tracks: dict[str, Track] = defaultdict(Track)
        self._jobs: dict[str, dict[str, Track]] = defaultdict(lambda: defaultdict(Track))
        self._runs: dict[str, ReplayedJob] = {}
        self._positions: dict[str, int] = defaultdict(int)
        self._index(read_folder(folder))

    def __str__(self) -> str:
        return f"{self._count} exchanges from {self._folder}"

    def app(self, public_url: str | None = None) -> ASGIApp:
        """The application."""
        return front(self._answer, f"recordings: {self}", living=_nothing, public_url=public_url, cors=True)

    def _index(self, exchanges: Iterable[Exchange]) -> None:
        for exchange in exchanges:
            self._count += 1
            request_id = exchange.recorded_request.call.request_id
            if request_id:
                self._jobs[request_id][_in_job(exchange.recorded_request)].exchanges.append(exchange)
            else:
                self._tracks[exchange.recorded_request.canonical].exchanges.append(exchange)

    async def _answer(self, request: Request) -> Response:
        call = read_call(request.method, request.scope["path"])
        if call is None:
            raise refusal(404, f"fakefal replays recordings; {request.scope['path']} is not an address of fal")
        self._scrubber.learn(request.headers.get("authorization"))
        base_url = cast("BaseUrl", request.state.base_url)
        recorded_request = RecordedRequest.of(
            call, request.url.query, await self._body(request, call, base_url), self._scrubber
        )
        exchange, ids = self._find(recorded_request)
        self._check_age(exchange)
        return self._replayed(exchange.answered, ids, base_url)

    async def _body(self, request: Request, call: FalCall, base_url: BaseUrl) -> RecordedBody:
        if call.kind is CallKind.FILE and call.method not in ("GET", "HEAD"):
            digest = hashlib.sha256()
            async for part in limited(request.receive, LARGEST_BODY):
                digest.update(part)
            return RecordedBody.digest(digest.hexdigest())
        raw = b"".join([part async for part in limited(request.receive, LARGEST_BODY)])
        return await asyncio.to_thread(RecordedBody.of, raw, self._scrubber, base_url)

    def _find(self, recorded_request: RecordedRequest) -> tuple[Exchange, tuple[str, str]]:
        """The exchange that answers, the recorded request id, and the id that replaces it."""
        call = recorded_request.call
        if call.request_id:
            return self._find_in_job(recorded_request, call)
        track = self._tracks.get(recorded_request.canonical)
        if track is None:
            raise self._not_recorded(recorded_request)
        if (oldest := self._oldest()) is not None:
            track = track.since(oldest)
        exchange = track.at(self._positions[recorded_request.canonical])
        self._positions[recorded_request.canonical] += 1
        recorded_id, fresh = exchange.request_id, ""
        if recorded_id:
            fresh = new_id()
            self._runs[fresh] = ReplayedJob(self._jobs[recorded_id], recorded_id)
        return exchange, (recorded_id, fresh)

    def _find_in_job(self, recorded_request: RecordedRequest, call: FalCall) -> tuple[Exchange, tuple[str, str]]:
        if call.request_id in self._jobs:  # a program that knew the id before
            self._runs.setdefault(call.request_id, ReplayedJob(self._jobs[call.request_id], call.request_id))
        run = self._runs.get(call.request_id)
        if run is None:
            raise WireError(404, {"status": "NOT_FOUND"})
        name = _in_job(recorded_request)
        if name not in run.job:
            raise self._not_recorded(recorded_request)
        exchange = run.job[name].at(run.positions[name])
        run.positions[name] += 1
        return exchange, (run.recorded_id, call.request_id)

    def _not_recorded(self, recorded_request: RecordedRequest) -> WireError:
        """The refusal of a request that was not recorded."""
        wanted = recorded_request
        text = f"fakefal has no recording of {wanted.method} {wanted.part}{wanted.path} in {self._folder}"
        if recorded_request.call.is_paid and any(
            track.exchanges[0].recorded_request.call.endpoint_id == recorded_request.call.endpoint_id
            for track in self._tracks.values()
        ):
            text += " with this body (there are others of this endpoint)"
        hint = "record it with `fakefal record --max-usd N -- CMD`; nothing was sent to fal"
        return refusal(501, f"{text}: {hint}", hint=f"{text}: {hint}")

    def _oldest(self) -> dt.datetime | None:
        """The earliest allowed time of a recording."""
        return None if self._max_age_days is None else self._now() - dt.timedelta(days=self._max_age_days)

    def _check_age(self, exchange: Exchange) -> None:
        """Check the age of a recording.

        Raises:
            WireError: 501, it is too old.
        """
        oldest = self._oldest()
        if oldest is not None and exchange.recorded_at < oldest:
            age = self._now() - exchange.recorded_at
            call = exchange.recorded_request
            text = (
                f"fakefal will not replay {call.method} {call.part}{call.path}: it was "
                f"recorded on {exchange.recorded_at:%Y-%m-%d}, {age.days} days ago, and {self._max_age_days:g} are "
                "allowed; record it again with `fakefal record`, or raise --max-age"
            )
            raise refusal(501, text, hint=text)

    def _replayed(self, answered: RecordedAnswer, ids: tuple[str, str], base_url: BaseUrl) -> Response:
        """The answer for this caller: with the id of this run, and URLs that point here."""
        headers = {name: _renamed(value, ids) for name, value in answered.headers.items()}
        form, content = answered.body.form, answered.body.content
        if form == "file":
            path = self._folder / FILES / str(content)
            if not path.is_file():
                raise refusal(501, f"the recording has no file {path}")
            return FileResponse(path, answered.status, headers)
        raw = jsonio.dump(self._fresh(content)) if form == "json" else str(content or "").encode()
        text = _renamed(raw.decode("utf-8", "surrogateescape"), ids)
        return Response(_led_back(text, base_url).encode("utf-8", "surrogateescape"), answered.status, headers)

    def _fresh(self, content: Any) -> Any:
        """Renew the expiry of tokens."""
        if isinstance(content, dict) and EXPIRES in content:
            return content | {EXPIRES: (self._now() + dt.timedelta(seconds=TOKEN_SECONDS)).isoformat()}
        return content


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


def _in_job(recorded_request: RecordedRequest) -> str:
    """The call of a job that a request is, without the job's id."""
    return recorded_request.canonical.replace(recorded_request.call.request_id, "ID")


def _renamed(text: str, ids: tuple[str, str]) -> str:
    recorded, fresh = ids
    return text.replace(recorded, fresh) if recorded else text


def _led_back(text: str, base_url: BaseUrl) -> str:
    """Replace URLs of fal's hosts by URLs of this server; recordings have one host for each part."""
    if base_url.base is None:
        return text
    for part in dict.fromkeys(HOSTS.values()):
        public = urlsplit(BaseUrl().url(part, "/"))
        text = text.replace(f"https://{public.netloc}/", base_url.url(part, "/"))
    return text.replace(
        f'"{BaseUrl().url(HOSTS["v3b.fal.media"], "")}"', f'"{base_url.url(HOSTS["v3b.fal.media"], "")}"'
    )
