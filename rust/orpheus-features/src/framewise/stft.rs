//! Whole spectrograms of complex numbers.

use super::samples::Signals;
use super::spectra::{KindOf, SpectraOf, Transform};
use super::table::{Allocate, Lines, Table, zeros, zeros_in};
use crate::error::Result;
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};
use crate::spectrum::stft::StftBuffers;
use crate::vector::classical::Precision;

/// Short-time Fourier transforms of `signals`; the result of the fast precision is put into memory from
/// `allocate`.
///
/// The last axis of the table holds real and imaginary parts in turn: it is twice as long as there
/// are frames.
///
/// # Errors
///
/// [`Error::TooShort`](crate::Error::TooShort) if no frame fits,
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
pub fn stft(signals: Signals<'_>, transform: &Transform, allocate: Allocate<'_>) -> Result<Table> {
    let tier = Tier::best();
    Ok(match transform.precision() {
        Precision::Fast => {
            let spectra = SpectraOf::transformed(tier, signals, transform)?;
            complex(&spectra, |n_values| zeros_in(allocate, n_values))?.into()
        }
        Precision::Reference => {
            let spectra = SpectraOf::transformed(tier, signals, transform)?;
            complex::<f64>(&spectra, zeros)?.into()
        }
    })
}

/// Spectra of signals; of given spectrograms there are none.
pub(super) fn complex<R: Real>(
    spectra: &SpectraOf<'_, R>,
    allocate: impl FnOnce(usize) -> Result<Vec<R>>,
) -> Result<Lines<R>> {
    let (n_signals, n_bins) = (spectra.n_signals(), spectra.n_bins());
    let mut lines = Lines::from([n_signals, n_bins, 2 * spectra.n_frames()], allocate)?;
    let KindOf::Transformed { signals, stft } = &spectra.kind else { return Ok(lines) };
    let mut buffers = StftBuffers::default();
    let width = STAGED.min((2 * spectra.n_frames()).next_multiple_of(2 * MAX_LANES));
    let mut stage = zeros(n_bins * width)?;
    for signal in 0..n_signals {
        let mut blocks = stft.blocks(signals.signal(signal), &mut buffers);
        let (mut first, mut n_staged) = (0, 0);
        while let Some(block) = blocks.next_spectrum() {
            let at = 2 * n_staged;
            R::dispatch(spectra.tier, Write { bins: block.bins, stage: &mut stage, width, at });
            n_staged += block.n_valid;
            if 2 * n_staged + 2 * MAX_LANES > width {
                flush(&stage, width, &mut lines, signal, first, n_staged);
                (first, n_staged) = (first + n_staged, 0);
            }
        }
        flush(&stage, width, &mut lines, signal, first, n_staged);
    }
    Ok(lines)
}

/// So many values of a row are collected before they are written: rows of the result are far apart
/// in memory, and to go from one to the next for a few values costs more than to compute them.
const STAGED: usize = 8 * MAX_LANES;

/// Writes the rows that were collected, from frame `first` on.
fn flush<R: Real>(
    stage: &[R],
    width: usize,
    lines: &mut Lines<R>,
    signal: usize,
    first: usize,
    n_frames: usize,
) {
    for (k, row) in stage.chunks_exact(width).enumerate() {
        let at = lines.at(signal, k, 2 * first);
        lines.values[at..at + 2 * n_frames].copy_from_slice(&row[..2 * n_frames]);
    }
}

/// Writes a block of spectra, from value `at` of each row on.
struct Write<'a, R> {
    bins: &'a [R],
    stage: &'a mut [R],
    width: usize,
    at: usize,
}

impl<R: Real> Kernel<R> for Write<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, _: S) {
        let (n_lanes, n_bins) = (S::LANES, self.bins.len() / (2 * S::LANES));
        let mut pairs = [R::default(); 2 * MAX_LANES];
        for k in 0..n_bins {
            let re = &self.bins[2 * k * n_lanes..][..n_lanes];
            let im = &self.bins[(2 * k + 1) * n_lanes..][..n_lanes];
            for lane in 0..n_lanes {
                pairs[2 * lane] = re[lane];
                pairs[2 * lane + 1] = im[lane];
            }
            let place = &mut self.stage[k * self.width + self.at..][..2 * n_lanes];
            place.copy_from_slice(&pairs[..2 * n_lanes]);
        }
    }
}
