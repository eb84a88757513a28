"""Runs a module as if the extra ``[fast]`` were not installed: ``python -m tools.bench.plain MODULE ...``."""

from __future__ import annotations

import runpy
import sys

FAST = ("uvloop", "httptools")


def main() -> None:
    """Hide the extra, and run the module."""
    for name in FAST:
        sys.modules[name] = None  # type: ignore[assignment]  # how Python says that an import must fail
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
