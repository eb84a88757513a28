"""Whom the client speaks to: a fake at an address, or fal.  It is always said, never guessed."""

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
"""What a fake gets where no key is set: it takes any."""

_PLAIN_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
"""Hosts that everybody reads alike: no user, no letters that are mapped to others."""

_PRINTABLE = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Target:
    """A fake at a base URL, or fal itself, and the key for it (``id:secret``)."""

    base_url: BaseUrl
    key: str = field(repr=False)

    @property
    def is_fal(self) -> bool:
        """Whether calls are paid for."""
        return self.base_url.base is None

    @property
    def is_faked(self) -> bool:
        """Whether a fake answers all calls of this process, those to fal's own hosts included."""
        return os.environ.get("FAKEFAL_FAKED_PID") == str(os.getpid())

    @property
    def is_led_to_fake(self) -> bool:
        """Whether a fake answers calls to fal's own hosts: in this process, or around it (``fakefal run``)."""
        return self.is_faked or bool(os.environ.get("FAKEFAL_URL"))

    def url(self, part: Part, path: str) -> str:
        """An address of a part of the service; `path` starts with a slash."""
        return self.base_url.url(part, path)

    def own(self, address: str, part: Part) -> str:
        """The address, if it is one of a part of this service.

        Raises:
            ForeignAddress: it leads to another place.
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
        """An address that a result names, if it may be opened: a fake's results must not lead to fal.

        Raises:
            ForeignAddress: a fake names a host of fal's, or it is not a plain http(s) address.
        """
        parts = _split(address)
        if not self.is_fal and is_fal_host(host_name(parts.netloc)):
            raise ForeignAddress(f"{self} answered with {address[:200]}, which leads to fal")
        return address

    def check_allowed(self) -> None:
        """Look, before each call, whether it may be made.

        Raises:
            RealNotAllowed: it would speak to fal, under pytest, and nobody allowed that.
        """
        tested = "PYTEST_VERSION" in os.environ or "PYTEST_CURRENT_TEST" in os.environ
        if self.is_fal and tested and not self.is_faked and os.environ.get("FAKEFAL_ALLOW_REAL") != "1":
            raise RealNotAllowed(
                "under pytest this would speak to fal, and pay: set FAKEFAL_ALLOW_REAL=1 if that is meant, "
                "or use the fixture fakefal"
            )

    def __str__(self) -> str:
        return self.base_url.base or FAL


def _split(address: str) -> SplitResult:
    """The parts of a plain address.

    Raises:
        ForeignAddress: it is none, or its host may be read in two ways.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not _PLAIN_HOST.fullmatch(parts.netloc):
        raise ForeignAddress(f"{address[:200]!r} is not a plain http(s) address")
    return parts


def find_target(given: str | None, key: str | None, environ: Mapping[str, str]) -> Target:
    """The target from, in falling order of weight, the argument, ``FAKEFAL_URL`` and ``FAKEFAL_TARGET=fal``.

    Raises:
        NoTarget: nothing says it.
        NoKey: the target is fal, and there is no key.
        UsageError: what says it, or the key, cannot be used.
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
    """The key that the environment names, as both official clients read it."""
    if key := environ.get("FAL_KEY"):
        return key
    key_id, secret = environ.get("FAL_KEY_ID"), environ.get("FAL_KEY_SECRET")
    return f"{key_id}:{secret}" if key_id and secret else None


def _checked_key(key: str | None) -> str | None:
    """A key without the line end that files have."""
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
        raise UsageError(f"{said} is a fal host: write target='fal', which says that calls are paid for")
    return parts._replace(netloc=parts.netloc.lower()).geturl().rstrip("/")
