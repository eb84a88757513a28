"""Everything that an emulator would import or build at its first calls, done once and early.

A test may freeze time.  freezegun then has other classes stand for dates, and what is imported or built meanwhile holds
on to them, or cannot be built at all.
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
"""What is imported where it is needed, by the emulator or by libraries for it."""


def prepare() -> None:
    """Import and build it.

    Raises:
        ImportError: freezegun holds the time right now.
    """
    if dt.datetime.__module__ != "datetime":
        raise ImportError(
            "fakefal.testing is imported while time is frozen: import it at the top of the file, or let the test name "
            "the fixture fakefal"
        )
    for name in LATE:
        importlib.import_module(name)
    from PIL import Image

    from fakefal.server import documented

    Image.init()
    documented.routes()


prepare()
