//! How far recordings are tuned from A = 440 Hz.

use super::samples::Values;
use super::spectra::{Compute, Quantity, Spectra, SpectraOf};
use super::table::Lines;
use super::visit::{Place, Visitor, visit};
use crate::error::{Error, Result};
use crate::spectrum::simd::{MAX_LANES, Real, Simd};
use crate::tuning::{Peak, PeakRange, TuningGrid, fullest_bin};

/// The most common offset of spectral peaks from the steps of a scale.
#[derive(Clone, Copy, Debug)]
pub struct Tuning {
    /// Of the signals, in Hz.
    pub sample_rate: f64,
    /// Samples of a frame.
    pub n_fft: usize,
    /// Steps of the scale in an octave.
    pub bins_per_octave: usize,
    /// Offsets are told apart by this share of a step.
    pub resolution: f64,
    /// Where peaks are looked for, in Hz.
    pub fmin: f64,
    /// And up to where.
    pub fmax: f64,
    /// The share of the largest value of its frame that a peak exceeds.
    pub threshold: f64,
}

impl Tuning {
    /// Those of librosa.
    #[must_use]
    pub fn librosa(sample_rate: f64, n_fft: usize, bins_per_octave: usize) -> Self {
        let (resolution, threshold) = (0.01, 0.1);
        let (fmin, fmax) = (150.0, 4000.0);
        Self { sample_rate, n_fft, bins_per_octave, resolution, fmin, fmax, threshold }
    }

    /// The offset that most of the stronger half of the peaks in magnitude spectra share, as a part of
    /// a step from -0.5 to 0.5; 0 where there is no peak.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for options out of range, [`Error::Spectrogram`] for values that are not
    /// finite.
    pub fn of(&self, spectra: &Spectra<'_>) -> Result<f64> {
        let place = match spectra.compute(self)?.values {
            Values::F32(values) => values[0] as usize,
            Values::F64(values) => values[0] as usize,
        };
        Ok(place.checked_sub(1).map_or(0.0, |bin| self.grid().edge(bin)))
    }

    /// Where to look, and what to count.
    pub(super) fn prepare<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Search> {
        let n_bins = spectra.n_bins();
        if self.n_fft / 2 + 1 != n_bins {
            let expected = format!("one that has {n_bins} bins");
            return Err(Error::parameter("n_fft", self.n_fft, expected));
        }
        if !(1..=1200).contains(&self.bins_per_octave) {
            return Err(Error::parameter("bins_per_octave", self.bins_per_octave, "1 to 1200"));
        }
        if !(self.resolution >= 1e-6 && self.resolution < 1.0) {
            return Err(Error::parameter("resolution", self.resolution, "1e-6 to 1"));
        }
        if !(self.sample_rate > 0.0 && self.sample_rate.is_finite()) {
            return Err(Error::parameter("sr", self.sample_rate, "a positive number"));
        }
        if self.fmin.is_nan() || self.fmax.is_nan() {
            return Err(Error::parameter("fmin or fmax", f64::NAN, "numbers"));
        }
        if !(self.threshold >= 0.0 && self.threshold.is_finite()) {
            return Err(Error::parameter("threshold", self.threshold, "a number of at least zero"));
        }
        // A float64 transform leaves errors, too, but none that librosa does not leave.
        let is_exact = !spectra.is_transformed() || R::TINY < f64::from(f32::MIN_POSITIVE);
        Ok(self.search(n_bins, is_exact))
    }

    fn grid(&self) -> TuningGrid {
        let n_bins = (1.0 / self.resolution).ceil() as usize;
        TuningGrid { steps: self.bins_per_octave, n_bins }
    }

    fn search(&self, n_bins: usize, is_exact: bool) -> Search {
        // As the reference computes frequencies: which bins are in the range depends on the last place.
        let bin_hz = 1.0 / (self.n_fft as f64 * (1.0 / self.sample_rate));
        let fmax = self.fmax.min(self.sample_rate / 2.0);
        let first = (1..n_bins).find(|k| *k as f64 * bin_hz >= self.fmin).unwrap_or(n_bins);
        let end = (first..n_bins).find(|k| *k as f64 * bin_hz >= fmax).unwrap_or(n_bins);
        let last_inside = end.saturating_sub(1).min(n_bins.saturating_sub(2));
        let range = PeakRange::over(first..=last_inside, bin_hz, self.threshold, is_exact);
        // Nothing follows the last bin: it is a peak if it is larger than the one before.
        let end_hz = (end == n_bins && first < n_bins).then_some((n_bins - 1) as f64 * bin_hz);
        Search { grid: self.grid(), range, end_hz, share: self.threshold, peaks: Vec::new() }
    }
}

/// Peaks, as they are found.
#[derive(Debug)]
pub(super) struct Search {
    grid: TuningGrid,
    range: PeakRange,
    /// Frequency of the last bin, if it may be a peak.
    end_hz: Option<f64>,
    share: f64,
    peaks: Vec<Peak>,
}

impl Search {
    /// Adds the peaks of some frames.
    #[inline(always)]
    pub(super) fn look<S: Simd>(&mut self, simd: S, spectrum: &[S::V], n_valid: usize) {
        let mut loudest = simd.constant(0.0);
        for value in spectrum {
            loudest = simd.max(loudest, *value);
        }
        self.range.find_in(simd, spectrum, loudest, n_valid, &mut self.peaks);
        if let (Some(hz), [.., before, last]) = (self.end_hz, spectrum) {
            let least = simd.max(simd.mul(loudest, simd.constant(self.share)), *before);
            let above = simd.bits(simd.less(least, *last));
            let mut lanes = [S::Real::default(); MAX_LANES];
            simd.store(*last, &mut lanes);
            for (lane, power) in lanes[..n_valid].iter().enumerate() {
                if above >> lane & 1 == 1 {
                    self.peaks.push(Peak { hz: hz as f32, power: power.to_f64() as f32 });
                }
            }
        }
    }

    /// The fullest bin of the histogram, if there is a peak.
    fn bin(&mut self) -> Option<usize> {
        fullest_bin(self.grid, &mut self.peaks)
    }

    /// The offset, in steps.
    pub(super) fn tuning(mut self) -> f64 {
        self.bin().map_or(0.0, |bin| self.grid.edge(bin))
    }
}

impl Compute for Tuning {
    fn compute<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Lines<R>> {
        let mut search = self.prepare(spectra)?;
        spectra.check_finite()?;
        visit(spectra, Quantity::Magnitude, &mut search);
        let mut lines = Lines::new(1, 1, 1)?;
        // The bin, counted from one: float32 would not hold its edge.
        lines.values[0] = R::from_f64(search.bin().map_or(0.0, |bin| bin as f64 + 1.0));
        Ok(lines)
    }
}

impl<R: Real> Visitor<R> for Search {
    #[inline(always)]
    fn visit<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V], place: Place) {
        self.look(simd, spectrum, place.n_valid);
    }
}
