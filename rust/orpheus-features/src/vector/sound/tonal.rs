//! Which notes sound, relative to the key they make: harmony without its transposition.

use std::f64::consts::TAU;

use super::SAMPLE_RATE;
use super::statistics::{Columns, mean_and_deviation};
use crate::Padding;
use crate::error::Result;
use crate::spectrum::buffer::Buffer;
use crate::spectrum::simd::{Kernel, Real, Simd, Tier};
use crate::spectrum::stft::{Stft, StftBuffers, StftParameters};
use crate::spectrum::window::WindowShape;

/// Samples per frame, 0.37 s, and from one to the next.
const N_FFT: usize = 8192;
const HOP_LENGTH: usize = 4096;

const N_NOTES: usize = 12;
/// Notes are looked for in this range.
const RANGE_HZ: [f64; 2] = [32.0, 4000.0];
/// Peaks for the tuning are looked for in this range of MIDI notes.
const TUNING_NOTES: [f32; 2] = [40.0, 100.0];
/// A peak has more than this share of the frame's largest power.
const PEAK_SHARE: f32 = 0.05;
/// How far a note reaches, in semitones: the deviation of a Gaussian.
const REACH: f32 = 0.35;
/// Notes that a bin lends to: the nearest and its neighbours.
const SPAN: usize = 3;
/// Frames with less than this share of the power of the loudest one are silence.
const SILENCE: f32 = 1e-5;

/// How well each note fits a major and a minor key on the first one (Krumhansl and Kessler 1982).
const MAJOR: [f32; N_NOTES] =
    [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88];
const MINOR: [f32; N_NOTES] =
    [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17];

/// Frequencies of the transform of twelve notes, without the constant.
const N_CYCLES: usize = 6;

/// Columns of [`TonalPlan::describe`].
pub(super) const N_TONAL: usize = N_NOTES + 2 + 3 * N_CYCLES + 3;

/// Tables.
#[derive(Debug)]
pub(super) struct TonalPlan {
    stft: Stft<f32>,
    /// The bins that are looked at, and one more at each end.
    first_bin: usize,
    n_bins: usize,
    /// Of each bin, and of one more at each end: its frequency in MIDI notes.
    bin_notes: Vec<f32>,
    /// Cosines and sines of the cycles over the twelve notes.
    cycles: [[[f32; 2]; N_NOTES]; N_CYCLES],
    profiles: [[f32; N_NOTES]; 2],
}

/// Memory.
#[derive(Debug, Default)]
pub(super) struct TonalBuffers {
    stft: StftBuffers<f32>,
    power: Buffer<f32>,
    weights: Vec<BinWeights>,
    chroma: Vec<[f32; N_NOTES]>,
}

/// What a bin lends to the notes around `note`.
#[derive(Clone, Copy, Debug)]
struct BinWeights {
    notes: [u8; SPAN],
    weights: [f32; SPAN],
}

/// Frequency of a bin, in MIDI notes: 69 is 440 Hz.
fn note_of(bin: f64) -> f64 {
    69.0 + 12.0 * (bin * f64::from(SAMPLE_RATE) / N_FFT as f64 / 440.0).log2()
}

impl TonalPlan {
    pub(super) fn new(tier: Tier) -> Result<Self> {
        let stft = Stft::new(
            tier,
            &StftParameters {
                n_fft: N_FFT,
                hop_length: HOP_LENGTH,
                window: &WindowShape::Hann.periodic(N_FFT),
                padding: Padding::Constant,
            },
        )?;
        let bin_of = |hz: f64| (hz * N_FFT as f64 / f64::from(SAMPLE_RATE)).round() as usize;
        let first_bin = bin_of(RANGE_HZ[0]);
        let n_bins = bin_of(RANGE_HZ[1]) - first_bin;
        let angle = |cycle: usize, note: usize| {
            TAU * ((cycle + 1) * note % N_NOTES) as f64 / N_NOTES as f64
        };
        let turn = |cycle, note| [angle(cycle, note).cos() as f32, angle(cycle, note).sin() as f32];
        Ok(Self {
            stft,
            first_bin,
            n_bins,
            bin_notes: (first_bin - 1..=first_bin + n_bins)
                .map(|bin| note_of(bin as f64) as f32)
                .collect(),
            cycles: std::array::from_fn(|cycle| std::array::from_fn(|note| turn(cycle, note))),
            profiles: [MAJOR, MINOR].map(standardised),
        })
    }

    /// Mean chroma turned to the best key; major minus minor and the strength of that key; magnitudes
    /// of the Fourier transform of the chroma (Harte, Sandler and Gasser 2006; Amiot 2016: the mean's,
    /// and mean and deviation over the frames); mean and deviation of its change; how far it peaks.
    pub(super) fn describe(
        &self,
        samples: &[f32],
        buffers: &mut TonalBuffers,
        columns: &mut Columns<'_>,
    ) {
        self.chroma(samples, buffers);
        let frames = &buffers.chroma;
        let n = frames.len().max(1) as f32;
        let mut mean = [0.0; N_NOTES];
        for frame in frames {
            for (sum, note) in mean.iter_mut().zip(frame) {
                *sum += note / n;
            }
        }
        self.describe_key(mean, columns);
        columns.extend(self.magnitudes(&mean));
        let cycles: Vec<_> = frames.iter().map(|frame| self.magnitudes(frame)).collect();
        let moments: [(f32, f32); N_CYCLES] = std::array::from_fn(|cycle| {
            let series: Vec<f32> = cycles.iter().map(|frame| frame[cycle]).collect();
            mean_and_deviation(&series)
        });
        columns.extend(moments.map(|(mean, _)| mean));
        columns.extend(moments.map(|(_, deviation)| deviation));
        let steps: Vec<f32> = frames.windows(2).map(|pair| distance(&pair[0], &pair[1])).collect();
        let (step, deviation) = mean_and_deviation(&steps);
        columns.extend([step, deviation]);
        columns.push(frames.iter().map(peakedness).sum::<f32>() / n);
    }

    fn describe_key(&self, mean: [f32; N_NOTES], columns: &mut Columns<'_>) {
        let standard = standardised(mean);
        let fit = |profile: &[f32; N_NOTES], tonic: usize| -> f32 {
            let products = (0..N_NOTES).map(|note| profile[note] * standard[(note + tonic) % 12]);
            products.sum::<f32>() / N_NOTES as f32
        };
        let fits: [[f32; 2]; N_NOTES] =
            std::array::from_fn(|tonic| [0, 1].map(|mode: usize| fit(&self.profiles[mode], tonic)));
        let best = |tonic: &usize| fits[*tonic][0].max(fits[*tonic][1]);
        let tonic = (0..N_NOTES).max_by(|a, b| best(a).total_cmp(&best(b))).unwrap_or(0);
        let largest = |mode: usize| fits.iter().map(|fit| fit[mode]).fold(f32::MIN, f32::max);
        let total = mean.iter().sum::<f32>().max(1e-9);
        columns.extend((0..N_NOTES).map(|note| 12.0 * mean[(note + tonic) % 12] / total));
        columns.extend([largest(0) - largest(1), largest(0).max(largest(1))]);
    }

    /// Magnitudes of the transform of twelve notes, relative to their sum.
    fn magnitudes(&self, notes: &[f32; N_NOTES]) -> [f32; N_CYCLES] {
        let total = notes.iter().sum::<f32>().max(1e-9);
        let mut magnitudes = [0.0; N_CYCLES];
        for (magnitude, turns) in magnitudes.iter_mut().zip(&self.cycles) {
            let (mut re, mut im) = (0.0, 0.0);
            for (note, [cosine, sine]) in notes.iter().zip(turns) {
                re += note * cosine;
                im += note * sine;
            }
            *magnitude = (re * re + im * im).sqrt() / total;
        }
        magnitudes
    }

    /// The notes of each frame that is not silent, of unit length.
    fn chroma(&self, samples: &[f32], buffers: &mut TonalBuffers) {
        let TonalBuffers { stft, power, weights, chroma } = buffers;
        let tier = self.stft.tier();
        let n_lanes = self.stft.n_lanes();
        let n_frames = self.stft.n_frames(samples.len());
        let block_length = (self.n_bins + 2) * n_lanes;
        let power = power.take(n_frames.div_ceil(n_lanes) * block_length);
        let (mut offsets, mut loudest) = (Offsets([0.0; N_OFFSETS]), 0.0_f32);
        let mut totals = Vec::with_capacity(n_frames);
        let mut blocks = self.stft.blocks(samples, stft);
        for kept in power.chunks_exact_mut(block_length) {
            let Some(block) = blocks.next_power() else { break };
            kept.copy_from_slice(&block.bins[(self.first_bin - 1) * n_lanes..][..block_length]);
            let first_is_even = block.first_frame % 2 == 0;
            // Every other frame tells the tuning well enough.
            let counted = if first_is_even { 0x5555 } else { 0xAAAA } & ((1 << block.n_valid) - 1);
            let peaks = Peaks { plan: self, power: kept, counted, offsets: &mut offsets };
            let sums = f32::dispatch(tier, peaks);
            totals.extend_from_slice(&sums[..block.n_valid]);
            loudest = sums[..block.n_valid].iter().copied().fold(loudest, f32::max);
        }
        self.weigh(offsets.mean(), weights);
        chroma.clear();
        for (kept, totals) in power.chunks_exact(block_length).zip(totals.chunks(n_lanes)) {
            let notes = f32::dispatch(tier, Fold { weights, power: kept });
            for (lane, total) in totals.iter().enumerate() {
                if *total > SILENCE * loudest {
                    chroma.push(unit(std::array::from_fn(|note| notes[note][lane])));
                }
            }
        }
    }

    /// What each bin lends to which notes, for notes that lie `tuning` semitones above those of 440 Hz.
    fn weigh(&self, tuning: f64, weights: &mut Vec<BinWeights>) {
        let bin_weights = |bin: usize| {
            let note = self.bin_notes[1 + bin] - tuning as f32;
            let nearest = note.round();
            let of = |k: usize| nearest + k as f32 - 1.0;
            BinWeights {
                notes: std::array::from_fn(|k| of(k).rem_euclid(12.0) as u8),
                weights: std::array::from_fn(|k| (-0.5 * ((note - of(k)) / REACH).powi(2)).exp()),
            }
        };
        weights.clear();
        weights.extend((0..self.n_bins).map(bin_weights));
    }
}

/// Widest vector.
const MAX_LANES: usize = crate::spectrum::simd::MAX_LANES;

/// Counts the offsets of the peaks of a block, and returns the frames' powers.
struct Peaks<'a> {
    plan: &'a TonalPlan,
    /// One bin more at each end.
    power: &'a [f32],
    /// Bit `l` is set if the peaks of lane `l` count.
    counted: u32,
    offsets: &'a mut Offsets,
}

impl Kernel<f32> for Peaks<'_> {
    type Output = [f32; MAX_LANES];

    #[expect(clippy::needless_range_loop, reason = "iterators need not be inlined into the tier")]
    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, simd: S) -> [f32; MAX_LANES] {
        let bins = simd.lanes(self.power);
        let (mut sum, mut largest) = (simd.splat(0.0), simd.splat(0.0));
        for bin in 1..bins.len() - 1 {
            sum = simd.add(sum, bins[bin]);
            largest = simd.max(largest, bins[bin]);
        }
        let threshold = simd.mul(largest, simd.splat(PEAK_SHARE));
        for bin in 1..bins.len() - 1 {
            let rises = simd.bits(simd.less(bins[bin - 1], bins[bin]));
            let falls = simd.bits(simd.less(bins[bin + 1], bins[bin]));
            let mut found =
                rises & falls & simd.bits(simd.less(threshold, bins[bin])) & self.counted;
            while found != 0 {
                let lane = found.trailing_zeros() as usize;
                found &= found - 1;
                let at = |bin: usize| self.power[bin * S::LANES + lane];
                self.plan.add_peak(bin, [at(bin - 1), at(bin), at(bin + 1)], self.offsets);
            }
        }
        let mut sums = [0.0; MAX_LANES];
        simd.store(sum, &mut sums);
        sums
    }
}

impl TonalPlan {
    /// Counts a peak at place `bin` of the kept bins: a parabola through the logarithms finds its top.
    fn add_peak(&self, bin: usize, near: [f32; 3], offsets: &mut Offsets) {
        let [before, top, after] = near.map(|power| (power + f32::MIN_POSITIVE).ln());
        let curvature = before - 2.0 * top + after;
        let shift = if curvature < -1e-6 { 0.5 * (before - after) / curvature } else { 0.0 };
        let place = (self.first_bin - 1 + bin) as f32;
        // Half a bin is so little that the logarithm is straight there.
        let note = self.bin_notes[bin] + SEMITONES_PER_E * shift.clamp(-0.5, 0.5) / place;
        if (TUNING_NOTES[0]..TUNING_NOTES[1]).contains(&note) {
            let offset = (note.fract() * N_OFFSETS as f32) as usize;
            offsets.0[offset.min(N_OFFSETS - 1)] += near[1].sqrt();
        }
    }
}

/// Semitones in a ratio of e.
const SEMITONES_PER_E: f32 = 12.0 * std::f32::consts::LOG2_E;

/// Steps that offsets from the notes of 440 Hz are counted in, over a semitone.
const N_OFFSETS: usize = 100;

/// How much sounds at each offset.
struct Offsets([f32; N_OFFSETS]);

impl Offsets {
    /// The mean on the circle of a semitone, from -0.5 to 0.5.
    fn mean(&self) -> f64 {
        let (mut x, mut y) = (0.0, 0.0);
        for (step, magnitude) in self.0.iter().enumerate() {
            let angle = TAU * (step as f64 + 0.5) / N_OFFSETS as f64;
            x += f64::from(*magnitude) * angle.cos();
            y += f64::from(*magnitude) * angle.sin();
        }
        y.atan2(x) / TAU
    }
}

/// Sums the magnitudes of the bins into notes.
struct Fold<'a> {
    weights: &'a [BinWeights],
    power: &'a [f32],
}

impl Kernel<f32> for Fold<'_> {
    type Output = [[f32; MAX_LANES]; N_NOTES];

    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, simd: S) -> Self::Output {
        let bins = &simd.lanes(self.power)[1..];
        let mut sums = [simd.splat(0.0); N_NOTES];
        for (bin, BinWeights { notes, weights }) in self.weights.iter().enumerate() {
            let magnitude = simd.fast_sqrt(bins[bin]);
            for k in 0..SPAN {
                let note = usize::from(notes[k]) % N_NOTES;
                sums[note] = simd.mul_add(magnitude, simd.splat(weights[k]), sums[note]);
            }
        }
        let mut notes = [[0.0; MAX_LANES]; N_NOTES];
        for note in 0..N_NOTES {
            simd.store(sums[note], &mut notes[note]);
        }
        notes
    }
}

/// Mean 0 and deviation 1; all 0 where nothing deviates.
fn standardised(values: [f32; N_NOTES]) -> [f32; N_NOTES] {
    let (mean, deviation) = mean_and_deviation(&values);
    values.map(|value| (value - mean) / deviation.max(1e-9))
}

/// Length 1; all 0 where there is nothing.
fn unit(notes: [f32; N_NOTES]) -> [f32; N_NOTES] {
    let length = notes.iter().map(|note| note * note).sum::<f32>().sqrt();
    notes.map(|note| note / length.max(1e-9))
}

fn distance(a: &[f32; N_NOTES], b: &[f32; N_NOTES]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
}

/// How far the three strongest notes are above the six weakest.
fn peakedness(notes: &[f32; N_NOTES]) -> f32 {
    let mut sorted = *notes;
    sorted.sort_by(f32::total_cmp);
    sorted[9..].iter().sum::<f32>() / 3.0 - sorted[..6].iter().sum::<f32>() / 6.0
}
