"""What tests share: servers, sites, programs and media, and how they are spoken to."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(*(f"support.{name}" for name in ("redis_server", "server", "suite", "uploads", "wire")))
