"""A table of labels, and the tracks that its lines mean."""

from __future__ import annotations

import csv
import io
import math
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orpheus_fast.errors import ParameterError
from orpheus_fast.evaluate.results import Matching
from orpheus_fast.library.scan import absolute_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["DEFAULT_GROUP_COLUMN", "Label", "LabelTable", "Labelled", "match", "read_labels"]

# Taken where a table has it and no other is named.
DEFAULT_GROUP_COLUMN: Final = "artist"
_MAX_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Label:
    """One line of a table.

    Attributes
    ----------
    line : int
        Its number, from 1.
    path : str
        As it stands there.
    label : str
        "" where there is none.
    group : str or None
        None where there is none.
    numbers : tuple of float
        In the order of the columns asked for; NaN for an empty cell.
    """

    line: int
    path: str
    label: str
    group: str | None
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelTable:
    """All lines, where relative paths start from, and the column that groups."""

    folder: Path
    group_column: str | None
    number_columns: tuple[str, ...]
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A track and the line that is about it."""

    track_id: int
    label: Label


def read_labels(
    path: str | os.PathLike[str],
    *,
    path_column: str = "path",
    label_column: str = "label",
    group_column: str | None = None,
    number_columns: Sequence[str] = (),
) -> LabelTable:
    """Read a CSV file of labels: UTF-8, commas, a first line that names the columns.

    Parameters
    ----------
    path : path-like
        The file.
    path_column, label_column : str
        Columns of paths and labels.
    group_column : str, optional
        Column of groups; None takes `artist` where there is one.
    number_columns : sequence of str
        Columns of numbers to predict.

    Raises
    ------
    ParameterError
        If a column is missing, a line has another number of cells than the first, a path is named twice, a number is
        none, or the file is no text.
    OSError
        If it cannot be read.
    """
    place = Path(path).expanduser().absolute()
    try:
        lines = _cells(place)
    except csv.Error as error:
        message = f"{place} is not a table of comma-separated values: {error}"
        raise ParameterError(message) from None
    if not lines:
        message = f"{place} is empty, expected a first line with the columns {path_column!r} and {label_column!r}"
        raise ParameterError(message)
    titles = [title.strip() for title in lines[0][1]]
    if group_column is None and DEFAULT_GROUP_COLUMN in titles:
        group_column = DEFAULT_GROUP_COLUMN
    wanted = [path_column, label_column, *([group_column] if group_column else []), *number_columns]
    columns = {title: _column(place, titles, title) for title in wanted}
    labels = []
    seen: dict[str, int] = {}
    for number, cells in lines[1:]:
        if len(cells) != len(titles):
            message = f"{place}, line {number}: {len(cells)} cells, expected {len(titles)} as in the first line"
            raise ParameterError(message)
        named = cells[columns[path_column]]
        if not named or "\0" in named:
            message = f"{place}, line {number}: {named!r} is no path"
            raise ParameterError(message)
        if (before := seen.setdefault(named, number)) != number:
            message = f"{place}, line {number}: {named!r} was named in line {before} before, expected each path once"
            raise ParameterError(message)
        group = cells[columns[group_column]].strip() if group_column else ""
        values = tuple(_number(place, number, title, cells[columns[title]]) for title in number_columns)
        labels.append(Label(number, named, cells[columns[label_column]].strip(), group or None, values))
    return LabelTable(place.parent, group_column, tuple(number_columns), tuple(labels))


def match(table: LabelTable, tracks: Mapping[bytes, int]) -> tuple[list[Labelled], Matching]:
    """Find the track that each line with a label means.

    A path is absolute, or relative to the table's folder, or else the end of the path of exactly one track.

    Parameters
    ----------
    table : LabelTable
        The lines.
    tracks : mapping of bytes to int
        Id of each track of the library by its path.

    Raises
    ------
    ParameterError
        If two lines mean the same track.
    """
    matching = Matching(n_lines=len(table.labels))
    by_name = _by_name(tracks)
    lines: dict[int, Label] = {}
    for label in table.labels:
        if not label.label:
            matching.without_label.append(label.path)
            continue
        found = _meant(label.path, table.folder, tracks, by_name)
        if len(found) != 1:
            (matching.ambiguous if found else matching.unknown).append(label.path)
        elif found[0] in lines:
            other = lines[found[0]]
            message = (
                f"lines {other.line} and {label.line} mean the same track, {other.path!r} and {label.path!r}, "
                "expected each track once"
            )
            raise ParameterError(message)
        else:
            lines[found[0]] = label
    return [Labelled(track_id, label) for track_id, label in lines.items()], matching


def _cells(place: Path) -> list[tuple[int, list[str]]]:
    """Lines that are not empty, with their numbers."""
    with place.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        message = f"{place} is larger than {_MAX_BYTES >> 20} MiB, expected a table of labels"
        raise ParameterError(message)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{place}, line {line}: not UTF-8 (byte {data[error.start]:#04x}); save the table as UTF-8"
        raise ParameterError(message) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    return [(reader.line_num, cells) for cells in reader if cells]


def _column(place: Path, titles: Sequence[str], title: str) -> int:
    n = titles.count(title)
    if n == 1:
        return titles.index(title)
    if n > 1:
        message = f"{place} has {n} columns {title!r}, expected one"
    else:
        listed = ", ".join(titles)
        message = f"{place} has no column {title!r}; its first line names, separated by commas: {listed}"
    raise ParameterError(message)


def _number(place: Path, line: int, title: str, cell: str) -> float:
    if not cell.strip():
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        message = f"{place}, line {line}: {title} is {cell!r}, expected a number or nothing"
        raise ParameterError(message)
    return value


def _by_name(tracks: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """Paths by their last part."""
    named: dict[bytes, list[bytes]] = defaultdict(list)
    for path in tracks:
        named[os.path.basename(path)].append(path)  # noqa: PTH119 -- pathlib has no bytes
    return named


def _meant(path: str, folder: Path, tracks: Mapping[bytes, int], by_name: Mapping[bytes, Sequence[bytes]]) -> list[int]:
    try:
        whole = absolute_path(folder / os.path.expanduser(path))  # noqa: PTH111 -- fails for no name
        end = os.fsencode(os.path.normpath(path))
    except UnicodeEncodeError:
        # No file here can have such a name.
        return []
    if whole in tracks:
        return [tracks[whole]]
    # No path holds "//" or "..", so that an absolute one and a way up end none.
    candidates = by_name.get(os.path.basename(end), ())  # noqa: PTH119
    return [tracks[candidate] for candidate in candidates if candidate.endswith(b"/" + end)]
