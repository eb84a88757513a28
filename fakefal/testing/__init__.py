"""fal inside tests: `Fakefal` is what the pytest fixture ``fakefal`` gives, and works without pytest.

with Fakefal(profile="stepped") as fal:
...  # any code that calls fal by httpx: fal's own client, fakefal's, yours
fal.assert_billed("0.56")
"""

from __future__ import annotations

from fakefal.core.effects import BadEffect
from fakefal.ledger import Entry, Sums
from fakefal.settings import SettingsError
from fakefal.testing.fake import Fakefal
from fakefal.testing.requests import Request
from fakefal.testing.strictness import UnexpectedCall
from fakefal.testing.webhooks import Webhook, Webhooks

__all__ = [
    "BadEffect",
    "Entry",
    "Fakefal",
    "Request",
    "SettingsError",
    "Sums",
    "UnexpectedCall",
    "Webhook",
    "Webhooks",
]
