"""Reports of accepted requests, of which results are made."""

from __future__ import annotations

from typing import Any

from fakefal_contracts import Report, judge
from fakefal_contracts.catalogue import BUILT_IN
from fakefal_contracts.example import example_input


def judged(endpoint_id: str, **arguments: Any) -> Report:
    """The report of a model's example with further arguments, which it accepts."""
    endpoint = BUILT_IN.find(endpoint_id)
    report = judge(endpoint.edition("latest"), example_input(endpoint) | arguments)
    assert report.ok, report.errors
    return report
