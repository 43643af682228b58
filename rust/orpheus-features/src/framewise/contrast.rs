//! How far peaks stand out of the valleys between them, octave by octave.
//!
//! Jiang, Lu, Zhang, Tao and Cai, "Music type classification by spectral contrast feature", ICME
//! 2002.

use std::ops::Range;

use super::decibels::{Decibels, LevelOf, largest};
use super::spectra::{Compute, Quantity, Spectra, SpectraOf};
use super::table::{Lines, Table, load};
use super::visit::{Place, Visitor, visit};
use crate::error::{Error, Result};
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd};

/// Ends of a band that are kept in order while bins go by; more of them are sorted.
const MAX_KEPT: usize = 32;

/// Level of the strongest bins of each band over that of the weakest.
#[derive(Clone, Copy, Debug)]
pub struct Contrast<'a> {
    /// Of the signals, in Hz.
    pub sample_rate: f64,
    /// Of each bin, in Hz.
    pub frequencies: &'a [f64],
    /// Where the lowest band ends, in Hz; each of the others is an octave.
    pub fmin: f64,
    /// Octaves.
    pub n_bands: usize,
    /// The share of a band's bins that are its peaks, and its valleys.
    pub quantile: f64,
    /// Whether magnitudes are subtracted, not levels in decibels.
    pub linear: bool,
}

/// The bins of a band, and how many of them are peaks.
#[derive(Clone, Debug)]
struct Band {
    bins: Range<usize>,
    n_peaks: usize,
}

impl Contrast<'_> {
    /// `n_bands + 1` lines per signal. A given spectrogram holds magnitudes.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for options out of range or a band without bins, [`Error::Spectrogram`]
    /// for values that are not finite.
    pub fn of(&self, spectra: &Spectra<'_>) -> Result<Table> {
        spectra.compute(self)
    }

    fn bands(&self, n_bins: usize) -> Result<Vec<Band>> {
        let frequencies = self.frequencies;
        if frequencies.len() != n_bins {
            let expected = format!("one per bin, {n_bins}");
            return Err(Error::parameter("the number of freq", frequencies.len(), expected));
        }
        if !(frequencies.is_sorted() && frequencies.iter().all(|hz| hz.is_finite())) {
            return Err(Error::parameter("freq", "not sorted", "frequencies that never fall"));
        }
        if !(1..=64).contains(&self.n_bands) {
            return Err(Error::parameter("n_bands", self.n_bands, "1 to 64"));
        }
        if !(self.quantile > 0.0 && self.quantile < 1.0) {
            return Err(Error::parameter("quantile", self.quantile, "a number between 0 and 1"));
        }
        let highest = self.fmin * (self.n_bands as f64 - 1.0).exp2();
        if !(self.fmin > 0.0 && highest < self.sample_rate / 2.0) {
            let expected = "a positive number of which the highest octave starts below sr / 2";
            return Err(Error::parameter("fmin", self.fmin, expected));
        }
        (0..=self.n_bands).map(|band| self.band(band)).collect()
    }

    fn band(&self, band: usize) -> Result<Band> {
        let n_bins = self.frequencies.len();
        let low = if band == 0 { 0.0 } else { self.fmin * (band as f64 - 1.0).exp2() };
        let high = self.fmin * (band as f64).exp2();
        let mut first = self.frequencies.partition_point(|hz| *hz < low);
        let mut end = self.frequencies.partition_point(|hz| *hz <= high);
        let empty = || {
            let expected = format!("bands that hold bins: there is none from {low} to {high} Hz");
            Error::parameter("n_fft", 2 * (n_bins - 1), expected)
        };
        if first >= end || (band > 0 && first == 0) {
            return Err(empty());
        }
        // A band also has the bin before it, and the highest one all that follow.
        first -= usize::from(band > 0);
        if band == self.n_bands {
            end = n_bins;
        }
        let n_peaks = (self.quantile * (end - first) as f64).round_ties_even().max(1.0) as usize;
        // The last bin of a band is the first of the next one.
        let bins = first..if band < self.n_bands { end - 1 } else { end };
        if bins.is_empty() {
            return Err(empty());
        }
        let n_peaks = n_peaks.min(bins.len());
        Ok(Band { bins, n_peaks })
    }
}

impl Compute for Contrast<'_> {
    fn compute<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Lines<R>> {
        let bands = self.bands(spectra.n_bins())?;
        spectra.check_finite()?;
        let (n_signals, n_frames) = (spectra.n_signals(), spectra.n_frames());
        let ends = [
            Lines::new(n_signals, bands.len(), n_frames)?,
            Lines::new(n_signals, bands.len(), n_frames)?,
        ];
        let mut visitor = ContrastVisitor { bands: &bands, ends };
        visit(spectra, Quantity::Magnitude, &mut visitor);
        let [valleys, mut peaks] = visitor.ends;
        let difference =
            Difference { valleys: &valleys.values, linear: self.linear, peaks: &mut peaks.values };
        R::dispatch(spectra.tier, difference);
        Ok(peaks)
    }
}

/// Writes the means of the weakest and of the strongest bins.
struct ContrastVisitor<'a, R> {
    bands: &'a [Band],
    ends: [Lines<R>; 2],
}

impl<R: Real> Visitor<R> for ContrastVisitor<'_, R> {
    #[inline(always)]
    fn visit<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V], place: Place) {
        for (line, band) in self.bands.iter().enumerate() {
            let bins = &spectrum[band.bins.clone()];
            let sums = if band.n_peaks <= MAX_KEPT {
                kept(simd, bins, band.n_peaks)
            } else {
                sorted(simd, bins, band.n_peaks)
            };
            let share = simd.constant(1.0 / band.n_peaks as f64);
            for (ends, sum) in self.ends.iter_mut().zip(sums) {
                ends.put(simd, line, place, simd.mul(sum, share));
            }
        }
    }
}

/// Sums of the `n` smallest and the `n` largest of `bins`, which are kept in order.
#[inline(always)]
fn kept<S: Simd>(simd: S, bins: &[S::V], n: usize) -> [S::V; 2] {
    let mut smallest = [simd.constant(f64::from(f32::MAX)); MAX_KEPT];
    let mut largest = [simd.constant(f64::from(f32::MIN)); MAX_KEPT];
    for bin in bins {
        let mut pushed = *bin;
        for place in &mut smallest[..n] {
            let kept = simd.min(*place, pushed);
            pushed = simd.max(*place, pushed);
            *place = kept;
        }
        let mut pushed = *bin;
        for place in &mut largest[..n] {
            let kept = simd.max(*place, pushed);
            pushed = simd.min(*place, pushed);
            *place = kept;
        }
    }
    let mut sums = [simd.constant(0.0); 2];
    for (small, large) in smallest[..n].iter().zip(&largest[..n]) {
        sums = [simd.add(sums[0], *small), simd.add(sums[1], *large)];
    }
    sums
}

/// The same for any `n`, a lane after the other.
#[inline(always)]
fn sorted<S: Simd>(simd: S, bins: &[S::V], n: usize) -> [S::V; 2] {
    let mut rows = vec![[S::Real::default(); MAX_LANES]; bins.len()];
    for (row, bin) in rows.iter_mut().zip(bins) {
        simd.store(*bin, row);
    }
    let mut sums = [[S::Real::default(); MAX_LANES]; 2];
    for lane in 0..S::LANES {
        let mut values: Vec<f64> = rows.iter().map(|row| row[lane].to_f64()).collect();
        values.sort_unstable_by(f64::total_cmp);
        sums[0][lane] = S::Real::from_f64(values[..n].iter().sum());
        sums[1][lane] = S::Real::from_f64(values[values.len() - n..].iter().sum());
    }
    [simd.load(&sums[0]), simd.load(&sums[1])]
}

/// Turns peaks into contrasts.
struct Difference<'a, R> {
    valleys: &'a [R],
    linear: bool,
    peaks: &'a mut [R],
}

impl<R: Real> Kernel<R> for Difference<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        let levels = LevelOf::new(simd, &Decibels::LIBROSA);
        // Levels span as much as those of the reference, which takes them off the highest of all.
        let mut floors = [f64::MIN; 2];
        if !self.linear {
            for (floor, values) in floors.iter_mut().zip([self.valleys, &*self.peaks]) {
                let mut highest = simd.constant(f64::from(f32::MIN));
                for values in values.chunks(S::LANES) {
                    highest = simd.max(highest, load(simd, values));
                }
                let highest = levels.level(simd, simd.constant(largest(simd, highest, S::LANES)));
                let highest = largest(simd, highest, S::LANES);
                *floor = Decibels::LIBROSA.range_of(highest).unwrap_or(f64::MIN);
            }
        }
        let [valley_floor, peak_floor] =
            floors.map(|floor| simd.constant(floor.max(f64::from(f32::MIN))));
        for (valleys, peaks) in self.valleys.chunks(S::LANES).zip(self.peaks.chunks_mut(S::LANES)) {
            let (mut valley, mut peak) = (load(simd, valleys), load(simd, peaks));
            if !self.linear {
                valley = simd.max(levels.level(simd, valley), valley_floor);
                peak = simd.max(levels.level(simd, peak), peak_floor);
            }
            let mut lanes = [R::default(); MAX_LANES];
            simd.store(simd.sub(peak, valley), &mut lanes);
            peaks.copy_from_slice(&lanes[..peaks.len()]);
        }
    }
}
