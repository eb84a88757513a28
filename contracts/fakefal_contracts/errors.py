"""The errors of this package.

ContractError                 the base of all errors below
|- UnknownEndpoint            no contract covers the endpoint
|- UnknownContract            the contract does not exist, or its date is before the first revision
|- UnreadableContract         a document cannot be read
`- Unreadable                 a file cannot be measured
   `- CutOff                  it ends too early
"""

from __future__ import annotations

WHOLE = "send the whole file"
"""What to do about files that are cut off."""


class ContractError(ValueError):
    """The base of all errors of this package; the message says what to change."""


#: Families that are known by name only, by how their ids begin (two forms of Kling's are reported).
_UNPUBLISHED = {"kling/v4/": "Kling 4.0", "fal-ai/kling-video/v4/": "Kling 4.0"}


def no_model(endpoint_id: str) -> str:
    """The start of messages about an unknown model."""
    return f"fakefal knows no model {endpoint_id[:200]}"


def unknown_model(endpoint_id: str, nearest: str | None = None) -> str:
    """The message for an unknown id; it never says that fal does not have the model."""
    said, add = no_model(endpoint_id), f"fakefal models add {endpoint_id[:200]}"
    if family := next((name for start, name in _UNPUBLISHED.items() if endpoint_id.startswith(start)), None):
        return f"{said}: no document of {family} has been published yet. Once fal has one: {add}"
    return f"{said}: did you mean {nearest}? If not, add it: {add}" if nearest else f"{said}: {add}"


def how_to_price(endpoint_id: str) -> str:
    """The setting that gives a model a price."""
    return f'set it in fakefal.toml: [prices."{endpoint_id}"] usd = "0.025", unit = "image"'


class UnknownEndpoint(ContractError):
    """The model is unknown here; fal may still have it."""

    def __init__(self, endpoint_id: str, nearest: str | None) -> None:
        super().__init__(unknown_model(endpoint_id, nearest))
        self.endpoint_id = endpoint_id


class UnknownContract(ContractError):
    """The contract is neither ``documented`` nor ``latest`` nor a date on or after the first revision."""


class UnreadableContract(ContractError):
    """A published document cannot be read, or does not hold the endpoint; ``str()`` says why."""


class Unreadable(ContractError):
    """The bytes could not be measured; ``str()`` says why in a few words, and what to do if that is known."""

    def __init__(self, why: str, advice: str = "") -> None:
        super().__init__(f"{why}; {advice}" if advice else why)
        self.advice = advice


class CutOff(Unreadable):
    """The bytes end too early, or may do so."""

    def __init__(self, why: str) -> None:
        super().__init__(why, WHOLE)
