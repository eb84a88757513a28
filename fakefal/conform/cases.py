"""Regression cases: each difference found, as a JSON file that later runs test first."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakefal.recording.scrub import Scrubber
from fakefal_contracts.strategies import Body, Medium

_NO_NAME = re.compile(r"[^a-z0-9]+")


class BadCase(ValueError):
    """A file is not a regression case; ``str()`` says which, and why."""


@dataclass(frozen=True)
class Case:
    """One difference that a target showed: a body, or a claim about the wire by its name.

    For a body, `media` has the uploaded files by the placeholder URLs in the body.  A claim about the wire has its
    `area`, and in `trace` the calls that showed it, with their answers.  `expected`, `answered` and `trace` are for
    readers: a later run does not use them.
    """

    claim: str
    endpoint_id: str
    arguments: Any = None
    expected: str = ""
    answered: str = ""
    media: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    area: str = ""
    trace: Sequence[Mapping[str, Any]] = ()

    @property
    def body(self) -> Body:
        """The body with its media."""
        return Body(self.arguments, {address: _medium(kept) for address, kept in self.media.items()})


def read_cases(folder: Path) -> Iterator[Case]:
    """The cases of a folder, in the order of their names; none if the folder does not exist.

    Raises:
        BadCase: a file is not a case.
    """
    for path in sorted(folder.glob("*.json")):
        try:
            yield Case(**json.loads(path.read_text("utf-8")))
        except (TypeError, ValueError, OSError) as error:
            raise BadCase(f"{path} is not a regression case: {error}") from error


def reproducer(
    area: str, claim: str, endpoint_id: str, detail: str, trace: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The data of a case about the wire."""
    expected, _, answered = detail.partition("; here ")
    found = {"area": area, "claim": claim, "endpoint_id": endpoint_id, "expected": expected, "answered": answered}
    clean = Scrubber()
    return {**{name: clean.text(text) for name, text in found.items()}, "trace": list(trace)}


def body_reproducer(claim: str, endpoint_id: str, small: Any, laid: Body, body: Body, detail: str) -> dict[str, Any]:
    """The data of a case about a body: the smallest body, with placeholder URLs for its media."""
    names = {medium: address for address, medium in body.media.items()}
    moved = {address: names[medium] for address, medium in laid.media.items()}
    arguments = replaced(small, moved)
    text = json.dumps(arguments)
    media = {address: _kept(medium) for address, medium in body.media.items() if json.dumps(address) in text}
    expected, _, answered = detail.partition("; here ")
    found = {"claim": claim, "endpoint_id": endpoint_id, "arguments": arguments}
    return {**found, "expected": expected, "answered": answered, **({"media": media} if media else {})}


def _kept(medium: Medium) -> dict[str, Any]:
    head = base64.b64encode(medium.head).decode()
    return {"name": medium.name, "content_type": medium.content_type, "head": head, "padding": medium.padding}


def _medium(kept: Mapping[str, Any]) -> Medium:
    return Medium(kept["name"], kept["content_type"], base64.b64decode(kept["head"]), kept["padding"])


def write_case(folder: Path, reproducer: Mapping[str, Any]) -> Path:
    """Write a case under a name derived from its claim and body, so that one difference is one file."""
    folder.mkdir(parents=True, exist_ok=True)
    area, claim = reproducer.get("area"), str(reproducer["claim"])
    name = f"{area}.{_NO_NAME.sub('-', claim.lower())}" if area else claim.replace("[]", "")
    text = json.dumps([claim, reproducer["endpoint_id"]] if area else reproducer["arguments"], sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    path = folder / f"{name}-{digest}.json"
    path.write_text(json.dumps(dict(reproducer), indent=1) + "\n", "utf-8")
    return path


def replaced(value: Any, moved: Mapping[str, str]) -> Any:
    """A value with URLs replaced, at any depth."""
    if isinstance(value, dict):
        return {name: replaced(one, moved) for name, one in value.items()}
    if isinstance(value, list):
        return [replaced(one, moved) for one in value]
    return moved.get(value, value) if isinstance(value, str) else value
