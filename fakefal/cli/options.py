"""Options that several commands share, and their way into the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from fakefal.core.plan import PROFILES
from fakefal.settings import Settings, SettingsError, load_settings
from fakefal_contracts import BUILT_IN, FOUNDING, Catalogue
from fakefal_contracts.endpoint import APP_SEGMENTS
from fakefal_contracts.hosts import is_fal_host

if TYPE_CHECKING:
    from fakefal.recording.replay import Replay

F = TypeVar("F", bound=Callable[..., Any])


def emulator_options(function: F) -> F:
    """What an emulator can be told on the command line; each is also a setting of the environment."""
    for option in reversed(
        (
            click.option("--profile", type=click.Choice(list(PROFILES)), help="How time passes (default: quick)."),
            click.option("--contract", help="latest (default), documented, or a day such as 2026-06-11."),
            models_option,
            click.option(
                "--unknown", type=click.Choice(["refuse", "accept"]), help="What a model gets that is unknown."
            ),
            click.option(
                "--media-urls",
                type=click.Choice(["fal", "local"]),
                help="Where media lead: to fal's CDN, or here (default: local in serve, fal in run).",
            ),
            click.option("--seed", help="Makes random lengths of runs repeatable."),
            click.option("--runners", type=int, help="How many requests of a key run at once (default: 10)."),
            click.option("--balance", type=usd, metavar="USD", help="What each key starts with (default: no end)."),
            click.option("--store", help="memory (default), or redis://host:port/db, which replicas share."),
            click.option("--effect", "effects", multiple=True, help="A fault or ending, as in 'stuck when nth=2'."),
            click.option("--fetch/--no-fetch", default=None, help="Download and judge media from other hosts."),
            click.option("--render/--no-render", default=None, help="Clips show your own pictures (needs PyAV)."),
            click.option("--webhooks-anywhere/--webhooks-local", default=None, help="Send webhooks beyond loopback."),
        )
    ):
        function = option(function)
    return function


def models_option(function: F) -> F:
    """Which models are known beside the built-in ones."""
    place = click.Path(exists=True, path_type=Path)
    text = "A document of a model, or a folder of them; may be repeated."
    return click.option("--models", multiple=True, type=place, metavar="PATH", help=text)(function)


def usd(text: str) -> Decimal:
    """An amount in US dollars, exact; a currency sign is allowed.

    Raises:
        click.BadParameter: it is none.
    """
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise click.BadParameter(f"{text!r} is no amount of dollars, such as 2.50")
    return amount


def replay_options(function: F) -> F:
    """From where, and from how far back, answers are replayed."""
    folder = click.Path(exists=True, path_type=Path)
    function = click.option(
        "--max-age", type=click.FloatRange(min=0), metavar="DAYS", help="With --replay: refuse older recordings."
    )(function)
    return click.option("--replay", type=folder, metavar="FOLDER", help="Answer from recordings only.")(function)


def replay_from(folder: Path, max_age: float | None, given: Mapping[str, Any]) -> Replay:
    """The recordings of a folder; what cannot be read ends the command with exit code 2.

    So does any of the emulator's own options in `given`: recordings know nothing of them.
    """
    for name, value in given.items():
        if value not in (None, ()):
            raise click.UsageError(f"--replay answers from recordings alone: leave {name.replace('_', '-')} out")
    from fakefal.recording.exchange import BadExchange
    from fakefal.recording.replay import Replay

    try:
        return Replay(folder, max_age_days=max_age)
    except (BadExchange, OSError) as error:
        raise click.UsageError(str(error)) from error


def recording_options(function: F) -> F:
    """What commands can be told that call the real service: how much it may cost, and what is kept."""
    for option in reversed(
        (
            click.option("--max-usd", type=usd, required=True, metavar="USD", help="The most that may be spent."),
            click.option("--upstream", metavar="URL", help="A server that stands in for fal (default: fal itself)."),
            click.option(
                "--out",
                type=click.Path(path_type=Path),
                default="recordings",
                show_default=True,
                help="The folder for recordings.",
            ),
            click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write a JSON report here."),
            models_option,
        )
    ):
        function = option(function)
    return function


def real_key(environ: Mapping[str, str]) -> str:
    """The user's own key, which the command is given.

    Raises:
        click.UsageError: there is none.
    """
    if key := environ.get("FAL_KEY"):
        return key
    key_id, secret = environ.get("FAL_KEY_ID"), environ.get("FAL_KEY_SECRET")
    if key_id and secret:
        return f"{key_id}:{secret}"
    raise click.UsageError("the real service needs a key: set FAL_KEY")


def stand_in(address: str, *, malformed: str, of_fal: str) -> str:
    """The base URL of something that stands in for fal; the two texts say what to change.

    Raises:
        click.UsageError: it is no http(s) address without a user, or a host of fal's.
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
    """Whether an address can stand in for fal.

    Raises:
        click.UsageError: it is none, or it is fal's own.
    """
    stand_in(
        address,
        malformed="--upstream is an http(s) address without a user, such as http://127.0.0.1:8710",
        of_fal="--upstream stands in for fal: leave it out to call fal itself",
    )


def full_id(endpoint: str, catalogue: Catalogue = BUILT_IN) -> str:
    """An endpoint's id from what a user types: the whole id, or what follows the app or owner.

    Of several that end so, those in depth come first, and then the shortest.
    """
    if endpoint in catalogue:
        return endpoint
    ids = [one for one in (*FOUNDING, *sorted(catalogue, key=len)) if one.endswith(f"/{endpoint}")]
    exact = [one for one in ids if one.split("/", APP_SEGMENTS)[-1] == endpoint]
    return (exact or ids or [endpoint])[0]


def settings_from(**given: Any) -> Settings:
    """Settings from options, environment and file; a bad one, or a document that is none, ends with exit code 2."""
    try:
        settings = load_settings(given | {name: given.get(name) or None for name in ("effects", "models")})
        settings.catalogue()
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    return settings
