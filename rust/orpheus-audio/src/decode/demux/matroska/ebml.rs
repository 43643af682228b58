//! EBML elements (RFC 8794 §4–6), as far as Matroska needs them.

use super::super::bytes::Bytes;
use crate::error::Result;

/// An element: its id with the length marker, and where its contents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) id: u32,
    pub(super) body: u64,
    /// `None`: until something begins that cannot be inside it.
    pub(super) n_bytes: Option<u64>,
}

impl Element {
    pub(super) fn end(&self) -> Option<u64> {
        self.body.checked_add(self.n_bytes?)
    }
}

/// The element at `at`; `None` if there can be none.
pub(super) fn element(bytes: &mut Bytes, at: u64) -> Result<Option<Element>> {
    let header = bytes.glance(at, 12)?;
    Ok(parse(header).map(|(id, n_header, n_bytes)| Element {
        id,
        body: at + n_header as u64,
        n_bytes,
    }))
}

fn parse(header: &[u8]) -> Option<(u32, usize, Option<u64>)> {
    let n_id = header.first()?.leading_zeros() as usize + 1;
    if n_id > 4 {
        return None;
    }
    let id = header.get(..n_id)?.iter().fold(0, |id, &byte| id << 8 | u32::from(byte));
    let (n_bytes, n_size) = number(header.get(n_id..)?)?;
    Some((id, n_id + n_size, n_bytes))
}

/// A number of variable length; all its bits set mean that it is not known.
pub(super) fn number(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let n = bytes.first()?.leading_zeros() as usize + 1;
    if n > 8 {
        return None;
    }
    let bits = 7 * n as u32;
    let value = bytes.get(..n)?.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
    let value = value & ((1 << bits) - 1);
    Some(((value != (1 << bits) - 1).then_some(value), n))
}

/// The elements inside `body`, each with its contents.
pub(super) fn children(body: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let (id, n_header, n_bytes) = parse(rest)?;
        let contents = rest.get(n_header..)?;
        let n_bytes = usize::try_from(n_bytes?).ok()?;
        let contents = contents.get(..n_bytes)?;
        rest = &rest[n_header + n_bytes..];
        Some((id, contents))
    })
}

pub(super) fn unsigned(body: &[u8]) -> u64 {
    body.iter().take(8).fold(0, |value, &byte| value << 8 | u64::from(byte))
}

pub(super) fn signed(body: &[u8]) -> i64 {
    let n_bits = 8 * body.len().min(8) as u32;
    let shift = 64 - n_bits.clamp(1, 64);
    ((unsigned(body) << shift) as i64) >> shift
}

pub(super) fn float(body: &[u8]) -> f64 {
    match body.len() {
        4 => f64::from(f32::from_bits(unsigned(body) as u32)),
        8 => f64::from_bits(unsigned(body)),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_bytes_as_their_first_one_says() {
        assert_eq!(number(&[0x81]), Some((Some(1), 1)));
        assert_eq!(number(&[0x40, 0x02]), Some((Some(2), 2)));
        assert_eq!(number(&[0xff]), Some((None, 1)));
        assert_eq!(number(&[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Some((None, 8)));
        assert_eq!(number(&[0x40]), None);
        assert_eq!(number(&[0]), None);
        assert_eq!((signed(&[0xff]), signed(&[0x01, 0x00]), signed(&[])), (-1, 256, 0));
    }
}
