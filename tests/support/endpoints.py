"""The endpoints that tests call most."""

from __future__ import annotations

APP = "fal-ai/kling-video"
O1 = f"{APP}/o1/reference-to-video"
I2V = f"{APP}/o1/image-to-video"
O3 = f"{APP}/o3/pro/reference-to-video"
STANDARD = f"{APP}/o1/standard/image-to-video"
