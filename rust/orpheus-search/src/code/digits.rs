//! A query as the code kernels want it: whole numbers.

use super::rotation::Rotation;

/// Largest magnitude of a digit.
const LARGEST: f32 = 127.0;
/// How many steps of the second digit make one of the first.
const STEP: f32 = 254.0;

/// A turned query in one or two signed digits of eight bits: `q ≈ unit · (254 · first + second)`.
///
/// The digits of a query are padded with zeros to whole blocks of codes, and start on a cache line.
#[derive(Clone, Debug)]
pub(crate) struct Digits {
    /// First digits, then second ones, each `padded` long.
    values: AlignedBytes,
    padded: usize,
    /// What one step of the second digit is worth.
    pub(crate) unit: f32,
    /// Sums of the first and of the second digits.
    pub(crate) sums: [i32; 2],
    /// Length of the query, a little more rather than less.
    pub(crate) norm: f32,
    /// Distance of the query from what the first digit says, and from what both say; no less.
    pub(crate) errors: [f32; 2],
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
    pub(crate) fn new(query: &[f32], padded: usize) -> Option<Self> {
        let norm = length(query);
        let is_zero = query.iter().all(|&value| value == 0.0);
        if !(1e-12..1e12).contains(&norm) && !is_zero {
            return None;
        }
        let largest = query.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        let unit = if is_zero { 1.0 } else { largest / (LARGEST * STEP) };
        let mut values = AlignedBytes::zeroed(2 * padded);
        let (first, second) = values.as_mut_slice().split_at_mut(padded);
        let (mut sums, mut squares) = ([0; 2], [0.0f64; 2]);
        for (index, &value) in query.iter().enumerate() {
            let whole = (value / unit).round();
            let high = (whole / STEP).round().clamp(-LARGEST, LARGEST);
            let low = (whole - high * STEP).clamp(-LARGEST, LARGEST);
            first[index] = high as i8 as u8;
            second[index] = low as i8 as u8;
            sums[0] += high as i32;
            sums[1] += low as i32;
            for (square, kept) in squares.iter_mut().zip([high * STEP, high * STEP + low]) {
                let error = f64::from(value) - f64::from(unit) * f64::from(kept);
                *square += error * error;
            }
        }
        // What turning the query has added to its error, and what summing has.
        let slack = f64::from(norm) * f64::from(2.0 * Rotation::RELATIVE_ERROR);
        let errors = squares.map(|square| ((square.sqrt() + slack) * 1.000_01) as f32);
        Some(Self { values, padded, unit, sums, norm: norm * 1.000_02, errors })
    }

    /// First digits.
    pub(crate) fn first(&self) -> &[u8] {
        &self.values.as_slice()[..self.padded]
    }

    /// Second digits.
    pub(crate) fn second(&self) -> &[u8] {
        &self.values.as_slice()[self.padded..]
    }

    /// What one step of the first digit is worth.
    pub(crate) fn first_unit(&self) -> f32 {
        self.unit * STEP
    }

    /// Steps of the second digit in one of the first.
    pub(crate) fn step() -> i32 {
        STEP as i32
    }
}

/// Euclidean length, summed in float64.
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
    fn digits_give_the_query_back_within_the_errors_they_state() {
        let query: Vec<f32> = (0..300).map(|i| ((i * 37 % 101) as f32 - 50.0) * 1e-3).collect();
        let digits = Digits::new(&query, 320).unwrap();
        let value = |bytes: &[u8], index: usize| f32::from(bytes[index] as i8);
        for (n_digits, allowed) in [(1, digits.errors[0]), (2, digits.errors[1])] {
            let off: Vec<f32> = (0..300)
                .map(|index| {
                    let high = value(digits.first(), index) * STEP;
                    let low = if n_digits == 2 { value(digits.second(), index) } else { 0.0 };
                    query[index] - digits.unit * (high + low)
                })
                .collect();
            assert!(length(&off) <= allowed, "{n_digits}");
            assert!(allowed < [1.2e-2, 1.2e-4][n_digits - 1] * digits.norm, "{allowed}");
        }
        assert!(digits.first()[300..].iter().chain(&digits.second()[300..]).all(|&b| b == 0));
    }

    #[test]
    fn zeros_have_digits_and_giants_have_none() {
        let digits = Digits::new(&[0.0; 5], 64).unwrap();
        assert!(digits.first().iter().all(|&byte| byte == 0));
        assert!(Digits::new(&[1e30; 5], 64).is_none());
        assert!(Digits::new(&[1e-30; 5], 64).is_none());
    }
}
