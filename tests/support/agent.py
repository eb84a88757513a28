"""An agent, as far as the protocol goes: a client of an MCP server in a process of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, StdioServerParameters, stdio_client
from mcp_types import CallToolResult, TextContent, Tool

from support.programs import FAKEFAL

BANNER = "fakefal: nothing is generated or charged"


class Agent:
    """An agent that calls tools, and trusts no answer that does not say whose it is."""

    def __init__(self, portal: BlockingPortal, client: Client) -> None:
        self._portal = portal
        self._client = client
        self.instructions = client.instructions

    def tools(self) -> list[Tool]:
        return self._portal.call(self._client.list_tools).tools

    def ask(self, tool: str, **arguments: Any) -> CallToolResult:
        result = self._portal.call(self._client.call_tool, tool, arguments)
        assert isinstance(result, CallToolResult)
        first, second = result.content
        assert isinstance(first, TextContent)
        assert isinstance(second, TextContent)
        assert first.text == BANNER
        assert json.loads(second.text) == result.structured_content
        assert result.structured_content is not None
        assert result.structured_content["emulated"] is True
        return result

    def get(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a tool that does what it is asked."""
        result = self.ask(tool, **arguments)
        assert not result.is_error, result
        return dict(result.structured_content)

    def refused(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a tool that does not."""
        result = self.ask(tool, **arguments)
        assert result.is_error, result
        return dict(result.structured_content)


@contextmanager
def agent_of(folder: Path, *options: str, prefix: Sequence[str] = (), **environ: str) -> Iterator[Agent]:
    """An agent with a server of its own, which ends with the block."""
    program, *arguments = [*prefix, *FAKEFAL, "mcp", *options]
    environ = {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), **environ}
    server = StdioServerParameters(command=program, args=arguments, cwd=folder, env=environ)
    with (
        (folder / "stderr").open("w") as errors,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(stdio_client(server, errors))) as client,
    ):
        yield Agent(portal, client)
