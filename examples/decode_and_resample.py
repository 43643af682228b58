"""Decodes one track in several ways, and shows what happens to a damaged one and to one that is no audio.

python examples/decode_and_resample.py
"""

import tempfile
from pathlib import Path

import orpheus_fast as orpheus
from orpheus_fast.demo import write_collection

with tempfile.TemporaryDirectory() as folder:
    track = write_collection(Path(folder) / "music", n_pieces=1)[0]

    whole = orpheus.decode(track)
    print(f"{track.name}: {whole.info.codec}, {whole.sample_rate} Hz, shape {whole.samples.shape}")

    for_a_model = orpheus.decode(track, sample_rate=16_000, mono=True)
    seconds = for_a_model.samples.shape[1] / for_a_model.sample_rate
    print(f"mono at 16 kHz: shape {for_a_model.samples.shape}, {seconds:.2f} s")

    data = track.read_bytes()
    from_memory = orpheus.decode(data)
    print("bytes give the same samples:", bool((from_memory.samples == whole.samples).all()))

    cut = orpheus.decode(data[: len(data) // 3]).outcome
    print(
        f"cut to a third: {cut.status}, {cut.seconds_sound:.1f} s sound, {cut.seconds_lost:.1f} s lost: {cut.message}"
    )

    try:
        orpheus.decode(b"Dear diary, it was quiet today. " * 40)
    except orpheus.OrpheusError as error:
        print(f"a text: {type(error).__name__}: {error}")
