"""The version: the only place where it is written."""

from __future__ import annotations

VERSION = "0.2.0"

REPOSITORY = "https://github.com/OWNER/fakefal"
"""Where users get it from until it is on a package index."""


def install_line(extra: str = "") -> str:
    """What a user types to install fakefal, with an extra if there is one to have."""
    wanted = f"fakefal[{extra}]" if extra else "fakefal"
    return f"pip install '{wanted} @ git+{REPOSITORY}'"
