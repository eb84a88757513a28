"""The page carries the libraries that were published, and little else."""

from __future__ import annotations

import re

import pytest

from fakefal.control.page import page_files
from support.machine import ROOT, required_in_ci

PACKAGES = ROOT / "tests" / "js" / "node_modules"
PAGE = ROOT / "fakefal" / "page"


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("preact.mjs", "preact/dist/preact.mjs"),
        ("hooks.mjs", "preact/hooks/dist/hooks.mjs"),
        ("htm.mjs", "htm/dist/htm.module.js"),
    ],
)
def test_what_is_vendored_is_what_was_published(name: str, published: str) -> None:
    if not (PACKAGES / published).exists():
        required_in_ci("the packages of the JavaScript tests are missing (make js)")
    text = (PACKAGES / published).read_text("utf-8")
    text = re.sub(r"^//# sourceMappingURL=.*\n?", "", text, flags=re.MULTILINE)
    text = re.sub(r'from ?"preact"', 'from"./preact.mjs"', text)
    assert (PAGE / "vendor" / name).read_text("utf-8").strip() == text.strip()


def test_its_licences_come_with_it() -> None:
    assert "MIT License" in (PAGE / "vendor" / "preact-LICENSE.txt").read_text("utf-8")
    assert "Apache License" in (PAGE / "vendor" / "htm-LICENSE.txt").read_text("utf-8")


def test_its_own_modules_are_short_and_never_write_html() -> None:
    for path in PAGE.glob("*.js"):
        text = path.read_text("utf-8")
        assert len(text.splitlines()) < 250, path
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text), (
            path
        )
        assert "https://" not in text, path


def test_all_of_it_is_small() -> None:
    own = sum(len(content) for name, content in page_files().items() if not name.startswith("vendor/"))
    vendored = sum(len(content) for name, content in page_files().items() if name.startswith("vendor/"))
    assert own < 100_000
    assert vendored < 20_000
