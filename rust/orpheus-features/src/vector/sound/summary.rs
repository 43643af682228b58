//! From samples to the statistics of all families.

use super::blocks::{BLOCKS, N_COLUMNS, N_SHAPES};
use super::delta_pattern::{self, sorting_network};
use super::frames::{
    self, BANDS, FramePlan, HOP_LENGTH, LEVEL, N_BANDS, OCTAVES, PEAKS, SHAPES, VALLEYS,
};
use super::modulation::{Modulation, ModulationBuffers};
use super::reference::{Look, Waveform, loudest_bands_db};
use super::statistics::{Columns, percentile};
use super::table::Table;
use super::texture::{TextureBuffers, TexturePlan};
use super::tonal::{TonalBuffers, TonalPlan};
use super::{SAMPLE_RATE, dynamics, pulse, timbre};
use crate::error::Result;
use crate::spectrum::dct::Cepstrum;
use crate::spectrum::simd::{Kernel, Real, Simd, Tier};
use crate::spectrum::stft::StftBuffers;

/// Band levels count from this far below the reference to this far above it.
const RANGE_DB: [f32; 2] = [-60.0, 6.0];
/// Frames this far below the loud ones are silence, as are those below the other level.
const SILENCE_DB: f32 = 45.0;
const SILENT_DB: f32 = -85.0;
/// Fewer frames than this are not judged without the silent ones.
const LEAST_FRAMES: usize = 4;
/// Levels of octaves and of their weakest bins further down are alike.
const OCTAVE_RANGE_DB: f32 = 70.0;
const VALLEY_RANGE_DB: f32 = 95.0;
/// Bands of the low and of the high onsets.
const N_LOW: usize = 16;
const FIRST_HIGH: usize = 50;
/// Values of a course between two transformed stretches: 6 s.
const FLUCTUATION_HOP: usize = 256;

/// Frames in a second.
const FRAME_RATE: f64 = SAMPLE_RATE as f64 / HOP_LENGTH as f64;

/// Tables.
#[derive(Debug)]
pub(super) struct SummaryPlan {
    tier: Tier,
    frames: FramePlan,
    cepstrum: Cepstrum<f32>,
    network: Vec<[u8; 2]>,
    fluctuation: Modulation,
    tonal: TonalPlan,
    texture: TexturePlan,
}

/// Memory.
#[derive(Debug, Default)]
pub(super) struct Summary {
    waveform: Waveform,
    stft: StftBuffers<f32>,
    table: Table,
    coefficients: Table,
    strengths: Table,
    deltas: Vec<f32>,
    modulation: ModulationBuffers,
    tonal: TonalBuffers,
    texture: TextureBuffers,
    scratch: Vec<f32>,
    keep: Vec<bool>,
    follows: Vec<bool>,
}

impl SummaryPlan {
    pub(super) fn new(tier: Tier) -> Result<Self> {
        let edges_hz = Modulation::fluctuation_edges_hz();
        Ok(Self {
            tier,
            frames: FramePlan::new(tier)?,
            cepstrum: Cepstrum::new(N_BANDS, timbre::N_COEFFICIENTS),
            network: sorting_network(),
            fluctuation: Modulation::new(tier, FRAME_RATE, FLUCTUATION_HOP, &edges_hz)?,
            tonal: TonalPlan::new(tier)?,
            texture: TexturePlan::new(tier)?,
        })
    }

    /// Writes the statistics of `samples`, which hold at least one sample and only finite ones.
    pub(super) fn run(
        &self,
        samples: &[f32],
        summary: &mut Summary,
        statistics: &mut [f32; N_COLUMNS],
    ) {
        let mut columns = columns_of(statistics);
        self.frames.run(samples, &mut summary.stft, &mut summary.table);
        let waveform = &mut summary.waveform;
        f32::dispatch(self.tier, Look { samples, hop_length: HOP_LENGTH, waveform });
        waveform.crossing_rates(HOP_LENGTH, summary.table.row_mut(SHAPES.end - 1));
        let reference_db = loudest_bands_db(&summary.table, BANDS);
        let loud_db = summary.judge_silence();
        summary.dynamics(loud_db, &mut columns);
        f32::dispatch(
            self.tier,
            Digest { plan: self, summary, reference_db, loud_db, columns: &mut columns },
        );
        let [.., tonality, _, _, _, _, _, _, marginals, correlations, modulations] = &mut columns;
        self.tonal.describe(samples, &mut summary.tonal, tonality);
        let texture = [marginals, correlations, modulations];
        self.texture.describe(samples, &mut summary.texture, texture);
        debug_assert!(
            columns
                .iter()
                .zip(BLOCKS)
                .all(|(columns, block)| columns.n_written() == block.n_columns)
        );
    }
}

/// The place of each family.
fn columns_of(statistics: &mut [f32; N_COLUMNS]) -> [Columns<'_>; BLOCKS.len()] {
    let mut rest = statistics.as_mut_slice();
    BLOCKS.map(|block| {
        let (columns, others) = std::mem::take(&mut rest).split_at_mut(block.n_columns);
        rest = others;
        Columns::new(columns)
    })
}

impl Summary {
    /// Finds the frames that are not silent; returns the level of the loud ones.
    fn judge_silence(&mut self) -> f32 {
        let levels_db = self.table.row(LEVEL);
        self.scratch.clear();
        self.scratch.extend_from_slice(levels_db);
        let loud_db = percentile(&mut self.scratch, 0.95);
        let threshold_db = (loud_db - SILENCE_DB).max(SILENT_DB);
        self.keep.clear();
        self.keep.extend(levels_db.iter().map(|level| *level > threshold_db));
        if self.keep.iter().filter(|keep| **keep).count() < LEAST_FRAMES {
            self.keep.fill(true);
        }
        self.follows.clear();
        let mut before = true;
        for keep in &self.keep {
            if *keep {
                self.follows.push(before);
            }
            before = *keep;
        }
        loud_db
    }

    fn dynamics(&self, loud_db: f32, columns: &mut [Columns<'_>; BLOCKS.len()]) {
        let [.., dynamics, level, _, _, _] = columns;
        let levels_db = self.table.row(LEVEL);
        let n_silent = self.keep.iter().filter(|keep| !**keep).count();
        let silent_share = n_silent as f32 / self.keep.len().max(1) as f32;
        let frames_per_second = FRAME_RATE as usize;
        dynamics::describe(levels_db, loud_db, frames_per_second, silent_share, dynamics);
        let loudest_db = levels_db.iter().copied().fold(f32::MIN, f32::max);
        dynamics::level(&self.waveform, loudest_db, level);
    }
}

/// What is made of the table of frames.
struct Digest<'a, 'c> {
    plan: &'a SummaryPlan,
    summary: &'a mut Summary,
    reference_db: f32,
    loud_db: f32,
    columns: &'a mut [Columns<'c>; BLOCKS.len()],
}

impl Kernel<f32> for Digest<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = f32>>(mut self, simd: S) {
        self.relate_bands();
        self.relate_octaves();
        self.time(simd);
        let Summary { table, keep, .. } = &mut *self.summary;
        table.retain(keep);
        self.cepstra(simd);
        self.timbre();
    }
}

impl Digest<'_, '_> {
    /// Makes the levels of bands relative, and fills in the flatness: by how much their mean is below
    /// the level of the frame.
    #[inline(always)]
    fn relate_bands(&mut self) {
        let table = &mut self.summary.table;
        let flatness = SHAPES.start + 4;
        let (stride, n_frames) = (table.stride(), table.n_frames());
        for frame in 0..n_frames {
            let level = -table.row(LEVEL)[frame];
            table.row_mut(flatness)[frame] = level;
        }
        for band in BANDS {
            let (bands, rest) = table.values().split_at_mut(BANDS.end * stride);
            let levels = &mut bands[band * stride..][..n_frames];
            let flatness = &mut rest[(flatness - BANDS.end) * stride..][..n_frames];
            for frame in 0..n_frames {
                flatness[frame] += levels[frame] / N_BANDS as f32;
                let relative = levels[frame] - self.reference_db;
                levels[frame] = relative.clamp(RANGE_DB[0], RANGE_DB[1]);
            }
        }
    }

    /// Makes the levels of octaves relative, and contrasts of their peaks.
    #[inline(always)]
    fn relate_octaves(&mut self) {
        let table = &mut self.summary.table;
        let (stride, n_frames) = (table.stride(), table.n_frames());
        for octave in 0..OCTAVES.len() {
            for level in table.row_mut(OCTAVES.start + octave) {
                *level = (*level - self.loud_db).max(-OCTAVE_RANGE_DB);
            }
            let least = self.reference_db - VALLEY_RANGE_DB;
            for valley in table.row_mut(VALLEYS.start + octave) {
                *valley = valley.max(least) - self.reference_db;
            }
            let (peaks, valleys) = table.values().split_at_mut(VALLEYS.start * stride);
            let peaks = &mut peaks[(PEAKS.start + octave) * stride..][..n_frames];
            let valleys = &valleys[octave * stride..][..n_frames];
            for frame in 0..n_frames {
                let contrast = peaks[frame] - self.reference_db - valleys[frame];
                peaks[frame] = contrast.max(0.0);
            }
        }
    }

    /// What needs frames in their order, silence included.
    #[inline(always)]
    fn time<S: Simd<Real = f32>>(&mut self, simd: S) {
        let Summary { table, strengths, deltas, modulation, .. } = &mut *self.summary;
        let [.., delta_pattern, fluctuation, pulse, band_pulse, _, _, _, _, _] = self.columns;
        pulse::strengths(table, N_LOW, FIRST_HIGH, N_BANDS, strengths);
        pulse::describe(strengths.row(0), FRAME_RATE, pulse);
        pulse::describe_bands(strengths.row(1), strengths.row(2), FRAME_RATE, band_pulse);
        delta_pattern::describe(simd, table, &self.plan.network, deltas, delta_pattern);
        self.plan.fluctuation.fluctuation(table, modulation, fluctuation);
    }

    /// The cepstrum of every frame that is left.
    #[inline(always)]
    fn cepstra<S: Simd<Real = f32>>(&mut self, simd: S) {
        let Summary { table, coefficients, .. } = &mut *self.summary;
        let n_frames = table.n_frames();
        coefficients.reshape(timbre::N_COEFFICIENTS, n_frames);
        let (stride, coefficients_stride) = (table.stride(), coefficients.stride());
        let (levels, places) = (table.values(), coefficients.values());
        for frame in (0..n_frames).step_by(S::LANES) {
            let mut bands = [simd.splat(0.0); N_BANDS];
            for band in 0..N_BANDS {
                bands[band] = simd.load(&levels[band * stride + frame..]);
            }
            let mut cepstrum = [simd.splat(0.0); timbre::N_COEFFICIENTS];
            self.plan.cepstrum.run(simd, &bands, &mut cepstrum);
            for k in 0..timbre::N_COEFFICIENTS {
                simd.store(cepstrum[k], &mut places[k * coefficients_stride + frame..]);
            }
        }
    }

    /// What is the same in any order.
    #[inline(always)]
    fn timbre(&mut self) {
        let Summary { table, coefficients, scratch, follows, .. } = &mut *self.summary;
        let [cepstrum, correlations, contrast, octaves, octave_steps, shape, ..] = self.columns;
        timbre::cepstrum(coefficients, follows, cepstrum);
        timbre::cepstral_correlations(coefficients, correlations);
        timbre::quantiles(table, PEAKS, |deviation| deviation, scratch, contrast);
        timbre::profile(table, VALLEYS, contrast);
        timbre::octaves(table, OCTAVES, follows, [octaves, octave_steps]);
        timbre::quantiles(table, SHAPES, |deviation| (deviation + 0.01).ln(), scratch, shape);
    }
}

const _: () = assert!(SHAPES.end - SHAPES.start == N_SHAPES && frames::BANDS.end == N_BANDS);
