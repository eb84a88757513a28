"""Whom the client speaks to: a fake at an address, or fal.  It is always said, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from fakefal_client.errors import ForeignAddress, NoKey, NoTarget, RealNotAllowed, UsageError
from fakefal_contracts.hosts import Part, Way, host_name, is_fal_host

FAL = "fal"
FAKE_KEY = "fakefal-client:not-a-real-key"
"""What a fake gets where no key is set: it takes any."""


@dataclass(frozen=True)
class Target:
    """A fake at a base URL, or fal itself, and the key for it (``id:secret``)."""

    way: Way
    key: str

    @property
    def is_fal(self) -> bool:
        """Whether calls are paid for."""
        return self.way.base is None

    def url(self, part: Part, path: str) -> str:
        """An address of a part of the service; `path` starts with a slash."""
        return self.way.url(part, path)

    def own(self, address: str, part: Part) -> str:
        """The address, if it is one of a part of this service.

        Raises:
            ForeignAddress: it leads to another place.
        """
        parts, base = urlsplit(address), urlsplit(self.url(part, ""))
        if self.is_fal:
            ok = parts.scheme == "https" and is_fal_host(host_name(parts.netloc)) and "@" not in parts.netloc
        else:
            same = (parts.scheme, parts.netloc) == (base.scheme, base.netloc)
            ok = same and f"{parts.path}/".startswith(f"{base.path}/")
        if not ok:
            raise ForeignAddress(f"{self} answered with the address {address[:200]}, which is not its own")
        return address

    def readable(self, address: str) -> str:
        """An address that a result names, if it may be opened: a fake's results must not lead to fal.

        Raises:
            ForeignAddress: a fake names a host of fal's, or it is no http(s) address.
        """
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https"):
            raise ForeignAddress(f"{address[:200]!r} is no http(s) address")
        if not self.is_fal and is_fal_host(host_name(parts.netloc)):
            raise ForeignAddress(f"{self} answered with {address[:200]}, which leads to fal")
        return address

    def __str__(self) -> str:
        return self.way.base or "fal"


def find_target(given: str | None, key: str | None, environ: Mapping[str, str]) -> Target:
    """The target from, in falling order of weight, the argument, ``FAKEFAL_URL`` and ``FAKEFAL_TARGET=fal``.

    Raises:
        NoTarget: nothing says it.
        RealNotAllowed: it is fal, under pytest, without ``FAKEFAL_ALLOW_REAL=1``.
        NoKey: it is fal, and there is no key.
        UsageError: what says it cannot be used.
    """
    said = given or environ.get("FAKEFAL_URL") or environ.get("FAKEFAL_TARGET")
    if not said:
        raise NoTarget(
            "say whom to speak to: target='fal' or target='http://127.0.0.1:8710', "
            "or FAKEFAL_URL=http://127.0.0.1:8710, or FAKEFAL_TARGET=fal"
        )
    found = key or find_key(environ)
    if said == FAL:
        _allow_real(environ)
        if not found:
            raise NoKey("fal wants a key: give key=, or set FAL_KEY, or FAL_KEY_ID and FAL_KEY_SECRET")
        return Target(Way(None), found)
    return Target(Way(_base_url(said)), found or FAKE_KEY)


def find_key(environ: Mapping[str, str]) -> str | None:
    """The key that the environment names, as both official clients read it."""
    if key := environ.get("FAL_KEY"):
        return key
    key_id, secret = environ.get("FAL_KEY_ID"), environ.get("FAL_KEY_SECRET")
    return f"{key_id}:{secret}" if key_id and secret else None


def _base_url(said: str) -> str:
    parts = urlsplit(said)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"the target {said!r} is neither 'fal' nor a base URL such as http://127.0.0.1:8710")
    if is_fal_host(host_name(parts.netloc.rpartition("@")[2])):
        raise UsageError(f"{said} is fal's own: say target='fal', so that it is clear that calls are paid for")
    return said.rstrip("/")


def _allow_real(environ: Mapping[str, str]) -> None:
    tested = "PYTEST_VERSION" in environ or "PYTEST_CURRENT_TEST" in environ
    if tested and environ.get("FAKEFAL_ALLOW_REAL") != "1":
        raise RealNotAllowed(
            "under pytest this would speak to fal, and pay: set FAKEFAL_ALLOW_REAL=1 if that is meant, "
            "or FAKEFAL_URL for a fake and leave the target out of the program"
        )
