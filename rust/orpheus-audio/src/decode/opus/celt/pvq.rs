//! Shapes of bands: pulses on a sphere (RFC 6716 §4.3.4).

use super::super::range::RangeDecoder;
use super::kernel::Kernel;

/// Bins of the widest band in the longest frame.
pub(super) const MAX_BINS: usize = 176;

/// More dimensions and more pulses than this never meet.
const MAX_SMALLER: usize = 15;

/// U(n, k): how many vectors of `n` dimensions and `k` pulses have their first pulse, if at 0, be
/// positive (§4.3.4.2). Symmetric, so that the smaller argument is the row. Where it does not fit,
/// no frame needs it.
static COUNTS: [[u32; MAX_BINS + 2]; MAX_SMALLER] = {
    let mut table = [[0_u32; MAX_BINS + 2]; MAX_SMALLER];
    table[0][0] = 1;
    let mut row = 1;
    while row < MAX_SMALLER {
        let mut column = 1;
        while column < MAX_BINS + 2 {
            let left = table[row][column - 1];
            let above = table[row - 1][column];
            let diagonal = table[row - 1][column - 1];
            table[row][column] = left.wrapping_add(above).wrapping_add(diagonal);
            column += 1;
        }
        row += 1;
    }
    table
};

#[inline]
fn count(n: usize, k: usize) -> u32 {
    COUNTS[n.min(k)][n.max(k)]
}

/// A vector of integers whose magnitudes sum to a known number.
pub(super) struct Pulses {
    pub(super) values: [i32; MAX_BINS],
    /// Sum of the squares.
    pub(super) energy: u32,
}

impl Pulses {
    pub(super) const fn new() -> Self {
        Self { values: [0; MAX_BINS], energy: 0 }
    }

    /// Decodes `n_pulses` in `n_bins` bins, both at least 1 and 2.
    pub(super) fn decode(&mut self, range: &mut RangeDecoder, n_bins: usize, n_pulses: usize) {
        let total = count(n_bins, n_pulses).wrapping_add(count(n_bins, n_pulses + 1));
        let index = range.uniform(total);
        self.unrank(index, n_bins, n_pulses);
    }

    fn unrank(&mut self, mut index: u32, n_bins: usize, n_pulses: usize) {
        let mut left = n_pulses;
        self.energy = 0;
        for bin in 0..n_bins - 2 {
            let value = next_value(&mut index, n_bins - bin, &mut left);
            self.put(bin, value);
        }
        let last_but_one = {
            let positive = 2 * left as u32 + 1;
            let sign = index >= positive;
            if sign {
                index -= positive;
            }
            let before = left;
            left = (index as usize + 1) >> 1;
            if left > 0 {
                index -= 2 * left as u32 - 1;
            }
            signed(before - left.min(before), sign)
        };
        self.put(n_bins - 2, last_but_one);
        self.put(n_bins - 1, signed(left, index != 0));
    }

    #[inline]
    fn put(&mut self, bin: usize, value: i32) {
        self.values[bin] = value;
        self.energy = self.energy.wrapping_add(value.wrapping_mul(value) as u32);
    }

    /// Which of `n_blocks` stretches have a pulse.
    pub(super) fn blocks_hit(&self, n_bins: usize, n_blocks: usize) -> u32 {
        if n_blocks <= 1 {
            return 1;
        }
        let mut hits = 0;
        let stretches = self.values[..n_bins].chunks_exact(n_bins / n_blocks);
        for (block, values) in stretches.take(n_blocks).enumerate() {
            hits |= u32::from(values.iter().any(|&value| value != 0)) << block;
        }
        hits
    }
}

#[inline]
fn signed(magnitude: usize, negative: bool) -> i32 {
    let magnitude = magnitude as i32;
    if negative { -magnitude } else { magnitude }
}

/// The value at the first of `n` dimensions; what is left of `index` and pulses follows it.
#[inline]
fn next_value(index: &mut u32, n: usize, left: &mut usize) -> i32 {
    let before = *left;
    let mut k = before;
    if k >= n {
        let row = &COUNTS[n];
        let sign = take_sign(index, row[k + 1]);
        if row[n] > *index {
            k = n;
            loop {
                k -= 1;
                if COUNTS[k][n] <= *index {
                    *index -= COUNTS[k][n];
                    break;
                }
            }
        } else {
            while row[k] > *index {
                k -= 1;
            }
            *index -= row[k];
        }
        *left = k;
        return signed(before - k, sign);
    }
    let (zero, one) = (COUNTS[k][n], COUNTS[k + 1][n]);
    if zero <= *index && *index < one {
        *index -= zero;
        return 0;
    }
    let sign = take_sign(index, one);
    loop {
        k -= 1;
        if COUNTS[k][n] <= *index {
            break;
        }
    }
    *index -= COUNTS[k][n];
    *left = k;
    signed(before - k, sign)
}

#[inline]
fn take_sign(index: &mut u32, n_positive: u32) -> bool {
    let sign = *index >= n_positive;
    if sign {
        *index -= n_positive;
    }
    sign
}

/// How strongly pulses are smeared (§4.3.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spread {
    None,
    Light,
    Normal,
    Aggressive,
}

impl Spread {
    pub(super) fn from_index(index: usize) -> Self {
        [Self::None, Self::Light, Self::Normal, Self::Aggressive][index & 3]
    }

    fn divisor(self) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Light => Some(15),
            Self::Normal => Some(10),
            Self::Aggressive => Some(5),
        }
    }
}

/// Rotations by which pulses are smeared over their neighbours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotation {
    pub(super) cosine: f32,
    pub(super) sine: f32,
    /// Distance of the second pass; 0 is none.
    pub(super) distance: usize,
    pub(super) n_blocks: usize,
}

impl Rotation {
    /// `None` where the pulses stand as they are.
    fn of(n_bins: usize, n_pulses: usize, n_blocks: usize, spread: Spread) -> Option<Self> {
        let divisor = spread.divisor()?;
        if 2 * n_pulses >= n_bins {
            return None;
        }
        let gain = n_bins as f32 / (n_bins + divisor * n_pulses) as f32;
        let (sine, cosine) = sine_cosine(std::f32::consts::FRAC_PI_4 * gain * gain);
        let mut distance = 0;
        if n_bins >= 8 * n_blocks {
            distance = 1;
            while (distance * distance + distance) * n_blocks + (n_blocks >> 2) < n_bins {
                distance += 1;
            }
        }
        Some(Self { cosine, sine, distance, n_blocks })
    }
}

/// Of an angle up to 45°, by their series: exact to float32.
#[inline]
fn sine_cosine(x: f32) -> (f32, f32) {
    let y = x * x;
    let sine = x * (1.0 - y * (1.0 / 6.0) * (1.0 - y * (1.0 / 20.0) * (1.0 - y * (1.0 / 42.0) * (1.0 - y * (1.0 / 72.0)))));
    let cosine = 1.0 - y * 0.5 * (1.0 - y * (1.0 / 12.0) * (1.0 - y * (1.0 / 30.0) * (1.0 - y * (1.0 / 56.0))));
    (sine, cosine)
}

/// Decodes the shape of a partition, of length `gain`; returns the blocks that are not empty.
pub(super) fn decode_shape(
    kernel: Kernel,
    range: &mut RangeDecoder,
    pulses: &mut Pulses,
    shape: &mut [f32],
    coding: Coding,
) -> u32 {
    let Coding { n_pulses, n_blocks, spread, gain } = coding;
    let n_bins = shape.len();
    pulses.decode(range, n_bins, n_pulses);
    let rotation = Rotation::of(n_bins, n_pulses, n_blocks, spread);
    let scale = gain / (pulses.energy.max(1) as f32).sqrt();
    kernel.place(&pulses.values[..n_bins], scale, rotation, shape);
    pulses.blocks_hit(n_bins, n_blocks)
}

/// How a partition is coded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coding {
    pub(super) n_pulses: usize,
    pub(super) n_blocks: usize,
    pub(super) spread: Spread,
    pub(super) gain: f32,
}

/// [`Kernel::place`] for any processor.
#[inline(always)]
pub(super) fn place<const FUSED: bool>(
    values: &[i32],
    scale: f32,
    rotation: Option<Rotation>,
    shape: &mut [f32],
) {
    for (bin, &value) in shape.iter_mut().zip(values) {
        *bin = value as f32 * scale;
    }
    let Some(rotation) = rotation else { return };
    let length = shape.len() / rotation.n_blocks;
    for block in shape.chunks_exact_mut(length) {
        if rotation.distance > 0 {
            rotate::<FUSED>(block, rotation.distance, rotation.sine, rotation.cosine);
        }
        rotate::<FUSED>(block, 1, rotation.cosine, rotation.sine);
    }
}

/// Rotates each pair of bins at a distance, upwards and back.
#[inline(always)]
fn rotate<const FUSED: bool>(bins: &mut [f32], distance: usize, cosine: f32, sine: f32) {
    let turn = |bins: &mut [f32], at: usize| {
        let (a, b) = (bins[at], bins[at + distance]);
        bins[at + distance] = fused::<FUSED>(sine, a, cosine * b);
        bins[at] = fused::<FUSED>(-sine, b, cosine * a);
    };
    for at in 0..bins.len().saturating_sub(distance) {
        turn(bins, at);
    }
    for at in (0..bins.len().saturating_sub(2 * distance)).rev() {
        turn(bins, at);
    }
}

#[inline(always)]
fn fused<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Scales a shape to the length `gain`.
pub(super) fn renormalize(shape: &mut [f32], gain: f32) {
    let energy: f32 = shape.iter().map(|bin| bin * bin).sum();
    let scale = gain / (energy + 1e-15).sqrt();
    shape.iter_mut().for_each(|bin| *bin *= scale);
}
