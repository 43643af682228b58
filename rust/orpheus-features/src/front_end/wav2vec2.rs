//! What wav2vec 2.0, `HuBERT` and MERT start from: samples of zero mean and unit variance.

/// Added to the variance, so that silence stays silent.
const LEAST_VARIANCE: f64 = 1e-7;

/// Partial sums: one after the other would wait for each addition, and lose more to rounding.
const N_SUMS: usize = 16;

/// Writes `samples` without their mean and at unit variance to the front of `row`, zeros behind.
pub(super) fn standardise(samples: &[f32], row: &mut [f32]) {
    let n_samples = samples.len() as f64;
    let mean = sum(samples, |sample| sample) / n_samples;
    let variance = sum(samples, |sample| (sample - mean) * (sample - mean)) / n_samples;
    let scale = 1.0 / (variance + LEAST_VARIANCE).sqrt();
    let (front, behind) = row.split_at_mut(samples.len());
    for (place, sample) in front.iter_mut().zip(samples) {
        *place = ((f64::from(*sample) - mean) * scale) as f32;
    }
    behind.fill(0.0);
}

/// Sum of a function of the samples.
#[inline]
fn sum(samples: &[f32], of: impl Fn(f64) -> f64) -> f64 {
    let (groups, rest) = samples.as_chunks::<N_SUMS>();
    let mut sums = [0.0; N_SUMS];
    for group in groups {
        for place in 0..N_SUMS {
            sums[place] += of(f64::from(group[place]));
        }
    }
    for (place, sample) in rest.iter().enumerate() {
        sums[place] += of(f64::from(*sample));
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::standardise;
    use crate::signals::noise;

    #[test]
    fn only_what_is_valid_has_zero_mean_and_unit_variance() {
        for n_samples in [2, 17, 1000, 4801] {
            let samples: Vec<f32> = noise(1, n_samples).iter().map(|x| x + 0.25).collect();
            let mut row = vec![7.0; n_samples + 5];
            standardise(&samples, &mut row);
            let values: Vec<f64> = row[..n_samples].iter().map(|x| f64::from(*x)).collect();
            let mean = values.iter().sum::<f64>() / n_samples as f64;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
            assert!(mean.abs() < 1e-6);
            assert!((variance / n_samples as f64 - 1.0).abs() < 1e-3);
            assert_eq!(row[n_samples..], [0.0; 5]);
        }
    }

    #[test]
    fn silence_stays_silent() {
        let mut row = [1.0; 10];
        standardise(&[0.25; 10], &mut row);
        assert!(row.iter().all(|value| value.abs() < 1e-9));
    }
}
