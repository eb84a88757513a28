"""Tests of the gallery without fal."""

import pytest
from app import app


def post(body):
    """What the gallery answers to a visitor."""
    return app.test_client().post("/pictures", json=body)


def test_as_many_pictures_as_were_asked_for(fakefal) -> None:
    pictures = post({"prompt": "A lighthouse at dawn", "count": 2}).json
    assert len(set(pictures)) == 2
    assert fakefal.last.arguments["image_size"] == "landscape_16_9"
    fakefal.assert_billed("0.05")


def test_the_visitor_reads_what_is_wrong(fakefal) -> None:
    answer = post({"prompt": "A lighthouse at dawn", "count": 99})
    assert answer.status_code == 422
    assert answer.json["detail"][0]["loc"] == ["body", "num_images"]
    fakefal.assert_billed("0")


@pytest.mark.fakefal(effects="content_policy_violation when prompt='crown'")
def test_a_prompt_that_fal_refuses(fakefal) -> None:
    assert post({"prompt": "A crown"}).json["detail"][0]["type"] == "content_policy_violation"
