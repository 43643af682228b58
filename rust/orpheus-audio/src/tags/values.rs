//! Values of several tags → one [`Tags`].

use std::collections::BTreeMap;

use super::fields::Field;
use super::genre::genres;
use super::part::Findings;
use super::text::clean;
use super::{MusicBrainz, ReplayGain, Tags, parse};

const MAX_VALUES: usize = 64;
const MAX_NUMBER: u32 = 99_999;
/// Louder or softer than any recording can be made.
const MAX_GAIN_DB: f64 = 100.0;
const MAX_PEAK: f64 = 100.0;
/// `ReplayGain` 2 aims at -18 LUFS, the `R128_*` tags at -23 LUFS (RFC 7845 §5.2.1).
const REPLAY_GAIN_OVER_R128_DB: f64 = 5.0;
const UUID_CHARACTERS: usize = 36;

/// What all tags say together: the first one that has a field is believed about it.
pub(super) fn tags(mut findings: Findings) -> Tags {
    let (values, kinds) = gather(&mut findings);
    let (artist, artists) = values.people(Field::Artist, Field::Artists);
    let (album_artist, album_artists) = values.people(Field::AlbumArtist, Field::AlbumArtists);
    let date = [Field::Date, Field::Year, Field::ReleaseDate]
        .into_iter()
        .find_map(|field| values.text(field).filter(|text| year(text).is_some()));
    Tags {
        title: values.text(Field::Title),
        artist,
        artists,
        album: values.text(Field::Album),
        album_artist,
        album_artists,
        genres: values.genres(),
        year: date.as_deref().and_then(year),
        date,
        track_number: values.number(Field::TrackNumber, 0),
        track_total: values.number(Field::TrackTotal, 0).or(values.number(Field::TrackNumber, 1)),
        disc_number: values.number(Field::DiscNumber, 0),
        disc_total: values.number(Field::DiscTotal, 0).or(values.number(Field::DiscNumber, 1)),
        musicbrainz: values.musicbrainz(),
        replay_gain: values.replay_gain(),
        stated_seconds: findings.stated_seconds.filter(|seconds| seconds.is_finite()),
        kinds,
        problems: findings.problems.iter().filter_map(|problem| clean(problem)).collect(),
    }
}

/// The values of every field, from the first tag that has it, and the kinds of tags there are.
fn gather(findings: &mut Findings) -> (Values, Vec<&'static str>) {
    let mut known = BTreeMap::new();
    let mut kinds = Vec::new();
    for part in std::mem::take(&mut findings.parts) {
        let (values, n_lost) = parse::values(&part);
        if n_lost > 0 {
            findings.note(part.kind, &format!("{n_lost} items could not be read"));
        }
        let mut of_part: BTreeMap<Field, Vec<String>> = BTreeMap::new();
        for (field, value) in values {
            of_part.entry(field).or_default().push(value);
        }
        for (field, values) in of_part {
            known.entry(field).or_insert(values);
        }
        if !kinds.contains(&part.kind.name()) {
            kinds.push(part.kind.name());
        }
    }
    (Values(known), kinds)
}

struct Values(BTreeMap<Field, Vec<String>>);

impl Values {
    fn raw(&self, field: Field) -> impl Iterator<Item = &str> {
        self.0.get(&field).into_iter().flatten().flat_map(|value| value.split('\0'))
    }

    /// The values of a field, each once.
    fn list(&self, field: Field) -> Vec<String> {
        distinct(self.raw(field).filter_map(clean))
    }

    fn text(&self, field: Field) -> Option<String> {
        self.raw(field).find_map(clean)
    }

    /// Names as one text and one by one. Some writers keep both, since "A feat. B" cannot be split.
    fn people(&self, together: Field, apart: Field) -> (Option<String>, Vec<String>) {
        let (worded, single) = (self.list(together), self.list(apart));
        let names = if single.is_empty() { worded.clone() } else { single };
        let joined = if worded.is_empty() { names.join("; ") } else { worded.join("; ") };
        (clean(&joined), names)
    }

    fn genres(&self) -> Vec<String> {
        let values = self.0.get(&Field::Genre).into_iter().flatten();
        distinct(values.flat_map(|value| genres(value)).filter_map(|genre| clean(&genre)))
    }

    /// The number at a place in texts like `3/12`; 0 stands for unknown.
    fn number(&self, field: Field, place: usize) -> Option<u32> {
        let text = self.text(field)?;
        let number = text.split(['/', '-']).nth(place)?.trim();
        let digits = number.len() - number.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        number[..digits].parse().ok().filter(|number| (1..=MAX_NUMBER).contains(number))
    }

    fn musicbrainz(&self) -> MusicBrainz {
        let ids = |field| distinct(self.raw(field).flat_map(uuids));
        let id = |field| ids(field).into_iter().next();
        MusicBrainz {
            recording_id: id(Field::RecordingId),
            track_id: id(Field::TrackId),
            release_id: id(Field::ReleaseId),
            release_group_id: id(Field::ReleaseGroupId),
            artist_ids: ids(Field::ArtistId),
            album_artist_ids: ids(Field::AlbumArtistId),
        }
    }

    fn replay_gain(&self) -> ReplayGain {
        let gain = |field, r128| self.gain_db(field).or_else(|| self.r128_gain_db(r128));
        ReplayGain {
            track_gain_db: gain(Field::TrackGain, Field::R128TrackGain),
            track_peak: self.peak(Field::TrackPeak),
            album_gain_db: gain(Field::AlbumGain, Field::R128AlbumGain),
            album_peak: self.peak(Field::AlbumPeak),
        }
    }

    /// `-6.54 dB`; the unit may be missing, the sign and a decimal comma are accepted.
    fn gain_db(&self, field: Field) -> Option<f64> {
        let text = self.text(field)?.to_ascii_lowercase();
        let gain = decimal(text.trim_end_matches("db"))?;
        (gain.abs() <= MAX_GAIN_DB).then_some(gain)
    }

    /// Steps of 1/256 dB (RFC 7845 §5.2.1).
    fn r128_gain_db(&self, field: Field) -> Option<f64> {
        let steps: i16 = self.text(field)?.trim_start_matches('+').parse().ok()?;
        Some(f64::from(steps) / 256.0 + REPLAY_GAIN_OVER_R128_DB)
    }

    fn peak(&self, field: Field) -> Option<f64> {
        decimal(&self.text(field)?).filter(|peak| (0.0..=MAX_PEAK).contains(peak))
    }
}

fn decimal(text: &str) -> Option<f64> {
    let number: f64 = text.trim().replace(',', ".").parse().ok()?;
    // -0 is 0.
    number.is_finite().then_some(number + 0.0)
}

/// The first four digits in a row that are a year: of `2003`, `2003-05-01`, `1.5.2003`, `20030501`.
fn year(text: &str) -> Option<u32> {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    let year = runs.filter(|run| matches!(run.len(), 4 | 8)).find_map(|run| run[..4].parse().ok());
    year.filter(|year| (1000..=9999).contains(year))
}

/// The UUIDs in a text: several are written with all kinds of separators.
fn uuids(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    let is_uuid = |word: &&str| {
        let hyphen = |(at, byte): (usize, u8)| (byte == b'-') == matches!(at, 8 | 13 | 18 | 23);
        word.len() == UUID_CHARACTERS && word.bytes().enumerate().all(hyphen)
    };
    words.filter(is_uuid).map(str::to_ascii_lowercase).collect()
}

/// Each value once, by its letters, whatever their case; no more than a person would write.
fn distinct(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for value in values {
        let lower = value.to_lowercase();
        if kept.len() == MAX_VALUES {
            break;
        }
        if !kept.iter().any(|known| known.to_lowercase() == lower) {
            kept.push(value);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(Field, &str)]) -> Values {
        let mut known: BTreeMap<Field, Vec<String>> = BTreeMap::new();
        for (field, value) in pairs {
            known.entry(*field).or_default().push((*value).to_owned());
        }
        Values(known)
    }

    #[test]
    fn years_are_found_in_dates() {
        for text in ["2003", "2003-05-01", "2003-05-01T12:00", "1.5.2003", "20030501", " 2003 "] {
            assert_eq!(year(text), Some(2003), "{text}");
        }
        for text in ["", "0000", "20035", "ca. 99", "12/05"] {
            assert_eq!(year(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_read_with_and_without_totals() {
        let tracks = values(&[(Field::TrackNumber, "03/12"), (Field::DiscNumber, "1 of 2")]);
        assert_eq!(tracks.number(Field::TrackNumber, 0), Some(3));
        assert_eq!(tracks.number(Field::TrackNumber, 1), Some(12));
        assert_eq!(tracks.number(Field::DiscNumber, 0), Some(1));
        let odd = values(&[(Field::TrackNumber, "A1"), (Field::DiscNumber, "0/99999999999")]);
        assert_eq!(odd.number(Field::TrackNumber, 0), None);
        assert_eq!(odd.number(Field::DiscNumber, 0), None);
        assert_eq!(odd.number(Field::DiscNumber, 1), None);
    }

    #[test]
    fn gains_are_decibels_to_one_reference() {
        let gains = values(&[
            (Field::TrackGain, "-6.54 dB"),
            (Field::TrackPeak, "0.988"),
            (Field::AlbumGain, "nan"),
            (Field::R128AlbumGain, "-512"),
            (Field::AlbumPeak, "1e9"),
        ]);
        let expected = ReplayGain {
            track_gain_db: Some(-6.54),
            track_peak: Some(0.988),
            album_gain_db: Some(3.0),
            album_peak: None,
        };
        assert_eq!(gains.replay_gain(), expected);
    }

    #[test]
    fn identifiers_are_uuids_or_nothing() {
        let id = "F4A31F0A-51DD-4FA7-986D-3095C40C5ED9";
        let two = format!("{id}; x;{id}/0383dadf-2a4e-4d10-a46a-e9e041da8eb3");
        let found = uuids(&two);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0], id.to_lowercase());
        assert!(uuids("not an id").is_empty());
        assert!(uuids(&"-".repeat(36)).is_empty());
    }

    #[test]
    fn names_are_kept_as_worded_and_one_by_one() {
        let both = values(&[
            (Field::Artist, "A feat. B"),
            (Field::Artists, "A"),
            (Field::Artists, "B"),
            (Field::AlbumArtist, "C\0D\0c"),
        ]);
        let (worded, names) = both.people(Field::Artist, Field::Artists);
        assert_eq!(worded.as_deref(), Some("A feat. B"));
        assert_eq!(names, ["A", "B"]);
        let (worded, names) = both.people(Field::AlbumArtist, Field::AlbumArtists);
        assert_eq!(worded.as_deref(), Some("C; D"));
        assert_eq!(names, ["C", "D"]);
    }
}
