"""The public names, and the tree of errors."""

from __future__ import annotations

import inspect
import re
import sys

import fakefal_client
from fakefal_client import errors
from fakefal_client.errors import FakefalError
from support.waiting import run_program


def test_all_names_what_there_is() -> None:
    public = {name for name, value in vars(fakefal_client).items() if not name.startswith("_")}
    public -= {name for name in public if inspect.ismodule(getattr(fakefal_client, name)) and name != "kling"}
    assert set(fakefal_client.__all__) == public - {"annotations"}


def test_the_tree_is_the_one_that_is_printed() -> None:
    printed = dict.fromkeys(re.findall(r"^(?:\|  )*[|`]?-? ?(\w+) {2,}", errors.__doc__ or "", re.MULTILINE))
    classes = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, FakefalError) and value.__module__ == errors.__name__
    }
    assert set(printed) == classes
    for name in classes:
        assert name in fakefal_client.__all__


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, fakefal_client; fakefal_client.kling.KlingO1ReferenceToVideo(prompt='x'); print(*sys.modules)"
    loaded = run_program([sys.executable, "-c", code], check=True).stdout.split()
    heavy = {"fastapi", "starlette", "uvicorn", "PIL", "cryptography", "fakefal", "httpx", "hypothesis"}
    assert not heavy & set(loaded)
