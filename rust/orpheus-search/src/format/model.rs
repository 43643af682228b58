//! What a FAISS file states, as plain data.
//!
//! [`super::read::read`] makes these from the bytes of a file and believes no number that the
//! bytes do not bear out. What grows with the number of vectors stays in the file, as a [`Place`];
//! what every query needs at hand (codebooks, matrices, trained ranges) is copied out, aligned.
//!
//! The numbers agree with each other: whoever holds a [`Stored`] may index with them. Only the
//! links of an HNSW graph are not looked at until [`HnswGraph::check_links`] is called.

use std::fmt;
use std::ops::Range;

use super::fourcc::Fourcc;
use crate::metric::Metric;

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

/// What the bits of a code of scalars mean.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalarQuantizer {
    /// Kind of code.
    pub kind: ScalarKind,
    /// Bytes of a vector: `dim * kind.bits()` bits, rounded up.
    pub code_size: usize,
    /// What was learned: `[minimum, difference]` for uniform codes, `dim` minima and then `dim`
    /// differences for those of a range per dimension, otherwise nothing. Nothing either while
    /// the index is not trained.
    pub trained: Vec<f32>,
    /// How the ranges were found; no search needs it.
    pub range_statistic: i32,
    /// A parameter of that.
    pub range_argument: f32,
}

/// Kinds of scalar code; the numbers are those of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[expect(
    missing_docs,
    reason = "the names say all: bits, and whether all dimensions share a range"
)]
pub enum ScalarKind {
    Bits8 = 0,
    Bits4 = 1,
    Bits8Uniform = 2,
    Bits4Uniform = 3,
    Float16 = 4,
    /// An integer from 0 to 255 as it is.
    Bits8Direct = 5,
    Bits6 = 6,
    BFloat16 = 7,
    /// An integer from -128 to 127, plus 128.
    Bits8DirectSigned = 8,
}

impl ScalarKind {
    /// Bits of a value.
    #[must_use]
    pub fn bits(self) -> usize {
        match self {
            Self::Bits4 | Self::Bits4Uniform => 4,
            Self::Bits6 => 6,
            Self::Bits8 | Self::Bits8Uniform | Self::Bits8Direct | Self::Bits8DirectSigned => 8,
            Self::Float16 | Self::BFloat16 => 16,
        }
    }

    /// Values that training finds for vectors of `dim` values.
    #[must_use]
    pub fn n_trained(self, dim: usize) -> usize {
        match self {
            Self::Bits8 | Self::Bits6 | Self::Bits4 => 2 * dim,
            Self::Bits8Uniform | Self::Bits4Uniform => 2,
            Self::Float16 | Self::BFloat16 | Self::Bits8Direct | Self::Bits8DirectSigned => 0,
        }
    }
}

/// What the numbers of a product code mean.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductQuantizer {
    /// Stretches of a vector; `dim` is a multiple.
    pub m: usize,
    /// Bits of the number of a centroid, 1 to 24.
    pub nbits: usize,
    /// Bytes of a vector: `m * nbits` bits, rounded up.
    pub code_size: usize,
    /// `[m][2^nbits][dim / m]`.
    pub centroids: Vec<f32>,
}

/// Settings of FAISS's search of a product code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polysemous {
    /// Whether and how, as FAISS numbers it.
    pub search_type: i32,
    /// Whether signs are encoded.
    pub encode_signs: bool,
    /// Hamming distance beyond which a vector is passed over.
    pub threshold: i32,
}

/// What a `RaBitQ` code holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaBitQ {
    /// Bytes of a vector.
    pub code_size: usize,
    /// The metric that the factors were made for: that of the index.
    pub metric: Metric,
    /// Bits per value, 1 to 9.
    pub nb_bits: usize,
}

/// How codes of 4-bit numbers are packed: by blocks of vectors, the last one padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// Vectors of a block, a multiple of 32.
    pub block_vectors: usize,
    /// Numbers of a vector, padding included: even.
    pub padded_m: usize,
    /// Bytes of a block.
    pub block_bytes: usize,
    /// Which of FAISS's kernels; no other search needs it.
    pub implementation: i32,
    /// Queries at a time of FAISS's kernel (`qbs`, or `qbs2` of an IVF).
    pub query_block: i64,
}

impl Packing {
    /// Blocks that hold `n` vectors.
    #[must_use]
    pub fn n_blocks(&self, n: usize) -> usize {
        n.div_ceil(self.block_vectors)
    }
}

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

/// A graph, and the vectors that it connects.
#[derive(Clone, Debug, PartialEq)]
pub struct Hnsw {
    /// The tag, which says what the storage is; `IH00` does not.
    pub tag: Fourcc,
    /// The graph.
    pub graph: HnswGraph,
    /// Flat, scalar or product codes: same dimension, number of vectors and metric.
    pub storage: Box<Stored>,
}

/// A hierarchical graph: node `i` is on levels 0 to `levels[i] - 1`, and its links on level `l` are
/// `neighbors[offsets[i] + cumulative[l]..offsets[i] + cumulative[l + 1]]`, up to the first -1.
#[derive(Clone, Debug, PartialEq)]
pub struct HnswGraph {
    /// Nodes: `ntotal` of the index.
    pub n_nodes: usize,
    /// Probability of each highest level when building.
    pub probabilities: Vec<f64>,
    /// Links on all levels below each; ascends from 0.
    pub cumulative: Vec<usize>,
    /// `n_nodes` int32, each from 1 to `cumulative.len() - 1`.
    pub levels: Place,
    /// `n_nodes + 1` uint64; `offsets[i + 1] - offsets[i]` is `cumulative[levels[i]]`, the first 0.
    pub offsets: Place,
    /// `offsets[n_nodes]` int32: nodes, or -1 for none.
    pub neighbors: Place,
    /// Where a search starts; `None` if and only if there are no nodes.
    pub entry_point: Option<usize>,
    /// The level of the entry point; -1 without nodes.
    pub max_level: i32,
    /// Beam when building.
    pub ef_construction: i32,
    /// Beam of a search unless it says otherwise, at least 1.
    pub ef_search: i32,
}

/// What is done to a vector before it comes to an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Transform {
    /// Values that go in.
    pub d_in: usize,
    /// Values that come out.
    pub d_out: usize,
    /// Whether what must be learned has been; tables are whole if so.
    pub is_trained: bool,
    /// What is done.
    pub kind: TransformKind,
}

/// Kinds of transform.
#[derive(Clone, Debug, PartialEq)]
pub enum TransformKind {
    /// `Pcam`: a linear map that was learned as principal components.
    Pca {
        /// The map; all that a query needs.
        linear: Linear,
        /// How the map was made; all that another training needs.
        training: PcaTraining,
    },
    /// `rrot`: a linear map, a random rotation.
    RandomRotation(Linear),
    /// `LTra`: a linear map, that of an OPQ for instance.
    Linear(Linear),
    /// `VNrm`: scaled so that the L2 norm is 1; a vector of norm 0 stays.
    Normalize,
    /// `VCnt`: less a mean.
    Center {
        /// `d_in` values.
        mean: Vec<f32>,
    },
    /// `RmDT`: values in another order, some left out, some zero.
    Remap {
        /// `d_out` places in the input; -1 gives zero.
        map: Vec<i32>,
    },
    /// `HRot`: a rotation by random signs and Hadamard matrices.
    Hadamard {
        /// What the signs come from.
        seed: u32,
    },
}

/// `y = A x + b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// `[d_out][d_in]`. It can hold more rows, which count for nothing.
    pub a: Vec<f32>,
    /// `d_out` values if there is a bias. Without one it counts for nothing.
    pub b: Vec<f32>,
    /// Whether there is a bias.
    pub have_bias: bool,
}

/// What FAISS keeps of the making of a PCA.
#[derive(Clone, Debug, PartialEq)]
pub struct PcaTraining {
    /// Power of the eigenvalues by which components are scaled.
    pub eigen_power: f32,
    /// Added to them.
    pub epsilon: f32,
    /// Whether a random rotation follows.
    pub random_rotation: bool,
    /// Whether components are dealt out to bins of equal variance, and how many.
    pub balanced_bins: i32,
    /// Mean of what was learned from.
    pub mean: Vec<f32>,
    /// Of all components, also of those left out.
    pub eigenvalues: Vec<f32>,
    /// All components.
    pub matrix: Vec<f32>,
}
