"""The result of an accepted request: the fields of its output schema, with files that the CDN serves.

The value of a field is the argument of the same name if the model has one, otherwise the document's example, otherwise
the simplest valid value.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from math import inf
from typing import Any

from pydantic import ValidationError

from fakefal.files.clips import size_of_clip
from fakefal.files.file_kinds import ending_in, ending_of_field
from fakefal.files.made import MadeFile, picture
from fakefal.files.making import MadeFiles
from fakefal.files.media_types import FAMILIES, MediaFamily, ending_of_type
from fakefal.files.stated import stated_of
from fakefal.files.wanted import WantedFiles
from fakefal.state.endings import CDN_MARK
from fakefal.state.files import StoredFile
from fakefal_contracts.endpoint import STREAM, Endpoint
from fakefal_contracts.example import Maker
from fakefal_contracts.record import Record, Schema
from fakefal_contracts.schema_models import ordered
from fakefal_contracts.shipped import shipped_record

ADDRESS = re.compile(r"https?://[^\s\"'<>)\]]+")
_NAMED_ADDRESS = re.compile(r"(.+_)?(url|uri)s?")
_FIRST_FRAME = re.compile("thumbnail|poster|preview_image|start_frame")
_MEASURED = re.compile("(original|scaled|trimmed)_(width|height|duration)")
"""Numbers that a result says of its input or of its file."""
_MOST_PIXELS = 2_000_000
"""Drawing more pixels than this would block other calls."""
_MOST_EXAMPLES = 3
"""The number of items of an example's list that are kept."""
_INFERENCE_SECONDS = 1.0
"""The value of each of the `timings`: the model was never run."""
_MODELS_3D = ("glb", "gltf", "obj", "stl", "usdz", "fbx", "ply")
_TYPES = {"string": str, "integer": int, "number": int | float, "boolean": bool}
_SEEDS = ("seed", "used_seed")
_FILE_SCHEMA: Schema = {
    "properties": {name: {} for name in ("url", "content_type", "file_name", "file_size", "width", "height")}
}
"""The schema of a file in a list of which the document gives only an example."""
_ABSENT = object()


class TakesLong(Exception):
    """The pictures of a result take long to draw, so a worker thread must do it."""


def result_of(
    wanted: WantedFiles,
    files: MadeFiles,
    own: Mapping[str, Any] | None = None,
    *,
    drawing: bool = True,
    named: list[tuple[MadeFile, str]] | None = None,
) -> dict[str, Any]:
    """The body of the result call; addresses in it begin with `CDN_MARK`.

    `own` describes a file of the user's, which replaces the files of its family. `named` receives every file of the
    body, with its path.

    Raises:
        TakesLong: it has large pictures to draw, and `drawing` is False.
    """
    endpoint = wanted.report.endpoint
    if (record := endpoint.record) is None:
        return {}
    if not record.schemas.get(record.output):  # the content of the stream is not documented
        record = shipped_record(endpoint.id.removesuffix(STREAM)) or record
    pixels = inf if drawing else _MOST_PIXELS
    named = [] if named is None else named
    made = _Result(record, wanted, files, pixels, named, _unusable(endpoint), own or {}).body()
    return made if isinstance(made, dict) else {}


@lru_cache(maxsize=4096)
def _unusable(endpoint: Endpoint) -> Collection[str]:
    """The fields of a result whose examples do not fit its own schema."""
    record = endpoint.record
    assert record is not None
    schema = record.schemas.get(record.output, {})
    found = {}
    for name, one in ordered(schema):
        if isinstance(examples := one.get("examples"), list) and examples and examples[0] is not None:
            found[name] = examples[0]
    return _refused(endpoint, found)


def _refused(endpoint: Endpoint, examples: Mapping[str, Any]) -> Collection[str]:
    try:
        endpoint.output.model_validate(examples)
    except ValidationError as error:
        return {str(one["loc"][0]) for one in error.errors() if one["loc"] and one["loc"][0] in examples}
    return ()


def _family(media_type: str) -> MediaFamily:
    return FAMILIES.get(ending_of_type(media_type) or "", MediaFamily.DATA)


def _media_type(schema: Schema) -> Any:
    """The kind of media that an object is about, if it says that."""
    return schema.get("properties", {}).get("media_type", {}).get("const")


@dataclass
class _Result:
    """Makes the values of one result."""

    record: Record
    wanted: WantedFiles
    files: MadeFiles
    pixels: float
    """The number of pixels that may still be drawn."""
    named: list[tuple[MadeFile, str]]
    unusable: Collection[str] = ()
    own: Mapping[str, Any] = field(default_factory=dict)
    _above: list[Schema] = field(default_factory=list)
    """The objects around the current value; recursion ends at an object that contains itself."""

    def body(self) -> Any:
        return self._value("output", {"$ref": self.record.output}, None)

    @cached_property
    def _known(self) -> dict[str, float]:
        """The numbers of a result that follow from its files."""
        wanted = self.wanted
        seconds = wanted.clip_seconds if wanted.makes_clips else wanted.sound_seconds
        return {"duration": seconds, "duration_ms": seconds * 1000}

    @cached_property
    def _output(self) -> dict[str, Any]:
        """The facts of the main file of the result."""
        wanted = self.wanted
        if wanted.makes_clips:
            return stated_of(self._made("video", "mp4"))
        return dict(zip(("width", "height"), wanted.picture_size, strict=True)) | self._known

    def _number(self, name: str) -> float | None:
        if name in _SEEDS:
            return self.wanted.seed
        if found := _MEASURED.fullmatch(name):
            facts = self.wanted.input_facts if found[1] == "original" else self._output
            return facts.get(found[2])
        if name == "points" and self.wanted.waveform is not None:
            return len(self.wanted.waveform)
        if name == "num_frames" and self.wanted.makes_clips:
            return self._output.get(name)
        return self._known.get(name)

    def _resolved(self, schema: Schema) -> Schema:
        """A schema without references; of several branches the first that is not null."""
        while True:
            if "$ref" in schema:
                schema = self.record.schemas.get(str(schema["$ref"]).rsplit("/", 1)[-1], {})
            elif inner := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
                schema = next((one for one in inner if one.get("type") != "null"), {})
            else:
                return schema

    def _value(self, name: str, outer: Schema, example: Any, *, required: bool = True) -> Any:
        """The value of a field, or `_ABSENT` if it is optional and nothing is known of it."""
        schema = self._resolved(outer)
        if example is None:
            examples = outer.get("examples") or schema.get("examples")
            example = examples[0] if isinstance(examples, list) and examples else None
        if {"url", "content_type"} <= schema.get("properties", {}).keys():
            return self._file(name, outer, schema, example)
        if schema.get("properties"):
            return self._object(schema, example) if required or not self._is_above(schema) else _ABSENT
        if schema.get("type") == "array":
            return self._list(name, outer, schema, example)
        return self._plain(name, outer, schema, example, required=required)

    def _object(self, schema: Schema, example: Any, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
        if self._is_above(schema):
            return {}
        given = example if isinstance(example, dict) else {}
        required = schema.get("required", ())
        self._above.append(schema)
        made = {
            name: known[name]
            if known and name in known
            else self._value(name, self._usable(name, one), given.get(name), required=name in required)
            for name, one in ordered(schema)
        }
        self._above.pop()
        return {name: value for name, value in made.items() if value is not _ABSENT}

    def _is_above(self, schema: Schema) -> bool:
        return any(one is schema for one in self._above)

    def _usable(self, name: str, schema: Schema) -> Schema:
        if name in self.unusable:
            return {key: value for key, value in schema.items() if key != "examples"}
        return schema

    def _list(self, name: str, outer: Schema, schema: Schema, example: Any) -> Any:
        items = schema.get("items") or {}
        places = schema.get("prefixItems") or [items[at] for at in items if at.isdigit()]  # as one document has it
        if places and name == "timestamp":
            return [0.0, self.wanted.sound_seconds]
        if places:  # each of the untyped items is its number: most such pairs are times
            return [self._value(name, one, None) if one else at for at, one in enumerate(places)]
        item = self._resolved(items)
        given = example if isinstance(example, list) else []
        least = schema.get("minItems", 0)
        if not item.get("properties") and given and isinstance(given[0], dict) and "url" in given[0]:
            item = _FILE_SCHEMA
        if "content_type" in item.get("properties", {}):
            number = max(least, min(self.wanted.count, schema.get("maxItems", self.wanted.count)))
            outer = {**outer, **items, "examples": None}
            return [self._file(name, outer, item, given[:1] or example, at) for at in range(number)]
        if item.get("properties"):
            shown = [None] * (least if self._is_above(item) else max(1, least))
            return [self._object(item, one) for one in given[:_MOST_EXAMPLES] or shown]
        batch = self.wanted.batch if outer.get("type") == "array" and len(self._above) == 1 else []
        if batch and given:
            given = [given[at % len(given)] for at in range(len(batch))]
        return self._plain_list(name, items, given, max(least, len(batch)))

    def _plain_list(self, name: str, items: Schema, given: list[Any], least: int) -> Any:
        """A list of values that are neither files nor objects."""
        if name == "seeds":
            return [self.wanted.seed + number for number in range(self.wanted.count)]
        if name == "waveform" and self.wanted.waveform is not None:
            return self.wanted.waveform
        if name == "durations" and self.wanted.batch:
            return [self.wanted.sound_seconds_of(number) for number in range(least)]
        if given:
            return self._ours(name, given)
        if self._resolved(items).get("type") == "boolean":
            return [False] * self.wanted.count  # whether each of the pictures is unsafe
        return [self._value(name, items, None) for _ in range(least)]

    def _plain(self, name: str, outer: Schema, schema: Schema, example: Any, *, required: bool) -> Any:
        if "const" in schema:
            return schema["const"]
        text = schema.get("type") == "string" and "enum" not in schema
        if text and (schema.get("format") == "uri" or _NAMED_ADDRESS.fullmatch(name)):
            ending = ending_of_field(name, outer, "", example, self.record.category)
            return self._address(self._made(name, ending)) if required or example else _ABSENT
        if (echo := self._echo(name, schema)) is not _ABSENT:
            return echo
        if example is not None:
            return self._ours(name, example)
        default = outer.get("default", schema.get("default"))
        if default is not None:
            return default
        return Maker(self.record).made_up(name, schema) if required else _ABSENT

    def _echo(self, name: str, schema: Schema) -> Any:
        """The argument of this name if it fits the schema, or a value derived from the arguments."""
        if schema.get("type") in ("integer", "number") and (number := self._number(name)) is not None:
            return number if schema["type"] == "number" else round(number)
        if name == "timings" and schema.get("type", "object") == "object":
            return {"inference": _INFERENCE_SECONDS}
        if name == "voice_id" and self.wanted.argument(name) is None:
            return self.wanted.voice_id
        value = self.wanted.argument(name)
        kind = _TYPES.get(str(schema.get("type")))
        fits = kind is not None and isinstance(value, kind) and isinstance(value, bool) is (kind is bool)
        return value if fits and value in schema.get("enum", [value]) else _ABSENT

    def _ours(self, name: str, example: Any) -> Any:
        """An example with our addresses in place of fal's."""
        if isinstance(example, dict):
            return {key: self._ours(key, one) for key, one in example.items()}
        if isinstance(example, list):
            return [self._ours(name, one) for one in example]
        if isinstance(example, str):
            return ADDRESS.sub(lambda found: self._address(self._made(name, ending_in(found[0]) or "bin")), example)
        return example

    # -- files ----------------------------------------------------------------------------------

    def _file(self, name: str, outer: Schema, schema: Schema, example: Any, at: int = 0) -> dict[str, Any]:
        """The object of a file, which may be one of several in a list."""
        if (inspected := self.wanted.inspected) is not None:
            for kind in map(self._resolved, outer.get("anyOf", (schema,))):
                if _media_type(kind) == inspected["media_type"]:
                    return self._object(kind, None, inspected)
        ending = ending_of_field(name, outer, schema.get("title", ""), example, self.record.category)
        if self.own and FAMILIES.get(ending) is _family(self.own["content_type"]):
            return self._object(schema, None, {**self.own, "file_data": _ABSENT})
        made = self._made(name, ending, at)
        if at and made.caption and made.family is not MediaFamily.CLIP:
            made = replace(made, caption=f"{made.caption}\nno. {at + 1}")
        known = stated_of(made) | {
            "url": self._address(made),
            "file_data": _ABSENT,
        }
        if "file_size" in schema["properties"]:
            size = self.files.size(made)
            known["file_size"] = self._stored(made).size if size is None else size
        return self._object(schema, None, known)

    def _made(self, name: str, guess: str, at: int = 0) -> MadeFile:
        """The file for a place of this kind in the document, with the properties that the arguments request."""
        wanted, family = self.wanted, FAMILIES[guess]
        if family is MediaFamily.PICTURE:
            if wanted.makes_clips and _FIRST_FRAME.search(name):
                return self._clip.first_frame
            ending = guess if guess in ("svg", "exr") else wanted.ending(family) or guess
            return picture(ending, *wanted.picture_size, wanted.caption)
        if family is MediaFamily.CLIP:
            clip = self._clip
            if clip.ending == "gif":
                still = picture("gif", clip.width, clip.height, wanted.caption)
                return replace(still, seconds=float(round(wanted.made_seconds)))
            return clip
        if family is MediaFamily.SOUND:
            ending = wanted.ending(family) or guess
            return MadeFile(ending, seconds=wanted.sound_seconds_of(at))
        chosen = wanted.ending(family)
        if chosen in _MODELS_3D and guess in _MODELS_3D and guess not in name:
            guess = chosen
        return MadeFile(guess, caption=wanted.report.endpoint.id)

    @property
    def _clip(self) -> MadeFile:
        """The clip that the arguments request; its extension is that of a GIF if they request one."""
        wanted, ending = self.wanted, self.wanted.clip_ending or "gif"
        size = size_of_clip(*wanted.clip_size, ending)
        return wanted.clip or MadeFile(ending, *size, wanted.made_seconds, wanted.has_sound)

    def _address(self, made: MadeFile) -> str:
        if self.wanted.inline:
            content = base64.b64encode(self._stored(made).source.read_bytes()).decode()
            return f"data:{made.media_type};base64,{content}"
        path = made.path(self.wanted.request_id, len(self.named))
        self.named.append((made, path))
        return CDN_MARK + path

    def _stored(self, made: MadeFile) -> StoredFile:
        if made.family is MediaFamily.PICTURE and made not in self.files:
            self.pixels -= inf if made.ending == "gif" else made.width * made.height
            if self.pixels < 0:
                raise TakesLong
        return self.files.get(made)
