"""huggingface_hub with a key of fal's, as its docstrings show it.

To try it without paying: ``fakefal run -- python run.py hugging_face``.
"""

import os
from pathlib import Path

from huggingface_hub import InferenceClient

client = InferenceClient(provider="fal-ai", api_key=os.environ["FAL_KEY"])


def text_to_image() -> str:
    image = client.text_to_image("A majestic lion in a fantasy forest", model="black-forest-labs/FLUX.1-schnell")
    image.save("hugging-face.png")
    return "hugging-face.png"


def text_to_video() -> str:
    video = client.text_to_video("A majestic lion running in a fantasy forest", model="tencent/HunyuanVideo")
    Path("hugging-face.mp4").write_bytes(video)
    return "hugging-face.mp4"
