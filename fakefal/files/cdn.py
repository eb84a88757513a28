"""The fake CDN: uploads, generated files, and the files of the documents' examples, by path."""

from __future__ import annotations

import mimetypes
import secrets
import shutil
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from fakefal.files.made import MadeFile, made_at
from fakefal.files.making import MadeFiles
from fakefal.files.media_types import MEDIA_TYPES
from fakefal.state.endings import CDN_MARK
from fakefal.state.files import FileStore, StoredFile, safe_name
from fakefal.state.jsonio import texts_in
from fakefal_contracts.addresses import is_loopback
from fakefal_contracts.hosts import BaseUrl, Part, emulated_path, host_name, is_address, part_of, split_address
from fakefal_fixtures import EXAMPLE_CLIPS, EXAMPLES, example_file

LONGEST_ADDRESS = 2048
"""Longer addresses are parsed each time: they are seldom repeated, and a cache of them would cost memory."""

MOST_NAMED = 1000
"""The number of addresses in a body that are looked at, far more than any model takes."""


class Cdn:
    """Finds the file at a path or an address.

    `fakefal.state.access` knows which files were removed or have expired; the caller passes that on.

    Args:
        files: the uploads.
    """

    def __init__(self, files: FileStore) -> None:
        self.files = files
        self.made = MadeFiles(rendered=files)

    def path_of(self, address: str, base_url: BaseUrl, gone: Collection[str] = ()) -> str | None:
        """The local path of an address for a caller with this base URL; None for foreign addresses.

        An address on fal's CDN is ours if the emulator has the file. Other addresses there belong to the real CDN,
        which is never called. An address under another base URL of the emulator is ours too.
        """
        place = _place_of(address, base_url)
        if place is None:
            return None
        path, own = place
        return path if own or self.find(path, gone) else None

    def find(self, url_path: str, gone: Collection[str] = ()) -> StoredFile | None:
        """The file at a CDN path such as ``/files/b/0a8d1c8a/..._output.mp4``, unless it is gone."""
        if url_path in gone:
            return None
        if stored := self.files.get(url_path):
            return stored
        if made := made_at(url_path) or _example_clip(url_path):
            return replace(self.made.get(made), url_path=url_path)
        return _example(url_path) if example_file(url_path) else None

    def is_slow(self, url_path: str) -> bool:
        """Whether the file at a path must be generated first; a worker thread should then do it."""
        made = made_at(url_path)
        return made is not None and made not in self.made

    def own_file(self, source: str) -> dict[str, Any]:
        """A user's file as a file object of fal's: a URL stays as it is, a local file is stored here first.

        Raises:
            OSError: the file can no longer be read.
        """
        name = safe_name(urlsplit(source).path if is_address(source) else Path(source).name)
        kind = MEDIA_TYPES.get(name.rpartition(".")[2].lower()) or mimetypes.guess_type(name)[0] or "video/mp4"
        described: dict[str, Any] = {"url": source, "content_type": kind, "file_name": name, "file_size": None}
        if not is_address(source):
            with Path(source).open("rb") as given, self.files.writing() as written:
                shutil.copyfileobj(given, written)
            kept = self.files.keep(written, new_file_path(name), kind)
            described |= {"url": CDN_MARK + kept.url_path, "file_size": kept.size}
        return described


def named_paths(value: Any, base_url: BaseUrl) -> set[str]:
    """The CDN paths of the addresses in a JSON value, at most `MOST_NAMED`."""
    places = (_place_of(address, base_url) for address in addresses_in(value))
    return {path for path, _ in islice(filter(None, places), MOST_NAMED)}


def addresses_in(value: Any) -> Iterator[str]:
    """Every address in a JSON value, in order."""
    return filter(is_address, texts_in(value))


def _place_of(address: str, base_url: BaseUrl) -> tuple[str, bool] | None:
    base = base_url.base or ""
    return (_place if len(address) + len(base) <= LONGEST_ADDRESS else _place.__wrapped__)(address, base)


@lru_cache(maxsize=4096)
def _place(address: str, base: str) -> tuple[str, bool] | None:
    """The CDN path of an address, and whether it certainly is ours; None for addresses of other servers.

    `base` is the base URL of the caller, or empty for fal's own hosts.
    """
    try:
        parts = split_address(address)
        name = parts.hostname or ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not address.startswith(parts.scheme):
        return None
    path = unquote(parts.path)
    if part_of(name.rstrip(".")) is Part.CDN:
        return path, False
    own = urlsplit(base)
    prefix = f"{own.path}/{Part.CDN}"
    if base and _same_place(parts.netloc, own.netloc) and path.startswith(f"{prefix}/"):
        return path.removeprefix(prefix), True
    inner = emulated_path(path)
    return (inner, False) if inner else None


def _example_clip(url_path: str) -> MadeFile | None:
    seconds = EXAMPLE_CLIPS.get(url_path)
    return MadeFile("mp4", 1920, 1080, float(seconds)) if seconds else None


@cache
def _example(url_path: str) -> StoredFile:
    """A file of the documents' examples; these never change."""
    example = EXAMPLES[url_path]
    return StoredFile(url_path, example.content_type, example.path.stat().st_size, example.path)


def new_file_path(name: str) -> str:
    """A CDN path in the form of uploads since 2026: eight hex digits, an id, the name."""
    return f"/files/b/{secrets.token_hex(4)}/{secrets.token_urlsafe(16)[:21]}_{safe_name(name)}"


def _same_place(netloc: str, other: str) -> bool:
    """Whether two authorities are one server; loopback has several names."""
    if netloc.lower() == other.lower():
        return True
    loopback = is_loopback(host_name(netloc)) and is_loopback(host_name(other))
    return loopback and netloc.rpartition(":")[2] == other.rpartition(":")[2]
