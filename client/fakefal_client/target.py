"""The target of a client: an emulator at a base URL, or fal.  It is always given, never guessed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from fakefal_client.errors import ForeignAddress, NoKey, NoTarget, RealNotAllowed, UsageError
from fakefal_contracts.hosts import BaseUrl, Part, host_name, is_fal_host

FAL = "fal"
FAKE_KEY = "fakefal-client:not-a-real-key"
"""The key for an emulator if none is set; it accepts any."""

_PLAIN_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
"""A host that all URL parsers read alike: no user, no characters that are mapped to others."""

_PRINTABLE = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Target:
    """An emulator at a base URL, or fal, with the API key (``id:secret``)."""

    base_url: BaseUrl
    key: str = field(repr=False)

    @property
    def is_fal(self) -> bool:
        """Whether the target is fal, where calls cost money."""
        return self.base_url.base is None

    @property
    def is_faked(self) -> bool:
        """Whether an emulator answers all calls of this process, including those to fal's hosts."""
        return os.environ.get("FAKEFAL_FAKED_PID") == str(os.getpid())

    @property
    def is_led_to_fake(self) -> bool:
        """Whether an emulator answers calls to fal's hosts: in this process, or by ``fakefal run``."""
        return self.is_faked or bool(os.environ.get("FAKEFAL_URL"))

    def url(self, part: Part, path: str) -> str:
        """A URL at a part of the service; `path` starts with a slash."""
        return self.base_url.url(part, path)

    def own(self, address: str, part: Part) -> str:
        """Check that a URL belongs to this target.

        Raises:
            ForeignAddress: it points elsewhere.
        """
        parts, base = _split(address), urlsplit(self.url(part, ""))
        if self.is_fal:
            ok = parts.scheme == "https" and is_fal_host(host_name(parts.netloc))
        else:
            same = (parts.scheme, parts.netloc.lower()) == (base.scheme, base.netloc.lower())
            ok = same and f"{parts.path}/".startswith(f"{base.path}/")
        if not ok:
            raise ForeignAddress(f"{self} answered with the address {address[:200]}, which is not its own")
        return address

    def readable(self, address: str) -> str:
        """Check that a URL of a result may be opened: a result of the emulator must not point to fal.

        Raises:
            ForeignAddress: the emulator returned a URL at fal, or it is not a plain http(s) URL.
        """
        parts = _split(address)
        if not self.is_fal and is_fal_host(host_name(parts.netloc)):
            raise ForeignAddress(f"{self} answered with {address[:200]}, which points to fal")
        return address

    def check_allowed(self) -> None:
        """Check, before each call, that it is allowed.

        Raises:
            RealNotAllowed: it would reach fal under pytest, without ``FAKEFAL_ALLOW_REAL=1``.
        """
        tested = "PYTEST_VERSION" in os.environ or "PYTEST_CURRENT_TEST" in os.environ
        if self.is_fal and tested and not self.is_faked and os.environ.get("FAKEFAL_ALLOW_REAL") != "1":
            raise RealNotAllowed(
                "under pytest this call would reach fal and cost money: set FAKEFAL_ALLOW_REAL=1 if that is meant, "
                "or use the fixture fakefal"
            )

    def __str__(self) -> str:
        return self.base_url.base or FAL


def _split(address: str) -> SplitResult:
    """The parts of a plain URL.

    Raises:
        ForeignAddress: it is not one, or its host is ambiguous.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not _PLAIN_HOST.fullmatch(parts.netloc):
        raise ForeignAddress(f"{address[:200]!r} is not a plain http(s) address")
    return parts


def find_target(given: str | None, key: str | None, environ: Mapping[str, str]) -> Target:
    """Read the target from the argument, then ``FAKEFAL_URL``, then ``FAKEFAL_TARGET=fal``.

    Raises:
        NoTarget: none of them is set.
        NoKey: the target is fal, and there is no key.
        UsageError: the target or the key cannot be used.
    """
    url, word = environ.get("FAKEFAL_URL"), environ.get("FAKEFAL_TARGET")
    if given is None and not url and word not in (None, "", FAL):
        raise UsageError(f"FAKEFAL_TARGET is {word!r}; write fal, or set FAKEFAL_URL for an emulator")
    said = given if given is not None else url or word
    if not said:
        raise NoTarget(
            "no target: give target='fal' or target='http://127.0.0.1:8710', "
            "or set FAKEFAL_URL=http://127.0.0.1:8710 or FAKEFAL_TARGET=fal"
        )
    found = _checked_key(key or find_key(environ))
    if said == FAL and (given is not None or not url):
        if not found:
            raise NoKey("fal needs a key: give key=, or set FAL_KEY, or FAL_KEY_ID and FAL_KEY_SECRET")
        return Target(BaseUrl(None), found)
    return Target(BaseUrl(_base_url(said)), found or FAKE_KEY)


def find_key(environ: Mapping[str, str]) -> str | None:
    """Read the API key from the environment, as both official clients do."""
    if key := environ.get("FAL_KEY"):
        return key
    key_id, secret = environ.get("FAL_KEY_ID"), environ.get("FAL_KEY_SECRET")
    return f"{key_id}:{secret}" if key_id and secret else None


def _checked_key(key: str | None) -> str | None:
    """The key without a trailing line end, and checked."""
    bare = (key or "").strip()
    if bare and not _PRINTABLE.fullmatch(bare):
        raise UsageError("the key contains characters that are not allowed (it is not shown here)")
    return bare or None


def _base_url(said: str) -> str:
    try:
        parts = _split(said)
    except ForeignAddress:
        parts = urlsplit("")
    if not parts.netloc or parts.query or parts.fragment:
        raise UsageError(f"the target {said!r} is neither 'fal' nor a base URL such as http://127.0.0.1:8710")
    if is_fal_host(host_name(parts.netloc)):
        raise UsageError(f"{said} is a fal host: write target='fal', which confirms that calls cost money")
    return parts._replace(netloc=parts.netloc.lower()).geturl().rstrip("/")
