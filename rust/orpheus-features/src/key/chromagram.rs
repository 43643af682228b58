//! How strong each of the twelve notes is, frame by frame, in the tuning of the recording.
//!
//! Notes are looked for below 2 kHz; so the signal is first brought down to some 5.5 kHz, where a
//! transform of 0.37 s is short. Only local maxima of the spectrum count, by their magnitude; each
//! is found to a fraction of a bin (Gómez, "Tonal description of music audio signals", 2006). Notes are first told apart by tenths of a semitone:
//! when the signal has ended, its tuning is known, and tenths become notes.

use std::f64::consts::TAU;

use super::decimate::Decimator;
use crate::error::Result;
use crate::spectrum::framing::Padding;
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};
use crate::spectrum::stft::{Stft, StftBuffers, StftParameters};
use crate::spectrum::window::WindowShape;

/// Notes of an octave.
pub(crate) const N_NOTES: usize = 12;
/// Parts of a semitone that peaks are counted in.
const N_PARTS: usize = 10;
const N_FINE: usize = N_NOTES * N_PARTS;

/// Peaks are looked for in this range.
const LOWEST_HZ: f64 = 55.0;
const HIGHEST_HZ: f64 = 2000.0;
/// Below this, peaks count the less the lower they are: their bins are wider than semitones.
const FULL_HZ: f64 = 110.0;
/// Peaks less than this share of a frame's largest power do not count.
const PEAK_SHARE: f32 = 1e-3;
/// The rate is lowered as long as it stays above this, and a bin is as near to this as powers of
/// two allow.
const LEAST_RATE: f64 = 5300.0;
const BIN_HZ: f64 = 2.69;
const A4_HZ: f64 = 440.0;
const NOTES_FROM_C_TO_A: f64 = 9.0;
/// Frames that are transformed at a time.
const N_TOGETHER: usize = 128;

/// What was heard.
#[derive(Debug)]
pub(crate) struct Chromagram {
    /// Strength of each note, C first, a row per frame: the sum of its peaks' magnitudes.
    pub(crate) frames: Vec<[f32; N_NOTES]>,
    /// Magnitude of the strongest peak of each frame.
    pub(crate) levels: Vec<f32>,
    /// Deviation from A = 440 Hz, -0.5 to 0.5.
    pub(crate) tuning_semitones: f64,
}

/// A chromagram in the making: takes a signal block by block.
pub(crate) struct ChromaStream {
    tier: Tier,
    decimator: Decimator,
    stft: Stft<f32>,
    buffers: StftBuffers<f32>,
    bins: NoteBins,
    hop_length: usize,
    n_fft: usize,
    /// Samples at the low rate that frames are yet to come from.
    pending: Vec<f32>,
    fine: Vec<[f32; N_FINE]>,
    levels: Vec<f32>,
}

/// Which note each bin is.
#[derive(Debug)]
struct NoteBins {
    first: usize,
    /// Tenths of semitones above some C, at the middle of each bin from the one before `first` on,
    /// by how much that rises per bin, and how much the bin's peaks count.
    bins: Vec<(f32, f32, f32)>,
}

impl NoteBins {
    fn new(bin_hz: f64, n_bins: usize) -> Self {
        let first = ((LOWEST_HZ / bin_hz).ceil() as usize).max(1);
        let end = ((HIGHEST_HZ / bin_hz) as usize).min(n_bins.saturating_sub(1)).max(first);
        let bin = |bin: usize| {
            let hz = bin as f64 * bin_hz;
            let semitones = 12.0 * (hz / A4_HZ).log2() + NOTES_FROM_C_TO_A;
            // Octaves down to where no peak can be negative.
            let tenths = N_PARTS as f64 * (semitones + 10.0 * 12.0);
            let rise = N_FINE as f64 / (std::f64::consts::LN_2 * bin as f64);
            (tenths as f32, rise as f32, (hz / FULL_HZ).min(1.0) as f32)
        };
        Self { first, bins: (first..end).map(bin).collect() }
    }
}

impl ChromaStream {
    /// For a signal of `sample_rate`.
    ///
    /// # Errors
    ///
    /// None for the rates that [`super::key`] takes.
    pub(crate) fn new(sample_rate: u32) -> Result<Self> {
        let tier = Tier::best();
        let factor = ((f64::from(sample_rate) / LEAST_RATE) as usize).max(1);
        let rate = f64::from(sample_rate) / factor as f64;
        let n_fft = 1 << ((rate / BIN_HZ).log2().round() as usize);
        let hop_length = n_fft / 4;
        let window = WindowShape::Hann.periodic(n_fft);
        let parameters =
            StftParameters { n_fft, hop_length, window: &window, padding: Padding::None };
        let stft = Stft::new(tier, &parameters)?;
        Ok(Self {
            tier,
            decimator: Decimator::new(factor),
            buffers: StftBuffers::default(),
            bins: NoteBins::new(rate / n_fft as f64, stft.n_bins()),
            stft,
            hop_length,
            n_fft,
            // Frames are centred.
            pending: vec![0.0; n_fft / 2],
            fine: Vec::new(),
            levels: Vec::new(),
        })
    }

    /// Takes what follows. The samples must be finite.
    pub(crate) fn push(&mut self, samples: &[f32]) {
        let together = N_TOGETHER * self.hop_length;
        // What is pending is at most two such blocks, however long the signal.
        for block in samples.chunks(4 * together) {
            self.decimator.push(self.tier, block, &mut self.pending);
            if self.pending.len() >= self.n_fft + together {
                self.listen();
            }
        }
    }

    /// What was heard, once the signal has ended.
    pub(crate) fn finish(mut self) -> Chromagram {
        self.decimator.finish(self.tier, &mut self.pending);
        self.pending.resize(self.pending.len() + self.n_fft / 2, 0.0);
        self.listen();
        let tuning_semitones = tuning(&self.fine);
        let weights = FineWeights::new(tuning_semitones);
        let frames = self.fine.iter().map(|fine| weights.fold(fine)).collect();
        Chromagram { frames, levels: self.levels, tuning_semitones }
    }

    /// Turns what is pending into frames.
    fn listen(&mut self) {
        let mut blocks = self.stft.blocks(&self.pending, &mut self.buffers);
        let n_lanes = self.stft.n_lanes();
        let mut n_frames = 0;
        while let Some(block) = blocks.next_power() {
            let start = self.fine.len();
            self.fine.resize(start + block.n_valid, [0.0; N_FINE]);
            self.levels.resize(start + block.n_valid, 0.0);
            n_frames += block.n_valid;
            let job = Peaks {
                bins: &self.bins,
                power: block.bins,
                n_lanes,
                fine: &mut self.fine[start..],
                levels: &mut self.levels[start..],
            };
            f32::dispatch(self.stft.tier(), job);
        }
        self.pending.drain(..(n_frames * self.hop_length).min(self.pending.len()));
    }
}

/// Adds the peaks of a block of spectra to its frames.
struct Peaks<'a> {
    bins: &'a NoteBins,
    power: &'a [f32],
    n_lanes: usize,
    fine: &'a mut [[f32; N_FINE]],
    levels: &'a mut [f32],
}

impl Kernel<f32> for Peaks<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = f32>>(mut self, simd: S) {
        let vectors = simd.lanes(self.power);
        let (first, n_bins) = (self.bins.first, self.bins.bins.len());
        let mut loudest = simd.splat(f32::MIN_POSITIVE);
        for vector in &vectors[first..first + n_bins] {
            loudest = simd.max(loudest, *vector);
        }
        let mut lanes = [0.0; MAX_LANES];
        simd.store(simd.sqrt(loudest), &mut lanes);
        for (level, value) in self.levels.iter_mut().zip(lanes) {
            *level = value;
        }
        let least = simd.mul(loudest, simd.splat(PEAK_SHARE));
        let valid = u32::MAX >> (32 - self.fine.len().clamp(1, MAX_LANES));
        for place in 0..n_bins {
            let bin = first + place;
            // Above the threshold and the bin before, and not below the bin after.
            let above = simd.less(simd.max(least, vectors[bin - 1]), vectors[bin]);
            let rising = simd.less(vectors[bin], vectors[bin + 1]);
            let mut lanes = simd.bits(above) & !simd.bits(rising) & valid;
            while lanes != 0 {
                self.add(place, lanes.trailing_zeros() as usize);
                lanes &= lanes - 1;
            }
        }
    }
}

impl Peaks<'_> {
    /// Adds the peak at a bin of a frame.
    #[inline(always)]
    fn add(&mut self, place: usize, lane: usize) {
        let bin = self.bins.first + place;
        let at = |bin: usize| self.power[bin * self.n_lanes + lane];
        let peak = at(bin);
        // The top of a parabola through the logarithms: exact for a Gaussian lobe.
        let [before, here, after] =
            [at(bin - 1), peak, at(bin + 1)].map(|x| x.max(f32::MIN_POSITIVE).ln());
        let curvature = (before - here) + (after - here);
        let shift = if curvature < 0.0 { 0.5 * (before - after) / curvature } else { 0.0 };
        let (tenths, rise, share) = self.bins.bins[place];
        let place = tenths + rise * shift.clamp(-0.5, 0.5);
        let (tenth, weight) = (place as usize, share * peak.sqrt());
        // Shared between two tenths: rounded, all peaks of a tone could err to the same side.
        let fraction = place - tenth as f32;
        self.fine[lane][tenth % N_FINE] += (1.0 - fraction) * weight;
        self.fine[lane][(tenth + 1) % N_FINE] += fraction * weight;
    }
}

/// Mean offset of all peaks from the notes of the piano, on the circle.
fn tuning(fine: &[[f32; N_FINE]]) -> f64 {
    let mut sums = [0.0; N_FINE];
    for frame in fine {
        for (sum, value) in sums.iter_mut().zip(frame) {
            *sum += f64::from(*value);
        }
    }
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (tenth, sum) in sums.iter().enumerate() {
        let angle = TAU * tenth as f64 / N_PARTS as f64;
        sine += sum * angle.sin();
        cosine += sum * angle.cos();
    }
    if sine == 0.0 && cosine == 0.0 { 0.0 } else { sine.atan2(cosine) / TAU }
}

/// How tenths of semitones become notes.
struct FineWeights([(usize, f32); N_FINE]);

impl FineWeights {
    fn new(tuning_semitones: f64) -> Self {
        Self(std::array::from_fn(|tenth| {
            let semitones = tenth as f64 / N_PARTS as f64 - tuning_semitones;
            let note = semitones.round();
            let weight = (std::f64::consts::PI * (semitones - note)).cos().powi(2);
            ((note as i64).rem_euclid(N_NOTES as i64) as usize, weight as f32)
        }))
    }

    fn fold(&self, fine: &[f32; N_FINE]) -> [f32; N_NOTES] {
        let mut notes = [0.0; N_NOTES];
        for ((note, weight), value) in self.0.iter().zip(fine) {
            notes[*note] += weight * value;
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::ChromaStream;
    use crate::signals::tune;

    #[test]
    fn blocks_of_any_length_give_the_same_notes() {
        let samples = tune(5, 200_000);
        let whole = {
            let mut stream = ChromaStream::new(22_050).unwrap();
            stream.push(&samples);
            stream.finish()
        };
        assert_eq!(whole.frames.len(), 1 + samples.len().div_ceil(4) / 512);
        for length in [1000, 65_537] {
            let mut stream = ChromaStream::new(22_050).unwrap();
            samples.chunks(length).for_each(|block| stream.push(block));
            let found = stream.finish();
            assert_eq!(found.frames.len(), whole.frames.len());
            assert!((found.tuning_semitones - whole.tuning_semitones).abs() < 1e-3);
        }
    }

    #[test]
    fn a_tone_is_its_note_and_its_tuning() {
        let hz = 440.0 * (0.23_f64 / 12.0).exp2();
        let step = std::f64::consts::TAU * hz / 22_050.0;
        let samples: Vec<f32> =
            (0..44_100).map(|n| 0.5 * (step * f64::from(n)).sin() as f32).collect();
        let mut stream = ChromaStream::new(22_050).unwrap();
        stream.push(&samples);
        let found = stream.finish();
        assert!((found.tuning_semitones - 0.23).abs() < 0.01, "{}", found.tuning_semitones);
        let frame = found.frames[20];
        assert!(frame.iter().enumerate().all(|(note, x)| note == 9 || *x < 0.01 * frame[9]));
    }
}
