"""Decodes one file after the other with FFmpeg (PyAV), in a process of its own.

`orpheus_fast` starts this file as a script; nobody imports it to use it. Standard input is a socket
to the program that wants the samples. The bytes of the file are asked for over it, so the worker
never opens a file; once PyAV is loaded it could not: no file descriptor is left to be had. Neither a
URL, a playlist nor another file that a hostile file names can be reached from here.

Protocol, little endian: frames of `kind: u32, length: u32`, then `length` bytes. The other side is
`rust/orpheus-audio/src/decode/external/protocol.rs`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import struct
import sys
import time
from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer

__all__ = ["main"]

VERSION: Final = 1
OPEN, DATA, STOP = 1, 2, 3
HELLO, READ, HEADER, BLOCK, LOSS, END, ERROR = 16, 17, 18, 19, 20, 21, 22
DAMAGED, UNSUPPORTED, NOT_AUDIO, OUT_OF_MEMORY, FAULT = 0, 1, 2, 3, 4

SOCKET: Final = 0
UNKNOWN: Final = (1 << 64) - 1
READ_BYTES: Final = 128 << 10
BLOCK_SAMPLES: Final = 16_384
MAX_CHANNELS: Final = 64
MESSAGE_BYTES: Final = 400

SAMPLE_FORMATS: Final = {"u8": (0, 1), "s16": (1, 2), "s32": (2, 4), "flt": (3, 4), "dbl": (4, 8), "s64": (5, 8)}
PLANAR: Final = 0x10

# No other decoder is ever run: none for pictures, video or subtitles, none that FFmpeg calls experimental.
DECODERS: Final = frozenset(
    "aac aac_latm ac3 alac amrnb amrwb ape atrac1 atrac3 atrac3al atrac3plus atrac3plusal atrac9 cook dca dst eac3 "
    "evrc flac g722 g723_1 g729 gsm gsm_ms ilbc libopus libspeex mlp mp1 mp1float mp2 mp2float mp3 mp3float mpc7 mpc8 "
    "nellymoser opus qcelp qdm2 qdmc real_144 real_288 ralf shorten sipr speex tak truehd tta twinvq vorbis wavpack "
    "wmalossless wmapro wmav1 wmav2 wmavoice xma1 xma2".split()
)
DECODER_FAMILIES: Final = ("adpcm_", "dsd_", "pcm_")
LOSSLESS: Final = frozenset("alac ape dst flac mlp shorten tak truehd tta wavpack wmalossless".split())
# Demuxers whose duration is the count of samples that the header states, and those that only know the time.
COUNTED: Final = frozenset("aiff ape au caf dsf flac iff mpc8 tak tta w64 wav wv".split())
TIMED: Final = frozenset("asf matroska mov mpc ogg xwma".split())


class Stopped(Exception):  # noqa: N818 -- not an error
    """The program wants no more of this file."""


class Gone(Exception):  # noqa: N818 -- not an error
    """The program has ended."""


class Link:
    """The socket to the program."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._poll.register(SOCKET, select.POLLIN)

    def send(self, kind: int, *parts: bytes | memoryview) -> None:
        """Write one frame."""
        payload = b"".join(parts)
        rest = memoryview(struct.pack("<II", kind, len(payload)) + payload)
        while rest:
            try:
                rest = rest[os.write(SOCKET, rest) :]
            except BrokenPipeError:
                raise Gone from None

    def receive(self) -> tuple[int, bytes]:
        """Wait for one frame."""
        kind, length = struct.unpack("<II", self._exactly(8))
        return kind, self._exactly(length)

    def check(self) -> None:
        """Raise `Stopped` if the program has said so meanwhile."""
        if self._poll.poll(0) and self.receive()[0] == STOP:
            raise Stopped

    def _exactly(self, n_bytes: int) -> bytes:
        parts = []
        while n_bytes:
            part = os.read(SOCKET, n_bytes)
            if not part:
                raise Gone
            parts.append(part)
            n_bytes -= len(part)
        return b"".join(parts)


class RemoteFile:
    """The file's bytes, asked for as libavformat wants them."""

    def __init__(self, link: Link, n_bytes: int) -> None:
        self._link = link
        self._n_bytes = n_bytes
        self._position = 0
        self._held = b""
        self._held_from = 0
        # PyAV may swallow an exception that passes through libavformat.
        self.interruption: Exception | None = None

    def read(self, n_bytes: int) -> bytes:
        """Return up to `n_bytes`, none at the end."""
        n_bytes = min(n_bytes, self._n_bytes - self._position)
        if n_bytes <= 0 or self.interruption:
            return b""
        skipped = self._position - self._held_from
        if not 0 <= skipped < len(self._held):
            try:
                self._held = self._ask(self._position, max(n_bytes, READ_BYTES))
            except (Gone, Stopped) as interruption:
                self.interruption = interruption
                return b""
            self._held_from, skipped = self._position, 0
        data = self._held[skipped : skipped + n_bytes]
        self._position += len(data)
        return data

    def _ask(self, offset: int, n_bytes: int) -> bytes:
        self._link.send(READ, struct.pack("<QI", offset, n_bytes))
        kind, data = self._link.receive()
        if kind == STOP:
            raise Stopped
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as file objects do."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._n_bytes}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position


class Rehearsal(Link):
    """Stands for a program that asks for one tiny file, so that PyAV loads what it loads late."""

    def __init__(self) -> None:
        super().__init__()
        n_data = 64
        self.file = struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", 36 + n_data, b"WAVEfmt ", 16, 1, 1, 8000, 16_000, 2, 16, b"data", n_data)
        self.file += bytes(n_data)
        self.heard: list[int] = []

    def send(self, kind: int, *parts: bytes | memoryview) -> None:
        """Note it."""
        del parts
        self.heard.append(kind)

    def receive(self) -> tuple[int, bytes]:
        """Hand over the whole file."""
        return DATA, self.file

    def check(self) -> None:
        """Never stop."""


class Budget:
    """Processor time between two blocks of samples; the kernel ends a worker that needs more."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._renewed = -1.0

    def renew(self) -> None:
        """Grant the seconds anew."""
        used = time.process_time()
        if used - self._renewed > 0.5 or self._renewed < 0:  # noqa: PLR2004 -- the kernel counts whole seconds
            hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
            resource.setrlimit(resource.RLIMIT_CPU, (int(used) + 1 + self._seconds, hard))
            self._renewed = used


class Track:
    """One file on its way through a decoder."""

    def __init__(self, link: Link, budget: Budget, container: InputContainer, demuxer: str) -> None:
        self._link = link
        self._budget = budget
        self._demuxer = demuxer
        self._stream: AudioStream = container.streams.audio[0]
        self._container = container
        self._rate = 0
        self._next_pts: Fraction | None = None
        # What was lost before the sample rate was known.
        self._early: list[tuple[Fraction, str]] = []

    def run(self, file: RemoteFile, logged: list[tuple[int, str, str]]) -> None:
        """Send everything that the file holds."""
        for packet, trouble in self._packets():
            if file.interruption:
                raise file.interruption
            if packet is not None:
                trouble = self._decode(packet)
            mended = next((text for text in map(complaint, logged) if text), "")
            logged.clear()
            if trouble:
                self._lose(seconds_of(packet), trouble)
            elif mended:
                # Its samples came, but libav does not vouch for all of them.
                self._lose(Fraction(0), mended)
        if file.interruption:
            raise file.interruption
        if not self._rate:
            self._link.send(ERROR, bytes([DAMAGED]), message(self._early[0][1] if self._early else "no samples"))
            return
        self._link.send(END)

    def _packets(self) -> Iterator[tuple[Packet[AudioStream] | None, str]]:
        """Each packet, then how reading them went wrong."""
        from av.error import FFmpegError  # noqa: PLC0415

        try:
            for packet in self._container.demux(self._stream):
                yield packet, ""
        except FFmpegError as error:
            yield None, describe(error)

    def _decode(self, packet: Packet[AudioStream]) -> str:
        """Send the samples of a packet; return what went wrong."""
        from av.error import EOFError as StreamEndError  # noqa: PLC0415
        from av.error import FFmpegError  # noqa: PLC0415

        if packet.is_corrupt:
            return "a damaged packet"
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
            head = struct.pack("<HHII", code | PLANAR * planar, n_channels, frame.sample_rate, n_samples)
            parts = [plane[start * width : (start + n_samples) * width] for plane in planes]
            self._link.check()
            self._link.send(BLOCK, head, *parts)
        self._budget.renew()

    def _send_header(self, frame: AudioFrame) -> None:
        self._rate = frame.sample_rate
        promised, tolerance = self._promise()
        head = struct.pack("<IIQI", self._rate, frame.layout.nb_channels, promised, tolerance)
        self._link.send(HEADER, head, self._stream.codec_context.name.encode())
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
            return n_samples, 0
        # Times are rounded, and encoders of lossy formats do not always write their last packet.
        return n_samples, max(4096, self._rate // 8)

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
        """A jump of the container's clock is audio that vanished without an error."""
        if frame.pts is None or frame.time_base is None or self._demuxer not in TIMED:
            return
        at = frame.pts * frame.time_base
        if self._next_pts is not None and at - self._next_pts > Fraction(1, 8):
            self._lose(at - self._next_pts, "a stretch of the stream is missing")
        self._next_pts = at + Fraction(frame.samples, frame.sample_rate)

    def _lose(self, seconds: Fraction, why: str) -> None:
        if not self._rate:
            if len(self._early) < 1000:  # noqa: PLR2004 -- by then the first of them has told enough
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
    """What a logged message says was wrong with the audio; "" if it does not matter."""
    # Pictures and video are not decoded, which is on purpose.
    text = " ".join(entry[2].split())
    return "" if "not on whitelist" in text else text


def message(text: str) -> bytes:
    """One line, not too long."""
    return text.encode(errors="replace")[:MESSAGE_BYTES]


def allowed(decoder: str) -> bool:
    """Whether this decoder may run."""
    return decoder in DECODERS or decoder.startswith(DECODER_FAMILIES)


def serve(link: Link, budget: Budget, request: bytes, whitelist: str) -> None:
    """Answer one request: the whole conversation about one file."""
    import av  # noqa: PLC0415 -- loaded in main, when its place is known
    import av.logging  # noqa: PLC0415

    file = RemoteFile(link, struct.unpack_from("<Q", request)[0])
    demuxer = request[8:].decode()
    options = {
        "codec_whitelist": whitelist,
        "format_whitelist": demuxer,
        "protocol_whitelist": "none",
        "probesize": str(1 << 20),
    }
    budget.renew()
    with av.logging.Capture() as logged:
        try:
            container = av.open(file, "r", format=demuxer, container_options=options, buffer_size=READ_BYTES)
        except av.error.FFmpegError as error:
            if file.interruption:
                raise file.interruption from None
            kind = UNSUPPORTED if isinstance(error, av.error.PatchWelcomeError) else DAMAGED
            link.send(ERROR, bytes([kind]), message(describe(error)))
            return
        with container:
            refused = refusal(container)
            if refused:
                link.send(ERROR, *refused)
                return
            context = container.streams.audio[0].codec_context
            context.thread_count = 1
            # Damage is left out and counted; concealed, it would pass as music.
            context.options = {"err_detect": "crccheck+bitstream+buffer+explode"}
            Track(link, budget, container, demuxer).run(file, logged)


def refusal(container: InputContainer) -> tuple[bytes, bytes] | None:
    """Why nothing of a container will be decoded."""
    if not container.streams.audio:
        return bytes([NOT_AUDIO]), b"the container holds no audio track"
    context = container.streams.audio[0].codec_context
    if context is None:
        return bytes([UNSUPPORTED]), b""
    if not allowed(context.name):
        return bytes([UNSUPPORTED]), message(f"codec {context.name}")
    return None


def die_with(parent: int) -> None:
    """End when the program does, however it ends."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 -- nobody else needs it

        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def confine(memory_bytes: int) -> None:
    """Give up what decoding does not need: files, sockets, children, memory without end."""
    for name, most in (("CORE", 0), ("FSIZE", 0), ("NPROC", 0), ("NOFILE", SOCKET + 3), ("AS", memory_bytes)):
        # Not every system has every limit, and some refuse to lower one.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def main() -> None:
    """Serve until the program closes the socket.

    Arguments: the folder that holds PyAV, bytes of memory, seconds of processor time between two
    blocks, and the process id of the program.
    """
    folder, memory_bytes, cpu_seconds, parent = sys.argv[1:]
    die_with(int(parent))
    sys.path.append(folder)
    import av  # noqa: PLC0415 -- found only now
    import av.logging  # noqa: PLC0415

    av.logging.set_level(av.logging.ERROR)
    whitelist = ",".join(name for name in sorted(av.codec.codecs_available) if allowed(name))
    versions = ", ".join(f"{name} {'.'.join(map(str, number))}" for name, number in av.library_versions.items())
    budget = Budget(int(cpu_seconds))
    for demuxer in ("wav", "flac"):
        rehearsal = Rehearsal()
        serve(rehearsal, budget, struct.pack("<Q", len(rehearsal.file)) + demuxer.encode(), whitelist)
        expected = HEADER if demuxer == "wav" else ERROR
        if expected not in rehearsal.heard:
            sys.exit(f"PyAV {av.__version__} does not decode a WAV file, or takes one for FLAC")
    confine(int(memory_bytes))
    gc.freeze()
    link = Link()
    link.send(HELLO, struct.pack("<I", VERSION), f"PyAV {av.__version__}: {versions}".encode())
    while True:
        kind, request = link.receive()
        if kind != OPEN:
            # A request to stop that came when the file had just ended.
            continue
        try:
            serve(link, budget, request, whitelist)
        except Stopped:
            link.send(END)
        except MemoryError:
            link.send(ERROR, bytes([OUT_OF_MEMORY]))
        except (OSError, ValueError, LookupError, RuntimeError, AttributeError) as error:
            link.send(ERROR, bytes([FAULT]), message(f"{type(error).__name__}: {describe(error)}"))
        # PyAV's objects hold each other.
        gc.collect()


if __name__ == "__main__":
    with contextlib.suppress(Gone):
        main()
