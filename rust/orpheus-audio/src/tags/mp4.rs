//! MP4: the items of `moov/udta/meta/ilst`, and the length in `mvhd` (ISO/IEC 14496-12).

use super::parse;
use super::part::{Findings, Kind, MAX_ITEM_BYTES, Part};
use super::peek::Peek;
use super::text;
use crate::error::Result;

const MAX_ATOMS: usize = 16_384;
/// Type of a `data` atom that holds UTF-8; 0 leaves it to the item.
const UTF8: u32 = 1;
const DATA_HEADER_BYTES: usize = 16;

/// One atom: its name and where its content is.
#[derive(Debug, Clone, Copy)]
struct Atom {
    name: [u8; 4],
    start: u64,
    end: u64,
}

/// Atoms that follow each other from a place up to an end.
struct Atoms {
    position: u64,
    end: u64,
    n_left: usize,
}

impl Atoms {
    fn between(position: u64, end: u64) -> Self {
        Self { position, end, n_left: MAX_ATOMS }
    }

    fn next(&mut self, peek: &mut Peek) -> Result<Option<Atom>> {
        if self.position >= self.end || self.n_left == 0 {
            return Ok(None);
        }
        self.n_left -= 1;
        let Some(header) = peek.array::<8>(self.position)? else { return Ok(None) };
        let stated = u64::from(u32::from_be_bytes([header[0], header[1], header[2], header[3]]));
        let (n_header, n_bytes) = match stated {
            0 => (8, self.end - self.position),
            1 => match peek.array::<8>(self.position + 8)? {
                Some(large) => (16, u64::from_be_bytes(large)),
                None => return Ok(None),
            },
            n => (8, n),
        };
        if n_bytes < n_header {
            return Ok(None);
        }
        let start = self.position + n_header;
        // An atom that claims more than its parent ends with that.
        self.position = self.position.saturating_add(n_bytes).min(self.end);
        let name = [header[4], header[5], header[6], header[7]];
        Ok(Some(Atom { name, start, end: self.position.max(start) }))
    }
}

/// Reads length and items.
pub(super) fn read(peek: &mut Peek, findings: &mut Findings) -> Result<()> {
    let mut top = Atoms::between(0, peek.len());
    while let Some(atom) = top.next(peek)? {
        if &atom.name == b"moov" {
            return read_movie(peek, atom, findings);
        }
    }
    Ok(())
}

fn read_movie(peek: &mut Peek, movie: Atom, findings: &mut Findings) -> Result<()> {
    let mut children = Atoms::between(movie.start, movie.end);
    while let Some(atom) = children.next(peek)? {
        match &atom.name {
            b"mvhd" => findings.stated_seconds = movie_seconds(peek, atom.start)?,
            b"meta" => read_meta(peek, atom, findings)?,
            b"udta" => {
                let mut inner = Atoms::between(atom.start, atom.end);
                while let Some(meta) = inner.next(peek)? {
                    if &meta.name == b"meta" {
                        read_meta(peek, meta, findings)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// `mvhd` (§8.2.2): time scale and duration, in 32 or 64 bits by version.
fn movie_seconds(peek: &mut Peek, start: u64) -> Result<Option<f64>> {
    let Some(bytes) = peek.array::<32>(start)? else { return Ok(None) };
    let word =
        |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let (scale, duration) = match bytes[0] {
        0 if word(16) == u32::MAX => return Ok(None),
        0 => (word(12), u64::from(word(16))),
        1 => (word(20), u64::from(word(24)) << 32 | u64::from(word(28))),
        _ => return Ok(None),
    };
    let known = scale > 0 && duration > 0 && duration != u64::MAX;
    Ok(known.then(|| duration as f64 / f64::from(scale)))
}

fn read_meta(peek: &mut Peek, meta: Atom, findings: &mut Findings) -> Result<()> {
    // QuickTime's `meta` has no version and flags: then an atom stands there already.
    let plain = peek.array::<8>(meta.start)?.is_some_and(|head| &head[4..] == b"hdlr");
    let start = if plain { meta.start } else { meta.start + 4 };
    let mut children = Atoms::between(start, meta.end);
    while let Some(atom) = children.next(peek)? {
        if &atom.name == b"ilst" {
            let outcome = read_items(peek, atom, findings);
            findings.spare(Kind::Ilst, outcome)?;
        }
    }
    Ok(())
}

fn read_items(peek: &mut Peek, list: Atom, findings: &mut Findings) -> Result<()> {
    let mut part = Part::new(Kind::Ilst);
    let mut items = Atoms::between(list.start, list.end);
    let mut fits = true;
    while let Some(item) = items.next(peek)? {
        let n_bytes = item.end - item.start;
        if n_bytes > MAX_ITEM_BYTES as u64 || !may_be_wanted(item.name) {
            continue;
        }
        let content = peek.bytes(item.start, n_bytes as usize)?;
        if (content.len() as u64) < n_bytes {
            findings.note(Kind::Ilst, "an item is cut off");
        } else if let Some(item) = rebuilt(item.name, &content) {
            fits &= part.add(item);
        }
    }
    if !fits {
        findings.note(Kind::Ilst, "the tag holds too much; the rest of it was left out");
    }
    findings.keep(part);
    Ok(())
}

fn may_be_wanted(name: [u8; 4]) -> bool {
    let key: String = name.iter().map(|&byte| char::from(byte)).collect();
    matches!(&name, b"----" | b"gnre") || parse::is_wanted(Kind::Ilst, &key)
}

/// The item with its texts as UTF-8, or `None` if nobody asked for it.
fn rebuilt(name: [u8; 4], content: &[u8]) -> Option<Vec<u8>> {
    let mut rebuilt = Vec::with_capacity(content.len());
    let (mut mean, mut key) = (String::new(), String::new());
    let is_text = !matches!(&name, b"trkn" | b"disk" | b"gnre");
    let mut rest = content;
    while let Some((child, inner, behind)) = split_atom(rest) {
        rest = behind;
        match &child {
            b"mean" | b"name" => {
                let value = text::utf8_or_latin1(inner.get(4..).unwrap_or(&[]));
                *(if &child == b"mean" { &mut mean } else { &mut key }) = value;
                atom_into(child, inner, &mut rebuilt);
            }
            b"data" if is_text => atom_into(child, &utf8_data(inner), &mut rebuilt),
            b"data" => atom_into(child, inner, &mut rebuilt),
            _ => {}
        }
    }
    if &name == b"----" && !parse::is_wanted(Kind::Ilst, &format!("----:{mean}:{key}")) {
        return None;
    }
    let mut item = Vec::with_capacity(rebuilt.len() + 8);
    atom_into(name, &rebuilt, &mut item);
    Some(item)
}

/// Splits the first atom off: its name, its content and what stands behind it.
fn split_atom(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let header = bytes.first_chunk::<8>()?;
    let n_bytes = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
    let (atom, rest) = bytes.split_at_checked(n_bytes)?;
    Some(([header[4], header[5], header[6], header[7]], atom.get(8..)?, rest))
}

/// The content of a `data` atom with its text as UTF-8. Some writers leave the type at 0.
fn utf8_data(content: &[u8]) -> Vec<u8> {
    let Some((header, value)) = content.split_at_checked(DATA_HEADER_BYTES - 8) else {
        return content.to_vec();
    };
    let kind = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
    if kind > UTF8 {
        return content.to_vec();
    }
    let mut data = UTF8.to_be_bytes().to_vec();
    data.extend([0; 4]);
    data.extend(text::utf8_or_latin1(value).into_bytes());
    data
}

/// Appends an atom. All of ours are far below 2^32 bytes.
pub(super) fn atom_into(name: [u8; 4], content: &[u8], out: &mut Vec<u8>) {
    out.extend((content.len() as u32 + 8).to_be_bytes());
    out.extend(name);
    out.extend(content);
}
