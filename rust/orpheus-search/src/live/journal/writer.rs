//! Putting records into a journal.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::format::{RecordHead, successor_body};
use super::{HEAD, Head, Successor, Update, journal_path};
use crate::error::{Error, Result};
use crate::format::write::write_whole;

/// A journal that records are appended to; its owner holds the lock.
#[derive(Debug)]
pub(in crate::live) struct JournalWriter {
    path: PathBuf,
    file: File,
    length: u64,
    /// Whether it is unknown what the file holds after a failure to write.
    is_broken: bool,
}

impl JournalWriter {
    /// Writes the journal of `index` anew, with `updates`; it is on disk then.
    pub(in crate::live) fn create(index: &Path, head: Head, updates: &[Update]) -> Result<Self> {
        let path = journal_path(index);
        let mut length = HEAD as u64;
        write_whole(
            &path,
            |file| {
                file.write_all(&head.to_bytes())?;
                for update in updates {
                    length += write_update(file, update, length)?;
                }
                Ok(())
            },
            |_| Ok(()),
        )?;
        Self::at(path, length)
    }

    /// Opens the journal of `index`, and cuts off what lies after `length`.
    pub(in crate::live) fn open(index: &Path, length: u64) -> Result<Self> {
        Self::at(journal_path(index), length)
    }

    fn at(path: PathBuf, length: u64) -> Result<Self> {
        let file = OpenOptions::new().write(true).open(&path).map_err(Error::io(&path))?;
        let mut writer = Self { path, file, length, is_broken: false };
        writer.cut().map_err(Error::io(&writer.path))?;
        Ok(writer)
    }

    /// Where the next record will be.
    pub(in crate::live) fn length(&self) -> u64 {
        self.length
    }

    /// Appends a record. What was written of one that could not be written whole is taken back.
    pub(in crate::live) fn append(&mut self, update: &Update) -> Result<()> {
        let offset = self.length;
        self.write(|file| write_update(file, update, offset))
    }

    /// Appends the note that the FAISS file is about to be replaced; it is on disk then.
    pub(in crate::live) fn append_successor(&mut self, successor: &Successor) -> Result<()> {
        let offset = self.length;
        self.write(|file| {
            let body = successor_body(successor);
            let head = RecordHead::of_successor(&body).to_bytes(offset);
            file.write_all(&[&head[..], &body].concat())?;
            Ok((head.len() + body.len()) as u64)
        })?;
        self.sync()
    }

    /// Makes all records survive a loss of power.
    pub(in crate::live) fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(Error::io(&self.path))
    }

    fn write(&mut self, write: impl FnOnce(&mut File) -> io::Result<u64>) -> Result<()> {
        if self.is_broken {
            let error = io::Error::other("an earlier update could neither be written nor undone");
            return Err(Error::io(&self.path)(error));
        }
        match write(&mut self.file) {
            Ok(n_bytes) => {
                self.length += n_bytes;
                Ok(())
            }
            Err(error) => {
                self.is_broken = self.cut().is_err();
                Err(Error::io(&self.path)(error))
            }
        }
    }

    fn cut(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() > self.length {
            self.file.set_len(self.length)?;
        }
        self.file.seek(SeekFrom::Start(self.length)).map(drop)
    }
}

/// Returns how many bytes the record takes.
fn write_update(file: &mut dyn Write, update: &Update, offset: u64) -> io::Result<u64> {
    let parts: [&[u8]; 3] = [
        bytemuck::cast_slice(&update.removed),
        bytemuck::cast_slice(&update.ids),
        bytemuck::cast_slice(&update.values),
    ];
    let head = RecordHead::of_update(update, &parts).to_bytes(offset);
    // One call for what is small, so that those who read meanwhile hardly ever see half of it.
    file.write_all(&[&head[..], parts[0], parts[1]].concat())?;
    file.write_all(parts[2])?;
    let n_bytes = parts.iter().map(|part| part.len()).sum::<usize>() + head.len();
    Ok(n_bytes as u64)
}
