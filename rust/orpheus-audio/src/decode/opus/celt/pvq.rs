//! Shapes of bands: pulses on a sphere (RFC 6716 §4.3.4).

use super::super::range::RangeDecoder;
use super::kernel::Kernel;

/// Bins of the widest band in the longest frame.
pub(super) const MAX_BINS: usize = 176;

/// Of dimensions and pulses, the smaller number is always less than this.
const MAX_SMALLER: usize = 16;

/// U(n, k): how many vectors of `n` dimensions and `k` pulses have their first pulse, if at 0, be
/// positive (§4.3.4.2). Symmetric, so that the larger argument is the row. Where it does not fit,
/// no frame needs it.
static COUNTS: [[u32; MAX_SMALLER]; MAX_BINS + 2] = {
    let mut table = [[0_u32; MAX_SMALLER]; MAX_BINS + 2];
    table[0][0] = 1;
    let mut row = 1;
    while row < MAX_BINS + 2 {
        let mut column = 1;
        while column < MAX_SMALLER {
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

/// U of a larger and a smaller number.
#[inline(always)]
fn count(larger: usize, smaller: usize) -> u32 {
    COUNTS[larger][smaller & (MAX_SMALLER - 1)]
}

/// U in either order.
fn count_any(n: usize, k: usize) -> u32 {
    count(n.max(k), n.min(k))
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
        let total = count_any(n_bins, n_pulses).wrapping_add(count_any(n_bins, n_pulses + 1));
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
        let sign = take_sign(index, count(k + 1, n));
        if count(n, n) > *index {
            k = n - 1;
            while count(n, k) > *index {
                k -= 1;
            }
            *index -= count(n, k);
        } else {
            while count(k, n) > *index {
                k -= 1;
            }
            *index -= count(k, n);
        }
        *left = k;
        return signed(before - k, sign);
    }
    let row = &COUNTS[n];
    let at = |k: usize| row[k & (MAX_SMALLER - 1)];
    let (zero, one) = (at(k), at(k + 1));
    if zero <= *index && *index < one {
        *index -= zero;
        return 0;
    }
    let sign = take_sign(index, one);
    k -= 1;
    while at(k) > *index {
        k -= 1;
    }
    *index -= at(k);
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
    let sine = x
        * (1.0
            - y * (1.0 / 6.0)
                * (1.0 - y * (1.0 / 20.0) * (1.0 - y * (1.0 / 42.0) * (1.0 - y * (1.0 / 72.0)))));
    let cosine = 1.0
        - y * 0.5 * (1.0 - y * (1.0 / 12.0) * (1.0 - y * (1.0 / 30.0) * (1.0 - y * (1.0 / 56.0))));
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
        if rotation.distance > 1 {
            rotate::<FUSED>(block, rotation.distance, rotation.sine, rotation.cosine);
        } else if rotation.distance == 1 {
            rotate_neighbours::<FUSED>(block, rotation.sine, rotation.cosine);
        }
        rotate_neighbours::<FUSED>(block, rotation.cosine, rotation.sine);
    }
}

/// Rotates each pair of bins at a distance, upwards and back.
#[inline(always)]
fn rotate<const FUSED: bool>(bins: &mut [f32], distance: usize, cosine: f32, sine: f32) {
    for at in distance..bins.len() {
        let (a, b) = (bins[at - distance], bins[at]);
        bins[at] = fused::<FUSED>(sine, a, cosine * b);
        bins[at - distance] = fused::<FUSED>(-sine, b, cosine * a);
    }
    for at in (distance..bins.len().saturating_sub(distance)).rev() {
        let (a, b) = (bins[at - distance], bins[at]);
        bins[at] = fused::<FUSED>(sine, a, cosine * b);
        bins[at - distance] = fused::<FUSED>(-sine, b, cosine * a);
    }
}

/// The same at a distance of 1: what the next rotation needs stays at hand.
#[inline(always)]
fn rotate_neighbours<const FUSED: bool>(bins: &mut [f32], cosine: f32, sine: f32) {
    let Some((first, rest)) = bins.split_first_mut() else { return };
    let mut lower = *first;
    let mut place = first;
    for bin in rest {
        *place = fused::<FUSED>(-sine, *bin, cosine * lower);
        lower = fused::<FUSED>(sine, lower, cosine * *bin);
        place = bin;
    }
    *place = lower;
    let Some((_, bins)) = bins.split_last_mut() else { return };
    let Some((last, rest)) = bins.split_last_mut() else { return };
    let mut upper = *last;
    let mut place = last;
    for bin in rest.iter_mut().rev() {
        *place = fused::<FUSED>(sine, *bin, cosine * upper);
        upper = fused::<FUSED>(-sine, upper, cosine * *bin);
        place = bin;
    }
    *place = upper;
}

#[inline(always)]
fn fused<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Scales a shape to the length `gain`.
pub(super) fn renormalize(shape: &mut [f32], gain: f32) {
    let energy: f32 = shape.iter().map(|bin| bin * bin).sum();
    let scale = gain / (energy + 1e-15).sqrt();
    for bin in shape {
        *bin *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_another_vector_of_the_right_sum() {
        for (n_bins, n_pulses) in [(2, 1), (2, 9), (3, 4), (4, 3), (5, 5), (7, 2), (3, 12)] {
            let total = count_any(n_bins, n_pulses) + count_any(n_bins, n_pulses + 1);
            let mut seen = std::collections::HashSet::new();
            for index in 0..total {
                let mut pulses = Pulses::new();
                pulses.unrank(index, n_bins, n_pulses);
                let values = &pulses.values[..n_bins];
                assert_eq!(
                    values.iter().map(|v| v.unsigned_abs() as usize).sum::<usize>(),
                    n_pulses
                );
                assert_eq!(values.iter().map(|v| v * v).sum::<i32>() as u32, pulses.energy);
                assert!(seen.insert(values.to_vec()), "{values:?} twice");
            }
        }
    }

    #[test]
    fn rotations_keep_the_length_and_lanes_agree() {
        let values: Vec<i32> = (0..64).map(|i| i32::from(i % 9 == 0) * (i % 5 - 2)).collect();
        for n_blocks in [1, 2, 8] {
            let rotation = Rotation::of(64, 7, n_blocks, Spread::Normal);
            assert!(rotation.is_some());
            let mut portable = [0.0; 64];
            place::<false>(&values, 0.5, rotation, &mut portable);
            let length: f32 = portable.iter().map(|bin| bin * bin).sum();
            let wanted: i32 = values.iter().map(|value| value * value).sum();
            assert!((length - 0.25 * wanted as f32).abs() < 1e-4);
            let mut best = [0.0; 64];
            Kernel::best().place(&values, 0.5, rotation, &mut best);
            assert!(portable.iter().zip(&best).all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }

    #[test]
    fn the_series_are_sine_and_cosine() {
        for step in 0..=100 {
            let x = step as f32 / 100.0 * std::f32::consts::FRAC_PI_4;
            let (sine, cosine) = sine_cosine(x);
            assert!((sine - x.sin()).abs() < 2e-7 && (cosine - x.cos()).abs() < 2e-7);
        }
    }
}
