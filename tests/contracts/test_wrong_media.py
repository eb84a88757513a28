"""Pictures whose pixels are there pass, others are refused; clips are as long as their tables say."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from fakefal_contracts import check
from fakefal_contracts.errors import Unreadable
from fakefal_contracts.probe import probe_clip, probe_picture
from fakefal_contracts.strategies.clipfile import write_clip
from support.media import clip
from support.wrong_media import PLACES, clip_that_says, number, picture_that_says


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def photo(width: int = 400, height: int = 300, mode: str = "RGB") -> Image.Image:
    """A picture with something everywhere."""
    noise = [Image.effect_noise((width, height), 40 * spread) for spread in (1, 2, 3)]
    return Image.merge("RGB", noise).convert(mode)


def animation() -> bytes:
    return saved(photo(), "PNG", save_all=True, append_images=[photo(), photo()])


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A picture with these chunks between its header and its end."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", header), *chunks, (b"IEND", b""))
    )


class TestPictures:
    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(saved(photo(), "PNG")[:-12], id="PNG without IEND"),
            pytest.param(saved(photo(), "JPEG")[:-2] + bytes(100), id="JPEG without EOI, padded with zeros"),
            pytest.param(animation()[:-1000], id="APNG cut in its last frame"),
            pytest.param(saved(photo(), "GIF", save_all=True, append_images=[photo()])[:-1000], id="GIF cut likewise"),
            pytest.param(picture_that_says(saved(photo(), "PNG"), "PNG", 400, 200), id="PNG of more rows than it says"),
            pytest.param(picture_that_says(saved(photo(), "JPEG"), "JPEG", 400, 900), id="JPEG of fewer, with its end"),
        ],
    )
    def test_what_has_its_pixels_passes(self, content: bytes) -> None:
        facts = probe_picture(content)
        assert (facts.width, facts.undecoded) == (400, "")

    @pytest.mark.parametrize(
        ("form", "options"),
        [
            ("PNG", {}),
            ("JPEG", {}),
            ("JPEG", {"progressive": True}),
            ("WEBP", {}),
            ("WEBP", {"lossless": True}),
            ("GIF", {}),
            ("AVIF", {}),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("part", [0.3, 0.9])
    def test_what_is_cut_in_its_pixels_is_refused(self, form: str, options: dict[str, object], part: float) -> None:
        content = saved(photo(), form, **options)
        with pytest.raises(Unreadable):
            probe_picture(content[: int(len(content) * part)])

    @pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
    def test_what_has_fewer_pixels_than_its_header_says_is_refused(self, form: str) -> None:
        with pytest.raises(Unreadable, match="its header says 1200x900 pixels, but they cannot be decoded"):
            probe_picture(picture_that_says(saved(photo(), form), form, 1200, 900))

    @pytest.mark.parametrize(
        ("mode", "form", "options"),
        [
            *(("RGB", "JPEG", options) for options in ({"progressive": True}, {"subsampling": 0})),
            *((mode, "JPEG", {}) for mode in ("L", "CMYK")),
            *((mode, "PNG", {}) for mode in ("RGB", "RGBA", "L", "LA", "1", "P")),
            *((mode, "WEBP", {"lossless": yes}) for yes in (False, True) for mode in ("RGB", "RGBA")),
            *(("P", "GIF", {"interlace": yes}) for yes in (False, True)),
            *(("RGB", form, {"save_all": True}) for form in ("PNG", "WEBP", "GIF", "MPO")),
            ("RGBA", "AVIF", {}),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("size", [(301, 403), (1, 1)], ids=str)
    def test_what_is_whole_is_measured(
        self, mode: str, form: str, options: dict[str, object], size: tuple[int, int]
    ) -> None:
        more = {"append_images": [photo(*size)]} if options.get("save_all") else {}
        facts = probe_picture(saved(photo(*size, mode), form, **options, **more))
        assert (facts.width, facts.height, facts.undecoded) == (*size, "")

    def test_a_jpeg_is_decoded_at_an_eighth(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sizes: list[tuple[int, int]] = []
        load = ImageFile.ImageFile.load
        monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: (sizes.append(image.size), load(image))[1])
        assert probe_picture(saved(photo(), "JPEG")).width == 400
        assert sizes == [(50, 38)]

    def test_a_setting_of_the_process_is_respected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        assert probe_picture(saved(photo(), "JPEG")[:-1000]).width == 400


class TestLargePictures:
    """What would take long to decode is judged by its header, and a report says so."""

    def test_51_megapixels(self) -> None:
        content = png(8500, 6000)
        facts = probe_picture(content)
        assert (facts.width, facts.height, facts.undecoded) == (8500, 6000, "it has more than 50 megapixels")

    def test_what_pillow_does_not_open_is_refused(self) -> None:
        assert probe_picture(png(17_000, 10_000)).undecoded
        with pytest.raises(Unreadable, match="its header says 18000x10000 pixels: more than 178,956,970 in all"):
            probe_picture(png(18_000, 10_000))

    def test_a_report_lists_it(self, tmp_path: Path) -> None:
        (tmp_path / "large.png").write_bytes(png(8500, 6000))
        body = {"prompt": "x", "start_image_url": "https://example.com/a.png"}
        report = check("fal-ai/kling-video/o1/standard/image-to-video", body, opener=lambda _: tmp_path / "large.png")
        assert report.ok
        assert [(one.loc, one.reason) for one in report.unchecked] == [
            (("start_image_url",), "only its header was read: it has more than 50 megapixels")
        ]

    def test_50_megapixels_are_decoded(self) -> None:
        with pytest.raises(Unreadable):
            probe_picture(png(10_000, 5000))

    def test_a_jpeg_of_thousands_of_scans(self) -> None:
        content = saved(Image.new("RGB", (4000, 3000)), "JPEG", progressive=True)
        scan = content[content.rindex(b"\xff\xda") : -2]
        facts = probe_picture(content[:-2] + scan * 2000 + b"\xff\xd9")
        assert (facts.width, facts.undecoded) == (4000, "it may have 2010 scans")

    @pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
    def test_compressed_text_is_bounded(self, name: bytes) -> None:
        with pytest.raises(Unreadable):
            probe_picture(png(400, 300, (name, b"x\0\0" + zlib.compress(bytes(100_000_000)))))

    @pytest.mark.parametrize(
        ("form", "at", "part"),
        [
            ("JPEG", 2, b"\xff"),
            ("JPEG", 2, b"\xff\xfe\0\2"),
            ("PNG", 33, b"\0\0\0\2tEXta\0" + struct.pack(">I", zlib.crc32(b"tEXta\0"))),
            ("GIF", 781, b"!\xfe\1a\0"),
        ],
        ids=["filling bytes", "comments", "texts", "comments of a GIF"],
    )
    def test_more_parts_than_a_picture_needs_are_not_read(self, form: str, at: int, part: bytes) -> None:
        whole = saved(photo(mode="P" if form == "GIF" else "RGB"), form)
        assert probe_picture(whole[:at] + part * 1000 + whole[at:]).undecoded == ""
        with pytest.raises(Unreadable, match="more parts than a picture needs"):
            probe_picture(whole[:at] + part * 50_000 + whole[at:])


def box(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


class TestClipsCostLittle:
    @pytest.mark.parametrize(("first", "inside"), [(0, 100_001), (50_000, 50_001)])
    def test_all_boxes_of_a_file_count_towards_one_bound(self, first: int, inside: int) -> None:
        whole = write_clip("mp4", 320, 240, 3000, 72)
        movie = whole.index(b"moov") - 4
        again = box(b"moov", whole[movie + 8 :] + box(b"free") * inside)
        with pytest.raises(Unreadable, match="it has more boxes than a clip needs"):
            probe_clip(whole[:movie] + box(b"free") * first + again)

    def test_a_table_is_read_up_to_a_bound(self) -> None:
        whole = write_clip("mp4", 320, 240, 3000, 1_100_000)
        with pytest.raises(Unreadable, match="its tables are longer than a clip needs"):
            probe_clip(whole)


def remuxed(source: Path, form: str, **options: str) -> bytes:
    """The same frames in another file."""
    out = source.with_suffix(".again")
    with av.open(str(source)) as read, av.open(str(out), "w", format=form, options=options) as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    return out.read_bytes()


def with_sound(seconds: float, *, delay: int = 0) -> bytes:
    """Two seconds of frames, of uneven lengths and with B-frames, beside sound; `delay` in frames."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as file:
        video, sound = file.add_stream("libx264", rate=24), file.add_stream("aac", rate=48_000, layout="mono")
        video.width, video.height, video.pix_fmt, video.options = 160, 120, "yuv420p", {"bf": "3"}
        video.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for count in range(40):
            frame = av.VideoFrame.from_image(photo(160, 120))
            frame.pts = delay + count + count // 5
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        for at in range(0, int(48_000 * seconds), 1024):
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            frame.sample_rate, frame.pts = 48_000, at
            frame.planes[0].update(bytes(4096))
            file.mux(sound.encode(frame))
        file.mux(sound.encode(None))
    return out.getvalue()


def turned(whole: bytes) -> bytes:
    """The same clip, to be shown turned by a quarter."""
    at = whole.index(b"tkhd") + 4 + 40
    return whole[:at] + struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30) + whole[at + 36 :]


def halved(whole: bytes) -> bytes:
    """The same clip, of which an edit shows the first half."""
    at = whole.index(b"elst") + 4 + 8
    return whole[:at] + struct.pack(">I", number(whole, "length of the file") // 2) + whole[at + 4 :]


TIMES = {"length of the file", "length of the track", "length of the media"}


class TestClips:
    @given(
        st.sampled_from(["mp4", "mov"]),
        st.integers(1, 30),
        st.integers(500, 20_000),
        st.sampled_from(sorted(PLACES.keys() - {"length of a frame"})),
        st.integers(0, 2**32 - 1) | st.integers(0, 64),
    )
    def test_its_frames_say_how_long_it_is(
        self, form: str, frames: int, milliseconds: int, place: str, said: int
    ) -> None:
        whole = write_clip(form, 320, 240, milliseconds, frames)
        true = number(whole, place)
        shorter = said < true and place in ("place of a frame", "size of a frame", "number of places")
        assume(said != true and not shorter)
        try:
            facts = probe_clip(clip_that_says(whole, place, said))
        except Unreadable:
            assert place not in TIMES
            return
        assert (facts.width, facts.height, facts.seconds) == (320, 240, milliseconds / 1000)

    @pytest.mark.parametrize(
        ("place", "said", "why"),
        [
            ("frames with a length", 200, "its tables have lengths for 200 frames and sizes for 96"),
            ("frames with a size", 2**32 - 1, "a table says 4294967295 entries, its 396 bytes hold fewer"),
            ("number of lengths", 2**32 - 1, "a table says 4294967295 entries, its 16 bytes hold fewer"),
            ("size of a frame", 2**31, "its tables place frames behind its end"),
            ("place of a frame", 2**31, "its tables place frames behind its end"),
        ],
    )
    def test_tables_that_do_not_fit_the_file_are_refused(self, place: str, said: int, why: str, tmp_path: Path) -> None:
        whole = clip(tmp_path / "clip.mp4", seconds=4).read_bytes()
        with pytest.raises(Unreadable, match=why):
            probe_clip(clip_that_says(whole, place, said))

    def test_an_edit_shows_no_more_than_its_frames(self, tmp_path: Path) -> None:
        whole = clip(tmp_path / "clip.mp4", seconds=4).read_bytes()
        at = whole.index(b"elst") + 4 + 8
        with pytest.raises(Unreadable, match="an edit shows more than its frames"):
            probe_clip(whole[:at] + struct.pack(">I", 9000) + whole[at + 4 :])

    @pytest.mark.parametrize("flags", ["frag_keyframe", "frag_keyframe+empty_moov", "dash+delay_moov+global_sidx"])
    def test_fragments_are_added(self, flags: str, tmp_path: Path) -> None:
        source = clip(tmp_path / "clip.mp4", seconds=4)
        whole = remuxed(source, "mp4", movflags=flags, frag_duration="500000")
        for place in ("length of the file", "length of the track"):
            assert probe_clip(clip_that_says(whole, place, 9000)).seconds == pytest.approx(4, abs=0.001)

    def test_fragments_of_one_frame_last_until_the_next_begins(self, tmp_path: Path) -> None:
        source = clip(tmp_path / "clip.mp4", seconds=2)
        whole = remuxed(source, "mp4", movflags="empty_moov+default_base_moof+frag_every_frame")
        facts = probe_clip(whole)
        assert (facts.seconds, facts.fps) == (pytest.approx(2, abs=0.05), pytest.approx(24, abs=0.5))

    def test_frames_of_fragments_have_room_in_the_file(self, tmp_path: Path) -> None:
        whole = remuxed(clip(tmp_path / "clip.mp4", seconds=1), "mp4", movflags="frag_keyframe+empty_moov")
        at = whole.index(b"trun") + 4
        for entries, why in ((2**32 - 1, "entries"), (0, "its length is not stated")):
            with pytest.raises(Unreadable, match=why):
                probe_clip(whole[: at + 4] + struct.pack(">I", entries) + whole[at + 8 :])

    @pytest.mark.parametrize("name", ["mdhd", "moov"])
    def test_two_headers_for_one_thing_are_refused(self, name: str, tmp_path: Path) -> None:
        whole = clip(tmp_path / "clip.mp4").read_bytes()
        start = whole.index(name.encode()) - 4
        header = whole[start : start + int.from_bytes(whole[start : start + 4], "big")]
        for outer in () if name == "moov" else (b"moov", b"trak", b"mdia"):
            at = whole.index(outer) - 4
            longer = int.from_bytes(whole[at : at + 4], "big") + len(header)
            whole = whole[:at] + struct.pack(">I", longer) + whole[at + 4 :]
        with pytest.raises(Unreadable, match=f"it has more than one {name} box"):
            probe_clip(whole[: start + len(header)] + header + whole[start + len(header) :])

    @pytest.mark.parametrize("form", ["mp4", "mov", "3gp"])
    @pytest.mark.parametrize(
        "options",
        [
            {"movflags": "faststart"},
            {"movflags": "negative_cts_offsets"},
            {"movflags": "hybrid_fragmented"},
            {"use_editlist": "0"},
            {"write_tmcd": "1"},
            {"video_track_timescale": "90000"},
            {"movie_timescale": "600"},
        ],
        ids=str,
    )
    def test_what_writers_make_of_it_is_true(self, form: str, options: dict[str, str], tmp_path: Path) -> None:
        facts = probe_clip(remuxed(clip(tmp_path / "clip.mp4", seconds=4, width=722, height=402), form, **options))
        assert (facts.width, facts.height, facts.seconds) == (722, 402, pytest.approx(4, abs=0.01))

    def test_what_phones_make_of_it_is_true(self, tmp_path: Path) -> None:
        whole = clip(tmp_path / "clip.mp4", seconds=4).read_bytes()
        for change, seconds in ((turned, 4), (halved, 2)):
            assert probe_clip(change(whole)).seconds == seconds
        for file, seconds in ((with_sound(1), 2), (with_sound(5), 2), (with_sound(2, delay=48), 4)):
            assert probe_clip(file).seconds == pytest.approx(seconds, abs=0.05)
