//! Mel spectrograms.

use super::spectra::{Compute, Quantity, Spectra, SpectraOf};
use super::table::{Lines, Table};
use super::visit::{Place, Visitor, visit};
use crate::error::{Error, Result};
use crate::spectrum::mel::{MelBank, MelNorm, MelParameters, MelScale, Slopes};
use crate::spectrum::simd::{Real, Simd};

/// Energy in bands that are evenly spaced on a mel scale.
#[derive(Clone, Copy, Debug)]
pub struct Mel {
    /// Of the signals, in Hz.
    pub sample_rate: f64,
    /// Samples of a frame; twice the number of bins but one, where that is not known.
    pub n_fft: usize,
    /// Exponent of the magnitudes that are added up.
    pub power: f64,
    /// Bands.
    pub n_mels: usize,
    /// Lower end of the lowest band, in Hz.
    pub fmin: f64,
    /// Upper end of the highest band, in Hz.
    pub fmax: f64,
    /// Whether the scale is that of the Hidden Markov Model Toolkit, not Slaney's.
    pub htk: bool,
    /// Whether bands have unit area, not unit height.
    pub slaney_norm: bool,
}

impl Mel {
    /// `n_mels` lines per signal. A given spectrogram holds magnitudes to the power that is wanted.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for options out of range, [`Error::Spectrogram`] for values that are not
    /// finite.
    pub fn of(&self, spectra: &Spectra<'_>) -> Result<Table> {
        spectra.compute(self)
    }

    /// The bands, for spectra of `n_bins`.
    pub(super) fn bank<R: Real>(&self, n_bins: usize) -> Result<MelBank<R>> {
        if self.n_fft / 2 + 1 != n_bins {
            let expected = format!("one that has {n_bins} bins");
            return Err(Error::parameter("n_fft", self.n_fft, expected));
        }
        if !(self.power > 0.0 && self.power.is_finite()) {
            return Err(Error::parameter("power", self.power, "a positive number"));
        }
        MelBank::new(&MelParameters {
            sample_rate: self.sample_rate,
            n_fft: self.n_fft,
            n_mels: self.n_mels,
            fmin: self.fmin,
            fmax: self.fmax,
            scale: if self.htk { MelScale::Htk } else { MelScale::Slaney },
            norm: if self.slaney_norm { MelNorm::Slaney } else { MelNorm::None },
            slopes: Slopes::HzRounded,
        })
    }
}

impl Compute for Mel {
    fn compute<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Lines<R>> {
        let bank = self.bank(spectra.n_bins())?;
        spectra.check_finite()?;
        let lines = Lines::new(spectra.n_signals(), bank.n_mels(), spectra.n_frames())?;
        let mut visitor = MelVisitor { bank: &bank, lines };
        visit(spectra, Quantity::raised(self.power), &mut visitor);
        Ok(visitor.lines)
    }
}

struct MelVisitor<'a, R> {
    bank: &'a MelBank<R>,
    lines: Lines<R>,
}

impl<R: Real> Visitor<R> for MelVisitor<'_, R> {
    #[inline(always)]
    fn visit<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V], place: Place) {
        let mut energies = vec![simd.constant(0.0); self.bank.n_mels()];
        self.bank.apply(simd, spectrum, &mut energies);
        for (band, energy) in energies.into_iter().enumerate() {
            self.lines.put(simd, band, place, energy);
        }
    }
}
