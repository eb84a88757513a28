"""Emulate fal inside a test: `Fakefal` is the type of the pytest fixture ``fakefal``, and works without pytest.

For example:

    with Fakefal(profile="stepped") as fal:
        ...  # any code that calls fal
        fal.assert_billed("0.56")
"""

from __future__ import annotations

import fakefal.testing.preparation  # noqa: F401 - before all else: not while time is frozen
from fakefal.core.grammar import BadEffect
from fakefal.settings import SettingsError
from fakefal.state.ledger import LedgerEntry, Sums
from fakefal.testing.fake import Fakefal
from fakefal.testing.recorded_webhooks import RecordedWebhook, RecordedWebhooks
from fakefal.testing.seen_requests import EmulatedRequest
from fakefal.testing.strictness import UnexpectedCall

__all__ = [
    "BadEffect",
    "EmulatedRequest",
    "Fakefal",
    "LedgerEntry",
    "RecordedWebhook",
    "RecordedWebhooks",
    "SettingsError",
    "Sums",
    "UnexpectedCall",
]
