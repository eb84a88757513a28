"""What type checkers refuse, line by line; read by them and never run."""

from __future__ import annotations

from fakefal_client import Client
from fakefal_client.kling import KlingO1ImageToVideo, KlingO1ReferenceToVideo, KlingV1Tts, KlingV3ProImageToVideo


def wrong(client: Client) -> None:
    KlingO1ReferenceToVideo(prompt="x", duration="12")  # error: arg-type
    KlingO1ReferenceToVideo(prompt="x", durations="5")  # error: call-arg
    KlingO1ImageToVideo(prompt="x")  # error: call-arg
    client.submit("a/b")  # error: call-overload
    client.submit(7, {})  # error: call-overload
    print(client.run(KlingO1ReferenceToVideo(prompt="x")).videos)  # error: attr-defined
    client.submit(KlingO1ReferenceToVideo(prompt="x"), deadline=5)  # error: call-overload
    Client(bugdet=5)  # error: call-arg
    KlingV3ProImageToVideo(prompt="x", image_url="a")  # error: call-arg
    KlingV1Tts(text="x", voice_id="nobody")  # error: arg-type
    print(client.run(KlingV1Tts(text="x")).video)  # error: attr-defined
