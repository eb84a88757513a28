"""What type checkers refuse, line by line; read by them and never run."""

from __future__ import annotations

from fakefal_client import Client
from fakefal_client.kling import O1ImageToVideo, O1ReferenceToVideo


def wrong(client: Client) -> None:
    O1ReferenceToVideo(prompt="x", duration="12")  # error: arg-type
    O1ReferenceToVideo(prompt="x", durations="5")  # error: call-arg
    O1ImageToVideo(prompt="x")  # error: call-arg
    client.submit("a/b")  # error: call-overload
    client.submit(7, {})  # error: call-overload
    print(client.run(O1ReferenceToVideo(prompt="x")).videos)  # error: attr-defined
    client.submit(O1ReferenceToVideo(prompt="x"), deadline=5)  # error: call-overload
    Client(bugdet=5)  # error: call-arg
