"""A reference of the benchmark that is wrong on purpose: ``python -m support.bent_reference BEND FILE``.

It speaks HTTP by itself, so that it can end connections as no framework lets it, and counts them:
``GET /accepted`` says how many there were.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from itertools import count
from pathlib import Path

NAP_SECONDS = 0.05
EVERY = 5
"""Which answers the bends of single answers concern."""


async def main(bend: str, source: str) -> None:
    recorded = json.loads(Path(source).read_text("utf-8"))
    accepted, numbers = count(), count(1)
    seen = 0

    def answer() -> bytes:
        status, body = recorded["status"], recorded["body"]
        headers = list(recorded["headers"])
        bent = next(numbers) % EVERY == 0
        if bend == "closes":
            headers.append(("connection", "close"))
        elif bend == "adds a header":
            headers.append(("x-more", "1"))
        elif bend == "says other bytes" and bent:
            body = body.swapcase()
        elif bend == "fails" and bent:
            status = 500
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return f"HTTP/1.1 {status} OK\r\n{lines}\r\n{body}".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen = next(accepted) + 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
                await reader.readexactly(int(length[1]) if length else 0)
                if head.startswith("GET /accepted "):
                    writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(str(seen))}\r\n\r\n{seen}".encode())
                    continue
                if bend == "sleeps":
                    await asyncio.sleep(NAP_SECONDS)
                writer.write(answer())
                if bend in {"closes", "closes silently"}:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side has ended it
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
