"""One call by a client as its documentation shows it: what is audited for docs/audit.md.

Usage: official.py sync|async|own|litellm.
"""

from __future__ import annotations

import asyncio
import os
import sys

ENDPOINT = "fal-ai/kling-video/o1/reference-to-video"
PICTURES = "fal-ai/flux-pro/v1.1"
PROMPT = {"prompt": "x"}


def by_sync() -> None:
    import fal_client

    fal_client.subscribe(ENDPOINT, arguments=PROMPT)


def by_async() -> None:
    import fal_client

    asyncio.run(fal_client.subscribe_async(ENDPOINT, arguments=PROMPT))


def by_own() -> None:
    from fakefal_client import Client

    with Client() as client:
        client.subscribe(ENDPOINT, PROMPT)


def by_litellm() -> None:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks for prices first
    import litellm

    litellm.image_generation(model=f"fal_ai/{PICTURES}", prompt="x", api_key=os.environ["FAL_KEY"])


if __name__ == "__main__":
    globals()[f"by_{sys.argv[1]}"]()
