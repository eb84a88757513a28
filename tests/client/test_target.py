"""Whom the client speaks to is always said, and never guessed."""

from __future__ import annotations

from typing import Any

import pytest
import respx

from fakefal_client import AsyncClient, Client, NoKey, NoTarget, RealNotAllowed, UsageError
from fakefal_client.target import FAKE_KEY, find_target
from support.endpoints import O1

pytestmark = pytest.mark.quick

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
        ("", {"FAKEFAL_TARGET": "fal", **PAID}, NoTarget, "target='fal'"),
        (None, {"FAKEFAL_URL": "fal", **PAID}, UsageError, "neither"),
        (None, {"FAKEFAL_TARGET": "real", **PAID}, UsageError, "FAKEFAL_URL"),
        ("https://queue。fal。run", {}, UsageError, "neither"),
        ("http://u:p@127.0.0.1", {}, UsageError, "neither"),
        ("https://queue.fal.run", {}, UsageError, "target='fal'"),
        ("https://user@fal.run/x", {}, UsageError, "neither"),
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


@pytest.mark.parametrize(("option", "meant"), [("bugdet", "budget"), ("timeout", "timeout_seconds"), ("htpp", "http")])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_misspelt_option_is_refused(kind: Any, option: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"no option '{option}': did you mean '{meant}'"):
        kind(FAKE, **{option: "0.10"})


@pytest.mark.parametrize("environ", [None, {"FAL_KEY": "id:secret"}])
def test_under_pytest_each_call_to_fal_needs_leave(
    environ: dict[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_KEY", "id:secret")
    monkeypatch.delenv("FAKEFAL_ALLOW_REAL", raising=False)
    with respx.mock, Client("fal", budget=1, **({"environ": environ} if environ else {})) as client:
        for call in (client.submit, client.run):
            with pytest.raises(RealNotAllowed, match="FAKEFAL_ALLOW_REAL=1"):
                call("fal-ai/kling-video/o1/reference-to-video", {"prompt": "x"})
        with pytest.raises(RealNotAllowed):
            client.upload(b"x")
        with pytest.raises(RealNotAllowed):
            client.download("https://v3b.fal.media/files/a.mp4", "a.mp4")
        assert client.budget.pending == 0
        monkeypatch.setenv("FAKEFAL_FAKED_PID", "1")
        with pytest.raises(RealNotAllowed):
            client.resume("abc", O1).status()


@pytest.mark.parametrize("key", ["id:secret\n", " id:secret "])
def test_a_key_from_a_file_is_used_without_its_line_end(key: str) -> None:
    assert find_target(FAKE, key, {}).key == "id:secret"


@pytest.mark.parametrize("key", ["id:sec\nret", "id:s\u00fc\u00df"])
def test_a_key_that_no_header_takes_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_target(FAKE, key, {})
    assert key[3:] not in str(caught.value)
    assert "secret" not in repr(find_target(FAKE, "id:secret", {}))


def test_the_key_that_is_given_wins() -> None:
    assert find_target(FAKE, "mine:secret", PAID).key == "mine:secret"
