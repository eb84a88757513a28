"""fal's own Python client.  To try it without paying: ``fakefal run -- python run.py fal_client_stream``."""

import urllib.request

import fal_client


def image() -> str:
    *_, last = fal_client.stream("fal-ai/flux/dev", arguments={"prompt": "a lighthouse at dawn"})
    urllib.request.urlretrieve(last["images"][0]["url"], "stream.jpg")
    return "stream.jpg"


def text() -> str:
    said = {"prompt": "Tell me a joke", "model": "google/gemini-2.5-flash"}
    for event in fal_client.stream("openrouter/router", arguments=said):
        text = event["output"]
    return text


async def image_async() -> str:
    arguments = {"prompt": "a lighthouse at dawn"}
    events = [event async for event in fal_client.stream_async("fal-ai/flux/dev", arguments=arguments)]
    urllib.request.urlretrieve(events[-1]["images"][0]["url"], "stream-async.jpg")
    return "stream-async.jpg"
