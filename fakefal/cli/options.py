"""Options that several commands share, and how they become settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from fakefal.core.plan import PROFILES
from fakefal.settings import Settings, SettingsError, load_settings
from fakefal.settings_file import FILE_NAME, nearest_file
from fakefal_contracts import BUILT_IN, Catalogue
from fakefal_contracts.hosts import is_fal_host

if TYPE_CHECKING:
    from fakefal.recording.replay import Replay

F = TypeVar("F", bound=Callable[..., Any])


def emulator_options(function: F) -> F:
    """The settings of an emulator that the command line can change; the environment can change them too."""
    for option in reversed(
        (
            click.option(
                "--profile", type=click.Choice(list(PROFILES)), help="How long jobs wait and run (default: quick)."
            ),
            click.option("--contract", help="The schema that judges: latest (default), documented, or a day."),
            settings_options,
            click.option(
                "--unknown",
                type=click.Choice(["refuse", "accept"]),
                help="What an unknown model answers: 404 (default), or {}.",
            ),
            click.option(
                "--media-urls",
                type=click.Choice(["fal", "local"]),
                help="Where media URLs point: to the CDN of fal, or here (default: local in serve, fal in run).",
            ),
            click.option("--seed", help="Any text; makes run lengths and probabilities repeatable."),
            click.option("--runners", type=int, help="How many jobs of one key run at once (default: 10)."),
            click.option(
                "--balance", type=usd, metavar="USD", help="Dollars that each key starts with (default: unlimited)."
            ),
            click.option("--store", help="memory (default), or redis://HOST:PORT/DB for replicas."),
            click.option(
                "--effect", "effects", multiple=True, help="Make calls or jobs fail: 'stuck when nth=2'. Repeatable."
            ),
            click.option(
                "--fetch/--no-fetch", default=None, help="Download and judge media from other hosts (default: no)."
            ),
            click.option(
                "--render/--no-render", default=None, help="Show your own pictures in clips; needs PyAV (default: no)."
            ),
            click.option(
                "--webhooks-anywhere/--webhooks-local",
                default=None,
                help="Send webhooks beyond loopback (default: no).",
            ),
        )
    ):
        function = option(function)
    return function


def settings_options(function: F) -> F:
    """Options of every command that reads settings: the settings file, and documents of models."""
    place = click.Path(exists=True, path_type=Path)
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    models = "Your document of a model, or a folder of them. Repeatable."
    config = f"Read settings from FILE (default: the nearest {FILE_NAME}, here or above)."
    function = click.option(
        "--config", type=file, metavar="FILE", expose_value=False, callback=_keep_config, help=config
    )(function)
    return click.option("--models", multiple=True, type=place, metavar="PATH", help=models)(function)


_CONFIG = f"{__name__}.config"
"""The key of the option --config in the context that a command shares with its subcommands."""


def _keep_config(ctx: click.Context, _: click.Parameter, file: Path | None) -> None:
    if file is not None:
        ctx.meta[_CONFIG] = file


def usd(text: str) -> Decimal:
    """An exact amount in US dollars; a currency sign is allowed.

    Raises:
        click.BadParameter: the text is not an amount.
    """
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise click.BadParameter(f"{text!r} is not an amount of dollars such as 2.50")
    return amount


def given_options(given: Mapping[str, Any]) -> list[str]:
    """The options that have these values, as they are written on the command line, such as --no-fetch."""
    options = {one.name: one for one in click.get_current_context().command.params}
    return [
        (options[name].secondary_opts if value is False else options[name].opts)[0]
        for name, value in given.items()
        if value not in (None, ())
    ]


def replay_options(function: F) -> F:
    """Which recordings are replayed, and their maximum age."""
    folder = click.Path(exists=True, path_type=Path)
    function = click.option(
        "--max-age",
        type=click.FloatRange(min=0),
        metavar="DAYS",
        help="With --replay: refuse recordings that are older.",
    )(function)
    return click.option("--replay", type=folder, metavar="FOLDER", help="Answer only from these recordings.")(function)


def replay_from(folder: Path, max_age: float | None, given: Mapping[str, Any]) -> Replay:
    """The recordings of a folder; unreadable recordings end the command with exit code 2.

    So does any of the emulator's own options in `given`, because recordings do not support them.
    """
    for option in given_options(given):
        raise click.UsageError(f"--replay only answers from recordings: leave out {option}")
    from fakefal.recording.exchange import BadExchange
    from fakefal.recording.replay import Replay

    try:
        return Replay(folder, max_age_days=max_age)
    except (BadExchange, OSError) as error:
        raise click.UsageError(str(error)) from error


def recording_options(function: F) -> F:
    """Options of commands that call the real fal: their spend limit, and what they record."""
    for option in reversed(
        (
            click.option("--max-usd", type=usd, required=True, metavar="USD", help="Spend at most this."),
            click.option("--upstream", metavar="URL", help="Call this server instead of fal."),
            click.option(
                "--out",
                type=click.Path(path_type=Path),
                default="recordings",
                show_default=True,
                help="The folder for recordings.",
            ),
            click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write a JSON report here."),
            settings_options,
        )
    ):
        function = option(function)
    return function


def real_key(environ: Mapping[str, str]) -> str:
    """The user's own key, from the environment.

    Raises:
        click.UsageError: there is no key.
    """
    if key := environ.get("FAL_KEY"):
        return key
    key_id, secret = environ.get("FAL_KEY_ID"), environ.get("FAL_KEY_SECRET")
    if key_id and secret:
        return f"{key_id}:{secret}"
    raise click.UsageError("the real fal needs your key: set FAL_KEY")


def stand_in(address: str, *, malformed: str, of_fal: str) -> str:
    """The base URL of a server that replaces fal; the two texts say what to change.

    Raises:
        click.UsageError: it is not an http(s) URL, contains a user, or is a fal host.
    """
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        usable = False
    if not usable:
        raise click.UsageError(malformed)
    if is_fal_host(str(parts.hostname)):
        raise click.UsageError(of_fal)
    return address


def check_upstream(address: str) -> None:
    """Whether a server at this URL can replace fal.

    Raises:
        click.UsageError: it is not a URL, or is fal's own.
    """
    stand_in(
        address,
        malformed="--upstream: give an http(s) URL without a user, such as http://127.0.0.1:8710",
        of_fal="--upstream: this is a fal host; leave the option out to call fal",
    )


def full_id(endpoint: str, catalogue: Catalogue = BUILT_IN) -> str:
    """An endpoint id from the user's text: the whole id, or an end of it that no other id has.

    A text that is the end of no id is returned as it is.

    Raises:
        click.UsageError: several ids end so.
    """
    if endpoint in catalogue:
        return endpoint
    ids = sorted((one for one in catalogue if one.endswith(f"/{endpoint}")), key=len)
    if len(ids) > 1:
        shortest = " or ".join(ids[:3])
        raise click.UsageError(f"{len(ids)} ids end with {endpoint}: write the whole id, such as {shortest}")
    return (ids or [endpoint])[0]


def settings_file() -> Path | None:
    """The settings file of a command, if there is one."""
    file: Path | None = click.get_current_context().meta.get(_CONFIG)
    return file or nearest_file(Path.cwd())


def settings_from(**given: Any) -> Settings:
    """Settings from options, environment and file.

    Raises:
        click.UsageError: a setting is invalid, or a document of a model cannot be read.
    """
    given |= {name: given.get(name) or None for name in ("effects", "models")}
    try:
        return load_settings(given, file=settings_file())
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
