"""Writes what a library holds for other programs: `.npy`, CSV, FAISS."""

from __future__ import annotations

import csv
import errno
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote_from_bytes

import numpy as np

from orpheus_fast.errors import LibraryError, ParameterError, ShapeError
from orpheus_fast.library.disk import naming

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from orpheus_fast.library.catalog import Catalog
    from orpheus_fast.library.records import Track
    from orpheus_fast.library.store import SpaceView

    Vectors = NDArray[np.float32]

    class _Writer(Protocol):
        def writerow(self, row: Iterable[object], /) -> object: ...
        def writerows(self, rows: Iterable[Iterable[object]], /) -> object: ...


__all__ = ["FORMATS", "export_space", "export_tracks"]

FORMATS: Final = ("npy", "csv", "faiss")
_CHUNK: Final = 1024
# What file systems without hard links say.
_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
_TRACK_FIELDS: Final = (
    *("outcome", "kind", "message", "seconds_sound", "seconds_lost", "duration_seconds", "sample_rate", "n_channels"),
    *("codec", "title", "artist", "album", "album_artist", "genre", "year", "track_number", "missing_since"),
    *("date", "track_total", "disc_number", "disc_total", "musicbrainz_recording_id", "musicbrainz_track_id"),
    *("musicbrainz_release_id", "musicbrainz_release_group_id", "musicbrainz_artist_ids"),
    *("musicbrainz_album_artist_ids", "track_gain_db", "track_peak", "album_gain_db", "album_peak", "stated_seconds"),
)

# Several values stand in one cell, separated by "; ".
_LIST_FIELDS: Final = ("musicbrainz_artist_ids", "musicbrainz_album_artist_ids")


def export_space(
    catalog: Catalog,
    view: SpaceView,
    out: str | os.PathLike[str],
    *,
    file_format: str,
    vectors: Vectors | None = None,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write the vectors of a space, one row per track, and what each row is.

    Tombstones are left out, so the rows are numbered anew. For `npy` and `faiss`
    a `<name>.tracks.csv` beside `out` says which track each row is; `csv` holds
    both in one file. Nothing appears under its final name before it is complete.

    Parameters
    ----------
    catalog : Catalog
        Of the library that `view` comes from.
    view : SpaceView
        What to write.
    out : path-like
        The file to make.
    file_format : {'npy', 'csv', 'faiss'}
        `faiss` is a Flat index: under `cosine` over vectors of length 1 and the
        inner product, so queries must have length 1 too.
    vectors : ndarray, shape (n_rows, dim), optional
        What to write instead of the stored values: the same rows, standardised.
    overwrite : bool
        Whether files that exist may be replaced.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    FileExistsError
        If a file is there already, and not `overwrite`.
    LibraryError
        If the space has no vectors.
    """
    if file_format not in FORMATS:
        message = f"format is {file_format!r}, expected one of {', '.join(FORMATS)}"
        raise ParameterError(message)
    matrix = view.vectors if vectors is None else vectors
    if matrix.shape != view.vectors.shape:
        message = f"vectors have shape {matrix.shape}, expected {view.vectors.shape}"
        raise ShapeError(message)
    live = np.flatnonzero(view.track_ids >= 0)
    if live.size == 0:
        message = f"space {view.space.spec.name!r} has no vectors to export; index some music first"
        raise LibraryError(message)
    target = Path(out).expanduser().absolute()
    sidecar = target.with_suffix(".tracks.csv")
    files = (target,) if file_format == "csv" else (target, sidecar)
    _refuse_existing(files, overwrite=overwrite)
    owners = view.track_ids[live].tolist()
    if file_format == "csv":
        _write_table(target, catalog, owners, matrix=matrix, rows=live, overwrite=overwrite)
        return files
    _write_table(sidecar, catalog, owners, overwrite=overwrite)
    if file_format == "npy":
        _write_npy(target, matrix, live, overwrite=overwrite)
    else:
        _write_faiss(target, matrix, live, view.space.spec.metric, overwrite=overwrite)
    return files


def export_tracks(catalog: Catalog, out: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write every track and its outcome as CSV, those without vectors included; return the file."""
    target = Path(out).expanduser().absolute()
    _refuse_existing([target], overwrite=overwrite)
    with _published(target, overwrite=overwrite) as unfinished, _table(unfinished) as table:
        table.writerow(("track_id", "path", "uri", *_TRACK_FIELDS))
        with catalog.read():
            table.writerows(_cells(track) for track in catalog.all_tracks())
    return target


def _write_table(
    target: Path,
    catalog: Catalog,
    owners: Sequence[int],
    *,
    matrix: Vectors | None = None,
    rows: NDArray[np.intp] | None = None,
    overwrite: bool,
) -> None:
    dim = 0 if matrix is None else matrix.shape[1]
    with _published(target, overwrite=overwrite) as unfinished, _table(unfinished) as table:
        table.writerow(("row", "track_id", "path", "uri", *_TRACK_FIELDS, *(f"v{n}" for n in range(dim))))
        for start in range(0, len(owners), _CHUNK):
            chunk = owners[start : start + _CHUNK]
            tracks = catalog.tracks(chunk)
            for row, track_id in enumerate(chunk, start):
                # Nine digits bring every float32 back exactly.
                values = [] if matrix is None or rows is None else [f"{value:.9g}" for value in matrix[rows[row]]]
                table.writerow((row, *_cells_or_gone(tracks.get(track_id), track_id), *values))


def _write_npy(target: Path, matrix: Vectors, rows: NDArray[np.intp], *, overwrite: bool) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(rows), matrix.shape[1])}
    with _published(target, overwrite=overwrite) as unfinished, unfinished.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(rows), _CHUNK):
            file.write(matrix[rows[start : start + _CHUNK]].astype("<f4").tobytes())


def _write_faiss(target: Path, matrix: Vectors, rows: NDArray[np.intp], metric: str, *, overwrite: bool) -> None:
    from orpheus_fast.search import write_flat  # noqa: PLC0415 -- the only part that needs the native module

    vectors = np.ascontiguousarray(matrix[rows])
    if metric == "cosine":
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
    with _published(target, overwrite=overwrite) as unfinished:
        write_flat(unfinished, vectors, metric="l2" if metric == "l2" else "inner_product")


def _cells(track: Track) -> tuple[object, ...]:
    # The text form of a path loses what is no Unicode; the URI does not.
    uri = "file://" + quote_from_bytes(track.path)
    tags = track.tags
    lists = {name: "; ".join(getattr(tags, name)) for name in _LIST_FIELDS}
    return (track.id, track.display_path, uri, *(lists.get(name, getattr(track, name)) for name in _TRACK_FIELDS))


def _cells_or_gone(track: Track | None, track_id: int) -> tuple[object, ...]:
    # Removed by a writer since the view was taken: its vector is still in the view.
    return _cells(track) if track else (track_id, "", "", "removed", *([""] * (len(_TRACK_FIELDS) - 1)))


def _refuse_existing(files: Iterable[Path], *, overwrite: bool) -> None:
    for path in files:
        if path.is_dir() or (not overwrite and (path.exists() or path.is_symlink())):
            what = "already exists; say that it may be overwritten, or choose another name"
            raise FileExistsError(errno.EEXIST, what, str(path))


@contextmanager
def _published(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a name to write under; what stands there takes its final name when all went well."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with naming(target):
            yield unfinished
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            _publish(unfinished, target, overwrite=overwrite)
    finally:
        unfinished.unlink(missing_ok=True)


def _publish(unfinished: Path, target: Path, *, overwrite: bool) -> None:
    if not overwrite:
        try:
            # Unlike a rename, a link refuses a file that appeared meanwhile.
            target.hardlink_to(unfinished)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            return
        _refuse_existing([target], overwrite=False)
    unfinished.replace(target)


@contextmanager
def _table(path: Path) -> Iterator[_Writer]:
    with path.open("w", encoding="utf-8", newline="") as file:
        yield csv.writer(file)
