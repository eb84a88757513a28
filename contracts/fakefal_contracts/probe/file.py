"""Files of any kind, of which only the size matters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fakefal_contracts.errors import CutOff
from fakefal_contracts.probe.kinds import EMPTY
from fakefal_contracts.probe.source import size_of


@dataclass(frozen=True)
class FileFacts:
    """A file whose content is not checked, such as an archive or a 3D model."""

    bytes: int
    format: str = ""
    unread: str = ""


def probe_file(source: bytes | Path) -> FileFacts:
    """Measure a file.

    Raises:
        CutOff: it is empty.
    """
    size = size_of(source)
    if not size:
        raise CutOff(EMPTY)
    return FileFacts(size)
