//! A window on the input that moves forward with its reader.

use crate::error::Result;
use crate::source::Input;

const READ_AHEAD: usize = 64 << 10;
/// Enough for any header that is only looked at on the way to the next one.
const GLANCE: usize = 512;

/// The stretch of the input that is the container, addressed from its own start.
#[derive(Debug)]
pub(super) struct Bytes {
    input: Input,
    start: u64,
    len: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl Bytes {
    pub(super) fn new(input: Input, start: u64, end: u64) -> Self {
        let len = end.min(input.len()).saturating_sub(start);
        Self { input, start, len, window: Vec::new(), window_at: 0 }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// `n_bytes` from `at` on; fewer only at the end. Reads ahead.
    pub(super) fn get(&mut self, at: u64, n_bytes: usize) -> Result<&[u8]> {
        self.load(at, n_bytes, READ_AHEAD)
    }

    /// Like [`Bytes::get`], for readers that skip most of what follows.
    pub(super) fn glance(&mut self, at: u64, n_bytes: usize) -> Result<&[u8]> {
        // Steps shorter than this are read through: fewer calls of the system.
        const SHORT: u64 = 4096;
        let window_end = self.window_at + self.window.len() as u64;
        let is_near = at >= self.window_at && at < window_end.saturating_add(SHORT);
        self.load(at, n_bytes, if is_near { READ_AHEAD } else { GLANCE })
    }

    /// Appends `n_bytes` from `at` on to `into`; `false` if they are not all there.
    pub(super) fn append(&mut self, at: u64, n_bytes: usize, into: &mut Vec<u8>) -> Result<bool> {
        let bytes = self.get(at, n_bytes)?;
        into.extend_from_slice(bytes);
        Ok(bytes.len() == n_bytes)
    }

    fn load(&mut self, at: u64, n_bytes: usize, n_ahead: usize) -> Result<&[u8]> {
        let left = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX);
        let n_bytes = n_bytes.min(left);
        let offset = at.checked_sub(self.window_at).and_then(|n| usize::try_from(n).ok());
        let held = offset.filter(|offset| {
            offset.checked_add(n_bytes).is_some_and(|end| end <= self.window.len())
        });
        if let Some(offset) = held {
            return Ok(&self.window[offset..offset + n_bytes]);
        }
        self.window.resize(n_bytes.max(n_ahead.min(left)), 0);
        self.window_at = at;
        let n_read = self.input.read_at(self.start.saturating_add(at), &mut self.window)?;
        self.window.truncate(n_read);
        Ok(&self.window[..n_bytes.min(n_read)])
    }
}

pub(super) fn be_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub(super) fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(super) fn be_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

pub(super) fn le_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub(super) fn le_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

pub(super) fn le_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
