"""All settings: one frozen object, built once.  Only this module reads the environment."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ModelWrapValidatorHandler, ValidationError, model_validator

from fakefal.setting_values import (
    MEMORY,
    Contract,
    Count,
    Dollars,
    Effects,
    Keys,
    Names,
    OwnPrice,
    OwnResult,
    Paths,
    Profile,
    Store,
    Url,
)
from fakefal.settings_file import nearest_file, with_paths_below
from fakefal.state.jsonio import MAX_BYTES
from fakefal_contracts import Catalogue, Evidence, Grade
from fakefal_contracts.endpoint import LATEST
from fakefal_contracts.errors import UnreadableContract
from fakefal_contracts.evidence import UNDATED
from fakefal_contracts.hosts import host_name
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
ANY_ORIGIN = "*"


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

    profile: Profile = "quick"
    contract: Contract = LATEST
    models: Paths = ()
    prices: Mapping[str, OwnPrice] = {}
    results: Mapping[str, OwnResult] = {}
    media_urls: Literal["fal", "local"] | None = None
    unknown: Literal["refuse", "accept"] = "refuse"
    seed: str = ""
    runners: Count = 10
    balance: Dollars | None = None
    keys: Keys = Field(default={}, repr=False)
    fetch: bool = False
    render: bool = False
    effects: Effects = ()
    retention: bool = False
    webhooks_anywhere: bool = False
    webhooks_loopback: bool = False
    open_proxy: bool = False
    public_url: Url | None = None
    max_body_bytes: Count = 64 * MEBIBYTE
    max_json_bytes: Count = MAX_BYTES
    max_upload_bytes: Count = 512 * MEBIBYTE
    max_requests: Count = 100_000
    max_request_bytes: Count = 512 * MEBIBYTE
    max_files: Count = 10_000
    max_file_bytes: Count = 4096 * MEBIBYTE
    max_journal: Count = 10_000
    spool: Path | None = None
    store: Store = Field(default=MEMORY, repr=False)
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
            SettingsError: a document cannot be read, or a result or a price is of an unknown model.
        """
        found = self._models()
        priced = () if self.unknown == "accept" else (one for one in self.prices if not self._is_answered(one))
        for setting, names in (("results", self.results), ("prices", priced)):
            for name in names:
                if name not in found:
                    near = f": did you mean {near}?" if (near := found.nearest(name)) else ""
                    raise SettingsError(f"{setting}: unknown model {name}{near}", setting)
        return found

    def _is_answered(self, endpoint_id: str) -> bool:
        """Whether an effect answers for a model, which needs no document then."""
        from fakefal.effects.known import ANSWERING, parse_rule

        rules = (parse_rule(text) for text in self.effects)
        return any(endpoint_id.endswith(one.endpoint or "") for one in rules if ANSWERING & one.effect.arguments.keys())

    def _models(self) -> Catalogue:
        given = Evidence(Grade.DOCUMENTED, "your settings", UNDATED)
        prices = {name: Price(UNDATED, one.usd, given, unit=one.unit) for name, one in self.prices.items()}
        try:
            return load_catalogue(self.models, prices)
        except OSError as error:
            raise SettingsError(f"models cannot be read: {error.filename}: {error.strerror}", "models") from error
        except UnreadableContract as error:
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


_EXAMPLES = {
    "models": 'models = ["fal-models/"]',
    "prices": '[prices."fal-ai/flux/dev"] usd = "0.025", unit = "image"',
    "results": '[results] "fal-ai/flux/dev" = "mine.png"',
    "keys": '[keys] my-id = "my-secret"',
    "effects": 'effects = ["stuck when nth=2"]',
    "hosts": 'hosts = ["fake.lan"]',
    "origins": 'origins = ["https://app.example"]',
}
"""How a setting that has parts is written in the file."""


_WORDS = {
    "bool_parsing": "give true or false",
    "bool_type": "give true or false",
    "string_type": "give a text in quotes",
    "path_type": "give a path in quotes",
}
"""What to write, by the type of pydantic's error."""


def _error(found: ValidationError) -> SettingsError:
    # a misspelt key is found before the one that is missing because of it
    first = min(found.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    name, *steps = map(str, first["loc"])
    if first["type"] == "extra_forbidden" and not steps:
        return SettingsError(_no_setting(name, Settings.model_fields), name)
    key = ".".join([name, *(_toml_key(one) for one in steps if one != "[key]" and not one.isdecimal())])
    context = first.get("ctx", {})
    if first["type"] in ("enum", "literal_error"):
        why = f"use {context['expected']}"
    elif error := context.get("error"):
        why = str(error)
    elif name in _EXAMPLES:
        why = f"write {_EXAMPLES[name]}"
    else:
        why = _WORDS.get(first["type"]) or first["msg"].replace("Input", "it")
    if first["type"] in ("missing", "extra_forbidden"):
        return SettingsError(f"{key} {'is missing' if first['type'] == 'missing' else 'does not exist'}: {why}", name)
    shown = "used" if name in _SECRET else repr(first["input"])
    return SettingsError(f"{key} cannot be {shown}: {why}", name)


def _toml_key(text: str) -> str:
    return text if re.fullmatch(r"[\w-]+", text, re.ASCII) else f'"{text}"'


_OF_SERVE = ("host", "port", "tls_port")
"""Where a server listens: options of ``fakefal serve``, which also reads variables of these names."""


def _no_setting(name: str, known: Collection[str]) -> str:
    if name in _OF_SERVE:
        return f"{name} is --{name.replace('_', '-')} or {PREFIX}{name.upper()}, not a setting of the file"
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
        SettingsError: a value cannot be used, a document of a model cannot be read, or the file or the environment
            names a setting that does not exist.
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
        found = Settings(**{name: value for values in reversed(sources.values()) for name, value in values.items()})
        found.catalogue()
    except SettingsError as error:
        place = next((f"in {source}: " for source, values in sources.items() if error.name in values), "")
        raise SettingsError(f"{place}{error}", error.name) from None
    return found


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
