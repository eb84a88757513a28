"""fal's host names, what each stands for, and the two ways there: fal's own hosts, or one base URL.

One table serves the router, the proxy, the certificate, the children of ``fakefal run`` and the client.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from inspect import unwrap
from urllib.parse import SplitResult, urlsplit


class Part(StrEnum):
    """A part of the emulator; its value is the path prefix under the base URL."""

    QUEUE = "queue"
    RUN = "run"
    REST = "rest"
    CDN = "cdn"
    PLATFORM = "platform"
    SITE = "site"
    WS = "ws"


#: fal's hosts (documentation and both official clients, 2026).  The two falrun.com names are the
#: backups that fal's Python client 1.0.3 turns to when a connection fails; up to 0.5.2 it uploads to fal.media.
HOSTS: dict[str, Part] = {
    "queue.fal.run": Part.QUEUE,
    "queue.falrun.com": Part.QUEUE,
    "fal.run": Part.RUN,
    "falrun.com": Part.RUN,
    "ws.fal.run": Part.WS,
    "rest.fal.ai": Part.REST,
    "rest.alpha.fal.ai": Part.REST,
    "v3b.fal.media": Part.CDN,
    "v3.fal.media": Part.CDN,
    "fal.media": Part.CDN,
    "api.fal.ai": Part.PLATFORM,
    "fal.ai": Part.SITE,
}
DOMAINS = ("fal.ai", "fal.run", "fal.media", "falrun.com", "fal.dev")
CDN_DOMAIN = "fal.media"

HUGGING_FACE = "router.huggingface.co"
"""Passes calls on to fal, and bills them to the Hugging Face account of their ``hf_`` key."""


split_address: Callable[[str], SplitResult] = unwrap(urlsplit)
"""Takes an address apart that somebody sent, without remembering it.

The standard library keeps the last 128 that it took apart: with whole ``data:`` URIs these are gigabytes.
"""


LONGEST_NETLOC = 512
"""So much is read of a Host header: twice as much as a name and a port can have."""


def host_name(netloc: str) -> str:
    """The name in a Host header or URL, in lower case and without its port."""
    if netloc.startswith("["):
        return netloc[1:].partition("]")[0].lower()
    return netloc.partition(":")[0].lower().rstrip(".")


def is_fal_host(name: str) -> bool:
    """Whether a name belongs to fal, emulated or not: nothing sent to it may leave this machine."""
    bare = name.lower().rstrip(".")
    return any(bare == domain or bare.endswith(f".{domain}") for domain in DOMAINS)


def part_of(name: str) -> Part | None:
    """What a host of fal's stands for, or None where nothing is emulated there."""
    if part := HOSTS.get(name):
        return part
    return Part.CDN if name.partition(".")[2] == CDN_DOMAIN else None


@dataclass(frozen=True)
class BaseUrl:
    """How a caller reaches the service, which is how addresses in its answers must lead back.

    `base` is None for callers who speak to fal's own hosts, or believe so; `media_base` is where those find files, if
    not at fal's CDN.
    """

    base: str | None = None
    media_base: str | None = None

    def url(self, part: Part, path: str) -> str:
        """An address of a part of the emulator; `path` starts with a slash."""
        base = self.media_base if self.base is None and part is Part.CDN else self.base
        return f"https://{_PUBLIC_HOST[part]}{path}" if base is None else f"{base}/{part}{path}"


_PUBLIC_HOST = {part: name for name, part in reversed(HOSTS.items())}


FILES = f"/{Part.CDN}/files/"


def emulated_path(address_path: str) -> str | None:
    """The path on an emulator's CDN that a path below some base URL has; None where it has none."""
    _, found, rest = address_path.partition(FILES)
    return f"/files/{rest}" if found else None


def is_address(source: str) -> bool:
    """Whether a text is an address, and not a path."""
    return source.startswith(("http://", "https://"))
