"""Signing keys that belong to one server and are kept in its spool."""

from __future__ import annotations

from pathlib import Path

from fakefal.settings import SettingsError
from fakefal.state.signing import MemorySigningKeys, SigningKeys, new_key

FILE_NAME = ".fakefal-signing-keys"
"""One private key per line, oldest first."""


def own_keys(spool: Path | None) -> SigningKeys:
    """Keys that no other machine has; without a spool, a restart makes new ones.

    Raises:
        SettingsError: the key file cannot be read or written.
    """
    if spool is None:
        return MemorySigningKeys([new_key()])
    path = spool / FILE_NAME

    def keep(keys: list[str]) -> None:
        spool.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text("\n".join(keys), "ascii")
        fresh.replace(path)

    try:
        if not path.exists():
            keep([new_key()])
        return MemorySigningKeys(path.read_text("ascii").split(), keep)
    except ValueError as error:
        raise SettingsError(f"{path} contains no signing keys: remove it to make new ones") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be used: {error.strerror or error}") from error
