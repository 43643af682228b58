//! The one gate for untrusted bytes: nothing else in the workspace opens a user's audio file.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::guard::Guard;
use crate::limits::Limits;

/// Where a track's bytes are.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file. Opened only while it is being decoded.
    Path(PathBuf),
    /// Bytes in memory.
    Bytes(SharedBytes),
}

/// Bytes in memory, whoever owns them: they are read in place, never copied as a whole.
#[derive(Clone)]
pub struct SharedBytes(Arc<dyn AsRef<[u8]> + Send + Sync>);

impl SharedBytes {
    /// Shares what `owner` holds. Its bytes must not change while it is shared.
    pub fn new(owner: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self(Arc::new(owner))
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl From<Vec<u8>> for SharedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<&[u8]> for SharedBytes {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes.to_vec())
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", self.len())
    }
}

/// An opened source: a regular file or memory, of known length.
#[derive(Debug)]
pub(crate) struct Input {
    bytes: Bytes,
    len: u64,
    position: u64,
    guard: Option<Guard>,
}

#[derive(Debug)]
enum Bytes {
    File { file: File, opened: Box<Metadata> },
    Memory(SharedBytes),
}

impl Input {
    /// Opens `source`. A pipe without a writer does not block, and only regular files pass.
    pub(crate) fn open(source: &Source, limits: &Limits) -> Result<Self> {
        let input = match source {
            Source::Bytes(bytes) => Self {
                bytes: Bytes::Memory(bytes.clone()),
                len: bytes.len() as u64,
                position: 0,
                guard: None,
            },
            Source::Path(path) => {
                let file = open_without_waiting(path)?;
                let opened = Box::new(file.metadata()?);
                if let Some(what) = not_regular(&opened) {
                    return Err(Error::NotAFile(what));
                }
                let len = opened.len();
                Self { bytes: Bytes::File { file, opened }, len, position: 0, guard: None }
            }
        };
        limits.check_bytes(input.len)?;
        Ok(input)
    }

    /// The same, but every read asks `guard` first: no walk through a file outlasts its track.
    pub(crate) fn guarded(self, guard: Guard) -> Self {
        Self { guard: Some(guard), ..self }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Reads up to `buffer.len()` bytes at `offset`; fewer only at the end.
    pub(crate) fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.seek(SeekFrom::Start(offset))?;
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(filled)
    }

    /// Makes the input end at `end`, if it does not end before: what follows is not of the track.
    pub(crate) fn end_at(&mut self, end: u64) {
        self.len = self.len.min(end);
    }

    /// Whether the bytes are in memory, for [`Input::memory`].
    pub(crate) fn is_memory(&self) -> bool {
        matches!(self.bytes, Bytes::Memory(_))
    }

    /// `len` bytes at `offset` without copying them, if they are in memory.
    pub(crate) fn memory(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let Bytes::Memory(bytes) = &self.bytes else { return None };
        bytes.get(usize::try_from(offset).ok()?..)?.get(..len)
    }

    /// A second handle on the same open file, so that a watcher can ask whether it changed.
    pub(crate) fn watch(&self) -> Result<Watch> {
        Ok(Watch(match &self.bytes {
            Bytes::Memory(_) => None,
            Bytes::File { file, opened } => Some((file.try_clone()?, opened.clone())),
        }))
    }
}

/// Tells whether a file was written to since it was opened.
#[derive(Debug)]
pub(crate) struct Watch(Option<(File, Box<Metadata>)>);

impl Watch {
    pub(crate) fn unchanged(&self) -> Result<()> {
        let Some((file, opened)) = &self.0 else { return Ok(()) };
        let now = file.metadata()?;
        if now.len() == opened.len() && now.modified().ok() == opened.modified().ok() {
            Ok(())
        } else {
            Err(Error::Changed)
        }
    }
}

#[cfg(unix)]
fn open_without_waiting(path: &PathBuf) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC)
        .open(path)
}

#[cfg(not(unix))]
fn open_without_waiting(path: &PathBuf) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

fn not_regular(metadata: &Metadata) -> Option<&'static str> {
    if metadata.is_file() {
        None
    } else if metadata.is_dir() {
        Some("is a folder")
    } else {
        Some("is a pipe, socket or device")
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(guard) = &self.guard {
            guard.check().map_err(io::Error::other)?;
        }
        let n = match &mut self.bytes {
            Bytes::File { file, .. } => file.read(buffer)?,
            Bytes::Memory(bytes) => {
                let start = usize::try_from(self.position).unwrap_or(usize::MAX).min(bytes.len());
                let mut rest = &bytes[start..];
                rest.read(buffer)?
            }
        };
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
            SeekFrom::End(delta) => self.len.checked_add_signed(delta),
        };
        let target = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        if let Bytes::File { file, .. } = &mut self.bytes
            && target != self.position
        {
            file.seek(SeekFrom::Start(target))?;
        }
        self.position = target;
        Ok(target)
    }
}
