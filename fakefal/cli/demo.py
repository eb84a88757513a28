"""``fakefal demo``: fal's own examples through the queue, as a program would send them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fakefal.cli.help_examples import examples as shown_examples
from fakefal.settings import Settings
from fakefal_contracts import FOUNDING, check, examples
from fakefal_contracts.price import dollars

if TYPE_CHECKING:
    import httpx
    from rich.console import Console
    from rich.table import Table

RUNNERS = 2
POLL_SECONDS = 0.1
BAR_CELLS = 12
HEADERS = {"Authorization": "Key demo:not-a-real-key"}


@dataclass
class DemoJob:
    """One request of the demo and its state so far.

    `purpose` says why its video is not saved, if it is not.
    """

    title: str
    endpoint_id: str
    arguments: dict[str, Any]
    purpose: str = ""
    urls: dict[str, str] = field(default_factory=dict)
    state: str = ""
    position: int | None = None
    logs: list[str] = field(default_factory=list)
    outcome: str = ""
    usd: Decimal = Decimal(0)

    @property
    def progress(self) -> float:
        """From 0 to 1, read from the newest log line."""
        if self.outcome:
            return 1.0
        digits = self.logs[-1].rpartition(" ")[2].rstrip("%") if self.logs else ""
        return int(digits) / 100 if digits.isdecimal() else 0.0


def demo_jobs() -> list[DemoJob]:
    """Two requests that show the queue and a refusal, then the documented full example of each endpoint."""
    first = next(iter(FOUNDING))
    others = [
        DemoJob("a job ahead", first, examples(first)["required"], "it shows how the next jobs wait for a runner"),
        DemoJob(
            "duration as a number",
            first,
            examples(first)["full"] | {"duration": 5},
            'it shows that fal takes "5", not 5',
        ),
    ]
    return others + [DemoJob(one.path, one.id, examples(one.id)["full"]) for one in FOUNDING.values()]


@click.command(epilog=shown_examples("fakefal demo", "fakefal demo --folder videos"))
@click.option(
    "--folder",
    default="fakefal-demo",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Save the videos here.",
)
def command(folder: Path) -> None:
    """Send the examples of fal through the queue and save the videos.

    Nothing leaves your machine, and nothing is paid.  Existing files are not overwritten.
    """
    import httpx
    from rich.console import Console

    from fakefal.server.serving import serving

    console = Console()
    jobs = demo_jobs()
    with (
        serving(Settings(profile="quick", runners=RUNNERS)) as where,
        httpx.Client(base_url=where.url, headers=HEADERS, trust_env=False) as http,
        _display(console, jobs) as refresh,
    ):
        for job in jobs:
            job.urls = http.post(f"/queue/{job.endpoint_id}", json=job.arguments).raise_for_status().json()
        while not all(job.outcome for job in jobs):
            for job in jobs:
                if not job.outcome:
                    _poll(http, job, folder)
            refresh()
            time.sleep(POLL_SECONDS)
    saved = [job for job in jobs if not job.purpose]
    total = sum((job.usd for job in saved), Decimal(0))
    console.print(f"{len(saved)} videos in {folder}/.", highlight=False)
    console.print(f"At fal they would have cost {dollars(total)}. Not spent.", highlight=False)


def _poll(http: httpx.Client, job: DemoJob, folder: Path) -> None:
    seen = http.get(job.urls["status_url"], params={"logs": "1"}).json()
    job.state, job.position = seen["status"], seen.get("queue_position")
    job.logs = [entry["message"] for entry in seen["logs"]]
    if job.state != "COMPLETED":
        return
    answer = http.get(job.urls["response_url"])
    if answer.is_error:
        first = answer.json()["detail"][0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        job.outcome = f"refused on purpose, not billed: {job.purpose} ({why})" if job.purpose else f"refused: {why}"
        return
    report = check(job.endpoint_id, job.arguments)
    assert report.cost is not None
    job.usd = report.cost.usd
    video = answer.json()["video"]
    saved = _save(http, video["url"], job, folder)
    job.outcome = f"{saved}, {dollars(job.usd)} at fal" if saved else f"done, not saved: {job.purpose}"


def _save(http: httpx.Client, url: str, job: DemoJob, folder: Path) -> str:
    """Download the video under the first free name; returns the file's path."""
    if job.purpose:
        return ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be made: {error.strerror}") from error
    content = http.get(url).raise_for_status().content
    stem = job.endpoint_id.removeprefix("fal-ai/kling-video/").replace("/", "-")
    for number in range(1, 10_000):
        path = folder / (f"{stem}.mp4" if number == 1 else f"{stem}-{number}.mp4")
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            continue
        return path.name
    raise click.ClickException(f"{folder} holds too many demo videos: remove some")


@contextmanager
def _display(console: Console, jobs: list[DemoJob]) -> Iterator[Any]:
    """A live table on a terminal; elsewhere a line for each change of a job."""
    if console.is_terminal:
        from rich.live import Live

        with Live(console=console, refresh_per_second=10) as live:
            yield lambda: live.update(_table(jobs))
        return
    shown: dict[int, str] = {}

    def tell() -> None:
        for job in jobs:
            news = _news(job)
            if shown.get(id(job)) != news:
                shown[id(job)] = news
                console.print(f"{job.title}: {news}", soft_wrap=True, markup=False, highlight=False)

    yield tell


def _table(jobs: list[DemoJob]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False)
    table.add_column(min_width=max(len(job.title) for job in jobs), no_wrap=True)
    table.add_column(min_width=BAR_CELLS, no_wrap=True)
    table.add_column(min_width=24)
    for job in jobs:
        filled = round(job.progress * BAR_CELLS)
        table.add_row(job.title, "━" * filled + "─" * (BAR_CELLS - filled), Text(_news(job)))
    return table


def _news(job: DemoJob) -> str:
    if job.outcome:
        return job.outcome
    if job.position is not None:
        return f"position {job.position}"
    return job.logs[-1] if job.logs else job.state
