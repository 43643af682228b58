//! Shapes of single bands, split in halves until they are cheap enough (RFC 6716 §4.3.4).

use super::super::range::{BIT_RESOLUTION, RangeDecoder};
use super::haar::Resolution;
use super::kernel::Kernel;
use super::pvq::{self, Coding, MAX_BINS, Pulses, Spread, renormalize};
use super::tables::{LOG_WIDTH, N_BANDS, PULSE_BITS, PULSE_INDEX};
use super::theta::{self, Angle, QUARTER};

const BIT: i32 = 1 << BIT_RESOLUTION;
/// What must be left over before it is passed on to the other half.
const WORTH_PASSING: i32 = 3 * BIT;

/// What decoding shapes needs besides the shapes.
pub(super) struct Shapes<'a, 'd> {
    pub(super) kernel: Kernel,
    pub(super) range: &'a mut RangeDecoder<'d>,
    pub(super) pulses: &'a mut Pulses,
    pub(super) seed: u32,
    pub(super) spread: Spread,
    /// Bits of the frame, in eighths, that are left.
    pub(super) left: i32,
    pub(super) band: usize,
    pub(super) tf_change: i32,
    /// Bands from here on have one shape for both channels.
    pub(super) intensity: usize,
}

/// How a shape is to be decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) bits: i32,
    pub(super) n_blocks: usize,
    /// The frame is `120 << size_log` samples; one less for each split.
    pub(super) size_log: i32,
    pub(super) gain: f32,
    /// Blocks that may be filled from below.
    pub(super) fill: u32,
}

/// What [`Shapes::angle`] found.
struct Split {
    angle: Angle,
    /// Bits that the angle left, and what it took.
    bits: i32,
    cost: i32,
    fill: u32,
}

#[inline]
fn mask(n_blocks: usize) -> u32 {
    (1 << n_blocks) - 1
}

/// Costs of the pulses of a partition; empty if it cannot have any.
#[inline]
fn costs(band: usize, size_log: i32) -> &'static [u8] {
    let index = PULSE_INDEX[(size_log + 1) as usize * N_BANDS + band];
    let Ok(start) = usize::try_from(index) else { return &[] };
    &PULSE_BITS[start..=start + usize::from(PULSE_BITS[start])]
}

/// What `code` pulses cost, in eighths of a bit.
#[inline]
fn cost(costs: &[u8], code: usize) -> i32 {
    if code == 0 { 0 } else { i32::from(costs[code]) + 1 }
}

/// The number of pulses, as a code, whose cost is nearest to `bits`.
#[inline]
fn affordable(costs: &[u8], bits: i32) -> usize {
    if costs.is_empty() {
        return 0;
    }
    let bits = bits - 1;
    let (mut low, mut high) = (0, costs.len() - 1);
    for _ in 0..6 {
        let middle = (low + high + 1) >> 1;
        if i32::from(costs[middle]) >= bits {
            high = middle;
        } else {
            low = middle;
        }
    }
    let below = if low == 0 { -1 } else { i32::from(costs[low]) };
    if bits - below <= i32::from(costs[high]) - bits { low } else { high }
}

/// Pulses by their code: all up to 8, then with ever wider steps.
#[inline]
fn n_pulses(code: usize) -> usize {
    if code < 8 { code } else { (8 + (code & 7)) << ((code >> 3) - 1) }
}

impl Shapes<'_, '_> {
    fn random(&mut self) -> u32 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.seed
    }

    /// A band of one bin, which has only a sign.
    pub(super) fn sign(&mut self) -> f32 {
        if self.left < BIT {
            return 1.0;
        }
        self.left -= BIT;
        if self.range.raw(1) == 1 { -1.0 } else { 1.0 }
    }

    /// The angle between two halves, or between mid and side.
    fn angle(&mut self, n_bins: usize, part: Part, n_blocks_before: usize, stereo: bool) -> Split {
        let cap = LOG_WIDTH[self.band] + (part.size_log << BIT_RESOLUTION);
        let offset = (cap >> 1) - if stereo && n_bins == 2 { 16 } else { 4 };
        let mut n_steps = theta::n_steps(n_bins, part.bits, offset, cap, stereo);
        if stereo && self.band >= self.intensity {
            n_steps = 1;
        }
        let before = self.range.tell_eighths();
        let (mut theta, mut inverted) = (0, false);
        if n_steps != 1 {
            let stereo_shape = stereo && n_bins > 2;
            theta = theta::decode(self.range, n_steps, stereo_shape, stereo || n_blocks_before > 1);
        } else if stereo && part.bits > 2 * BIT && self.left > 2 * BIT {
            inverted = self.range.flag(2);
        }
        let cost = self.range.tell_eighths() - before;
        let fill = match theta {
            0 => part.fill & mask(part.n_blocks),
            QUARTER => part.fill & (mask(part.n_blocks) << part.n_blocks),
            _ => part.fill,
        };
        let angle = Angle::new(theta, n_bins, inverted);
        Split { angle, bits: part.bits - cost, cost, fill }
    }

    /// Decodes a shape or its halves; returns the blocks that are not empty.
    fn partition(&mut self, shape: &mut [f32], part: Part, lowband: Option<&[f32]>) -> u32 {
        if part.size_log >= 0 && shape.len() > 2 {
            let costs = costs(self.band, part.size_log);
            if costs.last().is_some_and(|&most| part.bits > i32::from(most) + 12) {
                return self.halves(shape, part, lowband);
            }
        }
        self.leaf(shape, part, lowband)
    }

    fn halves(&mut self, shape: &mut [f32], part: Part, lowband: Option<&[f32]>) -> u32 {
        let n_bins = shape.len() / 2;
        let n_blocks_before = part.n_blocks;
        let mut part = Part { size_log: part.size_log - 1, ..part };
        if n_blocks_before == 1 {
            part.fill = (part.fill & 1) | (part.fill << 1);
        }
        part.n_blocks = n_blocks_before.div_ceil(2);
        let Split { angle, bits, cost, fill } = self.angle(n_bins, part, n_blocks_before, false);
        self.left -= cost;
        let mut delta = angle.delta;
        if n_blocks_before > 1 && angle.theta & (QUARTER - 1) != 0 {
            // Short blocks: energy before a transient must not be lost.
            delta = if angle.theta > QUARTER / 2 {
                delta - (delta >> (4 - part.size_log))
            } else {
                0.min(delta + ((n_bins as i32) << BIT_RESOLUTION >> (5 - part.size_log)))
            };
        }
        let budget = halved(bits, delta);
        let (first, second) = shape.split_at_mut(n_bins);
        let (low_first, low_second) = lowband.map(|low| low.split_at(n_bins)).unzip();
        let shift = n_blocks_before >> 1;
        let halves = [
            Part { gain: part.gain * angle.gains[0], fill, ..part },
            Part { gain: part.gain * angle.gains[1], fill: fill >> part.n_blocks, ..part },
        ];
        self.both(budget, angle.theta, |this, half, bits| {
            let part = Part { bits, ..halves[half] };
            if half == 0 {
                this.partition(first, part, low_first)
            } else {
                this.partition(second, part, low_second) << shift
            }
        })
    }

    /// Decodes the half with more bits first; the other one gets what that leaves.
    fn both(
        &mut self,
        [mut first, mut second]: [i32; 2],
        theta: i32,
        mut decode: impl FnMut(&mut Self, usize, i32) -> u32,
    ) -> u32 {
        let before = self.left;
        if first >= second {
            let hit = decode(self, 0, first);
            let spare = first - (before - self.left);
            if spare > WORTH_PASSING && theta != 0 {
                second += spare - WORTH_PASSING;
            }
            hit | decode(self, 1, second)
        } else {
            let hit = decode(self, 1, second);
            let spare = second - (before - self.left);
            if spare > WORTH_PASSING && theta != QUARTER {
                first += spare - WORTH_PASSING;
            }
            hit | decode(self, 0, first)
        }
    }

    fn leaf(&mut self, shape: &mut [f32], part: Part, lowband: Option<&[f32]>) -> u32 {
        let costs = costs(self.band, part.size_log);
        let mut code = affordable(costs, part.bits);
        self.left -= cost(costs, code);
        while self.left < 0 && code > 0 {
            self.left += cost(costs, code);
            code -= 1;
            self.left -= cost(costs, code);
        }
        if code == 0 {
            return self.fill(shape, part, lowband);
        }
        let coding = Coding {
            n_pulses: n_pulses(code),
            n_blocks: part.n_blocks,
            spread: self.spread,
            gain: part.gain,
        };
        pvq::decode_shape(self.kernel, self.range, self.pulses, shape, coding)
    }

    /// A shape without pulses: the lower spectrum once more, or noise.
    fn fill(&mut self, shape: &mut [f32], part: Part, lowband: Option<&[f32]>) -> u32 {
        let all = mask(part.n_blocks);
        let fill = part.fill & all;
        if fill == 0 {
            shape.fill(0.0);
            return 0;
        }
        let hit = if let Some(lowband) = lowband {
            for (bin, &below) in shape.iter_mut().zip(lowband) {
                let dither = if self.random() & 0x8000 != 0 { 1.0 } else { -1.0 };
                *bin = below + dither / 256.0;
            }
            fill
        } else {
            for bin in shape.iter_mut() {
                *bin = (self.random() as i32 >> 20) as f32;
            }
            all
        };
        renormalize(shape, part.gain);
        hit
    }

    /// One band of one channel. `lowband` is what it may be filled with and is changed; `out` gets
    /// the shape, scaled for filling other bands.
    pub(super) fn band(
        &mut self,
        shape: &mut [f32],
        part: Part,
        mut lowband: Option<&mut [f32]>,
        out: Option<&mut [f32]>,
    ) -> u32 {
        let n_bins = shape.len();
        if n_bins == 1 {
            shape[0] = self.sign();
            if let Some(out) = out {
                out[0] = shape[0];
            }
            return 1;
        }
        let resolution = Resolution::of(n_bins, part.n_blocks, self.tf_change);
        let fill = resolution.enter(&mut lowband, part.fill);
        let inner = Part { n_blocks: resolution.n_blocks, fill, ..part };
        let hit = self.partition(shape, inner, lowband.as_deref());
        let hit = resolution.leave(shape, hit);
        if let Some(out) = out {
            let scale = (n_bins as f32).sqrt();
            out.iter_mut().zip(shape.iter()).for_each(|(out, bin)| *out = scale * bin);
        }
        hit & mask(part.n_blocks)
    }

    /// One band of both channels, as mid and side.
    pub(super) fn stereo_band(
        &mut self,
        [mid, side]: [&mut [f32]; 2],
        part: Part,
        lowband: Option<&mut [f32]>,
        out: Option<&mut [f32]>,
    ) -> u32 {
        let n_bins = mid.len();
        if n_bins == 1 {
            return self.one_bin(mid, side, out);
        }
        let Split { angle, bits, cost, fill } = self.angle(n_bins, part, part.n_blocks, true);
        self.left -= cost;
        let hit = if n_bins == 2 {
            self.two_bins([&mut *mid, &mut *side], angle, Part { bits, ..part }, lowband, out)
        } else {
            let halves = [
                Part { gain: 1.0, fill, ..part },
                Part { gain: angle.gains[1], fill: fill >> part.n_blocks, ..part },
            ];
            let mut low = Some((lowband, out));
            let hit = self.both(halved(bits, angle.delta), angle.theta, |this, half, bits| {
                let part = Part { bits, ..halves[half] };
                if half == 0 {
                    let (lowband, out) = low.take().unwrap_or((None, None));
                    this.band(mid, part, lowband, out)
                } else {
                    this.band(side, part, None, None)
                }
            });
            merge(mid, side, angle.gains[0]);
            hit
        };
        if angle.inverted {
            for bin in side {
                *bin = -*bin;
            }
        }
        hit
    }

    /// In one bin, only the signs are coded.
    fn one_bin(&mut self, mid: &mut [f32], side: &mut [f32], out: Option<&mut [f32]>) -> u32 {
        mid[0] = self.sign();
        side[0] = self.sign();
        if let Some(out) = out {
            out[0] = mid[0];
        }
        1
    }

    /// In two bins, the side is the mid turned by a quarter: only its sign is coded.
    fn two_bins(
        &mut self,
        [mid, side]: [&mut [f32]; 2],
        angle: Angle,
        part: Part,
        lowband: Option<&mut [f32]>,
        out: Option<&mut [f32]>,
    ) -> u32 {
        let coded = angle.theta != 0 && angle.theta != QUARTER;
        let sign_bits = if coded { BIT } else { 0 };
        self.left -= sign_bits;
        let negative = coded && self.range.raw(1) == 1;
        let sign = if negative { -1.0 } else { 1.0 };
        let swapped = angle.theta > QUARTER / 2;
        let (loud, quiet) = if swapped { (&mut *side, &mut *mid) } else { (&mut *mid, &mut *side) };
        let part = Part { bits: part.bits - sign_bits, gain: 1.0, ..part };
        let hit = self.band(loud, part, lowband, out);
        quiet[0] = -sign * loud[1];
        quiet[1] = sign * loud[0];
        for (mid, side) in mid.iter_mut().zip(side) {
            let (m, s) = (angle.gains[0] * *mid, angle.gains[1] * *side);
            (*mid, *side) = (m - s, m + s);
        }
        hit
    }
}

/// Mid and side → left and right, each of length 1.
fn merge(mid: &mut [f32], side: &mut [f32], mid_gain: f32) {
    let (mut cross, mut side_energy) = (0.0, 0.0);
    for (m, s) in mid.iter().zip(side.iter()) {
        cross += m * s;
        side_energy += s * s;
    }
    let energy = mid_gain * mid_gain + side_energy;
    let (left, right) = (energy - 2.0 * mid_gain * cross, energy + 2.0 * mid_gain * cross);
    if left < 6e-4 || right < 6e-4 {
        side.copy_from_slice(mid);
        return;
    }
    let (left, right) = (1.0 / left.sqrt(), 1.0 / right.sqrt());
    for (m, s) in mid.iter_mut().zip(side) {
        let middle = mid_gain * *m;
        (*m, *s) = (left * (middle - *s), right * (middle + *s));
    }
}

/// Room for what a band is filled with.
pub(super) type Lowband = [f32; MAX_BINS];

/// Bits of the first half, which gets `delta` less, and of the second.
fn halved(bits: i32, delta: i32) -> [i32; 2] {
    let first = bits.min(0.max((bits - delta) / 2));
    [first, bits - first]
}
