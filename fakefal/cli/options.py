"""Options that several commands share, and their way into the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from fakefal.core.plan import PROFILES
from fakefal.settings import Settings, SettingsError, load_settings
from fakefal_contracts import ENDPOINTS

F = TypeVar("F", bound=Callable[..., Any])


def emulator_options(function: F) -> F:
    """What an emulator can be told on the command line; each is also a setting of the environment."""
    for option in reversed(
        (
            click.option("--profile", type=click.Choice(list(PROFILES)), help="How time passes (default: quick)."),
            click.option("--contract", help="documented (default), latest, or a day such as 2026-06-11."),
            click.option("--seed", help="Makes random lengths of runs repeatable."),
            click.option("--runners", type=int, help="How many requests of a key run at once (default: 10)."),
            click.option("--store", help="memory (default), or redis://host:port/db, which replicas share."),
            click.option("--effect", "effects", multiple=True, help="A fault or ending, as in 'stuck when nth=2'."),
            click.option("--fetch/--no-fetch", default=None, help="Download and judge media from other hosts."),
            click.option("--webhooks-anywhere/--webhooks-local", default=None, help="Send webhooks beyond loopback."),
        )
    ):
        function = option(function)
    return function


def full_id(endpoint: str) -> str:
    """An endpoint's id from what a user types: the whole id, or what follows the app."""
    ids = [one for one in ENDPOINTS if one == endpoint or one.endswith(f"/{endpoint}")]
    exact = [one for one in ids if ENDPOINTS[one].path == endpoint]
    return (exact or ids or [endpoint])[0]


def settings_from(**given: Any) -> Settings:
    """Settings from options, environment and file; a bad one ends the command with exit code 2."""
    try:
        return load_settings(given | {"effects": given.get("effects") or None})
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
