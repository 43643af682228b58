//! Where signs lie.

use std::ops::Range;

use crate::sidecar::BlockSums;

/// Vectors of a block: byte `i` of all of them stands side by side, then byte `i + 1` …, so that one
/// instruction looks up four signs of each in a table of the query's.
pub(crate) const LANES: usize = 32;
/// Values below which one bit for each says nothing.
const LEAST_DIM: usize = 256;
/// Values beyond which the sums of the kernels would not fit 16 bits.
const LARGEST_DIM: usize = 8192;

/// Bytes of the signs of a vector; `None` for a dimension whose signs are not kept.
pub(crate) fn sign_stride(dim: usize) -> Option<usize> {
    // Whole groups of eight bytes: as many as the kernels sum in 8 bits.
    (LEAST_DIM..=LARGEST_DIM).contains(&dim).then(|| dim.div_ceil(64) * 8)
}

/// Bytes of a block of vectors with signs of `stride` bytes.
pub(in crate::code) fn block_bytes(stride: usize) -> usize {
    stride * LANES
}

/// Blocks before each list, and in all, from the vectors before each: a list begins with a block of
/// its own. `None` if the numbers are not ascending.
pub(in crate::code) fn blocks_of(before: &[usize]) -> Option<Vec<usize>> {
    let mut blocks = vec![0usize];
    for pair in before.windows(2) {
        let n_here = pair[1].checked_sub(pair[0])?.div_ceil(LANES);
        blocks.push(blocks[blocks.len() - 1].checked_add(n_here)?);
    }
    Some(blocks)
}

/// Bytes of the signs of all lists, from the vectors before each: none for a dimension whose signs
/// are not kept. `None` if there cannot be as many.
pub(crate) fn sign_bytes(before: &[usize], dim: usize) -> Option<Option<usize>> {
    let Some(stride) = sign_stride(dim) else { return Some(None) };
    Some(Some(blocks_of(before)?.last()?.checked_mul(block_bytes(stride))?))
}

/// Writes the signs of the vector at `place` among those of `blocks`.
pub(in crate::code) fn scatter(signs: &[u8], place: usize, blocks: &mut [u8]) {
    let block = &mut blocks[place / LANES * block_bytes(signs.len())..];
    for (&byte, lanes) in signs.iter().zip(block.chunks_exact_mut(LANES)) {
        lanes[place % LANES] = byte;
    }
}

/// The arrays that make up signs.
#[derive(Clone, Copy, Debug)]
pub(in crate::code) struct SignParts<'a> {
    /// Whole blocks.
    pub(in crate::code) plane: &'a [u8],
    /// One for each vector: what a sum of signs is multiplied by, as the upper half of a float32.
    pub(in crate::code) factors: &'a [u16],
    /// Likewise: what is added to get the merit.
    pub(in crate::code) offsets: &'a [f32],
    /// What the plane is compared with before it is used, where it is a file's.
    pub(in crate::code) guard: Option<&'a BlockSums>,
    /// Blocks before each list.
    pub(in crate::code) blocks_before: &'a [usize],
    /// The usual standard error of a sum of signs, in units of the query's length.
    pub(in crate::code) error: f32,
}

/// Signs, borrowed. Made by [`Signs::new`], which checks what kernels rely on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs<'a> {
    stride: usize,
    parts: SignParts<'a>,
}

impl<'a> Signs<'a> {
    /// `None` if signs of `dim` values are not kept, or the parts do not fit together.
    pub(in crate::code) fn new(dim: usize, n: usize, parts: SignParts<'a>) -> Option<Self> {
        let stride = sign_stride(dim)?;
        let n_blocks = *parts.blocks_before.last()?;
        let fits = Some(parts.plane.len()) == n_blocks.checked_mul(block_bytes(stride))
            && parts.factors.len() == n
            && parts.offsets.len() == n;
        fits.then_some(Self { stride, parts })
    }

    /// Bytes of one vector.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// The usual standard error of a sum of signs, in units of the query's length.
    pub(crate) fn error(&self) -> f32 {
        self.parts.error
    }

    /// What is known of the vectors at `places`: factors and offsets.
    pub(crate) fn facts(&self, places: Range<usize>) -> (&'a [u16], &'a [f32]) {
        (&self.parts.factors[places.clone()], &self.parts.offsets[places])
    }

    /// The same of one vector.
    pub(crate) fn fact(&self, place: usize) -> (u16, f32) {
        (self.parts.factors[place], self.parts.offsets[place])
    }

    /// The first block of list `list`.
    pub(crate) fn first_block(&self, list: usize) -> usize {
        self.parts.blocks_before[list]
    }

    /// The bytes of `blocks`.
    pub(crate) fn blocks(&self, blocks: Range<usize>) -> &'a [u8] {
        let n_bytes = block_bytes(self.stride);
        &self.parts.plane[blocks.start * n_bytes..blocks.end * n_bytes]
    }

    /// Whether `blocks` are what was written.
    pub(crate) fn are_sound(&self, blocks: Range<usize>) -> bool {
        let n_bytes = block_bytes(self.stride);
        let place = blocks.start * n_bytes..blocks.end * n_bytes;
        self.parts.guard.is_none_or(|sums| sums.are(self.parts.plane, place))
    }
}
