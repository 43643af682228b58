//! A FAISS file of any kind.

mod search;

use std::path::Path;
use std::sync::Arc;

use super::acceleration::Codes;
use super::engine::Engine;
use super::flat::FlatIndex;
use super::tree;
use crate::error::Result;
use crate::format::mmap::Mapping;
use crate::format::model::{Kind, Stored};
use crate::format::read::read;
use crate::metric::Metric;

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
        let mapping = Arc::new(Mapping::open(path)?);
        let stored = read(mapping.bytes()?)?;
        let flat = is_flat(&stored)
            .then(|| FlatIndex::from_mapping(path, mapping.clone(), Codes::default()))
            .transpose()?;
        let kind = stored.factory_string();
        Ok(Self { mapping, engine: tree::engine(stored)?, flat, kind })
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
