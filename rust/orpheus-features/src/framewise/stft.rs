//! Whole spectrograms of complex numbers.

use super::samples::Signals;
use super::spectra::{Compute, KindOf, Spectra, SpectraOf, Transform};
use super::table::{Lines, Table};
use super::visit::Place;
use crate::error::{Error, Result};
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd};
use crate::spectrum::stft::StftBuffers;

/// Short-time Fourier transforms of `signals`.
///
/// The last axis of the table holds real and imaginary parts in turn: it is twice as long as there
/// are frames.
///
/// # Errors
///
/// [`Error::TooShort`] if no frame fits, [`Error::OutOfMemory`].
pub fn stft(signals: Signals<'_>, transform: &Transform) -> Result<Table> {
    Spectra::of_signals(signals, transform).compute(&Complex)
}

/// Real and imaginary parts in turn.
pub(super) struct Complex;

impl Compute for Complex {
    fn compute<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Lines<R>> {
        let KindOf::Transformed { signals, stft } = &spectra.kind else {
            return Err(Error::parameter("S", "a spectrogram", "signals"));
        };
        let (n_signals, n_bins, n_frames) =
            (spectra.n_signals(), spectra.n_bins(), spectra.n_frames());
        let mut lines = Lines::new(n_signals, n_bins, 2 * n_frames)?;
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
        let mut pairs = [[R::default(); 2]; MAX_LANES];
        for (k, bin) in self.bins.chunks_exact(2 * S::LANES).enumerate() {
            let (re, im) = bin.split_at(S::LANES);
            for ((pair, re), im) in pairs.iter_mut().zip(re).zip(im) {
                *pair = [*re, *im];
            }
            let at = self.lines.at(signal, k, 2 * frame);
            let values = pairs[..n_valid].as_flattened();
            self.lines.values[at..at + values.len()].copy_from_slice(values);
        }
    }
}
