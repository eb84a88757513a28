"""What a receiver's answer means for its webhook.  `fakefal.core.webhook` knows no HTTP status."""

from __future__ import annotations

from http import HTTPStatus

from fakefal.core.webhook import REFUSED, DeliveryAttempt


def attempted(at: float, status: int | None, error: str | None = None) -> DeliveryAttempt:
    """One try: any 2xx acknowledges; redirects and refused targets are final (fal's documentation, September 2026)."""
    return DeliveryAttempt(
        at,
        status,
        error,
        acknowledged=status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES,
        final=(error or "").startswith(REFUSED) or (status is not None and status < HTTPStatus.BAD_REQUEST),
    )
