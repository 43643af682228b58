//! Matroska and `WebM`: `Tags`, and title and length in `Info` (RFC 8794, RFC 9559 §5.1.8).

use super::flac::comment;
use super::part::{Findings, Kind, MAX_ITEM_BYTES, Part};
use super::peek::Peek;
use crate::error::Result;

const SEGMENT: u64 = 0x1853_8067;
const INFO: u64 = 0x1549_a966;
const TITLE: u64 = 0x7ba9;
const TIMESTAMP_SCALE: u64 = 0x2a_d7b1;
const DURATION: u64 = 0x4489;
const TAGS: u64 = 0x1254_c367;
const TAG: u64 = 0x7373;
const TARGETS: u64 = 0x63c0;
const TARGET_TYPE_VALUE: u64 = 0x68ca;
const SIMPLE_TAG: u64 = 0x67c8;
const TAG_NAME: u64 = 0x45a3;
const TAG_STRING: u64 = 0x4487;
/// `TargetTypeValue` of an album; a track has 30.
const ALBUM: u64 = 50;
const MAX_ELEMENTS: usize = 65_536;
const NANOSECONDS: f64 = 1e9;

#[derive(Clone, Copy)]
struct Element {
    id: u64,
    start: u64,
    end: u64,
}

/// Elements that follow each other from a place up to an end.
struct Elements {
    position: u64,
    end: u64,
}

/// How many elements may still be looked at: of all levels together.
struct Scan<'a> {
    peek: &'a mut Peek,
    n_left: usize,
}

impl Scan<'_> {
    fn next(&mut self, elements: &mut Elements) -> Result<Option<Element>> {
        if elements.position >= elements.end || self.n_left == 0 {
            return Ok(None);
        }
        self.n_left -= 1;
        let Some((id, n_id)) = self.number(elements.position, true)? else { return Ok(None) };
        let size_at = elements.position + n_id;
        let Some((size, n_size)) = self.number(size_at, false)? else { return Ok(None) };
        let start = size_at + n_size;
        // All ones: the size is not known, as in a live stream; it ends with its parent.
        let unknown = size == (1 << (7 * n_size)) - 1;
        let end = if unknown { elements.end } else { start.saturating_add(size).min(elements.end) };
        elements.position = end.max(start);
        Ok(Some(Element { id, start, end: elements.position }))
    }

    /// A variable-length number (RFC 8794 §4) and how many bytes it takes; an id keeps its marker.
    fn number(&mut self, at: u64, keep_marker: bool) -> Result<Option<(u64, u64)>> {
        let Some([first]) = self.peek.array::<1>(at)? else { return Ok(None) };
        let n_bytes = first.leading_zeros() as usize + 1;
        if n_bytes > 8 {
            return Ok(None);
        }
        let bytes = self.peek.bytes(at, n_bytes)?;
        if bytes.len() < n_bytes {
            return Ok(None);
        }
        let value = bytes.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
        let marker = 1_u64 << (7 * n_bytes);
        Ok(Some((if keep_marker { value } else { value & (marker - 1) }, n_bytes as u64)))
    }

    fn content(&mut self, element: Element) -> Result<Vec<u8>> {
        let n_bytes = (element.end - element.start).min(MAX_ITEM_BYTES as u64);
        self.peek.bytes(element.start, n_bytes as usize)
    }
}

/// Reads tags and length.
pub(super) fn read(peek: &mut Peek, start: u64, findings: &mut Findings) -> Result<()> {
    let end = peek.len();
    let mut scan = Scan { peek, n_left: MAX_ELEMENTS };
    let mut top = Elements { position: start, end };
    let mut part = Part::new(Kind::Matroska);
    while let Some(segment) = scan.next(&mut top)? {
        if segment.id != SEGMENT {
            continue;
        }
        let mut children = Elements { position: segment.start, end: segment.end };
        while let Some(element) = scan.next(&mut children)? {
            match element.id {
                INFO => read_info(&mut scan, element, &mut part, findings)?,
                TAGS => read_tags(&mut scan, element, &mut part)?,
                _ => {}
            }
        }
        break;
    }
    findings.keep(part);
    Ok(())
}

fn read_info(
    scan: &mut Scan<'_>,
    info: Element,
    part: &mut Part,
    findings: &mut Findings,
) -> Result<()> {
    let mut children = Elements { position: info.start, end: info.end };
    let (mut scale, mut duration) = (1_000_000.0, 0.0);
    while let Some(element) = scan.next(&mut children)? {
        if !matches!(element.id, TITLE | TIMESTAMP_SCALE | DURATION) {
            continue;
        }
        let content = scan.content(element)?;
        match element.id {
            TITLE => {
                let _fits = part.add(comment("TITLE", &content));
            }
            TIMESTAMP_SCALE => scale = unsigned(&content) as f64,
            _ => duration = float(&content),
        }
    }
    let seconds = duration * scale / NANOSECONDS;
    findings.stated_seconds = (seconds > 0.0 && seconds.is_finite()).then_some(seconds);
    Ok(())
}

fn read_tags(scan: &mut Scan<'_>, tags: Element, part: &mut Part) -> Result<()> {
    let mut list = Elements { position: tags.start, end: tags.end };
    while let Some(tag) = scan.next(&mut list)? {
        if tag.id != TAG {
            continue;
        }
        let (mut level, mut pairs) = (0, Vec::new());
        let mut children = Elements { position: tag.start, end: tag.end };
        while let Some(element) = scan.next(&mut children)? {
            match element.id {
                TARGETS => level = target_level(scan, element)?,
                SIMPLE_TAG => pairs.push(simple_tag(scan, element)?),
                _ => {}
            }
        }
        for (name, value) in pairs {
            if let Some(key) = key_of(&name, level)
                && !part.add(comment(key, &value))
            {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn target_level(scan: &mut Scan<'_>, targets: Element) -> Result<u64> {
    let mut children = Elements { position: targets.start, end: targets.end };
    while let Some(element) = scan.next(&mut children)? {
        if element.id == TARGET_TYPE_VALUE {
            let content = scan.content(element)?;
            return Ok(unsigned(&content));
        }
    }
    Ok(0)
}

fn simple_tag(scan: &mut Scan<'_>, tag: Element) -> Result<(Vec<u8>, Vec<u8>)> {
    let (mut name, mut value) = (Vec::new(), Vec::new());
    let mut children = Elements { position: tag.start, end: tag.end };
    while let Some(element) = scan.next(&mut children)? {
        match element.id {
            TAG_NAME => name = scan.content(element)?,
            TAG_STRING => value = scan.content(element)?,
            _ => {}
        }
    }
    Ok((name, value))
}

/// Matroska's names (matroska.org, "Matroska Tagging") and those that ffmpeg writes, as Vorbis
/// comments call them. Without a level a tag speaks of the track.
fn key_of(name: &[u8], level: u64) -> Option<&'static str> {
    let of_album = level == ALBUM;
    Some(match name.to_ascii_uppercase().as_slice() {
        b"TITLE" if of_album => "ALBUM",
        b"TITLE" => "TITLE",
        b"ARTIST" if of_album => "ALBUMARTIST",
        b"ARTIST" => "ARTIST",
        b"ALBUM" => "ALBUM",
        b"ALBUM_ARTIST" | b"ALBUMARTIST" => "ALBUMARTIST",
        b"GENRE" => "GENRE",
        b"DATE_RECORDED" | b"DATE" | b"DATE_RELEASED" | b"YEAR" => "DATE",
        b"PART_NUMBER" if !of_album => "TRACKNUMBER",
        b"TRACK" | b"TRACKNUMBER" => "TRACKNUMBER",
        b"TOTAL_PARTS" if of_album => "TRACKTOTAL",
        b"DISC" | b"DISCNUMBER" => "DISCNUMBER",
        b"REPLAYGAIN_GAIN" | b"REPLAYGAIN_TRACK_GAIN" if !of_album => "REPLAYGAIN_TRACK_GAIN",
        b"REPLAYGAIN_PEAK" | b"REPLAYGAIN_TRACK_PEAK" if !of_album => "REPLAYGAIN_TRACK_PEAK",
        b"REPLAYGAIN_GAIN" | b"REPLAYGAIN_ALBUM_GAIN" => "REPLAYGAIN_ALBUM_GAIN",
        b"REPLAYGAIN_PEAK" | b"REPLAYGAIN_ALBUM_PEAK" => "REPLAYGAIN_ALBUM_PEAK",
        b"MUSICBRAINZ_TRACKID" => "MUSICBRAINZ_TRACKID",
        b"MUSICBRAINZ_ALBUMID" => "MUSICBRAINZ_ALBUMID",
        b"MUSICBRAINZ_RELEASETRACKID" => "MUSICBRAINZ_RELEASETRACKID",
        b"MUSICBRAINZ_RELEASEGROUPID" => "MUSICBRAINZ_RELEASEGROUPID",
        b"MUSICBRAINZ_ARTISTID" => "MUSICBRAINZ_ARTISTID",
        b"MUSICBRAINZ_ALBUMARTISTID" => "MUSICBRAINZ_ALBUMARTISTID",
        _ => return None,
    })
}

fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn float(bytes: &[u8]) -> f64 {
    match bytes.len() {
        4 => bytes.try_into().map_or(0.0, |bytes| f64::from(f32::from_be_bytes(bytes))),
        8 => bytes.try_into().map_or(0.0, f64::from_be_bytes),
        _ => 0.0,
    }
}
