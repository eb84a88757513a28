"""What is wrong with a webhook that will never be called, said where the caller looks: at its submit.

fal accepts such a request, and so does the emulator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from fakefal_contracts.hosts import host_name, is_fal_host, split_address

WEBHOOK = "fal_webhook"
OF_SUBMIT = frozenset({WEBHOOK, "fal_max_queue_length", "fal_jwt_token"})
"""The parameters that a submit has (documentation of the queue, 2026)."""

_MEANT = re.compile(r"(?:fal)?(?:webhook|callback)(?:ur[il])?")
_NO_VALUES = frozenset({"undefined", "null", "none", "nan", "false", "true", "[object object]"})
_NO_HOSTS = _NO_VALUES | {"http", "https"}
"""What stands where a host should when a program put a variable there that has no value, or a whole address."""

_NO_NAME = re.compile(r"[^\w.:%~+-]|\.\.|%20|^[.-]")
_OTHER_SCHEMES = frozenset({"ftp", "ftps", "ws", "wss", "file", "mailto", "tcp", "javascript", "data"})
_LONGEST_SHOWN = 80
_MOST_SHOWN = 5
_MOST_READ = 1000


def webhook_hint(query: Mapping[str, str], body: Any) -> str:
    """Why no webhook of this submit will come, or not where it was meant to; empty where nothing is wrong."""
    if WEBHOOK not in query:
        wrong = _meant(query)
        if not wrong and isinstance(body, dict) and (name := _meant(body)):
            wrong = f"{name} in the body"
        return f"no webhook will be sent: {wrong} is not read, name it {WEBHOOK} in the query" if wrong else ""
    address = query[WEBHOOK]
    place = repr(address.partition("?")[0][:_LONGEST_SHOWN])
    if why := _why_never(address.strip()):
        return f"no webhook will be sent to {place}: {why}"
    names = [name for name in query if name not in OF_SUBMIT]
    if "?" in address and names:
        cut = ", ".join(name[:_LONGEST_SHOWN] for name in names[:_MOST_SHOWN])
        return f"the address of the webhook, {place}, is cut before {cut}: encode the & in it as %26"
    return ""


def run_hint(query: Mapping[str, str]) -> str:
    """That a call of fal.run brings no webhook; empty where none is asked for."""
    return "no webhook will be sent: fal.run answers at once, submit to queue.fal.run" if WEBHOOK in query else ""


def _meant(names: Iterable[Any]) -> str:
    """The first name that stands for a webhook in other services, or is misspelt."""
    for name in islice(names, _MOST_READ):  # nobody else is answered meanwhile
        if isinstance(name, str) and _is_meant(name[:_LONGEST_SHOWN]):
            return name
    return ""


@lru_cache(maxsize=1024)
def _is_meant(name: str) -> bool:
    return _MEANT.fullmatch(re.sub(r"[^a-z]", "", name.lower())) is not None


def _why_never(address: str) -> str:
    """Why nobody can call an address, and what to write."""
    try:
        parts = split_address(address)
        host = host_name(parts.netloc.rpartition("@")[2])
        usable = parts.port is None or bool(parts.port)
    except ValueError:
        return "it is not an http(s) address"
    known = parts.scheme in _OTHER_SCHEMES
    reasons = (
        (not address, "it is empty"),
        (address.lower() in _NO_VALUES, "a variable of your program has no value"),
        (not address.isprintable(), "it has a line break or another control character, take it out"),
        (address.startswith("/"), "it is a path, give the whole address with http:// or https://"),
        (known, "give an http:// or https:// address"),
        (parts.scheme not in ("http", "https"), "it has no scheme, begin it with http:// or https://"),
        (not host or not usable, "it is not an http(s) address"),
        (host in _NO_HOSTS or _NO_NAME.search(host), f"{host[:_LONGEST_SHOWN]!r} is not a host"),
        (is_fal_host(host), "it is a fal host, which the emulator never calls"),
    )
    return next((why for holds, why in reasons if holds), "")
