//! A fixed orthogonal transform that spreads energy over all values.

/// Times that signs are flipped and sums are taken.
const ROUNDS: usize = 3;

/// Sign flips and Walsh–Hadamard transforms in turn: orthogonal, `O(d log d)`, no matrix.
///
/// Where the dimension is no power of two, the transforms cover its head and its tail in turn, as
/// large powers of two as fit (the construction of Gao et al., "`RaBitQ`", arXiv 2405.12497, in
/// their library). Applied to any two vectors it changes neither their inner product nor their
/// distance, except by rounding: by less than [`Rotation::RELATIVE_ERROR`] of the length.
#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    dim: usize,
    /// Values that one transform covers: the largest power of two up to `dim`.
    span: usize,
    /// One bit per value and round: set where the sign is flipped.
    signs: Vec<u32>,
}

impl Rotation {
    /// A bound on `‖computed − exact‖ / ‖exact‖`: each of at most `3 · (20 + 2)` steps rounds each
    /// value by at most 2^-24 of itself.
    pub(crate) const RELATIVE_ERROR: f32 = 4.5e-6;

    /// The transform of `dim` values, which is at least 1. It is always the same.
    pub(crate) fn new(dim: usize) -> Self {
        let span = 1 << dim.ilog2();
        // SplitMix64: the signs need to be irregular, and the same on every machine.
        let mut state = 0x6f72_7068_6575_7331_u64;
        let signs = (0..dim)
            .map(|_| {
                state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut mixed = state;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (mixed ^ (mixed >> 31)) as u32
            })
            .collect();
        Self { dim, span, signs }
    }

    /// Turns `vector`, which holds `dim` values, in place.
    ///
    /// Always inlined: what it is compiled to depends on the instructions that its caller may use;
    /// what it computes does not.
    #[expect(clippy::inline_always, reason = "see above")]
    #[inline(always)]
    pub(crate) fn apply(&self, vector: &mut [f32]) {
        let vector = &mut vector[..self.dim];
        let scale = 1.0 / (self.span as f32).sqrt();
        for round in 0..ROUNDS {
            for (value, signs) in vector.iter_mut().zip(&self.signs) {
                let flip = (signs >> (round * 7) & 1) << 31;
                *value = f32::from_bits(value.to_bits() ^ flip);
            }
            let start = if round % 2 == 0 { 0 } else { self.dim - self.span };
            hadamard(&mut vector[start..start + self.span], scale);
        }
    }
}

/// Values whose transform stays in one register of the widest tier.
const LANES: usize = 16;

/// The Walsh–Hadamard transform of a power of two of values, times `scale`.
#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
fn hadamard(values: &mut [f32], scale: f32) {
    let n = values.len();
    let (lanes, rest) = values.as_chunks_mut::<LANES>();
    for lanes in lanes {
        *lanes = hadamard_of_lanes(*lanes, scale);
    }
    if !rest.is_empty() {
        return hadamard_of_few(rest, scale);
    }
    let mut half = LANES;
    while half < n {
        for pair in values.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                (*low, *high) = (*low + *high, *low - *high);
            }
        }
        half *= 2;
    }
}

#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
fn hadamard_of_lanes(values: [f32; LANES], scale: f32) -> [f32; LANES] {
    let mut values = values.map(|value| value * scale);
    for bit in 0..LANES.ilog2() {
        let half = 1 << bit;
        values = std::array::from_fn(|lane| {
            let other = values[lane ^ half];
            if lane & half == 0 { values[lane] + other } else { other - values[lane] }
        });
    }
    values
}

/// Of fewer than [`LANES`] values.
fn hadamard_of_few(values: &mut [f32], scale: f32) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                (*low, *high) = (*low + *high, *low - *high);
            }
        }
        half *= 2;
    }
    for value in values {
        *value *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 7919 + 13) % 1009) as f32 / 504.5 - 1.0).collect()
    }

    fn dot(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    #[test]
    fn inner_products_are_kept_at_any_dimension() {
        for dim in [1, 2, 3, 7, 33, 64, 100, 298, 512, 768, 1000] {
            let rotation = Rotation::new(dim);
            let (mut a, mut b) = (values(dim), values(2 * dim).split_off(dim));
            let (before, lengths) = (dot(&a, &b), (dot(&a, &a) * dot(&b, &b)).sqrt());
            rotation.apply(&mut a);
            rotation.apply(&mut b);
            let error = (dot(&a, &b) - before).abs() / lengths;
            assert!(error < 2.0 * f64::from(Rotation::RELATIVE_ERROR), "{dim}: {error}");
        }
    }

    #[test]
    fn a_single_value_is_spread_over_all() {
        for dim in [33, 298, 512, 768] {
            let mut vector = vec![0.0; dim];
            vector[0] = 1.0;
            Rotation::new(dim).apply(&mut vector);
            let largest = vector.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
            assert!(largest * (dim as f32).sqrt() < 6.0, "{dim}: {largest}");
        }
    }
}
