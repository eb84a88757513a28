"""``fakefal record -- CMD``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fakefal.cli.help_examples import examples
from fakefal.cli.options import check_upstream, real_key, recording_options, settings_from
from fakefal.cli.supervision import end_quietly, passed_on, run_child

if TYPE_CHECKING:
    from fakefal.proxy.app import ValidatingProxy


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog=examples("fakefal record --max-usd 2 -- pytest tests/live"),
)
@recording_options
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
def command(
    program: tuple[str, ...],
    max_usd: Decimal,
    upstream: str | None,
    out: Path,
    report: Path | None,
    models: tuple[Path, ...],
) -> None:
    """Run a command against the real fal, and record its calls.  THIS SPENDS MONEY, up to the limit.

    Set FAL_KEY to your key.  Each paid call is checked and priced first.  Calls that no known schema accepts, or that
    could exceed the limit, are refused and never sent.  Recordings contain prompts and results, but no keys.  Ends with
    the exit code of the command.
    """
    end_quietly(passed_on())
    sys.exit(record(program, max_usd, upstream, out, report, models))


def record(
    program: tuple[str, ...],
    max_usd: Decimal,
    upstream: str | None,
    out: Path,
    report: Path | None,
    models: tuple[Path, ...],
) -> int:
    """Run a command behind the validating proxy, and report its findings; returns the command's exit code."""
    key = real_key(os.environ)
    proxy = new_proxy(max_usd, upstream, out, models)
    proxy.keep_secret(key)
    try:
        return asyncio.run(_record(program, key, proxy, report))
    except OSError as error:
        sys.exit(f"fakefal: {error}")


async def _record(program: tuple[str, ...], key: str, proxy: ValidatingProxy, report: Path | None) -> int:
    from fakefal.server.child import child_environment
    from fakefal.server.child_server import serving_child

    try:
        async with serving_child(proxy.app(), closing=proxy.close_streams, own_date=False) as addresses:
            return await run_child(program, child_environment(os.environ, addresses, key=key))
    finally:
        tell(proxy, report)


def new_proxy(max_usd: Decimal, upstream: str | None, out: Path, models: tuple[Path, ...]) -> ValidatingProxy:
    """The validating proxy that the options describe."""
    from fakefal.proxy.app import ValidatingProxy
    from fakefal.proxy.upstream import FAL, Upstream
    from fakefal.recording.folder import ExchangeWriter
    from fakefal.recording.spend_limit import SpendLimit

    if upstream is not None:
        check_upstream(upstream)
    source = FAL if upstream is None else "upstream"
    catalogue = settings_from(models=models).catalogue()
    writer = ExchangeWriter(out, source=source)
    return ValidatingProxy(Upstream(upstream), SpendLimit(max_usd), writer, catalogue=catalogue)


def tell(proxy: ValidatingProxy, path: Path | None) -> None:
    """Write the report, and a summary of it to standard error."""
    found = proxy.report()
    click.echo(f"fakefal: {found.text()}", err=True)
    if path is not None:
        try:
            path.write_text(json.dumps(found.as_dict(), indent=2) + "\n", "utf-8")
        except OSError as error:
            if path.is_file():
                path.unlink()  # an incomplete report is useless
            click.echo(f"fakefal: the report cannot be written to {path}: {error.strerror}", err=True)
