"""How the code is laid out: which folder may import which, and one name for one thing."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from support.machine import ROOT

pytestmark = pytest.mark.quick

PACKAGES = {
    "fakefal": ROOT / "fakefal",
    "fakefal_client": ROOT / "client" / "fakefal_client",
    "fakefal_contracts": ROOT / "contracts" / "fakefal_contracts",
    "fakefal_fixtures": ROOT / "fixtures" / "fakefal_fixtures",
}

#: An import leads from a lower line to a higher one.  Those on one line do not know each other.
#: ARCHITECTURE.md shows the same table.
ORDER = """
fakefal_contracts fakefal_fixtures fakefal.core fakefal.version
fakefal_client fakefal.state
fakefal.effects fakefal.verdict fakefal.settings_file
fakefal.setting_values
fakefal.settings fakefal.files
fakefal.store
fakefal.engine
fakefal.wire fakefal.report
fakefal.platform_api fakefal.control
fakefal.document
fakefal.server
fakefal.recording
fakefal.proxy
fakefal.conform fakefal.testing fakefal.audit fakefal.mcp_server
fakefal.pytest_plugin fakefal.cli
fakefal.__main__
"""
LINES = [line.split() for line in ORDER.split("\n") if line]
HEIGHT = {unit: height for height, line in enumerate(LINES) for unit in line}

#: Module names in more than one place, and why they mean one thing.
SAME_MODULES = {
    "access": "who may read a file: what is known, and the same on Redis",
    "app": "the ASGI application, of the emulator and of the proxy",
    "cdn": "fal's CDN: its files, and its routes",
    "drift": "the command is named as what it runs",
    "effects": "what an effect is, and the command that lists them",
    "errors": "one tree of errors for each package",
    "events": "what the emulator tells, and what the client tells of a job",
    "files": "uploaded files: the protocol, the same on Redis, and what the document says of them",
    "journal": "the journal of calls: in memory, and the same on Redis",
    "models": "the command, and the Platform API's catalogue",
    "parts": "what an emulator is made of: in memory, and on Redis",
    "preflight": "what is found before a paid call, by the client and by the proxy",
    "queue": "fal's queue: the protocol, the same on Redis, its routes, and what the document says of them",
    "record": "the record of a model in fal's catalogue, and the command that records calls",
    "synchronous": "calls of fal.run: their routes, and what the document says of them",
    "target": "what a run speaks to, a fake or fal: of the client and of `conform`",
}
#: Classes in more than one place, and why.
SAME_CLASSES = {
    "Record": "what fal's catalogue has of a model, and what is stored of a request",
}


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path, root): path for root in PACKAGES.values() for path in sorted(root.rglob("*.py"))}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imported(nodes: Iterable[ast.AST]) -> set[str]:
    """What is imported wherever in a file: at its top, inside functions, or for type checkers only."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides where it leads"
            assert node.module is not None
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= whole & set(MODULES)
            if whole - set(MODULES):
                found.add(node.module)
    return found


def unit(module: str) -> str:
    """The part of the wheel that is one line of the order: a package, or what lies at fakefal's root."""
    return ".".join(module.split(".")[:2]) if module.startswith("fakefal.") else module.partition(".")[0]


IMPORTS = {module: imported(ast.walk(tree(path))) for module, path in MODULES.items()}


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_every_folder_has_its_place() -> None:
    assert {unit(module) for module in MODULES} - {"fakefal"} == set(HEIGHT)


def test_imports_point_downwards() -> None:
    wrong = {
        f"{module} imports {name}"
        for module in set(MODULES) - {"fakefal"}
        for name in IMPORTS[module] & set(MODULES)
        if unit(name) != unit(module) and HEIGHT[unit(name)] >= HEIGHT[unit(module)]
    }
    assert wrong == set()


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {module: (IMPORTS[module] & set(MODULES)) - {module} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_few_modules_lie_at_the_root() -> None:
    assert len([path for path in PACKAGES["fakefal"].glob("*.py") if path.name != "__init__.py"]) <= 7


def test_one_name_is_one_thing() -> None:
    modules, classes = defaultdict(set), defaultdict(set)
    for module, path in MODULES.items():
        if not path.stem.startswith("__"):
            modules[path.stem].add(module)
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                classes[node.name].add(module)
    assert {name: where for name, where in modules.items() if len(where) > 1 and name not in SAME_MODULES} == {}
    assert {name: where for name, where in classes.items() if len(where) > 1 and name not in SAME_CLASSES} == {}
    assert [name for name in SAME_MODULES if len(modules[name]) < 2] == []
    assert [name for name in SAME_CLASSES if len(classes[name]) < 2] == []


def test_no_package_names_something_as_one_of_its_modules() -> None:
    """Else `import package.name` would put the module in its place."""
    hidden = set()
    for package, path in MODULES.items():
        if path.name != "__init__.py":
            continue
        for node in tree(path).body:
            if isinstance(node, ast.ImportFrom):
                taken = {alias.asname or alias.name for alias in node.names if node.module != package}
                hidden |= {f"{package}.{name}" for name in taken}
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                hidden.add(f"{package}.{node.name}")
    assert hidden & set(MODULES) == set()


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("fakefal", {"fakefal_client"}),
        ("fakefal_client", {"fakefal", "fakefal_fixtures", "fastapi"}),
        ("fakefal_contracts", {"fakefal_fixtures", "httpx", "fastapi", "time", "socket"}),
        ("fakefal_fixtures", {"fakefal_contracts", "httpx", "fastapi"}),
        ("fakefal.core", {"fakefal_contracts", "fakefal_fixtures", "httpx", "fastapi", "asyncio", "time", "random"}),
    ],
)
def test_what_a_part_does_without(folder: str, forbidden: set[str]) -> None:
    for module in MODULES:
        if f"{module}.".startswith(f"{folder}."):
            assert not packages(IMPORTS[module]) & forbidden, module


def test_few_modules_of_the_emulator_import_httpx() -> None:
    users = {module for module in MODULES if unit(module) != "fakefal_client" and "httpx" in IMPORTS[module]}
    names = (
        "files.fetch",
        "files.pinned",
        "engine.webhooks",
        "cli.demo",
        "mcp_server.emulator_calls",
        "proxy.upstream",
    )
    assert users == {f"fakefal.{name}" for name in (*names, "testing.measure", "testing.recorded_webhooks")}


def test_only_the_drivers_of_the_client_import_httpx() -> None:
    loading = set()
    for module, path in MODULES.items():
        if unit(module) == "fakefal_client":
            run = [node for node in tree(path).body if not ast.unparse(node).startswith("if TYPE_CHECKING:")]
            if "httpx" in imported(child for node in run for child in ast.walk(node)):
                loading.add(module)
    assert loading == {"fakefal_client.driver", "fakefal_client.async_driver"}


def test_no_test_module_imports_another() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        if "node_modules" not in path.parts:
            named = {part for name in imported(ast.walk(tree(path))) for part in name.split(".")}
            assert not {name for name in named if name == "conftest" or name.startswith("test_")}, path


def test_what_is_pinned_names_no_address() -> None:
    for name in ("constraints.txt", "constraints-lowest.txt"):
        assert not re.search(r"://| @ |^-", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    for folder in ("tests/js", "tools/bench"):
        assert '"resolved"' not in (ROOT / folder / "package-lock.json").read_text("utf-8")
