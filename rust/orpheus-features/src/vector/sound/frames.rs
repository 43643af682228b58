//! The first pass: what each frame of 93 ms says about its spectrum.

use std::ops::Range;

use super::SAMPLE_RATE;
use super::blocks::N_OCTAVES;
use super::table::Table;
use crate::Padding;
use crate::error::Result;
use crate::spectrum::mel::{MelBank, MelNorm, MelParameters, MelScale, Slopes};
use crate::spectrum::simd::{Kernel, Real, Simd, Tier};
use crate::spectrum::stft::{Stft, StftBuffers, StftParameters};
use crate::spectrum::window::WindowShape;

/// Samples per frame, and from one to the next.
const N_FFT: usize = 2048;
pub(super) const HOP_LENGTH: usize = 512;

/// Mel bands.
pub(super) const N_BANDS: usize = 80;
const LOWEST_HZ: f64 = 20.0;

/// Octaves end here; the last one at half the sample rate.
const OCTAVE_ENDS_HZ: [f64; N_OCTAVES - 1] = [200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0];
/// Neighbouring bins of which the strongest and the weakest count for the contrast.
const BINS_PER_GROUP: usize = 20;

/// Added to every power, 124 dB below a sine of full scale.
const LEAST_POWER: f64 = 1e-7;
/// A sine of full scale has this power, in dB: half the sum of the window, squared.
const FULL_SCALE_DB: f64 = 54.185_399_219_516_61;
/// Share of the magnitude below the roll-off.
const ROLLOFF: f64 = 0.85;

/// Rows of the table: levels of the bands, of the frame and of the octaves, in dB below full scale;
/// what the strongest and the weakest bins of each octave have; and the spectrum's shape.
pub(super) const BANDS: Range<usize> = 0..N_BANDS;
pub(super) const LEVEL: usize = BANDS.end;
pub(super) const OCTAVES: Range<usize> = LEVEL + 1..LEVEL + 1 + N_OCTAVES;
pub(super) const PEAKS: Range<usize> = OCTAVES.end..OCTAVES.end + N_OCTAVES;
pub(super) const VALLEYS: Range<usize> = PEAKS.end..PEAKS.end + N_OCTAVES;
/// Centroid, spread, roll-off and skewness over the bands; flatness and zero crossings are filled in
/// by others.
pub(super) const SHAPES: Range<usize> = VALLEYS.end..VALLEYS.end + 6;
const N_ROWS: usize = SHAPES.end;

/// Tables of the first pass.
#[derive(Debug)]
pub(super) struct FramePlan {
    stft: Stft<f32>,
    mel: MelBank<f32>,
    octaves: [Octave; N_OCTAVES],
}

/// The bins of one octave.
#[derive(Debug)]
struct Octave {
    bins: Range<usize>,
    /// Ends of the groups, in order.
    group_ends: Vec<usize>,
}

impl Octave {
    fn new(bins: Range<usize>) -> Self {
        let n_groups = (bins.len() as f64 / BINS_PER_GROUP as f64).round().max(1.0) as usize;
        let end = |group: usize| bins.start + bins.len() * (group + 1) / n_groups;
        Self { group_ends: (0..n_groups).map(end).collect(), bins }
    }
}

impl FramePlan {
    pub(super) fn new(tier: Tier) -> Result<Self> {
        let nyquist = f64::from(SAMPLE_RATE) / 2.0;
        let n_bins = N_FFT / 2 + 1;
        let bin_of = |hz: f64| (hz / nyquist * (n_bins - 1) as f64).ceil() as usize;
        let edge = |octave: usize| match octave {
            0 => 0,
            octave => OCTAVE_ENDS_HZ.get(octave - 1).map_or(n_bins, |hz| bin_of(*hz)),
        };
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
            sample_rate: f64::from(SAMPLE_RATE),
            n_fft: N_FFT,
            n_mels: N_BANDS,
            fmin: LOWEST_HZ,
            fmax: nyquist,
            scale: MelScale::Slaney,
            norm: MelNorm::Slaney,
            slopes: Slopes::Hz,
        })?;
        let octaves = std::array::from_fn(|octave| Octave::new(edge(octave)..edge(octave + 1)));
        Ok(Self { stft, mel, octaves })
    }

    /// Describes every frame of `samples`.
    pub(super) fn run(&self, samples: &[f32], buffers: &mut StftBuffers<f32>, table: &mut Table) {
        table.reshape(N_ROWS, self.stft.n_frames(samples.len()));
        let stride = table.stride();
        let mut blocks = self.stft.blocks(samples, buffers);
        while let Some(block) = blocks.next_power() {
            let values = &mut table.values()[block.first_frame..];
            let frames = Describe { plan: self, power: block.bins, values, stride };
            f32::dispatch(self.stft.tier(), frames);
        }
    }
}

/// Describes the frames of one block.
struct Describe<'a> {
    plan: &'a FramePlan,
    power: &'a [f32],
    values: &'a mut [f32],
    stride: usize,
}

impl Kernel<f32> for Describe<'_> {
    type Output = ();

    #[expect(clippy::needless_range_loop, reason = "iterators need not be inlined into the tier")]
    #[inline(always)]
    fn run<S: Simd<Real = f32>>(mut self, simd: S) {
        let mut bands = [simd.splat(0.0); N_BANDS];
        self.plan.mel.apply(simd, simd.lanes(self.power), &mut bands);
        self.shape(simd, &bands);
        for band in 0..N_BANDS {
            self.store(simd, band, decibels(simd, bands[band]));
        }
        let mut total = simd.splat(0.0);
        for octave in 0..N_OCTAVES {
            let sum = self.octave(simd, octave);
            total = simd.add(total, sum);
            self.store(simd, OCTAVES.start + octave, decibels(simd, sum));
        }
        self.store(simd, LEVEL, decibels(simd, total));
    }
}

impl Describe<'_> {
    #[inline(always)]
    fn store<S: Simd<Real = f32>>(&mut self, simd: S, row: usize, value: S::V) {
        simd.store(value, &mut self.values[row * self.stride..]);
    }

    /// Moments of the magnitudes of the bands, which lie from -1 to 1.
    #[inline(always)]
    fn shape<S: Simd<Real = f32>>(&mut self, simd: S, bands: &[S::V; N_BANDS]) {
        let zero = simd.splat(0.0);
        let (mut magnitudes, mut moments) = ([zero; N_BANDS], [zero; 4]);
        for band in 0..N_BANDS {
            let magnitude = simd.fast_sqrt(simd.max(bands[band], simd.constant(LEAST_POWER)));
            let place = simd.constant((2 * band + 1) as f64 / N_BANDS as f64 - 1.0);
            magnitudes[band] = magnitude;
            let mut term = magnitude;
            for moment in &mut moments {
                *moment = simd.add(*moment, term);
                term = simd.mul(term, place);
            }
        }
        let inverse = simd.div(simd.splat(1.0), moments[0]);
        let [first, second, third] = [1, 2, 3].map(|k: usize| simd.mul(moments[k], inverse));
        let square = simd.mul(first, first);
        let variance = simd.max(simd.sub(second, square), simd.constant(1e-6));
        let spread = simd.sqrt(variance);
        let twice = simd.sub(simd.mul(simd.splat(2.0), square), simd.mul(simd.splat(3.0), second));
        let skewness = simd.div(simd.mul_add(first, twice, third), simd.mul(variance, spread));
        let rolloff = rolloff(simd, &magnitudes, moments[0]);
        for (shape, value) in [first, spread, rolloff, skewness].into_iter().enumerate() {
            self.store(simd, SHAPES.start + shape, value);
        }
    }

    /// Writes the mean level of the strongest and of the weakest bin of the groups of an octave, and
    /// returns its power.
    #[expect(clippy::needless_range_loop, reason = "iterators need not be inlined into the tier")]
    #[inline(always)]
    fn octave<S: Simd<Real = f32>>(&mut self, simd: S, octave: usize) -> S::V {
        let (plan, power) = (self.plan, self.power);
        let Octave { bins, group_ends } = &plan.octaves[octave];
        let power = simd.lanes(power);
        let zero = simd.splat(0.0);
        let (mut sum, mut peaks, mut valleys) = (zero, zero, zero);
        let mut start = bins.start;
        for end in group_ends {
            let (mut strongest, mut weakest) = (power[start], power[start]);
            for bin in start..*end {
                sum = simd.add(sum, power[bin]);
                strongest = simd.max(strongest, power[bin]);
                weakest = simd.min(weakest, power[bin]);
            }
            peaks = simd.add(peaks, decibels(simd, strongest));
            valleys = simd.add(valleys, decibels(simd, weakest));
            start = *end;
        }
        let share = simd.constant(1.0 / group_ends.len() as f64);
        self.store(simd, PEAKS.start + octave, simd.mul(peaks, share));
        self.store(simd, VALLEYS.start + octave, simd.mul(valleys, share));
        sum
    }
}

/// Level in dB below that of a sine of full scale.
#[inline(always)]
fn decibels<S: Simd<Real = f32>>(simd: S, power: S::V) -> S::V {
    let logarithm = simd.log2(simd.add(power, simd.constant(LEAST_POWER)));
    let offset = simd.constant(-FULL_SCALE_DB);
    simd.mul_add(simd.constant(10.0 * std::f64::consts::LOG10_2), logarithm, offset)
}

/// Share of the bands below which [`ROLLOFF`] of the sum of `magnitudes` lies.
#[expect(clippy::needless_range_loop, reason = "iterators need not be inlined into the tier")]
#[inline(always)]
fn rolloff<S: Simd<Real = f32>>(simd: S, magnitudes: &[S::V; N_BANDS], total: S::V) -> S::V {
    let threshold = simd.mul(total, simd.constant(ROLLOFF));
    let (mut sum, mut n_below) = (simd.splat(0.0), simd.splat(0.0));
    let (one, none) = (simd.constant(1.0 / N_BANDS as f64), simd.splat(0.0));
    for band in 0..N_BANDS {
        sum = simd.add(sum, magnitudes[band]);
        n_below = simd.add(n_below, simd.select(simd.less(sum, threshold), one, none));
    }
    n_below
}
