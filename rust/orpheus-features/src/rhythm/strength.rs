//! Onset strength of every frame, with the parameters and numbers of librosa 0.11: how much the
//! levels of the mel bands rise, in dB, on average.

use super::rises::{Levels, MeanRise, MedianRise, Rises, maxima};
use super::{check_rate, within};
use crate::error::{Error, Result};
use crate::spectrum::buffer::Buffer;
use crate::spectrum::framing::Padding;
use crate::spectrum::mel::{MAX_N_MELS, MelBank, MelNorm, MelParameters, MelScale, Slopes};
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};
use crate::spectrum::stft::{MAX_N_FFT, Stft, StftBuffers, StftParameters};
use crate::spectrum::window::WindowShape;

/// Powers below this count as this.
const LEAST_POWER: f64 = 1e-10;
/// Bands more than this below the loudest one of the signal count as this far below it.
const RANGE_DB: f32 = 80.0;
/// The high-pass filter that takes the mean away: `y[n] = x[n] - x[n-1] + 0.99 y[n-1]`.
const DETREND: f64 = 0.99;

/// What the rises of the bands make together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// Their mean.
    Mean,
    /// Their median.
    Median,
}

/// How rises are measured. Lengths are in frames, sizes in bands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnsetParameters {
    /// Of the samples.
    pub sample_rate: f64,
    /// Samples per frame.
    pub n_fft: usize,
    /// Samples between frames.
    pub hop_length: usize,
    /// Mel bands.
    pub n_mels: usize,
    /// Lowest and highest edge of a band.
    pub band_hz: (f64, f64),
    /// Frames over which levels rise, at least 1.
    pub lag: usize,
    /// Neighbouring bands over the loudest of which a band must rise, at least 1: the vibrato of a
    /// voice is no onset then (Böck and Widmer, "Maximum filter vibrato suppression", 2013).
    pub max_size: usize,
    /// Whether the mean is taken away.
    pub detrend: bool,
    /// Whether strengths are moved on by half a frame, to where onsets are in the signal.
    pub center: bool,
    /// What the bands make together.
    pub aggregate: Aggregate,
}

impl OnsetParameters {
    fn check(&self) -> Result<()> {
        within("lag", self.lag as f64, 1.0, 1e9)?;
        within("max_size", self.max_size as f64, 1.0, 1e6)?;
        // Before a window of that length is made.
        within("n_fft", self.n_fft as f64, 1.0, MAX_N_FFT as f64)?;
        within("hop_length", self.hop_length as f64, 1.0, 1e9)
    }

    /// The transform and its bands.
    fn plan(&self, tier: Tier) -> Result<(Stft<f32>, MelBank<f32>)> {
        let window = WindowShape::Hann.periodic(self.n_fft);
        let stft = Stft::<f32>::new(
            tier,
            &StftParameters {
                n_fft: self.n_fft,
                hop_length: self.hop_length,
                window: &window,
                padding: Padding::Constant,
            },
        )?;
        let mel = MelBank::<f32>::new(&MelParameters {
            sample_rate: self.sample_rate,
            n_fft: self.n_fft,
            n_mels: self.n_mels,
            fmin: self.band_hz.0,
            fmax: self.band_hz.1,
            scale: MelScale::Slaney,
            norm: MelNorm::Slaney,
            slopes: Slopes::HzRounded,
        })?;
        Ok((stft, mel))
    }
}

/// Onset strength of a signal of one channel.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotFinite`] or [`Error::TooLoud`] for what has no spectrum,
/// [`Error::Parameter`] for parameters that no bands can be made with.
pub fn onset_strength(samples: &[f32], parameters: &OnsetParameters) -> Result<Vec<f32>> {
    parameters.check()?;
    check_rate(parameters.sample_rate)?;
    within("n_mels", parameters.n_mels as f64, 1.0, MAX_N_MELS as f64)?;
    crate::temporal::check(samples)?;
    let tier = Tier::best();
    let (stft, mel) = parameters.plan(tier)?;
    let n_frames = stft.n_frames(samples.len());
    // An odd number of vectors, so that the bands of one frame do not share cache sets.
    let stride = (n_frames.div_ceil(MAX_LANES) | 1) * MAX_LANES;
    let mut buffer = Buffer::default();
    let values = buffer.take(parameters.n_mels * stride);
    let mut bands = Buffer::default();
    let mut loudest = f32::NEG_INFINITY;
    let mut buffers = StftBuffers::default();
    let mut blocks = stft.blocks(samples, &mut buffers);
    while let Some(block) = blocks.next_power() {
        let job = BandLevels {
            mel: &mel,
            power: block.bins,
            levels: &mut values[block.first_frame..],
            stride,
            bands: &mut bands,
        };
        loudest = f32::dispatch(tier, job).take(block.n_valid).fold(loudest, f32::max);
    }
    let floor = loudest - RANGE_DB;
    let levels = Levels { values, stride, n_bands: parameters.n_mels, n_frames };
    Ok(strength(tier, levels, levels, floor, parameters))
}

/// Onset strength of levels that are there already, in dB: rows of `n_frames` per band. With
/// `reference`, levels rise over that instead of over themselves.
///
/// # Errors
///
/// [`Error::Parameter`] for no band, no frame or parameters out of range, [`Error::NotFinite`] for
/// levels that are none.
pub fn onset_strength_of(
    levels: &[f32],
    n_frames: usize,
    reference: Option<&[f32]>,
    parameters: &OnsetParameters,
) -> Result<Vec<f32>> {
    parameters.check()?;
    crate::temporal::check(levels)?;
    let n_bands = levels.len() / n_frames.max(1);
    let is_whole = n_bands * n_frames == levels.len();
    if !is_whole || reference.is_some_and(|reference| reference.len() != levels.len()) {
        let given = format!("{} values", levels.len());
        let expected = format!("rows of {n_frames} frames, as many in the reference");
        return Err(Error::Parameter { name: "S", given, expected });
    }
    if let Some(reference) = reference {
        crate::temporal::check(reference)?;
    }
    let whole = |values| Levels { values, stride: n_frames, n_bands, n_frames };
    let (levels, reference) = (whole(levels), reference.map(whole));
    // A reference of the caller's is taken as it is.
    let parameters = match reference {
        Some(_) => OnsetParameters { max_size: 1, ..*parameters },
        None => *parameters,
    };
    let reference = reference.unwrap_or(levels);
    Ok(strength(Tier::best(), levels, reference, f32::NEG_INFINITY, &parameters))
}

/// Levels of the bands of a block, in dB; gives the largest of each lane.
struct BandLevels<'a> {
    mel: &'a MelBank<f32>,
    power: &'a [f32],
    levels: &'a mut [f32],
    stride: usize,
    bands: &'a mut Buffer<f32>,
}

impl Kernel<f32> for BandLevels<'_> {
    type Output = std::array::IntoIter<f32, MAX_LANES>;

    #[expect(clippy::needless_range_loop, reason = "iterators need not be inlined into the tier")]
    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, simd: S) -> Self::Output {
        let least = simd.constant(LEAST_POWER);
        let db_per_octave = simd.constant(10.0 * 2.0_f64.log10());
        let n_mels = self.mel.n_mels();
        let bands = simd.lanes_mut(self.bands.take(n_mels * S::LANES));
        self.mel.apply(simd, simd.lanes(self.power), bands);
        let mut loudest = simd.mul(db_per_octave, simd.log2(least));
        for band in 0..n_mels {
            let level = simd.mul(db_per_octave, simd.log2(simd.max(bands[band], least)));
            loudest = simd.max(loudest, level);
            simd.store(level, &mut self.levels[band * self.stride..]);
        }
        let mut lanes = [0.0; MAX_LANES];
        simd.store(loudest, &mut lanes);
        lanes.into_iter()
    }
}

/// Strength of every frame.
fn strength(
    tier: Tier,
    levels: Levels<'_>,
    reference: Levels<'_>,
    floor: f32,
    parameters: &OnsetParameters,
) -> Vec<f32> {
    let OnsetParameters { lag, max_size, aggregate, .. } = *parameters;
    let n_out = levels.n_frames.saturating_sub(lag);
    let suppressed = (max_size > 1).then(|| maxima(reference, max_size));
    let reference = match &suppressed {
        Some(values) => Levels { values, stride: levels.n_frames, ..reference },
        None => reference,
    };
    let job = Rises { levels, reference, floor, lag, n_out };
    let mut rises = match aggregate {
        Aggregate::Mean => f32::dispatch(tier, MeanRise(job)),
        Aggregate::Median => f32::dispatch(tier, MedianRise(job)),
    };
    let shift = if parameters.center { parameters.n_fft / (2 * parameters.hop_length) } else { 0 };
    let n_silent = lag.saturating_add(shift).min(levels.n_frames);
    rises.splice(0..0, std::iter::repeat_n(0.0, n_silent));
    if parameters.detrend {
        detrend(&mut rises);
    }
    rises.resize(levels.n_frames, 0.0);
    rises
}

/// Takes the mean away.
fn detrend(values: &mut [f32]) {
    let (mut before, mut out) = (0.0, 0.0);
    for value in values {
        out = f64::from(*value) - before + DETREND * out;
        before = f64::from(*value);
        *value = out as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::{Aggregate, OnsetParameters, onset_strength, onset_strength_of};
    use crate::signals::{noise, tune};

    const PARAMETERS: OnsetParameters = OnsetParameters {
        sample_rate: 22_050.0,
        n_fft: 2048,
        hop_length: 512,
        n_mels: 128,
        band_hz: (0.0, 11_025.0),
        lag: 1,
        max_size: 1,
        detrend: false,
        center: false,
        aggregate: Aggregate::Mean,
    };

    #[test]
    fn medians_of_128_bands_and_of_other_numbers_are_medians() {
        let n_frames = 37;
        for n_bands in [1, 4, 5, 128] {
            let levels: Vec<f32> = noise(6, n_bands * n_frames);
            let parameters = OnsetParameters { aggregate: Aggregate::Median, ..PARAMETERS };
            let found = onset_strength_of(&levels, n_frames, None, &parameters).unwrap();
            for frame in 1..n_frames {
                let mut rises: Vec<f32> = (0..n_bands)
                    .map(|band| {
                        levels[band * n_frames + frame] - levels[band * n_frames + frame - 1]
                    })
                    .map(|rise| rise.max(0.0))
                    .collect();
                rises.sort_by(f32::total_cmp);
                let expected = f32::midpoint(rises[(n_bands - 1) / 2], rises[n_bands / 2]);
                assert!((found[frame] - expected).abs() < 1e-6, "{n_bands} bands, {frame}");
            }
        }
    }

    #[test]
    fn a_lag_longer_than_the_signal_leaves_silence() {
        let samples = tune(1, 5000);
        for lag in [9, 10, 1_000_000_000] {
            let parameters = OnsetParameters { lag, center: true, ..PARAMETERS };
            let found = onset_strength(&samples, &parameters).unwrap();
            assert_eq!(found.len(), 10);
            assert!(found.iter().all(|x| *x == 0.0));
        }
    }

    #[test]
    fn parameters_that_make_no_bands_are_refused() {
        let wrong = [
            OnsetParameters { lag: 0, ..PARAMETERS },
            OnsetParameters { max_size: 0, ..PARAMETERS },
            OnsetParameters { n_mels: 0, ..PARAMETERS },
            OnsetParameters { n_fft: 0, ..PARAMETERS },
            OnsetParameters { hop_length: 0, ..PARAMETERS },
            OnsetParameters { sample_rate: f64::NAN, ..PARAMETERS },
        ];
        for parameters in wrong {
            assert!(onset_strength(&[0.1; 3000], &parameters).is_err(), "{parameters:?}");
        }
        assert!(onset_strength_of(&[0.0; 7], 3, None, &PARAMETERS).is_err());
        assert!(onset_strength_of(&[0.0; 6], 3, Some(&[0.0; 5]), &PARAMETERS).is_err());
    }
}
