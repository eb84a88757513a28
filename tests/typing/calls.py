"""What type checkers know of the client; read by them and never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

from fakefal_client import AsyncClient, AsyncJob, Client, Job, Webhook
from fakefal_client.kling import (
    AudioOutput,
    ComboElement,
    KlingAiAvatarV2Pro,
    KlingCreateVoice,
    KlingO1ImageToVideo,
    KlingO1ReferenceToVideo,
    KlingO3ProReferenceToVideo,
    KlingO3ProVideoToVideoEdit,
    KlingV1Tts,
    KlingV3ProImageToVideo,
    KlingV3TurboProTextToVideo,
    KlingVideoToAudio,
    Shot,
    TimedVideoOutput,
    VideoAndAudioOutput,
    VideoOutput,
    VoiceOutput,
)
from fakefal_contracts import Cost, Report

REQUEST = KlingO1ReferenceToVideo(prompt="x", duration="10")


def blocking(client: Client) -> None:
    assert_type(client.submit(REQUEST), Job[VideoOutput])
    assert_type(client.submit(REQUEST).result(), VideoOutput)
    assert_type(client.submit(REQUEST).result().video.url, str)
    assert_type(client.submit("fal-ai/flux/dev", {"prompt": "x"}), Job[dict[str, Any]])
    assert_type(client.run(KlingO3ProReferenceToVideo(prompt="x")), VideoOutput)
    assert_type(client.subscribe(REQUEST, on_update=print, deadline_seconds=60), VideoOutput)
    assert_type(client.subscribe("a/b", {}, priority="low"), dict[str, Any])
    assert_type(client.resume("id", KlingO1ImageToVideo), Job[VideoOutput])
    assert_type(client.resume("id", "fal-ai/flux/dev"), Job[dict[str, Any]])
    assert_type(client.submit(REQUEST).download("a.mp4"), Path)
    assert_type(client.verify({}, b""), Webhook)
    assert_type(client.check(REQUEST, deadline_seconds=5), Report)
    assert_type(client.estimate("a/b", {}, deadline_seconds=5), Cost)


def the_whole_family(client: Client) -> None:
    of_clips = KlingV3ProImageToVideo(
        multi_prompt=[Shot(prompt="x")], start_image_url="a", elements=[ComboElement(video_url="b", voice_id="c")]
    )
    assert_type(client.run(of_clips), VideoOutput)
    assert_type(client.run(KlingO3ProVideoToVideoEdit(prompt="x", video_url="a", image_urls=["b"])), VideoOutput)
    assert_type(client.run(KlingV3TurboProTextToVideo(prompt="x", duration="15")), VideoOutput)
    assert_type(client.run(KlingAiAvatarV2Pro(image_url="a", audio_url="b")), TimedVideoOutput)
    assert_type(client.run(KlingV1Tts(text="x", voice_id="uk_man2", voice_speed=2)), AudioOutput)
    assert_type(client.run(KlingVideoToAudio(video_url="a")), VideoAndAudioOutput)
    assert_type(client.run(KlingCreateVoice(voice_url="a")).voice_id, str)
    assert_type(client.submit(KlingCreateVoice(voice_url="a")), Job[VoiceOutput])


async def awaited(client: AsyncClient) -> None:
    assert_type(await client.submit(REQUEST), AsyncJob[VideoOutput])
    assert_type(await (await client.submit(REQUEST)).result(), VideoOutput)
    assert_type(await client.run("a/b", {}), dict[str, Any])
    assert_type(await client.subscribe(REQUEST, stream=True), VideoOutput)
    assert_type(client.resume("id", KlingO1ImageToVideo), AsyncJob[VideoOutput])
