//! Signs of vectors in lists, kept.

use std::ops::Range;
use std::sync::Arc;

use super::{Marks, SignParts, Signs, blocks_of, sign_bytes};
use crate::code::codes::UNKNOWN_SCALE;
use crate::code::plane::Plane;
use crate::error::Result;
use crate::format::mmap::Mapping;

/// How much larger than the usual error a vector's may be before its signs say nothing.
const LENIENCE: f32 = 1.25;

/// Signs of the vectors of all lists.
#[derive(Debug)]
pub(crate) struct SignPlane {
    plane: Plane,
    factors: Vec<u16>,
    offsets: Vec<f32>,
    blocks_before: Vec<usize>,
    error: f32,
}

/// Signs as a file has them.
pub(crate) struct StoredSigns {
    pub(crate) error: f32,
    pub(crate) factors: Vec<u16>,
    pub(crate) offsets: Vec<f32>,
    /// Where the plane lies, and the checksums of its blocks.
    pub(crate) plane: (Range<usize>, Vec<u32>),
}

impl SignPlane {
    /// Room for the signs of all vectors, of which there are `before` each list; none for a
    /// dimension whose signs are not kept.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Memory`] if there is not enough.
    pub(in crate::code) fn room(before: &[usize], dim: usize) -> Result<Plane> {
        let n_bytes = sign_bytes(before, dim).map_or(usize::MAX, |n_bytes| n_bytes.unwrap_or(0));
        Plane::zeroed(n_bytes)
    }

    /// Of the signs in `plane` and what is known of each vector besides.
    pub(in crate::code) fn new(plane: Plane, before: &[usize], marks: &[Marks]) -> Option<Self> {
        let is_known = |marks: &&Marks| marks.factor != UNKNOWN_SCALE && marks.factor != 0;
        let mut errors: Vec<f32> = marks.iter().filter(is_known).map(|one| one.error).collect();
        let middle = errors.len() / 2;
        let error = match errors.is_empty() {
            true => 0.0,
            false => *errors.select_nth_unstable_by(middle, f32::total_cmp).1,
        };
        let factor = |marks: &Marks| match marks.error > error * LENIENCE {
            true => UNKNOWN_SCALE,
            false => marks.factor,
        };
        Some(Self {
            plane,
            factors: marks.iter().map(factor).collect(),
            offsets: marks.iter().map(|marks| marks.offset).collect(),
            blocks_before: blocks_of(before)?,
            error,
        })
    }

    /// Of a mapped file; `None` if its numbers contradict each other.
    pub(in crate::code) fn mapped(
        stored: StoredSigns,
        before: &[usize],
        file: &Arc<Mapping>,
    ) -> Option<Self> {
        let StoredSigns { error, factors, offsets, plane: (place, sums) } = stored;
        let plane = Plane::mapped(file, place, sums)?;
        Some(Self { plane, factors, offsets, blocks_before: blocks_of(before)?, error })
    }

    /// The signs of `n` vectors of `dim` values; `None` if they are not as many.
    pub(in crate::code) fn signs(&self, dim: usize, n: usize) -> Option<Signs<'_>> {
        let parts = SignParts {
            plane: self.plane.as_slice(),
            factors: &self.factors,
            offsets: &self.offsets,
            guard: self.plane.sums(),
            blocks_before: &self.blocks_before,
            error: self.error,
        };
        Signs::new(dim, n, parts)
    }

    pub(crate) fn plane(&self) -> &[u8] {
        self.plane.as_slice()
    }

    pub(crate) fn factors(&self) -> &[u16] {
        &self.factors
    }

    pub(crate) fn offsets(&self) -> &[f32] {
        &self.offsets
    }

    pub(crate) fn error(&self) -> f32 {
        self.error
    }

    pub(in crate::code) fn n_bytes(&self) -> usize {
        self.plane.as_slice().len() + 2 * self.factors.len() + 4 * self.offsets.len()
    }
}
