"""A head that says what its data do not hold is refused; what is true, however odd, is measured."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from fakefal_contracts.errors import Unreadable
from fakefal_contracts.probe import probe_clip, probe_picture
from fakefal_contracts.strategies.clipfile import write_clip
from fakefal_contracts.strategies.medium import picture as drawn
from lies import PLACES, clip_that_says, number, picture_that_says
from support.media import clip

SIDES = st.integers(16, 400)
BLOCK = 16


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def photo(width: int = 400, height: int = 300, mode: str = "RGB") -> Image.Image:
    """A picture with something everywhere."""
    noise = [Image.effect_noise((width, height), 40 * spread) for spread in (1, 2, 3)]
    return Image.merge("RGB", noise).convert(mode)


def blocks(width: int, height: int) -> int:
    return -(-width // BLOCK) * -(-height // BLOCK)


def row(width: int) -> int:
    return 1 + 3 * width


class TestPictures:
    @given(SIDES, SIDES, SIDES, SIDES)
    def test_a_png_holds_what_it_says(self, width: int, height: int, wide: int, high: int) -> None:
        content = drawn("PNG", width, height).head
        lie = picture_that_says(content, "PNG", wide, high)
        if 0 <= row(width) * height - row(wide) * high < min(row(wide), high):
            assert probe_picture(lie).width == wide
            return
        more = "fewer" if row(wide) * high > row(width) * height else "more"
        with pytest.raises(Unreadable, match=f"its head says {wide}x{high} pixels, its data hold {more}"):
            probe_picture(lie)

    @given(
        st.sampled_from(["JPEG", "MPO"]),
        st.sampled_from([{}, {"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1}]),
        SIDES,
        SIDES,
        SIDES,
        SIDES,
    )
    def test_a_jpeg_holds_the_blocks_that_it_says(
        self, form: str, options: dict[str, object], width: int, height: int, wide: int, high: int
    ) -> None:
        teal = Image.new("RGB", (width, height), "teal")
        content = saved(teal, form, **options, **({"save_all": True, "append_images": [teal]} if form == "MPO" else {}))
        assert probe_picture(content).width == width
        assume(blocks(wide, high) > blocks(width, height) + 1)
        with pytest.raises(Unreadable, match=f"its head says {wide}x{high} pixels, its data hold fewer"):
            probe_picture(picture_that_says(content, form, wide, high))

    @pytest.mark.parametrize("form", ["GIF", "BMP", "WEBP"])
    @given(width=SIDES, height=SIDES)
    def test_other_formats_hold_what_they_say(self, form: str, width: int, height: int) -> None:
        content = drawn(form, width, height).head
        assert probe_picture(content).width == width
        with pytest.raises(Unreadable, match=f"its head says {3 * width}x{3 * height} pixels, its data"):
            probe_picture(picture_that_says(content, form, 3 * width, 3 * height))

    def test_the_first_picture_of_a_gif_lies_in_its_screen(self) -> None:
        content = drawn("GIF", 400, 300).head
        assert probe_picture(content[:6] + struct.pack("<HH", 500, 300) + content[10:]).width == 500
        with pytest.raises(Unreadable, match="its head says 300x300 pixels, its first picture lies outside of them"):
            probe_picture(content[:6] + struct.pack("<HH", 300, 300) + content[10:])

    def test_a_canvas_of_a_webp_has_the_size_of_its_picture(self) -> None:
        content = saved(photo(), "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
        assert probe_picture(content).width == 400
        canvas = content.index(b"VP8X") + 12
        with pytest.raises(Unreadable):
            probe_picture(content[:canvas] + (800).to_bytes(3, "little") + content[canvas + 3 :])

    @pytest.mark.parametrize("marker", [b"\xff\xc3", b"\xff\xc9"])
    def test_a_jpeg_of_a_rare_kind_is_not_believed(self, marker: bytes) -> None:
        with pytest.raises(Unreadable, match="of a kind that viewers do not show"):
            probe_picture(saved(photo(), "JPEG").replace(b"\xff\xc0", marker, 1))

    @pytest.mark.parametrize(
        ("mode", "form", "options"),
        [
            *(("RGB", "JPEG", options) for options in ({"progressive": True}, {"subsampling": 0}, {"quality": 1})),
            *(("RGB", "JPEG", {"progressive": yes, "restart_marker_blocks": 3}) for yes in (False, True)),
            *((mode, "JPEG", {}) for mode in ("L", "CMYK")),
            *((mode, "PNG", {"optimize": True}) for mode in ("RGB", "RGBA", "L", "LA", "1", "P", "I;16")),
            *((mode, "WEBP", {"lossless": yes}) for yes in (False, True) for mode in ("RGB", "RGBA")),
            *(("P", "GIF", {"interlace": yes}) for yes in (False, True)),
            *(("RGB", form, {"save_all": True}) for form in ("PNG", "WEBP", "GIF", "MPO")),
            ("RGBA", "AVIF", {}),
        ],
        ids=lambda one: str(one)[:40],
    )
    @pytest.mark.parametrize("size", [(400, 300), (301, 403), (1, 1)], ids=str)
    def test_what_is_true_is_measured(
        self, mode: str, form: str, options: dict[str, object], size: tuple[int, int]
    ) -> None:
        image = photo(*size, "L").convert("I").convert(mode) if mode == "I;16" else photo(*size, mode)
        more = {"append_images": [photo(*size)]} if options.get("save_all") else {}
        facts = probe_picture(saved(image, form, **options, **more))
        assert (facts.width, facts.height) == size

    @pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 9), (40, 30)], ids=str)
    def test_an_interlaced_png_has_seven_passes(self, size: tuple[int, int]) -> None:
        width, height = size
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        rows = [len(range(x, width, dx)) for x, y, dx, dy in passes for _ in range(y, height, dy)]
        pixels = b"".join(bytes(1 + 3 * columns) for columns in rows if columns)

        def chunk(name: bytes, data: bytes) -> bytes:
            return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

        head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 1))
        content = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
        with Image.open(io.BytesIO(content)) as image:
            image.load()
        assert probe_picture(content).width == width
        with pytest.raises(Unreadable, match="hold fewer"):
            probe_picture(picture_that_says(content, "PNG", width, height + 1))


def never(*_: object) -> None:
    raise AssertionError("too much is done")


class TestPicturesCostLittle:
    def test_a_png_of_more_than_it_says_is_inflated_no_further(self, monkeypatch: pytest.MonkeyPatch) -> None:
        taken: list[int] = []
        begin = zlib.decompressobj

        class Counting:
            def __init__(self) -> None:
                self.inside = begin()

            def decompress(self, data: bytes, most: int) -> bytes:
                found = self.inside.decompress(data, most)
                taken.append(len(found))
                return found

            eof = property(lambda self: self.inside.eof)
            unconsumed_tail = property(lambda self: self.inside.unconsumed_tail)

        monkeypatch.setattr("zlib.decompressobj", Counting)
        bomb = picture_that_says(drawn("PNG", 9000, 9000).head, "PNG", 300, 300)
        with pytest.raises(Unreadable, match="hold more"):
            probe_picture(bomb)
        assert sum(taken) <= 2 * 1024 * 1024

    @pytest.mark.parametrize("form", ["GIF", "BMP"])
    def test_what_says_very_many_pixels_is_not_decoded(self, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
        huge = picture_that_says(drawn(form, 16, 16).head, form, 16_000, 16_000)
        with pytest.raises(Unreadable, match=r"its head says 16000x16000 pixels, which do not fit into \d+ bytes"):
            probe_picture(huge)

    def test_a_progressive_jpeg_has_a_bit_for_each_block(self, monkeypatch: pytest.MonkeyPatch) -> None:
        content = saved(photo(), "JPEG", progressive=True) + bytes(1_000_000)
        monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", never)
        with pytest.raises(Unreadable, match="its head says 20000x20000 pixels, its data hold fewer"):
            probe_picture(picture_that_says(content, "JPEG", 20_000, 20_000))

    def test_a_png_of_gigabytes_is_not_inflated(self, monkeypatch: pytest.MonkeyPatch) -> None:
        content = drawn("PNG", 300, 300).head + bytes(1_000_000)
        monkeypatch.setattr("fakefal_contracts.probe.pixels._inflated", never)
        with pytest.raises(Unreadable, match="its pixels take 2700030000 bytes"):
            probe_picture(picture_that_says(content, "PNG", 30_000, 30_000))

    @pytest.mark.parametrize("filler", [b"\xff", b"\xff\xfe\0\2"], ids=["fill", "comments"])
    def test_a_jpeg_of_filling_is_not_opened(self, filler: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        content = drawn("JPEG", 64, 64).head
        assert probe_picture(content[:2] + filler * 100 + content[2:]).width == 64
        monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.__init__", never)
        with pytest.raises(Unreadable, match="more segments"):
            probe_picture(content[:2] + filler * 20_000 + content[2:])

    def test_a_png_of_chunks_is_not_opened(self, monkeypatch: pytest.MonkeyPatch) -> None:
        content = drawn("PNG", 64, 64).head
        text = b"\0\0\0\2tEXta\0" + struct.pack(">I", zlib.crc32(b"tEXta\0"))
        assert probe_picture(content[:33] + text * 100 + content[33:]).width == 64
        monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.__init__", never)
        with pytest.raises(Unreadable, match="more chunks"):
            probe_picture(content[:33] + text * 60_000 + content[33:])


class TestOddPictures:
    def test_a_png_may_end_with_a_few_bytes_too_many(self) -> None:
        content = saved(photo(64, 48), "PNG")
        chunks, at = [], 8
        while at < len(content):
            end = at + 12 + int.from_bytes(content[at : at + 4], "big")
            chunks.append((content[at + 4 : at + 8], content[at + 8 : end - 4]))
            at = end
        pixels = zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT"))
        for more, whole in ((1, True), (47, True), (48, False), (row(64), False)):
            data = {b"IHDR": chunks[0][1], b"IDAT": zlib.compress(pixels + bytes(more)), b"IEND": b""}
            written = b"".join(
                struct.pack(">I", len(one)) + name + one + struct.pack(">I", zlib.crc32(name + one))
                for name, one in data.items()
            )
            if whole:
                assert probe_picture(content[:8] + written).height == 48
            else:
                with pytest.raises(Unreadable, match="its data hold more"):
                    probe_picture(content[:8] + written)

    def test_a_gif_need_not_say_how_large_its_screen_is(self) -> None:
        content = saved(photo(64, 48), "GIF")
        assert probe_picture(content[:6] + bytes(4) + content[10:]).width == 64


def box(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


class TestClipsCostLittle:
    @pytest.mark.parametrize(
        ("name", "count", "why"),
        [(b"trak", 101, "more tracks"), (b"free", 100_001, "more boxes")],
        ids=["trak", "free"],
    )
    def test_nobody_walks_endless_boxes(self, name: bytes, count: int, why: str) -> None:
        whole = write_clip("mp4", 320, 240, 3000, 72)
        movie = whole.index(b"moov") - 4
        again = whole[whole.index(b"trak") - 4 :] if name == b"trak" else box(name)
        with pytest.raises(Unreadable, match=f"it has {why} than a clip needs"):
            probe_clip(whole[:movie] + box(b"moov", whole[movie + 8 :] + again * count))

    def test_all_boxes_of_a_file_count_together(self) -> None:
        whole = write_clip("mp4", 320, 240, 3000, 72)
        movie = whole.index(b"moov") - 4
        tracks = box(b"trak", whole[whole.index(b"trak") + 4 :] + box(b"free") * 30_000) * 4
        with pytest.raises(Unreadable, match="it has more boxes than a clip needs"):
            probe_clip(whole[:movie] + box(b"moov", whole[movie + 8 :] + tracks))

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


@cache
def coded(codec: str, pixels: str, width: int, height: int) -> bytes:
    """Three frames of a codec in an MP4."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as file:
        stream = file.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.options = {"preset": "ultrafast", "x265-params": "log-level=none"}
        for _ in range(3):
            file.mux(stream.encode(av.VideoFrame.from_image(photo(width, height))))
        file.mux(stream.encode(None))
    return out.getvalue()


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
    half = number(whole, "length of the file") // 2
    edited = whole[:at] + struct.pack(">I", half) + whole[at + 4 :]
    return clip_that_says(clip_that_says(edited, "length of the track", half), "length of the file", half)


class TestClips:
    @given(
        st.sampled_from(["mp4", "mov"]),
        st.integers(1, 30),
        st.integers(500, 20_000),
        st.sampled_from(sorted(PLACES.keys() - {"pixels"})),
        st.integers(0, 2**32 - 1) | st.integers(0, 64),
    )
    def test_no_number_can_be_changed(self, form: str, frames: int, milliseconds: int, place: str, said: int) -> None:
        whole = write_clip(form, 320, 240, milliseconds, frames)
        true = number(whole, place)
        assert probe_clip(whole).seconds == milliseconds / 1000
        shorter = said < true and place in ("place of a frame", "size of a frame", "number of places")
        assume(said != true and not shorter and abs(said - true) / max(said, true) > Fraction(3, frames + 2))
        try:
            facts = probe_clip(clip_that_says(whole, place, said))
        except Unreadable:
            return
        assert (facts.width, facts.height) == (320, 240)
        assert abs(facts.seconds - milliseconds / 1000) <= 0.1 + milliseconds / 1000 / frames

    @pytest.mark.parametrize(
        ("place", "said", "why"),
        [
            ("length of the file", 9000, "its head says 9.00 s, its tables hold less"),
            ("length of the file", 2000, "its head says 2.00 s, its tables hold more"),
            ("length of the track", 9000, "its head says 9.00 s of pictures, its tables hold less"),
            ("length of the media", 2**31, "s of pictures, its tables hold less"),
            ("frames with a length", 200, "its tables have lengths for 200 frames and sizes for 96"),
            ("frames with a size", 2**32 - 1, "a table says 4294967295 entries, its 396 bytes hold fewer"),
            ("number of lengths", 2**32 - 1, "a table says 4294967295 entries, its 16 bytes hold fewer"),
            ("size of a frame", 2**31, "its tables place frames behind its end"),
            ("place of a frame", 2**31, "its tables place frames behind its end"),
            ("length of a frame", 2**31, "its tables hold more"),
            ("pixels", 1920 << 16 | 1080, "its head says 1920x1080 pixels, its frames have 720x720"),
        ],
    )
    def test_each_lie_is_named(self, place: str, said: int, why: str, tmp_path: Path) -> None:
        whole = clip(tmp_path / "clip.mp4", seconds=4).read_bytes()
        with pytest.raises(Unreadable, match=why):
            probe_clip(clip_that_says(whole, place, said))

    def test_fragments_hold_what_heads_say(self, tmp_path: Path) -> None:
        source = clip(tmp_path / "clip.mp4", seconds=4)
        for flags in ("frag_keyframe", "frag_keyframe+empty_moov", "cmaf", "dash+delay_moov+global_sidx"):
            whole = remuxed(source, "mp4", movflags=flags, frag_duration="500000")
            assert probe_clip(whole).seconds == pytest.approx(4, abs=0.001)
            for place in ("length of the file", "length of the track"):
                with pytest.raises(Unreadable, match="its head says 9"):
                    probe_clip(clip_that_says(whole, place, 9000))

    def test_fragments_of_one_frame_last_until_the_next_begins(self, tmp_path: Path) -> None:
        source = clip(tmp_path / "clip.mp4", seconds=2)
        whole = remuxed(source, "mp4", movflags="empty_moov+default_base_moof+frag_every_frame")
        facts = probe_clip(whole)
        assert (facts.seconds, facts.fps) == (pytest.approx(2, abs=0.05), pytest.approx(24, abs=0.5))

    @pytest.mark.parametrize("codec", ["libx264", "libx265"])
    @pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
    @pytest.mark.parametrize("size", [(720, 722), (322, 242), (1280, 720)], ids=str)
    def test_a_codec_says_the_size_of_its_frames(self, codec: str, pixels: str, size: tuple[int, int]) -> None:
        whole = coded(codec, pixels, *size)
        facts = probe_clip(whole)
        assert (facts.width, facts.height) == size
        said = (size[0] * 2) << 16 | size[1]
        with pytest.raises(Unreadable, match=f"its frames have {size[0]}x{size[1]}"):
            probe_clip(clip_that_says(whole, "pixels", said))

    @pytest.mark.parametrize(("codec", "name"), [("libx264", b"avcC"), ("libx265", b"hvcC")])
    @given(st.data())
    def test_what_stands_in_a_codecs_head_costs_little(self, codec: str, name: bytes, data: st.DataObject) -> None:
        whole = coded(codec, "yuv420p", 322, 242)
        at = whole.index(name) + 4
        length = int.from_bytes(whole[at - 8 : at - 4], "big") - 8
        where = data.draw(st.integers(0, length - 1))
        changed = bytearray(whole)
        changed[at + where] = data.draw(st.integers(0, 255))
        with suppress(Unreadable):
            assert (probe_clip(bytes(changed)).width, probe_clip(bytes(changed)).height) == (322, 242)

    def test_frames_of_fragments_have_room_in_the_file(self, tmp_path: Path) -> None:
        whole = remuxed(clip(tmp_path / "clip.mp4", seconds=1), "mp4", movflags="frag_keyframe+empty_moov")
        at = whole.index(b"trun") + 4
        for entries, why in ((2**32 - 1, "entries"), (0, "its length is not stated")):
            with pytest.raises(Unreadable, match=why):
                probe_clip(whole[: at + 4] + struct.pack(">I", entries) + whole[at + 8 :])

    @pytest.mark.parametrize("name", ["tkhd", "mdhd", "moov"])
    def test_two_heads_for_one_thing_are_refused(self, name: str, tmp_path: Path) -> None:
        whole = clip(tmp_path / "clip.mp4").read_bytes()
        start = whole.index(name.encode()) - 4
        head = whole[start : start + int.from_bytes(whole[start : start + 4], "big")]
        for outer in () if name == "moov" else (b"moov", b"trak", *((b"mdia",) if name == "mdhd" else ())):
            at = whole.index(outer) - 4
            longer = int.from_bytes(whole[at : at + 4], "big") + len(head)
            whole = whole[:at] + struct.pack(">I", longer) + whole[at + 4 :]
        with pytest.raises(Unreadable, match=f"it has more than one {name} box"):
            probe_clip(whole[: start + len(head)] + head + whole[start + len(head) :])

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
