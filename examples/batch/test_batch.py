"""Tests of what costs money in a batch."""

from pathlib import Path

import fal_client
import pytest
from batch import make

CLIPS = Path(__file__).parent / "clips"


def test_every_clip_is_paid_once(fakefal, tmp_path: Path) -> None:
    assert make(CLIPS, tmp_path) == 3
    assert make(CLIPS, tmp_path) == 0
    fakefal.assert_billed("1.68")
    fakefal.assert_no_duplicates()


@pytest.mark.fakefal(balance="1.00")
def test_a_batch_without_money_goes_on_where_it_stopped(fakefal, tmp_path: Path) -> None:
    with pytest.raises(fal_client.FalClientHTTPError, match="Exhausted balance"):
        make(CLIPS, tmp_path)
    fakefal.top_up("5.00")
    assert make(CLIPS, tmp_path) == 1
    fakefal.assert_billed("1.68")
