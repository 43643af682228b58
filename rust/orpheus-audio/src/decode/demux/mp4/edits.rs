//! Which part of a track sounds: its edit list (ISO/IEC 14496-12 §8.6.6) or iTunes' note.

use super::super::bytes::{Bytes, be_u16, be_u32, be_u64};
use super::Clock;
use super::boxes::Atom;
use crate::error::Result;

/// The stretch of the media that is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// Where it begins, in ticks of the media.
    pub(super) start: u64,
    /// How long it is, in ticks of the movie; 0: to the end.
    pub(super) length: u64,
}

/// Reads the edit list of a track: the stretches that sound, in order. Pauses do not sound.
pub(super) fn read(bytes: &mut Bytes, trak: &Atom) -> Result<Vec<Edit>> {
    let Some(elst) = trak.descend(bytes, &[b"edts", b"elst"])? else { return Ok(Vec::new()) };
    Ok(parse(&elst.read(bytes)?))
}

fn parse(elst: &[u8]) -> Vec<Edit> {
    const MOST_EDITS: usize = 1024;
    let is_long = elst.first() == Some(&1);
    let n_edits = be_u32(elst, 4).unwrap_or(0) as usize;
    let edits = (0..n_edits.min(MOST_EDITS)).filter_map(|n| {
        if is_long {
            let at = 8 + n * 20;
            Some((be_u64(elst, at)?, be_u64(elst, at + 8)? as i64))
        } else {
            let at = 8 + n * 12;
            Some((u64::from(be_u32(elst, at)?), i64::from(be_u32(elst, at + 4)? as i32)))
        }
    });
    // −1 is an empty edit.
    let sounding = edits.filter(|&(_, start)| start >= 0);
    sounding.map(|(length, start)| Edit { start: start as u64, length }).collect()
}

/// All stretches as one, and whether they are one: each begins where the one before it ends. If they
/// are not, the first one's beginning counts and, as they may be anywhere, nothing is cut off at the end.
pub(super) fn joined(edits: &[Edit], media: &Clock, movie: &Clock) -> (Option<Edit>, bool) {
    let [first, rest @ ..] = edits else { return (None, true) };
    let tolerance = media.samples(1).max(movie.samples(1)).max(1);
    let mut length = first.length;
    for edit in rest {
        let end = media.samples(first.start).saturating_add(movie.samples(length));
        if length == 0 || media.samples(edit.start).abs_diff(end) > tolerance {
            return (Some(Edit { start: first.start, length: 0 }), false);
        }
        length = if edit.length == 0 { 0 } else { length.saturating_add(edit.length) };
    }
    (Some(Edit { start: first.start, length }), true)
}

/// What `iTunSMPB` says, in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gapless {
    pub(super) delay: u64,
    pub(super) n_samples: u64,
}

/// Finds iTunes' note among the tags.
pub(super) fn read_gapless(bytes: &mut Bytes, moov: &Atom) -> Result<Option<Gapless>> {
    let Some(meta) = moov.descend(bytes, &[b"udta", b"meta"])? else { return Ok(None) };
    // `meta` has four bytes of version and flags in front of its boxes, but not in QuickTime files.
    let mut inner = meta;
    inner.body = inner.body.saturating_add(4).min(inner.end);
    let ilst = match inner.child(bytes, b"ilst")? {
        Some(ilst) => Some(ilst),
        None => meta.child(bytes, b"ilst")?,
    };
    let Some(ilst) = ilst else { return Ok(None) };
    for tag in ilst.children(bytes)? {
        if tag.kind == *b"----" && tag.end - tag.body < 4096 {
            let body = tag.read(bytes)?;
            if let Some(gapless) = parse_gapless(&body) {
                return Ok(Some(gapless));
            }
        }
    }
    Ok(None)
}

/// Hexadecimal numbers: nothing, delay, padding, samples, ...
fn parse_gapless(body: &[u8]) -> Option<Gapless> {
    const NAME: &[u8] = b"iTunSMPB";
    let name = body.windows(NAME.len()).position(|bytes| bytes == NAME)?;
    let data = body[name..].windows(4).position(|bytes| bytes == b"data")? + name;
    let text = std::str::from_utf8(body.get(data + 12..)?).ok()?;
    let text = text.trim_end_matches('\0');
    let mut fields = text.split_whitespace().map(|field| u64::from_str_radix(field, 16).ok());
    fields.next()?;
    let (delay, _padding, n_samples) = (fields.next()??, fields.next()??, fields.next()??);
    (n_samples > 0).then_some(Gapless { delay, n_samples })
}

/// The rotation and scale of times are no business of audio; only the movie's ticks per second are.
pub(super) fn movie_timescale(bytes: &mut Bytes, moov: &Atom) -> Result<u32> {
    let Some(mvhd) = moov.child(bytes, b"mvhd")? else { return Ok(0) };
    Ok(timescale(&mvhd.read(bytes)?))
}

/// Ticks per second of an `mvhd` or `mdhd` box.
pub(super) fn timescale(header: &[u8]) -> u32 {
    let at = if be_u16(header, 0).is_some_and(|version| version >> 8 == 1) { 20 } else { 12 };
    be_u32(header, at).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_passed_over_and_the_media_time_is_the_delay() {
        let mut elst = vec![0, 0, 0, 0, 0, 0, 0, 2];
        elst.extend([0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0]);
        elst.extend([0, 0, 0x0b, 0xb8, 0, 0, 4, 0, 0, 1, 0, 0]);
        assert_eq!(parse(&elst), [Edit { start: 1024, length: 3000 }]);
    }

    #[test]
    fn stretches_that_follow_each_other_are_one() {
        let (media, movie) = (Clock::new(8000, 8000), Clock::new(1000, 8000));
        let edit = |start, length| Edit { start, length };
        let joined = |edits: &[Edit]| joined(edits, &media, &movie);
        assert_eq!(joined(&[]), (None, true));
        assert_eq!(joined(&[edit(80, 500)]), (Some(edit(80, 500)), true));
        assert_eq!(joined(&[edit(80, 500), edit(4080, 250)]), (Some(edit(80, 750)), true));
        assert_eq!(joined(&[edit(80, 500), edit(4083, 0)]), (Some(edit(80, 0)), true));
        assert_eq!(joined(&[edit(80, 500), edit(5000, 250)]), (Some(edit(80, 0)), false));
        assert_eq!(joined(&[edit(80, 500), edit(80, 500)]), (Some(edit(80, 0)), false));
    }

    #[test]
    fn the_note_of_itunes_is_read() {
        let mut body = b"\0\0\0\x14name\0\0\0\0iTunSMPB\0\0\0\x99data\0\0\0\x01\0\0\0\0".to_vec();
        body.extend(b" 00000000 00000840 000001C4 00000000000204CC 00000000");
        assert_eq!(parse_gapless(&body), Some(Gapless { delay: 2112, n_samples: 132_300 }));
    }
}
