//! Tempo: the period at which the onset strength repeats, weighted towards 120 beats per minute.
//!
//! The autocorrelation is taken in 8-s Hann windows around every frame, each scaled to one at lag
//! zero, and averaged. Because the transform is linear, the windows' power spectra are averaged instead
//! and transformed once. A spectrum is not computed anew for each window: with twice as many
//! frequencies as frames in a window, moving on by a frame is one rotation per frequency, and the Hann
//! window is a sum of every other frequency.

use std::f64::consts::PI;

use crate::spectrum::buffer::Buffer;
use crate::spectrum::simd::{Kernel, MAX_LANES, Simd};
use crate::spectrum::stft::HOP_LENGTH;

/// Length of the autocorrelation windows.
const WINDOW_SECONDS: u32 = 8;
/// The most likely tempo; the weight falls off by the square of the distance in octaves.
const LIKELY_BPM: f64 = 120.0;
/// Faster tempi are ruled out.
const MAX_BPM: f64 = 320.0;
/// What the autocorrelation is multiplied by before the logarithm.
const LOG_GAIN: f64 = 1e6;

/// Places before frequency zero: room for its mirror images.
const LEAD: usize = 8;
/// Vectors that are worked on together, so that one need not wait for another.
const N_TOGETHER: usize = 4;
/// The widest vector of float64, in values.
const MAX_LANES_F64: usize = MAX_LANES / 2;

/// Everything about tempo estimation that depends on the sample rate only.
#[derive(Debug)]
pub(crate) struct TempoPlan {
    /// Frames in a window; also the number of half turns of the highest frequency.
    n_window: usize,
    /// `exp(iπk / n_window)`, zero beyond `n_window`.
    cosines: Vec<f64>,
    sines: Vec<f64>,
    /// 1 and -1 in turn.
    signs: Vec<f64>,
    /// Hann window over the frames.
    window: Vec<f64>,
    /// How often each frequency counts in the whole circle: twice, but at the ends.
    counts: Vec<f64>,
    /// Beats per minute at each lag.
    bpm: Vec<f64>,
    /// Weight of each lag; zero where it is ruled out.
    weights: Vec<f64>,
}

/// Memory for [`Tempo`].
#[derive(Debug, Default)]
pub(crate) struct TempoBuffers {
    padded: Buffer<f64>,
    real: Buffer<f64>,
    imaginary: Buffer<f64>,
    sum: Buffer<f64>,
    correlation: Buffer<f64>,
}

impl TempoPlan {
    /// Computes the tables.
    pub(crate) fn new(sample_rate: u32) -> Self {
        let n_window = sample_rate as usize * WINDOW_SECONDS as usize / HOP_LENGTH;
        let n_padded = n_padded(n_window);
        let table = |value: &dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..n_padded).map(|k| if k <= n_window { value(k) } else { 0.0 }).collect()
        };
        let angle = |k: usize| PI * k as f64 / n_window as f64;
        let bpm = |lag: usize| 60.0 * f64::from(sample_rate) / (HOP_LENGTH * lag) as f64;
        let weight = |lag: usize| {
            let octaves = bpm(lag).log2() - LIKELY_BPM.log2();
            if bpm(lag) < MAX_BPM { (-0.5 * octaves * octaves).exp() } else { 0.0 }
        };
        Self {
            n_window,
            cosines: table(&|k| angle(k).cos()),
            sines: table(&|k| angle(k).sin()),
            signs: table(&|k| if k % 2 == 0 { 1.0 } else { -1.0 }),
            window: table(&|frame| 0.5 - 0.5 * angle(2 * frame).cos()),
            counts: table(&|k| if k == 0 || k == n_window { 1.0 } else { 2.0 }),
            bpm: (0..n_window).map(bpm).collect(),
            weights: (0..n_window).map(|lag| if lag == 0 { 0.0 } else { weight(lag) }).collect(),
        }
    }
}

/// Frequencies of a plan, rounded up to whole groups of vectors.
fn n_padded(n_window: usize) -> usize {
    (n_window + 1).next_multiple_of(MAX_LANES_F64 * N_TOGETHER)
}

/// Beats per minute of a signal whose frames have the given onset strengths; zero where no frame has
/// any.
pub(crate) struct Tempo<'a> {
    /// The tables for the sample rate.
    pub(crate) plan: &'a TempoPlan,
    /// One value per frame, at least zero.
    pub(crate) strength: &'a [f64],
    /// Memory to work in.
    pub(crate) buffers: &'a mut TempoBuffers,
}

impl Kernel<f64> for Tempo<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd<Real = f64>>(self, simd: S) -> f64 {
        let Self { plan, strength, buffers } = self;
        let Some(first) = strength.iter().position(|value| *value != 0.0) else { return 0.0 };
        let n_window = plan.n_window;
        let n_padded = plan.signs.len();
        let padded = zeroed(&mut buffers.padded, strength.len() + n_window + n_padded);
        pad(strength, n_window / 2, padded);

        let mut slide = Slide {
            plan,
            real: zeroed(&mut buffers.real, n_padded + 2 * LEAD),
            imaginary: zeroed(&mut buffers.imaginary, n_padded + 2 * LEAD),
            sum: zeroed(&mut buffers.sum, n_padded),
        };
        let sample = |at: isize| usize::try_from(at).map_or(0.0, |at| padded[at]);
        // The last window that holds nothing ends where the first onset begins.
        let empty = (n_window / 2 + first) as isize - n_window as isize;
        for frame in empty..strength.len() as isize {
            if let Ok(start) = usize::try_from(frame) {
                slide.add_window(simd, &padded[start..]);
            }
            slide.advance(simd, sample(frame), sample(frame + n_window as isize));
        }
        let correlation = buffers.correlation.take(n_padded);
        plan.transform(simd, slide.sum, correlation);
        plan.pick(correlation, strength.len())
    }
}

/// The onset strengths with `half` frames before them and a ramp down to zero of as many after them.
fn pad(strength: &[f64], half: usize, padded: &mut [f64]) {
    let (inside, after) = padded[half..].split_at_mut(strength.len());
    inside.copy_from_slice(strength);
    let last = strength.last().copied().unwrap_or(0.0);
    for (place, step) in after.iter_mut().zip((0..half).rev()) {
        *place = f64::from((last / half as f64 * step as f64) as f32);
    }
}

fn zeroed(buffer: &mut Buffer<f64>, length: usize) -> &mut [f64] {
    let values = buffer.take(length);
    values.fill(0.0);
    values
}

/// The spectrum of a window that moves along the onset strengths.
struct Slide<'a> {
    plan: &'a TempoPlan,
    /// Spectrum without the Hann window; frequency `k` at `LEAD + k`.
    real: &'a mut [f64],
    imaginary: &'a mut [f64],
    /// Sum of the windows' powers, each of unit energy.
    sum: &'a mut [f64],
}

impl Slide<'_> {
    /// Moves on by one frame.
    #[inline(always)]
    fn advance<S: Simd<Real = f64>>(&mut self, simd: S, leaving: f64, entering: f64) {
        let (leaving, entering) = (simd.splat(leaving), simd.splat(entering));
        let n_padded = self.plan.signs.len();
        let reals = simd.lanes_mut(&mut self.real[LEAD..][..n_padded]).iter_mut();
        let imaginaries = simd.lanes_mut(&mut self.imaginary[LEAD..][..n_padded]).iter_mut();
        let cosines = self.plan.cosines.chunks_exact(S::LANES);
        let sines = self.plan.sines.chunks_exact(S::LANES);
        let signs = self.plan.signs.chunks_exact(S::LANES);
        for ((((re, im), cosine), sine), sign) in
            reals.zip(imaginaries).zip(cosines).zip(sines).zip(signs)
        {
            let (cosine, sine) = (simd.load(cosine), simd.load(sine));
            // The frame that enters is half a circle away from the one that leaves.
            let real = simd.mul_add(simd.load(sign), entering, simd.sub(*re, leaving));
            let imaginary = *im;
            *re = simd.neg_mul_add(imaginary, sine, simd.mul(real, cosine));
            *im = simd.mul_add(imaginary, cosine, simd.mul(real, sine));
        }
        self.mirror();
    }

    /// Restores the two frequencies beyond either end, which mirror those within.
    #[inline(always)]
    fn mirror(&mut self) {
        let (first, last) = (LEAD, LEAD + self.plan.n_window);
        for distance in 1..=2 {
            for end in [first, last] {
                let within = if end == first { end + distance } else { end - distance };
                let beyond = 2 * end - within;
                self.real[beyond] = self.real[within];
                self.imaginary[beyond] = -self.imaginary[within];
            }
        }
    }

    /// Adds the power spectrum of the window, which starts with `frames`, under a Hann window and of
    /// unit energy.
    #[inline(always)]
    fn add_window<S: Simd<Real = f64>>(&mut self, simd: S, frames: &[f64]) {
        let plan = self.plan;
        let energy = plan.energy(simd, frames);
        // Not from the spectrum: there, an empty window would leave rounding errors to blow up.
        if energy < f64::MIN_POSITIVE {
            return;
        }
        let scale = simd.splat(1.0 / energy);
        let n_padded = plan.signs.len();
        let reals = Sides::new::<S>(self.real, n_padded);
        let imaginaries = Sides::new::<S>(self.imaginary, n_padded);
        let sums = simd.lanes_mut(self.sum).iter_mut();
        for ((real, imaginary), sum) in reals.zip(imaginaries).zip(sums) {
            let (real, imaginary) = (windowed(simd, real), windowed(simd, imaginary));
            let power = simd.mul_add(real, real, simd.mul(imaginary, imaginary));
            *sum = simd.mul_add(scale, power, *sum);
        }
    }
}

/// Vectors of a spectrum, each with those two frequencies below and above.
struct Sides<'a> {
    below: std::slice::ChunksExact<'a, f64>,
    here: std::slice::ChunksExact<'a, f64>,
    above: std::slice::ChunksExact<'a, f64>,
}

impl<'a> Sides<'a> {
    #[inline(always)]
    fn new<S: Simd>(values: &'a [f64], n_padded: usize) -> Self {
        let from = |start: usize| values[start..][..n_padded].chunks_exact(S::LANES);
        Self { below: from(LEAD - 2), here: from(LEAD), above: from(LEAD + 2) }
    }
}

impl<'a> Iterator for Sides<'a> {
    type Item = [&'a [f64]; 3];

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        Some([self.below.next()?, self.here.next()?, self.above.next()?])
    }
}

/// A Hann window, in the frequency domain: half of each frequency less a quarter of those two away.
#[inline(always)]
fn windowed<S: Simd<Real = f64>>(simd: S, [below, here, above]: [&[f64]; 3]) -> S::V {
    let sides = simd.add(simd.load(below), simd.load(above));
    let middle = simd.mul(simd.splat(0.5), simd.load(here));
    simd.neg_mul_add(simd.splat(0.25), sides, middle)
}

impl TempoPlan {
    /// Energy of the window that starts with `frames`.
    #[inline(always)]
    fn energy<S: Simd<Real = f64>>(&self, simd: S, frames: &[f64]) -> f64 {
        // Several sums, so that one addition need not wait for the one before.
        let mut sums = [simd.splat(0.0); N_TOGETHER];
        let windows = self.window.chunks_exact(S::LANES * N_TOGETHER);
        for (frames, window) in frames.chunks_exact(S::LANES * N_TOGETHER).zip(windows) {
            for (i, sum) in sums.iter_mut().enumerate() {
                let at = i * S::LANES;
                let value = simd.mul(simd.load(&frames[at..]), simd.load(&window[at..]));
                *sum = simd.mul_add(value, value, *sum);
            }
        }
        let mut energy = 0.0;
        for sum in sums {
            let mut lanes = [0.0; MAX_LANES];
            simd.store(sum, &mut lanes);
            energy += lanes.iter().sum::<f64>();
        }
        energy
    }

    /// Autocorrelation at every lag, from the summed power spectra.
    ///
    /// Clenshaw's recurrence for a cosine series: stable, and two operations per term.
    #[inline(always)]
    fn transform<S: Simd<Real = f64>>(&self, simd: S, sum: &[f64], correlation: &mut [f64]) {
        // The circle has twice the window's length.
        let scale = simd.splat(1.0 / (2.0 * self.n_window as f64));
        for lag in (0..correlation.len()).step_by(S::LANES * N_TOGETHER) {
            let mut cosine = [simd.splat(0.0); N_TOGETHER];
            let mut twice = cosine;
            for i in 0..N_TOGETHER {
                cosine[i] = simd.load(&self.cosines[lag + i * S::LANES..]);
                twice[i] = simd.add(cosine[i], cosine[i]);
            }
            let mut later = [[simd.splat(0.0); N_TOGETHER]; 2];
            for k in (1..=self.n_window).rev() {
                let term = simd.splat(self.counts[k] * sum[k]);
                for i in 0..N_TOGETHER {
                    let next = simd.sub(term, later[1][i]);
                    let next = simd.mul_add(twice[i], later[0][i], next);
                    later[1][i] = later[0][i];
                    later[0][i] = next;
                }
            }
            let first = simd.splat(self.counts[0] * sum[0]);
            for i in 0..N_TOGETHER {
                let value = simd.mul_add(cosine[i], later[0][i], simd.sub(first, later[1][i]));
                simd.store(simd.mul(scale, value), &mut correlation[lag + i * S::LANES..]);
            }
        }
    }

    /// The tempo of the most likely lag; the first of equals.
    fn pick(&self, correlation: &[f64], n_frames: usize) -> f64 {
        let gain = LOG_GAIN / n_frames as f64;
        let (mut best, mut best_score) = (0, 0.0);
        for (lag, (weight, value)) in self.weights.iter().zip(correlation).enumerate() {
            // The exponential of log1p(gain * mean) + log(weight): the order is the same.
            let score = (1.0 + gain * value) * weight;
            if score > best_score {
                (best, best_score) = (lag, score);
            }
        }
        self.bpm[best]
    }
}

#[cfg(test)]
mod tests {
    use super::{Tempo, TempoBuffers, TempoPlan};
    use crate::signals::Noise;
    use crate::spectrum::simd::{Real, Tier};

    fn tempi(strength: &[f64], sample_rate: u32) -> Vec<f64> {
        let plan = TempoPlan::new(sample_rate);
        let mut buffers = TempoBuffers::default();
        Tier::available()
            .into_iter()
            .map(|tier| f64::dispatch(tier, Tempo { plan: &plan, strength, buffers: &mut buffers }))
            .collect()
    }

    /// Windows, their autocorrelations scaled to one, their mean, and the best lag.
    fn by_definition(strength: &[f64], sample_rate: u32) -> f64 {
        let n_window = sample_rate as usize * 8 / 512;
        let half = n_window / 2;
        let last = strength[strength.len() - 1];
        let ramp = (0..half).rev().map(|step| last * step as f64 / half as f64);
        let padded: Vec<f64> = vec![0.0; half]
            .into_iter()
            .chain(strength.iter().copied())
            .chain(ramp)
            .chain([0.0])
            .collect();
        let hann =
            |i: usize| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / n_window as f64).cos();
        let mut mean = vec![0.0; n_window];
        for frame in 0..strength.len() {
            let window: Vec<f64> = (0..n_window).map(|i| hann(i) * padded[frame + i]).collect();
            let energy: f64 = window.iter().map(|x| x * x).sum();
            if energy > 0.0 {
                for (lag, mean) in mean.iter_mut().enumerate() {
                    let products = window.iter().zip(&window[lag..]).map(|(a, b)| a * b);
                    *mean += products.sum::<f64>() / energy / strength.len() as f64;
                }
            }
        }
        let bpm = |lag: usize| 60.0 * f64::from(sample_rate) / (512 * lag) as f64;
        let score = |lag: usize| {
            (1e6 * mean[lag]).ln_1p() - 0.5 * (bpm(lag).log2() - 120.0_f64.log2()).powi(2)
        };
        let best = (1..n_window)
            .filter(|lag| bpm(*lag) < 320.0)
            .reduce(|best, lag| if score(lag) > score(best) { lag } else { best });
        best.map_or(0.0, bpm)
    }

    /// Beats every `period` frames, with noise between them.
    fn beats(seed: u64, n_frames: usize, period: f64) -> Vec<f64> {
        let mut random = Noise::new(seed);
        (0..n_frames)
            .map(|frame| {
                let beat = (frame as f64 % period) < 1.0;
                f64::from(beat) * 5.0 + random.next().max(0.0)
            })
            .collect()
    }

    #[test]
    fn every_tier_finds_the_tempo_that_the_definition_gives() {
        let lengths =
            [(4, 22_050), (17, 22_050), (216, 22_050), (500, 16_000), (431, 44_100), (90, 1000)];
        for (case, (n_frames, sample_rate)) in lengths.into_iter().enumerate() {
            for period in [11.3, 21.5, 34.0] {
                let strength = beats(case as u64, n_frames, period);
                let expected = by_definition(&strength, sample_rate);
                for tempo in tempi(&strength, sample_rate) {
                    assert!((tempo - expected).abs() < 1e-9, "{tempo}, expected {expected}");
                }
            }
        }
    }

    #[test]
    fn a_beat_of_half_a_second_is_120_per_minute() {
        let frames_per_beat = 22_050.0 / 512.0 / 2.0;
        for tempo in tempi(&beats(1, 430, frames_per_beat), 22_050) {
            assert!((tempo - 120.0).abs() < 4.0, "{tempo}");
        }
    }

    #[test]
    fn silence_has_no_tempo() {
        assert!(tempi(&[0.0; 216], 22_050).iter().all(|tempo| tempo.abs() < 1e-9));
        assert!(tempi(&[0.0], 22_050).iter().all(|tempo| tempo.abs() < 1e-9));
    }

    #[test]
    fn a_long_pause_after_something_loud_does_not_disturb_what_follows() {
        let pause = vec![0.0; 800];
        let strength = [vec![0.0, 0.0, 0.0, 80.0, 75.0], pause, beats(2, 300, 20.0)].concat();
        let expected = by_definition(&strength, 22_050);
        for tempo in tempi(&strength, 22_050) {
            assert!((tempo - expected).abs() < 1e-9, "{tempo}, expected {expected}");
        }
    }
}
