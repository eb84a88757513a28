"""The whole Kling family: what is known of each endpoint beyond its document, one row each.

A row names its `Family` (what all endpoints with such arguments have beyond their documents), its prices from the
oldest to the newest, and how long it was seen to run.  To add an endpoint, add its row.
"""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from fakefal_contracts.endpoint import Endpoint, Revision, Tier
from fakefal_contracts.evidence import UNDATED, Evidence, documented, inferred, third_party
from fakefal_contracts.kling import objects
from fakefal_contracts.kling import requirements as own
from fakefal_contracts.kling.kling_input import (
    END_WITH_PICTURES,
    END_WITHOUT_START,
    SHOTS_COUNT,
    SHOTS_RANGE,
    SHOTS_SUM,
    KlingInput,
)
from fakefal_contracts.kling.shared import (
    FORMAT,
    PICTURE_LIMITS,
    PROMPT_SEEN,
    UNKNOWN_REFERENCE,
    UNNAMED_MEDIA,
    VideoOutput,
)
from fakefal_contracts.media import Limits
from fakefal_contracts.model import UNKNOWN_KEY, Caution, Model
from fakefal_contracts.price import Price, Unit
from fakefal_contracts.record import Record, Schema
from fakefal_contracts.rule import Requirement
from fakefal_contracts.schema_models import Overlay

PREFIX = "fal-ai/kling-video/"


#: The classes of the objects in arguments, by the names that fal's documents have for them.
OBJECTS: Mapping[str, type[Model]] = {
    "OmniVideoElementInput": objects.OmniElement,
    "KlingV3ComboElementInput": objects.ComboElement,
    "KlingV3ImageElementInput": objects.ImageElement,
    "KlingV3MultiPromptElement": objects.Shot,
    "DynamicMask": objects.DynamicMask,
    "CameraControl": objects.CameraControl,
}

_SHOT_CAUTIONS = (SHOTS_SUM, SHOTS_RANGE, SHOTS_COUNT)
_SHOT_RULES = (own.PROMPT_OR_SHOTS, own.PROMPT_XOR_SHOTS)
_PROMPT = {"prompt": "A cat walks through the rain"}


@dataclass(frozen=True, kw_only=True)
class Family:
    """What endpoints with the same arguments have beyond their documents.

    `rules` are about the whole of the arguments, `values` about single ones, `limits` about their files; `example` has
    the arguments without which the rules refuse what the document requires.  `sound`, `follows`, `speaks` and `frames`
    are those of `KlingInput`; `output` is the class of the result.
    """

    rules: tuple[Requirement, ...] = ()
    values: Mapping[str, Requirement | Evidence] = field(default_factory=dict)
    limits: Mapping[str, Limits] = field(default_factory=dict)
    cautions: tuple[Caution, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)
    sound: str | bool = False
    follows: str = ""
    speaks: bool = False
    frames: bool = False
    output: type[BaseModel] = VideoOutput

    def overlay(self) -> Overlay:
        """What is laid over the documents of its endpoints."""
        meaning = {name: getattr(self, name) for name in ("sound", "follows", "speaks", "frames")}
        meaning["requirements"] = self.rules
        meaning["cautions"] = (UNKNOWN_KEY, UNKNOWN_REFERENCE, FORMAT, *self.cautions)
        base: type[KlingInput] = types.new_class(
            "KlingArguments", (KlingInput,), exec_body=lambda ns: ns.update(meaning)
        )
        return Overlay(base, OBJECTS, self.values, self.limits, self.example, self.output)


def _pictures(*names: str) -> dict[str, Limits]:
    """The limits of pictures with what is known of them beyond the documents: formats, and a message that was seen."""
    return dict.fromkeys(names, PICTURE_LIMITS)


O1_REFERENCE = Family(
    rules=(own.SEVEN_REFERENCES,),
    values={"prompt": PROMPT_SEEN},
    limits=_pictures("image_urls"),
    cautions=(UNNAMED_MEDIA,),
)
O1_FRAMES = Family(values={"prompt": PROMPT_SEEN}, limits=_pictures("start_image_url", "end_image_url"), frames=True)
O1_EDIT = Family(rules=(own.FOUR_REFERENCES,), cautions=(UNNAMED_MEDIA,), sound="keep_audio", follows="video_url")
O3_EDIT = O1_EDIT
O3_TEXT = Family(rules=_SHOT_RULES, cautions=_SHOT_CAUTIONS, sound="generate_audio", example=_PROMPT)
O3_IMAGE = replace(O3_TEXT, rules=(*_SHOT_RULES, own.NO_LAST_FRAME_WITH_SHOTS))
O3_REFERENCE = replace(
    O3_TEXT,
    rules=(
        *O3_IMAGE.rules,
        own.ONE_CLIP,
        own.FOUR_REFERENCES_WITH_CLIP,
        own.SEVEN_REFERENCES_WITHOUT_CLIP,
    ),
    values={"prompt": PROMPT_SEEN},
    limits=_pictures("start_image_url", "end_image_url", "image_urls"),
    cautions=(UNNAMED_MEDIA, END_WITHOUT_START, END_WITH_PICTURES, *_SHOT_CAUTIONS),
)
V3_TEXT = O3_TEXT
V3_IMAGE = replace(O3_IMAGE, rules=(*O3_IMAGE.rules, own.ONE_CLIP), cautions=(UNNAMED_MEDIA, *_SHOT_CAUTIONS))
TURBO = Family(
    rules=(
        own.TURBO_PROMPT_OR_SHOTS,
        own.TURBO_PROMPT_XOR_SHOTS,
        own.ONE_TO_SIX_SHOTS,
        own.FIFTEEN_SECONDS_OF_SHOTS,
    ),
    limits={"image_url": own.TURBO_PICTURE},
    cautions=_SHOT_CAUTIONS,
    example=_PROMPT,
)
MOTION = Family(rules=(own.SHORT_FOR_IMAGE,), sound="keep_original_sound", follows="video_url")
MOTION_WITH_ELEMENTS = replace(
    MOTION,
    rules=(own.ONE_ELEMENT, own.ELEMENT_WITH_VIDEO_ORIENTATION, own.SHORT_FOR_IMAGE),
    cautions=(UNNAMED_MEDIA,),
)
V26_TEXT = Family(sound="generate_audio")
V26_IMAGE = Family(sound="generate_audio", values={"voice_ids": own.TWO_VOICES})
SILENT = Family()
ELEMENTS = Family(values={"input_image_urls": own.FOUR_PICTURES})
AVATAR = Family(sound=True, follows="audio_url", output=objects.TimedVideoOutput)
LIPSYNC_AUDIO = Family(
    limits={"video_url": own.LIPSYNC_CLIP, "audio_url": own.LIPSYNC_AUDIO}, sound=True, follows="video_url"
)
LIPSYNC_TEXT = Family(limits={"video_url": own.LIPSYNC_CLIP_FOR_TEXT}, sound=True, follows="video_url")
VOICE = Family(limits={"voice_url": own.VOICE_SAMPLE}, output=objects.VoiceOutput)
SPEECH = Family(sound=True, speaks=True, output=objects.AudioOutput)
SOUND = Family(
    limits={"video_url": own.SILENT_CLIP}, sound=True, follows="video_url", output=objects.VideoAndAudioOutput
)


@dataclass(frozen=True)
class Row:
    """One endpoint by what follows the app in its id.

    `revisions` are its documents of several days, where they are known; `documented` is the one that the contract of
    this name rests on, if it is not the first of them.
    """

    path: str
    family: Family
    prices: tuple[Price, ...] = ()
    run_seconds: int | None = None
    revisions: tuple[Revision, ...] = ()
    documented: Evidence | None = None

    @property
    def tier(self) -> Tier:
        """The quality in its path; where the path of a video has none, it is the better one."""
        parts = self.path.split("/")
        if "4k" in parts:
            return "4k"
        if "standard" in parts:
            return "standard"
        return "pro" if {"pro", "master", "o1"}.intersection(parts) else ""


_LAUNCH = UNDATED
"""Stands for the day that the endpoint was launched."""
_HALVED = dt.date(2026, 4, 1)
_PAGES = documented("fal's page of the endpoint, or its llms.txt", "2026-06-11")
_LISTS = inferred("third-party price lists of spring and autumn 2026; the day is theirs", "2026-04-01")
_TWO_LISTS = inferred("two third-party price lists (April and autumn 2026); the clip tier is Kling's own", "2026-04-01")
_OLDER = inferred("launch price, from the older llms.txt as a third party quotes it", "2026-02-04")
_AS_SIBLING = inferred("the price of the endpoint's siblings", "2026-06-11")
_RESELLER = third_party("a reseller's price list", "2025-06-01")
_TURBO = inferred("copies of fal's pages, and code of clients; the day is inferred", "2026-09-15")


def _usd(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def _second(
    usd: str,
    evidence: Evidence = _PAGES,
    since: dt.date = _LAUNCH,
    *,
    sound: str | None = None,
    voice: str | None = None,
    clip: str | None = None,
    least: int = 0,
    step: int = 0,
) -> Price:
    """So much for each second, more with sound, voices or a clip."""
    return Price(
        since,
        Decimal(usd),
        evidence,
        usd_with_audio=_usd(sound),
        usd_with_voice=_usd(voice),
        usd_with_clip=_usd(clip),
        least_units=least,
        step=step,
    )


def _first_five(usd: str) -> tuple[Price]:
    """One price for the first five seconds, five times that of each second after them."""
    return (_second(usd, least=5),)


_O3_STANDARD = (_second("0.168", _OLDER, sound="0.224"), _second("0.084", since=_HALVED, sound="0.112"))
_O3_PRO = (_second("0.224", _OLDER, sound="0.28"), _second("0.112", _LISTS, _HALVED, sound="0.14"))
_V3_STANDARD = (
    _second("0.168", _OLDER, sound="0.252", voice="0.308"),
    _second("0.084", since=_HALVED, sound="0.126", voice="0.154"),
)
_V3_PRO = (
    _second("0.224", _OLDER, sound="0.336", voice="0.392"),
    _second("0.112", since=_HALVED, sound="0.168", voice="0.196"),
)
_V26 = (_second("0.07", sound="0.14", voice="0.168"),)
_4K = (_second("0.42"),)
_V3_4K = (_second("0.42", _AS_SIBLING),)
_TURBO_PRO = (_second("0.14", _TURBO, dt.date(2026, 6, 12)),)
_TURBO_STANDARD = (_second("0.112", _TURBO, dt.date(2026, 6, 12)),)
_LISTED = documented("fal's price as several clients quote it", "2026-06-11")

#: Measured: O3 standard 94 s and pro 318 s (fal's own test, 5 s clips), v3 standard 226 s (receipt of 2026-07-16, a
#: 10 s clip), O1 standard about 120 s (August 2026).
_O1_RUN, _O3_RUN, _O3_PRO_RUN, _V3_RUN = 120, 94, 318, 226


def _page(name: str, day: str, **changes: Schema) -> Revision:
    """What a page or an llms.txt of fal's said of an endpoint before its newest document."""
    return Revision(documented(name, day), changes)


#: The newer copy of 2026-06-11 differs in nothing but nullability, which the older form cannot express.
_WIDENED = _page("fal's OpenAPI document", "2026-01-28")
_AT_LAUNCH: Schema = {"type": "string", "enum": ["5", "10"], "default": "5"}
_ANY_SHOT_TYPE: Schema = {"type": "string", "default": "customize"}

ROWS = (
    Row(
        "o1/reference-to-video",
        O1_REFERENCE,
        (_second("0.112", documented("model page of o1/reference-to-video", "2025-12-01")),),
        revisions=(_page("llms.txt of o1/reference-to-video", "2025-12-01", duration=_AT_LAUNCH), _WIDENED),
    ),
    Row(
        "o1/image-to-video",
        O1_FRAMES,
        (_second("0.112", documented("a newer llms.txt of the endpoint", "2025-12-01")),),
        revisions=(_page("llms.txt of o1/image-to-video", "2025-12-01", duration=_AT_LAUNCH), _WIDENED),
    ),
    Row(
        "o1/standard/image-to-video",
        O1_FRAMES,
        (_second("0.084", documented("llms.txt of o1/standard/image-to-video", "2025-12-15")),),
        _O1_RUN,
        revisions=(_WIDENED,),
        documented=documented(
            "API reference of o1/standard/image-to-video; the day its schema was first seen", "2026-01-28"
        ),
    ),
    Row("o1/standard/reference-to-video", O1_REFERENCE, (_second("0.084"),), _O1_RUN),
    Row("o1/video-to-video/edit", O1_EDIT, (_second("0.168", _LISTED),)),
    Row("o1/video-to-video/reference", O1_EDIT, (_second("0.168", _LISTED),)),
    Row("o1/standard/video-to-video/edit", O1_EDIT, (_second("0.126", _LISTED),), _O1_RUN),
    Row("o1/standard/video-to-video/reference", O1_EDIT, (_second("0.126", _AS_SIBLING),), _O1_RUN),
    Row("o3/4k/text-to-video", O3_TEXT, _4K),
    Row("o3/4k/image-to-video", O3_IMAGE, _4K),
    Row("o3/4k/reference-to-video", O3_REFERENCE, _4K),
    Row("o3/pro/text-to-video", O3_TEXT, _O3_PRO, _O3_PRO_RUN),
    Row("o3/pro/image-to-video", O3_IMAGE, _O3_PRO, _O3_PRO_RUN),
    Row(
        "o3/pro/reference-to-video",
        O3_REFERENCE,
        (_O3_PRO[0], replace(_O3_PRO[1], evidence=_TWO_LISTS, usd_with_clip=Decimal("0.168"))),
        _O3_PRO_RUN,
        revisions=(
            _page(
                "API reference of o3/pro/reference-to-video, older than the enum of shot_type",
                "2026-02-04",
                shot_type=_ANY_SHOT_TYPE,
            ),
            _page("fal's OpenAPI document", "2026-06-11"),
        ),
    ),
    Row("o3/pro/video-to-video/edit", O3_EDIT, (_second("0.336", _OLDER), _second("0.168", _LISTS, _HALVED))),
    Row("o3/pro/video-to-video/reference", O3_EDIT, (_second("0.336", _OLDER), _second("0.168", _AS_SIBLING, _HALVED))),
    Row("o3/standard/text-to-video", O3_TEXT, _O3_STANDARD, _O3_RUN),
    Row("o3/standard/image-to-video", O3_IMAGE, _O3_STANDARD, _O3_RUN),
    Row(
        "o3/standard/reference-to-video",
        O3_REFERENCE,
        (_O3_STANDARD[0], replace(_O3_STANDARD[1], usd_with_clip=Decimal("0.126"))),
        _O3_RUN,
    ),
    Row("o3/standard/video-to-video/edit", O3_EDIT, (_second("0.252", _OLDER), _second("0.126", _LISTS, _HALVED))),
    Row(
        "o3/standard/video-to-video/reference",
        O3_EDIT,
        (_second("0.252", _OLDER), _second("0.126", _AS_SIBLING, _HALVED)),
    ),
    Row("v3/4k/text-to-video", V3_TEXT, _V3_4K),
    Row("v3/4k/image-to-video", V3_IMAGE, _V3_4K),
    Row("v3/pro/text-to-video", V3_TEXT, _V3_PRO),
    Row("v3/pro/image-to-video", V3_IMAGE, _V3_PRO),
    Row("v3/pro/motion-control", MOTION_WITH_ELEMENTS),
    Row("v3/standard/text-to-video", V3_TEXT, _V3_STANDARD, _V3_RUN),
    Row("v3/standard/image-to-video", V3_IMAGE, _V3_STANDARD, _V3_RUN),
    Row("v3/standard/motion-control", MOTION_WITH_ELEMENTS),
    Row("v3/turbo/pro/text-to-video", TURBO, _TURBO_PRO),
    Row("v3/turbo/pro/image-to-video", TURBO, _TURBO_PRO),
    Row("v3/turbo/standard/text-to-video", TURBO, _TURBO_STANDARD),
    Row("v3/turbo/standard/image-to-video", TURBO, _TURBO_STANDARD),
    Row("v2.6/pro/text-to-video", V26_TEXT, _V26),
    Row("v2.6/pro/image-to-video", V26_IMAGE, _V26),
    Row("v2.6/pro/motion-control", MOTION),
    Row("v2.6/standard/motion-control", MOTION),
    Row("v2.5-turbo/pro/text-to-video", SILENT, _first_five("0.07")),
    Row("v2.5-turbo/pro/image-to-video", SILENT, _first_five("0.07")),
    Row("v2.5-turbo/standard/image-to-video", SILENT, _first_five("0.042")),
    Row("v2.1/master/text-to-video", SILENT, _first_five("0.28")),
    Row("v2.1/master/image-to-video", SILENT, _first_five("0.28")),
    Row("v2.1/pro/image-to-video", SILENT, _first_five("0.098")),
    Row("v2.1/standard/image-to-video", SILENT, _first_five("0.056")),
    Row("v2/master/text-to-video", SILENT, _first_five("0.28")),
    Row("v2/master/image-to-video", SILENT),
    Row("v1.6/pro/text-to-video", SILENT),
    Row("v1.6/pro/image-to-video", SILENT),
    Row("v1.6/pro/elements", ELEMENTS),
    Row("v1.6/pro/effects", SILENT),
    Row("v1.6/standard/text-to-video", SILENT),
    Row("v1.6/standard/image-to-video", SILENT, (_second("0.045", _RESELLER),)),
    Row(
        "v1.6/standard/elements",
        ELEMENTS,
        (_second("0.045", _RESELLER), _second("0.056", since=dt.date(2025, 12, 1))),
    ),
    Row("v1.6/standard/effects", SILENT),
    Row("v1.5/pro/text-to-video", SILENT),
    Row("v1.5/pro/image-to-video", SILENT),
    Row("v1.5/pro/effects", SILENT),
    Row("v1/pro/ai-avatar", AVATAR),
    Row("v1/standard/ai-avatar", AVATAR),
    Row("v1/standard/text-to-video", SILENT),
    Row("v1/standard/image-to-video", SILENT, (_second("0.045"),)),
    Row("v1/standard/effects", SILENT),
    Row("v1/tts", SPEECH),
    Row("ai-avatar/v2/pro", AVATAR),
    Row("ai-avatar/v2/standard", AVATAR),
    Row("lipsync/audio-to-video", LIPSYNC_AUDIO, (_second("0.014", step=5),)),
    Row("lipsync/text-to-video", LIPSYNC_TEXT),
    Row("create-voice", VOICE),
    Row("video-to-audio", SOUND, (replace(_second("0.035"), unit=Unit.REQUEST),)),
)
"""Every endpoint of the family."""

_BY_ID = {PREFIX + row.path: row for row in ROWS}


def in_depth(record: Record) -> Endpoint | None:
    """The endpoint of a record with all that is known beyond it; None where that is nothing."""
    if (row := _BY_ID.get(record.id)) is None:
        return None
    plain = Endpoint.of_record(record)
    prices = tuple(replace(one, since=plain.launched) if one.since == UNDATED else one for one in row.prices)
    revisions = row.revisions or plain.revisions
    return Endpoint(
        record,
        row.documented or revisions[0].evidence,
        revisions,
        prices,
        row.tier,
        row.run_seconds,
        row.family.overlay(),
    )
