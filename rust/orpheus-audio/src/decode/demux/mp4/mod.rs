//! MP4, M4A, MOV: the ISO base media file format (ISO/IEC 14496-12), whole or in fragments.

mod boxes;
mod edits;
mod fragments;
pub(super) mod sample_entry;
mod samples;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use self::boxes::{Atom, boxes, search_movie};
use self::edits::{Edit, Gapless};
use self::sample_entry::SampleEntry;
use super::bytes::{Bytes, be_u32};
use super::durations::Durations;
use super::table::{Entries, Table};
use super::{Slack, WOBBLE, no_audio, stand_in};
use crate::decode::Losses;
use crate::error::{Error, Result};
use crate::source::Input;

/// Ticks of the container → samples of the codec, without the error of rounding adding up.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    timescale: u64,
    sample_rate: u64,
    ticks: u64,
}

impl Clock {
    fn new(timescale: u32, sample_rate: u32) -> Self {
        Self { timescale: u64::from(timescale.max(1)), sample_rate: sample_rate.into(), ticks: 0 }
    }

    fn samples(&self, ticks: u64) -> u64 {
        let samples = u128::from(ticks) * u128::from(self.sample_rate);
        ((samples + u128::from(self.timescale / 2)) / u128::from(self.timescale)) as u64
    }

    /// Samples of the next `ticks`.
    fn advance(&mut self, ticks: u32) -> u32 {
        u32::try_from(self.pass(ticks.into())).unwrap_or(u32::MAX)
    }

    /// Samples of `ticks` that hold nothing.
    fn pass(&mut self, ticks: u64) -> u64 {
        let before = self.samples(self.ticks);
        self.ticks = self.ticks.saturating_add(ticks);
        self.samples(self.ticks).saturating_sub(before)
    }

    /// The first fragment says when it begins: that is time 0 here.
    fn start_at(&mut self, ticks: u64) {
        self.ticks = ticks;
    }

    /// Samples that are missing before `ticks`, if any are.
    fn jump_to(&mut self, ticks: u64) -> Option<u64> {
        // Writers round the beginnings of fragments.
        let tolerance = self.timescale / 50;
        if ticks <= self.ticks.saturating_add(tolerance) {
            return None;
        }
        let n_lost = self.samples(ticks).saturating_sub(self.samples(self.ticks));
        self.ticks = ticks;
        Some(n_lost)
    }
}

/// One audio track of a movie.
struct Track {
    trak: Atom,
    id: u32,
    timescale: u32,
    entry: SampleEntry,
}

/// Opens a movie: finds its first audio track and all packets of that.
pub(in crate::decode) fn open(
    input: Input,
    start: u64,
    end: u64,
    losses: &mut Losses,
) -> Result<Table> {
    let mut bytes = Bytes::new(input, start, end);
    let (top, sound) = boxes(&mut bytes, 0, u64::MAX)?;
    let moov = match top.iter().find(|atom| atom.kind == *b"moov") {
        Some(moov) => *moov,
        None => search_movie(&mut bytes)?.ok_or_else(|| no_movie(&top))?,
    };
    let mut track = find_track(&mut bytes, &moov, losses)?;
    let sample_rate = track.entry.stream.parameters.sample_rate.unwrap_or(0);
    let mut clock = Clock::new(track.timescale, sample_rate);
    let mut entries = read_packets(&mut bytes, &track, &mut clock)?;
    let defaults = fragments::defaults(&mut bytes, &moov, track.id)?;
    for moof in top.iter().filter(|atom| atom.kind == *b"moof") {
        let to = (&mut clock, &mut entries);
        fragments::read(&mut bytes, moof, track.id, defaults, to)?;
        if moof.is_cut {
            losses.add(0, "the file ends inside a fragment");
        }
    }
    if !sound {
        losses.add(0, "a box makes no sense");
    }
    note_missing_fragments(&mut bytes, &moov, sample_rate, &entries, losses)?;
    let stop = set_extent(&mut bytes, &moov, &mut track, &entries, losses)?;
    note_cut(&mut entries, &bytes, stop, losses);
    let SampleEntry { mut stream, durations } = track.entry;
    stream.slack = slack(&durations, track.timescale, sample_rate);
    let is_exact = entries.fit(&durations);
    Ok(Table::new(bytes, stream, entries, is_exact).with_stop(stop).with_told(durations))
}

/// How far the table may be off: by the rounding to its ticks, and that of lossy packets, which recorders
/// and transcoders count by a clock, by more, but not in the long run.
fn slack(durations: &Durations, timescale: u32, sample_rate: u32) -> Slack {
    let is_fine = timescale > 0 && sample_rate > 0 && timescale.is_multiple_of(sample_rate);
    let rounding = if is_fine { 0 } else { u64::from(sample_rate / timescale.max(1)) + 1 };
    let is_lossy = matches!(durations, Durations::Constant(_) | Durations::Opus);
    let most = if is_lossy { rounding.max(WOBBLE) } else { rounding };
    Slack { between: most, within: most, rounding }
}

fn no_movie(top: &[Atom]) -> Error {
    if top.iter().any(|atom| atom.kind == *b"mdat") {
        Error::damaged("the movie box is missing: the file was cut, or never finished")
    } else {
        Error::damaged("the file ends inside its header")
    }
}

/// The first audio track, or the reason why it is not read. Another one is what somebody else hears: it
/// stands in for a damaged first one, which is told, not for one that others can decode.
fn find_track(bytes: &mut Bytes, moov: &Atom, losses: &mut Losses) -> Result<Track> {
    let mut refusal = None;
    for trak in moov.children(bytes)?.into_iter().filter(|atom| atom.kind == *b"trak") {
        let Some(mdia) = trak.child(bytes, b"mdia")? else { continue };
        let Some(hdlr) = mdia.child(bytes, b"hdlr")? else { continue };
        if hdlr.read(bytes)?.get(8..12) != Some(b"soun") {
            continue;
        }
        match read_track(bytes, trak, &mdia) {
            Ok(track) => return stand_in(track, refusal, losses),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    Err(refusal.unwrap_or_else(no_audio))
}

fn read_track(bytes: &mut Bytes, trak: Atom, mdia: &Atom) -> Result<Track> {
    let missing = |what: &str| Error::damaged(format!("no {what} box"));
    let mdhd = mdia.child(bytes, b"mdhd")?.ok_or_else(|| missing("mdhd"))?.read(bytes)?;
    let stsd = mdia.descend(bytes, &[b"minf", b"stbl", b"stsd"])?.ok_or_else(|| missing("stsd"))?;
    let entry = sample_entry::read(bytes, &stsd)?;
    let tkhd = match trak.child(bytes, b"tkhd")? {
        Some(tkhd) => tkhd.read(bytes)?,
        None => Vec::new(),
    };
    let id_at = if tkhd.first() == Some(&1) { 20 } else { 12 };
    let id = be_u32(&tkhd, id_at).unwrap_or(0);
    Ok(Track { trak, id, timescale: edits::timescale(&mdhd), entry })
}

fn read_packets(bytes: &mut Bytes, track: &Track, clock: &mut Clock) -> Result<Entries> {
    match track.trak.descend(bytes, &[b"mdia", b"minf", b"stbl"])? {
        Some(stbl) => samples::read(bytes, &stbl, clock, &track.entry.durations),
        None => Ok(Entries::default()),
    }
}

/// Sets delay and length of the track's stream; returns when nothing sounds any more.
fn set_extent(
    bytes: &mut Bytes,
    moov: &Atom,
    track: &mut Track,
    entries: &Entries,
    losses: &mut Losses,
) -> Result<Option<u64>> {
    let edits = edits::read(bytes, &track.trak)?;
    let gapless = edits::read_gapless(bytes, moov)?;
    let sample_rate = track.entry.stream.parameters.sample_rate.unwrap_or(0);
    let media = Clock::new(track.timescale, sample_rate);
    let movie = Clock::new(edits::movie_timescale(bytes, moov)?, sample_rate);
    let (edit, is_one) = edits::joined(&edits, &media, &movie);
    if !is_one {
        losses.add(0, "several edits, which are not followed: what they leave out is there");
    }
    let (delay, stop) = extent(edit, gapless, entries.end(), (&media, &movie));
    track.entry.stream.delay = delay;
    track.entry.stream.n_samples = Some(stop.saturating_sub(delay)).filter(|&n| n > 0);
    Ok(Some(stop).filter(|&stop| stop > 0))
}

/// Delay and end in samples. The edit list is the standard's way to say it, but its length is counted
/// in ticks of the movie, which may be milliseconds: the sum of the packets' durations, the last of
/// which writers shorten, and iTunes' note are exact.
fn extent(
    edit: Option<Edit>,
    gapless: Option<Gapless>,
    total: u64,
    (media, movie): (&Clock, &Clock),
) -> (u64, u64) {
    let noted = gapless
        .filter(|note| note.delay.checked_add(note.n_samples).is_some_and(|stop| stop <= total));
    let start = edit.map_or(0, |edit| media.samples(edit.start));
    if let Some(note) = noted
        && (start == 0 || start == note.delay)
    {
        return (note.delay, note.delay + note.n_samples);
    }
    let length = edit.map_or(0, |edit| movie.samples(edit.length));
    let stop = start.saturating_add(length);
    let tick = movie.samples(1).max(1);
    if length == 0 || stop.saturating_add(tick) >= total {
        return (start, total);
    }
    (start, stop)
}

/// Compares what is there with the duration that the movie states for all its fragments: that of its
/// longest track.
fn note_missing_fragments(
    bytes: &mut Bytes,
    moov: &Atom,
    sample_rate: u32,
    entries: &Entries,
    losses: &mut Losses,
) -> Result<()> {
    let Some(promised) = fragments::promised(bytes, moov)? else { return Ok(()) };
    let movie = Clock::new(edits::movie_timescale(bytes, moov)?, sample_rate);
    let n_tracks = moov.children(bytes)?.iter().filter(|atom| atom.kind == *b"trak").count();
    // Half a fragment of a film, or rounding.
    let slack = if n_tracks > 1 { 5 * u64::from(sample_rate) } else { u64::from(sample_rate / 10) };
    let n_lost = movie.samples(promised).saturating_sub(entries.end());
    if n_lost > slack {
        losses.add(n_lost, "fragments are missing");
    }
    Ok(())
}

/// Notes the packets that lie behind the end of the file.
fn note_cut(entries: &mut Entries, bytes: &Bytes, stop: Option<u64>, losses: &mut Losses) {
    let total = entries.end();
    if entries.cut_at(bytes.len()).is_some() {
        let sounding = stop.map_or(total, |stop| stop.min(total));
        let n_lost = sounding.saturating_sub(entries.end());
        losses.add(n_lost, "the file ends before its last packet");
    }
}
