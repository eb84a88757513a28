"""The examples at the end of each ``--help``."""

from __future__ import annotations


def examples(*commands: str) -> str:
    """The epilog of a command: what users type, one command a line."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)
