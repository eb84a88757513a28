"""Take the descriptions and examples out of fal's OpenAPI documents, so that only what is compared is kept here.

Usage: python tests/oracles/strip.py FOLDER
The folder holds documents as fal's model list gives them, one file an endpoint.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fakefal_contracts import FOUNDING

FOLDER = Path(__file__).parent / "openapi"
WORDS = {"description", "limit_description", "examples", "ui", "_fal_ui_field", "title"}


def stripped(value: Any, *, names: bool = False) -> Any:
    """A copy without words for people; `names` says that the keys are names of fields."""
    if isinstance(value, list):
        return [stripped(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: stripped(one, names=key == "properties") for key, one in value.items() if names or key not in WORDS}


def kept(endpoint_id: str, given: dict[str, Any]) -> dict[str, Any]:
    """What is kept of the document of an endpoint: its schemas, but for the queue's own."""
    document = given["openapi"]
    schemas = {name: stripped(one) for name, one in document["components"]["schemas"].items() if name != "QueueStatus"}
    return {
        "openapi": document["openapi"],
        "info": {"title": endpoint_id, "version": document["info"]["version"]},
        "paths": {},
        "components": {"schemas": schemas},
    }


def main() -> None:
    """Rewrite the document of every endpoint that the contracts cover."""
    for endpoint_id in FOUNDING:
        name = f"{endpoint_id.replace('/', '--')}.json"
        given = json.loads((Path(sys.argv[1]) / name).read_text("utf-8"))
        (FOLDER / name).write_text(json.dumps(kept(endpoint_id, given), indent=1) + "\n")


if __name__ == "__main__":
    main()
