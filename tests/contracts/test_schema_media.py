"""Which fields of a document take media: the forms that fal's catalogue has, each once."""

from __future__ import annotations

from typing import Any

import pytest

from fakefal_contracts.any_media import MediaLimits
from fakefal_contracts.kling.shared import OPENAPI
from fakefal_contracts.media import AudioLimits, ClipLimits, Limits, PictureLimits
from fakefal_contracts.schema_media import limits_of

TEXT: dict[str, Any] = {"type": "string"}
MARKED: dict[str, Any] = {"type": "string", "x-fal-file-input": True}
CLIP = {"min_duration": 3, "max_file_size": 104857600, "timeout": 30, "max_duration": 30.05, "min_fps": 24}


def example(ending: str) -> dict[str, Any]:
    return TEXT | {"examples": [f"https://v3b.fal.media/files/example.{ending}"]}


def of(name: str, schema: dict[str, Any], category: str | None = None) -> Limits | None:
    return limits_of(name, schema, OPENAPI, category=category)


class TestKinds:
    @pytest.mark.parametrize(
        ("name", "schema", "kind"),
        [
            ("image_url", TEXT, PictureLimits),
            ("image_urls", {"type": "array", "items": MARKED}, PictureLimits),
            ("reference_image_urls", {"anyOf": [{"type": "array", "items": TEXT}, {"type": "null"}]}, PictureLimits),
            ("ic_light_model_background_image_url", TEXT, PictureLimits),
            ("image_style_url", TEXT, PictureLimits),
            ("last_frame_url", TEXT, PictureLimits),
            ("relit_cond_img_url", TEXT, PictureLimits),
            ("source_face_url", example("jpeg"), PictureLimits),
            ("mask_url", example("png"), PictureLimits),
            ("url", example("png"), PictureLimits),
            ("video_url", example("gif"), ClipLimits),
            ("mask_video_url", TEXT, ClipLimits),
            ("audio_url", example("mp4"), AudioLimits),
            ("audio_url_person2", TEXT, AudioLimits),
            ("voice_url", TEXT, AudioLimits),
            ("impulse_response_url", MARKED | example("wav"), AudioLimits),
            ("media_url", TEXT, MediaLimits),
            ("images_data_url", TEXT, Limits),
            ("training_data_url", MARKED, Limits),
            ("model_url", example("glb"), Limits),
            ("input_file_url", example("fbx"), Limits),
            ("pdf_url", example("pdf"), Limits),
            ("lora_checkpoint_url", MARKED, Limits),
            ("source", MARKED, Limits),
            ("source", TEXT | {"x-fal-file-input": True, "ui": {"field": "audio"}}, AudioLimits),
            ("sources", {"type": "array", "items": MARKED | {"_fal_ui_field": "image"}}, PictureLimits),
        ],
    )
    def test_a_file_is_taken_and_its_kind_is_told(self, name: str, schema: dict[str, Any], kind: type[Limits]) -> None:
        limits = of(name, schema)
        assert type(limits) is kind
        assert limits.published() == {}
        assert set(limits.says()) == {"reachable", "readable"}

    @pytest.mark.parametrize(
        ("name", "schema"),
        [
            ("prompt", TEXT),
            ("prompt", example("png")),
            ("path", TEXT | {"examples": ["https://v3b.fal.media/files/example"]}),
            ("control_method_url", TEXT | {"examples": ["canny"]}),
            ("base_model_url", TEXT),
            ("image_url", {"type": "integer"}),
            ("voice_url", {"type": "string", "enum": ["a", "b"]}),
            ("images", {"type": "array", "items": {"$ref": "#/components/schemas/Image"}}),
            ("duration", {"type": "number", "x-fal": {"max_duration": 10}}),
            ("caption", {"type": "string", "x-fal": {"max_file_size": 10}}),
        ],
    )
    def test_other_fields_have_no_limits_of_media(self, name: str, schema: dict[str, Any]) -> None:
        assert of(name, schema) is None

    @pytest.mark.parametrize(
        ("category", "kind"), [("image-to-image", PictureLimits), ("video-to-video", Limits), (None, Limits)]
    )
    def test_a_mask_is_a_picture_where_no_clip_is_masked(self, category: str | None, kind: type[Limits]) -> None:
        assert type(of("mask_url", MARKED, category)) is kind


class TestBounds:
    def test_a_block_stands_in_a_branch_or_in_the_items(self) -> None:
        block = {"min_height": 300, "min_width": 300, "max_file_size": 10485760, "min_aspect_ratio": 0.4, "timeout": 20}
        for schema in (
            TEXT | {"x-fal": block},
            {"anyOf": [TEXT | {"x-fal": block}, {"type": "null"}]},
            {"anyOf": [{"type": "array", "items": TEXT | {"x-fal": block}}, {"type": "null"}]},
        ):
            assert of("image_url", schema) == PictureLimits(
                min_width=300, min_height=300, max_bytes=10485760, min_ratio=0.4, timeout_seconds=20, evidence=OPENAPI
            )

    def test_bare_keys_of_a_list_are_limits_of_its_items(self) -> None:
        schema = {"type": "array", "items": MARKED, "max_file_size": 26214400, "max_width": 5000, "min_height": 384}
        limits = of("image_urls", schema)
        assert limits is not None
        assert limits.published() == {"max_file_size": 26214400, "max_width": 5000, "min_height": 384}

    def test_all_limits_of_a_clip_are_kept(self) -> None:
        limits = of("video_url", TEXT | {"x-fal": CLIP})
        assert isinstance(limits, ClipLimits)
        assert limits.published() == CLIP
        assert set(limits.says()) == {"reachable", "readable", "max_bytes", "min_seconds", "max_seconds", "min_fps"}

    def test_what_a_kind_does_not_have_is_left_out(self) -> None:
        limits = of("training_data_url", MARKED | {"max_file_size": 1000, "max_width": 10, "max_pixels": 178956970})
        assert limits == Limits(max_bytes=1000, evidence=OPENAPI)

    @pytest.mark.parametrize("bound", [None, True, "10", [10]])
    def test_what_is_no_number_is_no_bound(self, bound: object) -> None:
        assert of("image_url", TEXT | {"max_file_size": bound, "x-fal": None}) == PictureLimits(evidence=OPENAPI)
