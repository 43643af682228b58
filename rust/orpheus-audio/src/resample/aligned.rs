//! Buffers that vector kernels can view as whole vectors.

use std::ops::{Deref, DerefMut};

/// What the widest vector wants to start at a multiple of.
const ALIGNMENT_BYTES: usize = 64;

/// A fixed number of values, the first at a multiple of 64 bytes.
#[derive(Debug)]
pub(super) struct Aligned<R> {
    values: Vec<R>,
    start: usize,
    length: usize,
}

impl<R: Copy + Default> Aligned<R> {
    /// `length` zeros.
    pub(super) fn new(length: usize) -> Self {
        let spare = ALIGNMENT_BYTES / size_of::<R>();
        let values = vec![R::default(); length + spare];
        // The vector is never grown, so its memory stays where it is.
        let start = values.as_ptr().align_offset(ALIGNMENT_BYTES).min(spare);
        Self { values, start, length }
    }
}

impl<R> Deref for Aligned<R> {
    type Target = [R];

    fn deref(&self) -> &[R] {
        &self.values[self.start..][..self.length]
    }
}

impl<R> DerefMut for Aligned<R> {
    fn deref_mut(&mut self) -> &mut [R] {
        &mut self.values[self.start..][..self.length]
    }
}
