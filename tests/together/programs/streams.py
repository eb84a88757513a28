"""fal's own Python client streams, blocking and in coroutines: prints the events as JSON."""

import asyncio
import json

import fal_client

CALLS = {
    "text": ("openrouter/router", {"prompt": "Say something", "model": "google/gemini-2.5-flash"}),
    "pictures": ("fal-ai/flux/dev", {"prompt": "a lighthouse", "seed": 5}),
    "own": ("fal-ai/flux/schnell", {"prompt": "a lighthouse"}),
}


async def count() -> dict[str, int]:
    counts = {}
    for name, (endpoint_id, arguments) in CALLS.items():
        counts[name] = len([event async for event in fal_client.stream_async(endpoint_id, arguments=arguments)])
    return counts


seen = {name: list(fal_client.stream(endpoint_id, arguments=given)) for name, (endpoint_id, given) in CALLS.items()}
assert asyncio.run(count()) == {name: len(events) for name, events in seen.items()}
print(json.dumps(seen))
