"""LiveKit Agents' speech to text by fal.  To try it without paying: ``fakefal run -- python run.py livekit_speech``."""

import wave

from livekit import rtc
from livekit.plugins import fal


async def speech_to_text() -> str:
    with wave.open("input.wav") as sound:
        rate, channels, count = sound.getframerate(), sound.getnchannels(), sound.getnframes()
        frame = rtc.AudioFrame(sound.readframes(count), rate, channels, count)
    event = await fal.WizperSTT().recognize(frame)
    return event.alternatives[0].text
