"""Audio in: one track as samples, many tracks as batches of windows."""

from orpheus_fast.audio.resampling import resample
from orpheus_fast.audio.streams import AudioStream, Batch, Placement, Tap, TrackOutcome, stream
from orpheus_fast.audio.tags import Tags, read_tags
from orpheus_fast.audio.tracks import AudioSource, Limits, Outcome, Quality, Signal, TrackInfo, decode

__all__ = [
    "AudioSource",
    "AudioStream",
    "Batch",
    "Limits",
    "Outcome",
    "Placement",
    "Quality",
    "Signal",
    "Tags",
    "Tap",
    "TrackInfo",
    "TrackOutcome",
    "decode",
    "read_tags",
    "resample",
    "stream",
]
