"""What models answer with by the user's wish: a file, a whole result, a function of the arguments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fal_client
import httpx
import pytest

from fakefal.settings import Settings, SettingsError, load_settings
from fakefal.testing import Fakefal
from fakefal_contracts import UnknownEndpoint
from support.media import clip, picture
from support.server import Server

FLUX = "fal-ai/flux/dev"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.png"
    path.write_bytes(picture(64, 48))
    return path


def ask(arguments: dict[str, Any] | None = None, endpoint: str = FLUX) -> dict[str, Any]:
    result: dict[str, Any] = fal_client.subscribe(endpoint, {"prompt": "x", **(arguments or {})})
    return result


class TestInTheFixture:
    def test_a_file_takes_the_place_of_those_of_its_kind(self, mine: Path) -> None:
        with Fakefal() as fal:
            fal.answer(FLUX, mine)
            result = ask({"num_images": 2, "seed": 3})
            assert [(one["width"], one["height"], one["content_type"]) for one in result["images"]] == [
                (64, 48, "image/png")
            ] * 2
            assert httpx.get(result["images"][1]["url"]).content == mine.read_bytes()
            assert result["seed"] == 3

    def test_of_another_kind_it_takes_no_place(self, mine: Path) -> None:
        with Fakefal() as fal:
            fal.answer("fal-ai/veo3", str(mine))
            assert ask(endpoint="fal-ai/veo3")["video"]["content_type"] == "video/mp4"

    def test_a_clip(self, tmp_path: Path) -> None:
        mine = clip(tmp_path / "mine.mp4")
        with Fakefal() as fal:
            fal.answer("fal-ai/veo3", mine)
            assert httpx.get(ask(endpoint="fal-ai/veo3")["video"]["url"]).content == mine.read_bytes()

    def test_a_whole_result(self) -> None:
        with Fakefal() as fal:
            fal.answer(FLUX, {"images": [], "prompt": "mine"})
            assert ask() == {"images": [], "prompt": "mine"}

    def test_a_function_of_the_arguments_with_their_defaults(self) -> None:
        with Fakefal() as fal:
            fal.answer(FLUX, lambda given: {"said": given["prompt"], "steps": given["num_inference_steps"]})
            assert ask({"prompt": "hello"}) == {"said": "hello", "steps": 28}

    @pytest.mark.parametrize(
        ("function", "kind", "words"),
        [
            (lambda given: {"said": given["promt"]}, KeyError, "KeyError: 'promt'"),
            (lambda _: 5, ValueError, "ValueError: give a file, an object"),
            (lambda _: "nowhere.png", ValueError, "ValueError: there is no file nowhere.png"),
            (lambda _: {"kinds": {"a", "b"}}, TypeError, "TypeError: Object of type set is not JSON serializable"),
        ],
    )
    def test_a_function_that_fails_fails_the_test_and_says_which(
        self, function: Callable[[dict[str, Any]], Any], kind: type[Exception], words: str
    ) -> None:
        note = f"the function that answers for {FLUX} failed: {words}"

        def program() -> None:
            with Fakefal() as fal:
                fal.answer(FLUX, function)
                with pytest.raises(fal_client.FalClientHTTPError, match="Internal Server Error") as seen:
                    ask()
                assert seen.value.response_headers["x-fakefal-hint"].startswith(note)

        with pytest.raises(kind) as caught:
            program()
        assert caught.value.__notes__[0].startswith(note)

    def test_a_refusal_stays_one(self) -> None:
        with Fakefal() as fal:
            fal.answer(FLUX, {"images": []})
            with pytest.raises(fal_client.FalClientHTTPError, match="num_images"):
                ask({"num_images": 99})

    def test_an_unknown_model_and_a_missing_file_are_errors(self) -> None:
        with Fakefal() as fal:
            with pytest.raises(UnknownEndpoint, match="fal-ai/flux/dev"):
                fal.answer("fal-ai/flux/dew", {})
            with pytest.raises(SettingsError, match=r"there is no file nowhere\.png"):
                fal.answer(FLUX, "nowhere.png")


class TestInSettings:
    def test_of_the_file(self, tmp_path: Path, mine: Path, serve: Callable[..., Server]) -> None:
        (tmp_path / "fakefal.toml").write_text(
            f'[results]\n"{FLUX}" = "{mine}"\n"fal-ai/wizper" = {{ text = "Hello" }}\n'
        )
        given = load_settings({"profile": "instant"}, environ={}, folder=tmp_path)
        server = serve(results=given.results)
        (one,) = server.result(FLUX, {"prompt": "x"}).json()["images"]
        assert server.http.get(one["url"]).content == mine.read_bytes()

    @pytest.mark.parametrize(("given", "why"), [(3, "give a file"), ("nowhere.png", "there is no file")])
    def test_what_is_no_result_is_refused(self, given: object, why: str) -> None:
        with pytest.raises(SettingsError, match=why):
            Settings(results={FLUX: given})

    def test_an_unknown_model_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="fal-ai/flux/dew: did you mean fal-ai/flux/dev"):
            Settings(results={"fal-ai/flux/dew": {}}).catalogue()
