//! Vorbis comments, and the blocks of FLAC that hold them.

use super::parse;
use super::part::{Findings, Kind, MAX_ITEM_BYTES, Part};
use super::peek::Peek;
use super::text;
use crate::error::Result;

const MAX_BLOCKS: usize = 1024;
const MAX_COMMENTS: u32 = 100_000;
/// Longest key that is looked at: enough for every known one.
const MAX_KEY_BYTES: usize = 64;

/// Bytes that are read from front to end.
pub(super) trait Stream {
    /// Reads up to `out.len()` bytes; fewer only at the end.
    fn read(&mut self, peek: &mut Peek, out: &mut [u8]) -> Result<usize>;
    /// Steps over bytes; `false` if there are not that many.
    fn skip(&mut self, peek: &mut Peek, n_bytes: u64) -> Result<bool>;
}

/// A stretch of the file.
pub(super) struct Stretch {
    pub(super) position: u64,
    pub(super) end: u64,
}

impl Stream for Stretch {
    fn read(&mut self, peek: &mut Peek, out: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let n_most = out.len().min(left);
        let n = peek.read_at(self.position, &mut out[..n_most])?;
        self.position += n as u64;
        Ok(n)
    }

    fn skip(&mut self, peek: &mut Peek, n_bytes: u64) -> Result<bool> {
        self.position = self.position.saturating_add(n_bytes);
        Ok(self.position <= self.end.min(peek.len()))
    }
}

/// Walks the metadata blocks behind `fLaC` at `start` (RFC 9639 §8).
pub(super) fn read(peek: &mut Peek, start: u64, findings: &mut Findings) -> Result<()> {
    let mut position = start + 4;
    for _ in 0..MAX_BLOCKS {
        let Some(header) = peek.array::<4>(position)? else {
            findings.note(Kind::Vorbis, "the metadata blocks are cut off");
            break;
        };
        let n_bytes = u64::from(u32::from_be_bytes([0, header[1], header[2], header[3]]));
        position += 4;
        match header[0] & 0x7f {
            0 => findings.stated_seconds = stream_info_seconds(peek, position)?,
            4 => {
                // Some writers store a length that is too short for the comments: they say it themselves.
                let mut stream = Stretch { position, end: peek.len() };
                let outcome = read_comments(peek, &mut stream, findings);
                findings.spare(Kind::Vorbis, outcome)?;
            }
            127 => break,
            _ => {}
        }
        position += n_bytes;
        if header[0] & 0x80 != 0 {
            break;
        }
    }
    Ok(())
}

/// Rate and number of samples in STREAMINFO (RFC 9639 §8.2).
fn stream_info_seconds(peek: &mut Peek, position: u64) -> Result<Option<f64>> {
    let Some(bytes) = peek.array::<8>(position + 10)? else { return Ok(None) };
    let packed = u64::from_be_bytes(bytes);
    let (rate, n_samples) = (packed >> 44, packed & 0xf_ffff_ffff);
    Ok((rate > 0 && n_samples > 0).then(|| n_samples as f64 / rate as f64))
}

/// Reads a comment header (Vorbis I §5.2.1): only comments with wanted keys, never a picture.
pub(super) fn read_comments(
    peek: &mut Peek,
    stream: &mut impl Stream,
    findings: &mut Findings,
) -> Result<()> {
    let mut part = Part::new(Kind::Vorbis);
    let whole = comments_into(peek, stream, &mut part)?;
    if !whole {
        findings.note(Kind::Vorbis, "the comments are cut off, or one claims more than there is");
    }
    findings.keep(part);
    Ok(())
}

fn comments_into(peek: &mut Peek, stream: &mut impl Stream, part: &mut Part) -> Result<bool> {
    let Some(n_vendor) = number(peek, stream)? else { return Ok(false) };
    if !stream.skip(peek, u64::from(n_vendor))? {
        return Ok(false);
    }
    let Some(n_comments) = number(peek, stream)? else { return Ok(false) };
    for _ in 0..n_comments.min(MAX_COMMENTS) {
        let Some(n_bytes) = number(peek, stream)? else { return Ok(false) };
        let n_bytes = n_bytes as usize;
        let mut comment = vec![0; n_bytes.min(MAX_KEY_BYTES)];
        if stream.read(peek, &mut comment)? < comment.len() {
            return Ok(false);
        }
        let n_left = n_bytes - comment.len();
        if n_bytes > MAX_ITEM_BYTES || !has_wanted_key(&comment) {
            if !stream.skip(peek, n_left as u64)? {
                return Ok(false);
            }
            continue;
        }
        let n_read = comment.len();
        comment.resize(n_bytes, 0);
        if stream.read(peek, &mut comment[n_read..])? < n_left {
            return Ok(false);
        }
        if !part.add(String::from_utf8_lossy(&comment).into_owned().into_bytes()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn has_wanted_key(comment: &[u8]) -> bool {
    let key = comment.split(|&byte| byte == b'=').next().filter(|key| key.len() < comment.len());
    key.and_then(|key| std::str::from_utf8(key).ok())
        .is_some_and(|key| parse::is_wanted(Kind::Vorbis, key))
}

fn number(peek: &mut Peek, stream: &mut impl Stream) -> Result<Option<u32>> {
    let mut bytes = [0; 4];
    let whole = stream.read(peek, &mut bytes)? == bytes.len();
    Ok(whole.then(|| u32::from_le_bytes(bytes)))
}

/// A comment made of a key and text that other formats store in their own ways.
pub(super) fn comment(key: &str, value: &[u8]) -> Vec<u8> {
    format!("{key}={}", text::utf8_or_latin1(value).trim_end_matches('\0')).into_bytes()
}
