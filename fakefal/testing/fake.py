"""fal in the process of a test: what the fixture gives, for unittest and anything else, too."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from decimal import Decimal
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast
from unittest import SkipTest

from typing_extensions import override

from fakefal.core.effects import Effect
from fakefal.effects.known import checked, checked_rule, parse_rule
from fakefal.engine.emulator import Emulator
from fakefal.engine.overview import verdict_of
from fakefal.settings import OwnResult, Settings
from fakefal.state.account import JobAccount
from fakefal.state.ledger import LedgerEntry, Sums, entries
from fakefal.state.signing import MemorySigningKeys
from fakefal.state.temporary import TemporaryFolder
from fakefal.state.tokens import Tokens
from fakefal.store.opening import open_parts
from fakefal.testing.assertions import Assertions, exact_usd
from fakefal.testing.blocked import explained_look_ups
from fakefal.testing.engine import Engine
from fakefal.testing.interception import intercepting
from fakefal.testing.logged import logged_errors
from fakefal.testing.names import Guard, guarded_names
from fakefal.testing.recorded_webhooks import RecordedWebhooks, WebhookRecorder
from fakefal.testing.seen_requests import EmulatedRequest, seen
from fakefal.testing.strictness import ADVICE, UnexpectedCall
from fakefal.testing.surroundings import HOST, URL, fake_environment, fake_key
from fakefal.verdict.findings import Verdict
from fakefal_contracts.endpoint import LATEST

_TOKENS = Tokens()
"""One for all fakes of this process: clients of a module keep their upload tokens from test to test."""


class Fakefal(Assertions):
    """While the block lasts, every call of this process to fal is answered here, by whatever library.

    ``with Fakefal() as fal:`` starts afresh.  All methods may be called from any thread, and from coroutines.

    Args:
        profile: how time passes: instant, stepped, quick or realistic.
        effects: what happens to which requests, such as ``stuck when nth=2``; one, or several.
        contract: latest, documented, or an ISO day.
        models: documents of models beside the built-in ones: a file or a folder, or several.
        prices: prices by endpoint id, such as ``{"me/app": {"usd": "0.02", "unit": "image"}}``.
        unknown: what a model gets that fakefal does not know: ``refuse`` (fal's 404) or ``accept``.
        seed: makes random lengths and probabilities repeatable.
        runners: how many requests of one key run at once.
        keys: key ids with their secrets; without any, every key is accepted.
        balance: dollars of each key, such as ``"10.00"``; it is locked when they are used up.  None never runs out.
        retention: whether results expire as at fal.
        render: whether clips show the pictures of their requests, moving; needs PyAV.
        strict: whether calls that the emulator has no answer for, and look-ups of fal's names, are errors.

    Attributes:
        url: for clients that take a base URL: the emulator's in this process, or on its socket.
        webhooks: what fal would have sent; see `RecordedWebhooks.deliver`.

    Raises:
        SettingsError: a value cannot be used.
    """

    def __init__(
        self,
        *,
        profile: str = "instant",
        effects: str | Sequence[str] = (),
        contract: str = LATEST,
        models: str | Path | Sequence[str | Path] = (),
        prices: Mapping[str, Any] | None = None,
        unknown: Literal["refuse", "accept"] = "refuse",
        seed: str = "",
        runners: int = 10,
        keys: Mapping[str, str] | None = None,
        balance: str | Decimal | float | None = None,
        retention: bool = False,
        render: bool = False,
        strict: bool = True,
    ) -> None:
        settings = Settings(
            profile=profile,
            effects=(effects,) if isinstance(effects, str) else tuple(effects),
            contract=contract,
            models=(Path(models),) if isinstance(models, str | Path) else tuple(map(Path, models)),
            prices=prices or {},
            unknown=unknown,
            seed=seed,
            runners=runners,
            keys=keys or {},
            balance=cast("Decimal | None", balance),  # texts and floats are read there
            retention=retention,
            render=render,
            hosts=frozenset({HOST}),
        )
        recorder = WebhookRecorder(MemorySigningKeys(), wall=_now)
        self._failures: list[BaseException] = []
        self._emulator = Emulator(settings, open_parts(settings, tokens=_TOKENS), sender=recorder)
        self._engine = Engine(self._emulator, self._complain, self._failures.append)
        self._stack = ExitStack()
        self._key = fake_key(settings.keys)
        self._contract = settings.contract
        self._strict = strict
        self._complaints: dict[str, bool] = {}  # whether it was said
        self.url = URL
        self.webhooks = RecordedWebhooks(recorder, lambda: self._engine.do(self._settle()), self._forged)

    def __enter__(self) -> Self:
        self._engine.start()
        self._stack.callback(self._engine.stop)
        self._stack.enter_context(logged_errors(self._failures.append))
        home = str(self._stack.enter_context(TemporaryFolder("home")).path)
        self._stack.enter_context(fake_environment(self.url, home, self._key, self._contract))
        self._stack.enter_context(explained_look_ups(self._engine.answers, self._complain))
        self._stack.enter_context(guarded_names(Guard(self._engine.answers, self._complain)))
        self._stack.enter_context(self._engine.leading(self._complain))
        self._stack.enter_context(self.intercepting())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()
        self.end(error)

    # -- what happened --------------------------------------------------------------------------

    @property
    @override
    def requests(self) -> list[EmulatedRequest]:
        """Every accepted request, oldest first."""
        return [seen(look) for look in self._engine.do(self._emulator.all())]

    @property
    def last(self) -> EmulatedRequest:
        """The newest request.

        Raises:
            AssertionError: there is none.
        """
        requests = self.requests
        if not requests:
            raise AssertionError("no request was accepted")
        return requests[-1]

    @property
    @override
    def ledger(self) -> list[LedgerEntry]:
        """Every accepted job with its units, its price and what it probably repeats, oldest first."""
        return list(entries(self._engine.do(self._emulator.all())))

    @property
    @override
    def sums(self) -> Sums:
        """The ledger's sums; as a text, one line."""
        return JobAccount.of(self._engine.do(self._emulator.all())).run

    def report_part(self, name: str) -> str:
        """What happened, as a part of a report with this name, in JSON."""
        from fakefal.report.report_files import dump_part
        from fakefal.report.run_report import part_of_run

        return dump_part(self._engine.do(part_of_run(self._emulator, name)))

    @property
    @override
    def verdict(self) -> Verdict:
        """What the program would have done with real money so far, as if it ended now; as a text, a table."""
        return self._engine.do(verdict_of(self._emulator))

    # -- what shall happen ----------------------------------------------------------------------

    def advance(self, how: float | Literal["start", "end"], request: EmulatedRequest | str | None = None) -> None:
        """Let so many seconds pass, for all, or for one request; returns when all that fell due has happened.

        Args:
            how: emulated seconds; for one request also ``"start"`` or ``"end"``.
            request: the request, or its id.

        Raises:
            RefusedMove: the request is over already.
            UnknownRequest: there is no such request.
        """
        if request is not None:
            request_id = request if isinstance(request, str) else request.id
            self._engine.do(self._emulator.advance(request_id, how))
        elif isinstance(how, str):
            raise TypeError(f"only a request can be brought to its {how}: advance({how!r}, fakefal.last)")
        else:
            self._engine.do(self._emulator.move_clock(None, advance=how))

    def top_up(self, usd: str | Decimal | float, key: str | None = None) -> None:
        """Add dollars to the balance of every key, or of one.

        Raises:
            NoBalance: the account never runs out, since no balance was given.
            ValueError: that is no amount.
        """
        self._engine.do(self._emulator.accounts.top_up(key, exact_usd(usd)))

    def inject(self, rule: str) -> None:
        """Add an effect, such as ``"generation_timeout when nth=2"``.  The newest rule that matches wins.

        Raises:
            BadEffect: the rule is none; the message says why.
        """
        self._engine.do(self._emulator.add_rule(parse_rule(rule)))

    def respond(
        self,
        result: Any = None,
        *,
        video: str | Path | None = None,
        events: Sequence[Any] | None = None,
        status: int | None = None,
        seconds: float | None = None,
        logs: Sequence[str] | None = None,
        endpoint: str = "",
        prompt: str = "",
        nth: int | None = None,
    ) -> None:
        """Answer requests with your own result, in this pace and with these log lines.

        Args:
            result: the JSON of the result.
            video: a file or an http address that the result shall lead to; instead of `result`.
            events: what ``/stream`` sends, evenly over the run; the last one is the result of every other call.
            status: the HTTP status of the result.
            seconds: how long the run takes.
            logs: its log lines.
            endpoint: only requests whose endpoint ends so.
            prompt: only requests whose prompt contains this.
            nth: only this one, counted from 1.

        Raises:
            BadEffect: a value cannot be used; the message says why.
        """
        shown = None if video is None else str(video)
        parts = None if events is None else list(events)
        lines = None if logs is None else list(logs)
        given = {
            "video": shown,
            "result": result,
            "events": parts,
            "status": status,
            "seconds": seconds,
            "logs": lines,
        }
        arguments = {name: value for name, value in given.items() if value is not None}
        effect = checked(Effect("respond", arguments), local=True)
        rule = checked_rule(effect, {"endpoint": endpoint, "prompt": prompt, "nth": nth})
        self._engine.do(self._emulator.add_rule(rule))

    # -- other programs -------------------------------------------------------------------------

    def answer(self, endpoint: str, result: OwnResult) -> None:
        """Let a model answer with your own result from now on, however often it is called.

        Args:
            endpoint: the id of the model.
            result: a file, which takes the place of the result's files of its kind; a whole result; or a function
                of the arguments, defaults included, to either of them.

        Raises:
            SettingsError: there is no such file, or the result is none of these.
            UnknownEndpoint: no such model is known; the message names the nearest.
        """
        self._emulator.catalogue.find(endpoint)
        self._emulator.judge.results |= Settings(results={endpoint: result}).results

    def serve(self) -> str:
        """Listen on a socket, too, from now to the end; returns the base URL, which `url` is then."""
        if self.url == URL:
            self.url = self._engine.listen()
            os.environ["FAKEFAL_URL"] = self.url
        return self.url

    @cached_property
    def environ(self) -> dict[str, str]:
        """The environment for a child process, in any language: as under ``fakefal run``, its calls arrive here."""
        return self._engine.child_environment(self._key)

    # -- strictness -----------------------------------------------------------------------------

    def end(self, error: BaseException | None) -> None:
        """Say what was called that the emulator does not have, once: as a note of what ended the test, or by an error.

        Raises:
            UnexpectedCall: something was called, and the test did not fail by itself; a skip hides nothing.
            Exception: what the emulator raised, whatever the program made of it.
        """
        failures = [one for one in self._failures if one is not error]
        self._failures.clear()
        if failures:
            raise failures[0] from error
        message = self._complaint()
        if message and (error is None or isinstance(error, _skips())):
            raise UnexpectedCall(message)
        if message and error is not None:
            error.add_note(message)

    def intercepting(self) -> AbstractContextManager[None]:
        """Ask this fake first while the block lasts, before every mock that was set up after it."""
        return intercepting(self._engine)

    def _complaint(self) -> str:
        for look in self._engine.do(self._emulator.all()):
            if look.plan is not None and look.plan.ending.status == HTTPStatus.NOT_FOUND and look.plan.ending.hint:
                self._complain(f"a request went to an unknown endpoint: {look.plan.ending.hint}")
        new = [what for what, said in tuple(self._complaints.items()) if not said]
        self._complaints.update(dict.fromkeys(new, True))
        return "\n  ".join(["fakefal has no answer for what was called:", *new, ADVICE]) if new else ""

    def _complain(self, what: str) -> None:
        if self._strict:
            self._complaints.setdefault(what, False)

    def _forged(self, request_id: str, status: int) -> None:
        self._emulator.witness.forged(self._engine.do(self._emulator.find(request_id)).record, status)

    async def _settle(self) -> None:
        """Let everything that is due happen, webhooks included."""
        await self._emulator.carry_out()


def _now() -> float:
    """The time that the test's program has, which may be frozen: it compares the stamps of webhooks with that."""
    return time.time()


def _skips() -> tuple[type[BaseException], ...]:
    """What skips a test: unittest's exception, and pytest's where pytest runs."""
    pytest = sys.modules.get("pytest")
    return (SkipTest, pytest.skip.Exception) if pytest else (SkipTest,)
