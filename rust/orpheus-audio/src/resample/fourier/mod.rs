//! Discrete Fourier transforms: what both kinds of sharp filters are made of.

mod butterfly;
mod columns;

pub(super) use butterfly::{Complex, transform};
pub(super) use columns::{Columns, turn};

use super::aligned::Aligned;
use super::simd::{MAX_LANES, Real, Simd};

/// Which frequency a row holds after the passes over the columns.
pub(in crate::resample) fn frequency(
    radices: impl Iterator<Item = usize>,
    n_rows: usize,
    row: usize,
) -> usize {
    let (mut weight, mut below, mut frequency) = (1, n_rows, 0);
    for radix in radices {
        below /= radix;
        frequency += weight * (row / below % radix);
        weight *= radix;
    }
    frequency
}

/// Real and imaginary parts, or two blocks of real samples.
#[derive(Debug)]
pub(in crate::resample) struct Block<R> {
    pub(in crate::resample) re: Aligned<R>,
    pub(in crate::resample) im: Aligned<R>,
}

impl<R: Real> Block<R> {
    /// Zeros.
    pub(in crate::resample) fn new(length: usize) -> Self {
        Self { re: Aligned::new(length), im: Aligned::new(length) }
    }
}

/// A block as vectors.
pub(in crate::resample) struct Rows<'a, V> {
    pub(in crate::resample) re: &'a mut [V],
    pub(in crate::resample) im: &'a mut [V],
}

impl<'a, V: Copy> Rows<'a, V> {
    /// The whole block.
    #[inline(always)]
    pub(in crate::resample) fn new<S: Simd<V = V>>(simd: S, block: &'a mut Block<S::Real>) -> Self {
        Self { re: simd.lanes_mut(&mut block.re), im: simd.lanes_mut(&mut block.im) }
    }
}

/// As many rows as there are lanes.
pub(in crate::resample) type Square<V> = [Complex<V>; MAX_LANES];

/// Transposes real and imaginary parts.
#[inline(always)]
pub(in crate::resample) fn transpose<S: Simd>(simd: S, square: &mut Square<S::V>) {
    let zero = simd.splat(S::Real::default());
    let [mut re, mut im] = [[zero; MAX_LANES]; 2];
    for lane in 0..S::LANES {
        (re[lane], im[lane]) = (square[lane].re, square[lane].im);
    }
    simd.transpose(&mut re);
    simd.transpose(&mut im);
    for lane in 0..S::LANES {
        square[lane] = Complex { re: re[lane], im: im[lane] };
    }
}
