//! Turned vectors in, signs out.

use crate::code::codes::UNKNOWN_SCALE;

/// What is known of one vector besides its signs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    /// What a sum of signs is multiplied by, as the upper half of a float32; or not a number, where
    /// the sum says nothing.
    pub(in crate::code) factor: u16,
    /// What is added to get the merit.
    pub(in crate::code) offset: f32,
    /// Standard error of a sum of signs, in units of the query's length.
    pub(in crate::code) error: f32,
}

impl Marks {
    /// Of a vector of which nothing is known.
    pub(in crate::code) const NONE: Self = Self { factor: UNKNOWN_SCALE, offset: 0.0, error: 0.0 };
}

/// Writes the signs of `turned`, of length `norm`, into `signs`, which are zeros.
///
/// `offset` is what its inner product with a query lacks to be its merit. The query is taken to be
/// measured from `lever`, turned likewise; an empty one is the origin.
#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
pub(in crate::code) fn mark(
    turned: &[f32],
    norm: f32,
    lever: &[f32],
    offset: f32,
    signs: &mut [u8],
) -> Marks {
    let magnitudes = write_signs(turned, signs);
    let (dim, norm) = (turned.len() as f32, f64::from(norm));
    if !(magnitudes > 0.0) {
        return Marks { factor: 0, offset, error: 0.0 };
    }
    let exact = (norm * norm / f64::from(magnitudes)) as f32;
    let factor = rounded(exact);
    let share = (f64::from(magnitudes) / norm).powi(2) as f32;
    let error = ((dim - share).max(0.0) / (dim - 1.0)).sqrt();
    let (product, sum) = with_signs(turned, lever);
    let offset = offset + product - f32::from_bits(u32::from(factor) << 16) * sum;
    Marks { factor, offset, error }
}

/// The upper half of the float32 nearest to `value`, which is positive, that has a lower half of
/// zeros.
#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
fn rounded(value: f32) -> u16 {
    (value.to_bits().saturating_add(0x8000) >> 16) as u16
}

/// Sets the bit of each value that is not negative; returns the sum of all magnitudes.
#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
fn write_signs(turned: &[f32], signs: &mut [u8]) -> f32 {
    let mut sums = [0.0f32; 16];
    let (chunks, rest) = turned.as_chunks::<16>();
    let (pairs, rest_signs) = signs.split_at_mut(2 * chunks.len());
    for (chunk, pair) in chunks.iter().zip(pairs.as_chunks_mut::<2>().0) {
        let mut bits = 0u16;
        for (index, (sum, value)) in sums.iter_mut().zip(chunk).enumerate() {
            bits |= u16::from(*value >= 0.0) << index;
            *sum += value.abs();
        }
        *pair = bits.to_le_bytes();
    }
    for (index, value) in rest.iter().enumerate() {
        rest_signs[index / 8] |= u8::from(*value >= 0.0) << (index % 8);
        sums[index] += value.abs();
    }
    sums.iter().sum()
}

/// The inner products of `lever` with `turned` and with its signs.
#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
fn with_signs(turned: &[f32], lever: &[f32]) -> (f32, f32) {
    let (mut products, mut sums) = ([0.0f32; 16], [0.0f32; 16]);
    for (values, lever) in turned.chunks(16).zip(lever.chunks(16)) {
        for (index, (value, lever)) in values.iter().zip(lever).enumerate() {
            products[index] += value * lever;
            sums[index] += if *value >= 0.0 { *lever } else { -*lever };
        }
    }
    (products.iter().sum(), sums.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_along_its_signs_has_no_error_and_gives_the_product_back() {
        let turned: Vec<f32> = (0..300).map(|i| if i % 3 == 0 { -0.5 } else { 0.5 }).collect();
        let norm = (300.0f32 * 0.25).sqrt();
        let mut signs = vec![0; 40];
        let marks = mark(&turned, norm, &[], 2.0, &mut signs);
        assert!((f32::from_bits(u32::from(marks.factor) << 16) - 0.5).abs() < 2e-3);
        assert!(marks.error < 1e-2 && (marks.offset - 2.0).abs() < 1e-6, "{marks:?}");
        assert!(signs[..37].iter().enumerate().all(|(byte, &bits)| {
            (0..8).all(|bit| bits >> bit & 1 == u8::from((8 * byte + bit) % 3 != 0))
        }));
        assert_eq!(signs[37] & 15, 0b1101);
    }

    #[test]
    fn a_vector_of_zeros_merits_its_offset() {
        let marks = mark(&[0.0; 256], 0.0, &[1.0; 256], -3.0, &mut [0; 32]);
        assert_eq!((marks.factor, marks.offset.to_bits()), (0, (-3.0f32).to_bits()));
    }
}
