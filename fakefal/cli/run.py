"""``fakefal run -- CMD``."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fakefal.cli.options import emulator_options, replay_from, replay_options, settings_from
from fakefal.cli.supervision import end_quietly, passed_on, run_child
from fakefal.settings import Settings
from fakefal.verdict.mistakes import Kind

if TYPE_CHECKING:
    from fakefal.recording.replay import Replay
    from fakefal.server.child import ChildAddresses


KIND = click.Choice([*map(str, Kind)])


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--careful", is_flag=True, help="End with the verdict: exit code 1, not 0, where a finding is proven.")
@click.option("--allow", multiple=True, type=KIND, metavar="KIND", help="A kind of finding that --careful lets pass.")
@replay_options
@emulator_options
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
def command(
    *,
    program: tuple[str, ...],
    careful: bool,
    allow: tuple[str, ...],
    replay: Path | None,
    max_age: float | None,
    **given: Any,
) -> None:
    """Run a command whose calls to fal reach the emulator instead, or recordings.

    Works for any program that honours the proxy variables, and for Node.  The command's exit code is
    passed on.
    """
    end_quietly(passed_on())
    if replay is None and max_age is not None:
        raise click.UsageError("--max-age needs --replay")
    if allow and not careful:
        raise click.UsageError("--allow needs --careful")
    if replay is not None and careful:
        raise click.UsageError("--careful needs the emulator: leave --replay out")
    if replay is not None:
        run = _replay(replay_from(replay, max_age, given), program)
    else:
        run = _run(settings_from(**given), program, [Kind(one) for one in allow] if careful else None)
    try:
        sys.exit(asyncio.run(run))
    except OSError as error:
        sys.exit(f"fakefal run: {error}")


async def _run(settings: Settings, program: tuple[str, ...], allowed: Collection[Kind] | None) -> int:
    """The child's exit code; with kinds that are allowed, even none, that of the verdict where the child has 0."""
    from fakefal.engine.emulator import ENDED_SECONDS, Emulator
    from fakefal.server.app import build_app
    from fakefal.server.child_server import serving_child

    emulator = Emulator(settings)
    async with serving_child(build_app(emulator), closing=emulator.close) as addresses:
        emulator.reached_at(addresses.url)
        code = await run_child(program, _environment(addresses))
        click.echo(f"fakefal: {await emulator.summary()}", err=True)
        if allowed is None:
            return code
        verdict = (await emulator.verdict(patience=ENDED_SECONDS)).without(allowed)
        click.echo(f"fakefal: {verdict}", err=True)
        return code or int(bool(verdict.proven))


async def _replay(replay: Replay, program: tuple[str, ...]) -> int:
    from fakefal.server.child_server import serving_child

    async with serving_child(replay.app()) as addresses:
        return await run_child(program, _environment(addresses))


def _environment(addresses: ChildAddresses) -> dict[str, str]:
    """The child's environment; says by name which keys it lacks."""
    from fakefal.server.child import child_environment
    from fakefal.server.credentials import FAKE_KEY, faked_credentials

    faked = faked_credentials(os.environ, FAKE_KEY)
    if replaced := sorted(name for name, value in faked.items() if value != os.environ[name]):
        click.echo(f"fakefal run: replaced {', '.join(replaced)}: the program gets a key that fal refuses", err=True)
    return child_environment(os.environ, addresses)
