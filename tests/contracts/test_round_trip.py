"""What pydantic prints of the model of every document is the document, but for differences with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from fakefal_contracts import BUILT_IN, Catalogue
from fakefal_contracts.shipped import shipped_record
from oracles.round_trip import DIFFERENCES, Mismatch, explained, mismatches
from support.machine import ROOT


@pytest.fixture(scope="module")
def found() -> list[tuple[str, Mismatch]]:
    """Every mismatch of every model that is not in depth."""
    return [(one, mismatch) for one in BUILT_IN for mismatch in mismatches(BUILT_IN.find(one))]


def test_every_model_prints_its_document(found: list[tuple[str, Mismatch]]) -> None:
    unexplained = [(one, mismatch.path, mismatch.key) for one, mismatch in found if explained(mismatch) is None]
    assert unexplained == []


def test_the_kept_summary_is_what_a_run_finds(found: list[tuple[str, Mismatch]]) -> None:
    kept = json.loads((ROOT / "tests" / "oracles" / "round_trip.json").read_text("utf-8"))["models"]
    ours: dict[str, set[str | None]] = {one: set() for one in BUILT_IN}
    for one, mismatch in found:
        ours[one].add(explained(mismatch))
    assert {one: set(names) for one, names in kept.items()} == {one: names for one, names in ours.items() if names}


def test_every_known_difference_is_there_and_has_a_reason(found: list[tuple[str, Mismatch]]) -> None:
    assert {explained(mismatch) for _, mismatch in found} == set(DIFFERENCES)
    assert all(len(one.reason) > 30 for one in DIFFERENCES.values())


#: What is changed in the document of a model once its class was built: the comparison has to see each.
CHANGES: list[tuple[str, tuple[str, ...], Any, str]] = [
    ("another limit", ("properties", "num_images", "maximum"), 5, "maximum"),
    ("one more choice", ("properties", "output_format", "enum"), ["jpeg", "png", "webp"], "enum"),
    ("another default", ("properties", "guidance_scale", "default"), 4.0, "default"),
    ("another type", ("properties", "prompt", "type"), "integer", "type"),
    ("another order", ("x-fal-order-properties",), ["seed", "prompt"], "properties"),
    ("another name of the class", ("title",), "Other", "class"),
    ("another required field", ("required",), ["prompt", "seed"], "required"),
    ("one field more", ("properties", "more"), {"type": "string"}, "properties"),
]


@pytest.mark.parametrize(("name", "at", "value", "key"), CHANGES, ids=[one[0] for one in CHANGES])
def test_a_change_is_seen(name: str, at: tuple[str, ...], value: Any, key: str) -> None:  # noqa: ARG001 - an id
    record = shipped_record("fal-ai/flux/dev")
    assert record is not None
    endpoint = Catalogue([record]).find(record.id)
    assert endpoint.input
    changed = replace(record, schemas={**record.schemas, record.input: _with(record.schemas[record.input], at, value)})
    endpoint = _Changed(endpoint, changed)
    assert key in {one.key for one in mismatches(endpoint) if explained(one) is None}  # type: ignore[arg-type]


class _Changed:
    """An endpoint whose document is another one than its model was built from."""

    def __init__(self, endpoint: Any, record: Any) -> None:
        self.input, self.record = endpoint.input, record


def _with(schema: Any, at: tuple[str, ...], value: Any) -> Any:
    return {**schema, at[0]: value if len(at) == 1 else _with(schema[at[0]], at[1:], value)}
