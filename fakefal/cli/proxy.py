"""``fakefal proxy``."""

from __future__ import annotations

import sys
from decimal import Decimal
from functools import partial
from pathlib import Path

import click

from fakefal.cli.help_examples import examples
from fakefal.cli.options import recording_options
from fakefal.cli.record import new_proxy, record, tell
from fakefal.cli.serve import PORT, ServedApp, serve
from fakefal.settings import DEFAULT_PORT, Settings
from fakefal_contracts.price import dollars


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog=examples(
        "fakefal proxy --max-usd 5",
        "fakefal proxy --max-usd 5 --report report.json -- python app.py",
    ),
)
@recording_options
@click.option(
    "--port", type=PORT, default=DEFAULT_PORT, show_default=True, help="Listen on this port; 0 takes a free one."
)
@click.option("--tls-port", type=PORT, help="Also listen on this port with TLS; 0 takes a free one.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Write the URL to this file, as JSON, when ready.")
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
    """Serve a proxy to the real fal until it is stopped.  THIS SPENDS MONEY, up to the limit.

    Point a client at the base URL that it prints: /queue, /run, /rest and /cdn stand for the hosts of fal.  The client
    uses its own key.  With a command, runs that command through the proxy, as `fakefal record` does.

    Each paid call is checked and priced first.  Calls that no known schema accepts, or that could exceed the limit, are
    refused and never sent.  The report at the end lists answers that differ from what was predicted.
    """
    if program:
        sys.exit(record(program, max_usd, upstream, out, report, models))
    from fakefal.server.serving import hosting

    proxy = new_proxy(max_usd, upstream, out, models)
    hosted = partial(hosting, proxy.app(), closing=proxy.close_streams, own_date=False)
    service = ServedApp(hosted, f"a validating proxy, which may spend {dollars(max_usd)}", any_key=False)
    try:
        serve(service, Settings(), "127.0.0.1", port, tls_port, ready_file)
    finally:
        tell(proxy, report)
