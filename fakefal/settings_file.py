"""Finds `fakefal.toml`, and resolves its relative paths."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fakefal.core.grammar import BadEffect, read_rule, rule_text
from fakefal_contracts.hosts import is_address

FILE_NAME = "fakefal.toml"


def nearest_file(folder: Path) -> Path | None:
    """The settings file of a project: in this folder, or the nearest one above.

    The search ends at the root of the repository and at the user's home.  A file of another owner than this folder's
    is ignored.
    """
    last, owner = Path("~").expanduser(), folder.stat().st_uid
    for one in (folder, *folder.parents):
        found = one / FILE_NAME
        if found.is_file() and (one == folder or found.stat().st_uid == owner):
            return found
        if one == last or (one / ".git").exists():
            break
    return None


def with_paths_below(folder: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a settings file, with relative paths resolved from its folder.

    Values of a wrong type stay unchanged; the settings refuse them.
    """
    found = dict(values)
    if isinstance(models := found.get("models"), list | str):
        found["models"] = [_below(folder, one) for one in _items(models, os.pathsep)]
    if isinstance(results := found.get("results"), dict):
        found["results"] = {name: _below(folder, one) for name, one in results.items()}
    if isinstance(effects := found.get("effects"), list | str):
        found["effects"] = [_effect_below(folder, one) for one in _items(effects, ";")]
    if "spool" in found:
        found["spool"] = _below(folder, found["spool"])
    return found


def _items(values: list[Any] | str, separator: str) -> list[Any]:
    """A list, which a setting may also write as one text."""
    return values.split(separator) if isinstance(values, str) else values


def _below(folder: Path, value: Any) -> Any:
    return str(folder / value) if isinstance(value, str) else value


def _effect_below(folder: Path, text: Any) -> Any:
    try:
        name, arguments, conditions = read_rule(text)
    except (BadEffect, TypeError):
        return text
    video = arguments.get("video")
    if not isinstance(video, str) or is_address(video):
        return text
    return rule_text(name, arguments | {"video": _below(folder, video)}, conditions)
