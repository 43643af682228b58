//! A rotation by random signs and Hadamard matrices.

/// Three times: signs, then the fast Walsh–Hadamard transform. Vectors are padded with zeros to a
/// power of two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hadamard {
    seed: u64,
}

impl Hadamard {
    pub(super) fn new(seed: u32) -> Self {
        Self { seed: u64::from(seed) }
    }

    pub(super) fn apply(self, from: &[f32], to: &mut [f32]) {
        to[..from.len()].copy_from_slice(from);
        to[from.len()..].fill(0.0);
        for round in 0..3 {
            self.flip(round, to);
            transform(to);
        }
        let scale = scale(to.len());
        for value in to {
            *value *= scale;
        }
    }

    pub(super) fn reverse(self, from: &[f32], to: &mut [f32]) {
        let mut values = from.to_vec();
        for round in [2, 1, 0] {
            transform(&mut values);
            self.flip(round, &mut values);
        }
        let scale = scale(values.len());
        for (to, value) in to.iter_mut().zip(values) {
            *to = value * scale;
        }
    }

    /// Multiplies with the signs that FAISS draws for a round: the lowest bits of `SplitMix64`
    /// (Steele, Lea and Flood, 2014), any of which can be computed by itself.
    fn flip(self, round: u64, values: &mut [f32]) {
        let first = round * values.len() as u64 + 1;
        for (index, value) in (first..).zip(values) {
            let mut z = self.seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            if (z ^ (z >> 31)) & 1 == 0 {
                *value = -*value;
            }
        }
    }
}

/// Each of the three transforms makes a vector longer by the square root of its dimension.
fn scale(dim: usize) -> f32 {
    1.0 / (dim as f32 * (dim as f32).sqrt())
}

/// The Walsh–Hadamard transform of a power of two of values, in place.
fn transform(values: &mut [f32]) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_kept_and_the_rotation_is_undone() {
        let vector: Vec<f32> = (0..13u8).map(|value| f32::from(value) - 4.5).collect();
        let rotation = Hadamard::new(12_345);
        let mut rotated = vec![0.0; 16];
        rotation.apply(&vector, &mut rotated);
        let squared = |values: &[f32]| values.iter().map(|value| value * value).sum::<f32>();
        assert!((squared(&vector) - squared(&rotated)).abs() < 1e-3);
        let mut back = vec![0.0; 13];
        rotation.reverse(&rotated, &mut back);
        assert!(vector.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}
