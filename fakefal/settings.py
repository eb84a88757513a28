"""All settings: one frozen object, built once.  Only this module reads the environment."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakefal.core.grammar import BadEffect
from fakefal.core.plan import PROFILES
from fakefal_contracts import ENDPOINTS, ContractError
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


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the message says where and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
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

    profile: str = "quick"
    contract: str = "documented"
    seed: str = ""
    runners: int = 10
    keys: Mapping[str, str] = field(default_factory=dict)
    fetch: bool = False
    effects: tuple[str, ...] = ()
    retention: bool = False
    webhooks_anywhere: bool = False
    public_url: str | None = None
    max_body_bytes: int = 64 * MEBIBYTE
    max_upload_bytes: int = 512 * MEBIBYTE
    max_requests: int = 100_000
    max_request_bytes: int = 512 * MEBIBYTE
    max_files: int = 10_000
    max_file_bytes: int = 4096 * MEBIBYTE
    max_journal: int = 10_000
    spool: Path | None = None
    store: str = "memory"
    workers: int = 1
    origins: frozenset[str] = frozenset()
    control_hosts: frozenset[str] = frozenset()
    control_token: str | None = None

    def __post_init__(self) -> None:
        """Refuse values that cannot work, before anything is started."""
        if self.profile not in PROFILES:
            raise SettingsError(f"profile {self.profile!r} is not known; use one of {', '.join(PROFILES)}")
        _check_contract(self.contract)
        _check_effects(self.effects)
        for name, kind in _FIELDS.items():
            if kind == "int" and getattr(self, name) < 1:
                raise SettingsError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.public_url is not None and not self.public_url.startswith(("http://", "https://")):
            raise SettingsError(f"public_url must begin with http:// or https://, not {self.public_url!r}")
        if self.store != MEMORY and not self.store.startswith(REDIS_SCHEMES):
            raise SettingsError("store must be memory or an address such as redis://127.0.0.1:6379/0")
        if self.workers > 1 and self.store == MEMORY:
            raise SettingsError("several workers must share a store: give --store redis://host:port/db")


def _check_contract(contract: str) -> None:
    try:
        day = parse_contract(contract)
    except ContractError as error:
        raise SettingsError(str(error)) from error
    first = min(endpoint.revisions[0].date for endpoint in ENDPOINTS.values())
    if day < first:
        raise SettingsError(f"contract {contract} lies before the first published schema; give {first} or later")


def _check_effects(effects: Iterable[str]) -> None:
    from fakefal.effects.known import parse_rule

    for text in effects:
        try:
            parse_rule(text)
        except BadEffect as error:
            raise SettingsError(f"effect {text!r}: {error}") from error


def load_settings(
    given: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> Settings:
    """Settings from, in rising order of weight, ``fakefal.toml``, the environment, and `given`.

    Values of None in `given` count as not given.

    Raises:
        SettingsError: a value cannot be used, or the file names a setting that does not exist.
    """
    chosen: dict[str, Any] = {}
    for source, values in (
        (FILE_NAME, _from_file((folder or Path.cwd()) / FILE_NAME)),
        ("the environment", _from_environment(environ)),
        ("the command line", given or {}),
    ):
        for name, value in values.items():
            if value is not None:
                chosen[name] = _convert(name, value, source)
    return Settings(**chosen)


_FIELDS = {field.name: str(field.type) for field in dataclasses.fields(Settings)}
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    import tomllib  # which takes as long as all else here

    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    for name in values:
        if name not in _FIELDS:
            raise SettingsError(f"{path} names {name!r}, which is no setting; there are {', '.join(_FIELDS)}")
    return values


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    known = {PREFIX + name.upper() for name in _FIELDS} | OTHER_VARIABLES
    for name in environ:
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise SettingsError(f"the environment has {name}, which is no setting{meant}")
    named = {name: environ.get(PREFIX + name.upper()) for name in _FIELDS}
    return {name: value for name, value in named.items() if value}


def _convert(name: str, value: Any, source: str) -> Any:
    """A value in the type that its setting has; texts of the environment are read."""
    kind = _FIELDS[name]
    try:
        if kind == "int":
            return int(value) if isinstance(value, int) and not isinstance(value, bool) else int(str(value))
        if kind == "bool":
            return _bool(value)
        if name == "keys":
            pairs = value.items() if isinstance(value, Mapping) else (pair.split(":", 1) for pair in value.split(","))
            return {str(key_id).strip(): str(secret).strip() for key_id, secret in pairs}
        if name in ("control_hosts", "origins"):
            names = value.split(",") if isinstance(value, str) else value
            return frozenset(str(one).strip().lower() for one in names)
        if name == "effects":
            return tuple(value.split(";") if isinstance(value, str) else map(str, value))
        return Path(value) if name == "spool" else str(value)
    except (TypeError, ValueError) as error:
        shown = "what it is" if name == "keys" else repr(value)  # secrets are not repeated
        raise SettingsError(f"{name} in {source} cannot be {shown}: it is {_kind_in_words(name, kind)}") from error


def _bool(value: Any) -> bool:
    text = str(value).lower()
    if text not in _TRUE | _FALSE:
        raise ValueError(text)
    return text in _TRUE


def _kind_in_words(name: str, kind: str) -> str:
    if name == "keys":
        return "a list like id:secret,id2:secret2"
    return {"int": "a whole number", "bool": "true or false"}.get(kind, "a text")
