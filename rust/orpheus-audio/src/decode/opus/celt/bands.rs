//! Shapes of all bands (RFC 6716 §4.3.4).

use super::super::range::{BIT_RESOLUTION, RangeDecoder};
use super::allocation::Allocation;
use super::energy::Extent;
use super::kernel::Kernel;
use super::partition::{Lowband, Part, Shapes};
use super::pvq::{Pulses, Spread};
use super::tables::{BAND_STARTS, N_BANDS};

/// Bins of a frame of 20 ms.
pub(super) const MAX_FRAME: usize = 960;
/// Bins of a short block.
pub(super) const SHORT: usize = 120;
/// Bins below 20 kHz of such a frame.
const MAX_CODED: usize = 800;

pub(super) type Spectrum = [[f32; MAX_FRAME]; 2];

/// Blocks of each band and channel that are not empty.
pub(super) type Hits = [[u32; 2]; N_BANDS];

/// Buffers that outlive a frame, so that they need not be cleared.
pub(super) struct Scratch {
    pulses: Pulses,
    /// The shapes so far, scaled to unit energy per bin.
    folds: [[f32; MAX_CODED]; 2],
    lowband: Lowband,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self {
            pulses: Pulses::new(),
            folds: [[0.0; MAX_CODED]; 2],
            lowband: [0.0; super::pvq::MAX_BINS],
        }
    }
}

/// What the frame's header says of its shapes.
pub(super) struct Plan<'a> {
    pub(super) extent: Extent,
    pub(super) allocation: &'a Allocation,
    pub(super) tf_changes: &'a [i32; N_BANDS],
    pub(super) spread: Spread,
    pub(super) transient: bool,
    /// In eighths of a bit.
    pub(super) total: i32,
    pub(super) seed: u32,
    pub(super) kernel: Kernel,
}

/// Decodes all shapes into `spectrum`; returns what bands hold, and the state of the noise.
pub(super) fn decode(
    range: &mut RangeDecoder,
    plan: &Plan,
    scratch: &mut Scratch,
    spectrum: &mut Spectrum,
) -> (Hits, u32) {
    let Scratch { pulses, folds, lowband } = scratch;
    let shapes = Shapes {
        kernel: plan.kernel,
        range,
        pulses,
        seed: plan.seed,
        spread: plan.spread,
        left: 0,
        band: 0,
        tf_change: 0,
        intensity: plan.allocation.intensity,
    };
    let mut bands = Bands {
        plan,
        shapes,
        folds,
        lowband,
        hits: [[0; 2]; N_BANDS],
        balance: plan.allocation.balance,
        dual_stereo: plan.allocation.dual_stereo,
        fold_from: 0,
        fold_may_move: true,
    };
    for band in plan.extent.start..plan.extent.end {
        bands.decode(band, spectrum);
    }
    (bands.hits, bands.shapes.seed)
}

struct Bands<'a, 'd> {
    plan: &'a Plan<'a>,
    shapes: Shapes<'a, 'd>,
    folds: &'a mut [[f32; MAX_CODED]; 2],
    lowband: &'a mut Lowband,
    hits: Hits,
    balance: i32,
    dual_stereo: bool,
    /// The band below whose start lies what bands are filled with; 0 is none.
    fold_from: usize,
    fold_may_move: bool,
}

impl Bands<'_, '_> {
    /// First bin of a band.
    fn bin(&self, band: usize) -> usize {
        BAND_STARTS[band] << self.plan.extent.size_log
    }

    /// Bits for a band, and those that are left in the frame.
    fn budget(&mut self, band: usize) -> i32 {
        let start = self.plan.extent.start;
        let tell = self.shapes.range.tell_eighths();
        if band != start {
            self.balance -= tell;
        }
        let left = self.plan.total - tell - 1;
        self.shapes.left = left;
        let n_coded = self.plan.allocation.n_coded;
        let shape = self.plan.allocation.shape[band];
        let bits = if band < n_coded {
            let share = self.balance / 3.min((n_coded - band) as i32);
            0.max(16383.min((left + 1).min(shape + share)))
        } else {
            0
        };
        self.balance += shape + tell;
        bits
    }

    /// Where, relative to the first bin, the bins lie that fill `band`, and which blocks they have.
    fn fold(&mut self, band: usize, n_bins: usize) -> (Option<usize>, [u32; 2]) {
        let start = self.plan.extent.start;
        let first = self.bin(start);
        let second = band == start + 1;
        if (self.bin(band) >= first + n_bins || second)
            && (self.fold_may_move || self.fold_from == 0)
        {
            self.fold_from = band;
        }
        if second {
            self.extend_first_band();
        }
        let n_blocks = if self.plan.transient { 1 << self.plan.extent.size_log } else { 1 };
        let tf_change = self.plan.tf_changes[band];
        let folds = self.plan.spread != Spread::Aggressive || n_blocks > 1 || tf_change < 0;
        if self.fold_from == 0 || !folds {
            return (None, [(1 << n_blocks) - 1; 2]);
        }
        let from = (self.bin(self.fold_from) - first).saturating_sub(n_bins);
        let mut low = self.fold_from - 1;
        while low > start && self.bin(low) > from + first {
            low -= 1;
        }
        let mut high = self.fold_from;
        while high < band && self.bin(high) < from + first + n_bins {
            high += 1;
        }
        let last = self.plan.extent.n_channels - 1;
        let fill = self.hits[low..high.max(low + 1)]
            .iter()
            .fold([0; 2], |[x, y], hits| [x | hits[0], y | hits[last]]);
        (Some(from), fill)
    }

    /// In hybrid frames, the second band is wider than the first one, which it is filled from.
    fn extend_first_band(&mut self) {
        let start = self.plan.extent.start;
        let first = self.bin(start + 1) - self.bin(start);
        let second = self.bin(start + 2) - self.bin(start + 1);
        if second > first {
            for fold in &mut self.folds[..if self.dual_stereo { 2 } else { 1 }] {
                fold.copy_within(2 * first - second..first, first);
            }
        }
    }

    fn decode(&mut self, band: usize, spectrum: &mut Spectrum) {
        let bins = self.bin(band)..self.bin(band + 1);
        let n_bins = bins.len();
        let at = bins.start - self.bin(self.plan.extent.start);
        let bits = self.budget(band);
        let (from, [fill, second_fill]) = self.fold(band, n_bins);
        self.shapes.band = band;
        self.shapes.tf_change = self.plan.tf_changes[band];
        if self.dual_stereo && band == self.plan.allocation.intensity {
            self.dual_stereo = false;
            let [first, second] = &mut *self.folds;
            for (first, second) in first[..at].iter_mut().zip(second) {
                *first = 0.5 * (*first + *second);
            }
        }
        let size_log = self.plan.extent.size_log;
        let n_blocks = if self.plan.transient { 1 << size_log } else { 1 };
        let part = Part { bits, n_blocks, size_log: size_log as i32, gain: 1.0, fill };
        let [left, right] = spectrum;
        let (left, right) = (&mut left[bins.clone()], &mut right[bins]);
        self.hits[band] = if self.dual_stereo {
            let part = Part { bits: bits / 2, ..part };
            let first = self.channel(0, left, part, from, at);
            let part = Part { fill: second_fill, ..part };
            [first, self.channel(1, right, part, from, at)]
        } else if self.plan.extent.n_channels == 2 {
            let part = Part { fill: fill | second_fill, ..part };
            let lowband = load(self.lowband, &self.folds[0], from, n_bins);
            let out = Some(&mut self.folds[0][at..at + n_bins]);
            [self.shapes.stereo_band([left, right], part, lowband, out); 2]
        } else {
            [self.channel(0, left, part, from, at); 2]
        };
        self.fold_may_move = bits > (n_bins as i32) << BIT_RESOLUTION;
    }

    fn channel(
        &mut self,
        channel: usize,
        shape: &mut [f32],
        part: Part,
        from: Option<usize>,
        at: usize,
    ) -> u32 {
        let n_bins = shape.len();
        let lowband = load(self.lowband, &self.folds[channel], from, n_bins);
        let out = Some(&mut self.folds[channel][at..at + n_bins]);
        self.shapes.band(shape, part, lowband, out)
    }
}

/// A copy of what fills a band, since it gets changed.
fn load<'a>(
    lowband: &'a mut Lowband,
    fold: &[f32; MAX_CODED],
    from: Option<usize>,
    n_bins: usize,
) -> Option<&'a mut [f32]> {
    let from = from?;
    let lowband = &mut lowband[..n_bins];
    lowband.copy_from_slice(&fold[from..from + n_bins]);
    Some(lowband)
}
