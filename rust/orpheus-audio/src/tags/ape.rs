//! What stands at the end of a file: `APEv2` and `ID3v1`, with `Lyrics3` between them.

use super::fields::Field;
use super::parse;
use super::part::{Findings, Kind, MAX_ITEM_BYTES, Part};
use super::peek::Peek;
use super::text;
use crate::error::Result;

const ID3V1_BYTES: u64 = 128;
const FOOTER_BYTES: u64 = 32;
const MAX_ITEMS: u32 = 2048;
/// Longest key that the format allows, and its terminator.
const MAX_KEY_BYTES: usize = 256;

/// Reads the tags at the end of the file.
pub(super) fn read_end(peek: &mut Peek, findings: &mut Findings) -> Result<()> {
    let mut end = peek.len();
    let mut id3v1 = Part::new(Kind::Id3v1);
    if let Some(start) = end.checked_sub(ID3V1_BYTES)
        && let Some(tag) = peek.array::<128>(start)?
        && tag.starts_with(b"TAG")
        && !tag[..11].ends_with(b"APETAGEX")
    {
        end = start;
        id3v1_into(&tag, &mut id3v1);
        end = before_lyrics3(peek, end)?;
    }
    if let Some(footer) = end.checked_sub(FOOTER_BYTES)
        && let Some(header) = Header::at(peek, footer)?
    {
        let start = (footer + FOOTER_BYTES).saturating_sub(u64::from(header.n_bytes));
        let outcome = read_items(peek, start, footer, &header, findings);
        findings.spare(Kind::Ape, outcome)?;
    }
    findings.keep(id3v1);
    Ok(())
}

/// Reads an `APEv2` tag at the front of a file, where it does not belong but is found.
pub(super) fn read_front(peek: &mut Peek, start: u64, findings: &mut Findings) -> Result<()> {
    let Some(header) = Header::at(peek, start)? else { return Ok(()) };
    let first = start + FOOTER_BYTES;
    let end = first + u64::from(header.n_bytes).saturating_sub(FOOTER_BYTES);
    read_items(peek, first, end, &header, findings)
}

/// Fields of fixed width (`ID3v1.1`); a year and a track number where they are plausible.
fn id3v1_into(tag: &[u8; 128], part: &mut Part) {
    let text = |from: usize, to: usize| {
        let field = &tag[from..to];
        text::utf8_or_latin1(field.split(|&byte| byte == 0).next().unwrap_or(&[]))
    };
    let is_blank = tag[3..93].iter().all(|&byte| byte == 0 || byte == b' ');
    let track = if tag[125] == 0 && tag[126] != 0 { tag[126].to_string() } else { String::new() };
    let fields = [
        (Field::Title, text(3, 33)),
        (Field::Artist, text(33, 63)),
        (Field::Album, text(63, 93)),
        (Field::Date, text(93, 97)),
        (Field::TrackNumber, track),
        // Taggers leave 0, which is "Blues", in a tag that says nothing else.
        (
            Field::Genre,
            if tag[127] == 0 && is_blank { String::new() } else { tag[127].to_string() },
        ),
    ];
    for (field, value) in fields {
        let _always_fits = value.trim().is_empty() || part.add_text(field, value);
    }
}

/// `Lyrics3v2`: six digits of size and `LYRICS200` in front of `ID3v1`.
fn before_lyrics3(peek: &mut Peek, end: u64) -> Result<u64> {
    let Some(start) = end.checked_sub(15) else { return Ok(end) };
    let Some(tail) = peek.array::<15>(start)? else { return Ok(end) };
    let size = std::str::from_utf8(&tail[..6]).ok().and_then(|digits| digits.parse::<u64>().ok());
    Ok(match size {
        Some(size) if &tail[6..] == b"LYRICS200" => start.saturating_sub(size),
        _ => end,
    })
}

/// Header or footer: both look the same (`APEv2` specification, "APE Tags Header").
struct Header {
    version: u32,
    /// Items and footer.
    n_bytes: u32,
    n_items: u32,
}

impl Header {
    fn at(peek: &mut Peek, start: u64) -> Result<Option<Self>> {
        let Some(bytes) = peek.array::<32>(start)? else { return Ok(None) };
        if &bytes[..8] != b"APETAGEX" {
            return Ok(None);
        }
        let number = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Ok(Some(Self { version: number(8), n_bytes: number(12), n_items: number(16) }))
    }
}

/// What stands in front of an item's value (`APEv2` specification, "APE Tag Item").
struct Item {
    n_value: u32,
    flags: u32,
    n_key: usize,
    key: String,
}

impl Item {
    fn parse(head: &[u8]) -> Option<Self> {
        let (&[a, b, c, d, e, f, g, h], rest) = head.split_first_chunk()?;
        let n_key = rest.iter().position(|&byte| byte == 0)?;
        let key = String::from_utf8_lossy(&rest[..n_key]).into_owned();
        // What ffmpeg and others write instead of the common key.
        let key = if key.eq_ignore_ascii_case("date") { "Year".to_owned() } else { key };
        let [n_value, flags] = [[a, b, c, d], [e, f, g, h]].map(u32::from_le_bytes);
        Some(Self { n_value, flags, n_key, key })
    }
}

fn read_items(
    peek: &mut Peek,
    start: u64,
    end: u64,
    header: &Header,
    findings: &mut Findings,
) -> Result<()> {
    let mut part = Part::new(Kind::Ape);
    let mut position = start;
    let mut fits = true;
    for _ in 0..header.n_items.min(MAX_ITEMS) {
        // The key is as long as its terminator says: look at as much as it could be.
        let n_most = (end.saturating_sub(position)).min(8 + MAX_KEY_BYTES as u64);
        let head = peek.bytes(position, n_most as usize)?;
        let Some(Item { n_value, flags, n_key, key }) = Item::parse(&head) else {
            findings.note(Kind::Ape, "an item is cut off or has no key; the rest was left out");
            break;
        };
        let value_at = position + 9 + n_key as u64;
        position = value_at + u64::from(n_value);
        if position > end {
            findings.note(Kind::Ape, "an item claims more bytes than the tag has");
            break;
        }
        let is_text = flags & 0b110 == 0;
        if is_text && n_value as usize <= MAX_ITEM_BYTES && parse::is_wanted(Kind::Ape, &key) {
            let value = peek.bytes(value_at, n_value as usize)?;
            fits &= part.add(as_utf8(&key, &value, header.version));
        }
    }
    if !fits {
        findings.note(Kind::Ape, "the tag holds too much; the rest of it was left out");
    }
    findings.keep(part);
    Ok(())
}

/// An item with its text as UTF-8; `APEv1` had no such rule.
fn as_utf8(key: &str, value: &[u8], version: u32) -> Vec<u8> {
    let value = if version >= 2000 {
        text::utf8_or_latin1(value)
    } else {
        text::utf8_or_latin1(value).trim_end_matches('\0').to_owned()
    };
    let mut bytes = (value.len() as u32).to_le_bytes().to_vec();
    bytes.extend([0; 4]);
    bytes.extend(key.as_bytes());
    bytes.push(0);
    bytes.extend(value.as_bytes());
    bytes
}
