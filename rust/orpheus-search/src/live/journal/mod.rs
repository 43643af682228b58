//! `NAME.ofj`: the updates of the index in `NAME` since that file was written.
//!
//! A head of 64 bytes, then records. Numbers are little-endian.
//!
//! ```text
//! head     0 "ORPHOFJ1"   8 CRC-32 of 12..64   12 metric (0 inner product, 1 L2)   16 dim
//!         24 length and 32 checksum of the FAISS file   40 the next id   48 zeros
//! record   0 CRC-32 of 4..48   4 CRC-32 of the body   8 kind (1 update, 2 successor)
//!         16 ids removed   24 vectors added   32 vectors of the FAISS file removed
//!         40 place of the record in the journal
//! body     update: ids removed, ids added, vectors added (float32); first removed, then added
//!          successor: length and checksum of the file that comes next, the place in this journal
//!          before which it holds everything, and a place where it differs from the file before it
//!          with the 8 bytes that it has there (2^64 - 1 if the checksums differ)
//! ```
//!
//! A record is part of the journal when all of it is there. A last one that is cut short, or nothing
//! but zeros at the end (what a file system may leave after a loss of power), is what a crash leaves,
//! and does not count. Everything else that is not as it was written is an error.

mod format;
mod reader;
mod writer;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub(super) use format::{HEAD, Head};
pub(super) use reader::{Ending, Reader};
pub(super) use writer::JournalWriter;

use super::identity::Identity;

/// One change of an index.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Update {
    /// Ids whose vectors go, before the others come.
    pub(super) removed: Vec<i64>,
    /// How many vectors of the FAISS file these are.
    pub(super) n_of_main: u64,
    /// Ids of the vectors that come; none of them is there then.
    pub(super) ids: Vec<i64>,
    /// The vectors, back to back.
    pub(super) values: Vec<f32>,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Record {
    Update(Update),
    Successor(Successor),
}

/// The FAISS file is about to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Successor {
    /// By what.
    pub(super) identity: Identity,
    /// Everything before this place of the journal is in it.
    pub(super) covered: u64,
    /// Where it differs from the file before it, if their identities do not, and what is there.
    pub(super) point: Option<(u64, [u8; 8])>,
}

impl Successor {
    /// Whether `file`, of which `identity` is known, is the one.
    pub(super) fn is(&self, file: &[u8], identity: Identity) -> bool {
        let has = |(at, bytes): (u64, [u8; 8])| {
            let rest = usize::try_from(at).ok().and_then(|at| file.get(at..));
            rest.is_some_and(|rest| rest.starts_with(&bytes))
        };
        self.identity == identity && self.point.is_none_or(has)
    }
}

/// The name of the journal of the index at `path`.
pub(super) fn journal_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".ofj");
    PathBuf::from(name)
}
