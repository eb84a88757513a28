"""Limits of a file that may be a picture, a clip or a sound: it is measured as what it is, and no kind is refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.media import Facts, Limits
from fakefal_contracts.probe import probe_audio, probe_clip, probe_file, probe_picture


@dataclass(frozen=True, kw_only=True)
class MediaLimits(Limits):
    """Bytes of a file of any kind."""

    noun: ClassVar[str] = "file of any kind"

    @override
    def measure(self, source: bytes | Path) -> Facts:
        for probe in (probe_picture, probe_clip, probe_audio):
            try:
                return probe(source)
            except Unreadable:
                continue
        return probe_file(source)
