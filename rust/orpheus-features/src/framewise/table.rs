//! Results: lines of numbers per frame.

use super::samples::Values;
use super::visit::Place;
use crate::error::{Error, Result};
use crate::spectrum::simd::{MAX_LANES, Real, Simd};

/// What a feature gives: for each signal, lines of one number per frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// In C order.
    pub values: Values,
    /// Signals, lines, frames.
    pub shape: [usize; 3],
}

/// A table being written.
#[derive(Debug)]
pub(super) struct Lines<R> {
    pub(super) values: Vec<R>,
    pub(super) shape: [usize; 3],
}

/// `n` zeros.
///
/// # Errors
///
/// [`Error::OutOfMemory`] if they cannot be had.
pub(super) fn zeros<R: Real>(n_values: usize) -> Result<Vec<R>> {
    // Asked for twice: memory that the system gives out as zeros costs nothing until it is used,
    // but asking for that ends the process if there is none.
    Vec::<R>::new().try_reserve_exact(n_values).map_err(|_| Error::OutOfMemory { n_values })?;
    Ok(vec![R::default(); n_values])
}

/// Gives an empty vector with room for so many values, for results that are large: where they lie in
/// memory costs as much as computing them.
pub type Allocate<'a> = &'a (dyn Fn(usize) -> Vec<f32> + Sync);

/// As [`zeros`], in memory of the caller's choice.
///
/// # Errors
///
/// [`Error::OutOfMemory`] if there is not as much.
pub(super) fn zeros_in(allocate: Allocate<'_>, n_values: usize) -> Result<Vec<f32>> {
    // Refuses what cannot be had, before the caller tries.
    Vec::<f32>::new().try_reserve_exact(n_values).map_err(|_| Error::OutOfMemory { n_values })?;
    let mut values = allocate(n_values);
    values.resize(n_values, 0.0);
    Ok(values)
}

impl<R: Real> Lines<R> {
    /// All zero.
    pub(super) fn new(n_signals: usize, n_lines: usize, n_frames: usize) -> Result<Self> {
        Self::from([n_signals, n_lines, n_frames], zeros)
    }

    /// Of this shape, with the values that `allocate` gives.
    pub(super) fn from(
        shape: [usize; 3],
        allocate: impl FnOnce(usize) -> Result<Vec<R>>,
    ) -> Result<Self> {
        let [n_signals, n_lines, n_frames] = shape;
        let n_values = n_signals.checked_mul(n_lines).and_then(|n| n.checked_mul(n_frames));
        let n_values = n_values.ok_or(Error::OutOfMemory { n_values: usize::MAX })?;
        Ok(Self { values: allocate(n_values)?, shape })
    }

    /// Where `line` has its number of frame `frame`.
    #[inline(always)]
    pub(super) fn at(&self, signal: usize, line: usize, frame: usize) -> usize {
        let [_, n_lines, n_frames] = self.shape;
        (signal * n_lines + line) * n_frames + frame
    }

    /// Writes the valid lanes of `value`.
    #[inline(always)]
    pub(super) fn put<S: Simd<Real = R>>(
        &mut self,
        simd: S,
        line: usize,
        place: Place,
        value: S::V,
    ) {
        let at = self.at(place.signal, line, place.frame);
        if place.n_valid == S::LANES {
            simd.store(value, &mut self.values[at..]);
        } else {
            let mut lanes = [R::default(); MAX_LANES];
            simd.store(value, &mut lanes);
            self.values[at..at + place.n_valid].copy_from_slice(&lanes[..place.n_valid]);
        }
    }

    /// Reads the lanes of a place; those that are not valid repeat the first one.
    #[inline(always)]
    pub(super) fn get<S: Simd<Real = R>>(&self, simd: S, line: usize, place: Place) -> S::V {
        let at = self.at(place.signal, line, place.frame);
        load(simd, &self.values[at..at + place.n_valid])
    }
}

/// A vector of `values`, of which there is at least one; lanes that are left repeat the first.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, values: &[S::Real]) -> S::V {
    if values.len() == S::LANES {
        return simd.load(values);
    }
    let mut lanes = [values[0]; MAX_LANES];
    lanes[..values.len()].copy_from_slice(values);
    simd.load(&lanes)
}

impl From<Lines<f32>> for Table {
    fn from(lines: Lines<f32>) -> Self {
        Self { values: Values::F32(lines.values), shape: lines.shape }
    }
}

impl From<Lines<f64>> for Table {
    fn from(lines: Lines<f64>) -> Self {
        Self { values: Values::F64(lines.values), shape: lines.shape }
    }
}
