"""``fakefal serve``."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from fakefal.cli.options import emulator_options, settings_from
from fakefal.settings import DEFAULT_PORT, LOOPBACK_HOSTS, Settings, SettingsError

if TYPE_CHECKING:
    from fakefal.ways.authority import Authority

PORT = click.IntRange(0, 65535)


@click.command
@click.option("--host", default="127.0.0.1", show_default=True, envvar="FAKEFAL_HOST", help="Address to listen on.")
@click.option(
    "--port", type=PORT, default=DEFAULT_PORT, show_default=True, envvar="FAKEFAL_PORT", help="0 takes a free one."
)
@click.option("--tls-port", type=PORT, envvar="FAKEFAL_TLS_PORT", help="Also listen with TLS; 0 takes a free port.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Write the URL here as JSON once it listens.")
@click.option("--public-url", help="Base of URLs in answers, where it is reached by another name.")
@click.option("--workers", type=click.IntRange(1), help="How many processes serve (default: 1; more need a Redis).")
@click.option("--spool", type=click.Path(path_type=Path), help="Folder of uploads; replicas on several hosts share it.")
@emulator_options
def command(host: str, port: int, tls_port: int | None, ready_file: Path | None, **given: Any) -> None:
    """Serve the emulator until it is stopped.

    Point a client at the base URL it prints: /queue, /run, /rest and /cdn stand for fal's hosts.
    """
    settings = settings_from(**given)
    if host not in LOOPBACK_HOSTS and settings.control_token is None:
        settings = dataclasses.replace(settings, control_token=secrets.token_urlsafe(16))
        click.echo(f"The control API needs this token: {settings.control_token}", err=True)
    from fakefal.serving import bind

    bound: list[socket.socket] = []
    for number in (port,) if tls_port is None else (port, tls_port):
        try:
            bound.append(bind(host, number))
        except OSError as error:
            advice = "; try port 0" if error.errno == errno.EADDRINUSE else "; give an address of this machine"
            sys.exit(f"fakefal cannot listen on {host}:{number}: {error.strerror or error}{advice}")
    try:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
            ready_file.with_name(f"{ready_file.name}.partial").touch()
        with tempfile.TemporaryDirectory(prefix="fakefal-") as folder:
            _run(settings, bound, ready_file, Path(folder))
    except (OSError, RuntimeError, SettingsError) as error:
        sys.exit(f"fakefal: {error}")
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)


def _run(settings: Settings, bound: list[socket.socket], ready_file: Path | None, folder: Path) -> None:
    """Serve from this process, or from several that share its sockets and a folder of uploads."""
    from fakefal.ways.authority import Authority, merged_bundle

    plain, tls = bound[0], bound[1] if len(bound) > 1 else None
    authority = Authority(*_names(settings, plain)) if tls else None

    def announce(ready: dict[str, str]) -> None:
        if authority:
            ca_file = folder / "ca.pem"
            ca_file.write_bytes(merged_bundle(os.environ, authority.certificate))
            ready["ca_file"] = str(ca_file)
        _announce(ready, settings, ready_file)

    if settings.workers == 1:
        asyncio.run(_serve(settings, plain, tls, authority, announce))
        return
    from fakefal.workers import Ready, Workers

    settings = dataclasses.replace(settings, spool=settings.spool or folder / "spool")

    def serve(lifeline: int, listening: Callable[[Ready], None]) -> None:
        asyncio.run(_serve(settings, plain, tls, authority, listening, lifeline))

    Workers(settings.workers, serve).run(announce)


async def _serve(
    settings: Settings,
    plain: socket.socket,
    tls: socket.socket | None,
    authority: Authority | None,
    listens: Callable[[dict[str, str]], None],
    lifeline: int | None = None,
) -> None:
    """Serve until a signal ends it, or until the other end of `lifeline` closes."""
    from fakefal.emulator import Emulator
    from fakefal.serving import listening

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    if lifeline is not None:
        loop.add_reader(lifeline, stop.set)
    context = authority.server_context() if authority else None
    async with listening(Emulator(settings), plain, tls, context) as where:
        ready = {"url": where.url}
        if settings.control_token is not None:
            ready["control_token"] = settings.control_token
        if where.tls_port is not None:
            ready["tls_url"] = f"https://localhost:{where.tls_port}"
        listens(ready)
        await stop.wait()


def _names(settings: Settings, plain: socket.socket) -> list[str]:
    """By which names the server may be reached, beside loopback."""
    public = urlsplit(settings.public_url or "").hostname
    return [name for name in (plain.getsockname()[0], public, *settings.control_hosts) if name]


def _announce(ready: dict[str, str], settings: Settings, ready_file: Path | None) -> None:
    click.echo(f"fakefal listens on {ready['url']} (profile {settings.profile}, contract {settings.contract})")
    if "tls_url" in ready:
        host = ready["tls_url"].removeprefix("https://")
        variables = f"FAL_RUN_HOST={host}/run FAL_QUEUE_RUN_HOST={host}/queue SSL_CERT_FILE={ready['ca_file']}"
        click.echo(f"with TLS: {variables} FAL_KEY=fakefal:not-a-real-key")
    if ready_file is not None:
        partial = ready_file.with_name(f"{ready_file.name}.partial")
        partial.write_text(json.dumps(ready), "utf-8")
        partial.replace(ready_file)
