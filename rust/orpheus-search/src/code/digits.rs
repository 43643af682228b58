//! A query as the code kernels want it: whole numbers.

use super::rotation::Rotation;

/// Largest magnitude of a digit.
const LARGEST: f32 = 127.0;

/// Values that are cut at once.
const LANES: usize = 16;

/// A turned query in signed digits of eight bits: `q ≈ unit · digits`.
#[derive(Clone, Debug)]
pub(crate) struct Digits {
    /// Padded with zeros to whole blocks of codes, from the start of a cache line on.
    values: AlignedBytes,
    /// What one step of a digit is worth.
    pub(crate) unit: f32,
    /// Sum of the digits.
    pub(crate) sum: i32,
    /// Length of the query, a little more rather than less.
    pub(crate) norm: f32,
    /// Distance of the query from what the digits say, no less.
    pub(crate) error: f32,
}

/// Bytes on cache lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct AlignedBytes {
    lines: Vec<Line>,
    len: usize,
}

#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

impl AlignedBytes {
    /// Zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self { lines: vec![Line([0; 64]); len.div_ceil(64)], len }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}

impl Digits {
    /// Digits of `query`, which has been turned; `padded` is its length in whole blocks of codes.
    ///
    /// `None` if the query is too long or too short for the bounds to hold in float32, which no
    /// embedding is.
    #[expect(clippy::inline_always, reason = "as Rotation::apply")]
    #[inline(always)]
    pub(crate) fn new(query: &[f32], padded: usize) -> Option<Self> {
        let norm = length(query);
        let is_zero = query.iter().all(|&value| value == 0.0);
        if !(1e-12..1e12).contains(&norm) && !is_zero {
            return None;
        }
        let largest = query.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        let unit = if is_zero { 1.0 } else { largest / LARGEST };
        let mut values = AlignedBytes::zeroed(padded);
        let (mut sum, mut squares) = (0, [0.0f32; LANES]);
        let digits = values.as_mut_slice().chunks_mut(LANES);
        for (digits, query) in digits.zip(query.chunks(LANES)) {
            for ((digit, &value), square) in digits.iter_mut().zip(query).zip(&mut squares) {
                let whole = (value / unit).round_ties_even().clamp(-LARGEST, LARGEST);
                *digit = whole as i8 as u8;
                sum += whole as i32;
                let error = value - unit * whole;
                *square += error * error;
            }
        }
        // What turning the query has added to its error, and what the arithmetic here has: it
        // rounds each value by less than 2^-22 of it, and the sum of squares by less than its share.
        let slack = norm * (2.0 * Rotation::RELATIVE_ERROR + 2.0f32.powi(-22));
        let error = (squares.iter().sum::<f32>().sqrt() + slack) * 1.000_1;
        Some(Self { values, unit, sum, norm: norm * 1.000_02, error })
    }

    /// The digits, as signed bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.values.as_slice()
    }
}

/// Euclidean length, summed in float64.
#[expect(clippy::inline_always, reason = "as Rotation::apply")]
#[inline(always)]
pub(crate) fn length(values: &[f32]) -> f32 {
    // Sums of their own for eight lanes: one sum would wait for each addition.
    let mut sums = [0.0f64; 8];
    let (eights, rest) = values.as_chunks::<8>();
    for eight in eights {
        for (sum, &value) in sums.iter_mut().zip(eight) {
            *sum += f64::from(value) * f64::from(value);
        }
    }
    let rest: f64 = rest.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
    (sums.iter().sum::<f64>() + rest).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_give_the_query_back_within_the_error_they_state() {
        let query: Vec<f32> = (0..300).map(|i| ((i * 37 % 101) as f32 - 50.0) * 1e-3).collect();
        let digits = Digits::new(&query, 320).unwrap();
        let value = |index: usize| digits.unit * f32::from(digits.as_bytes()[index] as i8);
        let off: Vec<f32> = (0..300).map(|index| query[index] - value(index)).collect();
        assert!(length(&off) <= digits.error);
        assert!(digits.error < 1e-2 * digits.norm, "{}", digits.error);
        assert!(digits.as_bytes()[300..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn zeros_have_digits_and_giants_have_none() {
        let digits = Digits::new(&[0.0; 5], 64).unwrap();
        assert!(digits.as_bytes().iter().all(|&byte| byte == 0));
        assert!(Digits::new(&[1e30; 5], 64).is_none());
        assert!(Digits::new(&[1e-30; 5], 64).is_none());
    }
}
