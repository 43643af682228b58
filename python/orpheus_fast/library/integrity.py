"""Proves every stored value of the catalog, and names what does not hold."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from orpheus_fast.errors import LibraryError
from orpheus_fast.library.damage import Damage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orpheus_fast.library.catalog import Catalog, SpaceRecord

__all__ = ["check_catalog"]

_MAX_FINDINGS: Final = 20


def check_catalog(catalog: Catalog) -> list[Damage]:
    """Return everything in the catalog that is not what was stored; nothing if all is well.

    Structure first (pages, indexes, references), then every row against its
    checksum. Takes about a second per 100,000 tracks.
    """
    findings: list[Damage] = []
    checks: list[Callable[[Catalog], Iterator[str]]] = [_structure, _references, _tracks, _genres, _spaces]
    for check in checks:
        with _noted(catalog, findings), catalog.read():
            findings += [Damage(catalog.path, what) for what in check(catalog)]
    return findings


@contextmanager
def _noted(catalog: Catalog, findings: list[Damage]) -> Iterator[None]:
    try:
        yield
    except LibraryError as error:
        findings.append(Damage(catalog.path, str(error)))


def _structure(catalog: Catalog) -> Iterator[str]:
    with catalog.read() as connection:
        for (line,) in connection.execute(f"PRAGMA integrity_check({_MAX_FINDINGS})"):
            if line != "ok":
                yield str(line)


def _references(catalog: Catalog) -> Iterator[str]:
    with catalog.read() as connection:
        for number, (table, *_) in enumerate(connection.execute("PRAGMA foreign_key_check")):
            if number < _MAX_FINDINGS:
                yield f"a row of {table} refers to something that is not there"


def _tracks(catalog: Catalog) -> Iterator[str]:
    catalog.meta()
    n_tracks = sum(1 for _ in catalog.all_tracks())
    if n_tracks != catalog.n_tracks():
        yield f"{catalog.n_tracks()} tracks are indexed, {n_tracks} are there"


def _genres(catalog: Catalog) -> Iterator[str]:
    """Compare the table of genres with what the tracks say."""
    stated = "SELECT tracks.id AS track_id, lower(value) FROM tracks, json_each(tracks.genres)"
    stored = "SELECT track_id, lower(genre) FROM genres"
    query = f"SELECT track_id FROM ({stated} EXCEPT {stored}) UNION SELECT track_id FROM ({stored} EXCEPT {stated})"
    with catalog.read() as connection:
        for (track_id,) in connection.execute(f"{query} ORDER BY 1 LIMIT {_MAX_FINDINGS}"):
            yield f"track {track_id} is not listed under the genres that its tags name"


def _spaces(catalog: Catalog) -> Iterator[str]:
    for name, space in catalog.spaces().items():
        catalog.tracks_done(space)
        catalog.checksums(space)
        yield from _counts(catalog, name, space)


def _counts(catalog: Catalog, name: str, space: SpaceRecord) -> Iterator[str]:
    with catalog.read() as connection:
        n_live = connection.execute(
            "SELECT count(*) FROM embeddings WHERE space = ? AND row IS NOT NULL", (space.id,)
        ).fetchone()[0]
    if n_live != space.n_live:
        yield f"space {name!r} has {n_live} tracks, expected {space.n_live}"
