"""Small libraries for tests: their vectors come from the path of each track, so any answer can be recomputed."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from orpheus_fast.audio import Tags
from orpheus_fast.library.records import Embedding, TrackResult
from orpheus_fast.library.scan import FoundFile
from orpheus_fast.library.spaces import SpaceSpec
from orpheus_fast.library.vectors import Appended

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from orpheus_fast.library.changes import CatalogWriter
    from orpheus_fast.library.store import Store
    from orpheus_fast.library.writer import Writer

ROOT = b"/music"


def space(name: str = "small", *, dim: int = 12, **changes: Any) -> SpaceSpec:
    values = {"model": "m", "revision": "1", "sample_rate": 22_050, "window_seconds": 5.0, "hop_seconds": 5.0}
    return SpaceSpec(name=name, dim=dim, **(values | changes))


def found(name: str, *, root: bytes = ROOT, **changes: Any) -> FoundFile:
    path = root + b"/" + name.encode()
    values = {"size": 1000, "mtime_ns": 10**18, "ctime_ns": 10**18, "inode": crc32(path), "device": 1}
    return FoundFile(path=path, root=root, **(values | changes))


def vector_of(path: bytes, dim: int = 12) -> NDArray[np.float32]:
    return np.random.default_rng(crc32(path)).standard_normal(dim, dtype=np.float32)


def result(name: str, *spaces: SpaceSpec, **changes: Any) -> TrackResult:
    file = changes.pop("found", None) or found(name)
    values = {
        "outcome": "ok",
        "engine_version": "engine 1",
        "seconds_sound": 30.5,
        "duration_seconds": 30.5,
        "sample_rate": 44_100,
        "n_channels": 2,
        "codec": "flac",
        "tags": Tags(title=f"Title of {name}", artist="Börje", genres=("Ambient", "Dröne"), year=1990),
        "digest": crc32(file.path).to_bytes(4, "little"),
        "embeddings": {spec.name: Embedding(vector_of(file.path, spec.dim), 6) for spec in spaces},
    }
    return TrackResult(found=file, **(values | changes))


def failure(name: str, **changes: Any) -> TrackResult:
    values = {"outcome": "failed", "kind": "not_audio", "message": "no audio in it", "duration_seconds": None}
    return result(name, **(values | changes))


def commit(catalog: CatalogWriter, *results: TrackResult) -> list[int]:
    """Commit with the rows that vector files would have given."""
    appended = {}
    for name, held in catalog.spaces().items():
        n = sum(name in r.embeddings and r.embeddings[name].vector is not None for r in results)
        if n:
            appended[name] = Appended(held.n_rows, held.n_rows + n, ((0, held.n_rows + n),))
    return catalog.commit_batch(results, appended)


def fill(writer: Writer, spec: SpaceSpec, names: Sequence[str], *, batch: int = 7) -> None:
    writer.ensure_space(spec)
    for start in range(0, len(names), batch):
        writer.commit([result(name, spec, keep_other_spaces=True) for name in names[start : start + batch]])


def assert_holds(store: Store, spec: SpaceSpec, names: Sequence[str]) -> None:
    """Every name once, with its own vector, and nothing else alive."""
    view = store.load(spec.name)
    tracks = store.catalog.tracks(view.track_ids[view.track_ids >= 0].tolist())
    by_path = {tracks[track_id].path: row for row, track_id in enumerate(view.track_ids.tolist()) if track_id >= 0}
    assert sorted(by_path) == sorted(ROOT + b"/" + name.encode() for name in names)
    for path, row in by_path.items():
        np.testing.assert_array_equal(view.vectors[row], vector_of(path, spec.dim))


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Make `folder` read-only, for root too: root gives up its power over permissions meanwhile."""
    paths = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for path, mode in modes.items():
            if path.exists():
                path.chmod(mode)
