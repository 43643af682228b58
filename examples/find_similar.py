"""Makes a library of eight synthesised pieces and asks it questions.

python examples/find_similar.py
"""

import tempfile
from pathlib import Path

import orpheus_fast as orpheus
from orpheus_fast.demo import write_collection

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    tracks = write_collection(folder / "music", n_pieces=8)
    (folder / "music" / "notes.mp3").write_text("not a track, whatever its name says")

    with orpheus.Library.create(folder / "music.orpheus") as library:
        report = library.index([folder / "music"])
        print(f"{report.found} files found: {report.outcomes}")
        for trouble in library.troubles():
            print(f"  {trouble.outcome} {trouble.kind}: {Path(trouble.path).name}: {trouble.message}")

        again = library.index([folder / "music"])
        print(f"second run: {again.decoded} decoded, {again.unchanged} unchanged")

        print(f"like {tracks[0].name}:")
        for hit in library.similar(tracks[0], k=2):
            print(f"  {hit.score:+.3f}  {Path(hit.path).name}")

        print(f"like {tracks[0].name} and {tracks[1].name}:")
        for hit in library.similar([("+", tracks[0]), ("+", tracks[1])], k=1):
            print(f"  {hit.score:+.3f}  {Path(hit.path).name}")
