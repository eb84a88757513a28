"""All settings: one frozen object, built once.  Only this module reads the environment."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Mapping
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from fakefal.core.plan import PROFILES
from fakefal.settings_file import nearest_file, with_paths_below
from fakefal.state.jsonio import MAX_BYTES
from fakefal_contracts import FOUNDING, Catalogue, Evidence, Grade, Unit
from fakefal_contracts.endpoint import LATEST, parse_contract
from fakefal_contracts.errors import UnreadableContract
from fakefal_contracts.evidence import UNDATED
from fakefal_contracts.hosts import host_name, is_address
from fakefal_contracts.own_documents import load_catalogue
from fakefal_contracts.price import Price

PREFIX = "FAKEFAL_"

#: Read elsewhere: where a server listens (`fakefal.cli.serve`), where programs find one, and by the npm package.
OTHER_VARIABLES = {
    f"{PREFIX}{name}"
    for name in (
        "HOST",
        "PORT",
        "TLS_PORT",
        "URL",
        "CLIENT_KEY",
        "TARGET",
        "ALLOW_REAL",
        "LIVE_MAX_USD",
        "FAKED_PID",
        "COMMAND",
        "CALLER",
        "LED_BY",
    )
}
DEFAULT_PORT = 8710
MEBIBYTE = 1024 * 1024
MEMORY = "memory"
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
ANY_ORIGIN = "*"


def _whole(value: object, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        number = 0 if isinstance(value, bool) else read(value)
    except ValidationError:
        number = 0
    if number < 1:
        raise ValueError("give a whole number of at least 1")
    return number


def _dollars(value: object, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(str(value).removeprefix("$"))
    except ValidationError:
        raise ValueError("give an amount of dollars, such as 20 or 4.50") from None


def _profile(name: str) -> str:
    if name not in PROFILES:
        raise ValueError(f"use one of {', '.join(PROFILES)}")
    return name


def _contract(value: object) -> str:
    contract = str(value)  # TOML has dates
    first = min(endpoint.revisions[0].date for endpoint in FOUNDING.values())
    if parse_contract(contract) < first:
        raise ValueError(f"no schema was published by then; give {first} or later")
    return contract


def _url(address: str) -> str:
    if not is_address(address):
        raise ValueError("begin it with http:// or https://")
    return address


def _effect(text: str) -> str:
    from fakefal.effects.known import parse_rule

    parse_rule(text)
    return text


def own_result(given: object) -> object:
    """A user's own answer of a model, checked.

    Raises:
        ValueError: it is neither a file, nor an object, nor a function.
    """
    if isinstance(given, str | Path):
        given = Path(given)
        if not given.is_file():
            raise ValueError(f"there is no file {given}")
    elif not (isinstance(given, Mapping) or callable(given)):
        raise ValueError("give a file, an object, or a function of the arguments")  # noqa: TRY004 - pydantic reads it
    return given


def _store(store: str) -> str:
    if store != MEMORY and not store.startswith(REDIS_SCHEMES):
        raise ValueError("give memory or an address such as redis://127.0.0.1:6379/0")
    return store


def _pairs(keys: object) -> object:
    if not isinstance(keys, str):
        return keys
    pairs = [pair.partition(":") for pair in keys.split(",")]
    if not all(colon for _, colon, _ in pairs):
        raise ValueError("write id:secret,id2:secret2")
    return {key_id: secret for key_id, _, secret in pairs}


def _split_by(separator: str) -> BeforeValidator:
    """Split a list that the environment has as one text."""
    return BeforeValidator(lambda value: value.split(separator) if isinstance(value, str) else value)


Count = Annotated[int, WrapValidator(_whole)]
Stripped = Annotated[str, StringConstraints(strip_whitespace=True)]
Names = Annotated[frozenset[Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True)]], _split_by(",")]
OwnResult = Annotated[Any, BeforeValidator(own_result)]
"""A user's own answer of a model: a file, a whole result, or a function of the arguments that returns one of these."""
Effects = Annotated[tuple[Annotated[str, AfterValidator(_effect)], ...], _split_by(";")]


class OwnPrice(BaseModel, frozen=True, extra="forbid"):
    """A price that the user gives for a model: ``usd = "0.025", unit = "image"``."""

    usd: Annotated[Decimal, Field(ge=0)]
    unit: Unit


class SettingsError(Exception):
    """A setting cannot be used; the message says which one, where it was set, and what is allowed.

    This is not a ValueError, because pydantic would turn that into an error of its own.

    Args:
        message: for the user; it contains no secrets.
        name: the setting, if the error is about one.
    """

    def __init__(self, message: str, name: str | None = None) -> None:
        super().__init__(message)
        self.name = name


class Settings(BaseModel, frozen=True, extra="forbid", coerce_numbers_to_str=True):
    """All settings of an emulator.

    Attributes:
        profile: how long jobs wait and run: ``instant``, ``stepped``, ``quick`` or ``realistic``.
        contract: the schema that judges: ``latest``, ``documented``, or a day such as ``2026-06-11``.
        models: files and folders with your documents of models; they override the built-in ones.
        prices: your prices, by endpoint id; they override the known ones.
        results: what a model answers, by endpoint id: a file that replaces the files of its kind, a whole result, or a
            function of the arguments that returns one of these.
        media_urls: where media URLs in answers point to, if the call came by a fal host name: the CDN of fal
            (``fal``), or this server (``local``), where browsers can open them.  None is ``local`` in ``serve`` and
            ``fal`` elsewhere.
        unknown: what an unknown model answers: the 404 of fal (``refuse``), or an empty result (``accept``).
        seed: any text; makes run lengths and probabilities repeatable.
        runners: how many jobs of one key run at once (fal: 2 for new accounts, up to 40).
        balance: dollars that each key starts with.  Each job is charged at its end, and may take the balance below
            zero; at zero or below, the account is locked.  None is unlimited.
        keys: the accepted key ids with their secrets; empty accepts any ``id:secret``.
        fetch: whether media from other hosts are downloaded and judged.
        render: whether clips show the pictures of their requests; needs PyAV.
        effects: rules that make calls and jobs fail, such as ``stuck when nth=2``.
        retention: whether results expire as at fal, on the emulated clock.
        webhooks_anywhere: whether webhooks may go beyond loopback.
        webhooks_loopback: whether a server that listens beyond loopback may send webhooks to its own machine, although
            others choose their targets.
        open_proxy: whether a server that listens beyond loopback lends the first of `keys` to callers of ``/proxy``.
        public_url: the base of URLs in answers to clients with a base URL.
        max_body_bytes: the largest JSON body (64 MiB; fal publishes no number).
        max_json_bytes: the longest JSON body, not counting its ``data:`` strings; longer ones get 413.
        max_upload_bytes: the largest upload.
        max_requests: how many requests are kept.
        max_request_bytes: how many bytes of requests and answers are kept, including hints and logs.
        max_files: how many uploads are kept.
        max_file_bytes: how many bytes of uploads are kept.
        max_journal: how many calls the journal keeps.
        spool: the folder for uploads; None makes one that is removed at the end.
        store: where requests are kept: ``memory``, or the URL of a Redis that replicas share.
        development_key: whether webhooks are signed with the key that every fakefal has; never beyond loopback.
        workers: how many processes serve one port; more than one needs a Redis.
        origins: further web pages that may call the API of fal, such as ``https://app.example``; ``*`` allows all,
            ``null`` allows local files.
        hosts: further host names of the server, besides loopback names, fal host names and that of `public_url`.  On
            loopback it answers to no others; the control API never does.
        control_token: the token of the control API (``Authorization: Bearer``); needed beyond loopback.
    """

    profile: Annotated[str, AfterValidator(_profile)] = "quick"
    contract: Annotated[str, BeforeValidator(_contract)] = LATEST
    models: Annotated[tuple[Path, ...], _split_by(os.pathsep)] = ()
    prices: Mapping[str, OwnPrice] = {}
    results: Mapping[str, OwnResult] = {}
    media_urls: Literal["fal", "local"] | None = None
    unknown: Literal["refuse", "accept"] = "refuse"
    seed: str = ""
    runners: Count = 10
    balance: Annotated[Decimal, WrapValidator(_dollars)] | None = None
    keys: Annotated[Mapping[Stripped, Stripped], BeforeValidator(_pairs)] = Field(default={}, repr=False)
    fetch: bool = False
    render: bool = False
    effects: Effects = ()
    retention: bool = False
    webhooks_anywhere: bool = False
    webhooks_loopback: bool = False
    open_proxy: bool = False
    public_url: Annotated[str, AfterValidator(_url)] | None = None
    max_body_bytes: Count = 64 * MEBIBYTE
    max_json_bytes: Count = MAX_BYTES
    max_upload_bytes: Count = 512 * MEBIBYTE
    max_requests: Count = 100_000
    max_request_bytes: Count = 512 * MEBIBYTE
    max_files: Count = 10_000
    max_file_bytes: Count = 4096 * MEBIBYTE
    max_journal: Count = 10_000
    spool: Path | None = None
    store: Annotated[str, AfterValidator(_store)] = Field(default=MEMORY, repr=False)
    development_key: bool = True
    workers: Count = 1
    origins: Names = frozenset()
    hosts: Names = frozenset()
    control_token: str | None = Field(default=None, repr=False)

    @property
    def own_hosts(self) -> frozenset[str]:
        """The host names of the server from `hosts` and `public_url`."""
        public = host_name(urlsplit(self.public_url or "").netloc)
        return self.hosts | {public} if public else self.hosts

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must never be shown: the secrets of keys, and the control token."""
        return (*filter(None, self.keys.values()), *filter(None, (self.control_token,)))

    @model_validator(mode="wrap")
    @classmethod
    def _refuse(cls, given: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        """Raise the first pydantic error as a `SettingsError`."""
        try:
            return build(given)
        except ValidationError as found:
            raise _error(found) from None  # pydantic's own repeats secrets

    def catalogue(self) -> Catalogue:
        """The known models: the user's override the built-in ones.

        Raises:
            SettingsError: a document cannot be read; the message names its file.
        """
        found = self._models()
        for name in self.results:
            if name not in found:
                near = f": did you mean {near}?" if (near := found.nearest(name)) else ""
                raise SettingsError(f"results: unknown model {name}{near}", "results")
        return found

    def _models(self) -> Catalogue:
        given = Evidence(Grade.DOCUMENTED, "your settings", UNDATED)
        prices = {name: Price(UNDATED, one.usd, given, unit=one.unit) for name, one in self.prices.items()}
        try:
            return load_catalogue(self.models, prices)
        except (UnreadableContract, OSError) as error:
            raise SettingsError(f"models cannot be read: {error}", "models") from error

    @model_validator(mode="after")
    def _effects_can_happen(self) -> Self:
        from fakefal.effects.known import check_endpoint, parse_rule

        rules = [parse_rule(text) for text in self.effects]
        if self.unknown == "refuse" and any(rule.endpoint for rule in rules):
            catalogue = self.catalogue()
            for rule in rules:
                try:
                    check_endpoint(rule, catalogue)
                except ValueError as error:
                    raise SettingsError(f"effects cannot be {str(rule)!r}: {error}", "effects") from error
        return self

    @model_validator(mode="after")
    def _can_render(self) -> Self:
        if self.render and find_spec("av") is None:
            from fakefal.version import install_line

            raise SettingsError(f"render needs PyAV: {install_line('render')}", "render")
        return self

    @model_validator(mode="after")
    def _shared_store(self) -> Self:
        if self.workers > 1 and self.store == MEMORY:
            raise SettingsError("more than one worker needs a Redis: give --store redis://HOST:PORT/DB")
        return self


_SECRET = {name for name, field in Settings.model_fields.items() if not field.repr}
"""Messages never show the values of these settings; the URL of a Redis may contain its password."""


def _error(found: ValidationError) -> SettingsError:
    first = found.errors(include_url=False)[0]
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return SettingsError(_no_setting(name, Settings.model_fields), name)
    why = str(first.get("ctx", {}).get("error", first["msg"])).replace("Input", "it")
    shown = "used" if name in _SECRET else repr(first["input"])
    return SettingsError(f"{name} cannot be {shown}: {why}", name)


def _no_setting(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name} is not a setting; " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}")


def load_settings(
    given: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    folder: Path | None = None,
    file: Path | None = None,
) -> Settings:
    """Settings from ``fakefal.toml``, the environment and `given`; later ones override earlier ones.

    Args:
        given: settings by name, as from the command line; None counts as not given.
        environ: the environment; empty values count as not given.
        folder: where the search for ``fakefal.toml`` begins: by default, the current folder.
        file: the settings file, instead of a search.

    Raises:
        SettingsError: a value cannot be used, or the file or the environment names a setting that does not exist.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields} | OTHER_VARIABLES
    ours = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    for name in ours:
        if name not in known:
            raise SettingsError(f"in the environment: {_no_setting(name, known)}")
    path = file or nearest_file(folder or Path.cwd())
    environment, read = _read(ours, path)
    if path and path.parent.resolve() != Path.cwd():
        read = with_paths_below(path.parent, read)
    command = {name: value for name, value in (given or {}).items() if value is not None}
    sources = {"the command line": command, "the environment": environment, str(path): read}
    try:
        return Settings(**{name: value for values in reversed(sources.values()) for name, value in values.items()})
    except SettingsError as error:
        place = next((f"in {source}: " for source, values in sources.items() if error.name in values), "")
        raise SettingsError(f"{place}{error}", error.name) from None


def _read(variables: Mapping[str, str], path: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the environment and a file.

    Raises:
        SettingsError: the file is not valid TOML.
    """
    if not path and not any(variables.values()):
        return {}, {}
    # late: it takes 25 ms, and mostly there is nothing to read
    from pydantic_settings import BaseSettings, EnvSettingsSource, TomlConfigSettingsSource

    class Read(Settings, BaseSettings, env_prefix=PREFIX, enable_decoding=False):
        """The sources of pydantic-settings."""

    environment = EnvSettingsSource(Read)
    environment.env_vars = {name.lower(): value for name, value in variables.items() if value}
    try:
        return environment(), TomlConfigSettingsSource(Read, path)() if path else {}
    except ValueError as error:  # of tomllib, or of UTF-8
        quoted = '; put texts in quotes, as in profile = "instant"' if "Invalid value" in str(error) else ""
        raise SettingsError(f"{path} is not valid TOML: {error}{quoted}") from error
