"""Ways to get a file, or a stretch of it, as 48 kHz mono float32, by the libraries that people use today.

Each peer is a function (path, start_seconds, seconds or None) -> samples. Peers that are not installed are left out.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import orpheus_fast as orpheus

RATE = 48_000
Samples: TypeAlias = NDArray[np.float32]
Reader: TypeAlias = Callable[[Path, float, float | None], Samples]


def ours(path: Path, start: float, seconds: float | None) -> Samples:
    if start == 0 and seconds is None:
        return orpheus.decode(path, sample_rate=RATE, mono=True).samples[0]
    signal = orpheus.decode(path, sample_rate=RATE, mono=True, start_seconds=start, duration_seconds=seconds)
    return signal.samples[0]


def torchcodec(path: Path, start: float, seconds: float | None) -> Samples:
    from torchcodec.decoders import AudioDecoder  # noqa: PLC0415

    decoder = AudioDecoder(path, sample_rate=RATE, num_channels=1)
    stop = None if seconds is None else start + seconds
    samples: Samples = decoder.get_samples_played_in_range(start, stop).data.numpy()[0]
    return samples


def pyav(path: Path, start: float, seconds: float | None) -> Samples:
    import av  # noqa: PLC0415

    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    parts: list[Any] = []
    with av.open(str(path)) as container:
        if start:
            container.seek(int(start * 1_000_000))
        stop = None if seconds is None else start + seconds
        for frame in container.decode(audio=0):
            if stop is not None and frame.time is not None and frame.time >= stop:
                break
            parts += [out.to_ndarray()[0] for out in resampler.resample(frame)]
        parts += [out.to_ndarray()[0] for out in resampler.resample(None)]
    return np.concatenate(parts)


def soundfile_soxr(path: Path, start: float, seconds: float | None) -> Samples:
    import soundfile  # noqa: PLC0415
    import soxr  # noqa: PLC0415

    with soundfile.SoundFile(path) as file:
        if start:
            file.seek(int(start * file.samplerate))
        n_frames = -1 if seconds is None else int(seconds * file.samplerate)
        mono = file.read(n_frames, dtype="float32", always_2d=True).mean(axis=1)
        resampled: Samples = soxr.resample(mono, file.samplerate, RATE, quality="HQ")
    return resampled


def librosa(path: Path, start: float, seconds: float | None) -> Samples:
    import librosa as library  # noqa: PLC0415

    samples: Samples = library.load(path, sr=RATE, mono=True, offset=start, duration=seconds, res_type="soxr_hq")[0]
    return samples


def ffmpeg_cli(path: Path, start: float, seconds: float | None) -> Samples:
    stretch = [] if seconds is None else ["-ss", str(start), "-t", str(seconds)]
    command = ["ffmpeg", "-nostdin", "-v", "error", *stretch, "-i", str(path)]
    run = subprocess.run([*command, "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"], check=True, capture_output=True)
    return np.frombuffer(run.stdout, dtype=np.float32)


def peers() -> dict[str, Reader]:
    """Those that are installed, ours first."""
    modules = {
        "torchcodec": ("torchcodec", torchcodec),
        "PyAV": ("av", pyav),
        "soundfile+soxr": ("soundfile", soundfile_soxr),
        "librosa": ("librosa", librosa),
    }
    installed = {name: reader for name, (module, reader) in modules.items() if importlib.util.find_spec(module)}
    command = {"ffmpeg CLI": ffmpeg_cli} if shutil.which("ffmpeg") else {}
    return {"orpheus_fast": ours, **installed, **command}


def cpu_seconds(call: Callable[[], object]) -> float:
    """CPU time of a call, children included: what else runs on the machine hardly counts."""
    before = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    call()
    after = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime for a, b in zip(before, after, strict=True))


def one_thread() -> None:
    """Pin this process, and what it starts, to one core, so that CPU time is that of one thread."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
