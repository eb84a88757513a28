"""``fakefal endpoints``."""

from __future__ import annotations

import json
from typing import Any

import click

from fakefal.cli.options import full_id, settings_from
from fakefal_contracts import ENDPOINTS, ContractError, Edition, Endpoint, find_endpoint, rulebook
from fakefal_contracts.check import MEDIA_CAUTIONS
from fakefal_contracts.endpoint import parse_contract


@click.command
@click.argument("endpoint", required=False)
@click.option("--contract", help="documented, latest, or a day (default: the setting, documented).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(endpoint: str | None, contract: str | None, *, as_json: bool) -> None:
    """List the endpoints, or every rule of one with its evidence."""
    chosen = settings_from(contract=contract).contract
    day = parse_contract(chosen)
    try:
        rows = [_summary(one) for one in ENDPOINTS.values() if one.editions[0].evidence.date <= day]
        if endpoint is not None:
            rows = _rules(find_endpoint(full_id(endpoint)).edition(chosen))
    except ContractError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        first, *others = (f"{value}" for value in row.values())
        click.echo("\n  ".join([click.style(first, bold=True), *others]))


def _summary(endpoint: Endpoint) -> dict[str, Any]:
    price = endpoint.price("latest")
    tiers = [f"${price.usd}/s"]
    tiers += [f"${price.usd_with_audio}/s with audio"] if price.usd_with_audio else []
    tiers += [f"${price.usd_with_clip}/s with a clip"] if price.usd_with_clip else []
    return {
        "endpoint_id": endpoint.id,
        "title": endpoint.title,
        "price": ", ".join(tiers),
        "contracts": "documented, latest, " + ", ".join(edition.contract for edition in endpoint.editions),
    }


def _rules(edition: Edition) -> list[dict[str, Any]]:
    return [
        {
            "rule": rule.id,
            "says": rule.says,
            "evidence": f"{rule.evidence.grade}, {rule.evidence.source} ({rule.evidence.date})",
        }
        for rule in rulebook(edition)
    ] + [
        {
            "rule": f"{edition.endpoint.name}.{caution.code} (warning)",
            "says": caution.says,
            "evidence": f"{caution.evidence.grade}, {caution.evidence.source} ({caution.evidence.date})",
        }
        for caution in (*edition.model.cautions, *MEDIA_CAUTIONS)
    ]
