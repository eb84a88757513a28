"""The version, which is written here alone, and how to install an extra."""

from __future__ import annotations

VERSION = "0.2.0"


def install_line(extra: str) -> str:
    """The command that installs fakefal with an extra, such as `redis`."""
    return f"pip install 'fakefal[{extra}] @ git+https://github.com/OWNER/fakefal'"
