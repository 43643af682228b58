//! Logarithmic mel spectrograms: what most audio models start from.

use crate::error::Result;
use crate::spectrum::buffer::Buffer;
use crate::spectrum::framing::Padding;
use crate::spectrum::mel::{MelBank, MelNorm, MelParameters, MelScale, Slopes};
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};
use crate::spectrum::stft::{Stft, StftBuffers, StftParameters};
use crate::spectrum::window::WindowShape;

/// Bands of every model here.
pub(crate) const N_BANDS: usize = 64;

/// What a model was trained on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    /// Hz.
    pub(crate) sample_rate: u32,
    /// Samples that are transformed.
    pub(crate) n_fft: usize,
    /// Samples under the window, a periodic Hann window.
    pub(crate) win_length: usize,
    /// Samples between frames.
    pub(crate) hop_length: usize,
    /// What is beyond the ends.
    pub(crate) padding: Padding,
    /// Ends of the bands, in Hz.
    pub(crate) range_hz: [f64; 2],
    /// Where bands are, how high, and over what they are straight.
    pub(crate) bands: (MelScale, MelNorm, Slopes),
    /// How energies become levels.
    pub(crate) level: Level,
}

/// How energies become levels.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    /// Bands of power, in dB; powers below 1e-10 count as that.
    Decibels,
    /// Bands of magnitude; the natural logarithm of their sum and this.
    Ln(f64),
}

/// Powers below this count as this.
const LEAST_POWER: f64 = 1e-10;

/// Computes log-mel spectrograms of one recipe.
#[derive(Debug)]
pub(crate) struct LogMel<R: Real> {
    stft: Stft<R>,
    bank: MelBank<R>,
    level: Level,
}

/// Memory to compute in.
#[derive(Debug, Default)]
pub(crate) struct LogMelBuffers<R> {
    stft: StftBuffers<R>,
    magnitudes: Buffer<R>,
}

impl<R: Real> LogMel<R> {
    /// Tables for one recipe.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Parameter`] for a recipe that is none; those of the models are sound.
    pub(crate) fn new(tier: Tier, recipe: &Recipe) -> Result<Self> {
        let Recipe { sample_rate, n_fft, hop_length, padding, level, .. } = *recipe;
        let window = WindowShape::Hann.periodic(recipe.win_length);
        let (scale, norm, slopes) = recipe.bands;
        let bank = MelBank::new(&MelParameters {
            sample_rate: f64::from(sample_rate),
            n_fft,
            n_mels: N_BANDS,
            fmin: recipe.range_hz[0],
            fmax: recipe.range_hz[1],
            scale,
            norm,
            slopes,
        })?;
        let parameters = StftParameters { n_fft, hop_length, window: &window, padding };
        Ok(Self { stft: Stft::new(tier, &parameters)?.emphasising_less(), bank, level })
    }

    /// Frames of a signal of `n_samples`.
    pub(crate) fn n_frames(&self, n_samples: usize) -> usize {
        self.stft.n_frames(n_samples)
    }

    /// Writes [`N_BANDS`] levels for each of the first frames of `signal`, as many as `rows` holds.
    pub(crate) fn fill(&self, signal: &[f32], buffers: &mut LogMelBuffers<R>, rows: &mut [f32]) {
        let LogMelBuffers { stft, magnitudes } = buffers;
        let (frames, _) = rows.as_chunks_mut::<N_BANDS>();
        let mut blocks = self.stft.blocks(signal, stft);
        for frames in frames.chunks_mut(self.stft.n_lanes()) {
            let Some(block) = blocks.next_power() else { return };
            let n_valid = frames.len().min(block.n_valid);
            let frames = &mut frames[..n_valid];
            let levels = Levels { plan: self, power: block.bins, magnitudes, frames };
            R::dispatch(self.stft.tier(), levels);
        }
    }
}

/// From the power spectra of a block to levels.
struct Levels<'a, R: Real> {
    plan: &'a LogMel<R>,
    power: &'a [R],
    magnitudes: &'a mut Buffer<R>,
    frames: &'a mut [[f32; N_BANDS]],
}

impl<R: Real> Kernel<R> for Levels<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        let mut bands = [simd.constant(0.0); N_BANDS];
        let power = simd.lanes(self.power);
        match self.plan.level {
            Level::Decibels => {
                self.plan.bank.apply(simd, power, &mut bands);
                let least = simd.constant(LEAST_POWER);
                let db_per_octave = simd.constant(10.0 * 2.0_f64.log10());
                for band in &mut bands {
                    *band = simd.mul(db_per_octave, simd.log2(simd.max(*band, least)));
                }
            }
            Level::Ln(offset) => {
                let magnitudes = simd.lanes_mut(self.magnitudes.take(self.power.len()));
                for (magnitude, power) in magnitudes.iter_mut().zip(power) {
                    *magnitude = simd.fast_sqrt(*power);
                }
                self.plan.bank.apply(simd, magnitudes, &mut bands);
                let (offset, ln_2) = (simd.constant(offset), simd.constant(std::f64::consts::LN_2));
                for band in &mut bands {
                    *band = simd.mul(ln_2, simd.log2(simd.add(*band, offset)));
                }
            }
        }
        write(simd, &bands, self.frames);
    }
}

/// Turns lanes into rows.
#[inline(always)]
fn write<S: Simd>(simd: S, bands: &[S::V; N_BANDS], frames: &mut [[f32; N_BANDS]]) {
    let mut lanes = [[S::Real::default(); MAX_LANES]; N_BANDS];
    for band in 0..N_BANDS {
        simd.store(bands[band], &mut lanes[band]);
    }
    for (lane, frame) in frames.iter_mut().enumerate() {
        for band in 0..N_BANDS {
            frame[band] = lanes[band][lane].to_f64() as f32;
        }
    }
}
