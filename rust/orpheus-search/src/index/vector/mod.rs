//! A FAISS file of any kind.

mod search;

use std::path::Path;
use std::sync::Arc;

use super::acceleration::{Acceleration, Codes, Vectors};
use super::engine::Engine;
use super::flat::FlatIndex;
use super::tree;
use crate::error::Result;
use crate::format::mmap::Mapping;
use crate::format::model::{Kind, Stored};
use crate::format::read::read;
use crate::metric::Metric;

pub(crate) use search::Prepared;
pub use search::RangeNeighbours;

/// An index over a mapped FAISS file of any kind that is read.
///
/// Vectors and codes stay in the file. Searching is safe from several threads; the file must not be
/// shortened meanwhile (see [`Mapping`]).
#[derive(Debug)]
pub struct VectorIndex {
    mapping: Arc<Mapping>,
    engine: Box<dyn Engine>,
    /// For vectors as they are there is a faster way.
    flat: Option<FlatIndex>,
    /// Of vectors as they are in lists or behind a graph.
    acceleration: Option<Arc<Acceleration>>,
    kind: String,
}

impl VectorIndex {
    /// Maps the file at `path` and reads what it says about itself.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) if it cannot be opened; otherwise as of
    /// [`format::read::read`](crate::format::read::read).
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, Codes::default())
    }

    /// As [`Self::open`], with a say in what is kept to be searched faster.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], and [`Error::Changed`](crate::Error::Changed) if the file is not what it
    /// was when its sidecar was made.
    pub fn open_with(path: &Path, codes: Codes) -> Result<Self> {
        let mapping = Arc::new(Mapping::open(path)?);
        let stored = read(mapping.bytes()?)?;
        let kind = stored.factory_string();
        if is_flat(&stored) {
            let flat = Some(FlatIndex::from_mapping(path, mapping.clone(), codes)?);
            let engine = tree::engine(stored, None)?;
            return Ok(Self { mapping, engine, flat, acceleration: None, kind });
        }
        let acceleration = Vectors::of(&stored, mapping.bytes()?)
            .map(|vectors| Acceleration::open(codes, path, &mapping, vectors).map(Arc::new))
            .transpose()?;
        let engine = tree::engine(stored, acceleration.as_ref())?;
        Ok(Self { mapping, engine, flat: None, acceleration, kind })
    }

    /// Makes codes of all vectors now, rather than after a few searches, and writes them beside
    /// the file if they may be. Does nothing to an index that holds codes only.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`](crate::Error::Memory) if there is not enough for them,
    /// [`Error::Shrunk`](crate::Error::Shrunk).
    pub fn accelerate(&self, n_threads: usize) -> Result<()> {
        match (&self.flat, &self.acceleration) {
            (Some(flat), _) => flat.accelerate(n_threads),
            (None, Some(acceleration)) => acceleration.make(n_threads),
            (None, None) => Ok(()),
        }
    }

    /// Whether there are codes of the vectors.
    #[must_use]
    pub fn has_codes(&self) -> bool {
        let data = self.acceleration.as_ref().and_then(|acceleration| acceleration.data());
        data.is_some() || self.flat.as_ref().is_some_and(FlatIndex::has_codes)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    ///
    /// [`Error::Shrunk`](crate::Error::Shrunk).
    pub(crate) fn file(&self) -> Result<&[u8]> {
        self.mapping.bytes()
    }

    /// How many vectors there are.
    #[must_use]
    pub fn ntotal(&self) -> usize {
        self.engine.ntotal()
    }

    /// Values per vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.engine.dim()
    }

    /// How vectors are compared: [`Metric::L2`] or [`Metric::InnerProduct`].
    #[must_use]
    pub fn metric(&self) -> Metric {
        self.engine.metric()
    }

    /// What `faiss.index_factory` calls such an index, such as `IVF256,PQ16`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The id of every vector, in stored order: the order of rows, or of ids where vectors are in
    /// inverted lists.
    ///
    /// # Errors
    ///
    /// [`Error::Shrunk`](crate::Error::Shrunk).
    pub fn stored_ids(&self) -> Result<Vec<i64>> {
        self.engine.stored_numbers(self.mapping.bytes()?)
    }

    /// The vector with the given id as far as its code keeps it; of several, the one stored last.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownId`](crate::Error::UnknownId);
    /// [`Error::NotReconstructible`](crate::Error::NotReconstructible) if a transform cannot be
    /// undone; [`Error::Shrunk`](crate::Error::Shrunk).
    pub fn reconstruct(&self, id: i64) -> Result<Vec<f32>> {
        let mut vector = vec![0.0; self.dim()];
        self.engine.reconstruct(self.mapping.bytes()?, id, &mut vector)?;
        Ok(vector)
    }
}

/// Whether [`FlatIndex`] reads it, too.
fn is_flat(stored: &Stored) -> bool {
    match &stored.kind {
        Kind::Flat { .. } => true,
        Kind::IdMap { inner, .. } => matches!(inner.kind, Kind::Flat { .. }),
        _ => false,
    }
}
