//! Reads here and there in a file, through one small buffer and within a budget.

use std::io::{self, Read, Seek, SeekFrom};

use crate::error::{Error, Result};
use crate::source::Input;

const BUFFER_BYTES: usize = 16 << 10;
/// Read where no reading was before: most visits look at a header and go on.
const VISIT_BYTES: usize = 1 << 10;
/// What looking through one file may cost. A picture of this size in an Ogg comment, which can only
/// be stepped over page by page, still leaves the tags behind it readable.
const MAX_READ_BYTES: u64 = 64 << 20;

/// An input that is read at any offset.
pub(super) struct Peek {
    input: Input,
    buffer: Vec<u8>,
    start: u64,
    n_left: u64,
}

impl Peek {
    pub(super) fn new(input: Input) -> Self {
        Self { input, buffer: Vec::new(), start: 0, n_left: MAX_READ_BYTES }
    }

    pub(super) fn len(&self) -> u64 {
        self.input.len()
    }

    /// Reads up to `out.len()` bytes at `offset`; fewer only at the end of the file.
    pub(super) fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < out.len() {
            let Some(at) = offset.checked_add(filled as u64) else { break };
            let held = self.buffered(at)?;
            if held.is_empty() {
                break;
            }
            let n = held.len().min(out.len() - filled);
            out[filled..filled + n].copy_from_slice(&held[..n]);
            filled += n;
        }
        Ok(filled)
    }

    /// `N` bytes at `offset`, or `None` if the file ends before.
    pub(super) fn array<const N: usize>(&mut self, offset: u64) -> Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        Ok((self.read_at(offset, &mut bytes)? == N).then_some(bytes))
    }

    /// `n_bytes` at `offset`, which the caller has bounded; fewer at the end of the file.
    pub(super) fn bytes(&mut self, offset: u64, n_bytes: usize) -> Result<Vec<u8>> {
        let left = self.len().saturating_sub(offset);
        let mut bytes = vec![0; n_bytes.min(usize::try_from(left).unwrap_or(usize::MAX))];
        let n = self.read_at(offset, &mut bytes)?;
        bytes.truncate(n);
        Ok(bytes)
    }

    /// What is at hand from `offset` on; empty at the end of the file.
    fn buffered(&mut self, offset: u64) -> Result<&[u8]> {
        let held = offset.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        if let Some(skip) = held.filter(|&skip| skip < self.buffer.len()) {
            return Ok(&self.buffer[skip..]);
        }
        if offset >= self.input.len() {
            return Ok(&[]);
        }
        let goes_on = offset == self.start + self.buffer.len() as u64 && !self.buffer.is_empty();
        let n_bytes = if goes_on { BUFFER_BYTES } else { VISIT_BYTES };
        let Some(n_left) = self.n_left.checked_sub(n_bytes as u64) else {
            return Err(Error::Limit {
                what: "bytes looked through for tags",
                given: "more".to_owned(),
                limit: MAX_READ_BYTES.to_string(),
            });
        };
        self.n_left = n_left;
        self.buffer.resize(n_bytes, 0);
        let n = match self.input.read_at(offset, &mut self.buffer) {
            Ok(n) => n,
            Err(error) => {
                self.buffer.clear();
                return Err(error);
            }
        };
        self.buffer.truncate(n);
        self.start = offset;
        Ok(&self.buffer)
    }
}

/// The file as a stream, for a reader that wants one; it ends with an error where the budget does.
pub(super) struct Reader<'a> {
    peek: &'a mut Peek,
    position: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(peek: &'a mut Peek) -> Self {
        Self { peek, position: 0 }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.peek.read_at(self.position, out).map_err(io::Error::other)?;
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
            SeekFrom::End(delta) => self.peek.len().checked_add_signed(delta),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
