//! Mel-frequency cepstral coefficients.
//!
//! Davis and Mermelstein, IEEE Trans. ASSP 28 (1980); the lifter is that of Juang, Rabiner and
//! Wilpon, IEEE Trans. ASSP 35 (1987).

use std::f64::consts::PI;

use super::decibels::{Decibels, LevelOf, largest};
use super::mel::Mel;
use super::spectra::{Compute, KindOf, Quantity, Spectra, SpectraOf};
use super::table::{Lines, Table};
use super::visit::{Place, Visitor, visit};
use crate::error::{Error, Result};
use crate::spectrum::dct::Cepstrum;
use crate::spectrum::mel::MelBank;
use crate::spectrum::simd::{Kernel, Real, Simd};

/// The first coefficients of a cosine transform of the levels of mel bands.
#[derive(Clone, Copy, Debug)]
pub struct Mfcc {
    /// The bands, for signals; spectrograms that are given hold levels of bands already.
    pub mel: Mel,
    /// Coefficients; at most as many as there are bands are given.
    pub n_mfcc: usize,
    /// Whether the transform is orthonormal.
    pub ortho: bool,
    /// Length of the lifter; 0 for none.
    pub lifter: f64,
}

impl Mfcc {
    /// One line per coefficient.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for options out of range, [`Error::Spectrogram`] for values that are not
    /// finite.
    pub fn of(&self, spectra: &Spectra<'_>) -> Result<Table> {
        spectra.compute(self)
    }

    /// What coefficient `k` is multiplied by.
    fn scale(&self, k: usize, n_bands: usize) -> f64 {
        let lifted = match self.lifter {
            length if length > 0.0 => 1.0 + length / 2.0 * (PI * (k + 1) as f64 / length).sin(),
            _ => 1.0,
        };
        let plain = (if k == 0 { 4.0 } else { 2.0 } * n_bands as f64).sqrt();
        if self.ortho { lifted } else { lifted * plain }
    }

    fn cepstra<R: Real>(
        &self,
        spectra: &SpectraOf<'_, R>,
        bands: Bands<'_, R>,
    ) -> Result<Lines<R>> {
        let [n_signals, n_bands, n_frames] = bands.shape;
        let n_mfcc = self.n_mfcc.min(n_bands);
        let mut lines = Lines::new(n_signals, n_mfcc, n_frames)?;
        let scales: Vec<R> = (0..n_mfcc).map(|k| R::from_f64(self.scale(k, n_bands))).collect();
        let cepstrum = Cepstrum::new(n_bands, n_mfcc);
        let kernel = Cepstra { cepstrum: &cepstrum, scales: &scales, bands, lines: &mut lines };
        R::dispatch(spectra.tier, kernel);
        Ok(lines)
    }
}

impl Compute for Mfcc {
    fn compute<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Lines<R>> {
        if self.n_mfcc == 0 {
            return Err(Error::parameter("n_mfcc", self.n_mfcc, "at least 1"));
        }
        if !(self.lifter >= 0.0 && self.lifter.is_finite()) {
            return Err(Error::parameter("lifter", self.lifter, "a number of at least zero"));
        }
        let (n_signals, n_frames) = (spectra.n_signals(), spectra.n_frames());
        if let KindOf::Given { values, n_bins, .. } = spectra.kind {
            spectra.check_finite()?;
            let shape = [n_signals, n_bins, n_frames];
            return self.cepstra(spectra, Bands { levels: values, shape, floor: f64::MIN });
        }
        let bank = self.mel.bank(spectra.n_bins())?;
        let lines = Lines::new(n_signals, bank.n_mels(), n_frames)?;
        let mut visitor = LevelVisitor { bank: &bank, lines, highest: f64::MIN };
        visit(spectra, Quantity::raised(self.mel.power), &mut visitor);
        let LevelVisitor { lines: Lines { values, shape }, highest, .. } = visitor;
        let floor = Decibels::LIBROSA.range_of(highest).unwrap_or(f64::MIN);
        self.cepstra(spectra, Bands { levels: &values, shape, floor })
    }
}

/// Levels of bands, with the highest of all.
struct LevelVisitor<'a, R> {
    bank: &'a MelBank<R>,
    lines: Lines<R>,
    highest: f64,
}

impl<R: Real> Visitor<R> for LevelVisitor<'_, R> {
    #[inline(always)]
    fn visit<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V], place: Place) {
        let level_of = LevelOf::new(simd, &Decibels::LIBROSA);
        let mut highest = simd.constant(f64::from(f32::MIN));
        let mut energies = vec![highest; self.bank.n_mels()];
        self.bank.apply(simd, spectrum, &mut energies);
        for (band, energy) in energies.into_iter().enumerate() {
            let level = level_of.level(simd, energy);
            highest = simd.max(highest, level);
            self.lines.put(simd, band, place, level);
        }
        self.highest = self.highest.max(largest(simd, highest, place.n_valid));
    }
}

/// Levels that count as `floor` where they are lower.
#[derive(Clone, Copy)]
struct Bands<'a, R> {
    levels: &'a [R],
    shape: [usize; 3],
    floor: f64,
}

/// The cosine transform.
struct Cepstra<'a, R> {
    cepstrum: &'a Cepstrum<R>,
    scales: &'a [R],
    bands: Bands<'a, R>,
    lines: &'a mut Lines<R>,
}

impl<R: Real> Kernel<R> for Cepstra<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        let Bands { levels, shape, floor } = self.bands;
        let [n_signals, n_bands, n_frames] = shape;
        let floor = simd.constant(floor.max(f64::from(f32::MIN)));
        let mut bands = vec![floor; n_bands];
        let mut coefficients = vec![floor; self.scales.len()];
        for place in Place::all(n_signals, n_frames, S::LANES) {
            for (band, level) in bands.iter_mut().enumerate() {
                let at = (place.signal * n_bands + band) * n_frames + place.frame;
                *level = simd.max(super::table::load(simd, &levels[at..at + place.n_valid]), floor);
            }
            self.cepstrum.run(simd, &bands, &mut coefficients);
            for (k, (value, scale)) in coefficients.iter().zip(self.scales).enumerate() {
                self.lines.put(simd, k, place, simd.mul(*value, simd.splat(*scale)));
            }
        }
    }
}
