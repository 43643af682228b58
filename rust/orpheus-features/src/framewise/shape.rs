//! Where the energy of a spectrum lies, and how peaked it is: one number per frame.
//!
//! Centroid, bandwidth: Klapuri and Davy, "Signal Processing Methods for Music Transcription", 2007,
//! chapter 5. Flatness: Dubnov, IEEE Signal Processing Letters 11 (2004).

use super::spectra::{Compute, Quantity, Spectra, SpectraOf};
use super::table::{Lines, Table};
use super::visit::{Place, Visitor, raise, visit};
use crate::error::{Error, Result};
use crate::spectrum::simd::{MAX_LANES, Real, Simd};

/// Refuses frequencies that are not one finite number per bin.
fn check_frequencies(frequencies: &[f64], n_bins: usize) -> Result<()> {
    if frequencies.len() != n_bins {
        let expected = format!("one per bin, {n_bins}");
        return Err(Error::parameter("the number of freq", frequencies.len(), expected));
    }
    match frequencies.iter().find(|hz| !hz.is_finite()) {
        Some(hz) => Err(Error::parameter("a value of freq", hz, "finite numbers")),
        None => Ok(()),
    }
}

fn convert<R: Real>(values: &[f64]) -> Vec<R> {
    values.iter().map(|value| R::from_f64(*value)).collect()
}

/// Mean frequency, weighted by magnitude; 0 for silence.
#[derive(Clone, Copy, Debug)]
pub struct Centroid<'a> {
    /// Of each bin, in Hz.
    pub frequencies: &'a [f64],
}

impl Centroid<'_> {
    /// One line per signal, in Hz. A given spectrogram holds magnitudes.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for frequencies that do not fit, [`Error::Spectrogram`] for values that
    /// are no magnitudes.
    pub fn of(&self, spectra: &Spectra<'_>) -> Result<Table> {
        spectra.compute(self)
    }
}

impl Compute for Centroid<'_> {
    fn compute<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Lines<R>> {
        check_frequencies(self.frequencies, spectra.n_bins())?;
        spectra.check_magnitudes()?;
        let frequencies = convert::<R>(self.frequencies);
        let lines = Lines::new(spectra.n_signals(), 1, spectra.n_frames())?;
        let mut visitor = CentroidVisitor { frequencies: &frequencies, lines };
        visit(spectra, Quantity::Magnitude, &mut visitor);
        Ok(visitor.lines)
    }
}

struct CentroidVisitor<'a, R> {
    frequencies: &'a [R],
    lines: Lines<R>,
}

impl<R: Real> Visitor<R> for CentroidVisitor<'_, R> {
    #[inline(always)]
    fn visit<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V], place: Place) {
        let (centroid, _) = centre(simd, spectrum, self.frequencies);
        self.lines.put(simd, 0, place, centroid);
    }
}

/// Mean frequency, and what magnitudes are multiplied by to add up to one: one for silence.
#[inline(always)]
fn centre<S: Simd>(simd: S, spectrum: &[S::V], frequencies: &[S::Real]) -> (S::V, S::V) {
    let zero = simd.constant(0.0);
    // Two sums each: one would wait for itself at every bin.
    let (mut totals, mut firsts) = ([zero; 2], [zero; 2]);
    for (k, (magnitude, hz)) in spectrum.iter().zip(frequencies).enumerate() {
        totals[k % 2] = simd.add(totals[k % 2], *magnitude);
        firsts[k % 2] = simd.mul_add(simd.splat(*hz), *magnitude, firsts[k % 2]);
    }
    let total = simd.add(totals[0], totals[1]);
    let one = simd.constant(1.0);
    let silent = simd.less(total, simd.constant(S::Real::TINY));
    let share = simd.div(one, simd.select(silent, one, total));
    (simd.mul(simd.add(firsts[0], firsts[1]), share), share)
}

/// How far from the centroid the energy lies.
#[derive(Clone, Copy, Debug)]
pub struct Bandwidth<'a> {
    /// Of each bin, in Hz.
    pub frequencies: &'a [f64],
    /// One per frame of each signal, in place of those of the spectra.
    pub centroids: Option<&'a [f64]>,
    /// Whether the magnitudes of a frame are scaled to add up to one.
    pub normalize: bool,
    /// Exponent of the distances.
    pub p: f64,
}

impl Bandwidth<'_> {
    /// One line per signal. A given spectrogram holds magnitudes.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for frequencies or centroids that do not fit or an exponent that is not
    /// positive, [`Error::Spectrogram`] for values that are no magnitudes.
    pub fn of(&self, spectra: &Spectra<'_>) -> Result<Table> {
        spectra.compute(self)
    }
}

impl Compute for Bandwidth<'_> {
    fn compute<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Lines<R>> {
        check_frequencies(self.frequencies, spectra.n_bins())?;
        spectra.check_magnitudes()?;
        if !(self.p > 0.0 && self.p.is_finite()) {
            return Err(Error::parameter("p", self.p, "a positive number"));
        }
        let n_centroids = spectra.n_signals() * spectra.n_frames();
        if let Some(given) = self.centroids.filter(|given| given.len() != n_centroids) {
            let expected = format!("one per frame, {n_centroids}");
            return Err(Error::parameter("the number of centroid", given.len(), expected));
        }
        let frequencies = convert::<R>(self.frequencies);
        let lines = Lines::new(spectra.n_signals(), 1, spectra.n_frames())?;
        let centroids = self.centroids.map(|values| {
            let values = convert(values);
            Lines { values, shape: lines.shape }
        });
        let options = BandwidthOptions { p: self.p, normalize: self.normalize };
        let mut visitor = BandwidthVisitor { frequencies: &frequencies, centroids, options, lines };
        visit(spectra, Quantity::Magnitude, &mut visitor);
        Ok(visitor.lines)
    }
}

#[derive(Clone, Copy)]
struct BandwidthOptions {
    p: f64,
    normalize: bool,
}

struct BandwidthVisitor<'a, R> {
    frequencies: &'a [R],
    centroids: Option<Lines<R>>,
    options: BandwidthOptions,
    lines: Lines<R>,
}

impl<R: Real> Visitor<R> for BandwidthVisitor<'_, R> {
    #[inline(always)]
    fn visit<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V], place: Place) {
        let (mut centroid, mut share) = centre(simd, spectrum, self.frequencies);
        if let Some(given) = &self.centroids {
            centroid = given.get(simd, 0, place);
        }
        if !self.options.normalize {
            share = simd.constant(1.0);
        }
        let width = if (self.options.p - 2.0).abs() < f64::EPSILON {
            simd.sqrt(simd.mul(spread(simd, spectrum, self.frequencies, centroid), share))
        } else {
            raised_spread(simd, spectrum, self.frequencies, [centroid, share], self.options.p)
        };
        self.lines.put(simd, 0, place, width);
    }
}

/// Sum of the squared distances, weighted by magnitude.
#[inline(always)]
fn spread<S: Simd>(simd: S, spectrum: &[S::V], frequencies: &[S::Real], centroid: S::V) -> S::V {
    let mut sums = [simd.constant(0.0); 2];
    for (k, (magnitude, hz)) in spectrum.iter().zip(frequencies).enumerate() {
        let distance = simd.sub(simd.splat(*hz), centroid);
        sums[k % 2] = simd.mul_add(simd.mul(distance, distance), *magnitude, sums[k % 2]);
    }
    simd.add(sums[0], sums[1])
}

/// The same for any exponent, a lane after the other: powers are no vector operation.
#[inline(always)]
fn raised_spread<S: Simd>(
    simd: S,
    spectrum: &[S::V],
    frequencies: &[S::Real],
    centroid_and_share: [S::V; 2],
    p: f64,
) -> S::V {
    let mut given = [[S::Real::default(); MAX_LANES]; 2];
    simd.store(centroid_and_share[0], &mut given[0]);
    simd.store(centroid_and_share[1], &mut given[1]);
    let mut sums = [0.0; MAX_LANES];
    let mut magnitudes = [S::Real::default(); MAX_LANES];
    for (bin, hz) in spectrum.iter().zip(frequencies) {
        simd.store(*bin, &mut magnitudes);
        for lane in 0..S::LANES {
            let distance = (hz.to_f64() - given[0][lane].to_f64()).abs();
            sums[lane] += magnitudes[lane].to_f64() * given[1][lane].to_f64() * distance.powf(p);
        }
    }
    simd.load(&sums.map(|sum| S::Real::from_f64(sum.powf(1.0 / p))))
}

/// The frequency below which most of the magnitude lies.
#[derive(Clone, Copy, Debug)]
pub struct Rolloff<'a> {
    /// Of each bin, in Hz, never falling.
    pub frequencies: &'a [f64],
    /// The share that lies below, between 0 and 1.
    pub share: f64,
}

impl Rolloff<'_> {
    /// One line per signal, in Hz. A given spectrogram holds magnitudes.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for frequencies that do not fit or fall, or a share out of range,
    /// [`Error::Spectrogram`] for values that are no magnitudes.
    pub fn of(&self, spectra: &Spectra<'_>) -> Result<Table> {
        spectra.compute(self)
    }
}

impl Compute for Rolloff<'_> {
    fn compute<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Lines<R>> {
        check_frequencies(self.frequencies, spectra.n_bins())?;
        spectra.check_magnitudes()?;
        if !self.frequencies.is_sorted() {
            return Err(Error::parameter("freq", "not sorted", "frequencies that never fall"));
        }
        if !(self.share > 0.0 && self.share < 1.0) {
            return Err(Error::parameter("roll_percent", self.share, "a number between 0 and 1"));
        }
        let lines = Lines::new(spectra.n_signals(), 1, spectra.n_frames())?;
        let mut visitor = RolloffVisitor { feature: *self, lines };
        visit(spectra, Quantity::Magnitude, &mut visitor);
        Ok(visitor.lines)
    }
}

struct RolloffVisitor<'a, R> {
    feature: Rolloff<'a>,
    lines: Lines<R>,
}

impl<R: Real> Visitor<R> for RolloffVisitor<'_, R> {
    #[inline(always)]
    fn visit<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V], place: Place) {
        // Added up in the reference's order: where hardly anything is left above the roll-off, the
        // last place decides the bin.
        let mut total = simd.constant(0.0);
        for magnitude in spectrum {
            total = simd.add(total, *magnitude);
        }
        let threshold = simd.mul(simd.constant(self.feature.share), total);
        let (one, zero) = (simd.constant(1.0), simd.constant(0.0));
        let (mut sum, mut n_below) = (zero, zero);
        for magnitude in spectrum {
            sum = simd.add(sum, *magnitude);
            n_below = simd.add(n_below, simd.select(simd.less(sum, threshold), one, zero));
        }
        let mut bins = [R::default(); MAX_LANES];
        simd.store(n_below, &mut bins);
        let last = spectrum.len() - 1;
        let hz = bins.map(|bin| self.feature.frequencies[(bin.to_f64() as usize).min(last)]);
        self.lines.put(simd, 0, place, simd.load(&hz.map(R::from_f64)));
    }
}

/// Geometric over arithmetic mean of the powers: 1 for a flat spectrum, 0 for a pure tone.
#[derive(Clone, Copy, Debug)]
pub struct Flatness {
    /// Powers below this count as this.
    pub amin: f64,
    /// Exponent of the magnitudes.
    pub power: f64,
}

impl Flatness {
    /// One line per signal. A given spectrogram holds magnitudes.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] unless both options are positive, [`Error::Spectrogram`] for values that
    /// are no magnitudes.
    pub fn of(&self, spectra: &Spectra<'_>) -> Result<Table> {
        spectra.compute(self)
    }
}

impl Compute for Flatness {
    fn compute<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Lines<R>> {
        // The logarithm is defined for normal numbers.
        if !(self.amin >= 1.2e-38 && self.amin <= 1e30) {
            return Err(Error::parameter("amin", self.amin, "a positive number, 1.2e-38 to 1e30"));
        }
        if !(self.power > 0.0 && self.power.is_finite()) {
            return Err(Error::parameter("power", self.power, "a positive number"));
        }
        spectra.check_magnitudes()?;
        let lines = Lines::new(spectra.n_signals(), 1, spectra.n_frames())?;
        let mut visitor = FlatnessVisitor { feature: *self, lines };
        visit(spectra, Quantity::Magnitude, &mut visitor);
        Ok(visitor.lines)
    }
}

struct FlatnessVisitor<R> {
    feature: Flatness,
    lines: Lines<R>,
}

impl<R: Real> Visitor<R> for FlatnessVisitor<R> {
    #[inline(always)]
    fn visit<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V], place: Place) {
        let least = simd.constant(self.feature.amin);
        let squared = (self.feature.power - 2.0).abs() < f64::EPSILON;
        let (mut logarithms, mut sum) = (simd.constant(0.0), simd.constant(0.0));
        for magnitude in spectrum {
            let power = if squared {
                simd.mul(*magnitude, *magnitude)
            } else {
                raise(simd, *magnitude, self.feature.power)
            };
            let power = simd.max(power, least);
            logarithms = simd.add(logarithms, simd.log2(power));
            sum = simd.add(sum, power);
        }
        let n_bins = spectrum.len() as f64;
        let mut lanes = [[R::default(); MAX_LANES]; 2];
        simd.store(logarithms, &mut lanes[0]);
        simd.store(sum, &mut lanes[1]);
        let [logarithms, sums] = lanes.map(|lanes| lanes.map(|lane| lane.to_f64() / n_bins));
        let mut flatness = [R::default(); MAX_LANES];
        for lane in 0..S::LANES {
            flatness[lane] = R::from_f64(logarithms[lane].exp2() / sums[lane]);
        }
        self.lines.put(simd, 0, place, simd.load(&flatness));
    }
}
