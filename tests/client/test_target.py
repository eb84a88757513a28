"""Whom the client speaks to is always said, and never guessed."""

from __future__ import annotations

from typing import Any

import pytest

from fakefal_client import AsyncClient, Client, NoKey, NoTarget, RealNotAllowed, UsageError
from fakefal_client.target import FAKE_KEY, find_target

FAKE = "http://127.0.0.1:8710"
PAID = {"FAL_KEY": "id:secret"}


@pytest.mark.parametrize(
    ("given", "environ", "found", "key"),
    [
        (FAKE, {}, FAKE, FAKE_KEY),
        (f"{FAKE}/", PAID, FAKE, "id:secret"),
        (None, {"FAKEFAL_URL": FAKE}, FAKE, FAKE_KEY),
        (None, {"FAKEFAL_TARGET": "fal", **PAID}, "fal", "id:secret"),
        (None, {"FAKEFAL_TARGET": "fal", "FAL_KEY_ID": "a", "FAL_KEY_SECRET": "b"}, "fal", "a:b"),
        ("fal", PAID, "fal", "id:secret"),
        (None, {"FAKEFAL_URL": FAKE, "FAKEFAL_TARGET": "fal", **PAID}, FAKE, "id:secret"),
        ("fal", {"PYTEST_VERSION": "9", "FAKEFAL_ALLOW_REAL": "1", **PAID}, "fal", "id:secret"),
        ("https://fake.internal:8443/fal", {}, "https://fake.internal:8443/fal", FAKE_KEY),
    ],
)
def test_what_says_the_target(given: str | None, environ: dict[str, str], found: str, key: str) -> None:
    target = find_target(given, None, environ)
    assert (str(target), target.key) == (found, key)
    assert target.is_fal == (found == "fal")


@pytest.mark.parametrize(
    ("given", "environ", "error", "said"),
    [
        (None, {}, NoTarget, "FAKEFAL_TARGET=fal"),
        (None, {"FAL_KEY": "real:key"}, NoTarget, "FAKEFAL_URL="),
        (None, {"FAKEFAL_URL": ""}, NoTarget, "target='fal'"),
        ("fal", {}, NoKey, "FAL_KEY"),
        ("fal", {"PYTEST_VERSION": "9", **PAID}, RealNotAllowed, "FAKEFAL_ALLOW_REAL=1"),
        (None, {"FAKEFAL_TARGET": "fal", "PYTEST_CURRENT_TEST": "x", **PAID}, RealNotAllowed, "FAKEFAL_URL"),
        ("https://queue.fal.run", {}, UsageError, "target='fal'"),
        ("https://user@fal.run/x", {}, UsageError, "target='fal'"),
        ("real", {}, UsageError, "neither"),
        ("ftp://127.0.0.1", {}, UsageError, "neither"),
        ("http://", {}, UsageError, "neither"),
        ("http://127.0.0.1:1/?a=b", {}, UsageError, "neither"),
    ],
)
def test_what_is_refused(given: str | None, environ: dict[str, str], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said.replace("?", r"\?")):
        find_target(given, None, environ)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_building_a_client_without_a_target_raises(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FAKEFAL_URL", "FAKEFAL_TARGET", "FAKEFAL_ALLOW_REAL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NoTarget):
        kind()
    monkeypatch.setenv("FAL_KEY", "id:secret")
    with pytest.raises(RealNotAllowed):
        kind("fal")


def test_the_key_that_is_given_wins() -> None:
    assert find_target(FAKE, "mine:secret", PAID).key == "mine:secret"
