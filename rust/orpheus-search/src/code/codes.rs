//! Where codes lie, and what is known of all of them.

use crate::filter::Picks;
use crate::sidecar::BlockSums;

/// Values per half block: a block of 64 bytes holds 128 values, a half block 64.
pub(crate) const HALF_BLOCK: usize = 64;
/// A scale that stands for "nothing is known of this vector": it is always compared exactly.
pub(crate) const UNKNOWN_SCALE: u16 = 0x7fc0;

/// What bounds are computed from: true of every vector whose scale is not [`UNKNOWN_SCALE`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Extent {
    /// Bound on the error of a coarse and of a fine code, in units of the vector's scale and for a
    /// query of length one whose digits are as good as [`super::encode::QUERY_ERROR`] says.
    pub(crate) reach: [f32; 2],
    /// Largest scale.
    pub(crate) scale: f32,
    /// Largest magnitude of an offset.
    pub(crate) offset: f32,
    /// Largest length of a vector before it was centred.
    pub(crate) norm: f32,
}

/// The arrays that make up codes; each has one entry (or stride) per vector.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeParts<'a> {
    /// Upper four bits of each value, [`Codes::stride`] bytes per vector. In a block of 64 bytes,
    /// byte `j` holds value `j` in its lower half and value `64 + j` in its upper one; a last block
    /// of 32 bytes holds values `j` and `32 + j`.
    pub(crate) coarse: &'a [u8],
    /// Lower four bits, likewise.
    pub(crate) fine: &'a [u8],
    /// Largest magnitude of a value, as the upper half of a float32.
    pub(crate) scales: &'a [u16],
    /// What is added to the inner product with the query to get the merit; may be empty: zeros.
    pub(crate) offsets: &'a [f32],
    /// What blocks of both planes are compared with before they are used, where they are a file's.
    pub(crate) guards: [Option<&'a BlockSums>; 2],
}

/// Vectors as codes, borrowed. Made by [`Codes::new`], which checks what kernels rely on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Codes<'a> {
    dim: usize,
    n: usize,
    parts: CodeParts<'a>,
}

impl<'a> Codes<'a> {
    /// `None` if the parts do not hold as much as `n` vectors of `dim` values need.
    pub(crate) fn new(dim: usize, n: usize, parts: CodeParts<'a>) -> Option<Self> {
        let n_bytes = n.checked_mul(Self::stride(dim))?;
        let fits = parts.coarse.len() == n_bytes
            && parts.fine.len() == n_bytes
            && parts.scales.len() == n
            && (parts.offsets.is_empty() || parts.offsets.len() == n);
        fits.then_some(Self { dim, n, parts })
    }

    /// Bytes of one vector in each plane.
    pub(crate) fn stride(dim: usize) -> usize {
        dim.div_ceil(HALF_BLOCK) * (HALF_BLOCK / 2)
    }

    /// Values of a query that is padded to whole blocks.
    pub(crate) fn padded(dim: usize) -> usize {
        dim.next_multiple_of(HALF_BLOCK)
    }

    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    pub(crate) fn n(&self) -> usize {
        self.n
    }

    pub(crate) fn scales(&self) -> &'a [u16] {
        self.parts.scales
    }

    pub(crate) fn offsets(&self) -> &'a [f32] {
        self.parts.offsets
    }

    /// The coarse code of vector `row`, which is below `n`.
    pub(crate) fn coarse(&self, row: usize) -> &'a [u8] {
        let stride = Self::stride(self.dim);
        &self.parts.coarse[row * stride..][..stride]
    }

    /// The coarse codes of `n` vectors from `first` on.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn coarse_of(&self, first: usize, n: usize) -> &'a [u8] {
        let stride = Self::stride(self.dim);
        &self.parts.coarse[first * stride..][..n * stride]
    }

    /// Its fine code.
    pub(crate) fn fine(&self, row: usize) -> &'a [u8] {
        let stride = Self::stride(self.dim);
        &self.parts.fine[row * stride..][..stride]
    }

    /// Whether the coarse codes of `picks` are what was written.
    pub(crate) fn coarse_is_sound(&self, picks: Picks<'_>) -> bool {
        let Some(sums) = self.parts.guards[0] else { return true };
        let stride = Self::stride(self.dim);
        let are = |rows: std::ops::Range<usize>| {
            sums.are(self.parts.coarse, rows.start * stride..rows.end * stride)
        };
        match picks {
            Picks::Range { first, len } => are(first..first + len),
            Picks::Rows(rows) => rows.iter().all(|&row| are(row..row + 1)),
        }
    }

    /// Whether the fine code of vector `row` is.
    pub(crate) fn fine_is_sound(&self, row: usize) -> bool {
        let stride = Self::stride(self.dim);
        let place = row * stride..(row + 1) * stride;
        self.parts.guards[1].is_none_or(|sums| sums.are(self.parts.fine, place))
    }

    /// The scale of vector `row`; NaN if nothing is known of it.
    pub(crate) fn scale(&self, row: usize) -> f32 {
        f32::from_bits(u32::from(self.parts.scales[row]) << 16)
    }

    /// Its offset.
    pub(crate) fn offset(&self, row: usize) -> f32 {
        self.parts.offsets.get(row).copied().unwrap_or(0.0)
    }

    /// The values that the coarse code of vector `row` stands for, and those of both codes.
    #[cfg(test)]
    pub(crate) fn decode(&self, row: usize) -> [Vec<f32>; 2] {
        let (coarse, fine) = (self.coarse(row), self.fine(row));
        let halves = |plane: &[u8], value: usize| {
            let (byte, shift) = Self::place_of(value, plane.len());
            plane[byte] >> shift & 15
        };
        let scale = self.scale(row);
        let value = |index: usize, with_fine: bool| {
            let high = f32::from(halves(coarse, index));
            let low = f32::from(halves(fine, index));
            let whole =
                if with_fine { (high * 16.0 + low + 0.5) / 128.0 } else { (high + 0.5) / 8.0 };
            scale * (whole - 1.0)
        };
        [false, true].map(|fine| (0..self.dim).map(|index| value(index, fine)).collect())
    }

    /// The byte of a plane that holds a value, and by how much it is shifted there.
    #[cfg(test)]
    fn place_of(value: usize, stride: usize) -> (usize, u32) {
        let (block, within) = (value / 128, value % 128);
        let half = (stride - block * 64).min(64);
        (block * 64 + within % half, if within < half { 0 } else { 4 })
    }
}
