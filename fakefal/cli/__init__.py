"""The command ``fakefal``.  Commands are imported when they are called, so that it starts fast."""

from __future__ import annotations

import signal
from importlib import import_module
from typing import Any

import click

from fakefal.cli.help_examples import examples
from fakefal.cli.misspelt import no_such_command
from fakefal.cli.supervision import end_quietly
from fakefal.server.startup import without_gc
from fakefal.version import VERSION

COMMANDS = {
    "serve": "Serve the emulator until it is stopped.",
    "run": "Run a command whose calls to fal reach the emulator.",
    "env": "Print the variables with which programs reach a running server.",
    "audit": "Run a command once for each failure that its calls to fal can meet.",
    "record": "Run a command against the real fal, under a spend limit, and record it.",
    "proxy": "Serve a proxy to the real fal that checks, prices, records and compares.",
    "check": "Check and price arguments before you send them: files, folders or standard input.",
    "models": "List the known models, show one, or add yours.",
    "effects": "List the effects, which make calls and jobs fail.",
    "demo": "Send the examples of fal through the queue and save the videos.",
    "mcp": "Serve MCP tools with which coding agents rehearse calls to fal.",
    "conform": "Test whether a server answers as fal does.",
    "drift": "Compare the built-in schemas with what fal publishes.",
    "health": "Ask a running emulator whether it is ready.",
}


class _Commands(click.Group):
    """Finds each command in the module of the same name."""

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Run as a program: Ctrl-C ends it without a traceback, even during imports."""
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; for a misspelt one, suggest the nearest."""
        if not (name := args[0]).startswith("-") and name not in COMMANDS:
            ctx.fail(no_such_command(name, COMMANDS, "To list them, type: fakefal --help"))
        return super().resolve_command(ctx, args)


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("fakefal run -- python app.py", "fakefal serve", "fakefal check fal/ --max-usd 5"),
)
@click.version_option(VERSION)
def main() -> None:
    """Emulate fal.ai on your own machine: no key, no bill.

    `fakefal COMMAND --help` explains a command.
    """
