"""What commands ask a running server by its control API."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import click

from fakefal.settings import DEFAULT_PORT

F = TypeVar("F", bound=Callable[..., Any])

CONTROL_TOKEN = "FAKEFAL_CONTROL_TOKEN"  # noqa: S105 - the name of the variable
PATIENCE_SECONDS = 5


class NoAnswer(Exception):
    """A server does not answer, or not as it must; the message says why, and what to change."""


def url_option(function: F) -> F:
    """Which server is asked."""
    return click.option(
        "--url",
        default=lambda: os.environ.get(
            "FAKEFAL_URL", f"http://127.0.0.1:{os.environ.get('FAKEFAL_PORT', DEFAULT_PORT)}"
        ),
        help="Base URL (default: FAKEFAL_URL, else FAKEFAL_PORT or the default port).",
    )(function)


def key_option(function: F) -> F:
    """The key that led programs call with."""
    return click.option(
        "--key", envvar="FAKEFAL_KEY", metavar="ID:SECRET", help="FAL_KEY of programs, where the server has keys."
    )(function)


def ask(url: str, path: str, token: str | None = None) -> Any:
    """What the control API answers to a GET.  No proxy is asked.

    Without a token, that of ``FAKEFAL_CONTROL_TOKEN`` is sent along.

    Raises:
        click.UsageError: the base URL is none.
        NoAnswer: nothing usable came.
    """
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--url {url}: begin it with http:// or https://")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    token = token or os.environ.get(CONTROL_TOKEN)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        request = urllib.request.Request(f"{url.rstrip('/')}/_fakefal/{path}", headers=headers)  # noqa: S310
        with direct.open(request, timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError, ValueError) as error:
        refused = getattr(error, "code", 0) == HTTPStatus.UNAUTHORIZED
        raise NoAnswer(f"{error}; set {CONTROL_TOKEN} to the token of the server" if refused else str(error)) from error


def ask_emulator(url: str) -> dict[str, Any]:
    """What an emulator says of itself once it is ready, after it has proven that it is one.

    Raises:
        click.UsageError: the base URL is none.
        NoAnswer: nobody answers there, or somebody else.
    """
    try:
        ready = ask(url, "ready")
    except NoAnswer as error:
        raise NoAnswer(f"no fakefal is ready at {url}: {error}") from error
    if not (isinstance(ready, dict) and ready.get("ready") is True and "fakefal" in ready):
        raise NoAnswer(f"what answers at {url} is no fakefal, or another version of it")
    if "serves" in ready:
        raise NoAnswer(f"{url} is no emulator: it is {ready['serves']}")
    return ready
