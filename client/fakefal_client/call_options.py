"""Options of a client."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import TypedDict

from fakefal_client.budget import Budget
from fakefal_client.endpoint_call import check_options
from fakefal_client.preflight import Preflight
from fakefal_client.retry import Retry, TimeSource
from fakefal_client.session import Session
from fakefal_client.target import find_target
from fakefal_contracts import Catalogue
from fakefal_contracts.own_documents import load_catalogue

OF_EACH_KIND = ("target", "http", "sleep")
POLL_SECONDS = 0.5
TIMEOUT_SECONDS = 60.0


class ClientOptions(TypedDict, total=False):
    """Options of both clients.

    key: ``id:secret``; by default ``FAL_KEY``, or ``FAL_KEY_ID`` and ``FAL_KEY_SECRET``.
    budget: a limit in US dollars, or a `Budget` that several clients share.
    preflight: whether errors are raised before sending (default), or left to the service.
    contract: the contract that judges before sending; by default that of the target.
    models: your documents of models: one or several files or folders, or a `Catalogue`.
    poll_seconds: the pause between two status calls (0.5).
    timeout_seconds: the longest time without data within one call (60).
    retry: how calls that cannot be paid twice are repeated.
    clock: the source of time.
    environ: a mapping to read instead of the environment of the process.
    """

    key: str | None
    budget: Budget | Decimal | float | str | None
    preflight: bool
    contract: str | None
    models: Catalogue | str | Path | Iterable[str | Path]
    poll_seconds: float
    timeout_seconds: float
    retry: Retry
    clock: TimeSource
    environ: Mapping[str, str]


def make_session(given_target: str | None, options: ClientOptions, of: str) -> Session:
    """Create the session that the flows of a client share.

    Raises:
        UsageError: the target is missing or cannot be used, or an option does not exist.
        ContractError: the contract does not exist, or a document of a model cannot be read.
    """
    check_options(options, (*ClientOptions.__annotations__, *OF_EACH_KIND), of)
    environ = options.get("environ", os.environ)
    target = find_target(given_target, options.get("key"), environ)
    budget = options.get("budget")
    return Session(
        target=target,
        preflight=Preflight(target, options.get("contract"), load_catalogue(options.get("models", ()))),
        budget=budget if isinstance(budget, Budget) else Budget(budget),
        retry=options.get("retry", Retry()),
        clock=options.get("clock", TimeSource()),
        poll_seconds=options.get("poll_seconds", POLL_SECONDS),
        timeout_seconds=options.get("timeout_seconds", TIMEOUT_SECONDS),
        strict=options.get("preflight", True),
        user_agent=f"fakefal-client/{version('fakefal')} (python)",
    )
