"""The folder of ``serve --lead``: the files that lead programs of this machine, readable by their user only.

The folder holds no secrets: the authority's key and the control API's token stay in the server's memory.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from fakefal.server.child import ChildAddresses, leading_files

VARIABLES = "environment.json"
"""The file with the variables that lead a program."""

FOR_USER_ONLY = 0o600
OTHERS = 0o077
ELSEWHERE = "the server is on another machine, or in a container: use fakefal run --attach"


class NotLed(Exception):
    """The folder cannot lead programs here; the message says why, and what to do instead."""


def write_lead_folder(environ: Mapping[str, str], addresses: ChildAddresses) -> None:
    """Write the files that programs read, and the variables that name them; other users cannot read them."""
    leading = leading_files(environ, addresses)
    (addresses.folder / VARIABLES).write_text(json.dumps(leading), "utf-8")
    for path in addresses.folder.rglob("*"):
        if path.is_file():
            path.chmod(FOR_USER_ONLY)


def read_lead_folder(folder: Path) -> dict[str, str]:
    """The variables that lead a program by the files of a folder.

    Programs of this user execute files of the folder. So only this user may be able to write to it, whoever chose it.

    Raises:
        NotLed: the folder does not exist on this machine, or others can write to it.
    """
    try:
        found = folder.lstat()
    except OSError as error:
        raise NotLed(ELSEWHERE) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & OTHERS:
        raise NotLed("the server is another user's: use fakefal run --attach")
    try:
        leading = json.loads((folder / VARIABLES).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise NotLed(ELSEWHERE) from error
    return {str(name): str(value) for name, value in leading.items()}
