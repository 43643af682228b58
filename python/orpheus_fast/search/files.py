"""FAISS files as files: what is in them, copies, and writing vectors as they are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from orpheus_fast import _native
from orpheus_fast._arrays import as_float32, as_int64
from orpheus_fast.search.answers import IndexDescription

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["copy_index", "describe", "write_flat"]


def describe(path: str | os.PathLike[str] | os.PathLike[bytes] | bytes) -> IndexDescription:
    """Say what a FAISS file holds: the kind of index, how many vectors, and what it consists of.

    Reads and checks everything but the vectors, their codes, and the links of graphs; knows more
    kinds of index than can be searched.

    Parameters
    ----------
    path : path-like
        A FAISS file.

    Returns
    -------
    IndexDescription
        With a description of each index inside.

    Raises
    ------
    IndexFormatError
        If it is not a FAISS file, is damaged, or holds a kind of index that is not known here,
        which is named.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "two.faiss"
    >>> write_flat(path, [[1.0, 0.0], [0.0, 1.0]], ids=[70, 80])
    >>> index = describe(path)
    >>> index.kind, index.ntotal, index.parts["index"].kind
    ('IDMap2,Flat', 2, 'Flat')
    """
    return _description(_native.describe_index(os.fsdecode(path)))


def _description(described: _native._Description) -> IndexDescription:
    parts = {role: _description(part) for role, part in described[6].items()}
    return IndexDescription(*described[:6], parts)


def copy_index(
    source: str | os.PathLike[str] | os.PathLike[bytes] | bytes,
    target: str | os.PathLike[str] | os.PathLike[bytes] | bytes,
) -> None:
    """Check a FAISS file that came from elsewhere, and write what it states to another file.

    More is checked than by opening it: that every link of a graph leads to a node, too. The copy
    appears under its name when it is whole and on disk; it holds the bytes that FAISS would write.

    Parameters
    ----------
    source : path-like
        A FAISS file of any kind that `describe` knows.
    target : path-like
        Where to; an existing file is replaced.

    Raises
    ------
    IndexFormatError
        If `source` is not a FAISS file, is damaged, or holds a kind of index that is not known
        here, which is named. Nothing is written then.
    OSError
        If one cannot be opened or written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from orpheus_fast.search import VectorIndex
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_flat(folder / "foreign.faiss", [[1.0, 0.0], [0.0, 1.0]])
    >>> copy_index(folder / "foreign.faiss", folder / "checked.faiss")
    >>> VectorIndex.open(folder / "checked.faiss").ntotal
    2
    """
    _native.copy_index(os.fsdecode(source), os.fsdecode(target))


def write_flat(
    path: str | os.PathLike[str] | os.PathLike[bytes] | bytes,
    vectors: ArrayLike,
    *,
    metric: Literal["inner_product", "l2"] = "l2",
    ids: ArrayLike | None = None,
) -> None:
    """Write vectors as a FAISS Flat file, byte for byte what `faiss.write_index` would write.

    The file appears under its name when it is whole and on disk; until then the name keeps what it
    had.

    Parameters
    ----------
    path : path-like
        Where to; an existing file is replaced.
    vectors : array_like, shape (n_vectors, dim)
        Stored as float32.
    metric : {"l2", "inner_product"}
        What the index compares by. For cosine, write vectors of length one for "inner_product".
    ids : array_like of int, shape (n_vectors,), optional
        The id of each vector, anything but -1; the file is then an IDMap2 over Flat. Without them
        ids are row numbers.

    Raises
    ------
    ShapeError
        If an array has the wrong shape.
    ParameterError
        If `metric` is not one of those two, or an id is -1.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from orpheus_fast.search import VectorIndex
    >>> path = Path(tempfile.mkdtemp()) / "two.faiss"
    >>> write_flat(path, [[1.0, 0.0], [0.0, 1.0]], metric="inner_product", ids=[70, 80])
    >>> VectorIndex.open(path).search([0.0, 2.0], k=1)
    Neighbours(distances=array([2.], dtype=float32), ids=array([80]))
    """
    rows = as_float32(vectors, name="vectors", n_dims=(2,))
    numbers = None if ids is None else as_int64("ids", ids)
    _native.write_flat(os.fsdecode(path), rows, numbers, metric)
