"""Which hosts are on the public internet, and which are elsewhere: on this machine, in one network, nowhere.

The list is our own: Python's ``ipaddress`` judges some networks otherwise from version to version.
Sources: IANA's special-purpose address registries for IPv4 and IPv6 (read 2026-11-30), and the one address in
public space that a cloud answers from inside (Azure's 168.63.129.16).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote

LOOPBACK = "loopback"
UNSPECIFIED = "unspecified"

_SPECIAL_4 = {
    IPv4Network(network): kind
    for network, kind in (
        ("0.0.0.0/8", UNSPECIFIED),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade"),
        ("127.0.0.0/8", LOOPBACK),
        ("168.63.129.16/32", "reserved"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),  # clouds serve metadata at 192.0.0.192
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "reserved"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
}
_SPECIAL_6 = {
    IPv6Network(network): kind
    for network, kind in (
        ("::/128", UNSPECIFIED),
        ("::1/128", LOOPBACK),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
    )
}
_PUBLIC_6 = IPv6Network("2000::/3")

#: Where IPv6 addresses hold an IPv4 address, and how many bits stand behind it.
_EMBEDDED = {
    IPv6Network("::/96"): 0,
    IPv6Network("::ffff:0:0/96"): 0,
    IPv6Network("64:ff9b::/96"): 0,
    IPv6Network("2002::/16"): 80,
}

_LOCAL_ENDINGS = (".local", ".internal", ".localdomain", ".lan", ".home.arpa")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_MOST_NUMBERS = 4
LONGEST_HOST = 255
"""The end of longer ones is looked at: no such name exists."""

Ip = IPv4Address | IPv6Address


def special_kind(address: str) -> str:
    """What a special IP address is, such as ``private``; empty where it is public.

    Raises:
        ValueError: it is no IP address.
    """
    return _kind(ip_address(address.partition("%")[0]))


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet; embedded IPv4 addresses are looked into."""
    return not special_kind(address)


def is_loopback(host: str) -> bool:
    """Whether a host, as a name or an address in any form, is this machine."""
    return unreachable_kind(host) == LOOPBACK


def unreachable_kind(host: str) -> str:
    """What keeps every public service from reaching a host, such as ``private``; empty where nothing does."""
    return _known(host[-LONGEST_HOST:])[0]


def is_local_name(host: str) -> bool:
    """Whether a name probably exists in one network only: those without a dot, and endings such as ``.internal``."""
    return _known(host[-LONGEST_HOST:])[1]


def is_ip(host: str) -> bool:
    """Whether a host is an IP address, in any form."""
    return _read_ip(_plain(host[-LONGEST_HOST:])) is not None


@lru_cache(maxsize=1024)
def _known(host: str) -> tuple[str, bool]:
    """What is special about a host, and whether it is the name of one network."""
    name = _plain(host)
    if name == "localhost" or name.endswith(".localhost"):
        return LOOPBACK, False
    if (ip := _read_ip(name)) is not None:
        return _kind(ip), False
    return "", "." not in name or name.endswith(_LOCAL_ENDINGS)


def _kind(ip: Ip) -> str:
    if isinstance(ip, IPv4Address):
        return next((kind for network, kind in _SPECIAL_4.items() if ip in network), "")
    for own, kind in _SPECIAL_6.items():
        if ip in own:
            return kind
    for around, behind in _EMBEDDED.items():
        if ip in around:
            return _kind(IPv4Address(int(ip) >> behind & 0xFFFFFFFF))
    return "" if ip in _PUBLIC_6 else "reserved"


def _plain(host: str) -> str:
    """A host as programs look it up: without escapes, other scripts' digits and dots, capitals, and a last dot."""
    name = host if ":" in host else unquote(host)  # behind an IPv6 address, % begins the name of a network card
    name = unicodedata.normalize("NFKC", name).replace("\u3002", ".").lower()
    return name.strip("[]").removesuffix(".")


def _read_ip(name: str) -> Ip | None:
    """The address that a host is, in any form that programs take: ``127.1``, ``0x7f000001``, ``017700000001``."""
    if ":" in name:
        try:
            return IPv6Address(name.partition("%")[0])
        except AddressValueError:
            return None
    labels = name.split(".")
    if len(labels) > _MOST_NUMBERS or not all(map(_NUMBER.fullmatch, labels)):
        return None
    try:
        *first, last = map(_number, labels)
        # the last number stands for all bytes that are left
        return IPv4Address(bytes([*first, *last.to_bytes(_MOST_NUMBERS - len(first), "big")]))
    except (ValueError, OverflowError):
        return None


def _number(label: str) -> int:
    """A decimal, octal or hexadecimal number, as C reads it."""
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if label.startswith("0") else 10)
