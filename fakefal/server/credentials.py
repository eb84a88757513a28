"""Real fal credentials in an environment, and the values that programs see instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

FAKE_KEY = "fakefal-run:not-a-real-key"

KEY_WORDS = ("KEY", "TOKEN", "SECRET", "CREDENTIAL")
_NAME = re.compile(r"FAL(AI)?((API)?(KEY|TOKEN|SECRET|CREDENTIAL)S?)?")
"""The words that mark a name as fal's: GitHub has `INPUT_FAL-KEY`, others have `FALAI_API_KEY` or `falKey`."""
HALVES = ("FAL_KEY_ID", "FAL_KEY_SECRET")
"""fal's clients join these two to one key, so neither can hold a fake key"""

SHORTEST_SECRET = 8
SHORTEST_PART = 16
"""A secret of at least this length is also replaced inside longer values, such as ``Key id:secret``."""


def faked_credentials(environ: Mapping[str, str], key: str) -> dict[str, str | None]:
    """The variables that hold a credential, with their new values: `key`, or None to remove the variable.

    A variable is recognised by its name, such as `FAL_AI_API_KEY` or `fal_key`, or by a value that such a variable also
    holds.
    """
    named = {name for name in environ if _is_credential(name)}
    halves = {name for name in named if name.upper() in HALVES}
    secrets = {secret for secret in _secrets(environ, named) if secret not in key}
    faked: dict[str, str | None] = dict.fromkeys(named - halves, key) | dict.fromkeys(halves)
    if secrets:
        for name in environ.keys() - named:
            held = environ[name]
            if (value := _without(held, secrets, key)) != held:
                faked[name] = value
    return faked


@cache
def _is_credential(name: str) -> bool:
    upper = name.upper()
    says_key = any(word in upper for word in KEY_WORDS)
    return says_key and any(_NAME.fullmatch(word) for word in re.split(r"[^A-Z0-9]+", upper))


def _secrets(environ: Mapping[str, str], named: set[str]) -> set[str]:
    """The secrets that programs must not see. `FAL_KEY_ID` alone is not secret, nor is ``true`` in `FAL_USE_TOKEN`.

    A value may hold more than a key, such as quotes, a line end, ``Key`` or further keys. Each part counts as a secret,
    and so does the secret half of a key.
    """
    held = {environ[name] for name in named if name.upper().rstrip("S").endswith(KEY_WORDS)}
    parts = {part for value in held for part in re.split(r"[\s\"',;]+", value)}
    parts |= {part.partition(":")[2] for part in parts}
    held |= {part for part in parts if len(part) >= SHORTEST_PART}
    halves = {name.upper(): environ[name] for name in named if name.upper() in HALVES}
    if len(halves) == len(HALVES):
        held.add(":".join(halves[name] for name in HALVES))
    return {value for value in held if len(value) >= SHORTEST_SECRET}


def _without(value: str, secrets: set[str], key: str) -> str:
    if value in secrets:
        return key
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_PART:
            value = value.replace(secret, key)
    return value
