"""Regression cases: each difference that was once found, as a JSON file that later runs ask first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class BadCase(ValueError):
    """A file is no regression case; ``str()`` says which, and why."""


@dataclass(frozen=True)
class Case:
    """One body that a target once answered otherwise than the contract says.

    `expected` and `answered` are for the reader: a later run predicts anew.
    """

    claim: str
    endpoint_id: str
    arguments: Any
    expected: str = ""
    answered: str = ""


def read_cases(folder: Path) -> Iterator[Case]:
    """The cases of a folder, in the order of their names; a folder that is not there has none.

    Raises:
        BadCase: a file is none.
    """
    for path in sorted(folder.glob("*.json")):
        try:
            yield Case(**json.loads(path.read_text("utf-8")))
        except (TypeError, ValueError, OSError) as error:
            raise BadCase(f"{path} is no regression case: {error}") from error


def write_case(folder: Path, reproducer: Mapping[str, Any]) -> Path:
    """Keep a case under a name that its claim and body make, so that one difference is one file."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(reproducer["arguments"], sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    path = folder / f"{str(reproducer['claim']).replace('[]', '')}-{digest}.json"
    path.write_text(json.dumps(dict(reproducer), indent=1) + "\n", "utf-8")
    return path
