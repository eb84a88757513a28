"""The MCP server on standard input and output.  Nothing else may write to standard output."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from typing_extensions import override

from fakefal.mcp_server.emulator_calls import CallFailed
from fakefal.mcp_server.rehearsal import Facts, Rehearsal, ToolRefused
from fakefal.version import VERSION

BANNER = "fakefal: nothing is generated or charged"
"""With this every description and every answer begins, so that nobody takes them for fal's."""

EMULATED = {"emulated": True}
INSTRUCTIONS = f"""{BANNER}.
This is an emulator of fal.ai for rehearsals: results have the right format, and their files are placeholders.
Check a request with check_request, rehearse it with run_model or submit_job, and read ledger for what it would cost.
"""
LOOKS = ("search_models", "get_model_schema", "get_pricing", "check_request", "explain_refusal", "ledger", "verdict")


class RehearsalServer(MCPServer[Any]):
    """An MCP server whose every word says that it is an emulator.

    Args:
        rehearsal: its tools.
    """

    def __init__(self, rehearsal: Rehearsal) -> None:
        super().__init__("fakefal", instructions=INSTRUCTIONS, version=VERSION, log_level="WARNING")
        for tool in rehearsal.tools():
            self.add_tool(
                _answering(tool),
                description=f"{BANNER}.  {_paragraphs(tool.__doc__ or '')}",
                annotations=ToolAnnotations(read_only_hint=tool.__name__ in LOOKS, open_world_hint=False),
                meta=EMULATED,
                structured_output=False,
            )

    @override
    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; what it was asked wrongly is told in the form of every answer."""
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            return answer({"error": str(error)}, failed=True)


def answer(facts: Facts, *, failed: bool = False) -> CallToolResult:
    """An answer in words and as data."""
    said = EMULATED | facts
    content = [TextContent(type="text", text=text) for text in (BANNER, json.dumps(said, ensure_ascii=False))]
    return CallToolResult(content=[*content], structured_content=said, is_error=failed)


def _answering(tool: Callable[..., Facts]) -> Callable[..., CallToolResult]:
    @wraps(tool)
    def answering(*args: Any, **given: Any) -> CallToolResult:
        try:
            return answer(tool(*args, **given))
        except (ToolRefused, CallFailed) as error:
            return answer({"error": str(error), **error.facts}, failed=True)

    return answering


def _paragraphs(doc: str) -> str:
    return "\n".join(line.strip() for line in doc.strip().splitlines())
