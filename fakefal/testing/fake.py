"""fal inside a test process: the object that the fixture returns; also for unittest and other frameworks."""

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
from fakefal.setting_values import OwnResult
from fakefal.settings import Settings
from fakefal.state.account import JobAccount
from fakefal.state.ledger import LedgerEntry, Sums, entries
from fakefal.state.signing import MemorySigningKeys
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
from fakefal.testing.surroundings import HOST, URL, empty_home, fake_environment, fake_key
from fakefal.verdict.findings import Verdict
from fakefal_contracts.endpoint import LATEST
from fakefal_contracts.price import Unit

_TOKENS = Tokens()
"""Shared by all emulators of this process, because module-level clients keep their upload tokens between tests."""


class Fakefal(Assertions):
    """An emulator that answers every call of this process to fal, by any library.

    ``with Fakefal() as fal:`` starts with a new emulator.  Methods may be called from any thread, and from coroutines.

    Args:
        profile: how long jobs wait and run: ``instant``, ``stepped``, ``quick`` or ``realistic``.
        effects: one or several rules that make calls and jobs fail, such as ``stuck when nth=2``.
        contract: the schema that judges: ``latest``, ``documented``, or a day such as ``2026-06-11``.
        models: your documents of models: one or several files or folders.
        prices: your prices by endpoint id, such as ``{"me/app": {"usd": "0.02", "unit": "image"}}``.
        unknown: what an unknown model answers: the 404 of fal (``refuse``), or an empty result (``accept``).
        seed: any text; makes run lengths and probabilities repeatable.
        runners: how many jobs of one key run at once.
        keys: the accepted key ids with their secrets; empty accepts every key.
        balance: dollars that each key starts with, such as ``"10.00"``; at zero its account is locked.  None is
            unlimited.
        retention: whether results expire as at fal.
        render: whether clips show the pictures of their requests, moving; needs PyAV.
        strict: whether calls that are not emulated, and attempts to resolve fal host names, fail the test.

    Attributes:
        url: the base URL, for clients that take one.
        webhooks: the webhooks that fal would have sent; see `RecordedWebhooks.deliver`.

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
        home = self._stack.enter_context(empty_home())
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
        """Every accepted job with its units, its price and the job that it probably repeats, oldest first."""
        return list(entries(self._engine.do(self._emulator.all())))

    @property
    @override
    def sums(self) -> Sums:
        """The totals of the ledger; ``str()`` makes one line of them."""
        return JobAccount.of(self._engine.do(self._emulator.all())).run

    @override
    def _unit_of(self, endpoint_id: str) -> Unit | None:
        """What the price of a model is for, such as a second; None if its price is unknown."""
        model = self._emulator.catalogue.get(endpoint_id)
        price = model and model.price(self._emulator.settings.contract)
        return price.unit if price else None

    def report_part(self, name: str) -> str:
        """A section of a report on this emulator, with this name, as JSON."""
        from fakefal.report.report_files import dump_part
        from fakefal.report.run_report import part_of_run

        return dump_part(self._engine.do(part_of_run(self._emulator, name)))

    @property
    @override
    def verdict(self) -> Verdict:
        """Mistakes so far that would cost real money, as if the program ended now; ``str()`` makes a table of them."""
        return self._engine.do(verdict_of(self._emulator))

    # -- what shall happen ----------------------------------------------------------------------

    def advance(self, how: float | Literal["start", "end"], request: EmulatedRequest | str | None = None) -> None:
        """Move emulated time, for all requests or for one; returns after everything that became due has happened.

        Args:
            how: emulated seconds; for one request also ``"start"`` or ``"end"``.
            request: the request, or its id.

        Raises:
            RefusedMove: the request is already over.
            UnknownRequest: there is no such request.
        """
        if request is not None:
            request_id = request if isinstance(request, str) else request.id
            self._engine.do(self._emulator.advance(request_id, how))
        elif isinstance(how, str):
            raise TypeError(f"advance({how!r}) needs a request: advance({how!r}, fakefal.last)")
        else:
            self._engine.do(self._emulator.move_clock(None, advance=how))

    def top_up(self, usd: str | Decimal | float, key: str | None = None) -> None:
        """Add dollars to the balance of every key, or of one.

        Raises:
            NoBalance: no balance was set, so the account is unlimited.
            ValueError: this is not an amount.
        """
        self._engine.do(self._emulator.accounts.top_up(key, exact_usd(usd)))

    def inject(self, rule: str) -> None:
        """Add a rule, such as ``"generation_timeout when nth=2"``.  The newest rule that matches wins.

        Raises:
            BadEffect: the rule cannot be used; the message says why.
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
        """Answer requests with your own result.

        Args:
            result: the JSON of the result.
            video: a file or URL to which the result points; use it instead of `result`.
            events: what ``/stream`` sends, evenly over the run; other calls get the last one as result.
            status: the HTTP status of the result.
            seconds: how long the job runs.
            logs: its log lines.
            endpoint: only for endpoints whose id ends with this.
            prompt: only for prompts that contain this.
            nth: only for the nth request, counted from 1.

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

    def answer(self, endpoint: str, result: OwnResult) -> None:
        """Set the answer of a model from now on, for any number of calls.

        Args:
            endpoint: the id of the model.
            result: a file, which replaces the files of its kind in results; a whole result; or a function of the
                arguments (with defaults) that returns one of these.

        Raises:
            SettingsError: there is no such file, or the result cannot be used.
            UnknownEndpoint: the model is unknown; the message suggests the nearest one.
        """
        self._emulator.catalogue.find(endpoint)
        self._emulator.judge.results |= Settings(results={endpoint: result}).results

    # -- other programs -------------------------------------------------------------------------

    def serve(self) -> str:
        """Also listen on a socket from now on; returns the base URL, which is then in `url`."""
        if self.url == URL:
            self.url = self._engine.listen()
            os.environ["FAKEFAL_URL"] = self.url
        return self.url

    @cached_property
    def environ(self) -> dict[str, str]:
        """The environment for a child process in any language: its calls come here, as under ``fakefal run``."""
        return self._engine.child_environment(self._key)

    # -- strictness -----------------------------------------------------------------------------

    def end(self, error: BaseException | None) -> None:
        """Report calls that are not emulated, once: as a note on the error of the test, or as an error.

        Raises:
            UnexpectedCall: there were such calls, and the test did not fail itself, or was skipped.
            Exception: the error of the emulator, even if the program swallowed it.
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
        """Take precedence over all other mocks while the block lasts, even if they were set up later."""
        return intercepting(self._engine)

    def _complaint(self) -> str:
        for look in self._engine.do(self._emulator.all()):
            if look.plan is not None and look.plan.ending.status == HTTPStatus.NOT_FOUND and look.plan.ending.hint:
                self._complain(f"a request went to an unknown endpoint: {look.plan.ending.hint}")
        new = [what for what, said in tuple(self._complaints.items()) if not said]
        self._complaints.update(dict.fromkeys(new, True))
        return "\n  ".join(["fakefal does not emulate what was called:", *new, ADVICE]) if new else ""

    def _complain(self, what: str) -> None:
        if self._strict:
            self._complaints.setdefault(what, False)

    def _forged(self, request_id: str, status: int) -> None:
        self._emulator.witness.forged(self._engine.do(self._emulator.find(request_id)).record, status)

    async def _settle(self) -> None:
        """Do everything that is due, including webhooks."""
        await self._emulator.carry_out()


def _now() -> float:
    """The time that the test's program sees, which may be frozen: it compares webhook timestamps with it."""
    return time.time()


def _skips() -> tuple[type[BaseException], ...]:
    """The exceptions that skip a test: unittest's, and pytest's if pytest runs."""
    pytest = sys.modules.get("pytest")
    return (SkipTest, pytest.skip.Exception) if pytest else (SkipTest,)
