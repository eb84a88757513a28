"""From bytes to facts: what a picture or a clip is, and whether its data are there."""

from fakefal_contracts.probe.clip import ClipFacts, probe_clip
from fakefal_contracts.probe.datauri import is_data_uri, read_data_uri
from fakefal_contracts.probe.picture import OTHER_PICTURE_FORMATS, PICTURE_FORMATS, PictureFacts, probe_picture

__all__ = [
    "OTHER_PICTURE_FORMATS",
    "PICTURE_FORMATS",
    "ClipFacts",
    "PictureFacts",
    "is_data_uri",
    "probe_clip",
    "probe_picture",
    "read_data_uri",
]
