"""``fakefal conform``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fakefal.cli.help_examples import examples as shown_examples
from fakefal.cli.options import (
    check_upstream,
    full_id,
    real_key,
    settings_from,
    settings_options,
    stand_in,
    usd,
)
from fakefal.version import install_line
from fakefal_contracts import FOUNDING, Catalogue, ContractError

if TYPE_CHECKING:
    from fakefal.conform.results import SuiteRun
    from fakefal.conform.service import TargetService
    from fakefal.conform.suite import Suite

FAL = "fal"
NEEDS = f"fakefal conform needs Hypothesis: {install_line('test')}"
AUTOMATIC = ("CI", "PYTEST_CURRENT_TEST", "PYTEST_VERSION")
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(
    epilog=shown_examples(
        "fakefal conform --target http://127.0.0.1:8710",
        "fakefal conform --target fal --max-usd 5",
    )
)
@click.option("--target", metavar="URL|fal", help="The base URL of an emulator, or fal for the real service.")
@click.option("--max-usd", type=usd, default="0", show_default=True, help="With fal: spend at most this.")
@click.option("--upstream", metavar="URL", help="With fal: call this server under the host names of fal.")
@click.option("--endpoint", "endpoints", multiple=True, help="Test this model (default: the Kling family). Repeatable.")
@settings_options
@click.option("--contract", help="The schema to expect: latest, documented, or a day (default: that of the target).")
@click.option("--seed", type=int, default=0, show_default=True, help="Another number draws other requests.")
@click.option("--examples", type=click.IntRange(1), default=3, show_default=True, help="Requests for each rule.")
@click.option(
    "--cases",
    type=_FOLDER,
    default="conform-cases",
    show_default=True,
    help="Run the cases of this folder first, and write new differences there.",
)
@click.option("--webhook-url", help="With fal: a public URL that leads to --webhook-port of this machine.")
@click.option("--webhook-port", type=click.IntRange(0, 65535), default=0, help="Receive webhooks on this port.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    target: str | None,
    max_usd: Decimal,
    upstream: str | None,
    endpoints: tuple[str, ...],
    models: tuple[Path, ...],
    contract: str | None,
    seed: int,
    examples: int,
    cases: Path,
    webhook_url: str | None,
    webhook_port: int,
    *,
    as_json: bool,
) -> None:
    """Test whether a server answers as fal does, rule by rule.  --max-usd SPENDS MONEY, up to the limit.

    Against fal, set FAL_KEY.  Nothing is spent by default: each request also breaks a second rule that every known
    schema has, so fal refuses it.  Tests that cannot be done in this way are listed as not run.  Needs the extra
    `test`: fakefal[test].

    Exit code 0: agreed; 1: something differs; 2: wrong usage.
    """
    if target is None:
        raise click.UsageError("give --target URL, or --target fal")
    if upstream is not None and target != FAL:
        raise click.UsageError("--upstream needs --target fal")
    catalogue = settings_from(models=models).catalogue()
    wanted = tuple(full_id(one, catalogue) for one in endpoints) or (*catalogue.own, *(() if models else FOUNDING))
    _check_extra()
    with _service(target, max_usd, upstream, catalogue) as service:
        suite = _suite(service, contract, wanted, examples, seed, cases, webhook_url, webhook_port, catalogue)
        run = _run(suite, cases)
    click.echo(json.dumps(run.as_dict(), indent=2) if as_json else run.text())
    sys.exit(0 if run.agrees else 1)


def _check_extra() -> None:
    try:
        import hypothesis  # noqa: F401 - whether it is there
    except ImportError as error:
        raise click.UsageError(NEEDS) from error


@contextmanager
def _service(target: str, max_usd: Decimal, upstream: str | None, catalogue: Catalogue) -> Iterator[TargetService]:
    """The target from the command line, and its spend limit."""
    from fakefal.conform.service import TargetService
    from fakefal.conform.spend_guard import SpendGuard
    from fakefal.conform.target import ProbedTarget
    from fakefal.proxy.upstream import Upstream
    from fakefal.recording.spend_limit import SpendLimit

    if target == FAL:
        if upstream is None and (found := [name for name in AUTOMATIC if os.environ.get(name)]):
            raise click.UsageError(f"--target fal is for use by hand, but {found[0]} is set")
        if upstream is not None:
            check_upstream(upstream)
        calls = ProbedTarget(None, Upstream(upstream), key=real_key(os.environ))
        purse, patience = SpendGuard(SpendLimit(max_usd), catalogue), 1200.0
    else:
        fake = stand_in(
            target,
            malformed="--target: give fal, or a base URL such as http://127.0.0.1:8710",
            of_fal="--target: this is a fal host; write --target fal, which has a spend limit",
        )
        calls, purse, patience = ProbedTarget(fake, Upstream(fake)), SpendGuard(None, catalogue), 60.0
    with calls:
        yield TargetService(calls, purse, patience_seconds=patience)


def _suite(
    service: TargetService,
    contract: str | None,
    wanted: tuple[str, ...],
    examples: int,
    seed: int,
    cases: Path,
    webhook_url: str | None,
    webhook_port: int,
    catalogue: Catalogue,
) -> Suite:
    from fakefal.conform.cases import BadCase, read_cases
    from fakefal.conform.results import NotRun
    from fakefal.conform.suite import Suite, own_contract

    try:
        known = tuple(read_cases(cases))
        _check_covered(catalogue, wanted, contract or "latest")
        own = own_contract(service.target)
        chosen = contract or own or "latest"
        _check_covered(catalogue, wanted, chosen)
    except (ContractError, BadCase, NotRun) as error:
        raise click.UsageError(str(error)) from error
    same = own == chosen
    return Suite(service, chosen, wanted, examples, seed, known, webhook_url, webhook_port, same, catalogue)


def _check_covered(catalogue: Catalogue, endpoint_ids: tuple[str, ...], contract: str) -> None:
    """Raise `ContractError` if a model is unknown or has no such contract."""
    for one in endpoint_ids:
        catalogue.find(one).edition(contract)


def _run(suite: Suite, cases: Path) -> SuiteRun:
    """Run all tests; each difference is stored as a case."""
    from fakefal.conform.cases import write_case
    from fakefal.conform.results import ClaimState, SuiteRun

    run = SuiteRun(suite.service.target.name, suite.contract, suite.seed, suite.examples)
    for outcome in suite.run():
        run.outcomes.append(outcome)
        if outcome.state is ClaimState.DIFFERS:
            kept = f" ({write_case(cases, outcome.reproducer)})" if outcome.reproducer is not None else ""
            click.echo(f"differs: {outcome.area}: {outcome.claim}{kept}", err=True)
    run.spent_usd = suite.service.purse.spent_usd
    return run
