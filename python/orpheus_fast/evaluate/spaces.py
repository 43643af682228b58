"""A space of a library, judged by a table of labels."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from orpheus_fast.errors import ParameterError
from orpheus_fast.evaluate import scikit
from orpheus_fast.evaluate.labels import match, read_labels
from orpheus_fast.evaluate.results import SpaceEvaluation
from orpheus_fast.evaluate.vectors import MAX_QUERIES, evaluate_vectors
from orpheus_fast.library.query import SearchTable
from orpheus_fast.library.store import Store

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from orpheus_fast.evaluate.labels import Labelled
    from orpheus_fast.evaluate.results import Matching
    from orpheus_fast.library import Library
    from orpheus_fast.search import Metric

__all__ = ["LabelColumns", "evaluate_space"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelColumns:
    """Which columns of a table say what.

    Attributes
    ----------
    path, label : str
        Paths of tracks, and their labels.
    group : str, optional
        What tracks share besides labels; None takes `artist` where there is such a column.
    numbers : sequence of str
        Numbers to predict.
    """

    path: str = "path"
    label: str = "label"
    group: str | None = None
    numbers: Sequence[str] = ()


def evaluate_space(  # noqa: PLR0913 -- keyword-only, each with a default
    library: Library,
    labels: str | os.PathLike[str],
    *,
    space: str | None = None,
    columns: LabelColumns | None = None,
    k: int = 10,
    mutual_proximity: bool = False,
    probe: bool = True,
    max_queries: int = MAX_QUERIES,
    seed: int = 0,
) -> SpaceEvaluation:
    r"""Judge a space of a library by a table of labels.

    Vectors are compared as `Library.similar` compares them; candidates are the labelled tracks only.

    Parameters
    ----------
    library : Library
        Whose vectors.
    labels : path-like
        CSV file: UTF-8, its first line names the columns. Paths are absolute, or relative to the file's folder, or
        else the end of the path of exactly one track.
    space : str, optional
        None takes the library's first space.
    columns : LabelColumns, optional
        Which columns to read; by default `path`, `label` and, if there is one, `artist`.
    k, mutual_proximity, probe, max_queries, seed
        As in `evaluate_vectors`.

    Returns
    -------
    SpaceEvaluation
        The figures, and which lines of the table could not be used.

    Raises
    ------
    ParameterError
        If the table cannot be read, or too few of its tracks have a vector.
    UnknownSpaceError
        If the library has no such space.
    MissingExtraError
        If `probe` is asked for without the extra `evaluate`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from orpheus_fast.demo import write_collection
    >>> from orpheus_fast.library import Library
    >>> folder = Path(mkdtemp())
    >>> tracks = write_collection(folder / "music", n_pieces=6)
    >>> lines = [f"{track},{track.parent.name}" for track in tracks]
    >>> _ = (folder / "labels.csv").write_text("\n".join(["path,label", *lines]))
    >>> with Library.create(folder / "music.orpheus") as library:
    ...     report = library.index([folder / "music"])
    ...     found = evaluate_space(library, folder / "labels.csv", k=1, probe=False)
    >>> found.matching.n_used
    6
    """
    if probe:
        scikit.check_installed()
    columns = columns or LabelColumns()
    table = read_labels(
        labels,
        path_column=columns.path,
        label_column=columns.label,
        group_column=columns.group,
        number_columns=columns.numbers,
    )
    with Store.open(library.folder) as store:
        name = space or next(iter(store.catalog.spaces()), "")
        if not name:
            message = f"library {store.folder} has no vectors yet; index some music first"
            raise ParameterError(message)
        view = store.load(name)
        ids, failed = _all_tracks(store)
    labelled, matching = match(table, ids)
    searched, spec = SearchTable(view), view.space.spec
    used, rows = _with_vectors(labelled, searched, failed, matching)
    matching.n_used = len(used)
    matching.n_unlabelled = len(searched) - len(used)
    with _naming_unused(matching):
        evaluation = evaluate_vectors(
            searched.rows[rows],
            [item.label.label for item in used],
            groups=[item.label.group for item in used] if table.group_column else None,
            numbers={title: [item.label.numbers[i] for item in used] for i, title in enumerate(table.number_columns)},
            k=k,
            # Standardised rows have length 1: what compares them is the cosine.
            metric="cosine" if spec.standardise else cast("Metric", spec.metric),
            mutual_proximity=mutual_proximity,
            probe=probe,
            max_queries=max_queries,
            seed=seed,
        )
    return SpaceEvaluation(name, spec.space_id, matching, evaluation)


@contextmanager
def _naming_unused(matching: Matching) -> Iterator[None]:
    """Say of too few labels where the others went."""
    try:
        yield
    except ParameterError as error:
        unused = (
            (matching.unknown, "not in the library"),
            (matching.ambiguous, "the end of several paths"),
            (matching.failed, "could not be decoded"),
            (matching.without_vector, "without a vector in the space"),
            (matching.without_label, "without a label"),
        )
        reasons = [f"{len(paths)} {what} ({paths[0]!r}, ...)" for paths, what in unused if paths]
        if not reasons:
            raise
        message = f"{error}; of {matching.n_lines} lines {matching.n_used} were used: {', '.join(reasons)}"
        raise type(error)(message) from None


def _all_tracks(store: Store) -> tuple[dict[bytes, int], set[int]]:
    """Ids of all tracks by path, and of those that failed."""
    ids, failed = {}, set()
    with store.catalog.read():
        for track in store.catalog.all_tracks():
            ids[track.path] = track.id
            if track.outcome == "failed":
                failed.add(track.id)
    return ids, failed


def _with_vectors(
    labelled: Sequence[Labelled], table: SearchTable, failed: set[int], matching: Matching
) -> tuple[list[Labelled], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Keep the tracks that the space has a vector of, note the others."""
    used, rows = [], []
    for item in labelled:
        row = table.row_of(item.track_id)
        if row is not None:
            used.append(item)
            rows.append(row)
        elif item.track_id in failed:
            matching.failed.append(item.label.path)
        else:
            matching.without_vector.append(item.label.path)
    return used, np.array(rows, dtype=np.int64)
