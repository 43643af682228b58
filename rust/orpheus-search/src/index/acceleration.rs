//! When side data are made, and where they are kept.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::code::ListCodes;
use crate::error::{Error, Result};
use crate::format::mmap::Mapping;
use crate::format::model::{Header, IvfCodes, Kind, Place, Stored};
use crate::metric::Metric;
use crate::rows::Rows;
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

impl FromStr for Codes {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "beside" => Ok(Self::Beside),
            "memory" => Ok(Self::Memory),
            "none" => Ok(Self::None),
            _ => Err(Error::Parameter {
                name: "codes",
                found: format!("{name:?}"),
                expected: "\"beside\", \"memory\" or \"none\"".to_owned(),
            }),
        }
    }
}

/// The side data of an index, once there are any.
#[derive(Debug)]
pub(crate) struct Acceleration {
    codes: Codes,
    path: PathBuf,
    mapping: Arc<Mapping>,
    vectors: Vectors,
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
    pub(crate) fn open(
        codes: Codes,
        path: &Path,
        mapping: &Arc<Mapping>,
        vectors: Vectors,
    ) -> Result<Self> {
        let acceleration = Self {
            codes,
            path: path.to_owned(),
            mapping: Arc::clone(mapping),
            vectors,
            data: OnceLock::new(),
            n_queries: AtomicUsize::new(0),
            making: Mutex::new(()),
        };
        if codes != Codes::None
            && let Some(found) = sidecar::load(&acceleration.subject()?)?
        {
            acceleration.data.get_or_init(|| found);
        }
        Ok(acceleration)
    }

    /// Side data, if there are any.
    pub(crate) fn data(&self) -> Option<&SideData> {
        self.data.get()
    }

    /// Bytes of all vectors.
    pub(crate) fn n_bytes(&self) -> usize {
        4 * self.vectors.n_values()
    }

    /// Copies bytes of the file; see [`Mapping::read_at`].
    pub(crate) fn read_at(&self, place: Place, bytes: &mut [u8]) -> Result<()> {
        self.mapping.read_at(place, bytes)
    }

    /// Side data for a search for `n_queries`: made now, if enough has been asked.
    pub(crate) fn for_queries(
        &self,
        n_queries: usize,
        n_threads: usize,
    ) -> Result<Option<&SideData>> {
        if self.data.get().is_some() || self.codes == Codes::None {
            return Ok(self.data.get());
        }
        let asked = self.n_queries.fetch_add(n_queries, Ordering::Relaxed);
        let is_worth_it = asked.saturating_add(n_queries) >= QUERIES_BEFORE
            && self.vectors.n_values() >= LEAST_VALUES;
        if is_worth_it {
            match self.make(n_threads) {
                Ok(()) | Err(Error::Memory { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.data.get())
    }

    /// Makes side data now, unless there are any, and writes them beside the file if they may be.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] if there is not enough for them.
    pub(crate) fn make(&self, n_threads: usize) -> Result<()> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if self.data.get().is_some() {
            return Ok(());
        }
        let subject = self.subject()?;
        let codes = self.encode(&subject, n_threads)?;
        // Where the folder cannot be written to, or is full, they stay in memory.
        if self.codes == Codes::Beside
            && self.vectors.n_values() >= LEAST_STORED_VALUES
            && sidecar::save(&subject, &codes, n_threads).is_ok()
            && let Some(stored) = sidecar::load(&subject)?
        {
            self.data.get_or_init(|| stored);
            return Ok(());
        }
        self.data.get_or_init(|| SideData { codes, rows: None });
        Ok(())
    }

    fn encode(&self, subject: &Subject<'_>, n_threads: usize) -> Result<ListCodes> {
        let (lists, metric) = (subject.rows()?, subject.metric);
        match (&self.vectors.centers, &lists[..]) {
            (Some(centers), _) => ListCodes::new(&lists, centers.clone(), metric, n_threads),
            (None, [rows]) => ListCodes::of_matrix(*rows, metric, n_threads),
            (None, _) => Err(Error::Memory { n_bytes: 0, purpose: "lists without centres" }),
        }
    }

    fn subject(&self) -> Result<Subject<'_>> {
        let Vectors { metric, dim, ref lists, .. } = self.vectors;
        let bytes = self.mapping.bytes()?;
        Ok(Subject { path: &self.path, bytes, mapping: &self.mapping, metric, dim, lists })
    }
}

/// The vectors of an index that lie in its file as they are.
#[derive(Debug)]
pub(crate) struct Vectors {
    pub(crate) metric: Metric,
    pub(crate) dim: usize,
    /// Places in the file, one for each list, ascending.
    pub(crate) lists: Vec<Place>,
    /// What the lists lie around, back to back; `None` if there is one, around its mean.
    pub(crate) centers: Option<Vec<f32>>,
}

impl Vectors {
    /// Those of `stored`, in whatever it is wrapped; `None` if it holds codes only.
    pub(crate) fn of(stored: &Stored, file: &[u8]) -> Option<Self> {
        let Header { metric, dim, .. } = stored.header;
        match &stored.kind {
            Kind::Flat { vectors } => {
                Some(Self { metric, dim, lists: vec![vectors.clone()], centers: None })
            }
            Kind::IdMap { inner, .. } | Kind::PreTransform { inner, .. } => Self::of(inner, file),
            Kind::Hnsw(hnsw) => Self::of(&hnsw.storage, file).filter(|of| of.centers.is_none()),
            Kind::Ivf(ivf) if ivf.codes == IvfCodes::Flat && ivf.lists.n_vectors() > 0 => {
                let centers = Self::of(&ivf.quantizer, file)?;
                let [place] = &centers.lists[..] else { return None };
                let rows = Rows::from_bytes(&file[place.clone()], dim).ok()?;
                let centers = (0..rows.n_rows()).flat_map(|row| rows.row(row)).collect();
                let lists = (0..ivf.nlist).map(|list| ivf.lists.list(list).codes).collect();
                Some(Self { metric, dim, lists, centers: Some(centers) })
            }
            _ => None,
        }
        .filter(|vectors| vectors.lists.iter().any(|list| !list.is_empty()))
    }

    fn n_values(&self) -> usize {
        self.lists.iter().map(|list| list.len() / 4).sum()
    }
}
