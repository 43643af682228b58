//! What a FAISS file states, as plain data.
//!
//! [`super::read::read`] makes these from the bytes of a file and believes no number that the
//! bytes do not bear out. What grows with the number of vectors stays in the file, as a [`Place`];
//! what every query needs at hand (codebooks, matrices, trained ranges) is copied out, aligned.
//!
//! The numbers agree with each other: whoever holds a [`Stored`] may index with them. Only the
//! links of an HNSW graph are not looked at until [`HnswGraph::check_links`] is called.

mod codes;
mod graph;
mod ivf;
mod transform;

use std::fmt;
use std::ops::Range;

use crate::metric::Metric;

pub use codes::{Packing, Polysemous, ProductQuantizer, RaBitQ, ScalarKind, ScalarQuantizer};
pub use graph::{Hnsw, HnswGraph};
pub(crate) use ivf::ListLayout;
pub use ivf::{DirectMap, Ivf, IvfCodes, List, Lists};
pub use transform::{Linear, PcaTraining, Transform, TransformKind};

/// Bytes of a file, from its start. They lie at any address: never as `&[f32]`.
pub type Place = Range<usize>;

/// What every index starts with after its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Values per vector.
    pub dim: usize,
    /// Vectors.
    pub ntotal: usize,
    /// How they are compared: inner product or L2.
    pub metric: Metric,
    /// Whether what must be learned from vectors has been.
    pub is_trained: bool,
}

impl fmt::Display for Header {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dim, ntotal, metric, .. } = self;
        write!(formatter, "{ntotal} vectors of dimension {dim} under {metric}")
    }
}

impl Header {
    /// Whether both describe the same vectors, trained or not.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        (self.dim, self.ntotal, self.metric) == (other.dim, other.ntotal, other.metric)
    }
}

/// An index as it stands in a file, or in another index.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// What all indexes state.
    pub header: Header,
    /// What this kind of index states.
    pub kind: Kind,
}

/// The kinds of index that are read.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// `IxF2`, `IxFI`, `IxFl`: vectors as they are.
    Flat {
        /// `ntotal * dim` float32 values.
        vectors: Place,
    },
    /// `IxMp`, `IxM2`: an index whose vectors have ids of their own.
    IdMap {
        /// Finds stored numbers: same dimension, number of vectors and metric.
        inner: Box<Stored>,
        /// `ntotal` int64: the id of each stored number. None is -1.
        ids: Place,
        /// Whether FAISS also finds the vector of an id (`IxM2`).
        two_way: bool,
    },
    /// `IxSQ`: each value as a few bits.
    Scalar {
        /// What the bits mean.
        quantizer: ScalarQuantizer,
        /// `ntotal * quantizer.code_size` bytes.
        codes: Place,
    },
    /// `IxPq`: each stretch of a vector as the number of a centroid.
    Product {
        /// The centroids.
        quantizer: ProductQuantizer,
        /// `ntotal * quantizer.code_size` bytes.
        codes: Place,
        /// How FAISS would search it; the answers are those of mode 0 for all that it writes by
        /// itself.
        polysemous: Polysemous,
    },
    /// `IPfs`: the same with 4 bits a number, packed by blocks of vectors.
    ProductFastScan {
        /// The centroids; `nbits` is 4.
        quantizer: ProductQuantizer,
        /// How the codes are packed.
        packing: Packing,
        /// `packing.n_blocks(ntotal) * packing.block_bytes` bytes.
        codes: Place,
    },
    /// `Ixrq`, `Ixrr`: the sign of each value less a centre, and factors.
    RaBitQ {
        /// What a code holds.
        quantizer: RaBitQ,
        /// `dim` values that were subtracted.
        center: Vec<f32>,
        /// Bits per value of a query, 0 for none but float32, when FAISS searches.
        query_bits: u8,
        /// `ntotal * quantizer.code_size` bytes.
        codes: Place,
    },
    /// `Irfn`: the same packed by blocks of vectors.
    RaBitQFastScan {
        /// What a code holds.
        quantizer: RaBitQ,
        /// `dim` values that were subtracted.
        center: Vec<f32>,
        /// Bits per value of a query when FAISS searches.
        query_bits: u8,
        /// How the codes are packed.
        packing: Packing,
        /// `packing.n_blocks(ntotal) * packing.block_bytes` bytes.
        codes: Place,
    },
    /// `IwFl`, `IwSq`, `IwPQ`, `IwPf`, `Iwrq`, `Iwrr`, `Iwrn`: vectors in lists, by the nearest
    /// of some centroids.
    Ivf(Ivf),
    /// `IHNf`, `IHNs`, `IHNp`, `IH00`: a graph over the vectors of another index.
    Hnsw(Hnsw),
    /// `IxPT`: an index of changed vectors.
    PreTransform {
        /// What is done to a vector, in this order; dimensions fit from `header.dim` on.
        chain: Vec<Transform>,
        /// Holds the changed vectors: same number of vectors and metric.
        inner: Box<Stored>,
    },
    /// `IxRF`: candidates from one index are compared again by another.
    Refine {
        /// Finds candidates: same dimension, number of vectors and metric.
        base: Box<Stored>,
        /// Compares: the same.
        refine: Box<Stored>,
        /// Candidates per neighbour, at least 1.
        k_factor: f32,
    },
}

impl Kind {
    /// What FAISS calls such an index.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Flat { .. } => "Flat",
            Self::IdMap { two_way: false, .. } => "IDMap",
            Self::IdMap { .. } => "IDMap2",
            Self::Scalar { .. } => "ScalarQuantizer",
            Self::Product { .. } => "PQ",
            Self::ProductFastScan { .. } => "PQFastScan",
            Self::RaBitQ { .. } => "RaBitQ",
            Self::RaBitQFastScan { .. } => "RaBitQFastScan",
            Self::Ivf(_) => "IVF",
            Self::Hnsw(_) => "HNSW",
            Self::PreTransform { .. } => "PreTransform",
            Self::Refine { .. } => "Refine",
        }
    }
}
