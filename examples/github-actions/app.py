"""Draw what fal/lighthouse.json describes."""

import json
from pathlib import Path

import fal_client

wanted = json.loads(Path("fal/lighthouse.json").read_text())
result = fal_client.subscribe(wanted["endpoint_id"], arguments=wanted["input"])
print(*(picture["url"] for picture in result["images"]), sep="\n")
