"""What a film is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shot:
    """One clip to be made."""

    prompt: str
    seconds: int = 5
