//! Chunks: RIFF WAVE (and RF64), AIFF, CAF.

use super::flac::comment;
use super::id3v2;
use super::parse;
use super::part::{Findings, Kind, MAX_ITEM_BYTES, Part};
use super::peek::Peek;
use super::text;
use crate::error::Result;

const MAX_CHUNKS: usize = 16_384;
const CAF_HEADER_BYTES: u64 = 8;

/// How a family of formats writes chunks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Riff,
    Aiff,
    Caf,
}

#[derive(Debug, Clone, Copy)]
struct Chunk {
    name: [u8; 4],
    start: u64,
    n_bytes: u64,
}

struct Chunks {
    form: Form,
    position: u64,
    end: u64,
    n_left: usize,
    /// Size of the `data` chunk of RF64, whose own field is full (EBU Tech 3306 §3).
    long_data: Option<u64>,
}

impl Chunks {
    fn between(form: Form, position: u64, end: u64) -> Self {
        Self { form, position, end, n_left: MAX_CHUNKS, long_data: None }
    }

    fn next(&mut self, peek: &mut Peek) -> Result<Option<Chunk>> {
        if self.position >= self.end || self.n_left == 0 {
            return Ok(None);
        }
        self.n_left -= 1;
        let Some(header) = peek.array::<12>(self.position)? else { return Ok(None) };
        let size = [header[4], header[5], header[6], header[7]];
        let n_bytes = match self.form {
            Form::Riff => u64::from(u32::from_le_bytes(size)),
            Form::Aiff => u64::from(u32::from_be_bytes(size)),
            Form::Caf => {
                let large = peek.array::<8>(self.position + 4)?.map_or(0, u64::from_be_bytes);
                // -1: up to the end of the file (CAF specification, "Audio Data chunk").
                if large == u64::MAX { self.end } else { large }
            }
        };
        let name = [header[0], header[1], header[2], header[3]];
        let n_bytes = match self.long_data {
            Some(long) if &name == b"data" && n_bytes == u64::from(u32::MAX) => long,
            _ => n_bytes,
        };
        let start = self.position + if self.form == Form::Caf { 12 } else { 8 };
        let padding = if self.form == Form::Caf { 0 } else { n_bytes & 1 };
        self.position = start.saturating_add(n_bytes).saturating_add(padding);
        Ok(Some(Chunk { name, start, n_bytes }))
    }
}

/// `LIST INFO` and `id3 ` of a WAVE file.
pub(super) fn read_wave(peek: &mut Peek, start: u64, findings: &mut Findings) -> Result<()> {
    let mut chunks = Chunks::between(Form::Riff, start + 12, peek.len());
    let mut info = Part::new(Kind::RiffInfo);
    while let Some(chunk) = chunks.next(peek)? {
        match &chunk.name {
            b"ds64" => {
                let size = peek.array::<16>(chunk.start)?;
                chunks.long_data =
                    size.and_then(|size| size[8..].try_into().ok().map(u64::from_le_bytes));
            }
            b"id3 " | b"ID3 " => {
                let outcome = id3v2::read(peek, chunk.start, findings);
                findings.spare(Kind::Id3v2, outcome)?;
            }
            b"LIST" if peek.array::<4>(chunk.start)? == Some(*b"INFO") => {
                let outcome = read_info(peek, chunk, &mut info);
                findings.spare(Kind::RiffInfo, outcome)?;
            }
            _ => {}
        }
    }
    findings.keep(info);
    Ok(())
}

fn read_info(peek: &mut Peek, list: Chunk, part: &mut Part) -> Result<()> {
    let end = list.start.saturating_add(list.n_bytes).min(peek.len());
    let mut chunks = Chunks::between(Form::Riff, list.start + 4, end);
    while let Some(chunk) = chunks.next(peek)? {
        let key = String::from_utf8_lossy(&chunk.name).into_owned();
        if chunk.n_bytes > MAX_ITEM_BYTES as u64 || !parse::is_wanted(Kind::RiffInfo, &key) {
            continue;
        }
        let value = peek.bytes(chunk.start, chunk.n_bytes as usize)?;
        let value = value.split(|&byte| byte == 0).next().unwrap_or(&[]);
        let value = text::utf8_or_latin1(value).into_bytes();
        let mut item = Vec::new();
        chunk_into(chunk.name, &value, &mut item);
        if !part.add(item) {
            break;
        }
    }
    Ok(())
}

/// Text chunks and `ID3 ` of AIFF and AIFC.
pub(super) fn read_aiff(peek: &mut Peek, start: u64, findings: &mut Findings) -> Result<()> {
    let mut chunks = Chunks::between(Form::Aiff, start + 12, peek.len());
    let mut texts = Part::new(Kind::AiffText);
    while let Some(chunk) = chunks.next(peek)? {
        let key = match &chunk.name {
            b"ID3 " | b"id3 " => {
                let outcome = id3v2::read(peek, chunk.start, findings);
                findings.spare(Kind::Id3v2, outcome)?;
                continue;
            }
            b"NAME" => "TITLE",
            b"AUTH" => "ARTIST",
            _ => continue,
        };
        if chunk.n_bytes <= MAX_ITEM_BYTES as u64 {
            let value = peek.bytes(chunk.start, chunk.n_bytes as usize)?;
            if !texts.add(comment(key, &value)) {
                break;
            }
        }
    }
    findings.keep(texts);
    Ok(())
}

/// The `info` chunk of CAF: pairs of key and value, each ending with NUL.
pub(super) fn read_caf(peek: &mut Peek, findings: &mut Findings) -> Result<()> {
    let mut chunks = Chunks::between(Form::Caf, CAF_HEADER_BYTES, peek.len());
    let mut part = Part::new(Kind::CafInfo);
    while let Some(chunk) = chunks.next(peek)? {
        if &chunk.name != b"info" || chunk.n_bytes < 4 {
            continue;
        }
        let n_most = chunk.n_bytes.min(MAX_ITEM_BYTES as u64) as usize;
        let bytes = peek.bytes(chunk.start, n_most)?;
        let mut strings = bytes.get(4..).unwrap_or(&[]).split(|&byte| byte == 0);
        while let (Some(key), Some(value)) = (strings.next(), strings.next()) {
            if let Some(key) = caf_key(key)
                && !part.add(comment(key, value))
            {
                break;
            }
        }
    }
    findings.keep(part);
    Ok(())
}

/// The keys that the CAF specification suggests, as Vorbis comments call them.
fn caf_key(key: &[u8]) -> Option<&'static str> {
    Some(match key.to_ascii_lowercase().as_slice() {
        b"title" => "TITLE",
        b"artist" => "ARTIST",
        b"album" => "ALBUM",
        b"album artist" | b"album_artist" => "ALBUMARTIST",
        b"genre" => "GENRE",
        b"year" | b"date" | b"recorded date" => "DATE",
        b"track number" | b"track" => "TRACKNUMBER",
        b"disc" | b"disc number" => "DISCNUMBER",
        _ => return None,
    })
}

/// Appends a RIFF chunk. All of ours are far below 2^32 bytes.
pub(super) fn chunk_into(name: [u8; 4], content: &[u8], out: &mut Vec<u8>) {
    out.extend(name);
    out.extend((content.len() as u32).to_le_bytes());
    out.extend(content);
    if content.len() % 2 == 1 {
        out.push(0);
    }
}
