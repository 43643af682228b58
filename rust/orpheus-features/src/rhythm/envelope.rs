//! Onset strengths for finding a tempo: how much louder each of forty bands gets, on a scale that
//! follows the level of the signal.

use super::check_rate;
use crate::error::Result;
use crate::spectrum::buffer::Buffer;
use crate::spectrum::framing::Padding;
use crate::spectrum::mel::{MelBank, MelNorm, MelParameters, MelScale, Slopes};
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};
use crate::spectrum::stft::{Stft, StftBuffers, StftParameters};
use crate::spectrum::window::WindowShape;

/// Frames are as near to this length as powers of two allow; hops are a quarter of them.
const FRAME_SECONDS: f64 = 1024.0 / 22_050.0;
const N_BANDS: usize = 40;
/// The first bands, up to some 500 Hz, are the bass.
const N_LOW: usize = 8;
const FMIN: f64 = 30.0;
const FMAX: f64 = 10_000.0;
/// Frames over which a band rises.
const LAG: usize = 2;
/// What a band's power over the mean power of a band is multiplied by before the logarithm.
const GAIN: f64 = 1000.0;
/// Mean power of a band over the mean square of the samples, in frames of 1024, in music.
const BAND_POWER: f64 = 42.5;

/// Onset strengths.
#[derive(Debug)]
pub(super) struct Envelopes {
    /// Of the bass.
    pub(super) low: Vec<f32>,
    /// Of all bands.
    pub(super) all: Vec<f32>,
    /// Frames a second.
    pub(super) frame_rate: f64,
}

impl Envelopes {
    /// Listens to a signal, block by block.
    pub(super) fn of(samples: &[f32], sample_rate: f64) -> Result<Self> {
        check_rate(sample_rate)?;
        crate::temporal::check(samples)?;
        let tier = Tier::best();
        let n_fft = 1_usize << (sample_rate * FRAME_SECONDS).log2().round() as u32;
        let hop_length = n_fft / 4;
        let window = WindowShape::Hann.periodic(n_fft);
        let parameters =
            StftParameters { n_fft, hop_length, window: &window, padding: Padding::Constant };
        let stft = Stft::<f32>::new(tier, &parameters)?;
        let mel = MelBank::<f32>::new(&MelParameters {
            sample_rate,
            n_fft,
            n_mels: N_BANDS,
            fmin: FMIN,
            fmax: FMAX.min(sample_rate / 2.0),
            scale: MelScale::Slaney,
            norm: MelNorm::Slaney,
            slopes: Slopes::HzRounded,
        })?;
        // Power grows with the length of a frame, as does that of a band with its number of bins.
        let frame_gain = (n_fft as f64 / 1024.0).powi(2) * 22_050.0 / sample_rate;
        let level = BAND_POWER * frame_gain * mean_square(samples);
        let mut rises = Rises::new((GAIN / level.max(1e-30)) as f32);
        let mut buffers = StftBuffers::default();
        let mut blocks = stft.blocks(samples, &mut buffers);
        while let Some(block) = blocks.next_power() {
            let job = Rise { rises: &mut rises, mel: &mel, power: block.bins };
            f32::dispatch(tier, job);
            rises.keep(block.n_valid);
        }
        let frame_rate = sample_rate / hop_length as f64;
        Ok(Self { low: rises.low, all: rises.all, frame_rate })
    }
}

fn mean_square(samples: &[f32]) -> f64 {
    let energy: f64 = samples
        .chunks(4096)
        .map(|block| {
            let (groups, rest) = block.as_chunks::<16>();
            let mut sums = [0.0_f64; 16];
            for group in groups {
                for (sum, x) in sums.iter_mut().zip(group) {
                    *sum += f64::from(*x) * f64::from(*x);
                }
            }
            sums.iter().sum::<f64>() + rest.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>()
        })
        .sum();
    energy / samples.len().max(1) as f64
}

/// The strengths so far.
#[derive(Debug)]
struct Rises {
    gain: f32,
    /// Rows of the bands' levels: [`MAX_LANES`] places, the last of which hold the frames before,
    /// and then the frames of a block.
    levels: Buffer<f32>,
    low: Vec<f32>,
    all: Vec<f32>,
    /// The first frames have nothing to rise from.
    is_first: bool,
}

/// Places in a row of levels.
const STRIDE: usize = 2 * MAX_LANES;

impl Rises {
    fn new(gain: f32) -> Self {
        let mut levels = Buffer::default();
        levels.take(N_BANDS * STRIDE).fill(0.0);
        Self { gain, levels, low: Vec::new(), all: Vec::new(), is_first: true }
    }

    /// Drops the lanes of the last block that hold no frames.
    fn keep(&mut self, n_valid: usize) {
        for strength in [&mut self.low, &mut self.all] {
            let n_frames = strength.len() - MAX_LANES + n_valid;
            strength.truncate(n_frames);
            if self.is_first {
                let n_silent = LAG.min(n_frames);
                strength[..n_silent].fill(0.0);
            }
        }
        self.is_first = false;
    }
}

/// Adds the strengths of a block of spectra.
struct Rise<'a> {
    rises: &'a mut Rises,
    mel: &'a MelBank<f32>,
    power: &'a [f32],
}

impl Kernel<f32> for Rise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, simd: S) {
        let Self { rises, mel, power } = self;
        let (zero, one) = (simd.splat(0.0), simd.splat(1.0));
        let gain = simd.splat(rises.gain);
        let mut bands = [zero; N_BANDS];
        mel.apply(simd, simd.lanes(power), &mut bands);
        let levels = rises.levels.take(N_BANDS * STRIDE);
        let (mut low, mut all) = (zero, zero);
        for band in 0..N_BANDS {
            let row = &mut levels[band * STRIDE..][..STRIDE];
            let level = simd.log2(simd.mul_add(gain, bands[band], one));
            simd.store(level, &mut row[MAX_LANES..]);
            let before = simd.load(&row[MAX_LANES - LAG..]);
            let rise = simd.max(simd.sub(level, before), zero);
            all = simd.add(all, rise);
            if band + 1 == N_LOW {
                low = all;
            }
            // The last frames are those before the next block's.
            for place in 0..LAG {
                row[MAX_LANES - LAG + place] = row[MAX_LANES + S::LANES - LAG + place];
            }
        }
        let mut lanes = [[0.0; MAX_LANES]; 2];
        simd.store(simd.mul(low, simd.constant(1.0 / N_LOW as f64)), &mut lanes[0]);
        simd.store(simd.mul(all, simd.constant(1.0 / N_BANDS as f64)), &mut lanes[1]);
        rises.low.extend_from_slice(&lanes[0]);
        rises.all.extend_from_slice(&lanes[1]);
    }
}

#[cfg(test)]
mod tests {
    use super::Envelopes;
    use crate::rhythm::tests::bursts;

    #[test]
    fn the_level_of_a_signal_does_not_matter() {
        let samples = bursts(100.0, 3.0, 22_050.0);
        let quiet: Vec<f32> = samples.iter().map(|x| x * 1e-4).collect();
        let [loud, quiet] =
            [&samples, &quiet].map(|samples| Envelopes::of(samples, 22_050.0).unwrap());
        assert_eq!(loud.all.len(), 1 + samples.len() / 256);
        for (a, b) in loud.all.iter().zip(&quiet.all).chain(loud.low.iter().zip(&quiet.low)) {
            assert!((a - b).abs() < 1e-2, "{a} {b}");
        }
    }

    #[test]
    fn strength_is_where_bursts_begin() {
        let found = Envelopes::of(&bursts(60.0, 4.0, 22_050.0), 22_050.0).unwrap();
        for second in [1.0, 2.0, 3.0] {
            let frame = (second * found.frame_rate) as usize;
            let around = |start: usize| found.all[start..start + 8].iter().sum::<f32>();
            assert!(around(frame - 4) > 4.0 * around(frame + 30), "{second}");
        }
    }
}
