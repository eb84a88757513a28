"""A reference of the benchmark that is wrong on purpose: ``python -m support.bent_reference BEND FILE``.

It speaks HTTP by itself, so that it can end connections as no framework lets it, and counts them:
``GET /accepted`` says how many there were.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from asyncio import StreamReader, StreamWriter
from pathlib import Path
from typing import Any

NAP_SECONDS = 0.3
EVERY = 5
"""Which answers are bent where not all are."""


class Bent:
    """A server that always answers the same, but for its bend."""

    def __init__(self, bend: str, recorded: dict[str, Any]) -> None:
        self._bend, self._recorded = bend, recorded
        self._accepted = self._answered = 0

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer the calls of one connection."""
        self._accepted += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
                await reader.readexactly(int(length[1]) if length else 0)
                if head.startswith("GET /accepted "):
                    writer.write(_http(200, [], str(self._accepted)))
                elif await self._ends(writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side has ended it
        finally:
            writer.close()

    async def _ends(self, writer: StreamWriter) -> bool:
        """Answer; whether the connection ends with that."""
        status, body, headers = self._recorded["status"], self._recorded["body"], self._recorded["headers"]
        self._answered += 1
        turn = self._answered % EVERY == 0
        match self._bend:
            case "closes":
                headers = [*headers, ("connection", "close")]
            case "adds a header":
                headers = [*headers, ("x-more", "1")]
            case "sleeps":
                await asyncio.sleep(NAP_SECONDS)
            case "says other bytes" if turn:
                body = body.swapcase()
            case "fails" if turn:
                status = 500
        writer.write(_http(status, headers, body))
        return self._bend.startswith("closes")


def _http(status: int, headers: list[Any], body: str) -> bytes:
    given = [*headers, *([] if headers else [("content-length", len(body))])]
    lines = "".join(f"{name}: {value}\r\n" for name, value in given)
    return f"HTTP/1.1 {status} OK\r\n{lines}\r\n{body}".encode()


async def main(bend: str, recorded: str) -> None:
    """Serve until a signal comes."""
    server = await asyncio.start_server(Bent(bend, json.loads(recorded)).serve, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_text("utf-8")))
