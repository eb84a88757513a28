"""Folders import each other in one order, files never in a circle, and a name stands for one thing."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from support.machine import ROOT

PACKAGES = {
    "fakefal_contracts": ROOT / "contracts" / "fakefal_contracts",
    "fakefal_fixtures": ROOT / "fixtures" / "fakefal_fixtures",
    "fakefal_client": ROOT / "client" / "fakefal_client",
    "fakefal": ROOT / "fakefal",
}

ORDER = (
    {"fakefal_contracts", "fakefal_fixtures"},
    {"fakefal_client", "core", "version"},
    {"state"},
    {"effects"},
    {"settings"},
    {"files"},
    {"store"},
    {"engine"},
    {"wire"},
    {"platform_api", "control"},
    {"document"},
    {"server"},
    {"recording"},
    {"proxy"},
    {"conform", "testing"},
    {"pytest_plugin", "cli"},
    {"__main__"},
)
"""The floors of the house.  What stands on one imports from those above it in this list, and from itself."""

SAME_NAME_OF_MODULES = {
    "access": "the protocol with memory's version, and Redis's",
    "answers": "what comes over the wire, made here and read in the client",
    "app": "an ASGI application",
    "bodies": "generated request bodies, and what conform asks with them",
    "cdn": "fal's CDN: its files, and its calls",
    "check": "the function and its command",
    "drift": "the comparison and its command",
    "errors": "one tree of exceptions for each package",
    "files": "stored files: protocol, Redis's version, their calls in the document",
    "hosts": "fal's hosts",
    "journal": "the protocol with memory's version, and Redis's",
    "jobs": "jobs at the service, as client and proxy follow them",
    "lifecycle": "the lifecycle of a request, and the claims about it",
    "openapi": "OpenAPI documents, written and read",
    "parts": "what an emulator is made of: the form, and Redis's",
    "preflight": "what is found before a call is paid",
    "proxy": "the package and its command",
    "queue": "fal's queue: its store's protocol, Redis's version, its calls, their document",
    "record": "the command of the package recording",
    "report": "what is said of a run",
    "run": "the command",
    "synchronous": "fal.run: its call and that call's document",
    "target": "whom calls go to, in client and conform",
    "uploads": "uploads: the client's, and the claims about them",
    "webhooks": "webhooks: sent, received, verified, and the claims about them",
}
SAME_NAME_OF_CLASSES = {
    "Element": "fal's schemas name them so, and pydantic prints the name",
    "ReferenceToVideo": "fal's schemas name them so, and pydantic prints the name",
}


def modules() -> Iterator[tuple[str, Path]]:
    for package, folder in PACKAGES.items():
        for path in folder.rglob("*.py"):
            parts = (package, *path.relative_to(folder).with_suffix("").parts)
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


FILES = dict(modules())


def room(module: str) -> str:
    """Where a module lies: a folder of the emulator, a module at its root, or one of the other packages."""
    package, _, rest = module.partition(".")
    return (rest.partition(".")[0] or package) if package == "fakefal" else package


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imports(module: str) -> set[str]:
    """The modules of ours that a module names, wherever it does: late, or for type checkers only."""
    found = set()
    for node in ast.walk(tree(FILES[module])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {one if one in FILES else node.module for one in named}
    return {one for one in found if one in FILES and one != module}


def test_folders_import_each_other_in_one_order() -> None:
    floors = {name: number for number, names in enumerate(ORDER) for name in names} | {"fakefal": -1}
    assert {room(one) for one in FILES} <= floors.keys()
    upward = {
        (one, other)
        for one in FILES
        for other in imports(one)
        if room(one) != room(other) and floors[room(one)] <= floors[room(other)]
    }
    assert upward == set()


def test_no_file_imports_itself_by_others() -> None:
    order = TopologicalSorter({one: {other for other in imports(one) if not is_parent(other, one)} for one in FILES})
    order.prepare()  # raises CycleError, which names the circle


def is_parent(package: str, module: str) -> bool:
    """Whether a package holds a module: its `__init__` lists what it exports."""
    return module.startswith(f"{package}.")


def test_few_modules_lie_at_the_root() -> None:
    assert len(list((ROOT / "fakefal").glob("*.py"))) <= 7


@pytest.mark.parametrize(("kind", "allowed"), [("module", SAME_NAME_OF_MODULES), ("class", SAME_NAME_OF_CLASSES)])
def test_a_name_stands_for_one_thing(kind: str, allowed: dict[str, str]) -> None:
    places = defaultdict(set)
    for module, path in FILES.items():
        folder = module.rpartition(".")[0]
        if kind == "module" and path.stem not in ("__init__", "__main__"):
            places[path.stem].add(folder)
        if kind == "class":
            for node in tree(path).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].add(module)
    several = {name for name, found in places.items() if len(found) > 1}
    assert several <= allowed.keys(), {name: places[name] for name in several - allowed.keys()}
    assert allowed.keys() <= places.keys(), "a reason is given for nothing"
