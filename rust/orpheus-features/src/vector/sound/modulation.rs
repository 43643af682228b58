//! How levels come and go: spectra of their course.

use std::ops::Range;

use super::statistics::{Columns, mean};
use super::table::Table;
use crate::Padding;
use crate::error::Result;
use crate::spectrum::simd::Tier;
use crate::spectrum::stft::{Stft, StftBuffers, StftParameters};
use crate::spectrum::window::WindowShape;

/// Values of a course that are transformed at once.
const N_FFT: usize = 512;
/// Half of the sum of the window, squared: a modulation of amplitude 1 has power 1.
const SCALE: f32 = 1.0 / ((N_FFT / 4) * (N_FFT / 4)) as f32;

/// Mel bands that are averaged to one of the fluctuation pattern's.
const BANDS_PER_BAND: usize = 4;
const N_BANDS: usize = super::frames::N_BANDS / BANDS_PER_BAND;
/// Ranges of modulation frequency, equally wide on a logarithmic scale.
const N_RATES: usize = 12;
const RATES_HZ: [f64; 2] = [0.35, 16.0];
/// Modulations below about this many dB are alike.
const LEAST_DB: f32 = 0.1;

/// Columns of [`Modulation::fluctuation`].
pub(super) const N_FLUCTUATION: usize = N_RATES * N_BANDS;

/// Transforms courses of one frame rate.
#[derive(Debug)]
pub(super) struct Modulation {
    stft: Stft<f32>,
    ranges: Vec<Range<usize>>,
}

/// Memory.
#[derive(Debug, Default)]
pub(super) struct ModulationBuffers {
    stft: StftBuffers<f32>,
    course: Vec<f32>,
}

impl Modulation {
    /// For courses of `frame_rate` values a second, summed over the frequencies between `edges_hz`.
    pub(super) fn new(
        tier: Tier,
        frame_rate: f64,
        hop_length: usize,
        edges_hz: &[f64],
    ) -> Result<Self> {
        let window = WindowShape::Hann.periodic(N_FFT);
        let padding = Padding::None;
        let stft = Stft::new(
            tier,
            &StftParameters { n_fft: N_FFT, hop_length, window: &window, padding },
        )?;
        let bin_of = |hz: f64| (hz * N_FFT as f64 / frame_rate).ceil() as usize;
        let bins = |edges: &[f64]| bin_of(edges[0])..bin_of(edges[1]).max(bin_of(edges[0]) + 1);
        let ranges = edges_hz.windows(2).map(bins).collect();
        Ok(Self { stft, ranges })
    }

    /// Edges of the fluctuation pattern's ranges.
    pub(super) fn fluctuation_edges_hz() -> Vec<f64> {
        let step = (RATES_HZ[1] / RATES_HZ[0]).powf(1.0 / N_RATES as f64);
        (0..=N_RATES).map(|i| RATES_HZ[0] * step.powi(i as i32)).collect()
    }

    /// How strongly the levels of bands go up and down at each rate (Pampalk, Rauber and Merkl 2002:
    /// fluctuation patterns, on a logarithmic scale of rates as Pohle et al. 2009 have them).
    /// `levels_db` holds 80 bands.
    pub(super) fn fluctuation(
        &self,
        levels_db: &Table,
        buffers: &mut ModulationBuffers,
        columns: &mut Columns<'_>,
    ) {
        let mut patterns = [[0.0; N_RATES]; N_BANDS];
        for (band, pattern) in patterns.iter_mut().enumerate() {
            let rows = [0, 1, 2, 3].map(|i: usize| levels_db.row(BANDS_PER_BAND * band + i));
            buffers.course.clear();
            buffers.course.extend((0..levels_db.n_frames()).map(|frame| {
                0.25 * (rows[0][frame] + rows[1][frame] + rows[2][frame] + rows[3][frame])
            }));
            self.powers(buffers, pattern);
        }
        for rate in 0..N_RATES {
            columns.extend(patterns.iter().map(|pattern| (pattern[rate].sqrt() + LEAST_DB).ln()));
        }
    }

    /// Mean power of the course in `buffers`, without its mean, per bin of each range.
    pub(super) fn powers_of(
        &self,
        course: impl Iterator<Item = f32>,
        buffers: &mut ModulationBuffers,
        powers: &mut [f32],
    ) {
        buffers.course.clear();
        buffers.course.extend(course);
        self.powers(buffers, powers);
    }

    fn powers(&self, buffers: &mut ModulationBuffers, powers: &mut [f32]) {
        let ModulationBuffers { stft, course } = buffers;
        let level = mean(course);
        for value in course.iter_mut() {
            *value -= level;
        }
        mirror(course);
        powers.fill(0.0);
        let n_frames = self.stft.n_frames(course.len());
        let n_lanes = self.stft.n_lanes();
        let mut blocks = self.stft.blocks(course, stft);
        while let Some(block) = blocks.next_power() {
            for (power, range) in powers.iter_mut().zip(&self.ranges) {
                let share = SCALE / (n_frames * range.len()) as f32;
                for bin in range.clone() {
                    let frames = &block.bins[bin * n_lanes..][..block.n_valid];
                    *power += share * frames.iter().sum::<f32>();
                }
            }
        }
    }

    /// Bins in each range.
    pub(super) fn widths(&self) -> impl Iterator<Item = usize> + '_ {
        self.ranges.iter().map(Range::len)
    }
}

/// Makes a course long enough for one transform: forwards and backwards in turn, so that it nowhere
/// jumps.
fn mirror(course: &mut Vec<f32>) {
    let n = course.len();
    if n == 0 {
        course.push(0.0);
    }
    let period = 2 * n.max(1);
    for place in course.len()..N_FFT {
        let at = place % period;
        course.push(course[at.min(period - 1 - at)]);
    }
}

#[cfg(test)]
mod tests {
    use super::{Modulation, ModulationBuffers, N_FFT, mirror};
    use crate::spectrum::simd::Tier;

    #[test]
    fn a_short_course_comes_back_and_forth() {
        let mut course = vec![1.0, 2.0, 3.0];
        mirror(&mut course);
        assert_eq!(course.len(), N_FFT);
        assert_eq!(course[..8], [1.0, 2.0, 3.0, 3.0, 2.0, 1.0, 1.0, 2.0]);
    }

    #[test]
    fn a_modulation_is_found_at_its_rate() {
        for tier in Tier::available() {
            let modulation =
                Modulation::new(tier, 43.0, 256, &[1.0, 2.0, 4.0, 8.0]).expect("edges");
            let course =
                (0..1200).map(|n| (f64::from(n) / 43.0 * 3.0 * std::f64::consts::TAU).sin() as f32);
            let (mut buffers, mut powers) = (ModulationBuffers::default(), [0.0; 3]);
            modulation.powers_of(course, &mut buffers, &mut powers);
            assert!(powers[1] > 100.0 * powers[0].max(powers[2]), "{powers:?} on {}", tier.name());
        }
    }
}
