"""Judges the default space by the styles of the demo's music.

python examples/evaluate_space.py      # clusters and probe need: pip install "orpheus-fast[evaluate]"
"""

import csv
import tempfile
from importlib.util import find_spec
from pathlib import Path

import orpheus_fast as orpheus
from orpheus_fast.demo import write_collection

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    tracks = write_collection(folder / "music", n_pieces=24)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("path", "label"))
        table.writerows((track.relative_to(folder), track.parent.name) for track in tracks)

    with orpheus.Library.create(folder / "music.orpheus") as library:
        library.index([folder / "music"])
        found = orpheus.evaluate.evaluate_space(
            library, folder / "labels.csv", k=2, mutual_proximity=True, probe=find_spec("sklearn") is not None
        )

    figures = found.evaluation
    print(f"{found.space}: {figures.n_tracks} tracks, {figures.n_labels} labels")
    rankings = {"plain": (figures.all, figures.hubness)}
    if figures.mutual_proximity:
        rankings["mutual proximity"] = (figures.mutual_proximity.all, figures.mutual_proximity.hubness)
    for how, (ranking, hubs) in rankings.items():
        score = ranking.precision
        print(
            f"  {how}: P@{figures.k} {score.value:.3f} [{score.low:.3f} {score.high:.3f}], hubness {hubs.skewness:.2f}"
        )
    print(f"  by chance: {figures.all.chance:.3f}")
    for scores in figures.all.labels:
        print(f"  {scores.label}: {scores.precision:.2f}")
    if figures.clustering and figures.probe:
        print(f"  clusters: ARI {figures.clustering.ari:.2f}; probe: {figures.probe.accuracy:.2f}")
