//! The two passes over the frames of a window that everything in a classical vector comes from.
//!
//! The first one sees the samples: spectra, their shape, mel bands in decibels, spectral peaks. The
//! second one needs the loudest band of the whole window: cepstra and onsets.

use crate::rhythm::onset;
use crate::spectral;
use crate::spectrum::buffer::Buffer;
use crate::spectrum::dct::{Cepstrum, N_MFCC};
use crate::spectrum::fft::{Bins, N_BINS, N_FFT, RealFft};
use crate::spectrum::framing::{FrameBuffers, Framing, Padding};
use crate::spectrum::lane_fft::LaneFft;
use crate::spectrum::mel::{MelBank, N_MELS};
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd, Tier};
use crate::spectrum::stft::{HOP_LENGTH, n_frames};
use crate::spectrum::window::WindowShape;
use crate::tuning::{Peak, PeakRange};

/// Powers below this count as this.
const LEAST_POWER: f64 = 1e-10;
/// Bands more than this below the loudest one of the window count as this far below it.
const RANGE_DB: f64 = 80.0;

/// Frames are centred, and what is beyond the signal counts as zero.
const FRAMING: Framing =
    Framing { frame_length: N_FFT, hop_length: HOP_LENGTH, padding: Padding::Constant };

/// Rows of [`Analysis::series`].
const CENTROID: usize = 0;
const BANDWIDTH: usize = 1;
const ROLLOFF: usize = 2;
const RISE: usize = 3;
const MFCC: usize = 4;
const N_ROWS: usize = MFCC + N_MFCC;

/// What the passes need to know.
#[derive(Debug)]
pub(crate) struct AnalysisPlan<R> {
    spectrum: LaneFft<R>,
    mel: MelBank<R>,
    cepstrum: Cepstrum<R>,
    peaks: PeakRange,
}

impl<R: Real> AnalysisPlan<R> {
    /// Tables for one sample rate and tier.
    pub(crate) fn new(tier: Tier, sample_rate: u32) -> Self {
        let window = WindowShape::Hann.periodic(N_FFT);
        Self {
            spectrum: LaneFft::new(RealFft::classical(), FRAMING, &window, tier.n_lanes::<R>()),
            mel: MelBank::classical(sample_rate, N_FFT),
            cepstrum: Cepstrum::new(N_MELS, N_MFCC),
            peaks: PeakRange::new(sample_rate),
        }
    }
}

/// What the passes write.
#[derive(Debug, Default)]
pub(crate) struct Analysis<R> {
    /// Spectra: blocks of [`N_BINS`] vectors.
    pub(crate) power: Buffer<R>,
    /// Spectral peaks of all frames.
    pub(crate) peaks: Vec<Peak>,
    frames: FrameBuffers<R>,
    fft: Buffer<R>,
    bands_db: Buffer<R>,
    series: Buffer<R>,
}

impl<R: Real> Analysis<R> {
    /// One number per frame: see the rows' names.
    fn row(&mut self, row: usize, n_frames: usize) -> &[R] {
        let n_padded = n_frames.next_multiple_of(MAX_LANES);
        &self.series.take(N_ROWS * n_padded)[row * n_padded..][..n_frames]
    }

    /// Mean spectral bins of a frame.
    pub(crate) fn centroid_bins(&mut self, n_frames: usize) -> &[R] {
        self.row(CENTROID, n_frames)
    }

    /// Spreads of the spectra, in bins.
    pub(crate) fn bandwidth_bins(&mut self, n_frames: usize) -> &[R] {
        self.row(BANDWIDTH, n_frames)
    }

    /// Roll-off bins.
    pub(crate) fn rolloff_bins(&mut self, n_frames: usize) -> &[R] {
        self.row(ROLLOFF, n_frames)
    }

    /// Median rise of the bands over the frame before, in dB; the first frame's means nothing.
    pub(crate) fn rises_db(&mut self, n_frames: usize) -> &[R] {
        self.row(RISE, n_frames)
    }

    /// Cepstral coefficient `k`.
    pub(crate) fn mfcc(&mut self, k: usize, n_frames: usize) -> &[R] {
        self.row(MFCC + k, n_frames)
    }
}

/// Where band levels are in memory: one row per band, with room for a frame before the first.
#[derive(Clone, Copy)]
struct BandLayout {
    stride: usize,
}

impl BandLayout {
    const LEAD: usize = MAX_LANES;

    fn new(n_frames: usize) -> Self {
        let n_vectors = n_frames.div_ceil(MAX_LANES) + Self::LEAD / MAX_LANES;
        // An odd number of vectors, so that the bands of one frame do not share cache sets.
        Self { stride: (n_vectors | 1) * MAX_LANES }
    }

    fn at(self, band: usize, frame: usize) -> usize {
        band * self.stride + Self::LEAD + frame
    }
}

/// Both passes over `signal`.
pub(crate) struct Analyse<'a, R> {
    /// Tables.
    pub(crate) plan: &'a AnalysisPlan<R>,
    /// The window.
    pub(crate) signal: &'a [f32],
    /// What is written.
    pub(crate) output: &'a mut Analysis<R>,
}

impl<R: Real> Kernel<R> for Analyse<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(mut self, simd: S) {
        let loudest = self.spectra(simd);
        self.cepstra(simd, loudest);
    }
}

impl<R: Real> Analyse<'_, R> {
    /// The first pass; gives the level of the loudest band of all frames.
    #[inline(always)]
    fn spectra<S: Simd<Real = R>>(&mut self, simd: S) -> f64 {
        let (plan, output) = (self.plan, &mut *self.output);
        let n_frames = n_frames(self.signal.len());
        let n_padded = n_frames.next_multiple_of(MAX_LANES);
        let layout = BandLayout::new(n_frames);
        output.frames.start(simd, FRAMING, self.signal, 0);
        let fft = output.fft.take(plan.spectrum.scratch_length(S::LANES));
        let spectra = output.power.take(n_frames.div_ceil(S::LANES) * N_BINS * S::LANES);
        let bands_db = output.bands_db.take(N_MELS * layout.stride);
        let series = output.series.take(N_ROWS * n_padded);
        output.peaks.clear();

        let mut loudest = f64::NEG_INFINITY;
        for (block, power) in spectra.chunks_exact_mut(N_BINS * S::LANES).enumerate() {
            let frame = block * S::LANES;
            let n_valid = (n_frames - frame).min(S::LANES);
            let tile = output.frames.next_block(simd, FRAMING, self.signal);
            plan.spectrum.run(simd, (tile, true), fft, Bins::Power(simd.lanes_mut(power)));
            let shape = spectral::describe(simd, power, &mut series[ROLLOFF * n_padded + frame..]);
            simd.store(shape.centroid, &mut series[CENTROID * n_padded + frame..]);
            simd.store(shape.bandwidth, &mut series[BANDWIDTH * n_padded + frame..]);
            let levels = plan.bands_db(simd, power);
            let mut level = levels[0];
            for band in 0..N_MELS {
                level = simd.max(level, levels[band]);
                simd.store(levels[band], &mut bands_db[layout.at(band, frame)..]);
            }
            loudest = largest(simd, level, n_valid).max(loudest);
            plan.peaks.find(simd, power, shape.peak, n_valid, &mut output.peaks);
        }
        loudest
    }

    /// The second pass.
    #[inline(always)]
    fn cepstra<S: Simd<Real = R>>(&mut self, simd: S, loudest: f64) {
        let n_frames = n_frames(self.signal.len());
        let n_padded = n_frames.next_multiple_of(MAX_LANES);
        let layout = BandLayout::new(n_frames);
        let bands_db: &[R] = self.output.bands_db.take(N_MELS * layout.stride);
        let series = self.output.series.take(N_ROWS * n_padded);
        let floor = simd.splat(R::from_f64(loudest - RANGE_DB));
        let zero = simd.splat(R::default());
        for frame in (0..n_frames).step_by(S::LANES) {
            let mut levels = [zero; N_MELS];
            let mut rises = [zero; N_MELS];
            for band in 0..N_MELS {
                let at = layout.at(band, frame);
                levels[band] = simd.max(simd.load(&bands_db[at..]), floor);
                let before = simd.max(simd.load(&bands_db[at - 1..]), floor);
                rises[band] = simd.max(simd.sub(levels[band], before), zero);
            }
            let mut coefficients = [zero; N_MFCC];
            self.plan.cepstrum.run(simd, &levels, &mut coefficients);
            for k in 0..N_MFCC {
                simd.store(coefficients[k], &mut series[(MFCC + k) * n_padded + frame..]);
            }
            simd.store(onset::median(simd, &mut rises), &mut series[RISE * n_padded + frame..]);
        }
    }
}

impl<R: Real> AnalysisPlan<R> {
    /// Level of each band.
    #[inline(always)]
    fn bands_db<S: Simd<Real = R>>(&self, simd: S, power: &[R]) -> [S::V; N_MELS] {
        let least = simd.constant(LEAST_POWER);
        let db_per_octave = simd.constant(10.0 * 2.0_f64.log10());
        let mut levels = [least; N_MELS];
        self.mel.apply(simd, simd.lanes(power), &mut levels);
        for level in &mut levels {
            *level = simd.mul(db_per_octave, simd.log2(simd.max(*level, least)));
        }
        levels
    }
}

/// Largest of the first `n_valid` lanes.
#[inline(always)]
fn largest<S: Simd>(simd: S, value: S::V, n_valid: usize) -> f64 {
    let mut lanes = [S::Real::default(); MAX_LANES];
    simd.store(value, &mut lanes);
    lanes[..n_valid].iter().map(|lane| lane.to_f64()).fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::{Analyse, Analysis, AnalysisPlan, N_ROWS};
    use crate::signals::{noise, tune};
    use crate::spectrum::simd::{Real, Tier};
    use crate::spectrum::stft::n_frames;

    /// Every number that the passes give per frame, and the peaks' frequencies in order.
    fn analyse<R: Real>(
        tier: Tier,
        signal: &[f32],
        output: &mut Analysis<R>,
    ) -> (Vec<Vec<f64>>, usize) {
        let plan = AnalysisPlan::<R>::new(tier, 22_050);
        R::dispatch(tier, Analyse { plan: &plan, signal, output });
        let n_frames = n_frames(signal.len());
        let rows =
            (0..N_ROWS).map(|row| output.row(row, n_frames).iter().map(|x| x.to_f64()).collect());
        (rows.collect(), output.peaks.len())
    }

    #[test]
    fn every_tier_agrees_with_plain_float64_at_every_number_of_frames() {
        let signal = [noise(1, 9000), tune(2, 12_000)].concat();
        let scalar = Tier::available()[0];
        // One memory for all lengths: what an earlier signal left must not show.
        let (mut exact, mut single, mut double) =
            (Analysis::default(), Analysis::default(), Analysis::default());
        let lengths = (0..41).map(|n_frames| 512 * n_frames + 511).chain([1, 2, 100]).rev();
        for length in lengths {
            let signal = &signal[..length.min(signal.len())];
            let (expected, n_peaks) = analyse::<f64>(scalar, signal, &mut exact);
            for tier in Tier::available() {
                let (single, _) = analyse::<f32>(tier, signal, &mut single);
                let (double, n_peaks_found) = analyse::<f64>(tier, signal, &mut double);
                assert_eq!(n_peaks_found, n_peaks, "{length} samples, {}", tier.name());
                for (row, expected) in expected.iter().enumerate() {
                    // The first frame has nothing to rise from.
                    let skipped = usize::from(row == super::RISE);
                    for (frame, expected) in expected.iter().enumerate().skip(skipped) {
                        let case = format!("{length} samples, row {row}, {frame}, {}", tier.name());
                        let error = (double[row][frame] - expected).abs();
                        assert!(error < 1e-7 * expected.abs().max(10.0), "{case}: {error}");
                        let error = (single[row][frame] - expected).abs();
                        // A bin of roll-off may go either way.
                        let tolerance = if row == super::ROLLOFF { 1.01 } else { 0.0 };
                        assert!(
                            error < tolerance + 1e-4 * expected.abs().max(10.0),
                            "{case}: {error}"
                        );
                    }
                }
            }
        }
    }
}
