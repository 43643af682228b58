//! Whole spectrograms of complex numbers.

use super::samples::Signals;
use super::spectra::{KindOf, SpectraOf, Transform};
use super::table::{Allocate, Lines, Table, zeros, zeros_in};
use super::visit::Place;
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
    for signal in 0..n_signals {
        let mut blocks = stft.blocks(signals.signal(signal), &mut buffers);
        while let Some(block) = blocks.next_spectrum() {
            let place = Place { signal, frame: block.first_frame, n_valid: block.n_valid };
            let write = Write { bins: block.bins, lines: &mut lines, place };
            R::dispatch(spectra.tier, write);
        }
    }
    Ok(lines)
}

/// Writes a block of spectra.
struct Write<'a, R> {
    bins: &'a [R],
    lines: &'a mut Lines<R>,
    place: Place,
}

impl<R: Real> Kernel<R> for Write<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, _: S) {
        let Place { signal, frame, n_valid } = self.place;
        let (n_lanes, n_bins) = (S::LANES, self.bins.len() / (2 * S::LANES));
        let mut pairs = [R::default(); 2 * MAX_LANES];
        for k in 0..n_bins {
            let re = &self.bins[2 * k * n_lanes..][..n_lanes];
            let im = &self.bins[(2 * k + 1) * n_lanes..][..n_lanes];
            for lane in 0..n_lanes {
                pairs[2 * lane] = re[lane];
                pairs[2 * lane + 1] = im[lane];
            }
            let at = self.lines.at(signal, k, 2 * frame);
            if n_valid == n_lanes {
                // Of a length that is known when this is compiled.
                self.lines.values[at..at + 2 * n_lanes].copy_from_slice(&pairs[..2 * n_lanes]);
            } else {
                self.lines.values[at..at + 2 * n_valid].copy_from_slice(&pairs[..2 * n_valid]);
            }
        }
    }
}
