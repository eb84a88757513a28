"""The fake CDN: uploads, canned results, and the files of the documents' examples, by path."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from fakefal.access import Access
from fakefal.clips import clip_at
from fakefal.hosts import Part, Way, host_name, part_of
from fakefal.settings import LOOPBACK_HOSTS
from fakefal.store.files import FileStore, StoredFile
from fakefal_fixtures import example_file


class Cdn:
    """Finds what lies at a path, or at an address.

    Args:
        files: the uploads.
        access: which files are gone, and who may read the others.
    """

    def __init__(self, files: FileStore, access: Access) -> None:
        self.files = files
        self.access = access

    def path_of(self, address: str, way: Way) -> str | None:
        """The path here that an address leads to for a caller who came this way, or None for foreign ones.

        Addresses on fal's CDN are own where the emulator has the file; others there belong to the
        real CDN, which is never asked.
        """
        try:
            parts = urlsplit(address)
            name = parts.hostname or ""
        except ValueError:
            return None
        if parts.scheme not in ("http", "https") or not address.startswith(parts.scheme):
            return None
        path = unquote(parts.path)
        if part_of(name.rstrip(".")) is Part.CDN:
            return path if self.find(path) else None
        base = urlsplit(way.base or "")
        prefix = f"{base.path}/{Part.CDN}"
        if way.base and _same_place(parts.netloc, base.netloc) and path.startswith(f"{prefix}/"):
            return path.removeprefix(prefix)
        return None

    def find(self, url_path: str) -> StoredFile | None:
        """The file at a CDN path such as ``/files/b/0a8d1c8a/..._output.mp4``."""
        if self.access.is_gone(url_path):
            return None
        if stored := self.files.get(url_path):
            return stored
        if clip := clip_at(url_path):
            return StoredFile(url_path, "video/mp4", clip.path.stat().st_size, clip.path)
        if example := example_file(url_path):
            return StoredFile(url_path, example.content_type, example.path.stat().st_size, example.path)
        return None


def _same_place(netloc: str, other: str) -> bool:
    """Whether two authorities are one server; loopback has several names."""
    if netloc.lower() == other.lower():
        return True
    names = {host_name(netloc), host_name(other)}
    return names <= LOOPBACK_HOSTS and netloc.rpartition(":")[2] == other.rpartition(":")[2]
