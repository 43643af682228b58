//! From a journal to what it says.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use super::format::{RECORD_HEAD, RecordHead, damaged};
use super::{HEAD, Head, Record, journal_path};
use crate::error::{Error, Result};

/// Bytes that are read at a time.
const BUFFER: usize = 1 << 20;

/// Reads a journal as long as it was when it was opened.
pub(in crate::live) struct Reader<'a> {
    index: &'a Path,
    file: BufReader<File>,
    pub(in crate::live) head: Head,
    length: u64,
    offset: u64,
    body: Vec<u8>,
}

/// Where the records end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::live) struct Ending {
    /// Where the next record is to be.
    pub(in crate::live) length: u64,
    /// Bytes that a crash has left after that.
    pub(in crate::live) n_torn: u64,
}

impl<'a> Reader<'a> {
    /// Opens the journal of the index at `index`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] if it does not begin as one, [`Error::Io`].
    pub(in crate::live) fn open(index: &'a Path) -> Result<Option<Self>> {
        let path = journal_path(index);
        // Before opening: to open a pipe would wait for somebody to write into it.
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(damaged("is not a regular file", 0)),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(&path)(error)),
        }
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(Error::io(&path))?,
        };
        let length = file.metadata().map_err(Error::io(&path))?.len();
        let mut file = BufReader::with_capacity(BUFFER, file);
        let mut head = [0; HEAD];
        let n = (HEAD as u64).min(length) as usize;
        file.read_exact(&mut head[..n]).map_err(Error::io(&path))?;
        let head = Head::read(&head[..n])?;
        Ok(Some(Self { index, file, head, length, offset: HEAD as u64, body: Vec::new() }))
    }

    /// The next record and where it starts, or where the records end.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] if something is not what was written, [`Error::Memory`], [`Error::Io`].
    pub(in crate::live) fn next(&mut self) -> Result<std::result::Result<(u64, Record), Ending>> {
        let offset = self.offset;
        let left = self.length - offset;
        let torn = Ok(Err(Ending { length: offset, n_torn: left }));
        if left < RECORD_HEAD as u64 {
            return torn;
        }
        let mut head = [0; RECORD_HEAD];
        if !self.read(&mut head)? || head == [0; RECORD_HEAD] && self.only_zeros_are_left()? {
            return torn;
        }
        let head = RecordHead::read(&head, offset)?;
        let body_len = head.body_len(self.head.dim);
        if body_len > u128::from(left - RECORD_HEAD as u64) {
            return torn;
        }
        let mut body = std::mem::take(&mut self.body);
        let n_bytes = body_len as usize;
        body.clear();
        let memory = |_| Error::Memory { n_bytes, purpose: "updates" };
        body.try_reserve_exact(n_bytes).map_err(memory)?;
        body.resize(n_bytes, 0);
        if !self.read(&mut body)? {
            return torn;
        }
        match head.record(&body, offset) {
            // The head reached the disk before a loss of power, and nothing else did.
            Err(_) if body.iter().all(|byte| *byte == 0) && self.only_zeros_are_left()? => torn,
            record => {
                self.offset = offset + (RECORD_HEAD + n_bytes) as u64;
                self.body = body;
                record.map(|record| Ok((offset, record)))
            }
        }
    }

    /// Fills `bytes`; `false` if the file ends before, as a writer has cut off what a crash had left.
    fn read(&mut self, bytes: &mut [u8]) -> Result<bool> {
        match self.file.read_exact(bytes) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(Error::io(&journal_path(self.index))(error)),
        }
    }

    /// Whether the rest is zeros. Only asked at the end of all, as what was read is gone.
    fn only_zeros_are_left(&mut self) -> Result<bool> {
        let mut bytes = [0; 4096];
        loop {
            let n = self.file.read(&mut bytes).map_err(Error::io(&journal_path(self.index)))?;
            if n == 0 {
                return Ok(true);
            }
            if bytes[..n].iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
        }
    }
}
