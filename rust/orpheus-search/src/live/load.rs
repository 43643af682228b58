//! From what lies on disk to an index.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::identity::Identity;
use super::journal::{Ending, Reader, Record, Update};
use super::snapshot::{Replay, Snapshot};
use crate::error::{Error, Result};
use crate::index::acceleration::Codes;
use crate::index::vector::VectorIndex;

/// How often a file and its journal are read again if they do not belong together: between the two
/// readings a writer may have replaced both.
const TRIES: u32 = 6;

/// An index with what its journal says.
pub(super) struct Loaded {
    pub(super) snapshot: Snapshot,
    pub(super) journal: Option<Found>,
}

/// A journal that was found.
pub(super) struct Found {
    pub(super) ending: Ending,
    /// No id from this one on was ever given by an update in the journal or before it.
    pub(super) next_id: i64,
    /// The updates that the file does not hold, if the file is the one that was to come next: the
    /// crash of a compaction came between its two last steps.
    pub(super) succession: Option<Vec<Update>>,
}

/// Reads the file at `path` and its journal. `known` is what was read before, which is used again if
/// the file is still the same.
pub(super) fn load(path: &Path, codes: Codes, known: Option<&Arc<VectorIndex>>) -> Result<Loaded> {
    let mut tries = 0;
    loop {
        let main = open(path, codes, known)?;
        match read_journal(path, main) {
            Err(NoFit::NotYet) if tries < TRIES => {
                thread::sleep(Duration::from_millis(1 << tries));
                tries += 1;
            }
            Err(NoFit::NotYet) => {
                let problem = "is that of another version of the index file".to_owned();
                return Err(Error::Journal { problem, offset: 24 });
            }
            Err(NoFit::Error(error)) => return Err(error),
            Ok(loaded) => return Ok(loaded),
        }
    }
}

fn open(path: &Path, codes: Codes, known: Option<&Arc<VectorIndex>>) -> Result<Arc<VectorIndex>> {
    if let Some(known) = known {
        let now = crate::format::mmap::Mapping::open(path)?;
        if Identity::of(now.bytes()?) == Identity::of(known.file()?) {
            return Ok(Arc::clone(known));
        }
    }
    VectorIndex::open_with(path, codes).map(Arc::new)
}

enum NoFit {
    /// The journal is another file's.
    NotYet,
    Error(Error),
}

impl From<Error> for NoFit {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

fn read_journal(path: &Path, main: Arc<VectorIndex>) -> std::result::Result<Loaded, NoFit> {
    let Some(reader) = Reader::open(path)? else {
        return Ok(Loaded { snapshot: Snapshot::new(main), journal: None });
    };
    let (head, file) = (reader.head, main.file()?);
    let identity = Identity::of(file);
    if (head.dim, head.metric) != (main.dim(), main.metric()) {
        return Err(NoFit::NotYet);
    }
    if head.identity == identity
        && let Some(loaded) = replay(reader, &main, None, identity)?
    {
        return Ok(loaded);
    }
    // The file may be the one that was to come next.
    let covered = covered_by(path, file, identity)?.ok_or(NoFit::NotYet)?;
    let again = Reader::open(path)?.filter(|reader| reader.head == head);
    let loaded = replay(again.ok_or(NoFit::NotYet)?, &main, Some(covered), identity)?;
    loaded.ok_or(NoFit::NotYet)
}

/// What comes of the updates, from `covered` on if the file holds what is before. `None` if the file
/// turns out to hold some of them.
fn replay(
    mut reader: Reader<'_>,
    main: &Arc<VectorIndex>,
    covered: Option<u64>,
    identity: Identity,
) -> Result<Option<Loaded>> {
    let mut now = Replay::new(Arc::clone(main));
    let (mut next_id, mut left) = (reader.head.next_id, Vec::new());
    let ending = loop {
        let (offset, mut update) = match reader.next()? {
            Err(ending) => break ending,
            Ok((_, Record::Successor(successor))) => {
                if covered.is_none()
                    && successor.point.is_some()
                    && successor.is(main.file()?, identity)
                {
                    return Ok(None);
                }
                continue;
            }
            Ok((offset, Record::Update(update))) => (offset, update),
        };
        let ids = update.ids.iter().chain(&update.removed);
        next_id = ids.fold(next_id, |next, id| next.max(id.saturating_add(1)));
        if covered.is_some_and(|covered| offset < covered) {
            continue;
        }
        if covered.is_some() {
            // What was in the tail then may be in the file now.
            update.n_of_main = now.n_in_main(&update.removed)?;
            left.push(update.clone());
        }
        now.apply(update);
    };
    let journal = Found { ending, next_id, succession: covered.map(|_| left) };
    Ok(Some(Loaded { snapshot: now.finish(), journal: Some(journal) }))
}

/// Up to where the journal's updates are in `file`, if that is one that was to come next.
fn covered_by(path: &Path, file: &[u8], identity: Identity) -> Result<Option<u64>> {
    let Some(mut reader) = Reader::open(path)? else { return Ok(None) };
    let mut covered = None;
    while let Ok((_, record)) = reader.next()? {
        if let Record::Successor(successor) = record
            && successor.is(file, identity)
        {
            covered = Some(successor.covered);
        }
    }
    Ok(covered)
}
