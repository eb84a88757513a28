"""``fakefal audit -- CMD``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from fakefal.cli.help_examples import examples
from fakefal.cli.options import emulator_options, settings_from
from fakefal.cli.supervision import end_quietly, not_found, passed_on, until_signal
from fakefal.verdict.mistakes import Kind

if TYPE_CHECKING:
    from fakefal.audit.course import Audit
    from fakefal.audit.trial import Program, Trial
    from fakefal.audit.ways import Fault

NOTHING_REACHED = (
    "fakefal audit: no run reached its failure, so nothing was audited.  "
    "If the program skips work that it did before, undo that before each run: --before CMD"
)

MARKS = "Findings are proven, except those marked (possible).  Only proven findings change the exit code.\n"


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog=examples(
        "fakefal audit --dry-run -- python app.py",
        "fakefal audit --yes --profile instant -- python app.py",
        "fakefal audit --yes --only submit:503 -- python app.py",
    ),
)
@click.option("--yes", is_flag=True, help="Do not ask before the runs.")
@click.option("--dry-run", is_flag=True, help="Run it once, list the runs that would follow, and stop.")
@click.option("--before", metavar="CMD", help="Shell command before each run, to undo what a run changes.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="How many runs at the same time.")
@click.option(
    "--run-seconds",
    type=click.FloatRange(1),
    default=60,
    show_default=True,
    help="Stop a run or --before after this time.",
)
@click.option(
    "--only", multiple=True, metavar="NAME", help="Only this call, this failure, or both: submit:slow. Repeatable."
)
@click.option(
    "--allow", multiple=True, type=click.Choice([*map(str, Kind)]), metavar="KIND", help="Ignore this kind of finding."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@emulator_options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
def command(
    *,
    command: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    before: str | None,
    jobs: int,
    run_seconds: float,
    only: tuple[str, ...],
    allow: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Run a command once for each failure that each of its calls to fal can meet.

    Each run has one failure and a new emulator.  Nothing reaches fal, and nothing is paid.  Exit code 0: no proven
    finding; 1: a proven finding, or no run reached its failure; 2: wrong usage.
    """
    from fakefal.audit.course import Audit, plan_of, plan_text
    from fakefal.audit.trial import BeforeFailed, audited
    from fakefal.audit.ways import kind_names, names, way_names

    for name in only:
        if name not in names():
            raise click.UsageError(
                f"--only {name}: give a call ({', '.join(kind_names())}), a failure ({', '.join(way_names())}), or "
                "both as in submit:slow; docs/audit.md lists the failures of each call"
            )
    if before is not None and jobs > 1:
        raise click.UsageError("--before needs one run at a time: leave out --jobs")
    if not (yes or dry_run or sys.stdin.isatty()):
        raise click.UsageError("there is no terminal to ask on: give --yes, or --dry-run to see the runs")
    end_quietly(passed_on())
    program = audited(command, settings_from(**given), run_seconds, before)
    try:
        first = _first(program)
        faults = plan_of(first, only)
        if not faults:
            own = ", ".join(dict.fromkeys(one.kind.value for one in first.points))
            sys.exit(f"fakefal audit: --only {' '.join(only)}: the program makes no such call; it makes {own}")
        click.echo(f"fakefal audit: {plan_text(first, faults, run_seconds)}", err=True)
        if dry_run:
            return
        if not yes:
            click.confirm("Run them?", abort=True, err=True)
        trials = until_signal(_run(program, faults, jobs))
    except (BeforeFailed, ExceptionGroup) as error:
        sys.exit(f"fakefal audit: {_first_error(error)}")
    except OSError as error:
        unusable = f"{command[0]}: {error.strerror or error}"
        sys.exit(f"fakefal audit: {not_found(command) if isinstance(error, FileNotFoundError) else unusable}")
    audit = Audit([first, *trials], [Kind(one) for one in allow])
    click.echo(json.dumps(audit.plain(), indent=1) if as_json else _shown(audit))
    sys.exit(NOTHING_REACHED if audit.reached_nothing else int(audit.proven > 0))


def _first(program: Program) -> Trial:
    """Run the unchanged program, which must succeed."""
    from fakefal.audit.trial import after_colon, run_trial

    first = until_signal(run_trial(program, None))
    if first.code is None:
        sys.exit(f"fakefal audit: without a failure the program runs longer than --run-seconds {program.run_seconds:g}")
    if first.code:
        sys.exit(f"fakefal audit: without a failure the program ended with {first.code}{after_colon(first.said)}")
    if not first.points:
        sys.exit("fakefal audit: the program did not call fal")
    return first


async def _run(program: Program, faults: Sequence[Fault], jobs: int) -> list[Trial]:
    from fakefal.audit.course import run_all

    done = 0

    def told(trial: Trial) -> None:
        nonlocal done
        done += 1
        click.echo(f"[{done}/{len(faults)}] {trial.fault}: {trial.ending}", err=True)

    return await run_all(program, faults, jobs, told)


def _first_error(error: BaseException) -> BaseException:
    return _first_error(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _shown(audit: Audit) -> str:
    """The table, and below it each finding with what to do about it."""
    from fakefal.audit.course import HEADINGS

    rows = [HEADINGS, *audit.table()]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    kinds = {one.kind: one for trial in audit.trials for one in audit.verdict(trial).findings}
    advice = [f"{kind}: {kind.advice}\n  seen: {one.evidence}" for kind, one in sorted(kinds.items())]
    marks = [MARKS] if kinds else []
    return "\n".join([*lines, "", *marks, *advice, audit.summary()])
