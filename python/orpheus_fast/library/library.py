"""A music library: a folder that answers what sounds like what."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from orpheus_fast.errors import LibraryFormatError, LibraryLockedError, LibraryNotFoundError, ParameterError
from orpheus_fast.library import export
from orpheus_fast.library.query import SearchTable, embed_file, parse_query, unit
from orpheus_fast.library.results import Hit, IndexProgress, IndexReport, LibraryInfo, SpaceInfo, Trouble
from orpheus_fast.library.runs import DEFAULT_SPACES, index_into, preview_of, specs_of
from orpheus_fast.library.store import Store
from orpheus_fast.library.writer import Writer

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

    from orpheus_fast.library.damage import Damage
    from orpheus_fast.library.query import Query, Rerank, Term
    from orpheus_fast.library.records import Tags, Track
    from orpheus_fast.library.scan import AnyPath
    from orpheus_fast.library.spaces import SpaceSpec

__all__ = ["Library"]


class Library:
    """A library on disk, opened for reading; indexing opens it for writing while it runs.

    Any number of processes may read while one writes. Use it in a `with` block, or call `close`.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from orpheus_fast.demo import write_collection
    >>> folder = Path(mkdtemp())
    >>> tracks = write_collection(folder / "music", n_pieces=3)
    >>> with Library.create(folder / "music.orpheus") as library:
    ...     report = library.index([folder / "music"])
    ...     hits = library.similar(tracks[0], k=2)
    >>> report.outcomes["ok"], len(hits)
    (3, 2)
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tables: dict[str, SearchTable] = {}

    @classmethod
    def create(cls, folder: str | os.PathLike[str]) -> Self:
        """Make a library in a folder that is empty or not there yet, and open it.

        Raises
        ------
        LibraryError
            If the folder holds something else; a library that is there already is opened.
        """
        Writer.acquire(folder, create=True).close()
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Self:
        """Open a library; works in a read-only folder and beside a writer.

        One of an older format is brought up to date first, after a copy of its catalog, where it may be
        written to.

        Raises
        ------
        LibraryNotFoundError, LibraryDamagedError, LibraryFormatError
            If there is none, or it cannot be used; the message says what to do.
        """
        try:
            return cls(Store.open(folder))
        except LibraryFormatError as error:
            try:
                Writer.acquire(folder).close()
            except (OSError, LibraryLockedError):
                raise error from None
        return cls(Store.open(folder))

    @classmethod
    def open_or_create(cls, folder: str | os.PathLike[str]) -> Self:
        """Open the library in `folder`, or make one there."""
        try:
            return cls.open(folder)
        except LibraryNotFoundError:
            return cls.create(folder)

    @property
    def folder(self) -> Path:
        """Where the library is."""
        return self._store.folder

    def index(  # noqa: PLR0913 -- every option has a name, and one command line option each
        self,
        paths: Iterable[AnyPath],
        *,
        spaces: Sequence[str] | None = None,
        jobs: int | None = None,
        retry_failed: bool = False,
        refresh: bool = False,
        accept_losses: bool = False,
        dry_run: bool = False,
        wait_seconds: float = 0.0,
        progress: Callable[[IndexProgress], None] | None = None,
    ) -> IndexReport:
        """Find audio files, decode what is new or changed, and commit vectors and outcomes.

        Running it again decodes only what has changed. Stopping it, even by `kill -9`, loses at
        most the batch at hand (256 tracks or 30 seconds).

        Parameters
        ----------
        paths : iterable of path-like
            Files and folders; folders are walked to the bottom.
        spaces : sequence of str, optional
            What to compute; None takes the spaces that the library has, or `sound`.
        jobs : int, optional
            Decoding threads; None takes one per core.
        retry_failed : bool
            Try again what failed before.
        refresh : bool
            Compute a space anew whose definition differs from the stored one's.
        accept_losses : bool
            Mark tracks missing even where a folder lost more than half of them at once.
        dry_run : bool
            Only tell what would be done.
        wait_seconds : float
            How long to wait for another writer.
        progress : callable, optional
            Called with an `IndexProgress` several times a second.

        Returns
        -------
        IndexReport
            After a KeyboardInterrupt too, with `interrupted` set and what was finished committed.

        Raises
        ------
        OSError
            A path cannot be reached, or the disk is full.
        RootUnavailableError
            A folder has vanished, or lost most of its tracks at once. Nothing is marked missing.
        LibraryLockedError
            Another process is writing.
        UnknownSpaceError
            A space of that name does not exist.
        """
        if jobs is not None and jobs < 1:
            message = f"jobs is {jobs}, expected at least 1"
            raise ParameterError(message)
        specs = specs_of(spaces, self._store)
        tell = progress or (lambda _: None)
        if dry_run:
            return preview_of(self._store, list(paths), specs, tell, retry_failed=retry_failed)
        with Writer.acquire(self.folder, wait_seconds=wait_seconds) as writer:
            for spec in specs:
                writer.ensure_space(spec, refresh=refresh)
            return index_into(
                writer, list(paths), specs, tell, jobs=jobs, retry_failed=retry_failed, accept_losses=accept_losses
            )

    def similar(
        self, query: Query, k: int = 10, *, space: str | None = None, rerank: Rerank | None = None
    ) -> list[Hit]:
        """Find the tracks that sound most like a track, or like a blend of several.

        Parameters
        ----------
        query : path, track id, or sequence of (sign, path or track id)
            A path may be in the library or not. `[("+", a), ("+", b), ("-", c)]` looks for what is
            like a and b and unlike c.
        k : int > 0
            How many. The tracks of the query itself are left out.
        space : str, optional
            Where to compare; None takes the library's first space.
        rerank : {"mutual_proximity"}, optional
            Choose the `k` among the nearest 10 k + 100 by mutual proximity, which keeps tracks that are near to
            everything from being in every answer. A score is then a probability, 0 to 1: that both tracks would
            have any other one further away than each other.

        Returns
        -------
        list of Hit
            Best first; fewer than `k` if the library holds fewer.
        """
        if k < 1:
            message = f"k is {k}, expected at least 1"
            raise ParameterError(message)
        if rerank not in (None, "mutual_proximity"):
            message = f"rerank is {rerank!r}, expected 'mutual_proximity' or None"
            raise ParameterError(message)
        table, spec = self._table(space)
        terms = parse_query(query, self._store)
        vector = np.zeros(spec.dim, dtype=np.float32)
        for term in terms:
            vector += term.sign * unit(self._vector(term, table, spec))
        own = {term.track_id for term in terms}
        if rerank is None:
            nearest = table.nearest(vector, k + len(own))
        else:
            only = terms[0].track_id if len(terms) == 1 else None
            nearest = table.nearest_mutually(vector, k + len(own), track_id=only)
        best = [(track_id, score) for track_id, score in nearest if track_id not in own][:k]
        tracks = self._store.catalog.tracks(track_id for track_id, _ in best)
        return [_hit(track, score) for track_id, score in best if (track := tracks.get(track_id)) is not None]

    def tags(self, track_id: int) -> Tags:
        """Return what the file of a track said about itself when it was indexed.

        Raises
        ------
        ParameterError
            If the library has no such track.
        """
        track = self._store.catalog.tracks([track_id]).get(track_id)
        if track is None:
            message = f"no track {track_id} in library {self.folder}"
            raise ParameterError(message)
        return track.tags

    def vectors(self, space: str | None = None) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return all stored vectors of a space and the track of each, without a copy.

        Returns
        -------
        vectors : numpy.ndarray, shape (n_rows, dim)
            float32, read-only, over the pages of the file.
        track_ids : numpy.ndarray, shape (n_rows,)
            int64; -1 where the track was removed or computed anew.
        """
        view = self._store.load(self._space_name(space))
        return view.vectors, view.track_ids

    def info(self) -> LibraryInfo:
        """Return what is in the library."""
        catalog = self._store.catalog
        with catalog.read():
            meta, spaces = catalog.meta(), catalog.spaces()
            outcomes: Counter[str] = Counter()
            for outcome, _, n in catalog.outcome_counts():
                outcomes[outcome] += n
            seconds = catalog.seconds_sound()
            n_missing = catalog.n_missing()
        infos = [
            SpaceInfo(
                name, s.spec.space_id, s.spec.dim, s.spec.metric, s.n_live, _size(self._store.vector_file(s).path)
            )
            for name, s in spaces.items()
        ]
        return LibraryInfo(
            folder=self.folder,
            format_version=int(meta["format_version"]),
            created_at=meta["created_at"],
            created_by=meta["created_by"],
            n_tracks=sum(outcomes.values()),
            outcomes=dict(outcomes),
            n_missing=n_missing,
            audio_seconds=seconds,
            spaces=infos,
            n_bytes=sum(_size(path) for path in self.folder.rglob("*")),
        )

    def troubles(self) -> Iterator[Trouble]:
        """Yield every track that is not `ok`, or whose file is missing."""
        for track in self._store.catalog.all_tracks(only_trouble=True):
            yield Trouble(
                track_id=track.id,
                path=track.display_path,
                outcome=track.outcome,
                kind=track.kind,
                message=track.message,
                seconds_sound=track.seconds_sound,
                seconds_lost=track.seconds_lost,
                missing=track.missing_since is not None,
            )

    def export(
        self,
        destination: str | os.PathLike[str],
        *,
        format: str,  # noqa: A002 -- the word that users look for
        space: str | None = None,
        overwrite: bool = False,
    ) -> list[Path]:
        """Write vectors and catalog where other programs read them.

        Parameters
        ----------
        destination : path-like
            File to write; a table of the tracks is written beside vectors.
        format : {"faiss", "npy", "csv"}
            A FAISS Flat index of the vectors as they are compared; a NumPy array of the vectors as
            they are stored; a table, of all tracks if no space is named, else of the space's vectors.
        space : str, optional
            None takes the library's first space.
        overwrite : bool
            Replace files that are there.

        Returns
        -------
        list of pathlib.Path
            The files written.
        """
        catalog = self._store.catalog
        if format == "csv" and space is None:
            return [export.export_tracks(catalog, destination, overwrite=overwrite)]
        view = self._store.load(self._space_name(space))
        # What FAISS compares must be what `similar` compares.
        vectors = SearchTable(view).rows if format == "faiss" else None
        files = export.export_space(
            catalog, view, destination, file_format=format, vectors=vectors, overwrite=overwrite
        )
        return list(files)

    def check(self) -> list[Damage]:
        """Verify every block and every value; return what does not hold, empty if all is well."""
        return self._store.check()

    def close(self) -> None:
        """Close the library; arrays that were handed out stay valid."""
        self._tables.clear()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Library({str(self.folder)!r})"

    def _space_name(self, space: str | None) -> str:
        if space is not None:
            return space
        spaces = self._store.catalog.spaces()
        return next(iter(spaces), DEFAULT_SPACES[0])

    def _table(self, space: str | None) -> tuple[SearchTable, SpaceSpec]:
        name = self._space_name(space)
        spec = self._store.catalog.space(name).spec
        table = self._tables.get(name)
        if table is None or table.generation != self._store.catalog.generation():
            table = self._tables[name] = SearchTable(self._store.load(name))
        return table, spec

    def _vector(self, term: Term, table: SearchTable, spec: SpaceSpec) -> NDArray[np.float32]:
        if term.track_id is not None:
            if table.row_of(term.track_id) is not None:
                return table.stored(term.track_id)
            track = self._store.catalog.tracks([term.track_id])[term.track_id]
            if track.outcome == "failed" or term.path is None:
                reason = track.message or f"it was not indexed in space {spec.name!r}"
                message = f"track {track.id} ({track.display_path}) has no vector to compare: {reason}"
                raise ParameterError(message)
        return table.comparable(embed_file(term.path or b"", spec))


def _hit(track: Track, score: float) -> Hit:
    return Hit(
        score=score,
        track_id=track.id,
        path=track.display_path,
        path_bytes=track.path,
        title=track.title,
        artist=track.artist,
        duration_seconds=track.duration_seconds,
        outcome=track.outcome,
        album=track.album,
        album_artist=track.album_artist,
        genres=track.tags.genres,
        year=track.year,
        track_number=track.track_number,
        disc_number=track.disc_number,
        musicbrainz_recording_id=track.musicbrainz_recording_id,
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
