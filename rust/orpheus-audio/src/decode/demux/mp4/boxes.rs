//! Boxes of the ISO base media file format (ISO/IEC 14496-12 §4.2).

use super::super::bytes::{Bytes, be_u32, be_u64};
use crate::error::Result;

/// A box: its kind, and where its contents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Atom {
    pub(super) kind: [u8; 4],
    /// Of its header.
    pub(super) at: u64,
    pub(super) body: u64,
    pub(super) end: u64,
    /// It claims more bytes than there are.
    pub(super) is_cut: bool,
}

/// More boxes side by side than any file has.
const MOST_BOXES: usize = 1 << 20;
/// Tables and headers are read whole: the largest is that of sample sizes.
const MOST_BODY_BYTES: u64 = 64 << 20;

/// The boxes between `at` and `end`, as far as they make sense; `false` if they do not up to the end.
pub(super) fn boxes(bytes: &mut Bytes, mut at: u64, end: u64) -> Result<(Vec<Atom>, bool)> {
    let end = end.min(bytes.len());
    let mut found = Vec::new();
    while at < end {
        let header = bytes.glance(at, 16)?;
        let atom = parse(header, at, end).filter(|_| found.len() < MOST_BOXES);
        let Some(atom) = atom else { return Ok((found, false)) };
        at = atom.end;
        found.push(atom);
    }
    Ok((found, true))
}

fn parse(header: &[u8], at: u64, end: u64) -> Option<Atom> {
    let kind: [u8; 4] = header.get(4..8)?.try_into().ok()?;
    let (n_header, n_bytes) = match be_u32(header, 0)? {
        // To the end of the file.
        0 => (8, end - at),
        1 => (16, be_u64(header, 8)?),
        n => (8, u64::from(n)),
    };
    let claimed = at.checked_add(n_bytes)?;
    let valid = n_bytes >= n_header && is_kind(kind);
    let end_here = claimed.min(end);
    let is_cut = claimed > end;
    let body = (at + n_header).min(end_here);
    valid.then_some(Atom { kind, at, body, end: end_here, is_cut })
}

/// Kinds are printable, but for the © of old metadata.
fn is_kind(kind: [u8; 4]) -> bool {
    kind.iter().all(|&byte| (0x20..0x7f).contains(&byte) || byte == 0xa9)
}

impl Atom {
    pub(super) fn children(&self, bytes: &mut Bytes) -> Result<Vec<Self>> {
        Ok(boxes(bytes, self.body, self.end)?.0)
    }

    /// The first box of `kind` inside.
    pub(super) fn child(&self, bytes: &mut Bytes, kind: &[u8]) -> Result<Option<Self>> {
        Ok(self.children(bytes)?.into_iter().find(|atom| atom.kind == kind))
    }

    /// Follows `path` from one box to the next inside it.
    pub(super) fn descend(&self, bytes: &mut Bytes, path: &[&[u8; 4]]) -> Result<Option<Self>> {
        let mut atom = *self;
        for kind in path {
            let Some(next) = atom.child(bytes, kind.as_slice())? else { return Ok(None) };
            atom = next;
        }
        Ok(Some(atom))
    }

    /// The contents, but no more of them than any table has.
    pub(super) fn read(&self, bytes: &mut Bytes) -> Result<Vec<u8>> {
        let n_bytes = (self.end - self.body).min(MOST_BODY_BYTES);
        let mut body = Vec::new();
        bytes.append(self.body, n_bytes as usize, &mut body)?;
        Ok(body)
    }
}

/// Finds a movie box by its looks, for files whose chain of boxes is broken.
pub(super) fn search_movie(bytes: &mut Bytes) -> Result<Option<Atom>> {
    const STEP: usize = 48 << 10;
    const OVERLAP: usize = 16;
    let mut at = 0;
    while at < bytes.len() {
        let len = bytes.len();
        let block = bytes.get(at, STEP)?;
        // A movie box begins with its header box.
        let looks = |bytes: &[u8]| bytes[4..8] == *b"moov" && bytes[12..16] == *b"mvhd";
        if let Some(offset) = block.windows(16).position(looks) {
            let header = &block[offset..];
            return Ok(parse(header, at + offset as u64, len));
        }
        if block.len() < STEP {
            break;
        }
        at += (STEP - OVERLAP) as u64;
    }
    Ok(None)
}
