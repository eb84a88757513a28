"""The command ``fakefal``.  Commands are imported when they are called, so that it starts fast."""

from __future__ import annotations

import signal
from importlib import import_module
from typing import Any

import click

from fakefal.cli.supervision import end_quietly
from fakefal.server.startup import without_gc
from fakefal.version import VERSION

COMMANDS = {
    "serve": "Serve the emulator until it is stopped.",
    "run": "Run a command whose calls to fal reach the emulator.",
    "env": "Print the variables that lead programs to a server.",
    "audit": "Run a program once for each way in which its calls to fal can fail.",
    "record": "Run a command against the real service, under a spend limit, and record it.",
    "proxy": "Stand before the real service: check, price, record and compare.",
    "check": "Judge and price inputs before they are sent: files, folders or standard input.",
    "models": "List the models that fakefal knows, show one, or add yours.",
    "demo": "Send fal's own examples through the queue and save the videos.",
    "mcp": "Serve MCP tools with which agents rehearse calls of fal.",
    "conform": "Ask a fake, or fal, whether it does what the contracts say.",
    "drift": "Compare the contracts with what fal publishes.",
    "health": "Ask a running emulator whether it answers.",
}


class _Commands(click.Group):
    """Commands by name, each in the module of its name."""

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Run as a program: the keyboard's interrupt ends it without a word, even while it is imported."""
        end_quietly([signal.SIGINT])
        return super().__call__(*args, **named)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        with without_gc():
            command: click.Command = import_module(f"fakefal.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION)
def main() -> None:
    """Fal's queue and its models on your own machine: no key, no bill."""
