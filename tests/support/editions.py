"""Every edition of every endpoint, for tests that hold for each.

What `documented` and `latest` name is the model of the oldest and the newest revision (test_rules.py holds it), so
each model is tested once.
"""

from __future__ import annotations

import pytest

from fakefal_contracts import FOUNDING, Edition


def _case(edition: Edition) -> object:
    newest = edition == edition.endpoint.editions[-1]
    marks = [pytest.mark.quick] if newest else []
    return pytest.param(edition, marks=marks, id=f"{edition.contract}:{edition.endpoint.name}")


every_edition = pytest.mark.parametrize(
    "edition", [_case(edition) for endpoint in FOUNDING.values() for edition in endpoint.editions]
)
