"""``fakefal env``: the variables that send the calls of programs on this machine to a running server."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import click

from fakefal.cli.asking import NoAnswer, ask_emulator, check_key, key_option, url_option
from fakefal.cli.help_examples import examples
from fakefal.server.child import led_by, no_proxy, without_runs
from fakefal.server.credentials import FAKE_KEY, faked_credentials
from fakefal.server.lead_folder import NotLed, read_lead_folder
from fakefal.server.redirection import PREPENDED

Variables = Mapping[str, str | None]
"""Variables with their values; None removes a variable."""

FAILED = 2
START = "fakefal serve --lead"
STOP = "(exit 2)"
"""Printed for shells after an error: ``eval`` fails then, so that ``set -e`` stops a script before a real call."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = re.compile(r"[\w./:@,+=-]*", re.ASCII)
AT_THE_START = "# For readers that set variables before a program starts, such as node --env-file and dotenv run."
"""The first line of a file ``.env``: NODE_OPTIONS and PYTHONPATH have no effect on a process that already runs."""

SHELLS = ("shell", "powershell")
"""The formats that change the environment in which ``fakefal env`` is called."""

BEFORE = "_FAKEFAL_BEFORE"
"""The variable in which a shell remembers, as JSON, the earlier values of all others: null for an unset variable, and
false for a key, which is not kept.
"""


@click.command(
    epilog=examples(
        'eval "$(fakefal env)"',
        'eval "$(fakefal env --unset)"',
        "fakefal env --format dotenv > .env.fakefal",
    )
)
@url_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["shell", "dotenv", "json", "powershell"]),
    default="shell",
    show_default=True,
    help="Write the variables in this format.",
)
@click.option("--unset", is_flag=True, help="Print what undoes `fakefal env` in this shell. Needs no server.")
@key_option
def command(url: str, form: str, key: str | None, *, unset: bool) -> None:
    """Print environment variables that send the fal calls of programs to a running `fakefal serve --lead`.

    Ends with exit code 2 if there is no such server.
    """
    try:
        if unset:
            click.echo(WRITERS[form](restored(os.environ)))
            return
        variables = variables_of(url, os.environ, key)
        memory = {BEFORE: _before(variables, os.environ)} if form in SHELLS else {}
        click.echo(WRITERS[form]({**variables, **memory}))
    except (NoAnswer, NotLed, Unwritable) as error:
        click.echo(f"fakefal env: {error}", err=True)
        if form == "shell":
            click.echo(STOP)
        sys.exit(FAILED)


def variables_of(url: str, environ: Mapping[str, str], key: str | None = None) -> Variables:
    """The changes that turn an environment into that of a program led by a server, with a key or the fake one.

    Raises:
        NoAnswer: no emulator is ready there, or it does not accept the fake key.
        NotLed: it was started without ``--lead``.
    """
    folder = ask_emulator(url, start=START)["lead_folder"]
    if not isinstance(folder, str):
        raise NotLed(f"{url} was started without --lead: start it with {START}, or use fakefal run --attach")
    check_key(url, key)
    leading = read_lead_folder(Path(folder)) | dict.fromkeys(("NO_PROXY", "no_proxy"), no_proxy(environ))
    led = led_by(environ, leading, key=key or FAKE_KEY)
    wanted = {name for name, value in led.items() if value != environ.get(name)} | {*leading, "FAL_KEY"}
    removed = environ.keys() - led.keys()
    return {name: led.get(name) for name in sorted(wanted | removed)}


def _before(variables: Variables, environ: Mapping[str, str]) -> str:
    """The values that a shell had before these variables were set; if they are set again, before the first time."""
    keys = {"FAL_KEY", *faked_credentials(environ, FAKE_KEY)}
    had = {name: name not in keys and environ[name] if name in environ else None for name in variables}
    return json.dumps({**had, **_remembered(environ)})


def _remembered(environ: Mapping[str, str]) -> dict[str, str | bool | None]:
    with suppress(ValueError):
        found = json.loads(environ.get(BEFORE, "{}"))
        if isinstance(found, dict):
            return found
    raise Unwritable(f"{BEFORE} was changed: start a new shell")


def restored(environ: Mapping[str, str]) -> Variables:
    """The changes that restore a shell's earlier variables; prints to standard error which keys are not restored.

    Raises:
        Unwritable: the earlier values are no longer remembered.
    """
    before = _remembered(environ)
    if not before:
        click.echo("fakefal env: nothing to undo: this shell has no variables of fakefal env", err=True)
        return {}
    if keys := sorted(name for name, value in before.items() if value is False):
        click.echo(f"fakefal env: set {', '.join(keys)} again: keys are not kept", err=True)
    values = {name: value if isinstance(value, str) else None for name, value in before.items()}
    own = without_runs({name: environ[name] for name in PREPENDED if name in environ})
    return {**values, **{name: value or None for name, value in own.items()}, BEFORE: None}


class Unwritable(Exception):
    """A variable cannot be written in a format; the message names it, and a format that can."""


def _shell(variables: Variables) -> str:
    """Lines for POSIX shells."""
    for name in variables:
        if not _IDENTIFIER.fullmatch(name):
            raise Unwritable(f"no shell can change {name}, which holds a key of fal's: unset it first (env -u)")
    return "\n".join(
        f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}" for name, value in variables.items()
    )


def _dotenv(variables: Variables) -> str:
    """Lines for a file ``.env``, quoted in the way that all its readers understand."""
    lines = (
        f"# remove {name}" if value is None else f"{name}={_dotenv_value(name, value)}"
        for name, value in variables.items()
    )
    return "\n".join([AT_THE_START, *lines])


def _dotenv_value(name: str, value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if not re.search(r"['\\$\n\r]", value):
        return f"'{value}'"
    raise Unwritable(
        f"readers of .env files differ about quotes, dollars and backslashes, as in {name}: use --format json"
    )


def _powershell(variables: Variables) -> str:
    """Lines for PowerShell, where only a single quote must be doubled inside single quotes."""
    return "\n".join(
        f"Remove-Item -ErrorAction Ignore 'Env:{name}'"
        if value is None
        else f"${{env:{name}}} = '{value.replace(chr(39), chr(39) * 2)}'"
        for name, value in variables.items()
    )


WRITERS: Mapping[str, Callable[[Variables], str]] = {
    "shell": _shell,
    "dotenv": _dotenv,
    "json": lambda variables: json.dumps(variables, indent=2),
    "powershell": _powershell,
}
