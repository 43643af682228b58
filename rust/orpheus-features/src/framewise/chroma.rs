//! Pitch classes: how much of each note of an octave sounds, whatever its octave.

use super::spectra::{Compute, KindOf, Quantity, Spectra, SpectraOf};
use super::table::{Lines, Table};
use super::tuning::{Search, Tuning};
use super::visit::{Place, Visitor, visit, visit_from};
use crate::error::{Error, Result};
use crate::spectrum::buffer::Buffer;
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd};

/// Spectra of signals are transformed once for the tuning and once for the notes, but for the first of
/// them, which are kept: as many as fit.
const KEPT_BYTES: usize = 64 << 20;

/// Notes that are added up together: as many sums as the smallest register file has room for.
const GROUP: usize = 12;

/// The length that the notes of a frame are scaled to have one of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ChromaNorm {
    /// Not scaled.
    None,
    /// The largest value.
    Largest,
    /// The root of the sum of the values to this power: 1 for their sum, 2 for the Euclidean length.
    Exponent(f64),
}

/// Energy in each pitch class.
#[derive(Clone, Copy, Debug)]
pub struct Chroma {
    /// Of the signals, in Hz.
    pub sample_rate: f64,
    /// Samples of a frame.
    pub n_fft: usize,
    /// Pitch classes.
    pub n_chroma: usize,
    /// How far the music is off A = 440 Hz, in pitch classes; if not given it is estimated.
    pub tuning: Option<f64>,
    /// Octaves above 27.5 Hz (A0) where bins count most.
    pub centre_octave: f64,
    /// How fast they count less with the octaves; none for not at all.
    pub octave_width: Option<f64>,
    /// Whether the first class is C, not A.
    pub starts_at_c: bool,
    /// What each frame is scaled to.
    pub norm: ChromaNorm,
}

impl Chroma {
    /// `n_chroma` lines per signal. A given spectrogram holds powers.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for options out of range, [`Error::Spectrogram`] for values that are not
    /// finite.
    pub fn of(&self, spectra: &Spectra<'_>) -> Result<Table> {
        spectra.compute(self)
    }

    fn check(&self, n_bins: usize) -> Result<()> {
        if self.n_fft / 2 + 1 != n_bins || self.n_fft < 2 {
            let expected = format!("one of at least 2 that has {n_bins} bins");
            return Err(Error::parameter("n_fft", self.n_fft, expected));
        }
        if !(1..=1200).contains(&self.n_chroma) {
            return Err(Error::parameter("n_chroma", self.n_chroma, "1 to 1200"));
        }
        if !(self.sample_rate > 0.0 && self.sample_rate.is_finite()) {
            return Err(Error::parameter("sr", self.sample_rate, "a positive number"));
        }
        for (name, value) in [("tuning", self.tuning), ("ctroct", Some(self.centre_octave))] {
            if let Some(value) = value.filter(|value| !value.is_finite()) {
                return Err(Error::parameter(name, value, "a finite number"));
            }
        }
        if let Some(width) = self.octave_width.filter(|width| width.is_nan() || *width <= 0.0) {
            return Err(Error::parameter("octwidth", width, "a positive number, or none"));
        }
        match self.norm {
            ChromaNorm::Exponent(p) if !(p > 0.0 && p.is_finite()) => {
                Err(Error::parameter("norm", p, "inf, a positive number, or none"))
            }
            _ => Ok(()),
        }
    }

    /// What each bin lends to each note, one group of notes after the other.
    ///
    /// A bin lends weight to the notes near it by a Gaussian, as wide as the bin but at least half a
    /// step; the weights of a bin have unit length before low and high octaves are faded out.
    fn weights<R: Real>(&self, tuning: f64) -> Vec<Vec<[R; GROUP]>> {
        let (n_chroma, n_bins) = (self.n_chroma, self.n_fft / 2 + 1);
        let steps = n_chroma as f64;
        let a4 = 440.0 * (tuning / steps).exp2();
        let note = |bin: usize| {
            let hz = self.sample_rate * bin as f64 / self.n_fft as f64;
            steps * (hz / (a4 / 16.0)).log2()
        };
        let n_groups = n_chroma.div_ceil(GROUP);
        let mut groups: Vec<Vec<[R; GROUP]>> = vec![Vec::with_capacity(n_bins); n_groups];
        let mut column = vec![0.0; n_chroma];
        for bin in 0..n_bins {
            // The lowest bin holds 0 Hz; it is taken to lie an octave and a half below the next one.
            let place = if bin == 0 { note(1) - 1.5 * steps } else { note(bin) };
            // The last of all bins, beyond those that are kept, has nothing after it.
            let width = match bin {
                0 => 1.5 * steps,
                _ if bin + 1 == self.n_fft => 1.0,
                _ => note(bin + 1) - place,
            };
            self.fill(&mut column, place, width.max(1.0));
            for (group, classes) in groups.iter_mut().zip(column.chunks(GROUP)) {
                let mut weights = [R::default(); GROUP];
                for (place, weight) in weights.iter_mut().zip(classes) {
                    // The reference keeps its weights in float32.
                    *place = R::from_f64(f64::from(*weight as f32));
                }
                group.push(weights);
            }
        }
        groups
    }

    /// What a bin at `place` lends to each note.
    fn fill(&self, column: &mut [f64], place: f64, width: f64) {
        let steps = self.n_chroma as f64;
        let half = (steps / 2.0).round_ties_even();
        let turned = if self.starts_at_c { 3 * (self.n_chroma / 12) } else { 0 };
        for (class, weight) in column.iter_mut().enumerate() {
            let from_a = (class + turned) % self.n_chroma;
            let distance = (place - from_a as f64 + half + 10.0 * steps).rem_euclid(steps) - half;
            *weight = (-0.5 * (2.0 * distance / width).powi(2)).exp();
        }
        let length = column.iter().map(|weight| weight * weight).sum::<f64>().sqrt();
        let length = if length < f64::MIN_POSITIVE { 1.0 } else { length };
        let fade = self.octave_width.map_or(1.0, |octaves| {
            (-0.5 * ((place / steps - self.centre_octave) / octaves).powi(2)).exp()
        });
        for weight in column {
            *weight = *weight / length * fade;
        }
    }
}

impl Compute for Chroma {
    fn compute<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Lines<R>> {
        self.check(spectra.n_bins())?;
        spectra.check_finite()?;
        let lines = Lines::new(spectra.n_signals(), self.n_chroma, spectra.n_frames())?;
        let mut kept = Kept::new(spectra, self.tuning.is_none());
        let tuning = if let Some(tuning) = self.tuning {
            tuning
        } else {
            // The reference has forgotten by now that a frame may be odd.
            let n_fft = 2 * (spectra.n_bins() - 1);
            let tuning = Tuning::librosa(self.sample_rate, n_fft, self.n_chroma);
            let mut first = FirstPass { search: tuning.prepare(spectra)?, kept: &mut kept };
            visit(spectra, Quantity::Power, &mut first);
            first.search.tuning()
        };
        let weights = self.weights(tuning);
        let mut second = SecondPass { weights: &weights, norm: self.norm, lines };
        kept.show(spectra, &mut second);
        visit_from(spectra, Quantity::Power, kept.n_vectors, &mut second);
        Ok(second.lines)
    }
}

/// Spectra that need not be transformed again.
struct Kept<R> {
    buffer: Buffer<R>,
    /// Values of a vector of spectra.
    n_values: usize,
    /// How many fit, and how many are there.
    capacity: usize,
    n_vectors: usize,
}

impl<R: Real> Kept<R> {
    fn new(spectra: &SpectraOf<'_, R>, is_needed: bool) -> Self {
        let n_lanes = spectra.tier.n_lanes::<R>();
        let n_values = spectra.n_bins() * n_lanes;
        let n_all = spectra.n_signals() * spectra.n_frames().div_ceil(n_lanes);
        let fitting = KEPT_BYTES / (n_values * size_of::<R>());
        let is_needed = is_needed && matches!(spectra.kind, KindOf::Transformed { .. });
        let capacity = if is_needed { n_all.min(fitting) } else { 0 };
        let mut buffer = Buffer::default();
        buffer.take(capacity * n_values);
        Self { buffer, n_values, capacity, n_vectors: 0 }
    }

    /// Keeps a vector of spectra, if there is room.
    #[inline(always)]
    fn push<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V]) {
        if self.n_vectors < self.capacity {
            let place = self.buffer.take(self.capacity * self.n_values);
            let place = &mut simd.lanes_mut(place)[self.n_vectors * spectrum.len()..];
            place[..spectrum.len()].copy_from_slice(spectrum);
            self.n_vectors += 1;
        }
    }

    /// Shows what was kept.
    fn show(&mut self, spectra: &SpectraOf<'_, R>, visitor: &mut impl Visitor<R>) {
        let (n_signals, n_frames) = (spectra.n_signals(), spectra.n_frames());
        let power = self.buffer.take(self.capacity * self.n_values);
        let power = &power[..self.n_vectors * self.n_values];
        let n_bins = spectra.n_bins();
        R::dispatch(spectra.tier, ShowKept { power, n_bins, n_signals, n_frames, visitor });
    }
}

struct ShowKept<'a, R, W> {
    power: &'a [R],
    n_bins: usize,
    n_signals: usize,
    n_frames: usize,
    visitor: &'a mut W,
}

impl<R: Real, W: Visitor<R>> Kernel<R> for ShowKept<'_, R, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        let places = Place::all(self.n_signals, self.n_frames, S::LANES);
        for (spectrum, place) in simd.lanes(self.power).chunks_exact(self.n_bins).zip(places) {
            self.visitor.visit(simd, spectrum, place);
        }
    }
}

/// Finds peaks and keeps spectra.
struct FirstPass<'a, R> {
    search: Search,
    kept: &'a mut Kept<R>,
}

impl<R: Real> Visitor<R> for FirstPass<'_, R> {
    #[inline(always)]
    fn visit<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V], place: Place) {
        self.search.look(simd, spectrum, place.n_valid);
        self.kept.push(simd, spectrum);
    }
}

/// Adds up notes.
struct SecondPass<'a, R> {
    weights: &'a [Vec<[R; GROUP]>],
    norm: ChromaNorm,
    lines: Lines<R>,
}

impl<R: Real> Visitor<R> for SecondPass<'_, R> {
    #[inline(always)]
    fn visit<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V], place: Place) {
        let n_chroma = self.lines.shape[1];
        let mut notes = vec![simd.constant(0.0); n_chroma];
        for (notes, weights) in notes.chunks_mut(GROUP).zip(self.weights) {
            let mut sums = [simd.constant(0.0); GROUP];
            for (power, weights) in spectrum.iter().zip(weights) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = simd.mul_add(simd.splat(*weight), *power, *sum);
                }
            }
            notes.copy_from_slice(&sums[..notes.len()]);
        }
        let length = length(simd, &notes, self.norm);
        let one = simd.constant(1.0);
        let silent = simd.less(length, simd.constant(R::TINY));
        let scale = simd.select(silent, one, length);
        for (class, note) in notes.into_iter().enumerate() {
            self.lines.put(simd, class, place, simd.div(note, scale));
        }
    }
}

/// Length of each lane's notes.
#[inline(always)]
fn length<S: Simd>(simd: S, notes: &[S::V], norm: ChromaNorm) -> S::V {
    let zero = simd.constant(0.0);
    match norm {
        ChromaNorm::None => simd.constant(1.0),
        ChromaNorm::Largest => {
            let mut largest = zero;
            for note in notes {
                largest = simd.max(largest, simd.max(*note, simd.sub(zero, *note)));
            }
            largest
        }
        ChromaNorm::Exponent(p) => {
            let mut sums = [0.0; MAX_LANES];
            let mut lanes = [S::Real::default(); MAX_LANES];
            for note in notes {
                simd.store(*note, &mut lanes);
                for lane in 0..S::LANES {
                    sums[lane] += lanes[lane].to_f64().abs().powf(p);
                }
            }
            simd.load(&sums.map(|sum| S::Real::from_f64(sum.powf(1.0 / p))))
        }
    }
}
