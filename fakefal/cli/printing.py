"""The output formats of ``fakefal check``: for people, for programs and for CI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar, Protocol
from xml.etree import ElementTree as ET

import click

from fakefal.cli.inputs import STDIN
from fakefal.cli.judging import CheckedInput, CheckStatus, CheckTotals
from fakefal.state.printable import shown
from fakefal_contracts.price import dollars


class CheckFormat(Protocol):
    """One output format; `tells_totals` says whether it contains the totals, which otherwise go to standard error."""

    tells_totals: bool

    def one(self, checked: CheckedInput) -> str:
        """The output for an input, printed as soon as it is judged."""

    def end(self, totals: CheckTotals) -> str:
        """The output at the end."""


class Remark:
    """An error, a warning, a note or unchecked media, in one form.

    Attributes:
        kind: which of the four it is.
        loc: its place in the arguments.
        msg: what is wrong.
        rule: the id of the rule; empty for a note and unchecked media.
        more: further lines: the hint, and the rule with its evidence.
    """

    def __init__(self, kind: str, loc: tuple[str | int, ...], msg: str, rule: str = "", *more: tuple[str, str]) -> None:
        self.kind, self.loc, self.msg, self.rule, self.more = kind, loc, msg, rule, more

    @property
    def text(self) -> str:
        """Place and message."""
        return f"{'.'.join(map(str, self.loc)) or 'the body'}: {self.msg}"


def findings(checked: CheckedInput) -> Iterator[Remark]:
    """All findings of an input, errors first."""
    if (report := checked.report) is None:
        return
    for error in report.errors:
        rule, evidence = error.rule.id, error.rule.evidence
        source = f"{rule} ({evidence.grade}: {evidence.source})"
        yield Remark("error", error.loc, error.msg, rule, ("hint", error.hint), ("rule", source))
    for advice in report.warnings:
        rule = f"{report.endpoint.name}.{advice.code}"
        yield Remark("warning", advice.loc, advice.msg, rule, ("hint", advice.hint))
    for note in report.notes:
        yield Remark("note", note.loc, note.msg)
    for media in report.unchecked:
        yield Remark("unchecked", media.loc, f"{media.address[:100]} ({media.reason})")


class TextFormat:
    """A table with a row for each input, and its findings below.

    Args:
        width: the width of the column of places.
        colour: whether to use colours.
    """

    tells_totals = True
    _COLOURS: ClassVar = {CheckStatus.VALID: "green", CheckStatus.FAILED: "yellow"}

    def __init__(self, width: int, *, colour: bool) -> None:
        self._width = width
        self._words = {
            one: click.style(f"{one:8}", fg=self._COLOURS.get(one, "red"), bold=True) if colour else f"{one:8}"
            for one in CheckStatus
        }

    def one(self, checked: CheckedInput) -> str:
        """The row of an input, and its findings."""
        given, report, cost = checked.given, checked.report, checked.cost
        row = f"{self._words[checked.status]}  {shown(given.place):{self._width}}"
        if report is None:
            return f"{row}  {'-':>8}  {shown(checked.problem)}\n"
        row += f"  {'-' if cost is None else dollars(cost.usd):>8}"
        row += f"  {report.endpoint.id}"
        if cost is not None:
            row += f": {cost.unit.in_words(cost.units)} at {dollars(cost.unit_usd)} {cost.unit.each}"
        elif report.ok:
            row += ": its price is unknown"
        row += f" [checked against {report.endpoint.checked_against}]"
        if not (report.errors or report.warnings or report.notes or report.unchecked):
            return row + "\n"
        return "\n".join([row, *self._below(checked), ""])

    def _below(self, checked: CheckedInput) -> Iterator[str]:
        for found in findings(checked):
            yield shown(f"  {found.kind}, line {checked.given.line_of(found.loc)}, {found.text}")
            yield from (shown(f"    {name} {text}") for name, text in found.more)

    def end(self, totals: CheckTotals) -> str:
        """The totals."""
        return f"{totals}\n" + (f"too expensive: {totals.over}\n" if totals.over else "")


class JsonFormat:
    """One JSON document with all inputs and the totals."""

    tells_totals = True

    def __init__(self) -> None:
        self._inputs: list[dict[str, Any]] = []

    def one(self, checked: CheckedInput) -> str:
        """Empty; the document follows at the end."""
        self._inputs.append(checked.as_dict())
        return ""

    def end(self, totals: CheckTotals) -> str:
        """The document."""
        whole = {"ok": totals.exit_code == 0, "totals": totals.as_dict(), "inputs": self._inputs}
        return json.dumps(whole, indent=2) + "\n"


class JsonLinesFormat:
    """A JSON object on one line for each input."""

    tells_totals = False

    def one(self, checked: CheckedInput) -> str:
        """The line of an input."""
        return json.dumps(checked.as_dict()) + "\n"

    def end(self, totals: CheckTotals) -> str:  # noqa: ARG002 - others need them
        """Empty; the lines are complete."""
        return ""


class JunitFormat:
    """JUnit's XML with a test case for each input: a refused input is a failure, one that cannot be judged an error."""

    tells_totals = False

    def __init__(self) -> None:
        self._suite = ET.Element("testsuite", name="fakefal check")

    def one(self, checked: CheckedInput) -> str:
        """Empty; the document follows at the end."""
        given, report = checked.given, checked.report
        model = given.endpoint_id or "unknown model"
        case = self._case(given.place, model, file=shown(given.file), line=str(given.line))
        if checked.cost is not None:
            self._property(case, "usd", checked.cost.usd)
        found = list(findings(checked))
        text = "\n".join(
            f"{one.kind}, line {given.line_of(one.loc)}, {one.text}" + "".join(f"\n  {n} {t}" for n, t in one.more)
            for one in found
        )
        if report is None:
            self._add(case, "error", message=checked.problem, type="unusable")
        elif checked.status is not CheckStatus.VALID:
            first = found[0]
            self._add(case, "failure", text, message=first.text, type=first.rule or first.kind)
        elif text:
            self._add(case, "system-out", text)
        return ""

    def _property(self, within: ET.Element, name: str, value: object) -> None:
        properties = within.find("properties")
        if properties is None:
            properties = ET.Element("properties")
            within.insert(0, properties)
        ET.SubElement(properties, "property", name=name, value=str(value))

    def _case(self, name: str, model: str, **more: str) -> ET.Element:
        said = {"name": shown(name), "classname": shown(model), "time": "0", **more}
        return ET.SubElement(self._suite, "testcase", said)

    def _add(self, case: ET.Element, tag: str, text: str = "", **said: str) -> None:
        attributes = {name: shown(value) for name, value in said.items()}
        ET.SubElement(case, tag, attributes).text = "\n".join(shown(line) for line in text.split("\n"))

    def end(self, totals: CheckTotals) -> str:
        """The document."""
        if totals.max_usd is not None:
            case = self._case("--max-usd", "fakefal check")
            if totals.over:
                self._add(case, "failure", message=totals.over, type="max-usd")
        cases = len(self._suite)
        self._property(self._suite, "usd", totals.usd)
        self._property(self._suite, "unknown_prices", totals.unknown)
        counted = {tag: str(len(self._suite.findall(f"testcase/{tag}"))) for tag in ("failure", "error")}
        self._suite.attrib |= {"tests": str(cases), "failures": counted["failure"], "errors": counted["error"]}
        ET.indent(self._suite)
        return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(self._suite, encoding="unicode") + "\n"


class GitHubFormat:
    """Annotations of a GitHub workflow: ``::error file=,line=,title=::message``.

    Args:
        strict: whether warnings and unchecked media fail, and so are errors.
    """

    tells_totals = False

    def __init__(self, *, strict: bool) -> None:
        self._levels = {"error": "error", "warning": "error" if strict else "warning", "note": "notice"}
        self._levels["unchecked"] = "error" if strict else "notice"

    def one(self, checked: CheckedInput) -> str:
        """The annotations of an input."""
        given = checked.given
        place = {} if given.file == STDIN else {"file": given.file}
        if checked.report is None:
            return _annotation("error", checked.problem, **place, line=str(given.line), title="cannot be judged")
        lines = []
        for found in findings(checked):
            text = "\n".join([found.text, *(t for n, t in found.more if n == "hint")])
            line = str(given.line_of(found.loc))
            lines.append(
                _annotation(self._levels[found.kind], text, **place, line=line, title=found.rule or found.kind)
            )
        return "".join(lines)

    def end(self, totals: CheckTotals) -> str:
        """An annotation if the inputs cost too much."""
        return _annotation("error", totals.over, title="too expensive") if totals.over else ""


_IN_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = _IN_MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})


def _annotation(level: str, message: str, **properties: str) -> str:
    said = ",".join(f"{name}={shown(value.translate(_IN_PROPERTY))}" for name, value in properties.items())
    return f"::{level} {said}::{shown(message.translate(_IN_MESSAGE))}\n"
