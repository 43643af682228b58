"""The life of a worker."""

from __future__ import annotations

import contextlib
import gc
import struct
import sys
from typing import TYPE_CHECKING, Any, Final

import av
import av.logging

from orpheus_fast.ffmpeg_worker.confinement import Budget, close_inherited, confine
from orpheus_fast.ffmpeg_worker.track import Track, describe
from orpheus_fast.ffmpeg_worker.wire import (
    DAMAGED,
    END,
    ERROR,
    FAULT,
    HEADER,
    HELLO,
    NOT_AUDIO,
    OPEN,
    OUT_OF_MEMORY,
    READ_BYTES,
    UNSUPPORTED,
    VERSION,
    Gone,
    Link,
    Rehearsal,
    RemoteFile,
    Stopped,
    message,
)

if TYPE_CHECKING:
    from av.container import InputContainer

__all__ = ["main"]

# No other decoder is ever run: none for pictures, video or subtitles, none that FFmpeg calls experimental.
# fmt: off
DECODERS: Final = frozenset(
    (
        "aac", "aac_latm", "ac3", "alac", "amrnb", "amrwb", "ape", "atrac1", "atrac3", "atrac3al", "atrac3plus",
        "atrac3plusal", "atrac9", "cook", "dca", "dst", "eac3", "evrc", "flac", "g722", "g723_1", "g729", "gsm",
        "gsm_ms", "ilbc", "libopus", "libspeex", "mlp", "mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float",
        "mpc7", "mpc8", "nellymoser", "opus", "qcelp", "qdm2", "qdmc", "real_144", "real_288", "ralf", "shorten",
        "sipr", "speex", "tak", "truehd", "tta", "twinvq", "vorbis", "wavpack", "wmalossless", "wmapro", "wmav1",
        "wmav2", "wmavoice", "xma1", "xma2",
    )
)
# fmt: on
DECODER_FAMILIES: Final = ("adpcm_", "dsd_", "pcm_")
# A tag that is no UTF-8 costs no audio. From version 19 on, PyAV sees to that itself.
TAGS: Final[dict[str, Any]] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}  # noqa: PLR2004


def serve(link: Link, budget: Budget, request: bytes, whitelist: str) -> None:
    """Answer one request: the whole conversation about one file."""
    n_bytes, cpu_milliseconds = struct.unpack_from("<QI", request)
    budget.begin(cpu_milliseconds / 1000)
    file = RemoteFile(link, n_bytes)
    demuxer = request[12:].decode()
    options = {
        "codec_whitelist": whitelist,
        "format_whitelist": demuxer,
        "protocol_whitelist": "none",
        "probesize": str(1 << 20),
    }
    with av.logging.Capture() as logged:
        try:
            container = av.open(
                file,
                "r",
                format=demuxer,
                container_options=options,
                buffer_size=READ_BYTES,
                **TAGS,
            )
        except av.error.FFmpegError as error:
            if file.interruption:
                raise file.interruption from None
            if isinstance(error, av.error.PatchWelcomeError):
                link.send(ERROR, bytes([UNSUPPORTED]), message(f"feature ({describe(error)})" if error.log else ""))
            else:
                link.send(ERROR, bytes([DAMAGED]), message(describe(error)))
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


def allowed(decoder: str) -> bool:
    """Whether this decoder may run."""
    return decoder in DECODERS or decoder.startswith(DECODER_FAMILIES)


def rehearse(budget: Budget, whitelist: str) -> None:
    """Decode a file, and refuse one, so that PyAV loads now what it would load then."""
    for demuxer, expected in (("wav", HEADER), ("flac", ERROR)):
        rehearsal = Rehearsal()
        serve(rehearsal, budget, struct.pack("<QI", len(rehearsal.file), 10_000) + demuxer.encode(), whitelist)
        if expected not in rehearsal.heard:
            sys.exit(f"PyAV {av.__version__} does not decode a WAV file, or takes one for FLAC")


def work(link: Link, budget: Budget, whitelist: str) -> None:
    """Serve until the program closes the socket."""
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
        except (OSError, ValueError, ArithmeticError, LookupError, RuntimeError, AttributeError) as error:
            link.send(ERROR, bytes([FAULT]), message(f"{type(error).__name__}: {describe(error)}"))
        # PyAV's objects hold each other.
        gc.collect()


def main(memory_bytes: int) -> None:
    """Live as a worker.

    Parameters
    ----------
    memory_bytes : int
        Memory on top of what the libraries take.
    """
    close_inherited()
    av.logging.set_level(av.logging.ERROR)
    # The same complaint about another file is another complaint.
    av.logging.set_skip_repeated(v=False)
    whitelist = ",".join(name for name in sorted(av.codec.codecs_available) if allowed(name))
    versions = ", ".join(f"{name} {'.'.join(map(str, number))}" for name, number in av.library_versions.items())
    budget = Budget()
    rehearse(budget, whitelist)
    confine(memory_bytes)
    gc.freeze()
    with contextlib.suppress(Gone):
        link = Link()
        link.send(HELLO, struct.pack("<I", VERSION), f"PyAV {av.__version__}: {versions}".encode())
        work(link, budget, whitelist)
