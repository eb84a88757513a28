"""Audio files are measured by their headers, and judged by what they are."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import pytest

from fakefal_contracts import Unreadable
from fakefal_contracts.kling.shared import OPENAPI
from fakefal_contracts.media import AudioLimits
from fakefal_contracts.probe import AudioFacts, probe_audio
from fakefal_contracts.probe.audio import BOTH_ENDS
from fakefal_contracts.strategies.audiofile import FRAME_MILLISECONDS, write_audio
from support.media import clip, picture

MEASURED = ("mp3", "wav", "m4a", "ogg", "flac")
LARGE = 40_000_000


def encoded(form: str, codec: str, seconds: float = 3.5, rate: int = 48_000, **options: str) -> bytes:
    """A file that an encoder wrote: noise would be as long."""
    out = io.BytesIO()
    with av.open(out, "w", format=form, options=options) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = "mono"
        for start in range(0, int(seconds * rate), 500):
            frame = av.AudioFrame(format="s16", layout="mono", samples=500)
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            frame.sample_rate, frame.pts = rate, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


class TestMeasuring:
    @pytest.mark.parametrize(
        ("form", "codec", "name"),
        [
            ("mp3", "libmp3lame", "mp3"),
            ("wav", "pcm_s16le", "wav"),
            ("wav", "pcm_mulaw", "wav"),
            ("ipod", "aac", "m4a"),
            ("mp4", "aac", "m4a"),
            ("mov", "pcm_s16le", "m4a"),
            ("ogg", "libopus", "ogg"),
            ("flac", "flac", "flac"),
            ("aiff", "pcm_s16be", "aiff"),
        ],
    )
    def test_what_an_encoder_wrote_has_its_length(self, form: str, codec: str, name: str, tmp_path: Path) -> None:
        content = encoded(form, codec)
        (tmp_path / "named.txt").write_bytes(content)
        for source in (content, tmp_path / "named.txt"):
            facts = probe_audio(source)
            assert (facts.bytes, facts.format, facts.unread) == (len(content), name, "")
            # an MP3 has silence of the encoder before and behind
            assert facts.seconds == pytest.approx(3.5, abs=0.03)

    def test_mp3_without_a_header_of_its_length_is_counted(self) -> None:
        assert probe_audio(encoded("mp3", "libmp3lame", 60, write_xing="0")).seconds == pytest.approx(60, abs=0.03)

    def test_ogg_of_many_pages_is_read_at_both_ends(self) -> None:
        content = write_audio("ogg", 3_600_000)
        assert len(content) > 2 * BOTH_ENDS
        assert probe_audio(content) == AudioFacts(len(content), "ogg", 3600, 1, 48_000)

    @pytest.mark.parametrize("form", MEASURED)
    @pytest.mark.parametrize("milliseconds", [2400, 24_000, 60_000])
    def test_silence_is_as_long_as_an_independent_reader_decodes(self, form: str, milliseconds: int) -> None:
        content = write_audio(form, milliseconds)
        assert probe_audio(content).seconds == milliseconds / 1000
        with av.open(io.BytesIO(content)) as file:
            decoded = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
        # AAC is padded to whole frames
        assert decoded == pytest.approx(milliseconds / 1000, abs=0.022 if form == "m4a" else 1e-6)
        assert set(FRAME_MILLISECONDS) == {*MEASURED, "amr"}

    @pytest.mark.parametrize(
        ("form", "codec", "options", "name"),
        [
            ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov"}, "m4a"),
            ("adts", "aac", {}, "aac"),
            ("webm", "libopus", {}, "webm"),
            ("caf", "pcm_s16be", {}, "caf"),
        ],
    )
    def test_where_headers_tell_no_length_it_is_unknown(
        self, form: str, codec: str, options: dict[str, str], name: str
    ) -> None:
        facts = probe_audio(encoded(form, codec, **options))
        assert (facts.format, facts.seconds) == (name, None)
        assert facts.unread == f"the length of this {name} file is not stated in its header"

    def test_a_header_that_says_more_than_there_is_is_not_believed(self) -> None:
        wav = write_audio("wav", 2000)
        said = wav[:40] + b"\xff\xff\xff\xff" + wav[44:]  # as written to a pipe
        assert probe_audio(said).seconds == pytest.approx(2, abs=0.01)
        assert probe_audio(wav[: 44 + 8000]).seconds == pytest.approx(1, abs=0.01)
        mp3 = write_audio("mp3", 24_000)
        assert probe_audio(mp3[: len(mp3) // 2]).seconds == pytest.approx(12, abs=0.1)


class TestWhatIsNoAudio:
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "it is empty"),
            (b"ID3", "no sound is found in it"),
            (b"I am a text.", "it is not audio in a known format"),
            ("\ufeffI am a text.".encode("utf-16"), "no sound is found in it"),  # it starts like a frame of MP3
            (b"<html>Sign in</html>", "it is an HTML page"),
            (b"RIFF\0\0\0\0WAVE", "no sound is found in it"),
            (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0", "it starts like a WAV sound, but its header cannot be read"),
            (b"fLaC", "no sound is found in it"),
            (b"OggS", "it starts like an Ogg file, but its header cannot be read"),
            (picture(), "it is a PNG picture, not audio"),
            (b"GIF89a", "it is a GIF animation, not audio"),
        ],
        ids=range(11),
    )
    def test_it_is_unreadable(self, content: bytes, says: str) -> None:
        with pytest.raises(Unreadable, match=says):
            probe_audio(content)

    def test_a_clip_is_audio_if_it_has_sound(self, tmp_path: Path) -> None:
        with pytest.raises(Unreadable, match="it has no sound track"):
            probe_audio(clip(tmp_path / "clip.mp4"))

    @pytest.mark.parametrize("form", MEASURED)
    def test_a_file_that_is_cut_off_in_its_header_is_unreadable(self, form: str) -> None:
        with pytest.raises(Unreadable):
            probe_audio(write_audio(form, 2400)[:20])

    @pytest.mark.parametrize(
        "content",
        [
            lambda: b"ID3\4\0\0\0\0\0\0" + bytes(LARGE),
            lambda: b"\xff\xfb\0\0" + b"\xff" * LARGE,
            lambda: b"RIFF\0\0\0\0WAVE" + bytes(LARGE),
            lambda: b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\x7f" + bytes(LARGE),
            lambda: b"fLaC\x04\xff\xff\xff" + struct.pack("<II", 0, 0xFFFFFFFF) + bytes(LARGE),
            lambda: (b"OggS\0\0" + bytes(20) + b"\0") * (LARGE // 27),
            lambda: b"FORM\0\0\0\0AIFF" + bytes(LARGE),
            lambda: box(b"ftyp", b"M4A \0\0\0\0") + box(b"moov", box(b"free", b"") * (LARGE // 8)),
            lambda: (
                box(b"ftyp", b"M4A \0\0\0\0")
                + box(
                    b"moov", box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + b"soun"))) + box(b"mvhd", bytes(LARGE))
                )
            ),
        ],
        ids=["id3", "sync", "riff", "fmt", "flac", "ogg", "aiff", "boxes", "mvhd"],
    )
    def test_a_file_of_very_many_parts_is_given_up(self, content: object, tmp_path: Path) -> None:
        whole = content()  # type: ignore[operator]
        (tmp_path / "file").write_bytes(whole)
        for source in (whole, tmp_path / "file"):
            with pytest.raises(Unreadable):
                probe_audio(source)

    @pytest.mark.parametrize("form", MEASURED)
    def test_bytes_that_are_broken_anywhere_are_measured_or_unreadable(self, form: str) -> None:
        whole = write_audio(form, 240)
        for at in range(min(len(whole), 700)):
            for noise in (b"\0", b"\xff", b"\x80\0\0\1"):
                try:
                    facts = probe_audio(whole[:at] + noise + whole[at + len(noise) :])
                except Unreadable:
                    continue
                assert isinstance(facts, AudioFacts)


def test_refusals_are_fals() -> None:
    limits = AudioLimits(formats=("mp3", "wav"), min_seconds=2, max_seconds=60, max_bytes=5_242_880, evidence=OPENAPI)
    short, long, other = (limits.measure(write_audio(*one)) for one in (("wav", 1000), ("mp3", 61_200), ("flac", 3000)))
    (found,) = limits.judge(short)
    assert (found.type, found.ctx) == ("audio_duration_too_short", {"min_duration": 2, "provided_duration": 1.0})
    assert found.msg == "Audio is too short. Minimum is 2 seconds, provided is 1 seconds."
    assert found.hint == "the audio file lasts 1 s: it needs 2 s or more"
    (found,) = limits.judge(long)
    assert (found.type, found.hint) == (
        "audio_duration_too_long",
        "the audio file lasts 61.2 s: cut it to 60 s or less",
    )
    (found,) = limits.judge(other)
    assert (found.type, found.ctx) == ("unsupported_audio_format", {"supported_formats": ["mp3", "wav"]})
    assert limits.too_large().type == "file_too_large"
    assert limits.unjudged(AudioFacts(10, "mp3", None)) != ""
