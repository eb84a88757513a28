"""Calls of commands to the control API of a running server."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, TypeVar

import click

from fakefal.settings import DEFAULT_PORT

F = TypeVar("F", bound=Callable[..., Any])

CONTROL_TOKEN = "FAKEFAL_CONTROL_TOKEN"  # noqa: S105 - the name of the variable
PATIENCE_SECONDS = 5
START = "fakefal serve"


class NoAnswer(Exception):
    """No emulator answers at this URL; the message says why, and what to change."""


def url_option(function: F) -> F:
    """The option for the URL of the server."""
    return click.option(
        "--url",
        default=lambda: os.environ.get(
            "FAKEFAL_URL", f"http://127.0.0.1:{os.environ.get('FAKEFAL_PORT', DEFAULT_PORT)}"
        ),
        help="Base URL (default: FAKEFAL_URL, else FAKEFAL_PORT or the default port).",
    )(function)


def key_option(function: F) -> F:
    """The option for the key of programs."""
    text = "Give programs this FAL_KEY, for a server with the setting `keys`."
    return click.option("--key", envvar="FAKEFAL_CLIENT_KEY", metavar="ID:SECRET", help=text)(function)


def ask(url: str, path: str, token: str | None = None, *, seconds: float = PATIENCE_SECONDS, start: str = START) -> Any:
    """Send a GET to the control API, without a proxy; returns the JSON of the answer.

    The default token is that of ``FAKEFAL_CONTROL_TOKEN``.  `start` is the command that starts such a server.

    Raises:
        click.UsageError: `url` is not an http(s) URL.
        NoAnswer: there is no answer, or it is not JSON.
    """
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url {url}: begin it with http:// or https://")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    token = token or os.environ.get(CONTROL_TOKEN)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        request = urllib.request.Request(f"{url.rstrip('/')}/_fakefal/{path}", headers=headers)  # noqa: S310
        with direct.open(request, timeout=seconds) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError, ValueError, HTTPException) as error:
        raise NoAnswer(_explained(error, start)) from error


def _explained(error: Exception, start: str) -> str:
    """The message for a missing answer, with what to do."""
    if getattr(error, "code", 0) == HTTPStatus.UNAUTHORIZED:
        return f"{error}; set {CONTROL_TOKEN} to the token of the server"
    if isinstance(getattr(error, "reason", None), ConnectionRefusedError):
        return f"nothing listens there; start it with {start}"
    if isinstance(error, ValueError | HTTPException) or getattr(error, "code", 0) == HTTPStatus.NOT_FOUND:
        return f"something else answers there; start it with {start} on a free port"
    return str(error)


def ask_emulator(url: str, *, start: str = START) -> dict[str, Any]:
    """Ask an emulator whether it is ready, and check that it is a fakefal; returns its answer.

    `start` is the command that starts such a server.

    Raises:
        click.UsageError: `url` is not an http(s) URL.
        NoAnswer: there is no answer, or that of another program.
    """
    try:
        ready = ask(url, "ready", start=start)
    except NoAnswer as error:
        raise NoAnswer(f"no fakefal is ready at {url}: {error}") from error
    if not (isinstance(ready, dict) and ready.get("ready") is True and "fakefal" in ready):
        raise NoAnswer(f"the server at {url} is not a fakefal, or an older one")
    if "serves" in ready:
        raise NoAnswer(f"{url} is not an emulator: it is {ready['serves']}")
    return ready


def check_key(url: str, key: str | None) -> None:
    """Check that an emulator accepts the key of programs; None is the fake key.

    Raises:
        NoAnswer: it accepts only its configured keys, and none was given.
    """
    if key is None and not ask(url, "health")["any_key"]:
        raise NoAnswer(f"{url} knows only its own keys: give one of them as --key or FAKEFAL_CLIENT_KEY")
