"""``fakefal serve``."""

from __future__ import annotations

import asyncio
import errno
import gc
import json
import os
import secrets
import shlex
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from fakefal.cli.asking import NoAnswer, ask
from fakefal.cli.help_examples import examples
from fakefal.cli.lines import BY_SERVE, LineOptions, line_options, told
from fakefal.cli.options import emulator_options, replay_from, replay_options, settings_file, settings_from
from fakefal.server.startup import without_gc
from fakefal.settings import DEFAULT_PORT, Settings, SettingsError
from fakefal.state.temporary import TemporaryFolder
from fakefal_contracts.addresses import is_loopback

if TYPE_CHECKING:
    from fakefal.recording.replay import Replay
    from fakefal.server.authority import Authority
    from fakefal.server.child import ChildAddresses
    from fakefal.server.serving import Listening  # importing it would make --help slow

PORT = click.IntRange(0, 65535)
LOOPBACK = "127.0.0.1"
LED_HOSTS = (LOOPBACK, "localhost", "0.0.0.0")  # noqa: S104 - nothing is bound by this
"""Led programs connect to 127.0.0.1, so the server must also listen there."""

Hosted = Callable[
    [socket.socket, socket.socket | None, ssl.SSLContext | None], AbstractAsyncContextManager["Listening"]
]
"""Serves on a plain socket, and on one for TLS, during the block."""


@dataclass(frozen=True)
class ServedApp:
    """What to serve: the function, a description, whether any key is accepted, the number of processes, a new token.

    With a `lead_folder` it also leads programs of this machine, by the files in that folder.
    """

    hosted: Hosted
    what: str
    any_key: bool = True
    workers: int = 1
    tells_token: bool = False
    lead_folder: Path | None = None


@dataclass(frozen=True)
class _Sockets:
    """The addresses of a server: plain, with TLS, and as the proxy of led programs."""

    plain: socket.socket
    tls: socket.socket | None = None
    proxy: socket.socket | None = None

    def addresses(self, folder: Path, authority: bytes) -> ChildAddresses:
        """The variables and files with which programs are led here."""
        from fakefal.server.child import ChildAddresses
        from fakefal.server.serving import base_url

        assert self.tls
        assert self.proxy
        plain_port, tls_port, proxy_port = (one.getsockname()[1] for one in (self.plain, self.tls, self.proxy))
        return ChildAddresses(base_url(self.plain), plain_port, tls_port, proxy_port, folder, authority)

    @asynccontextmanager
    async def proxying(self) -> AsyncIterator[None]:
        """Run the proxy, if one is needed, during the block."""
        if self.proxy is None or self.tls is None:
            yield
            return
        from fakefal.server.tunnel import Tunnel, UserProxy, tunnelling

        plain_port, tls_port = self.plain.getsockname()[1], self.tls.getsockname()[1]
        tunnel = Tunnel(tls_port=tls_port, plain_port=plain_port, upstream=UserProxy(dict(os.environ)))
        async with tunnelling(tunnel, self.proxy):
            yield


@click.command(
    epilog=examples(
        "fakefal serve",
        "fakefal serve --port 0 --ready-file ready.json",
        "fakefal serve --profile realistic --balance 10.00",
    )
)
@click.option("--host", default="127.0.0.1", show_default=True, envvar="FAKEFAL_HOST", help="Listen on this address.")
@click.option(
    "--port",
    type=PORT,
    default=DEFAULT_PORT,
    show_default=True,
    envvar="FAKEFAL_PORT",
    help="Listen on this port; 0 takes a free one.",
)
@click.option(
    "--tls-port", type=PORT, envvar="FAKEFAL_TLS_PORT", help="Also listen on this port with TLS; 0 takes a free one."
)
@click.option("--ready-file", type=click.Path(path_type=Path), help="Write the URL to this file, as JSON, when ready.")
@click.option("--public-url", help="Base of URLs in answers, if clients reach it by another name.")
@click.option("--workers", type=click.IntRange(1), help="How many processes serve (default: 1; more need --store).")
@click.option(
    "--spool", type=click.Path(path_type=Path), help="Keep uploads in this folder; replicas on several hosts share it."
)
@click.option("--lead", is_flag=True, help="Also redirect programs of this machine: fakefal env prints how.")
@replay_options
@emulator_options
@line_options
def command(
    *,
    host: str,
    port: int,
    tls_port: int | None,
    lead: bool,
    ready_file: Path | None,
    replay: Path | None,
    max_age: float | None,
    **given: Any,
) -> None:
    """Serve the emulator until it is stopped.

    Point a client at the base URL that it prints: /queue, /run, /rest and /cdn stand for the hosts of fal.  With
    --lead, whole programs reach it, and share one queue: run eval "$(fakefal env)" in their terminals.
    """
    lines = LineOptions.taken(given)
    settings = settings_from(**given)
    if lead and host not in LED_HOSTS:
        raise click.UsageError(f"--lead serves programs on this machine: use it with --host {' or '.join(LED_HOSTS)}")
    if replay is not None:
        if lead:
            raise click.UsageError("--lead needs the emulator: leave --replay out, or use fakefal run --replay")
        own = {name: value for name, value in given.items() if name != "public_url"}
        serve(_replaying(settings, replay_from(replay, max_age, own)), settings, host, port, tls_port, ready_file)
        return
    if max_age is not None:
        raise click.UsageError("--max-age needs --replay")
    if settings.media_urls is None:
        settings = settings.model_copy(update={"media_urls": "local"})
    makes_token = not is_loopback(host) and settings.control_token is None
    if not is_loopback(host):
        settings = settings.model_copy(update={"development_key": False})
    if makes_token:
        settings = settings.model_copy(update={"control_token": secrets.token_urlsafe(16)})
    with ExitStack() as ends:
        if settings.workers > 1 and settings.spool is None:
            spool = ends.enter_context(TemporaryFolder("spool")).path / "spool"
            settings = settings.model_copy(update={"spool": spool})
        folder = ends.enter_context(TemporaryFolder("lead")).path if lead else None
        service = replace(_emulating(settings, lines, folder), tells_token=makes_token)
        serve(service, settings, host, port, tls_port, ready_file)


def _emulating(settings: Settings, lines: LineOptions, lead_folder: Path | None) -> ServedApp:
    what = f"profile {settings.profile}, contract {settings.contract}"
    what += f", settings from {file}" if (file := settings_file()) else ""
    hosted = partial(_listening, settings, lines, lead_folder)
    return ServedApp(hosted, what, workers=settings.workers, lead_folder=lead_folder)


@asynccontextmanager
async def _listening(
    settings: Settings,
    lines: LineOptions,
    lead_folder: Path | None,
    plain: socket.socket,
    tls: socket.socket | None,
    context: ssl.SSLContext | None,
) -> AsyncIterator[Listening]:
    with without_gc():
        from fakefal.engine.emulator import Emulator
        from fakefal.server.serving import listening

    emulator = Emulator(settings)
    emulator.lead_folder = lead_folder
    with told(emulator.events, BY_SERVE, lines, secrets=settings.secrets):
        async with listening(emulator, plain, tls, context) as where:
            yield where


def _replaying(settings: Settings, replay: Replay) -> ServedApp:
    from fakefal.server.serving import hosting

    return ServedApp(partial(hosting, replay.app(settings.public_url), hosts=settings.own_hosts), f"replaying {replay}")


def serve(
    service: ServedApp, settings: Settings, host: str, port: int, tls_port: int | None, ready_file: Path | None
) -> None:
    """Serve something until a signal comes."""
    from fakefal.server.serving import bind

    wanted = [(host, port)]
    if tls_port is not None:
        wanted.append((host, tls_port))
    elif service.lead_folder:
        wanted.append((LOOPBACK, 0))
    if service.lead_folder:
        wanted.append((LOOPBACK, 0))
    bound: list[socket.socket] = []
    for address, number in wanted:
        try:
            bound.append(bind(address, number))
        except OSError as error:
            advice = "give an address of this machine"
            if error.errno == errno.EADDRINUSE:
                option = "--port 0" if number == port else "--tls-port 0"
                advice = f"{_occupant(address, number)}{option} takes a free one"
            sys.exit(f"fakefal cannot listen on {address}:{number}: {error.strerror or error}; {advice}")
    try:
        with _writing(ready_file), TemporaryFolder("serve") as folder:
            _run(service, settings, _Sockets(*bound), ready_file, folder.path)
    except (OSError, RuntimeError, SettingsError) as error:
        sys.exit(f"fakefal: {error}")


def _occupant(address: str, port: int) -> str:
    """Whether another fakefal listens at a port, in words."""
    with suppress(NoAnswer):
        ready = ask(f"http://{address}:{port}", "ready", seconds=1)
        if isinstance(ready, dict) and "fakefal" in ready:
            return "a fakefal already runs there; "
    return ""


def _run(service: ServedApp, settings: Settings, sockets: _Sockets, ready_file: Path | None, folder: Path) -> None:
    """Serve from this process, or from several that share its sockets."""
    from fakefal.server.authority import Authority, merged_bundle
    from fakefal.server.loops import run

    authority = Authority(*_names(settings, sockets.plain)) if sockets.tls else None
    if service.lead_folder and authority:
        from fakefal.server.lead_folder import write_lead_folder

        write_lead_folder(os.environ, sockets.addresses(service.lead_folder, authority.certificate))

    def announce(ready: dict[str, str]) -> None:
        if authority:
            ca_file = folder / "ca.pem"
            ca_file.write_bytes(merged_bundle(os.environ, authority.certificate))
            ready["ca_file"] = str(ca_file)
        _announce(ready, service, ready_file)

    if service.workers == 1:
        run(_serve(service, settings, sockets, authority, announce))
        gc.freeze()  # otherwise the interpreter collects garbage in everything that it loaded, just before it ends
        return
    from fakefal.server.workers import Ready, Workers

    def serve_part(lifeline: int, listening: Callable[[Ready], None]) -> None:
        run(_serve(service, settings, sockets, authority, listening, lifeline))

    Workers(service.workers, serve_part).run(announce)


async def _serve(
    service: ServedApp,
    settings: Settings,
    sockets: _Sockets,
    authority: Authority | None,
    listens: Callable[[dict[str, str]], None],
    lifeline: int | None = None,
) -> None:
    """Serve until a signal ends it, or until the other end of `lifeline` closes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    if lifeline is not None:
        loop.add_reader(lifeline, stop.set)
    context = authority.server_context() if authority else None
    async with service.hosted(sockets.plain, sockets.tls, context) as where, sockets.proxying():
        ready = {"url": where.url}
        if settings.control_token is not None:
            ready["control_token"] = settings.control_token
        if where.tls_port is not None:
            ready["tls_url"] = f"https://localhost:{where.tls_port}"
        if service.lead_folder is not None:
            ready["lead_folder"] = str(service.lead_folder)
        listens(ready)
        await stop.wait()


def _names(settings: Settings, plain: socket.socket) -> list[str]:
    """The names of the server, besides loopback."""
    return [plain.getsockname()[0], *settings.own_hosts]


def _announce(ready: dict[str, str], service: ServedApp, ready_file: Path | None) -> None:
    click.echo(f"fakefal listens on {ready['url']} ({service.what})")
    if "lead_folder" in ready:
        click.echo(f'for programs that should call it: eval "$(fakefal env --url {ready["url"]})"')
    elif "tls_url" in ready:
        host = ready["tls_url"].removeprefix("https://")
        told = {"FAL_RUN_HOST": f"{host}/run", "FAL_QUEUE_RUN_HOST": f"{host}/queue", "SSL_CERT_FILE": ready["ca_file"]}
        told |= {"FAL_KEY": "fakefal:not-a-real-key"} if service.any_key else {}
        click.echo("for fal's Python client, by TLS:")
        for name, value in told.items():
            click.echo(f"export {name}={shlex.quote(value)}")
    if service.tells_token:
        click.echo(f"The control API needs this token: {ready['control_token']}", err=True)
    if ready_file is not None:
        with _open_private(_partial(ready_file)) as file:
            json.dump(ready, file)
        _partial(ready_file).replace(ready_file)


@contextmanager
def _writing(ready_file: Path | None) -> Iterator[None]:
    """Check at once that the ready file can be written, and leave nothing of it behind."""
    if ready_file is None:
        yield
        return
    ready_file.unlink(missing_ok=True)
    _open_private(_partial(ready_file)).close()
    try:
        yield
    finally:
        ready_file.unlink(missing_ok=True)
        _partial(ready_file).unlink(missing_ok=True)


def _partial(ready_file: Path) -> Path:
    """The temporary path at which the ready file is written before it appears complete."""
    return ready_file.with_name(f"{ready_file.name}.partial")


def _open_private(path: Path) -> TextIO:
    """A new file that only this user may read, because it may hold the control API's token."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
