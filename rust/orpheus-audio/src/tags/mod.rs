//! What a file says about its music.
//!
//! Tags are found by their structure and cut out of the file item by item: pictures, lyrics and
//! whatever else is not asked for are stepped over, never read. What remains, some kilobytes, is
//! parsed by lofty ([`parse`]). So neither a picture of any size nor a length that lies can cost
//! more than the buffers here, and an item that cannot be parsed costs only itself.

mod ape;
mod carrier;
mod ebml;
mod fields;
mod flac;
mod genre;
mod id3v2;
mod iff;
mod mp4;
mod ogg;
mod parse;
mod part;
mod peek;
mod text;
mod values;

use crate::error::Result;
use crate::limits::Limits;
use crate::source::{Input, Source};
use crate::wall;

/// What a file says about its music; empty where it says nothing.
///
/// Text is free of control characters and at most 4 KiB long; a list holds at most 64 values.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tags {
    /// Of the track.
    pub title: Option<String>,
    /// Who performs, as the file words it; several names are joined by `; `.
    pub artist: Option<String>,
    /// Who performs, one by one.
    pub artists: Vec<String>,
    /// Name of the release.
    pub album: Option<String>,
    /// Who the release is by, as the file words it; several names are joined by `; `.
    pub album_artist: Option<String>,
    /// Who the release is by, one by one.
    pub album_artists: Vec<String>,
    /// Numbers of `ID3v1`'s list are given by name.
    pub genres: Vec<String>,
    /// Of recording or release, as the file writes it.
    pub date: Option<String>,
    /// The year in `date`.
    pub year: Option<u32>,
    /// Place on its disc.
    pub track_number: Option<u32>,
    /// Tracks on the disc.
    pub track_total: Option<u32>,
    /// Place of the disc in the release.
    pub disc_number: Option<u32>,
    /// Discs in the release.
    pub disc_total: Option<u32>,
    /// Identifiers in the `MusicBrainz` database.
    pub musicbrainz: MusicBrainz,
    /// Loudness, as measured by whoever tagged the file.
    pub replay_gain: ReplayGain,
    /// Length that the headers state, seconds; nothing was decoded to verify it.
    pub stated_seconds: Option<f64>,
    /// Kinds of tags that were found, the one that is believed first: `id3v2`, `apev2`, `vorbis` ...
    pub kinds: Vec<&'static str>,
    /// What could not be read, one line each; the rest is sound.
    pub problems: Vec<String>,
}

/// `MusicBrainz` identifiers: UUIDs in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MusicBrainz {
    /// The recording.
    pub recording_id: Option<String>,
    /// The track: a recording at its place on a release.
    pub track_id: Option<String>,
    /// The release.
    pub release_id: Option<String>,
    /// The album that it is a release of.
    pub release_group_id: Option<String>,
    /// The track's artists.
    pub artist_ids: Vec<String>,
    /// The release's artists.
    pub album_artist_ids: Vec<String>,
}

/// Gains that bring a track or its album to the reference loudness of `ReplayGain` 2 (-18 LUFS), and
/// peaks as a share of full scale. The `R128_*` gains of Opus, which aim at -23 LUFS (RFC 7845
/// §5.2.1), are given 5 dB more to match.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ReplayGain {
    /// Of the track, dB.
    pub track_gain_db: Option<f64>,
    /// Of the track.
    pub track_peak: Option<f64>,
    /// Of its album, dB.
    pub album_gain_db: Option<f64>,
    /// Of its album.
    pub album_peak: Option<f64>,
}

/// Reads the tags of a file, whether or not its audio can be decoded.
///
/// A tag that is damaged is noted in [`Tags::problems`]. Tags of all kinds are put together: for each
/// field the kind that the format itself prefers is believed.
///
/// # Errors
///
/// Only the input's: it cannot be opened or read, is no regular file, or exceeds a limit. Also
/// [`crate::Error::Panic`], should a parser break its own rules outside a single tag.
pub fn read_tags(source: &Source, limits: &Limits) -> Result<Tags> {
    let input = Input::open(source, limits)?;
    wall::contain(|| carrier::read(peek::Peek::new(input)))
}
