//! How a stored code relates to a vector.

use crate::metric::Metric;

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
