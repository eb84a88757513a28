"""LiteLLM with fal's models, blocking and in coroutines; it reads the key from ``FAL_AI_API_KEY``.

To try it without paying: ``FAL_AI_API_KEY=any fakefal run -- python run.py lite_llm``.
"""

import asyncio
import time
from pathlib import Path

import httpx
import litellm

IMAGES, VIDEOS = "fal_ai/fal-ai/flux-pro/v1.1-ultra", "fal_ai/bytedance/seedance-2.0/text-to-video"


def image() -> str:
    made = litellm.image_generation(model=IMAGES, prompt="a lighthouse at dawn", size="1024x1024")
    Path("litellm.jpg").write_bytes(httpx.get(made.data[0].url).content)
    return "litellm.jpg"


async def image_async() -> str:
    made = await litellm.aimage_generation(model=IMAGES, prompt="a lighthouse at dawn")
    async with httpx.AsyncClient() as http:
        Path("litellm-async.jpg").write_bytes((await http.get(made.data[0].url)).content)
    return "litellm-async.jpg"


def video() -> str:
    job = litellm.video_generation(model=VIDEOS, prompt="a lighthouse at dawn", seconds="5", size="1280x720")
    while (seen := litellm.video_status(job.id)).status != "completed":
        assert seen.error is None, seen.error
        time.sleep(0.1)
    Path("litellm.mp4").write_bytes(litellm.video_content(job.id))
    return "litellm.mp4"


async def video_async() -> str:
    job = await litellm.avideo_generation(model=VIDEOS, prompt="a lighthouse at dawn", seconds="5", size="1280x720")
    while (seen := await litellm.avideo_status(job.id)).status != "completed":
        assert seen.error is None, seen.error
        await asyncio.sleep(0.1)
    Path("litellm-async.mp4").write_bytes(await litellm.avideo_content(job.id))
    return "litellm-async.mp4"
