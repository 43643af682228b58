//! Summaries of series, and the columns that they are written to.

/// Where the columns of a description go, one after the other.
pub(super) struct Columns<'a> {
    values: &'a mut [f32],
    n_written: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn new(values: &'a mut [f32]) -> Self {
        Self { values, n_written: 0 }
    }

    /// Writes the next column.
    pub(super) fn push(&mut self, value: f32) {
        self.values[self.n_written] = value;
        self.n_written += 1;
    }

    /// Writes the next columns.
    pub(super) fn extend(&mut self, values: impl IntoIterator<Item = f32>) {
        for value in values {
            self.push(value);
        }
    }

    /// Columns written so far.
    pub(super) fn n_written(&self) -> usize {
        self.n_written
    }
}

/// Values that are summed side by side, so that one addition need not wait for another.
const N_SUMS: usize = 16;

/// Sum.
#[inline(always)]
pub(super) fn sum(values: &[f32]) -> f32 {
    let (chunks, rest) = values.as_chunks::<N_SUMS>();
    let mut sums = [0.0; N_SUMS];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    sums.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

/// Sum of products.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<N_SUMS>(), b.as_chunks::<N_SUMS>());
    let mut sums = [0.0; N_SUMS];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// Mean; 0 of nothing.
#[inline(always)]
pub(super) fn mean(values: &[f32]) -> f32 {
    sum(values) / values.len().max(1) as f32
}

/// Mean and (population) deviation.
#[inline(always)]
pub(super) fn mean_and_deviation(values: &[f32]) -> (f32, f32) {
    let mean = mean(values);
    let (chunks, rest) = values.as_chunks::<N_SUMS>();
    let mut sums = [0.0; N_SUMS];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += (value - mean) * (value - mean);
        }
    }
    let rest: f32 = rest.iter().map(|value| (value - mean) * (value - mean)).sum();
    let variance = (sums.iter().sum::<f32>() + rest) / values.len().max(1) as f32;
    (mean, variance.sqrt())
}

/// Third moment about the mean, in deviations; 0 where nothing deviates.
#[inline(always)]
pub(super) fn skewness(values: &[f32]) -> f32 {
    let (mean, deviation) = mean_and_deviation(values);
    if deviation < 1e-9 {
        return 0.0;
    }
    let (chunks, rest) = values.as_chunks::<N_SUMS>();
    let mut sums = [0.0; N_SUMS];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += (value - mean) * (value - mean) * (value - mean);
        }
    }
    let rest: f32 = rest.iter().map(|value| (value - mean).powi(3)).sum();
    (sums.iter().sum::<f32>() + rest) / values.len() as f32 / (deviation * deviation * deviation)
}

/// The value below which `share` of the values lie (the nearest one, not interpolated); 0 of
/// nothing. Reorders them.
pub(super) fn percentile(values: &mut [f32], share: f64) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let place = (share * (values.len() - 1) as f64).round() as usize;
    *values.select_nth_unstable_by(place, f32::total_cmp).1
}

/// Correlation of two series of known means and deviations; 0 where one of them does not vary.
#[inline(always)]
pub(super) fn correlation(a: &[f32], b: &[f32], [a_moments, b_moments]: [(f32, f32); 2]) -> f32 {
    let deviations = a_moments.1 * b_moments.1;
    if deviations < 1e-9 {
        return 0.0;
    }
    ((dot(a, b) / a.len() as f32 - a_moments.0 * b_moments.0) / deviations).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::{correlation, mean_and_deviation, percentile, skewness};

    const VALUES: [f32; 5] = [1.0, 2.0, 3.0, 4.0, 10.0];

    #[test]
    fn moments_are_those_of_the_textbook() {
        let (mean, deviation) = mean_and_deviation(&VALUES);
        assert!((mean - 4.0).abs() < 1e-6);
        assert!((deviation - 10.0_f32.sqrt()).abs() < 1e-6);
        assert!((skewness(&VALUES) - 36.0 / 10.0_f32.powf(1.5)).abs() < 1e-5);
        assert!(skewness(&[2.0; 40]).abs() < 1e-9);
    }

    #[test]
    fn percentiles_are_values_that_occur() {
        let mut values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(percentile(&mut values, 0.5).to_bits(), 3.0_f32.to_bits());
        assert_eq!(percentile(&mut values, 1.0).to_bits(), 5.0_f32.to_bits());
        assert_eq!(percentile(&mut [], 0.5).to_bits(), 0.0_f32.to_bits());
    }

    #[test]
    fn what_does_not_vary_correlates_with_nothing() {
        let moments = |values: &[f32]| mean_and_deviation(values);
        let falling = [5.0, 4.0, 3.0, 2.0, -4.0];
        let opposite = correlation(&VALUES, &falling, [moments(&VALUES), moments(&falling)]);
        assert!((opposite + 1.0).abs() < 1e-5);
        let constant = [1.0; 5];
        let nothing = correlation(&VALUES, &constant, [moments(&VALUES), moments(&constant)]);
        assert!(nothing.abs() < 1e-9);
    }
}
