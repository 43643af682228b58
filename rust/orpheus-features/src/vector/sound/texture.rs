//! The texture of a sound: how the envelopes of frequency bands are distributed, move together and
//! are modulated, from breaths to roughness (`McDermott` and Simoncelli 2011: Sound texture perception
//! via statistics of the auditory periphery).

use super::SAMPLE_RATE;
use super::modulation::{Modulation, ModulationBuffers};
use super::statistics::{Columns, correlation, mean_and_deviation, percentile, skewness, sum};
use super::table::Table;
use crate::Padding;
use crate::error::Result;
use crate::spectrum::mel::{MelBank, MelNorm, MelParameters, MelScale, Slopes};
use crate::spectrum::simd::{Kernel, Real, Simd, Tier};
use crate::spectrum::stft::{Stft, StftBuffers, StftParameters};
use crate::spectrum::window::WindowShape;

/// Samples per frame, and from one to the next: 5.8 ms, for modulations up to 86 Hz.
const N_FFT: usize = 256;
const HOP_LENGTH: usize = 128;

const N_BANDS: usize = 16;
const LOWEST_HZ: f64 = 60.0;
/// Row of the table that holds the frame's power.
const POWER: usize = N_BANDS;

/// A band's power is added to this share of the mean power of all.
const LEAST_SHARE: f32 = 1e-7;
/// Frames this far below the loud ones are silence.
const SILENCE: f32 = 3e-5;
/// Fewer frames than this are not judged without the silent ones.
const LEAST_FRAMES: usize = 32;

/// Ranges of modulation frequency.
const EDGES_HZ: [f64; N_RATES + 1] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 86.0];
const N_RATES: usize = 7;
/// Values from one transformed stretch to the next: 3 s.
const MODULATION_HOP: usize = 512;
/// Bands that are this far apart are compared.
const DISTANCES: [usize; 4] = [1, 2, 4, 8];

/// Columns of the three parts of [`TexturePlan::describe`].
pub(super) const N_MARGINALS: usize = 2 * N_BANDS;
pub(super) const N_CORRELATIONS: usize = 4 * N_BANDS - (1 + 2 + 4 + 8);
pub(super) const N_MODULATION: usize = (N_RATES + 1) * N_BANDS;

/// Tables.
#[derive(Debug)]
pub(super) struct TexturePlan {
    stft: Stft<f32>,
    mel: MelBank<f32>,
    modulation: Modulation,
}

/// Memory.
#[derive(Debug, Default)]
pub(super) struct TextureBuffers {
    stft: StftBuffers<f32>,
    envelopes: Table,
    modulation: ModulationBuffers,
    scratch: Vec<f32>,
    keep: Vec<bool>,
}

impl TexturePlan {
    pub(super) fn new(tier: Tier) -> Result<Self> {
        let sample_rate = f64::from(SAMPLE_RATE);
        let stft = Stft::new(
            tier,
            &StftParameters {
                n_fft: N_FFT,
                hop_length: HOP_LENGTH,
                window: &WindowShape::Hann.periodic(N_FFT),
                padding: Padding::Constant,
            },
        )?;
        let mel = MelBank::new(&MelParameters {
            sample_rate,
            n_fft: N_FFT,
            n_mels: N_BANDS,
            fmin: LOWEST_HZ,
            fmax: sample_rate / 2.0,
            scale: MelScale::Slaney,
            norm: MelNorm::Slaney,
            slopes: Slopes::Hz,
        })?;
        let frame_rate = sample_rate / HOP_LENGTH as f64;
        let modulation = Modulation::new(tier, frame_rate, MODULATION_HOP, &EDGES_HZ)?;
        Ok(Self { stft, mel, modulation })
    }

    /// Log coefficient of variation and skewness of each envelope; correlations of envelopes 1, 2, 4
    /// and 8 bands apart; and the share of each range of rates in each envelope's modulation, and
    /// how strong that is.
    pub(super) fn describe(
        &self,
        samples: &[f32],
        buffers: &mut TextureBuffers,
        [marginals, correlations, modulations]: [&mut Columns<'_>; 3],
    ) {
        self.envelopes(samples, buffers);
        let TextureBuffers { envelopes, modulation, .. } = buffers;
        let mut moments = [(0.0, 0.0); N_BANDS];
        for (band, moments) in moments.iter_mut().enumerate() {
            *moments = mean_and_deviation(envelopes.row(band));
        }
        let variation = |(mean, deviation): (f32, f32)| deviation / (mean + 1e-9);
        marginals.extend(moments.iter().map(|moments| (variation(*moments) + 0.02).ln()));
        let skewnesses = (0..N_BANDS).map(|band| skewness(envelopes.row(band)).clamp(-3.0, 8.0));
        marginals.extend(skewnesses);
        for distance in DISTANCES {
            for band in 0..N_BANDS - distance {
                let pair = [moments[band], moments[band + distance]];
                let rows = [envelopes.row(band), envelopes.row(band + distance)];
                correlations.push(correlation(rows[0], rows[1], pair));
            }
        }
        self.modulations(envelopes, &moments, modulation, modulations);
    }

    fn modulations(
        &self,
        envelopes: &Table,
        moments: &[(f32, f32); N_BANDS],
        buffers: &mut ModulationBuffers,
        columns: &mut Columns<'_>,
    ) {
        let mut powers = [[0.0; N_RATES]; N_BANDS];
        for (band, powers) in powers.iter_mut().enumerate() {
            let scale = 1.0 / (moments[band].0 + 1e-9);
            let course = envelopes.row(band).iter().map(|value| scale * value);
            self.modulation.powers_of(course, buffers, powers);
            for (power, width) in powers.iter_mut().zip(self.modulation.widths()) {
                *power *= width as f32;
            }
        }
        let totals: [f32; N_BANDS] = std::array::from_fn(|band| powers[band].iter().sum());
        for rate in 0..N_RATES {
            let bands = powers.iter().zip(&totals);
            columns
                .extend(bands.map(|(powers, total)| (powers[rate] / (total + 1e-9) + 1e-3).ln()));
        }
        columns.extend(totals.map(|total| (total + 1e-4).ln()));
    }

    /// Fourth roots of the bands' powers, relative to the mean power, without silence.
    fn envelopes(&self, samples: &[f32], buffers: &mut TextureBuffers) {
        let TextureBuffers { stft, envelopes, scratch, keep, .. } = buffers;
        let n_frames = self.stft.n_frames(samples.len());
        envelopes.reshape(N_BANDS + 1, n_frames);
        let stride = envelopes.stride();
        let mut blocks = self.stft.blocks(samples, stft);
        while let Some(block) = blocks.next_power() {
            let values = &mut envelopes.values()[block.first_frame..];
            let bands = Bands { mel: &self.mel, power: block.bins, values, stride };
            f32::dispatch(self.stft.tier(), bands);
        }
        scratch.clear();
        scratch.extend_from_slice(envelopes.row(POWER));
        let level = sum(scratch) / (scratch.len() * N_BANDS).max(1) as f32;
        let loud = percentile(scratch, 0.95);
        keep.clear();
        keep.extend(envelopes.row(POWER).iter().map(|power| *power > SILENCE * loud));
        if keep.iter().filter(|keep| **keep).count() >= LEAST_FRAMES {
            envelopes.retain(keep);
        }
        let scale = 1.0 / level.max(f32::MIN_POSITIVE);
        for band in 0..N_BANDS {
            for value in envelopes.row_mut(band) {
                *value = (*value * scale + LEAST_SHARE).sqrt().sqrt();
            }
        }
    }
}

/// Bands of the frames of one block, and their sum.
struct Bands<'a> {
    mel: &'a MelBank<f32>,
    power: &'a [f32],
    values: &'a mut [f32],
    stride: usize,
}

impl Kernel<f32> for Bands<'_> {
    type Output = ();

    #[expect(clippy::needless_range_loop, reason = "iterators need not be inlined into the tier")]
    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, simd: S) {
        let mut bands = [simd.splat(0.0); N_BANDS];
        self.mel.apply(simd, simd.lanes(self.power), &mut bands);
        let mut total = simd.splat(0.0);
        for band in 0..N_BANDS {
            total = simd.add(total, bands[band]);
            simd.store(bands[band], &mut self.values[band * self.stride..]);
        }
        simd.store(total, &mut self.values[POWER * self.stride..]);
    }
}
