"""Imports and builds early what an emulator otherwise imports and builds at its first calls.

A test may freeze time.  freezegun then replaces the date classes.  Modules that are imported meanwhile keep the
replaced classes, or fail to import.
"""

from __future__ import annotations

import datetime as dt
import importlib

LATE = (
    "PIL.ImageDraw",
    "PIL.ImageFont",
    "anyio._backends._asyncio",
    "certifi",
    "cryptography.hazmat.backends.openssl.backend",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "encodings.idna",
    "fakefal.control.metrics",
    "fakefal.document.build",
    "httpx",
    "trustme",
    "uvicorn.lifespan.off",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.auto",
)
"""Modules that the emulator or its libraries import late."""


def prepare() -> None:
    """Import and build everything.

    Raises:
        ImportError: freezegun has frozen the time.
    """
    if dt.datetime.__module__ != "datetime":
        raise ImportError(
            "fakefal.testing is imported while time is frozen: import it at the top of the file, or request the "
            "fixture fakefal in the test"
        )
    for name in LATE:
        importlib.import_module(name)
    from PIL import Image

    from fakefal.server import documented

    Image.init()
    documented.routes()


prepare()
