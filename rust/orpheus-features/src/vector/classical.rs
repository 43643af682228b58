//! The classical vector: timbre, brightness, noisiness, tempo, energy and pitch classes of one
//! window.
//!
//! In this order: the means of 13 mel-frequency cepstral coefficients, their 13 variances, the
//! mean spectral centroid, bandwidth and roll-off (85 %) in Hz, the mean zero-crossing rate, the
//! tempo in beats per minute, the energy (mean of the squared samples), and the chroma in one of
//! two [layouts](Layout).

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::chroma::{ChromaBank, ChromaMeans, N_CHROMA};
use crate::error::{Error, Result};
use crate::rhythm::onset;
use crate::rhythm::tempo::{Tempo, TempoBuffers, TempoPlan};
use crate::spectrum::buffer::Buffer;
use crate::spectrum::dct::N_MFCC;
use crate::spectrum::fft::N_FFT;
use crate::spectrum::simd::{Real, Tier};
use crate::spectrum::stft::n_frames;
use crate::temporal::{Measure, Waveform};
use crate::tuning::{N_TUNINGS, tuning_bin};
use crate::vector::analysis::{Analyse, Analysis, AnalysisPlan};
use crate::vector::layout::N_PLAIN;
pub use crate::vector::layout::{Layout, column_names};

/// Lowest sample rate that a vector is defined for, in Hz.
pub const MIN_SAMPLE_RATE: u32 = 1000;
/// Highest sample rate that a vector is defined for, in Hz.
pub const MAX_SAMPLE_RATE: u32 = 768_000;

/// Plans that [`Classical::shared`] keeps.
const N_SHARED: usize = 8;

/// How exactly a vector is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// In float32: within a ten-thousandth on music.
    #[default]
    Fast,
    /// In float64, at about three times the cost: also right for signals whose spectra hold next to
    /// nothing, such as pure tones.
    Reference,
}

/// Computes classical vectors at one sample rate.
///
/// It holds tables only: one may be shared by any number of threads, each with its own
/// [`Workspace`].
///
/// # Examples
///
/// ```
/// use orpheus_features::vector::classical::{Classical, Layout};
///
/// let classical = Classical::new(22_050, Layout::Chroma12)?;
/// let mut workspace = classical.workspace();
/// let mut vector = vec![0.0; classical.dim()];
/// let window: Vec<f32> = (0..110_250).map(|n| (n as f32 * 0.05).sin() * 0.5).collect();
/// classical.vector_into(&window, &mut workspace, &mut vector)?;
/// # Ok::<(), orpheus_features::Error>(())
/// ```
#[derive(Debug)]
pub struct Classical {
    sample_rate: u32,
    layout: Layout,
    tier: Tier,
    tempo: TempoPlan,
    tables: Tables,
}

/// What depends on the precision.
#[derive(Debug)]
enum Tables {
    Fast(Spectra<f32>),
    Reference(Spectra<f64>),
}

/// Tables for what is computed from spectra.
#[derive(Debug)]
struct Spectra<R> {
    analysis: AnalysisPlan<R>,
    /// Made when a recording with that tuning is met.
    banks: [OnceLock<ChromaBank<R>>; N_TUNINGS],
}

/// Memory that one thread computes vectors in. It grows to what the longest window needs.
#[derive(Debug, Default)]
pub struct Workspace {
    fast: Analysis<f32>,
    reference: Analysis<f64>,
    strength: Buffer<f64>,
    tempo: TempoBuffers,
}

impl Classical {
    /// Prepares for one sample rate, in [`Precision::Fast`].
    ///
    /// # Errors
    ///
    /// [`Error::SampleRate`] outside [`MIN_SAMPLE_RATE`] to [`MAX_SAMPLE_RATE`].
    pub fn new(sample_rate: u32, layout: Layout) -> Result<Self> {
        Self::with_precision(sample_rate, layout, Precision::Fast)
    }

    /// Prepares for one sample rate.
    ///
    /// # Errors
    ///
    /// As [`Classical::new`].
    pub fn with_precision(sample_rate: u32, layout: Layout, precision: Precision) -> Result<Self> {
        Self::on(Tier::best(), sample_rate, layout, precision)
    }

    /// A plan that is kept for the next caller with the same needs, in [`Precision::Fast`]:
    /// preparing one takes about as long as describing a window.
    ///
    /// # Errors
    ///
    /// As [`Classical::new`].
    pub fn shared(sample_rate: u32, layout: Layout) -> Result<Arc<Self>> {
        static PLANS: Mutex<Vec<Arc<Classical>>> = Mutex::new(Vec::new());
        let fits = |plan: &&Arc<Self>| plan.sample_rate == sample_rate && plan.layout == layout;
        // A plan is never half made while the lock is held.
        let mut plans = PLANS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.iter().find(fits) {
            return Ok(Arc::clone(plan));
        }
        let plan = Arc::new(Self::new(sample_rate, layout)?);
        if plans.len() == N_SHARED {
            plans.remove(0);
        }
        plans.push(Arc::clone(&plan));
        Ok(plan)
    }

    fn on(tier: Tier, sample_rate: u32, layout: Layout, precision: Precision) -> Result<Self> {
        if !(MIN_SAMPLE_RATE..=MAX_SAMPLE_RATE).contains(&sample_rate) {
            return Err(Error::SampleRate { given: sample_rate });
        }
        let tables = match precision {
            Precision::Fast => Tables::Fast(Spectra::new(tier, sample_rate)),
            Precision::Reference => Tables::Reference(Spectra::new(tier, sample_rate)),
        };
        Ok(Self { sample_rate, layout, tier, tempo: TempoPlan::new(sample_rate), tables })
    }

    /// Values in a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.layout.dim()
    }

    /// The rate that windows must have, in Hz.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// How vectors end.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Memory to compute in. Any workspace serves any plan.
    #[must_use]
    pub fn workspace(&self) -> Workspace {
        Workspace::default()
    }

    /// Describes one window.
    ///
    /// `window` is one channel of any length, full scale at ±1.0. Nothing is allocated once the
    /// workspace has seen a window as long and as rich in peaks.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NotFinite`] or [`Error::TooLoud`] for a window that cannot be
    /// described; [`Error::OutputLength`] if `vector` does not hold [`Classical::dim`] values.
    /// `vector` is then unchanged.
    pub fn vector_into(
        &self,
        window: &[f32],
        workspace: &mut Workspace,
        vector: &mut [f32],
    ) -> Result<()> {
        if vector.len() != self.dim() {
            return Err(Error::OutputLength { given: vector.len(), expected: self.dim() });
        }
        let waveform = f32::dispatch(self.tier, Measure(window))?;
        let Workspace { fast, reference, strength, tempo } = workspace;
        let job = Job { plan: self, window, waveform, strength, tempo };
        match &self.tables {
            Tables::Fast(spectra) => job.run(spectra, fast, vector),
            Tables::Reference(spectra) => job.run(spectra, reference, vector),
        }
        Ok(())
    }
}

impl<R: Real> Spectra<R> {
    fn new(tier: Tier, sample_rate: u32) -> Self {
        let banks = std::array::from_fn(|_| OnceLock::new());
        Self { analysis: AnalysisPlan::new(tier, sample_rate), banks }
    }
}

/// One window on its way to a vector.
struct Job<'a> {
    plan: &'a Classical,
    window: &'a [f32],
    waveform: Waveform,
    strength: &'a mut Buffer<f64>,
    tempo: &'a mut TempoBuffers,
}

impl Job<'_> {
    fn run<R: Real>(mut self, spectra: &Spectra<R>, output: &mut Analysis<R>, vector: &mut [f32]) {
        let (tier, sample_rate) = (self.plan.tier, self.plan.sample_rate);
        let n_frames = n_frames(self.window.len());
        let plan = &spectra.analysis;
        R::dispatch(tier, Analyse { plan, signal: self.window, output });

        let bin_hz = f64::from(sample_rate) / N_FFT as f64;
        let (plain, chroma) = vector.split_at_mut(N_PLAIN);
        for k in 0..N_MFCC {
            let (mean, variance) = mean_and_variance(output.mfcc(k, n_frames));
            plain[k] = mean as f32;
            plain[N_MFCC + k] = variance as f32;
        }
        let rest = [
            bin_hz * mean(output.centroid_bins(n_frames)),
            bin_hz * mean(output.bandwidth_bins(n_frames)),
            bin_hz * mean(output.rolloff_bins(n_frames)),
            self.waveform.zero_crossing_rate,
            self.beats_per_minute(output.rises_db(n_frames)),
            self.waveform.energy,
        ];
        for (place, value) in plain[2 * N_MFCC..].iter_mut().zip(rest) {
            *place = value as f32;
        }

        let tuning = tuning_bin(&mut output.peaks);
        let bank = spectra.banks[tuning].get_or_init(|| ChromaBank::new(sample_rate, tuning));
        let notes = R::dispatch(tier, ChromaMeans { bank, power: &mut output.power, n_frames });
        match chroma {
            [place] => *place = (notes.iter().sum::<f64>() / N_CHROMA as f64) as f32,
            places => places.iter_mut().zip(notes).for_each(|(place, note)| *place = note as f32),
        }
    }

    fn beats_per_minute<R: Real>(&mut self, rises: &[R]) -> f64 {
        let strength = self.strength.take(rises.len());
        onset::align(rises, strength);
        let plan = &self.plan.tempo;
        f64::dispatch(self.plan.tier, Tempo { plan, strength, buffers: self.tempo })
    }
}

fn mean<R: Real>(values: &[R]) -> f64 {
    values.iter().map(|value| value.to_f64()).sum::<f64>() / values.len() as f64
}

/// Population variance.
fn mean_and_variance<R: Real>(values: &[R]) -> (f64, f64) {
    let mean = mean(values);
    let squares = values.iter().map(|value| (value.to_f64() - mean).powi(2)).sum::<f64>();
    (mean, squares / values.len() as f64)
}

/// Describes one window; see [`Classical::vector_into`] for many.
///
/// # Errors
///
/// As [`Classical::new`] and [`Classical::vector_into`].
pub fn classical_vector(samples: &[f32], sample_rate: u32, layout: Layout) -> Result<Vec<f32>> {
    classical_vectors(samples, samples.len(), sample_rate, layout)
}

/// Describes windows of `n_samples` that lie back to back in `windows`; the vectors lie back to
/// back in the result. A tail shorter than a window is left out.
///
/// # Errors
///
/// As [`Classical::new`] and [`Classical::vector_into`]; a sample is named by its place in
/// `windows`.
pub fn classical_vectors(
    windows: &[f32],
    n_samples: usize,
    sample_rate: u32,
    layout: Layout,
) -> Result<Vec<f32>> {
    let classical = Classical::shared(sample_rate, layout)?;
    let mut workspace = classical.workspace();
    // Windows of no samples are refused like any other of that length.
    let n_windows = windows.len().checked_div(n_samples).unwrap_or(1);
    let mut vectors = vec![0.0; n_windows * classical.dim()];
    for (window, vector) in vectors.chunks_exact_mut(classical.dim()).enumerate() {
        let start = window * n_samples;
        classical
            .vector_into(&windows[start..start + n_samples], &mut workspace, vector)
            .map_err(|error| error.moved_by(start))?;
    }
    Ok(vectors)
}

#[cfg(test)]
mod tests {
    use super::{Classical, Layout, Precision};
    use crate::signals::{noise, tune};
    use crate::spectrum::simd::Tier;

    #[test]
    fn every_tier_and_precision_gives_the_same_vector() {
        let signals = [tune(1, 110_250), noise(2, 30_000), tune(3, 50_001), vec![0.0; 9000]];
        for signal in signals {
            let vector = |tier: Tier, precision: Precision| {
                let plan =
                    Classical::on(tier, 22_050, Layout::Chroma12, precision).expect("a rate");
                let mut vector = vec![0.0; plan.dim()];
                plan.vector_into(&signal, &mut plan.workspace(), &mut vector).expect("a signal");
                vector
            };
            let expected = vector(Tier::available()[0], Precision::Reference);
            for tier in Tier::available() {
                for precision in [Precision::Fast, Precision::Reference] {
                    for (column, (found, expected)) in
                        vector(tier, precision).iter().zip(&expected).enumerate()
                    {
                        let tolerance = (1e-4 * expected.abs()).max(1e-3);
                        assert!(
                            (found - expected).abs() <= tolerance,
                            "column {column}, {} {precision:?}: {found} against {expected}",
                            tier.name()
                        );
                    }
                }
            }
        }
    }
}
