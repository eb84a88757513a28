"""An MCP server with which agents rehearse: fal's tools by name, answered by an emulator."""
