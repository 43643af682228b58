//! When side data are made, and where they are kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::code::ListCodes;
use crate::error::{Error, Result};
use crate::sidecar::{self, SideData, Subject};

/// Queries after which codes are made: fewer cost less than making them.
const QUERIES_BEFORE: usize = 4;
/// Values below which there is nothing to gain.
const LEAST_VALUES: usize = 1 << 16;
/// Values below which codes are made anew for each process: a file would be a nuisance.
const LEAST_STORED_VALUES: usize = 1 << 20;

/// Whether an index may keep codes of its vectors (see [`crate::RowCodes`]) to be searched faster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codes {
    /// Beside the file (`NAME.ofx`) if they are many and the folder can be written to, in memory
    /// otherwise. What lies beside the file is used.
    #[default]
    Beside,
    /// In memory. What lies beside the file is used, but nothing is written.
    Memory,
    /// Not at all.
    None,
}

/// The side data of an index, once there are any.
#[derive(Debug)]
pub(crate) struct Acceleration {
    codes: Codes,
    data: OnceLock<SideData>,
    n_queries: AtomicUsize,
    /// Held by the thread that makes them, so that no other makes them too.
    making: Mutex<()>,
}

impl Acceleration {
    /// With what lies beside the file, if anything does.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`] if the file is not what it was when that was made.
    pub(crate) fn open(codes: Codes, subject: &Subject<'_>) -> Result<Self> {
        let data = OnceLock::new();
        if codes != Codes::None
            && let Some(found) = sidecar::load(subject)?
        {
            data.get_or_init(|| found);
        }
        Ok(Self { codes, data, n_queries: AtomicUsize::new(0), making: Mutex::new(()) })
    }

    /// Side data, if there are any.
    pub(crate) fn data(&self) -> Option<&SideData> {
        self.data.get()
    }

    /// Side data for a search for `n_queries`: made now, if enough has been asked.
    pub(crate) fn for_queries<'a>(
        &'a self,
        n_queries: usize,
        n_threads: usize,
        subject: impl FnOnce() -> Result<(Subject<'a>, Centers)>,
    ) -> Result<Option<&'a SideData>> {
        if self.data.get().is_some() || self.codes == Codes::None {
            return Ok(self.data.get());
        }
        let asked = self.n_queries.fetch_add(n_queries, Ordering::Relaxed);
        if asked.saturating_add(n_queries) < QUERIES_BEFORE {
            return Ok(None);
        }
        let (subject, centers) = subject()?;
        if subject.n_values() < LEAST_VALUES {
            return Ok(None);
        }
        match self.make(&subject, centers, n_threads) {
            Ok(()) | Err(Error::Memory { .. }) => Ok(self.data.get()),
            Err(error) => Err(error),
        }
    }

    /// Makes side data now, unless there are any, and writes them beside the file if they may be.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] if there is not enough for them.
    pub(crate) fn make(
        &self,
        subject: &Subject<'_>,
        centers: Centers,
        n_threads: usize,
    ) -> Result<()> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if self.data.get().is_some() {
            return Ok(());
        }
        let lists = subject.rows()?;
        let codes = match centers {
            Centers::Mean => ListCodes::of_matrix(lists[0], subject.metric, n_threads)?,
            Centers::Of(centers) => ListCodes::new(&lists, centers, subject.metric, n_threads)?,
        };
        if self.codes == Codes::Beside && subject.n_values() >= LEAST_STORED_VALUES {
            // Where the folder cannot be written to, or is full, they stay in memory.
            if sidecar::save(subject, &codes, n_threads).is_ok()
                && let Some(stored) = sidecar::load(subject)?
            {
                self.data.get_or_init(|| stored);
                return Ok(());
            }
        }
        self.data.get_or_init(|| SideData { codes, rows: None });
        Ok(())
    }
}

/// What the lists of an index lie around.
pub(crate) enum Centers {
    /// All vectors are one list, around their mean.
    Mean,
    /// A centroid for each list, back to back.
    Of(Vec<f32>),
}
