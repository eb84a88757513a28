"""``fakefal run --attach URL``: sends the calls of a program to a shared server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fakefal.cli.asking import NoAnswer, ask, ask_emulator, check_key, key_option
from fakefal.cli.lines import LineOptions, Say, told
from fakefal.cli.options import given_options, stand_in
from fakefal.cli.supervision import run_child

if TYPE_CHECKING:
    from fakefal.proxy.attached import AttachedApp
    from fakefal.server.child import ChildAddresses

F = TypeVar("F", bound=Callable[..., Any])

LEDGER_SECONDS = 60
"""The timeout for the ledger, in seconds: a shared server may have many jobs."""

ChildEnvironment = Callable[["ChildAddresses", Say], dict[str, str]]
"""Builds the environment of a child process that is redirected to these addresses, and says which variables changed."""


def attach_options(function: F) -> F:
    """The options for the server and the key."""
    text = "Send calls to this running server, which other programs can share."
    return click.option("--attach", metavar="URL", help=text)(key_option(function))


def check_attach(url: str, key: str | None, given: Mapping[str, Any]) -> None:
    """Check that a program can be attached to a server.

    Raises:
        click.UsageError: there is no emulator, it needs a key, or an option can only be set at the server.
    """
    for option in given_options(given):
        raise click.UsageError(f"--attach takes a server that has its own settings: give {option} to fakefal serve")
    stand_in(
        url,
        malformed="--attach needs the address of a server: --attach http://127.0.0.1:8710",
        of_fal="--attach takes a running fakefal, and this is fal itself",
    )
    try:
        ask_emulator(url)
        check_key(url, key)
    except NoAnswer as error:
        raise click.UsageError(str(error)) from error


async def run_attached(url: str, program: tuple[str, ...], lines: LineOptions, environment: ChildEnvironment) -> int:
    """Run a program whose calls go to a server; returns its exit code."""
    from fakefal.proxy.attached import MOST_JOBS, AttachedApp
    from fakefal.proxy.upstream import Upstream
    from fakefal.server.child_server import serving_child

    app = AttachedApp(Upstream(url))
    with told(None, (), lines) as say:
        async with serving_child(app, own_date=False) as addresses:
            say("address", f"calls go to {url}, which shows them at {url.rstrip('/')}/", url=url)
            code = await run_child(program, environment(replace(addresses, url=url.rstrip("/")), say))
        try:
            say(
                "summary",
                summary_of_attached(app, ask(url, f"ledger?limit={MOST_JOBS}", seconds=LEDGER_SECONDS)["jobs"]),
            )
        except NoAnswer as error:
            say("summary", f"{len(app.jobs)} requests; the server cannot say what became of them: {error}")
        return code


def summary_of_attached(app: AttachedApp, ledger: object) -> str:
    """The closing line of a run, with only its own jobs and calls."""
    from pydantic import TypeAdapter

    from fakefal.state.account import sums_of
    from fakefal.state.journal import missed_calls, refused_calls
    from fakefal.state.ledger import LedgerEntry

    kept = {one.request_id: one for one in TypeAdapter(list[LedgerEntry]).validate_python(ledger)}
    for call in app.calls:
        call.accepted = call.accepted or call.request_id in kept
    own = [kept[request_id] for request_id in app.jobs if request_id in kept]
    lost = sum(accepted and request_id not in kept for request_id, accepted in app.jobs.items())
    forgotten = f"{lost} more that the server no longer keeps" if lost else ""
    count = sum(call.status is None for call in app.calls)
    unanswered = f"{count} call{'s' * (count != 1)} without an answer" if count else ""
    said = (str(sums_of(own)), forgotten, unanswered, refused_calls(app.calls), missed_calls(app.calls))
    return "; ".join(filter(None, said))
