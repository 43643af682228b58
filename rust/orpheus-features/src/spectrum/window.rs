//! Analysis windows.

use std::f64::consts::TAU;

/// Periodic Hann window of `length` values, each multiplied by `scale`.
pub(crate) fn hann(length: usize, scale: f64) -> Vec<f64> {
    (0..length).map(|n| scale * (0.5 - 0.5 * (TAU * n as f64 / length as f64).cos())).collect()
}

#[cfg(test)]
mod tests {
    use super::hann;

    #[test]
    fn a_periodic_hann_window_starts_at_zero_and_peaks_in_the_middle() {
        let window = hann(8, 2.0);
        assert!(window[0].abs() < 1e-15);
        assert!((window[4] - 2.0).abs() < 1e-15);
        assert!((window[1] - window[7]).abs() < 1e-15);
    }
}
