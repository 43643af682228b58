//! Ogg pages (RFC 3533 §6). A page that fails its checksum costs that page.

use super::super::bytes::{Bytes, le_u32, le_u64};
use crate::error::Result;

const HEADER_BYTES: usize = 27;
const MAGIC: &[u8; 4] = b"OggS";
/// How many bytes of pages that turn out damaged are checked before a file is given up: headers that
/// overlap could otherwise have the same bytes checked without end.
const MOST_DAMAGED_BYTES: u64 = 256 << 20;

const CONTINUED: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// A page without its body.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) at: u64,
    flags: u8,
    pub(super) granule: Option<u64>,
    pub(super) serial: u32,
    pub(super) sequence: u32,
    checksum: u32,
    pub(super) lacing: Vec<u8>,
    /// Bytes in front of it belong to no sound page.
    pub(super) after_hole: bool,
    /// Its checksum is wrong.
    pub(super) is_damaged: bool,
}

impl Page {
    pub(super) fn is_continued(&self) -> bool {
        self.flags & CONTINUED != 0
    }

    pub(super) fn is_first(&self) -> bool {
        self.flags & FIRST != 0
    }

    pub(super) fn is_last(&self) -> bool {
        self.flags & LAST != 0
    }

    pub(super) fn body_at(&self) -> u64 {
        self.at + (HEADER_BYTES + self.lacing.len()) as u64
    }

    pub(super) fn n_body(&self) -> usize {
        self.lacing.iter().map(|&n| usize::from(n)).sum()
    }

    pub(super) fn end(&self) -> u64 {
        self.body_at() + self.n_body() as u64
    }

    /// Whether a packet ends on it.
    pub(super) fn ends_packet(&self) -> bool {
        self.lacing.iter().any(|&n| n < 255)
    }

    /// The header at `at`, if there is one.
    fn parse(bytes: &[u8], at: u64) -> Option<Self> {
        let n_segments = usize::from(*bytes.get(26)?);
        let valid = bytes.starts_with(MAGIC) && bytes[4] == 0 && bytes[5] <= 7;
        let lacing = bytes.get(HEADER_BYTES..HEADER_BYTES + n_segments)?.to_vec();
        let granule = le_u64(bytes, 6)?;
        valid.then_some(Self {
            at,
            flags: bytes[5],
            // −1: no packet ends here.
            granule: i64::try_from(granule).is_ok().then_some(granule),
            serial: le_u32(bytes, 14)?,
            sequence: le_u32(bytes, 18)?,
            checksum: le_u32(bytes, 22)?,
            lacing,
            after_hole: false,
            is_damaged: false,
        })
    }
}

/// What to do with a page whose checksum is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damaged {
    PassOver,
    /// Take it, if the next page stands where it should. For headers: most of them is tags.
    Accept,
}

/// Where the next page is looked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Pages {
    pub(super) position: u64,
    n_damaged_bytes: u64,
}

impl Pages {
    pub(super) fn new(position: u64) -> Self {
        Self { position, n_damaged_bytes: 0 }
    }

    /// The next whole page; `None` at the end. What is skipped on the way shows as a hole; bytes
    /// behind the last page do too, as the `bool`.
    pub(super) fn next(
        &mut self,
        bytes: &mut Bytes,
        damaged: Damaged,
    ) -> Result<(Option<Page>, bool)> {
        let expected = self.position;
        while self.n_damaged_bytes <= MOST_DAMAGED_BYTES {
            let Some(at) = find_magic(bytes, self.position)? else { break };
            self.position = at;
            let header = bytes.get(at, HEADER_BYTES + 255)?;
            if let Some(mut page) = Page::parse(header, at) {
                page.after_hole = at != expected;
                let end = page.end();
                let whole = end <= bytes.len();
                if whole && checksum(&mut page, bytes)? {
                    self.position = end;
                    return Ok((Some(page), false));
                }
                if whole && damaged == Damaged::Accept && stands_at(bytes, end)? {
                    self.position = end;
                    page.is_damaged = true;
                    return Ok((Some(page), false));
                }
                self.n_damaged_bytes += page.n_body() as u64;
            }
            self.position += 1;
        }
        let skipped = expected < bytes.len();
        self.position = bytes.len();
        Ok((None, skipped))
    }

    /// The header at the position, without its body: for a walk over sound files.
    pub(super) fn glance(&mut self, bytes: &mut Bytes) -> Result<Option<Page>> {
        let header = bytes.glance(self.position, HEADER_BYTES + 255)?;
        let page = Page::parse(header, self.position);
        let page = page.filter(|page| page.end() <= bytes.len());
        self.position = page.as_ref().map_or(self.position, Page::end);
        Ok(page)
    }
}

fn find_magic(bytes: &mut Bytes, from: u64) -> Result<Option<u64>> {
    const STEP: usize = 32 << 10;
    let mut at = from;
    loop {
        let block = bytes.get(at, STEP)?;
        if block.starts_with(MAGIC) {
            return Ok(Some(at));
        }
        if let Some(offset) = block.windows(MAGIC.len()).position(|bytes| bytes == MAGIC) {
            return Ok(Some(at + offset as u64));
        }
        if block.len() < STEP {
            return Ok(None);
        }
        at += (STEP - (MAGIC.len() - 1)) as u64;
    }
}

fn stands_at(bytes: &mut Bytes, at: u64) -> Result<bool> {
    Ok(at == bytes.len() || bytes.get(at, MAGIC.len())? == MAGIC)
}

/// Whether the page's checksum is right.
fn checksum(page: &mut Page, bytes: &mut Bytes) -> Result<bool> {
    let n_header = HEADER_BYTES + page.lacing.len();
    let whole = bytes.get(page.at, n_header + page.n_body())?;
    // The checksum is made with its own field at zero.
    let sum = crc32(0, &whole[..22]);
    let sum = crc32(sum, &[0; 4]);
    Ok(crc32(sum, &whole[26..]) == page.checksum)
}

const POLYNOMIAL: u32 = 0x04c1_1db7;

/// Table `k` holds the checksum of one byte with `k` zero bytes behind it.
const fn crc_tables() -> [[u32; 256]; 8] {
    let mut tables = [[0_u32; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum << 1) ^ if sum >> 31 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        tables[0][byte] = sum;
        byte += 1;
    }
    let mut k = 1;
    while k < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[k - 1][byte];
            tables[k][byte] = (before << 8) ^ tables[0][(before >> 24) as usize];
            byte += 1;
        }
        k += 1;
    }
    tables
}

static CRC_TABLES: [[u32; 256]; 8] = crc_tables();

/// Checksum of RFC 3533 §6, eight bytes at a time.
pub(super) fn crc32(mut sum: u32, bytes: &[u8]) -> u32 {
    let (blocks, rest) = bytes.as_chunks::<8>();
    let table = |k: usize, byte: u32| CRC_TABLES[k][(byte & 0xff) as usize];
    for &[a, b, c, d, e, f, g, h] in blocks {
        let high = sum ^ u32::from_be_bytes([a, b, c, d]);
        sum = table(7, high >> 24)
            ^ table(6, high >> 16)
            ^ table(5, high >> 8)
            ^ table(4, high)
            ^ table(3, u32::from(e))
            ^ table(2, u32::from(f))
            ^ table(1, u32::from(g))
            ^ table(0, u32::from(h));
    }
    for &byte in rest {
        sum = (sum << 8) ^ table(0, (sum >> 24) ^ u32::from(byte));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_at_a_time_give_the_checksum_of_bit_by_bit() {
        let bytes: Vec<u8> = (0..1000_u32).map(|n| (n * n + 7 * n) as u8).collect();
        for n in (0..40).chain([999, 1000]) {
            let mut sum = 0_u32;
            for &byte in &bytes[..n] {
                sum ^= u32::from(byte) << 24;
                for _ in 0..8 {
                    sum = (sum << 1) ^ if sum >> 31 == 1 { POLYNOMIAL } else { 0 };
                }
            }
            assert_eq!(crc32(0, &bytes[..n]), sum, "{n} bytes");
        }
    }
}
