"""The folder of ``serve --lead``: what leads programs of this machine, in files that only their user can read.

Nothing in it is secret: the authority's key and the control API's token stay in the server's memory.
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
    """Programs here cannot be led by what is in a folder; the message says why, and what to do instead."""


def write_lead_folder(environ: Mapping[str, str], addresses: ChildAddresses) -> None:
    """Write what programs have to read, and the variables that name it; others may read none of it."""
    leading = leading_files(environ, addresses)
    (addresses.folder / VARIABLES).write_text(json.dumps(leading), "utf-8")
    for path in addresses.folder.rglob("*"):
        if path.is_file():
            path.chmod(FOR_USER_ONLY)


def read_lead_folder(folder: Path) -> dict[str, str]:
    """The variables that lead a program by the files of a folder.

    What lies there is run by the programs of this user.  So it must be theirs alone, whoever named the folder.

    Raises:
        NotLed: there is no such folder on this machine, or others can write to it.
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
