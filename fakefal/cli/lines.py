"""Logs events as text or JSON, one line for each event.

A separate thread formats and writes lines, so a stopped terminal does not stop calls.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from functools import singledispatch
from io import RawIOBase
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from fakefal.core.plan import BrokenRule
from fakefal.state.events import EventLog
from fakefal.state.happenings import (
    CallRefused,
    ClockMoved,
    EffectFired,
    Event,
    FindingMade,
    JobAccepted,
    JobOver,
    JobStarted,
    ModelUnknown,
    NotEmulated,
    StateReset,
    WebhookTried,
    plain,
)
from fakefal.state.journal import HIDDEN
from fakefal.state.printable import shown
from fakefal_contracts.errors import no_model
from fakefal_contracts.price import dollars

F = TypeVar("F", bound=Callable[..., object])

MOST_WAITING = 10_000
"""The most events that wait to be written; later ones are dropped."""

FLUSH_SECONDS = 2.0
"""How long to wait for unwritten lines at the end, in seconds."""

SIGNS = {"✓": "+", "✗": "x", "→": ">", "↪": "@", "·": "-"}
"""The signs at the start of lines, and their replacements for encodings without them."""

COLORS = {"✓": "green", "✗": "red", "→": "cyan", "↪": "blue", "?": "yellow", "!": "magenta", "·": "bright_black"}

BY_RUN = (ModelUnknown, NotEmulated, CallRefused, EffectFired, FindingMade)
"""The events that ``fakefal run`` logs in addition to refusals, failures and failed webhooks."""

BY_SERVE = (*BY_RUN, JobAccepted, JobOver, WebhookTried)
"""The events that ``fakefal serve`` logs."""


class Lines:
    """Writes a line for each wanted event; `tell` is the callback for events.

    Args:
        file: the output, unbuffered: a waiting thread would hold the lock of a buffer at the end of the program.
        wanted: the events to write.
        as_json: write one JSON object in a line instead of text.
        color: whether lines are coloured.
        encoding: of the file.
        secrets: values to hide.
    """

    def __init__(
        self,
        file: RawIOBase,
        wanted: Callable[[Event], bool],
        *,
        as_json: bool = False,
        color: bool = False,
        encoding: str = "utf-8",
        secrets: Collection[str] = (),
    ) -> None:
        self._file = file
        self._secrets = secrets
        self._encoding = encoding
        self._wanted = wanted
        self._as_json = as_json
        self._color = color
        self._left_out = 0
        self._waiting: queue.Queue[Event | str | None] = queue.Queue(MOST_WAITING)
        self._writer = threading.Thread(target=self._write, name="fakefal-lines", daemon=True)

    @contextmanager
    def running(self) -> Iterator[Lines]:
        """Write while the block lasts."""
        self._writer.start()
        try:
            yield self
        finally:
            self._put(None)
            self._writer.join(FLUSH_SECONDS)

    def tell(self, event: Event) -> None:
        """Queue an event for writing."""
        if self._wanted(event):
            self._put(event)

    def say(self, kind: str, text: str, *, is_error: bool = False, **facts: object) -> None:  # noqa: ARG002 - for `told`
        """Queue a line that is not an event."""
        self._put(self._text(kind, text, **facts))

    def _text(self, kind: str, text: str, **facts: object) -> str:
        return json.dumps({"kind": kind, "text": text, **facts}) if self._as_json else said(text)

    def _put(self, one: Event | str | None) -> None:
        try:
            self._waiting.put_nowait(one)
        except queue.Full:
            self._left_out += 1

    def _write(self) -> None:
        while (one := self._waiting.get()) is not None:
            text = self._line(one)
            for secret in self._secrets:
                text = text.replace(secret, HIDDEN)
            if count := self._left_out:
                self._left_out = 0
                text += "\n" + self._text("left_out", f"{count} lines are left out", count=count)
            rest = f"{text}\n".encode(self._encoding, "backslashreplace")
            try:
                while rest:
                    rest = rest[self._file.write(rest) or 0 :]
            except OSError:  # nobody reads any more
                return

    def _line(self, one: Event | str) -> str:
        if isinstance(one, str):
            return one
        if self._as_json:
            return json.dumps(plain(one))
        sign, *rest = words(one)
        encodable = _encodable(sign, self._encoding)
        first = click.style(encodable, COLORS[sign], bold=True) if self._color else encodable
        return f"{first} " + "\n    ".join(map(shown, rest))


def said(text: str) -> str:
    """A line about fakefal itself."""
    return "fakefal: " + "\n".join(map(shown, text.split("\n")))


def _encodable(sign: str, encoding: str) -> str:
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        return SIGNS[sign]
    return sign


# -- words -------------------------------------------------------------------------------------------


@singledispatch
def words(event: Event) -> list[str]:
    """An event as text: a sign, a line, and further lines."""
    return ["·", str(getattr(event, "kind", ""))]


@words.register
def _accepted(event: JobAccepted) -> list[str]:
    prompt = f'  "{event.prompt}"' if event.prompt else ""
    return ["→", f"{event.endpoint_id}  accepted{prompt}"]


@words.register
def _started(event: JobStarted) -> list[str]:
    return ["·", f"{event.endpoint_id}  started"]


@words.register
def _over(event: JobOver) -> list[str]:
    polled = f", polled {event.polls} time{'s' * (event.polls != 1)}" if event.polls else ""
    if event.outcome == "completed":
        price = ", its price is unknown" if event.usd is None else f" {dollars(event.usd)}"
        return ["✓", f"{event.endpoint_id}  completed{price}{polled}"]
    if event.outcome == "cancelled":
        return ["·", f"{event.endpoint_id}  cancelled{polled}"]
    if event.broken:
        first, *more = map(reason, event.broken)
        return ["✗", f"{event.endpoint_id}  {first}", *more]
    hint = event.hint.replace(f"{no_model(event.endpoint_id)}: ", "unknown model: ")
    why = "it did not start in time" if event.outcome == "timed_out" else event.error or hint
    kind = " ".join(filter(None, (str(event.status), event.error_type)))
    return ["✗", f"{event.endpoint_id}  {kind}{f': {why}' if why else ''}"]


def reason(broken: BrokenRule) -> str:
    """Why a request was refused, in one line: place, what to change, and the rule."""
    place = ".".join(map(str, broken.loc[1:]))
    if not broken.rule:
        return f"{f'{place}: ' if place else ''}{broken.type}: {broken.msg}"
    return f"{place or 'body'}: {broken.hint or broken.msg}  ({broken.rule})"


@words.register
def _tried(event: WebhookTried) -> list[str]:
    answer = event.error or str(event.status)
    again = f", try {event.attempt}" if event.attempt > 1 else ""
    sign = "↪" if event.acknowledged else "✗"
    return [sign, f"{event.endpoint_id}  webhook {event.url}{again}: {answer}"]


@words.register
def _effect(event: EffectFired) -> list[str]:
    return ["!", f"effect {event.effect}: {event.call}"]


@words.register
def _unknown(event: ModelUnknown) -> list[str]:
    hint = event.hint.removeprefix(f"{no_model(event.endpoint_id)}: ")
    return ["?", f"{event.endpoint_id}  unknown model{f': {hint}' if hint else ''}"]


@words.register
def _not_emulated(event: NotEmulated) -> list[str]:
    says_so = event.hint.startswith("fakefal does not emulate ")
    return ["?", f"{event.call}  {event.hint if says_so else f'not emulated: {event.hint}'}"]


@words.register
def _refused(event: CallRefused) -> list[str]:
    kind = " ".join(filter(None, (str(event.status), event.error_type)))
    return ["✗", f"{event.call}  {kind}{f': {event.hint}' if event.hint else ''}"]


@words.register
def _reset(event: StateReset) -> list[str]:
    return ["·", "reset" if event.key is None else f"reset of key {event.key}"]


@words.register
def _clock(event: ClockMoved) -> list[str]:
    clock = "the clock" if event.key is None else f"the clock of key {event.key}"
    moved = f"moved by {event.advance:g} s, " if event.advance else ""
    return ["·", f"{clock}: {moved}speed {event.speed:g}"]


@words.register
def _finding(event: FindingMade) -> list[str]:
    cost = "" if event.usd is None else f" {dollars(event.usd)}"
    return ["!", f"{event.finding} ({event.grade}){cost}: {event.text}"]


# -- options -----------------------------------------------------------------------------------------


def line_options(function: F) -> F:
    """The options of the log."""
    for option in (
        click.option(
            "--log-file", type=click.Path(path_type=Path, dir_okay=False), help="Append the log to this file."
        ),
        click.option("--log", type=click.Choice(["text", "json"]), help="Log as text (default) or as JSON lines."),
        click.option("--verbose", is_flag=True, default=None, help="Log everything that happens."),
        click.option("--quiet", is_flag=True, default=None, help="Log errors only."),
    ):
        function = option(function)
    return function


@dataclass(frozen=True, kw_only=True)
class LineOptions:
    """The values of `line_options`."""

    quiet: bool | None = None
    verbose: bool | None = None
    log: str | None = None
    log_file: Path | None = None

    @classmethod
    def taken(cls, given: dict[str, Any]) -> LineOptions:
        """Remove them from a dictionary of options.

        Raises:
            click.UsageError: two of them contradict each other.
        """
        options = cls(**{one.name: given.pop(one.name) for one in fields(cls)})
        if options.quiet and (options.verbose or options.log or options.log_file):
            raise click.UsageError("--quiet logs errors only: use it without --verbose, --log and --log-file")
        return options


Say = Callable[..., None]
"""Logs a line that is not an event: its kind, its text, and its facts for JSON."""


@contextmanager
def told(
    events: EventLog | None,
    usual: tuple[type[Event], ...],
    options: LineOptions,
    environ: Mapping[str, str] = os.environ,
    *,
    secrets: Collection[str] = (),
) -> Iterator[Say]:
    """Log events according to the options while the block lasts; `usual` are logged without ``--verbose``.

    The `secrets` are hidden.
    """
    if options.quiet or (options.log_file is None and sys.stderr is None):  # None if it was closed
        yield _only_errors
        return

    def wanted(event: Event) -> bool:
        return bool(options.verbose) or isinstance(event, usual) or _went_wrong(event)

    with ExitStack() as stack:
        if options.log_file is not None:
            file = stack.enter_context(options.log_file.open("ab", buffering=0))
            color, encoding = False, "utf-8"
        else:
            file = stack.enter_context(os.fdopen(os.dup(sys.stderr.fileno()), "wb", buffering=0))
            color, encoding = _colored(sys.stderr, environ), sys.stderr.encoding
        as_json = options.log == "json"
        lines = Lines(file, wanted, as_json=as_json, color=color, encoding=encoding, secrets=secrets)
        stack.enter_context(lines.running())
        if events is not None:
            stack.enter_context(events.subscribed(lines.tell))
        yield lines.say


def _only_errors(kind: str, text: str, *, is_error: bool = False, **facts: object) -> None:  # noqa: ARG001 - as `Lines.say`
    if is_error:
        click.echo(said(text), err=True)


def _colored(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether a stream is a terminal, and NO_COLOR (https://no-color.org) is not set."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _went_wrong(event: Event) -> bool:
    if isinstance(event, JobOver):
        return event.outcome not in ("completed", "cancelled")
    return isinstance(event, WebhookTried) and not event.acknowledged
