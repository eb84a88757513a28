"""All settings: one frozen object, built once.  Only this module reads the environment."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from typing_extensions import override

from fakefal.core.grammar import BadEffect
from fakefal.core.plan import PROFILES
from fakefal_contracts import ENDPOINTS
from fakefal_contracts.endpoint import parse_contract

PREFIX = "FAKEFAL_"
FILE_NAME = "fakefal.toml"

#: Read elsewhere: where a server listens (`fakefal.cli.serve`), and where programs find one.
OTHER_VARIABLES = {
    f"{PREFIX}{name}"
    for name in ("HOST", "PORT", "TLS_PORT", "URL", "TARGET", "ALLOW_REAL", "LIVE_MAX_USD", "FAKED_PID")
}
DEFAULT_PORT = 8710
MEBIBYTE = 1024 * 1024
MEMORY = "memory"
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
ANY_ORIGIN = "*"

Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True)]


class SettingsError(Exception):
    """A setting has a value that cannot be used; the message says which, where it stands, and what is allowed.

    Args:
        message: for the user; it repeats no secret.
        name: the setting, where the error is about one.
    """

    def __init__(self, message: str, name: str | None = None) -> None:
        super().__init__(message)
        self.name = name


class Settings(BaseSettings):
    """What an emulator is told when it is built.

    Attributes:
        profile: how time passes: instant, stepped, quick or realistic.
        contract: documented, latest, or an ISO day.
        seed: makes random lengths of runs, and probabilities, repeatable.
        runners: how many requests of one key run at once (fal: 2 for new accounts, up to 40).
        keys: key ids with their secrets; empty means that any ``id:secret`` is accepted.
        fetch: whether media addresses outside the emulator are downloaded and judged.
        effects: what happens to which requests, such as ``stuck when nth=2``.
        retention: whether results expire as at fal, on emulated time.
        webhooks_anywhere: whether webhooks may go beyond loopback.
        public_url: the base of URLs in answers to callers that came by base URL.
        max_body_bytes: the largest JSON body (64 MiB; fal publishes no number).
        max_upload_bytes: the largest upload.
        max_requests: how many requests are kept.
        max_request_bytes: how many bytes of arguments and answers are kept.
        max_files: how many uploaded files are kept.
        max_file_bytes: how many bytes of uploaded files are kept.
        max_journal: how many calls the journal keeps.
        spool: the folder for uploaded files; None makes one that is removed at the end.
        store: where requests are kept: ``memory``, or the address of a Redis that replicas share.
        workers: how many processes serve one port; more than one need a Redis.
        origins: web pages beyond this machine that may call what is fal's, such as
            ``https://app.example``; ``*`` for all of them, ``null`` for files.
        control_hosts: Host names under which the control API answers, beside loopback.
        control_token: what the control API asks for as ``Authorization: Bearer``; needed where the
            server is bound beyond loopback.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix=PREFIX,
        env_ignore_empty=True,
        enable_decoding=False,  # the validators below read lists; the default is JSON
        coerce_numbers_to_str=True,  # `seed = 5` in TOML
    )

    profile: str = "quick"
    contract: str = "documented"
    seed: str = ""
    runners: Count = 10
    keys: Mapping[str, str] = Field(default={}, repr=False)
    fetch: bool = False
    effects: tuple[str, ...] = ()
    retention: bool = False
    webhooks_anywhere: bool = False
    public_url: Annotated[str, StringConstraints(pattern="^https?://")] | None = None
    max_body_bytes: Count = 64 * MEBIBYTE
    max_upload_bytes: Count = 512 * MEBIBYTE
    max_requests: Count = 100_000
    max_request_bytes: Count = 512 * MEBIBYTE
    max_files: Count = 10_000
    max_file_bytes: Count = 4096 * MEBIBYTE
    max_journal: Count = 10_000
    spool: Path | None = None
    store: str = Field(default=MEMORY, repr=False)
    workers: Count = 1
    origins: frozenset[Name] = frozenset()
    control_hosts: frozenset[Name] = frozenset()
    control_token: str | None = Field(default=None, repr=False)

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is given: `load_settings` adds the file and the environment."""
        return (init_settings,)

    @model_validator(mode="wrap")
    @classmethod
    def _refuse(cls, given: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        """Say the first error in the words of this project."""
        try:
            return build(given)
        except ValidationError as found:
            raise _error(found) from None  # pydantic's own repeats secrets

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, profile: str) -> str:
        if profile not in PROFILES:
            raise ValueError(f"use one of {', '.join(PROFILES)}")
        return profile

    @field_validator("contract", mode="before")
    @classmethod
    def _published_contract(cls, value: Any) -> str:
        contract = str(value)  # TOML has dates
        day = parse_contract(contract)
        first = min(endpoint.revisions[0].date for endpoint in ENDPOINTS.values())
        if day < first:
            raise ValueError(f"it lies before the first published schema; give {first} or later")
        return contract

    @field_validator("keys", mode="before")
    @classmethod
    def _split_keys(cls, keys: Any) -> Any:
        if not isinstance(keys, str):
            return keys
        pairs = [pair.partition(":") for pair in keys.split(",")]
        if not all(colon for _, colon, _ in pairs):
            raise ValueError("write a list like id:secret,id2:secret2")
        return {key_id.strip(): secret.strip() for key_id, _, secret in pairs}

    @field_validator("effects", "control_hosts", "origins", mode="before")
    @classmethod
    def _split(cls, value: Any, info: ValidationInfo) -> Any:
        """The environment has lists in one text."""
        return value.split(";" if info.field_name == "effects" else ",") if isinstance(value, str) else value

    @field_validator("effects")
    @classmethod
    def _known_effects(cls, effects: tuple[str, ...]) -> tuple[str, ...]:
        from fakefal.effects.known import parse_rule

        for text in effects:
            try:
                parse_rule(text)
            except BadEffect as error:
                raise SettingsError(f"effect {text!r}: {error}", "effects") from error
        return effects

    @field_validator("store")
    @classmethod
    def _known_store(cls, store: str) -> str:
        if store != MEMORY and not store.startswith(REDIS_SCHEMES):
            raise ValueError("give memory or an address such as redis://127.0.0.1:6379/0")
        return store

    @model_validator(mode="after")
    def _shared_store(self) -> Self:
        if self.workers > 1 and self.store == MEMORY:
            raise SettingsError("several workers must share a store: give --store redis://host:port/db")
        return self


_SECRET = {"keys", "control_token", "store"}  # a Redis's address may hold its password


def _error(found: ValidationError) -> SettingsError:
    first = found.errors(include_url=False)[0]
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, Settings.model_fields, n=1)
        meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(Settings.model_fields)}"
        return SettingsError(f"{name!r} is no setting; {meant}", name)
    why = str(first.get("ctx", {}).get("error", first["msg"]))
    shown = "what it is" if name in _SECRET else repr(first["input"])
    return SettingsError(f"{name} cannot be {shown}: {why[0].lower()}{why[1:]}", name)


def load_settings(
    given: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> Settings:
    """Settings from, in rising order of weight, ``fakefal.toml``, the environment, and `given`.

    Values of None in `given` count as not given.

    Raises:
        SettingsError: a value cannot be used, or the file or the environment names a setting that does not exist.
    """
    path = (folder or Path.cwd()) / FILE_NAME
    sources = {
        "the command line": {name: value for name, value in (given or {}).items() if value is not None},
        "the environment": _from_environment(environ),
        str(path): _from_file(path),
    }
    try:
        return Settings(**{name: value for values in reversed(sources.values()) for name, value in values.items()})
    except SettingsError as error:
        for source, values in sources.items():
            if error.name in values:
                raise SettingsError(f"in {source}: {error}", error.name) from None
        raise


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return TomlConfigSettingsSource(Settings, path)()
    except ValueError as error:  # of tomllib, or of UTF-8
        raise SettingsError(f"{path} is not valid TOML: {error}") from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | OTHER_VARIABLES
    for name in environ:
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise SettingsError(f"the environment has {name}, which is no setting{meant}")
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in environ.items() if value}
    return source()
