"""From bytes to facts: the properties of a picture, clip or audio file, and whether its data are complete."""

from fakefal_contracts.probe.audio import AUDIO_FORMATS, AudioFacts, probe_audio
from fakefal_contracts.probe.clip import ClipFacts, probe_clip
from fakefal_contracts.probe.datauri import is_data_uri, read_data_uri
from fakefal_contracts.probe.file import FileFacts, probe_file
from fakefal_contracts.probe.picture import OTHER_PICTURE_FORMATS, PICTURE_FORMATS, PictureFacts, probe_picture

__all__ = [
    "AUDIO_FORMATS",
    "OTHER_PICTURE_FORMATS",
    "PICTURE_FORMATS",
    "AudioFacts",
    "ClipFacts",
    "FileFacts",
    "PictureFacts",
    "is_data_uri",
    "probe_audio",
    "probe_clip",
    "probe_file",
    "probe_picture",
    "read_data_uri",
]
