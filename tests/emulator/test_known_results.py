"""Results that are not made anew say what those say that are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fakefal.files.known_results import KnownResults
from fakefal.files.making import MadeFiles
from fakefal.files.result import result_of
from fakefal.files.wanted import WantedFiles
from fakefal.state import jsonio
from fakefal_contracts.catalogue import BUILT_IN
from support.results import judged

pytestmark = pytest.mark.quick

O1 = "fal-ai/kling-video/o1/image-to-video"
O3 = "fal-ai/kling-video/o3/pro/text-to-video"
SCHNELL = "fal-ai/flux/schnell"
PICTURE = "https://v3b.fal.media/files/b/rabbit/NaslJIC7F2WodS6DFZRRJ.png"


@pytest.fixture
def files() -> Iterator[MadeFiles]:
    made = MadeFiles()
    yield made
    made.close()


class TestKnownResults:
    @pytest.mark.parametrize(
        ("endpoint_id", "one", "other"),
        [
            (O1, {"prompt": "a", "start_image_url": PICTURE}, {"prompt": "b", "start_image_url": PICTURE}),
            (O1, {"prompt": "a", "start_image_url": PICTURE}, {"duration": "10"}),
            (O3, {"prompt": "a"}, {"generate_audio": True}),
            (O3, {"prompt": "a"}, {"aspect_ratio": "1:1"}),
            (SCHNELL, {"prompt": "a"}, {"prompt": "b"}),
            (SCHNELL, {"prompt": "a", "seed": 1}, {"prompt": "b"}),
            (SCHNELL, {"prompt": "a", "seed": 1}, {"seed": 2}),
            (SCHNELL, {"prompt": "a", "seed": 1}, {"num_images": 2}),
            (SCHNELL, {"prompt": "a", "seed": 1}, {"image_size": {"width": 64, "height": 32}}),
            (SCHNELL, {"prompt": "a", "seed": 1}, {"sync_mode": True}),
        ],
    )
    def test_another_request_gets_what_is_made_for_it(
        self, files: MadeFiles, endpoint_id: str, one: dict[str, Any], other: dict[str, Any]
    ) -> None:
        known = KnownResults(files)
        for number, arguments in enumerate([one, one, one | other, one, one | other]):
            report = judged(endpoint_id, **arguments)
            made = jsonio.dump(result_of(WantedFiles(report, f"request-{number}"), files))
            assert known.body(WantedFiles(report, f"request-{number}"), drawing=True) == made

    def test_so_does_one_of_every_kind_of_model(self, files: MadeFiles) -> None:
        known = KnownResults(files)
        for endpoint_id in list(BUILT_IN)[::20]:
            report = judged(endpoint_id)
            for name in ("one", "other"):
                made = jsonio.dump(result_of(WantedFiles(report, name), files))
                assert known.body(WantedFiles(report, name), drawing=True) == made, endpoint_id

    def test_an_equal_one_is_not_made_anew_nor_by_another_emulator(
        self, files: MadeFiles, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        KnownResults(files).body(WantedFiles(judged(O3, prompt="a"), "one"), drawing=True)
        monkeypatch.setattr("fakefal.files.known_results.result_of", None)
        other = KnownResults(MadeFiles()).body(WantedFiles(judged(O3, prompt="b"), "other"), drawing=True)
        assert b"video" in other
