"""What files say about their music."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orpheus_fast import _native
from orpheus_fast.audio.tracks import Limits, source_parts

if TYPE_CHECKING:
    from orpheus_fast.audio.tracks import AudioSource

__all__ = ["Tags", "read_tags"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """What a file says about its music; None or empty where it says nothing.

    Text has no control characters and at most 4 KiB; a tuple holds at most 64 values.

    Attributes
    ----------
    title, album : str or None
        Of the track and of its release.
    artist, album_artist : str or None
        Who performs, and who the release is by, as the file words it; several names are joined by "; ".
    artists, album_artists : tuple of str
        The same, one by one.
    genres : tuple of str
        Numbers of ID3v1's list are given by name.
    date : str or None
        Of recording or release, as the file writes it.
    year : int or None
        The year in `date`.
    track_number, track_total, disc_number, disc_total : int or None
        Place of the track on its disc and of the disc in the release, and how many there are.
    musicbrainz_recording_id, musicbrainz_track_id, musicbrainz_release_id, musicbrainz_release_group_id : str or None
        UUIDs in lower case. A track is a recording at its place on a release.
    musicbrainz_artist_ids, musicbrainz_album_artist_ids : tuple of str
        UUIDs in lower case.
    track_gain_db, album_gain_db : float or None
        ReplayGain in dB, to -18 LUFS. The R128 gains of Opus, made for -23 LUFS, are given 5 dB more.
    track_peak, album_peak : float or None
        As a share of full scale.
    stated_seconds : float or None
        Length as the headers state it; `decode` measures it.
    kinds : tuple of str
        Kinds of tags that were found, the one that is believed first: `id3v2`, `apev2`, `vorbis`,
        `ilst`, `riff_info`, `aiff_text`, `caf_info`, `matroska`, `id3v1`.
    problems : tuple of str
        What could not be read, one line each; the rest is sound.
    """

    title: str | None = None
    artist: str | None = None
    artists: tuple[str, ...] = ()
    album: str | None = None
    album_artist: str | None = None
    album_artists: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    date: str | None = None
    year: int | None = None
    track_number: int | None = None
    track_total: int | None = None
    disc_number: int | None = None
    disc_total: int | None = None
    musicbrainz_recording_id: str | None = None
    musicbrainz_track_id: str | None = None
    musicbrainz_release_id: str | None = None
    musicbrainz_release_group_id: str | None = None
    musicbrainz_artist_ids: tuple[str, ...] = ()
    musicbrainz_album_artist_ids: tuple[str, ...] = ()
    track_gain_db: float | None = None
    track_peak: float | None = None
    album_gain_db: float | None = None
    album_peak: float | None = None
    stated_seconds: float | None = None
    kinds: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def read_tags(source: AudioSource, *, limits: Limits | None = None) -> Tags:
    r"""Read what a file says about its music, whether or not its audio can be decoded.

    Pictures are never loaded. A damaged tag costs at most itself, and is named in `problems`.

    Parameters
    ----------
    source : path, bytes or binary file object
        A `str` or `os.PathLike` is a path; `bytes` are the file itself.
    limits : Limits, optional
        `max_bytes` is the one that applies.

    Returns
    -------
    Tags
        Empty for a file without tags, be it audio or not.

    Raises
    ------
    DecodeError
        It is no regular file, or (`LimitError`) larger than the limit.
    OSError
        The file could not be read.

    Examples
    --------
    >>> tags = read_tags(b"TAG" + b"So What".ljust(30, b"\0") + b"Miles Davis".ljust(30, b"\0") + bytes(64) + b"\x08")
    >>> tags.artist, tags.title, tags.genres
    ('Miles Davis', 'So What', ('Jazz',))
    """
    limits = Limits() if limits is None else limits
    texts, lists, numbers, ids, gains, stated_seconds = _native.read_tags(source_parts(source), limits.max_bytes)
    title, artist, album, album_artist, date = texts
    artists, album_artists, genres, kinds, problems = map(tuple, lists)
    year, track_number, track_total, disc_number, disc_total = numbers
    recording_id, track_id, release_id, release_group_id, artist_ids, album_artist_ids = ids
    track_gain_db, track_peak, album_gain_db, album_peak = gains
    return Tags(
        title=title,
        artist=artist,
        artists=artists,
        album=album,
        album_artist=album_artist,
        album_artists=album_artists,
        genres=genres,
        date=date,
        year=year,
        track_number=track_number,
        track_total=track_total,
        disc_number=disc_number,
        disc_total=disc_total,
        musicbrainz_recording_id=recording_id,
        musicbrainz_track_id=track_id,
        musicbrainz_release_id=release_id,
        musicbrainz_release_group_id=release_group_id,
        musicbrainz_artist_ids=tuple(artist_ids),
        musicbrainz_album_artist_ids=tuple(album_artist_ids),
        track_gain_db=track_gain_db,
        track_peak=track_peak,
        album_gain_db=album_gain_db,
        album_peak=album_peak,
        stated_seconds=stated_seconds,
        kinds=kinds,
        problems=problems,
    )
