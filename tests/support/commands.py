"""The commands of ``fakefal``, and the examples in their help."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.testing import CliRunner

from fakefal.cli import COMMANDS, main


def all_commands() -> Iterator[tuple[str, ...]]:
    """The words of each command and subcommand."""
    context = click.Context(main)
    yield ()
    for name in COMMANDS:
        yield (name,)
        command = main.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ((name, below) for below in command.commands)


def examples_of(words: tuple[str, ...]) -> list[str]:
    """What the help of a command shows that users type."""
    done = CliRunner().invoke(main, [*words, "--help"])
    assert done.exit_code == 0
    return [line.strip() for line in done.output.partition("Examples:\n")[2].splitlines()]
