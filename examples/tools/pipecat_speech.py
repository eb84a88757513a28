"""Pipecat's speech to text by fal.  To try it without paying: ``fakefal run -- python run.py pipecat_speech``."""

from pathlib import Path

from pipecat.frames.frames import ErrorFrame
from pipecat.services.fal.stt import FalSTTService


async def speech_to_text() -> str:
    service = FalSTTService()
    try:
        async for frame in service.run_stt(Path("input.wav").read_bytes()):
            assert not isinstance(frame, ErrorFrame), frame.error
            return frame.text
    finally:
        await service.cleanup()
    raise AssertionError("no transcription came")
