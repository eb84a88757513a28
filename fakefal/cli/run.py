"""``fakefal run -- CMD``."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fakefal.cli.attach import ChildEnvironment, attach_options, check_attach, run_attached
from fakefal.cli.help_examples import examples
from fakefal.cli.lines import BY_RUN, LineOptions, Say, line_options, told
from fakefal.cli.options import emulator_options, replay_from, replay_options, settings_file, settings_from
from fakefal.cli.supervision import end_quietly, passed_on, run_child
from fakefal.server.credentials import FAKE_KEY
from fakefal.server.startup import without_gc
from fakefal.settings import Settings
from fakefal.verdict.mistakes import Kind

if TYPE_CHECKING:
    from fakefal.engine.emulator import Emulator
    from fakefal.recording.replay import Replay
    from fakefal.server.child import ChildAddresses


REPORT = click.Path(path_type=Path, dir_okay=False)
KEEP = "the page of this run ends with it; to keep one: fakefal run --report report.html -- ..."
REPORT_ENDINGS = (".html", ".json", ".xml")
KIND = click.Choice([*map(str, Kind)])


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog=examples(
        "fakefal run -- python app.py",
        "fakefal run --careful --report report.html -- npm test",
        "fakefal run --effect 'generation_timeout when nth=2' -- python app.py",
        "fakefal run --attach http://127.0.0.1:8710 -- python worker.py",
    ),
)
@click.option("--careful", is_flag=True, help="Print the verdict at the end; exit with 1 if it has proven findings.")
@click.option(
    "--allow", multiple=True, type=KIND, metavar="KIND", help="With --careful: ignore this kind of finding. Repeatable."
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=REPORT,
    metavar="FILE",
    help="Write a report: .html, .json or .xml (JUnit). Repeatable.",
)
@attach_options
@replay_options
@emulator_options
@line_options
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
def command(
    *,
    program: tuple[str, ...],
    careful: bool,
    allow: tuple[str, ...],
    reports: tuple[Path, ...],
    attach: str | None,
    key: str | None,
    replay: Path | None,
    max_age: float | None,
    **given: Any,
) -> None:
    """Run a command whose calls to fal reach the emulator instead, or recordings.

    Works for Python, Node and Bun, and for any program that uses the proxy variables of its environment.  Ends with
    the exit code of the command.  Several programs share one queue if each runs with --attach and the URL of one
    fakefal serve.
    """
    end_quietly(passed_on())
    lines = LineOptions.taken(given)
    if replay is None and max_age is not None:
        raise click.UsageError("--max-age needs --replay")
    if allow and not careful:
        raise click.UsageError("--allow needs --careful")
    if attach is not None:
        _refuse_with_attach(attach, careful=careful, reports=reports, replay=replay)
        check_attach(attach, key, given)
    if replay is not None and careful:
        raise click.UsageError("--careful needs the emulator: leave out --replay")
    if replay is not None and reports:
        raise click.UsageError("--report needs the emulator: leave out --replay")
    for report in reports:
        _check_report(report)
    environment = partial(_environment, key=key or FAKE_KEY)
    if attach is not None:
        run = run_attached(attach, program, lines, environment)
    elif replay is not None:
        run = _replay(replay_from(replay, max_age, given), program, lines, environment)
    else:
        allowed = [Kind(one) for one in allow] if careful else None
        run = _run(settings_from(**given), program, lines, environment, allowed, reports)
    try:
        sys.exit(asyncio.run(run))
    except OSError as error:
        said = f"{error.filename}: {error.strerror}" if error.filename is not None else str(error)
        sys.exit(f"fakefal run: {said}")


def _refuse_with_attach(attach: str, *, careful: bool, reports: Collection[Path], replay: Path | None) -> None:
    """Refuse options that only this run's own emulator can carry out.

    Raises:
        click.UsageError: such an option was given.
    """
    if replay is not None:
        raise click.UsageError("--attach sends calls to a server, --replay to recordings: leave one of them out")
    if careful:
        raise click.UsageError(
            f"--careful judges the calls of one run: leave --attach out, or read {attach.rstrip('/')}/_fakefal/verdict"
        )
    if reports:
        raise click.UsageError(
            "--report shows one run, and a server has the calls of all: leave --attach out, or open the page at "
            f"{attach.rstrip('/')}/"
        )


def _check_report(report: Path) -> None:
    """Check that the report can be written, before anything runs.

    Raises:
        click.UsageError: it cannot be written.
    """
    if report.suffix not in REPORT_ENDINGS:
        raise click.UsageError(f"--report {report}: end its name with {', '.join(REPORT_ENDINGS)}")
    if not report.parent.is_dir():
        raise click.UsageError(f"--report {report}: folder {report.parent} does not exist")


async def _run(
    settings: Settings,
    program: tuple[str, ...],
    lines: LineOptions,
    environment: ChildEnvironment,
    allowed: Collection[Kind] | None,
    reports: Collection[Path],
) -> int:
    """The child's exit code; with a list of allowed findings, even an empty one, the verdict's code replaces 0."""
    with without_gc():
        from fakefal.engine.emulator import Emulator
        from fakefal.engine.overview import ENDED_SECONDS, summary_of, unused_effects, verdict_of, went_wrong
        from fakefal.server.app import build_app
        from fakefal.server.child_server import serving_child

    emulator = Emulator(settings)
    with told(emulator.events, BY_RUN, lines, secrets=settings.secrets) as say:
        async with serving_child(build_app(emulator), closing=emulator.close) as addresses:
            emulator.reached_at(addresses.url)
            if file := settings_file():
                say("settings", f"settings from {file}", path=str(file))
            say("address", f"watch this run at {addresses.url}/", url=f"{addresses.url}/")
            code = await run_child(program, environment(addresses, say))
            if not reports and await went_wrong(emulator):
                say("keep", KEEP)
            say("summary", await summary_of(emulator))
            if unused := unused_effects(emulator):
                say("unused_effects", unused)
            if reports:
                await _write_reports(emulator, program, code, reports)
            for report in reports:
                say("report", f"the report of this run is {report}", path=str(report))
            if allowed is None:
                return code
            verdict = (await verdict_of(emulator, patience=ENDED_SECONDS)).without(allowed)
            say("verdict", str(verdict), is_error=bool(verdict.proven))
            return code or int(bool(verdict.proven))


async def _write_reports(emulator: Emulator, program: tuple[str, ...], code: int, paths: Collection[Path]) -> None:
    from fakefal.engine.overview import unused_effects
    from fakefal.report.report_files import write_report
    from fakefal.report.run_report import part_of_run, run_report

    command = shlex.join(program)
    report = run_report(command, code, [await part_of_run(emulator, command)])
    report.notes.extend(filter(None, [unused_effects(emulator)]))
    for path in paths:
        write_report(report, path)


async def _replay(replay: Replay, program: tuple[str, ...], lines: LineOptions, environment: ChildEnvironment) -> int:
    from fakefal.server.child_server import serving_child

    with told(None, (), lines) as say:
        async with serving_child(replay.app()) as addresses:
            return await run_child(program, environment(addresses, say))


def _environment(addresses: ChildAddresses, say: Say, *, key: str) -> dict[str, str]:
    """The child's environment; prints the names of the keys that were removed."""
    from fakefal.server.child import child_environment
    from fakefal.server.credentials import faked_credentials

    faked = faked_credentials(os.environ, key)
    if replaced := sorted(name for name, value in faked.items() if value != os.environ[name]):
        say(
            "keys",
            f"replaced {', '.join(replaced)}: the program gets a fake key that fal would refuse",
            replaced=replaced,
        )
    return child_environment(os.environ, addresses, key=key)
