//! The crate's one error.

use std::io;
use std::path::{Path, PathBuf};

/// What a fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why there are no neighbours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused an operation on `path`.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file ends before something that it must hold.
    #[error(
        "not a whole FAISS index: {field} needs {needed} bytes at offset {offset}, \
         {available} are left"
    )]
    Truncated {
        /// What was about to be read.
        field: &'static str,
        /// Where in the file.
        offset: u64,
        /// Bytes that it takes.
        needed: u128,
        /// Bytes that are there.
        available: u64,
    },
    /// The first four bytes name no FAISS index.
    #[error("not a FAISS index: it starts with {0}, expected a tag such as \"IxF2\"")]
    NotAnIndex(String),
    /// The file is a FAISS index of a kind that is not read here.
    #[error("FAISS index kind {fourcc} ({name}) is not supported, expected one of {supported}")]
    UnsupportedKind {
        /// The tag in the file.
        fourcc: String,
        /// What FAISS calls it.
        name: &'static str,
        /// What would do at this place.
        supported: &'static str,
    },
    /// The index compares by a metric that is not implemented.
    #[error("FAISS metric {value} ({name}) is not supported, expected 0 (inner product) or 1 (L2)")]
    UnsupportedMetric {
        /// The number in the file.
        value: i32,
        /// What FAISS calls it.
        name: &'static str,
    },
    /// A field of the file has a value that it cannot have, or two fields contradict each other.
    #[error("damaged FAISS index: {field} at offset {offset} is {found}, expected {expected}")]
    Malformed {
        /// The field.
        field: &'static str,
        /// Where it starts in the file.
        offset: u64,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
    /// The file has become shorter since it was opened; its vectors are gone.
    #[error("the index file was cut to {found} bytes after it was opened with {expected}")]
    Shrunk {
        /// Bytes now.
        found: u64,
        /// Bytes at opening.
        expected: u64,
    },
    /// Bytes are not those that were written, by their checksum.
    #[error(
        "{what} changed since its checksum was made: the disk or a program damaged the index file \
         or its sidecar (.ofx); restore the index file or build it again, and delete the sidecar"
    )]
    Changed {
        /// Which bytes.
        what: String,
    },
    /// An array does not hold as many values as the others say.
    #[error("{name} holds {found} values, expected {expected}")]
    Shape {
        /// The parameter.
        name: &'static str,
        /// Its length.
        found: usize,
        /// What would do.
        expected: String,
    },
    /// A parameter has a value that cannot be worked with.
    #[error("{name} is {found}, expected {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A value that must be a number is NaN or infinite.
    #[error("{name}[{row}, {column}] is {value}, expected a finite number")]
    NotFinite {
        /// The parameter.
        name: &'static str,
        /// Its row.
        row: usize,
        /// The column.
        column: usize,
        /// NaN or an infinity.
        value: f64,
    },
    /// No stored vector has this id.
    #[error("id {id} is not in the index of {ntotal} vectors")]
    UnknownId {
        /// The id that was asked for.
        id: i64,
        /// How many vectors there are.
        ntotal: usize,
    },
    /// The index keeps too little of a vector to give one back.
    #[error("vectors cannot be reconstructed from this index: {0}")]
    NotReconstructible(&'static str),
    /// The answer would not fit into memory.
    #[error("{n_queries} queries with {k} neighbours each do not fit into memory")]
    TooLarge {
        /// Queries.
        n_queries: usize,
        /// Neighbours of each.
        k: usize,
    },
    /// There is not enough memory for something that a search would be faster with.
    #[error("{n_bytes} bytes of {purpose} do not fit into memory")]
    Memory {
        /// How much.
        n_bytes: usize,
        /// What for.
        purpose: &'static str,
    },
    /// The journal of updates beside a file is not what was written, or is that of another file.
    #[error(
        "the journal of updates beside the index file (.ofj) {problem} (at offset {offset}); \
         restore it, or delete it to give up the updates since the index file was written"
    )]
    Journal {
        /// What is wrong.
        problem: String,
        /// Where in the journal.
        offset: u64,
    },
    /// Another process, or another object of this one, updates the index.
    #[error("{} is held by another writer; close that one first", path.display())]
    Locked {
        /// The file that only one may lock.
        path: PathBuf,
    },
    /// The caller asked for an end before the search was done.
    #[error("the search was stopped")]
    Stopped,
}

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system failed; ask it.
    Io,
    /// The file is not an index that can be read.
    Format,
    /// An array has the wrong length.
    Shape,
    /// An argument has an unusable value.
    Parameter,
    /// The answer does not fit into memory.
    Memory,
    /// Somebody else writes.
    Locked,
    /// The caller wanted no answer any more.
    Stopped,
}

impl Error {
    /// The group that this error belongs to.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } => ErrorKind::Io,
            Self::Truncated { .. }
            | Self::NotAnIndex(_)
            | Self::UnsupportedKind { .. }
            | Self::UnsupportedMetric { .. }
            | Self::Malformed { .. }
            | Self::Shrunk { .. }
            | Self::Changed { .. }
            | Self::Journal { .. } => ErrorKind::Format,
            Self::Shape { .. } => ErrorKind::Shape,
            Self::Parameter { .. }
            | Self::NotFinite { .. }
            | Self::UnknownId { .. }
            | Self::NotReconstructible(_) => ErrorKind::Parameter,
            Self::TooLarge { .. } | Self::Memory { .. } => ErrorKind::Memory,
            Self::Locked { .. } => ErrorKind::Locked,
            Self::Stopped => ErrorKind::Stopped,
        }
    }

    /// Makes a `map_err` argument that remembers `path`.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
