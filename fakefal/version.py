"""The version, read from the installed package's metadata."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("fakefal")
except PackageNotFoundError:  # a source tree that was never installed
    VERSION = "0+unknown"
