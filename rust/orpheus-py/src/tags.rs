//! Binds tags. Serves `orpheus_fast.audio`.

use orpheus_audio::{Limits, MusicBrainz, ReplayGain, Tags, read_tags as read};
use pyo3::prelude::*;

use crate::audio::{SourceParts, raise, source};
use crate::error::NativeResult;
use crate::gil::release_gil;

type Text = Option<String>;
type Number = Option<u32>;
/// (title, artist, album, `album_artist`, date).
type TextParts = (Text, Text, Text, Text, Text);
/// (artists, `album_artists`, genres, kinds, problems).
type ListParts = (Vec<String>, Vec<String>, Vec<String>, Vec<&'static str>, Vec<String>);
/// (year, `track_number`, `track_total`, `disc_number`, `disc_total`).
type NumberParts = (Number, Number, Number, Number, Number);
/// (recording, track, release, release group, artists, album artists).
type IdParts = (Text, Text, Text, Text, Vec<String>, Vec<String>);
/// (`track_gain_db`, `track_peak`, `album_gain_db`, `album_peak`).
type GainParts = (Option<f64>, Option<f64>, Option<f64>, Option<f64>);
type TagParts = (TextParts, ListParts, NumberParts, IdParts, GainParts, Option<f64>);

/// Binds [`orpheus_audio::read_tags`].
#[pyfunction]
pub(crate) fn read_tags(
    py: Python<'_>,
    track: SourceParts,
    max_bytes: u64,
) -> NativeResult<TagParts> {
    let source = source(track);
    let limits = Limits { max_bytes, ..Limits::default() };
    let tags = release_gil(py, || read(&source, &limits));
    tags.map(tag_parts).map_err(|error| raise(py, &error, &source))
}

fn tag_parts(tags: Tags) -> TagParts {
    (
        (tags.title, tags.artist, tags.album, tags.album_artist, tags.date),
        (tags.artists, tags.album_artists, tags.genres, tags.kinds, tags.problems),
        (tags.year, tags.track_number, tags.track_total, tags.disc_number, tags.disc_total),
        id_parts(tags.musicbrainz),
        gain_parts(tags.replay_gain),
        tags.stated_seconds,
    )
}

fn id_parts(ids: MusicBrainz) -> IdParts {
    (
        ids.recording_id,
        ids.track_id,
        ids.release_id,
        ids.release_group_id,
        ids.artist_ids,
        ids.album_artist_ids,
    )
}

fn gain_parts(gains: ReplayGain) -> GainParts {
    (gains.track_gain_db, gains.track_peak, gains.album_gain_db, gains.album_peak)
}
