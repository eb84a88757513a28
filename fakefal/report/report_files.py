"""Writes reports: a self-contained HTML page, JSON, and JUnit XML."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from fakefal.report.run_report import ReportedJob, ReportedPart, ReportedRun, run_report
from fakefal.state import jsonio
from fakefal.state.printable import shown
from fakefal_contracts.price import dollars

if TYPE_CHECKING:
    from jinja2 import Template


def as_json(report: ReportedRun) -> bytes:
    """The report as JSON; a lone surrogate in a prompt becomes a question mark."""
    return jsonio.dump(report.model_dump()) + b"\n"


def as_html(report: ReportedRun) -> bytes:
    """The report as one page without scripts, which loads nothing."""
    return _template().render(report=report).encode("utf-8", "replace")


def as_junit(report: ReportedRun) -> bytes:
    """The report as XML: a suite for each part, and a case for each job."""
    root = ET.Element("testsuites", {"name": "fakefal", **_counts([job for part in report.parts for job in part.jobs])})
    for part in report.parts:
        root.append(_suite(part))
    ET.indent(root)
    return b"<?xml version='1.0' encoding='utf-8'?>\n" + ET.tostring(root, "unicode").encode() + b"\n"


WRITERS: dict[str, Callable[[ReportedRun], bytes]] = {".html": as_html, ".json": as_json, ".xml": as_junit}
"""The writers of reports, by file extension."""


def write_report(report: ReportedRun, path: Path) -> None:
    """Write a report in the format of its file extension.

    Raises:
        OSError: it cannot be written.
    """
    path.write_bytes(WRITERS[path.suffix](report))


def dump_part(part: ReportedPart) -> str:
    """A part of a report as JSON, to be merged later."""
    return jsonio.dump(part.model_dump()).decode()


def write_test_report(parts: Iterable[str], exit_code: int, path: Path) -> None:
    """Write the report of tests from the parts of `dump_part`."""
    write_report(run_report("pytest", exit_code, map(ReportedPart.model_validate_json, parts)), path)


# -- HTML --------------------------------------------------------------------------------------------


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    folder = files(__package__)
    style = (folder / "report.css").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals["style"] = style
    environment.globals["style_hash"] = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment.filters |= {"usd": _usd, "shown": shown, "moment": _moment, "place": _place}
    return environment.from_string((folder / "report.html").read_text("utf-8"))


def _usd(amount: Decimal | None) -> str:
    return "price unknown" if amount is None else dollars(amount)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _place(loc: tuple[str | int, ...]) -> str:
    return ".".join(map(str, loc[1:])) or "body"


# -- JUnit -------------------------------------------------------------------------------------------


def _counts(jobs: list[ReportedJob]) -> dict[str, str]:
    outcomes = [job.outcome for job in jobs]
    return {
        "tests": str(len(jobs)),
        "failures": str(outcomes.count("refused")),
        "errors": str(outcomes.count("failed") + outcomes.count("timed_out")),
        "skipped": str(outcomes.count("cancelled") + outcomes.count(None)),
    }


def _suite(part: ReportedPart) -> ET.Element:
    suite = ET.Element("testsuite", {"name": shown(part.name), **_counts(part.jobs)})
    properties = ET.SubElement(suite, "properties")
    for name, value in [*part.sums.model_dump().items(), *_told(part)]:
        ET.SubElement(properties, "property", name=name, value=shown(str(value)))
    for job in part.jobs:
        suite.append(_case(job))
    return suite


def _told(part: ReportedPart) -> Iterator[tuple[str, str]]:
    """Other facts about the run, as names and values."""
    for call in part.calls:
        yield call.kind, f"{call.effect or call.status} {call.call} {call.hint}".strip()
    for finding in part.findings:
        yield f"finding.{finding.finding}.{finding.grade}", finding.text


def _case(job: ReportedJob) -> ET.Element:
    name = f"{job.prompt} [{job.request_id}]".strip()
    case = ET.Element("testcase", classname=shown(job.endpoint_id), name=shown(name), time=f"{job.seconds:.3f}")
    reasons = [f"{_place(tuple(one.loc))}: {one.hint or one.msg} ({one.rule or one.type})" for one in job.broken]
    why = shown("; ".join(reasons) or job.why or str(job.status))
    match job.outcome:
        case "refused":
            kinds = [one.rule or one.type for one in job.broken]
            ET.SubElement(case, "failure", type=shown(kinds[0] if kinds else str(job.status)), message=why)
        case "failed" | "timed_out":
            ET.SubElement(case, "error", type=str(job.status), message=why)
        case "cancelled":
            ET.SubElement(case, "skipped", message="cancelled")
        case None:
            ET.SubElement(case, "skipped", message="not ended at the end of the run")
    return case
