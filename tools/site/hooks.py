"""Hooks of MkDocs: tables made from the code, pages of the repository's root, and links that leave the site.

In a page, ``<!-- generated: NAME -->`` is replaced by the output of a function of `tools.site.tables`.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
for folder in (ROOT, ROOT / "client", ROOT / "contracts", ROOT / "fixtures"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))  # this checkout, whatever is installed

from tools.site.tables import TABLES, table  # noqa: E402 - found by the lines above

FROM_ROOT = {
    "javascript.md": "js/README.md",
    "maintainers/contributing.md": "CONTRIBUTING.md",
    "maintainers/architecture.md": "ARCHITECTURE.md",
    "maintainers/changelog.md": "CHANGELOG.md",
}
"""Pages that are elsewhere in the repository, where people expect them."""

_PAGES = {ROOT / file: page for page, file in FROM_ROOT.items()}
_TABLE = re.compile(r"^<!-- generated: ([\w-]+) -->$", re.MULTILINE)
_DIAGRAM = re.compile(r"^```mermaid\nstateDiagram-v2\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_STEP = re.compile(r"^ *(\S+) --> (\S+): (.+)$", re.MULTILINE)
_LINK = re.compile(r"^```.*?^```$|(?<=\]\()(?![a-z]+:|[#/])(?P<link>[^)#\s]+)", re.DOTALL | re.MULTILINE)
"""A block of code, or the address of a link to a file."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's root."""
    for page, file in FROM_ROOT.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / file)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Insert the tables, and point links that leave the site to the repository."""
    source = Path(page.file.abs_src_path or "")
    whole = _TABLE.sub(lambda found: TABLES[found[1]](), markdown)
    whole = _DIAGRAM.sub(lambda found: _steps(found[1]), whole)
    return _LINK.sub(lambda found: _address(found["link"], page, source, config) if found["link"] else found[0], whole)


def _steps(diagram: str) -> str:
    """A state diagram as a table: to draw it, readers' browsers would load a library from another host."""
    steps = _STEP.findall(diagram)
    return table(("from", "by", "to"), [(before.replace("[*]", "(new)"), move, after) for before, after, move in steps])


def _address(link: str, page: Page, source: Path, config: MkDocsConfig) -> str:
    """The target on the site of a link in the repository."""
    target = Path(os.path.normpath(source.parent / link))
    docs = Path(config.docs_dir)
    inside = _PAGES.get(target) or (target.relative_to(docs).as_posix() if target.is_relative_to(docs) else None)
    if inside is not None:
        return os.path.relpath(inside, Path(page.file.src_uri).parent)
    if not target.exists():
        return link  # MkDocs warns of it
    kind = "tree" if target.is_dir() else "blob"
    return f"{config.extra['repository']}/{kind}/main/{target.relative_to(ROOT).as_posix()}"
