//! `ID3v2`: frames are found one by one; those that are wanted are written anew as `ID3v2.4` in UTF-8.

use super::fields::Field;
use super::parse;
use super::part::{Findings, Kind, MAX_ITEM_BYTES, Part};
use super::peek::Peek;
use super::text;
use crate::error::Result;
use crate::sniff::syncsafe;

/// More tags in a row than any tagger writes.
const MAX_TAGS: usize = 16;
const MAX_FRAMES: usize = 4096;
const HEADER_BYTES: u64 = 10;

/// Reads the tags that follow each other from `start` on; returns where they end.
pub(super) fn read_front(peek: &mut Peek, start: u64, findings: &mut Findings) -> Result<u64> {
    let mut next = start;
    for _ in 0..MAX_TAGS {
        let Some(header) = Header::at(peek, next)? else { break };
        let outcome = read(peek, next, findings);
        findings.spare(Kind::Id3v2, outcome)?;
        next = header.end;
    }
    Ok(next)
}

/// Reads one tag at `start`, if there is one.
pub(super) fn read(peek: &mut Peek, start: u64, findings: &mut Findings) -> Result<()> {
    let Some(header) = Header::at(peek, start)? else { return Ok(()) };
    if header.end > peek.len() {
        findings.note(Kind::Id3v2, "the tag claims more bytes than the file has");
    }
    let mut part = Part::new(Kind::Id3v2);
    let mut body = Body::new(&header);
    body.skip_extended_header(peek)?;
    let mut frames = Frames::default();
    for _ in 0..MAX_FRAMES {
        match body.next_frame(peek)? {
            Next::Frame(frame) => frames.add(frame),
            Next::Unreadable(what) => findings.note(Kind::Id3v2, &what),
            Next::Skipped => {}
            Next::End => break,
        }
    }
    if !frames.into_part(&mut part) {
        findings.note(Kind::Id3v2, "the tag holds too much; the rest of it was left out");
    }
    findings.keep(part);
    Ok(())
}

/// Where a tag begins and ends, and how it is written (`ID3v2.4` structure §3.1).
struct Header {
    version: u8,
    flags: u8,
    start: u64,
    end: u64,
    body_end: u64,
}

impl Header {
    fn at(peek: &mut Peek, start: u64) -> Result<Option<Self>> {
        let Some(bytes) = peek.array::<10>(start)? else { return Ok(None) };
        let version = bytes[3];
        if &bytes[..3] != b"ID3" || !(2..=4).contains(&version) {
            return Ok(None);
        }
        let Some(size) = syncsafe(&bytes[6..10]) else { return Ok(None) };
        let flags = bytes[5];
        let footer = if version == 4 && flags & 0x10 != 0 { HEADER_BYTES } else { 0 };
        let body_end = start + HEADER_BYTES + u64::from(size);
        Ok(Some(Self { version, flags, start, end: body_end + footer, body_end }))
    }
}

/// The bytes of a tag behind its header, with unsynchronisation of the whole tag undone.
struct Body {
    version: u8,
    has_extended_header: bool,
    /// The whole, or in `ID3v2.4` every frame by itself.
    unsynchronised: bool,
    position: u64,
    end: u64,
    after_ff: bool,
}

enum Next {
    Frame(Frame),
    Skipped,
    Unreadable(String),
    End,
}

struct Frame {
    /// As `ID3v2.4` calls it.
    id: &'static str,
    bytes: Vec<u8>,
}

impl Body {
    fn new(header: &Header) -> Self {
        // In ID3v2.2 the flag stands for a compression that was never defined: such a tag has no frames.
        let unknown = header.version == 2 && header.flags & 0x40 != 0;
        let position = header.start + HEADER_BYTES;
        Self {
            version: header.version,
            has_extended_header: header.version > 2 && header.flags & 0x40 != 0,
            unsynchronised: header.flags & 0x80 != 0,
            position,
            end: if unknown { position } else { header.body_end },
            after_ff: false,
        }
    }

    /// Whether zeros were put into the tag that its sizes do not count.
    fn is_stuffed(&self) -> bool {
        self.unsynchronised && self.version < 4
    }

    fn skip_extended_header(&mut self, peek: &mut Peek) -> Result<()> {
        if !self.has_extended_header {
            return Ok(());
        }
        let mut size = [0; 4];
        self.read(peek, &mut size)?;
        // ID3v2.3 counts what follows the size, ID3v2.4 the size too.
        let n_bytes = match self.version {
            3 => u64::from(u32::from_be_bytes(size)),
            _ => u64::from(syncsafe(&size).unwrap_or(4).max(4) - 4),
        };
        self.skip(peek, n_bytes)
    }

    fn next_frame(&mut self, peek: &mut Peek) -> Result<Next> {
        let mut header = [0; 10];
        let header = if self.version == 2 { &mut header[..6] } else { &mut header[..] };
        if self.read(peek, header)? < header.len() || header[0] == 0 {
            return Ok(Next::End);
        }
        let id_bytes = if self.version == 2 { &header[..3] } else { &header[..4] };
        if !id_bytes.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
            return Ok(Next::Unreadable(
                "what should be a frame is none; the rest was left out".into(),
            ))
            .inspect(|_| self.position = self.end);
        }
        let size = match self.version {
            2 => u64::from(u32::from_be_bytes([0, header[3], header[4], header[5]])),
            3 => u64::from(u32::from_be_bytes([header[4], header[5], header[6], header[7]])),
            _ => self.size_of_frame(peek, &header[4..8])?,
        };
        let flags = if self.version == 2 { 0 } else { header[9] };
        let id = String::from_utf8_lossy(id_bytes).into_owned();
        let Some(wanted) = parse::id3v2_frame(&id, self.version) else {
            self.skip(peek, size)?;
            return Ok(Next::Skipped);
        };
        if size > MAX_ITEM_BYTES as u64 {
            self.skip(peek, size)?;
            return Ok(Next::Unreadable(format!("frame {id} states {size} bytes; left out")));
        }
        let mut bytes = vec![0; size as usize];
        let n = self.read(peek, &mut bytes)?;
        bytes.truncate(n);
        Ok(match self.content(flags, &bytes) {
            Some(bytes) => Next::Frame(Frame { id: wanted, bytes }),
            None => Next::Unreadable(format!("frame {id} is compressed or encrypted; left out")),
        })
    }

    /// Sizes of `ID3v2.4` have 7 bits per byte, but some programs wrote 8: which, shows in where the
    /// next frame is.
    fn size_of_frame(&self, peek: &mut Peek, bytes: &[u8]) -> Result<u64> {
        let plain = u64::from(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        let Some(safe) = syncsafe(bytes).map(u64::from) else { return Ok(plain) };
        if safe == plain || self.frame_at(peek, self.position + safe)? {
            return Ok(safe);
        }
        Ok(if self.frame_at(peek, self.position + plain)? { plain } else { safe })
    }

    fn frame_at(&self, peek: &mut Peek, offset: u64) -> Result<bool> {
        if offset >= self.end {
            return Ok(offset == self.end);
        }
        let id = peek.array::<4>(offset)?.unwrap_or_default();
        let is_id = id.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        Ok(is_id || id[0] == 0)
    }

    /// What a frame holds, without what its flags add (`ID3v2.3` §3.3.1, `ID3v2.4` structure §4.1).
    fn content(&self, flags: u8, bytes: &[u8]) -> Option<Vec<u8>> {
        let (unreadable, grouped) = match self.version {
            3 => (flags & 0xc0 != 0, flags & 0x20 != 0),
            _ => (flags & 0x0c != 0, flags & 0x40 != 0),
        };
        if unreadable {
            return None;
        }
        let has_length = self.version == 4 && flags & 0x01 != 0;
        let n_extra = usize::from(grouped) + if has_length { 4 } else { 0 };
        let bytes = bytes.get(n_extra..)?;
        let unsynchronised = self.version == 4 && (flags & 0x02 != 0 || self.unsynchronised);
        Some(if unsynchronised { synchronised(bytes) } else { bytes.to_vec() })
    }

    /// Reads within the tag; fewer bytes at its end or that of the file.
    fn read(&mut self, peek: &mut Peek, out: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < out.len() {
            let want = (out.len() - filled) as u64;
            let n = want.min(self.end.saturating_sub(self.position)) as usize;
            let got = peek.read_at(self.position, &mut out[filled..filled + n])?;
            if got == 0 {
                break;
            }
            self.position += got as u64;
            let kept = if self.is_stuffed() {
                unstuff(&mut out[filled..filled + got], &mut self.after_ff)
            } else {
                got
            };
            filled += kept;
        }
        Ok(filled)
    }

    fn skip(&mut self, peek: &mut Peek, n_bytes: u64) -> Result<()> {
        if !self.is_stuffed() {
            self.position = self.position.saturating_add(n_bytes).min(self.end);
            return Ok(());
        }
        let mut left = n_bytes;
        let mut waste = [0; 4096];
        while left > 0 {
            let want = waste.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let n = self.read(peek, &mut waste[..want])?;
            if n == 0 {
                break;
            }
            left -= n as u64;
        }
        Ok(())
    }
}

/// Removes the zeros that were put behind 0xFF (`ID3v2.4` structure §6.1); returns what is left.
fn unstuff(bytes: &mut [u8], after_ff: &mut bool) -> usize {
    let mut kept = 0;
    for at in 0..bytes.len() {
        let byte = bytes[at];
        if !(*after_ff && byte == 0) {
            bytes[kept] = byte;
            kept += 1;
        }
        *after_ff = byte == 0xff;
    }
    kept
}

fn synchronised(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let kept = unstuff(&mut bytes, &mut false);
    bytes.truncate(kept);
    bytes
}

/// Frames as text. A frame that should be there once, but is there several times, has several values.
#[derive(Default)]
struct Frames {
    texts: Vec<(&'static str, String)>,
    user_texts: Vec<(String, String)>,
    identifiers: Vec<Vec<u8>>,
}

impl Frames {
    fn add(&mut self, frame: Frame) {
        if frame.id == "UFID" {
            self.identifiers.push(frame.bytes);
            return;
        }
        let Some((&first, rest)) = frame.bytes.split_first() else { return };
        // Anything but the four encodings is the first letter of a text without one.
        let (encoding, bytes) = if first < 4 { (first, rest) } else { (0, &frame.bytes[..]) };
        if frame.id == "TXXX" {
            let (description, value) = text::id3_split(encoding, bytes);
            let description = text::id3(encoding, description);
            append(&mut self.user_texts, description, &text::id3(encoding, value));
        } else {
            append(&mut self.texts, frame.id, &text::id3(encoding, bytes));
        }
    }

    /// Fills `part`; `false` if not everything fitted.
    fn into_part(self, part: &mut Part) -> bool {
        let mut fits = true;
        for (id, value) in self.texts {
            fits &= match id {
                "TDRC" => part.add_text(Field::Date, value),
                "TDRL" => part.add_text(Field::ReleaseDate, value),
                // lofty resolves numbers in it, but not always several at once.
                "TCON" => part.add_text(Field::Genre, value),
                _ => part.add(frame(id, &[b"\x03", value.as_bytes()].concat())),
            };
        }
        for (description, value) in self.user_texts {
            fits &= match parse::user_text(&description) {
                Some(field) => part.add_text(field, value),
                None if !parse::is_wanted(Kind::Id3v2, &description) => true,
                None => {
                    let bytes = [b"\x03", description.as_bytes(), b"\0", value.as_bytes()].concat();
                    part.add(frame("TXXX", &bytes))
                }
            };
        }
        for bytes in self.identifiers {
            fits &= part.add(frame("UFID", &bytes));
        }
        fits
    }
}

fn append<K: PartialEq>(texts: &mut Vec<(K, String)>, key: K, value: &str) {
    let value = value.trim_end_matches('\0');
    match texts.iter_mut().find(|(known, _)| *known == key) {
        Some((_, text)) => {
            text.push('\0');
            text.push_str(value);
        }
        None => texts.push((key, value.to_owned())),
    }
}

/// A frame as `ID3v2.4` writes it.
fn frame(id: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = id.as_bytes().to_vec();
    bytes.extend(to_syncsafe(content.len()));
    bytes.extend([0, 0]);
    bytes.extend(content);
    bytes
}

/// The four bytes of a size below 2^28, which all of ours are.
pub(super) fn to_syncsafe(size: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (size >> shift) as u8 & 0x7f)
}
