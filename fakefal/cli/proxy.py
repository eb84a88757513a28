"""``fakefal proxy``."""

from __future__ import annotations

import sys
from decimal import Decimal
from functools import partial
from pathlib import Path

import click

from fakefal.cli.options import recording_options
from fakefal.cli.record import new_proxy, record, tell
from fakefal.cli.serve import PORT, ServedApp, serve
from fakefal.settings import DEFAULT_PORT, Settings


@click.command(context_settings={"allow_interspersed_args": False})
@recording_options
@click.option("--port", type=PORT, default=DEFAULT_PORT, show_default=True, help="0 takes a free one.")
@click.option("--tls-port", type=PORT, help="Also listen with TLS; 0 takes a free port.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Write the URL here as JSON once it listens.")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="[-- CMD...]")
def command(
    program: tuple[str, ...],
    max_usd: Decimal,
    upstream: str | None,
    out: Path,
    report: Path | None,
    models: tuple[Path, ...],
    port: int,
    tls_port: int | None,
    ready_file: Path | None,
) -> None:
    """Stand before the real service until it is stopped.  THIS SPENDS MONEY, up to the limit.

    Point a client at the base URL it prints: /queue, /run, /rest and /cdn lead to fal's hosts, and the
    client brings its own key.  With a command, that runs behind it as under `fakefal record`.  Each paid
    call is checked and priced, and refused where no known revision accepts it or where it could exceed
    the limit; at the end the report says in what the answers differed from what was predicted.
    """
    if program:
        sys.exit(record(program, max_usd, upstream, out, report, models))
    from fakefal.server.serving import hosting

    proxy = new_proxy(max_usd, upstream, out, models)
    hosted = partial(hosting, proxy.app(), closing=proxy.close_streams, own_date=False)
    service = ServedApp(hosted, f"a validating proxy, which may spend {max_usd} dollars", any_key=False)
    try:
        serve(service, Settings(), "127.0.0.1", port, tls_port, ready_file)
    finally:
        tell(proxy, report)
