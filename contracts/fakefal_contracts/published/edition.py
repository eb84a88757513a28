"""Our own contract: what the document of an edition says."""

from __future__ import annotations

from dataclasses import replace

from fakefal_contracts.endpoint import Edition
from fakefal_contracts.published import Published, SourceKind
from fakefal_contracts.published.endpoint_document import read_record


def read_edition(edition: Edition) -> Published:
    """What one edition publishes: its schema and its media limits, without words and the hand-written rules."""
    said = read_record(edition.record)
    places = {
        path: replace(place, words={name: word for name, word in place.words.items() if name == "order"})
        for path, place in said.places.items()
    }
    source, day = f"contract {edition.contract}", edition.evidence.date
    return replace(said, kind=SourceKind.CONTRACT, source=source, day=day, places=places)
