"""The version, read from the installed package's metadata, and how to install an extra."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("fakefal")
except PackageNotFoundError:  # a source tree that was never installed
    VERSION = "0+unknown"


def install_line(extra: str) -> str:
    """The command that installs fakefal with an extra, such as `redis`."""
    return f"pip install 'fakefal[{extra}] @ git+https://github.com/OWNER/fakefal'"
