//! How far a recording is tuned from A = 440 Hz: the most common offset of its spectral peaks from
//! the notes of the piano.

use crate::spectrum::fft::N_FFT;
use crate::spectrum::simd::{MAX_LANES, Real, Simd};

/// Offsets are counted in this many bins per semitone.
pub(crate) const N_TUNINGS: usize = 100;
/// The bin of a recording in which no pitch is found: no offset.
const UNTUNED: usize = N_TUNINGS / 2;

/// Peaks are looked for in this range.
const LOWEST_HZ: f64 = 150.0;
const HIGHEST_HZ: f64 = 4000.0;
/// A peak has more than this share of the frame's largest power.
const PEAK_SHARE: f64 = 0.1;

/// Neighbours that differ by less than this share are level: it is above the errors of a float32
/// spectrum, which would make peaks of the flat spectrum of a click.
const LEVEL: f64 = 2e-6;

/// A0, from which notes are counted.
const A0_HZ: f32 = 27.5;

/// Offsets from the nearest note, counted in equal bins from -0.5 to 0.5 of a step of the scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TuningGrid {
    /// Steps of the scale in an octave.
    pub(crate) steps: usize,
    /// Bins of a step.
    pub(crate) n_bins: usize,
}

/// Twelve semitones, in hundredths.
const SEMITONES: TuningGrid = TuningGrid { steps: 12, n_bins: N_TUNINGS };

impl TuningGrid {
    /// Lower edge of histogram bin `bin`, in steps: the tuning that it stands for.
    pub(crate) fn edge(self, bin: usize) -> f64 {
        bin as f64 * (1.0 / self.n_bins as f64) - 0.5
    }
}

/// Lower edge of histogram bin `bin`, in semitones from -0.5 to 0.5: the tuning that it stands for.
pub(crate) fn tuning_semitones(bin: usize) -> f64 {
    SEMITONES.edge(bin)
}

/// Where to look for peaks, at one sample rate.
#[derive(Debug)]
pub(crate) struct PeakRange {
    first_bin: usize,
    last_bin: usize,
    bin_hz: f64,
    /// A peak has more than this share of the frame's largest value.
    share: f64,
    /// A peak is larger than the value before it by this factor.
    margin: f64,
}

/// A local maximum of a power spectrum, interpolated by a parabola. In float32, as the reference
/// has it: its histogram depends on the last place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Peak {
    /// Frequency.
    pub(crate) hz: f32,
    /// Power at the top of the parabola.
    pub(crate) power: f32,
}

impl PeakRange {
    /// The bins at `sample_rate`.
    pub(crate) fn new(sample_rate: u32) -> Self {
        let bin_hz = f64::from(sample_rate) / N_FFT as f64;
        let highest = HIGHEST_HZ.min(f64::from(sample_rate) / 2.0);
        let first_bin = (LOWEST_HZ / bin_hz).ceil() as usize;
        // The upper end is left out, so a bin follows the last one.
        let end = (highest / bin_hz).ceil() as usize;
        Self {
            first_bin: first_bin.max(1),
            last_bin: end.saturating_sub(1),
            bin_hz,
            share: PEAK_SHARE,
            margin: 1.0 + LEVEL,
        }
    }

    /// The bins from `first_bin` to `last_bin`, with a bin on either side of the range, at frequencies
    /// that are multiples of `bin_hz`. Values that come from no float32 transform are compared as they
    /// are.
    pub(crate) fn over(
        bins: std::ops::RangeInclusive<usize>,
        bin_hz: f64,
        share: f64,
        is_exact: bool,
    ) -> Self {
        let margin = if is_exact { 1.0 } else { 1.0 + LEVEL };
        Self { first_bin: *bins.start(), last_bin: *bins.end(), bin_hz, share, margin }
    }

    /// Appends the peaks of the first `n_valid` frames of a block, whose largest powers are
    /// `loudest`.
    #[inline(always)]
    pub(crate) fn find<S: Simd>(
        &self,
        simd: S,
        power: &[S::Real],
        loudest: S::V,
        n_valid: usize,
        peaks: &mut Vec<Peak>,
    ) {
        self.find_in(simd, simd.lanes(power), loudest, n_valid, peaks);
    }

    /// The same for a vector per bin.
    #[inline(always)]
    pub(crate) fn find_in<S: Simd>(
        &self,
        simd: S,
        vectors: &[S::V],
        loudest: S::V,
        n_valid: usize,
        peaks: &mut Vec<Peak>,
    ) {
        let least = simd.mul(loudest, simd.constant(self.share));
        let margin = simd.constant(self.margin);
        let valid = u32::MAX >> (32 - n_valid.clamp(1, MAX_LANES));
        let range = self.first_bin.saturating_sub(1)..self.last_bin + 2;
        let Some(range) = vectors.get(range) else { return };
        for (offset, three) in range.windows(3).enumerate() {
            // Above the threshold and the bin before, and not below the bin after.
            let above = simd.less(simd.max(least, simd.mul(margin, three[0])), three[1]);
            let rising = simd.less(simd.mul(margin, three[1]), three[2]);
            let mut lanes = simd.bits(above) & !simd.bits(rising) & valid;
            if lanes == 0 {
                continue;
            }
            let mut powers = [[S::Real::default(); MAX_LANES]; 3];
            for (powers, vector) in powers.iter_mut().zip(three) {
                simd.store(*vector, powers);
            }
            while lanes != 0 {
                let lane = lanes.trailing_zeros() as usize;
                lanes &= lanes - 1;
                let [before, here, after] = powers.map(|powers| powers[lane].to_f64());
                peaks.push(self.interpolate(self.first_bin + offset, before, here, after));
            }
        }
    }

    /// The top of the parabola through three neighbouring powers.
    #[inline(always)]
    fn interpolate(&self, bin: usize, before: f64, here: f64, after: f64) -> Peak {
        let curvature = after + before - 2.0 * here;
        let slope = (after - before) / 2.0;
        // A top that far away is no top.
        let shift = if slope.abs() >= curvature.abs() { 0.0 } else { -slope / curvature };
        let shift = shift as f32;
        let hz = (bin as f64 + f64::from(shift)) * self.bin_hz;
        Peak { hz: hz as f32, power: here as f32 + 0.5 * slope as f32 * shift }
    }
}

/// The histogram bin of the tuning: the offset that most of the stronger half of the peaks share.
pub(crate) fn tuning_bin(peaks: &mut [Peak]) -> usize {
    fullest_bin(SEMITONES, peaks).unwrap_or(UNTUNED)
}

/// The same for any scale; none if there is no peak.
pub(crate) fn fullest_bin(grid: TuningGrid, peaks: &mut [Peak]) -> Option<usize> {
    let least = median_power(peaks)?;
    let mut counts = vec![0_u32; grid.n_bins];
    for peak in peaks.iter().filter(|peak| peak.power >= least) {
        counts[grid.offset_bin(peak.hz)] += 1;
    }
    // The first of the fullest bins.
    let fullest = counts.iter().max().copied()?;
    counts.iter().position(|count| *count == fullest)
}

/// Median of the powers; reorders the peaks.
fn median_power(peaks: &mut [Peak]) -> Option<f32> {
    let n_peaks = peaks.len();
    if n_peaks == 0 {
        return None;
    }
    let by_power = |a: &Peak, b: &Peak| a.power.total_cmp(&b.power);
    let (lower, upper, _) = peaks.select_nth_unstable_by(n_peaks / 2, by_power);
    let upper = upper.power;
    if n_peaks % 2 == 1 {
        return Some(upper);
    }
    let lower = lower.iter().map(|peak| peak.power).fold(f32::NEG_INFINITY, f32::max);
    Some(f32::midpoint(lower, upper))
}

impl TuningGrid {
    /// The histogram bin of a frequency's offset from the nearest step. In float32, as above.
    fn offset_bin(self, hz: f32) -> usize {
        let octaves = f64::from(hz / A0_HZ).log2() as f32;
        let steps = self.steps as f32 * octaves;
        let above = steps - steps.floor();
        let offset = f64::from(if above >= 0.5 { above - 1.0 } else { above });
        // Rounding can put the guess one off: the edges decide.
        let guess = ((offset + 0.5) * self.n_bins as f64) as usize;
        let guess = guess.min(self.n_bins - 1);
        if offset < self.edge(guess) {
            guess.saturating_sub(1)
        } else if offset >= self.edge(guess + 1) {
            (guess + 1).min(self.n_bins - 1)
        } else {
            guess
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        N_TUNINGS, Peak, PeakRange, SEMITONES, TuningGrid, UNTUNED, fullest_bin, tuning_bin,
        tuning_semitones,
    };

    fn peaks(semitones_off: f64) -> Vec<Peak> {
        (0..40)
            .map(|note| {
                let hz = 220.0 * ((f64::from(note) + semitones_off) / 12.0).exp2();
                Peak { hz: hz as f32, power: (note + 1) as f32 }
            })
            .collect()
    }

    #[test]
    fn a_tuning_is_found_to_a_hundredth_of_a_semitone() {
        for bin in 0..N_TUNINGS {
            let off = tuning_semitones(bin) + 0.005;
            assert_eq!(tuning_bin(&mut peaks(off)), bin, "{off}");
        }
    }

    #[test]
    fn only_the_stronger_half_of_the_peaks_counts() {
        let mut mixed = peaks(0.105);
        for peak in &mut mixed[..20] {
            peak.hz *= 1.015;
        }
        assert_eq!(tuning_bin(&mut mixed), 60);
    }

    #[test]
    fn no_peak_means_no_offset() {
        assert_eq!(tuning_bin(&mut []), UNTUNED);
        assert!(tuning_semitones(UNTUNED).abs() < 1e-15);
    }

    #[test]
    fn every_frequency_falls_into_the_bin_whose_edges_enclose_its_offset() {
        for step in 0..20_000_u16 {
            let hz = 150.0 * (f32::from(step) / 4000.0).exp2();
            let notes = 12.0 * (f64::from(hz / 27.5).log2() as f32);
            let offset = f64::from(notes - notes.round());
            let bin = SEMITONES.offset_bin(hz);
            let edges = [tuning_semitones(bin), tuning_semitones(bin + 1)];
            // Half a semitone up is half a semitone down from the next note.
            let offset = if offset >= 0.5 { offset - 1.0 } else { offset };
            assert!(edges[0] <= offset && offset < edges[1], "{hz} Hz: {offset} in {edges:?}");
        }
    }

    #[test]
    fn a_finer_scale_has_offsets_of_its_own() {
        let grid = TuningGrid { steps: 24, n_bins: 50 };
        // A quarter tone is a step of the scale.
        let quarter = fullest_bin(grid, &mut peaks(0.505));
        assert_eq!(quarter, fullest_bin(grid, &mut peaks(0.005)));
        assert_eq!(quarter, Some(25));
        assert_eq!(fullest_bin(grid, &mut []), None);
    }

    #[test]
    fn a_parabola_is_interpolated_exactly() {
        let range = PeakRange::new(22_050);
        let top = |x: f64| 10.0 - (x - 100.3).powi(2);
        let peak = range.interpolate(100, top(99.0), top(100.0), top(101.0));
        assert!((f64::from(peak.hz) - 100.3 * 22_050.0 / 2048.0).abs() < 1e-3);
        assert!((f64::from(peak.power) - 10.0).abs() < 0.1);
        // A slope has its top elsewhere.
        let slope = range.interpolate(100, 1.0, 2.0, 3.1);
        assert!((f64::from(slope.hz) - 100.0 * 22_050.0 / 2048.0).abs() < 1e-3);
    }

    #[test]
    fn every_rate_leaves_a_bin_on_either_side_of_the_range() {
        for sample_rate in [1000, 8000, 22_050, 44_100, 192_000, 768_000] {
            let range = PeakRange::new(sample_rate);
            assert!(range.first_bin >= 1 && range.last_bin < 1024, "{range:?}");
        }
    }
}
