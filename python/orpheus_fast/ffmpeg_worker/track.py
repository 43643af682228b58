"""One file on its way through a decoder."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from av.error import EOFError as StreamEndError
from av.error import FFmpegError

from orpheus_fast.ffmpeg_worker.wire import BLOCK, DAMAGED, END, ERROR, HEADER, LOSS, Link, RemoteFile, message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer

    from orpheus_fast.ffmpeg_worker.confinement import Budget

__all__ = ["Track", "describe"]

UNKNOWN: Final = (1 << 64) - 1
BLOCK_SAMPLES: Final = 16_384
# A reason that is given once is enough.
MAX_EARLY: Final = 1000

SAMPLE_FORMATS: Final = {"u8": (0, 1), "s16": (1, 2), "s32": (2, 4), "flt": (3, 4), "dbl": (4, 8), "s64": (5, 8)}
PLANAR: Final = 0x10

LOSSLESS: Final = frozenset(
    ["alac", "ape", "dst", "flac", "mlp", "shorten", "tak", "truehd", "tta", "wavpack", "wmalossless"]
)
# Demuxers whose duration is the count of samples that the header states, and those that only know the time.
COUNTED: Final = frozenset(["aiff", "ape", "au", "caf", "dsf", "flac", "iff", "mpc8", "tak", "tta", "w64", "wav", "wv"])
TIMED: Final = frozenset(["asf", "avi", "matroska", "mov", "mpc", "ogg", "xwma"])
# Frames and nothing else: what no packet came of is a frame that is not whole.
RAW: Final = frozenset(["aac", "ac3", "dts", "eac3", "mlp", "truehd"])


class Track:
    """One file on its way through a decoder."""

    def __init__(self, link: Link, budget: Budget, container: InputContainer, demuxer: str) -> None:
        self._link = link
        self._budget = budget
        self._demuxer = demuxer
        self._stream: AudioStream = container.streams.audio[0]
        self._container = container
        self._rate = 0
        self._seconds = 0.0
        self._next_pts: Fraction | None = None
        self._n_packet_bytes = 0
        self._n_packets = 0
        self._n_refused = 0
        # What was lost before the sample rate was known.
        self._early: list[tuple[Fraction, str]] = []

    def run(self, file: RemoteFile, logged: list[tuple[int, str, str]]) -> None:
        """Send everything that the file holds."""
        for packet, unread in self._packets():
            if file.interruption:
                raise file.interruption
            trouble = unread if packet is None else self._decode(packet)
            mended = next((text for text in map(complaint, logged) if text), "")
            logged.clear()
            if trouble:
                self._n_refused += 1
                seconds = seconds_of(packet)
                self._lose(seconds, trouble)
                if self._next_pts is not None:
                    # Else the clock would count it once more.
                    self._next_pts += seconds
            elif mended:
                # Its samples came, but libav does not vouch for all of them.
                self._lose(Fraction(0), mended)
        if file.interruption:
            raise file.interruption
        nothing = self._nothing()
        if nothing:
            self._link.send(ERROR, bytes([DAMAGED]), message(nothing))
            return
        if self._demuxer in RAW and file.is_untagged_from(self._n_packet_bytes):
            self._lose(Fraction(0), "the file ends in the middle of a frame, or does not consist of frames alone")
        self._link.send(END)

    def _nothing(self) -> str:
        """Why nothing of the file can be used; "" if some of it can."""
        if not self._rate:
            return self._early[0][1] if self._early else "no samples"
        if self._demuxer in RAW | {"amr"} and 2 * self._n_refused > self._n_packets:
            # Any bytes hold something that looks like a frame.
            return f"{self._n_refused} of {self._n_packets} frames are no frames"
        return ""

    def _packets(self) -> Iterator[tuple[Packet[AudioStream] | None, str]]:
        """Each packet, then how reading them went wrong."""
        try:
            for packet in self._container.demux(self._stream):
                yield packet, ""
        except FFmpegError as error:
            yield None, describe(error)

    def _decode(self, packet: Packet[AudioStream]) -> str:
        """Send the samples of a packet; return what went wrong."""
        self._n_packet_bytes += packet.size
        self._n_packets += 1
        if packet.is_corrupt:
            return "a packet is cut short"
        try:
            frames = packet.decode()
        except StreamEndError:
            return ""
        except FFmpegError as error:
            return describe(error)
        for frame in frames:
            if frame.samples:
                self._send(frame)
        return ""

    def _send(self, frame: AudioFrame) -> None:
        if not self._rate:
            self._send_header(frame)
        self._note_gap(frame)
        name = frame.format.name
        planar = frame.format.is_planar
        code, width = SAMPLE_FORMATS[name[:-1] if planar else name]
        n_channels = frame.layout.nb_channels
        width = width if planar else width * n_channels
        planes = [memoryview(plane) for plane in frame.planes][: n_channels if planar else 1]
        for start in range(0, frame.samples, BLOCK_SAMPLES):
            n_samples = min(BLOCK_SAMPLES, frame.samples - start)
            format_and_channels = (code | PLANAR * planar, n_channels)
            spent = self._budget.spent_milliseconds()
            head = struct.pack("<HHIII", *format_and_channels, frame.sample_rate, n_samples, spent)
            parts = [plane[start * width : (start + n_samples) * width] for plane in planes]
            self._link.check()
            self._link.send(BLOCK, head, *parts)
        self._seconds += frame.samples / frame.sample_rate
        self._budget.earn(self._seconds)

    def _send_header(self, frame: AudioFrame) -> None:
        self._rate = frame.sample_rate
        promised, tolerance = self._promise()
        head = struct.pack("<IIQI", self._rate, frame.layout.nb_channels, promised, tolerance)
        self._link.send(HEADER, head, self._stream.codec_context.name.removesuffix("float").encode())
        for seconds, why in self._early:
            self._lose(seconds, why)

    def _promise(self) -> tuple[int, int]:
        """How many samples the container states, and how far below the decoder may end."""
        codec, seconds = self._stream.codec_context.name, self._stated_seconds()
        exact = codec in LOSSLESS or codec == "mpc8" or codec.startswith(("pcm_", "dsd_"))
        if seconds <= 0:
            return UNKNOWN, 0
        n_samples = round(seconds * self._rate)
        if exact and self._demuxer in COUNTED:
            # A DSF file is counted in whole blocks of 4096 bytes.
            return n_samples, 4096 if self._demuxer == "dsf" else 0
        # Times are rounded, and encoders of lossy formats do not always write their last packet.
        return n_samples, max(4096, self._rate // 8) if self._demuxer in ("asf", "avi", "xwma") else 4096

    def _stated_seconds(self) -> Fraction:
        """Return 0 where the container states no length, or libav would guess it from the bit rate."""
        stream, whole = self._stream, self._container.duration
        if self._demuxer not in TIMED | COUNTED:
            return Fraction(0)
        if stream.duration and stream.time_base is not None:
            return stream.duration * stream.time_base
        # A Matroska file has one length for all of its tracks.
        alone = len(self._container.streams) == 1 and self._demuxer == "matroska"
        return Fraction(whole, 1_000_000) if whole and alone else Fraction(0)

    def _note_gap(self, frame: AudioFrame) -> None:
        """Count a jump of the container's clock: audio that vanished without an error."""
        if frame.pts is None or frame.time_base is None or self._demuxer not in TIMED:
            return
        at = frame.pts * frame.time_base
        if self._next_pts is not None and at - self._next_pts > Fraction(1, 8):
            self._lose(at - self._next_pts, "a stretch of the stream is missing")
        self._next_pts = at + Fraction(frame.samples, frame.sample_rate)

    def _lose(self, seconds: Fraction, why: str) -> None:
        if not self._rate:
            if len(self._early) < MAX_EARLY:
                self._early.append((seconds, why))
            return
        self._link.send(LOSS, struct.pack("<Q", min(UNKNOWN - 1, round(seconds * self._rate))), message(why))


def seconds_of(packet: Packet[AudioStream] | None) -> Fraction:
    """How much sound a packet holds, as far as its container knows."""
    if packet is None or not packet.duration or packet.duration < 0 or packet.time_base is None:
        return Fraction(0)
    return packet.duration * packet.time_base


def describe(error: Exception) -> str:
    """In libav's own words: the message that it logged before it gave up, if there is one."""
    if isinstance(error, MemoryError):
        raise error
    log = getattr(error, "log", None)
    text = log[2] if log else getattr(error, "strerror", None) or str(error)
    return " ".join(text.split())


def complaint(entry: tuple[int, str, str]) -> str:
    """Return what a logged message says was wrong with the audio; "" if it does not matter."""
    # Pictures and video are not decoded, which is on purpose.
    text = " ".join(entry[2].split())
    return "" if "not on whitelist" in text else text
