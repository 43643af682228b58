"""`orpheus similar`: what sounds like this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from orpheus_fast.cli import opening, options
from orpheus_fast.cli.console import emit_json, path_fields, printable, say, show, stdout_is_terminal, table, write_row
from orpheus_fast.cli.errors import DONE, SOME_FAILED
from orpheus_fast.cli.quantities import clock

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from rich.table import Table

    from orpheus_fast.library.results import Hit

    Rerank = Literal["mutual-proximity"]

__all__ = ["name_of", "parse_words", "similar"]

_DEFAULT_K: Final = 10
# A minus sign as typography has it serves as well as the key on the keyboard.
_SIGNS: Final = {"+": "+", "-": "-", "−": "-", "–": "-"}  # noqa: RUF001
_MAX_ID_DIGITS: Final = 18


@click.command(
    cls=options.Taught,
    examples=(
        ("orpheus similar song.flac --library music.orpheus", "the ten nearest to a file, in the library or not"),
        ("orpheus similar 17 -k 25 --library music.orpheus", "the 25 nearest to track 17"),
        ("orpheus similar a.flac + b.flac - c.flac", "like a and b, unlike c; the library is that of ORPHEUS_LIBRARY"),
    ),
)
@click.argument("query", nargs=-1, required=True, type=click.Path(), metavar="QUERY...")
@click.option(
    "-k", type=options.at_least_one, default=_DEFAULT_K, metavar="N", help=f"How many tracks.  [default: {_DEFAULT_K}]"
)
@options.library
@options.space
@click.option(
    "--rerank",
    type=click.Choice(("mutual-proximity",)),
    help="Choose among the nearest 10 N + 100 by mutual proximity: near as seen from both sides.",
)
@options.as_json
def similar(
    *, query: tuple[str, ...], k: int, library: Path, space: str | None, rerank: Rerank | None, as_json: bool
) -> int:
    """Name the tracks that sound most like QUERY, best first.

    QUERY is a file (which need not be in the library), the id of a track, or several of these with + and - between
    them, each sign a word of its own. A number is an id; write ./17 for a file of that name.

    On a terminal the answer is a table, in which tracks with tags go by artist and title. Otherwise it is one line per
    track, tab-separated: rank, score, track id, seconds, path, artist, title. A higher score is more similar; with
    --rerank it is the probability that both tracks would have any other one further away than each other.
    """
    parts = parse_words(query)
    hits = _search(library, parts, k, space, rerank)
    if as_json:
        values = [{"sign": sign, "track": item} for sign, item in parts]
        document = {"library": library, "query": values, "k": k, "rerank": rerank}
        emit_json("similar", {**document, "hits": [_fields(hit) for hit in hits]})
    elif hits and stdout_is_terminal():
        show(_table(hits))
    else:
        for rank, hit in enumerate(hits, 1):
            seconds = None if hit.duration_seconds is None else f"{hit.duration_seconds:.3f}"
            write_row(rank, f"{hit.score:.6f}", hit.track_id, seconds, hit.path, hit.artist, hit.title)
    if hits:
        return DONE
    say(f"error: library {printable(library)} holds no other track to compare with; add some with: orpheus index")
    return SOME_FAILED


def parse_words(words: tuple[str, ...]) -> list[tuple[str, int | str]]:
    """Read the words of a query as signed tracks.

    Examples
    --------
    >>> parse_words(("a.flac", "+", "17", "-", "c.flac"))
    [('+', 'a.flac'), ('+', 17), ('-', 'c.flac')]
    """
    parts: list[tuple[str, int | str]] = []
    sign: str | None = None
    for word in words:
        if word in _SIGNS:
            if sign is not None:
                message = f"{word!r} follows another sign, expected a track between them"
                raise click.UsageError(message)
            sign = _SIGNS[word]
        elif parts and sign is None:
            message = (
                f"expected + or - between {str(parts[-1][1])!r} and {word!r}, each sign a word of its own; "
                "a name that holds spaces stands in quotes"
            )
            raise click.UsageError(message)
        else:
            parts.append((sign or "+", _item(word)))
            sign = None
    if sign is not None:
        message = f"the query ends with {words[-1]!r}, expected a track after it"
        raise click.UsageError(message)
    if all(sign == "-" for sign, _ in parts):
        message = "the query only says what to stay away from, expected at least one track without a minus"
        raise click.UsageError(message)
    return parts


def name_of(hit: Hit) -> str:
    """Return artist and title where both are known, the path otherwise."""
    return f"{hit.artist} - {hit.title}" if hit.artist and hit.title else hit.path


def _item(word: str) -> int | str:
    is_id = word.isascii() and word.isdecimal() and len(word) <= _MAX_ID_DIGITS
    return int(word) if is_id else word


def _search(
    folder: Path, parts: list[tuple[str, int | str]], k: int, space: str | None, rerank: Rerank | None
) -> list[Hit]:
    query = parts[0][1] if len(parts) == 1 else parts
    with opening.open_library(folder) as library:
        return library.similar(query, k, space=space, rerank="mutual_proximity" if rerank else None)


def _fields(hit: Hit) -> dict[str, object]:
    return {
        "score": hit.score,
        "track_id": hit.track_id,
        **path_fields(hit.path, hit.path_bytes),
        "title": hit.title,
        "artist": hit.artist,
        "duration_seconds": hit.duration_seconds,
        "outcome": hit.outcome,
        "album": hit.album,
        "album_artist": hit.album_artist,
        "genres": list(hit.genres),
        "year": hit.year,
        "track_number": hit.track_number,
        "disc_number": hit.disc_number,
        "musicbrainz_recording_id": hit.musicbrainz_recording_id,
    }


def _table(hits: list[Hit]) -> Table:
    drawn = table(">#", ">score", "track", ">length")
    for rank, hit in enumerate(hits, 1):
        damage = "  (partly damaged)" if hit.outcome == "partial" else ""
        name, path = printable(name_of(hit)), printable(hit.path)
        track = f"{name}{damage}" if name == path else f"{name}{damage}\n{path}"
        drawn.add_row(str(rank), f"{hit.score:.3f}", track, clock(hit.duration_seconds))
    return drawn
