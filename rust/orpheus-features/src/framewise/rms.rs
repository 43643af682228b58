//! Root-mean-square level of each frame.

use super::samples::Signals;
use super::spectra::{Compute, Quantity, Spectra, SpectraOf, within};
use super::table::{Lines, Table};
use super::visit::{Place, Visitor, visit};
use crate::error::{Error, Result};
use crate::spectrum::framing::{Framing, Padding};
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};
use crate::spectrum::stft::{MAX_HOP_LENGTH, MAX_N_FFT};
use crate::vector::classical::Precision;

/// How a signal is cut into frames that are not transformed.
#[derive(Clone, Copy, Debug)]
pub struct Frames(Framing);

impl Frames {
    /// Frames of `frame_length` samples, `hop_length` apart.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if a length is out of range.
    pub fn new(frame_length: usize, hop_length: usize, padding: Padding) -> Result<Self> {
        within("frame_length", frame_length, MAX_N_FFT)?;
        within("hop_length", hop_length, MAX_HOP_LENGTH)?;
        Ok(Self(Framing { frame_length, hop_length, padding }))
    }

    /// Frames of each of `signals`.
    ///
    /// # Errors
    ///
    /// [`Error::TooShort`] if there is none.
    pub(super) fn count(&self, signals: Signals<'_>) -> Result<usize> {
        match self.0.n_frames(signals.n_samples) {
            0 => Err(Error::TooShort {
                n_samples: signals.n_samples,
                frame_length: self.0.frame_length,
            }),
            n_frames => Ok(n_frames),
        }
    }

    pub(super) fn framing(&self) -> Framing {
        self.0
    }
}

/// Root of the mean square of the samples of each frame: one line per signal.
///
/// # Errors
///
/// [`Error::TooShort`] if no frame fits.
pub fn rms_of_signals(signals: Signals<'_>, frames: Frames, precision: Precision) -> Result<Table> {
    let tier = Tier::best();
    Ok(match precision {
        Precision::Fast => of_signals::<f32>(tier, signals, frames)?.into(),
        Precision::Reference => of_signals::<f64>(tier, signals, frames)?.into(),
    })
}

pub(super) fn of_signals<R: Real>(
    tier: Tier,
    signals: Signals<'_>,
    frames: Frames,
) -> Result<Lines<R>> {
    let mut lines = Lines::new(signals.n_signals(), 1, frames.count(signals)?)?;
    R::dispatch(tier, Rms { signals, framing: frames.0, lines: &mut lines });
    Ok(lines)
}

struct Rms<'a, R> {
    signals: Signals<'a>,
    framing: Framing,
    lines: &'a mut Lines<R>,
}

impl<R: Real> Kernel<R> for Rms<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        let n_frames = self.lines.shape[2];
        let mut frame = vec![0.0_f32; self.framing.frame_length];
        for signal in 0..self.signals.n_signals() {
            let samples = self.signals.signal(signal);
            for t in 0..n_frames {
                let start = self.framing.start_of(t);
                let whole = usize::try_from(start)
                    .ok()
                    .and_then(|start| samples.get(start..)?.get(..frame.len()));
                let sum = if let Some(samples) = whole {
                    sum_of_squares(simd, samples)
                } else {
                    self.framing.stage(samples, start, &mut frame);
                    sum_of_squares(simd, &frame)
                };
                let level = (sum / frame.len() as f64).sqrt();
                self.lines.values[signal * n_frames + t] = R::from_f64(level);
            }
        }
    }
}

#[inline(always)]
fn sum_of_squares<S: Simd>(simd: S, values: &[f32]) -> f64 {
    let mut sums = [simd.constant(0.0); 4];
    let mut converted = [S::Real::default(); 4 * MAX_LANES];
    let n_grouped = values.len() - values.len() % (4 * S::LANES);
    for group in values[..n_grouped].chunks_exact(4 * S::LANES) {
        // Nothing is converted where samples are of this type already.
        for at in 0..4 * S::LANES {
            converted[at] = S::Real::from_f64(f64::from(group[at]));
        }
        for (at, sum) in sums.iter_mut().enumerate() {
            let value = simd.load(&converted[at * S::LANES..]);
            *sum = simd.mul_add(value, value, *sum);
        }
    }
    let mut lanes = [S::Real::default(); MAX_LANES];
    simd.store(simd.add(simd.add(sums[0], sums[1]), simd.add(sums[2], sums[3])), &mut lanes);
    let rest: f64 = values[n_grouped..].iter().map(|value| f64::from(*value).powi(2)).sum();
    rest + lanes.iter().map(|lane| lane.to_f64()).sum::<f64>()
}

/// The level of frames of `frame_length` samples from their magnitude spectra: one line per signal.
///
/// # Errors
///
/// [`Error::Parameter`] if spectra of such frames do not have as many bins, [`Error::Spectrogram`]
/// for values that are not finite.
pub fn rms_of_spectra(spectra: &Spectra<'_>, frame_length: usize) -> Result<Table> {
    spectra.compute(&OfSpectra { frame_length })
}

struct OfSpectra {
    frame_length: usize,
}

impl Compute for OfSpectra {
    fn compute<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Lines<R>> {
        let n_bins = spectra.n_bins();
        if self.frame_length == 0 || self.frame_length / 2 + 1 != n_bins {
            let expected =
                format!("{} or {}, as S has {n_bins} rows", 2 * n_bins - 2, 2 * n_bins - 1);
            return Err(Error::parameter("frame_length", self.frame_length, expected));
        }
        spectra.check_finite()?;
        let lines = Lines::new(spectra.n_signals(), 1, spectra.n_frames())?;
        let mut visitor = SpectrumLevel { frame_length: self.frame_length, lines };
        visit(spectra, Quantity::Magnitude, &mut visitor);
        Ok(visitor.lines)
    }
}

struct SpectrumLevel<R> {
    frame_length: usize,
    lines: Lines<R>,
}

impl<R: Real> Visitor<R> for SpectrumLevel<R> {
    #[inline(always)]
    fn visit<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V], place: Place) {
        // The spectrum of a real frame holds every bin twice, but for the first one, and for the last
        // one if the frame is even.
        let last =
            if self.frame_length.is_multiple_of(2) { spectrum.len() - 1 } else { spectrum.len() };
        let mut sum = simd.constant(0.0);
        for (k, magnitude) in spectrum.iter().enumerate() {
            let square = simd.mul(*magnitude, *magnitude);
            let share = if k == 0 || k == last { 0.5 } else { 1.0 };
            sum = simd.mul_add(square, simd.constant(share), sum);
        }
        let scale = simd.constant(2.0 / (self.frame_length as f64).powi(2));
        self.lines.put(simd, 0, place, simd.sqrt(simd.mul(sum, scale)));
    }
}
