"""What models are fed, by the formulas that their makers published, in NumPy and float64.

CLAP's reference calls the NumPy functions of transformers that `ClapFeatureExtractor` itself calls, with its published
configuration: the class refuses to be made without torch.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Samples = npt.NDArray[np.float32]

CLAP_SAMPLES = 480_000


def clap_clip(samples: Samples, padding: str) -> Samples:
    """Ten seconds."""
    missing = CLAP_SAMPLES - len(samples)
    if missing <= 0 or padding == "pad":
        return np.pad(samples, (0, max(0, missing)))
    if padding == "repeat":
        return np.tile(samples, 1 + CLAP_SAMPLES // len(samples))[:CLAP_SAMPLES]
    whole = np.tile(samples, CLAP_SAMPLES // len(samples))
    return np.pad(whole, (0, CLAP_SAMPLES - len(whole)))


def clap(samples: Samples, *, padding: str = "repeatpad", fused: bool = False) -> Floats:
    """`ClapFeatureExtractor` for a clip of at most ten seconds."""
    # It says on stderr that there is no torch.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from transformers import audio_utils  # noqa: PLC0415 -- slow to import, and its absence skips what calls this

    bank = audio_utils.mel_filter_bank(
        num_frequency_bins=513,
        num_mel_filters=64,
        min_frequency=50,
        max_frequency=14_000,
        sampling_rate=48_000,
        norm=None if fused else "slaney",
        mel_scale="htk" if fused else "slaney",
    )
    levels = audio_utils.spectrogram(
        clap_clip(samples, padding),
        audio_utils.window_function(1024, "hann"),
        frame_length=1024,
        hop_length=480,
        power=2.0,
        mel_filters=bank,
        log_mel="dB",
    ).T
    return np.stack([levels] * (4 if fused else 1)).astype(np.float64)


def hann(length: int) -> Floats:
    """Periodic Hann window."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def spectra(samples: Samples, *, n_fft: int, win_length: int, hop_length: int, centred: bool) -> Floats:
    """Squared magnitudes, one row per frame."""
    signal = np.asarray(samples, np.float64)
    if centred:
        signal = np.pad(signal, n_fft // 2, mode="reflect" if len(signal) > 1 else "edge")
    frames = np.lib.stride_tricks.sliding_window_view(signal, win_length)[::hop_length]
    return np.abs(np.fft.rfft(frames * hann(win_length), n_fft)) ** 2


def htk_mel(hz: Floats | float) -> Floats:
    return 1127 * np.log(1 + np.asarray(hz) / 700)


def audioset_bank() -> Floats:
    """64 triangles from 125 to 7500 Hz over 257 bins at 16 kHz, straight over the mel scale; 0 Hz is left out."""
    corners = np.linspace(htk_mel(125.0), htk_mel(7500.0), 66)
    mels = htk_mel(np.linspace(0, 8000, 257))[:, None]
    rise = (mels - corners[:-2]) / (corners[1:-1] - corners[:-2])
    fall = (corners[2:] - mels) / (corners[2:] - corners[1:-1])
    bank = np.maximum(0, np.minimum(rise, fall))
    bank[0] = 0
    return bank


def audioset_frames(samples: Samples, offset: float) -> Floats:
    power = spectra(samples, n_fft=512, win_length=400, hop_length=160, centred=False)
    return np.log(np.sqrt(power) @ audioset_bank() + offset)


def vggish(samples: Samples) -> Floats:
    frames = audioset_frames(samples, 0.01)
    n_examples = len(frames) // 96
    return frames[: 96 * n_examples].reshape(n_examples, 96, 64)


def yamnet(samples: Samples) -> Floats:
    n_patches = 1 + max(0, -(-(len(samples) - 15_600) // 7680))
    padded = np.pad(samples, (0, 15_600 + 7680 * (n_patches - 1) - len(samples)))
    frames = audioset_frames(padded, 0.001)
    return np.stack([frames[48 * patch :][:96] for patch in range(n_patches)])


def panns(samples: Samples) -> Floats:
    import librosa  # noqa: PLC0415 -- its absence skips what calls this

    bank = librosa.filters.mel(sr=32_000, n_fft=1024, n_mels=64, fmin=50, fmax=14_000).astype(np.float64)
    power = spectra(samples, n_fft=1024, win_length=1024, hop_length=320, centred=True)
    return 10 * np.log10(np.maximum(power @ bank.T, 1e-10))[None]


def wav2vec2(samples: Samples) -> Floats:
    signal = np.asarray(samples, np.float64)
    return (signal - signal.mean()) / np.sqrt(signal.var() + 1e-7)
