//! Vectors in lists.

use super::{Packing, Place, ProductQuantizer, RaBitQ, ScalarQuantizer, Stored};

/// Vectors in lists.
#[derive(Clone, Debug, PartialEq)]
pub struct Ivf {
    /// Number of lists.
    pub nlist: usize,
    /// Lists that a query visits unless it says otherwise, at least 1.
    pub nprobe: usize,
    /// The centroids: `nlist` vectors of the same dimension. It holds none while the index is not
    /// trained, when no list holds a vector.
    pub quantizer: Box<Stored>,
    /// Where vectors are found by their stored number.
    pub direct_map: DirectMap,
    /// How a vector is stored.
    pub codes: IvfCodes,
    /// The vectors.
    pub lists: Lists,
}

/// How an IVF stores a vector.
#[derive(Clone, Debug, PartialEq)]
pub enum IvfCodes {
    /// `IwFl`: float32 values as they are.
    Flat,
    /// `IwSq`.
    Scalar {
        /// What the bits mean.
        quantizer: ScalarQuantizer,
        /// Whether the code is of the vector less the centroid of its list.
        by_residual: bool,
    },
    /// `IwPQ`.
    Product {
        /// The centroids of the code.
        quantizer: ProductQuantizer,
        /// Whether the code is of the vector less the centroid of its list.
        by_residual: bool,
    },
    /// `IwPf`.
    ProductFastScan {
        /// The centroids of the code; `nbits` is 4.
        quantizer: ProductQuantizer,
        /// Whether the code is of the vector less the centroid of its list.
        by_residual: bool,
        /// How the codes of a list are packed.
        packing: Packing,
    },
    /// `Iwrq`, `Iwrr`.
    RaBitQ {
        /// What a code holds.
        quantizer: RaBitQ,
        /// Whether the code is of the vector less the centroid of its list.
        by_residual: bool,
        /// Bits per value of a query, 0 for none but float32, when FAISS searches.
        query_bits: u8,
    },
    /// `Iwrn`.
    RaBitQFastScan {
        /// What a code holds.
        quantizer: RaBitQ,
        /// Whether the code is of the vector less the centroid of its list.
        by_residual: bool,
        /// Bits per value of a query when FAISS searches.
        query_bits: u8,
        /// Whether FAISS centres the quantised query.
        centered: bool,
        /// How the codes of a list are packed.
        packing: Packing,
    },
}

impl IvfCodes {
    /// Bytes of a vector of `dim` values.
    #[must_use]
    pub fn code_size(&self, dim: usize) -> usize {
        match self {
            Self::Flat => 4 * dim,
            Self::Scalar { quantizer, .. } => quantizer.code_size,
            Self::Product { quantizer, .. } | Self::ProductFastScan { quantizer, .. } => {
                quantizer.code_size
            }
            Self::RaBitQ { quantizer, .. } | Self::RaBitQFastScan { quantizer, .. } => {
                quantizer.code_size
            }
        }
    }

    /// How codes are packed, if they are.
    #[must_use]
    pub fn packing(&self) -> Option<&Packing> {
        match self {
            Self::ProductFastScan { packing, .. } | Self::RaBitQFastScan { packing, .. } => {
                Some(packing)
            }
            _ => None,
        }
    }
}

/// How an IVF finds a vector by its stored number; no search needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectMap {
    /// It does not.
    None,
    /// `ntotal` int64: list in the upper half, place in the list in the lower; -1 for none.
    Array(Place),
    /// Pairs of int64: stored number, and the same.
    Hash(Place),
}

/// The inverted lists of an IVF, one after the other. They hold at most `ntotal` vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lists {
    /// Vectors in all lists before each, and at the end in all: `nlist + 1` numbers. Empty if no
    /// list holds a vector.
    pub(crate) before: Vec<usize>,
    pub(crate) layout: ListLayout,
}

/// Where the lists lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListLayout {
    /// `ilar`: codes and then ids of each list, from `start` on.
    Array { start: usize, code_size: usize },
    /// `ilbl`: ids and then blocks of codes; where the ids of each list start.
    Blocks { id_starts: Vec<usize>, block_vectors: usize, block_bytes: usize },
}

/// One inverted list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Vectors.
    pub len: usize,
    /// `len` codes, or the blocks that hold them.
    pub codes: Place,
    /// `len` int64: the stored numbers of the vectors. Any numbers: -1 is never shown, and one that
    /// leads to a row of another index has to be compared with the number of rows.
    pub ids: Place,
}

impl Lists {
    /// Vectors in all lists: at most `ntotal`, which also counts those that had no nearest centroid.
    #[must_use]
    pub fn n_vectors(&self) -> usize {
        self.before.last().copied().unwrap_or(0)
    }

    /// Vectors in the lists before list `number`.
    #[must_use]
    pub fn n_before(&self, number: usize) -> usize {
        self.before.get(number).copied().unwrap_or_else(|| self.n_vectors())
    }

    /// The list that holds vector `position`, counted through all lists, which is there.
    #[must_use]
    pub fn list_at(&self, position: usize) -> usize {
        self.before.partition_point(|&before| before <= position).saturating_sub(1)
    }

    /// List `number`; one that is not there is empty.
    #[must_use]
    pub fn list(&self, number: usize) -> List {
        let before = self.n_before(number);
        let len = self.n_before(number + 1) - before;
        if len == 0 {
            return List { len: 0, codes: 0..0, ids: 0..0 };
        }
        match &self.layout {
            ListLayout::Array { start, code_size } => {
                let start = start + before * (code_size + 8);
                let codes = start..start + len * code_size;
                List { len, ids: codes.end..codes.end + 8 * len, codes }
            }
            ListLayout::Blocks { id_starts, block_vectors, block_bytes } => {
                let ids = id_starts[number]..id_starts[number] + 8 * len;
                // Eight bytes state the length of the codes.
                let codes = ids.end + 8..ids.end + 8 + len.div_ceil(*block_vectors) * block_bytes;
                List { len, codes, ids }
            }
        }
    }
}
