//! Analysis windows.

use std::f64::consts::TAU;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Shape of an analysis window: a sum of cosines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WindowShape {
    /// Raised cosine, zero at its ends (Hann).
    #[default]
    Hann,
    /// Raised cosine on a pedestal of 0.08 (Hamming).
    Hamming,
    /// Three terms, 0.42, 0.5 and 0.08 (Blackman).
    Blackman,
    /// All ones.
    Rectangular,
}

impl WindowShape {
    const ALL: [Self; 4] = [Self::Hann, Self::Hamming, Self::Blackman, Self::Rectangular];

    /// As [`FromStr`] spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hann => "hann",
            Self::Hamming => "hamming",
            Self::Blackman => "blackman",
            Self::Rectangular => "rectangular",
        }
    }

    /// Weights of the constant, of the cosine and of the cosine of twice the angle.
    const fn terms(self) -> [f64; 3] {
        match self {
            Self::Hann => [0.5, 0.5, 0.0],
            Self::Hamming => [0.54, 0.46, 0.0],
            Self::Blackman => [0.42, 0.5, 0.08],
            Self::Rectangular => [1.0, 0.0, 0.0],
        }
    }

    /// `length` values of one period: what spectra are taken with.
    pub(crate) fn periodic(self, length: usize) -> Vec<f64> {
        let [constant, first, second] = self.terms();
        let value = |n: usize| {
            let angle = TAU * n as f64 / length as f64;
            constant - first * angle.cos() + second * (2.0 * angle).cos()
        };
        (0..length).map(value).collect()
    }
}

impl FromStr for WindowShape {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|shape| shape.name() == name).ok_or_else(|| Error::Parameter {
            name: "window",
            given: format!("{name:?}"),
            expected: "\"hann\", \"hamming\", \"blackman\" or \"rectangular\"".to_owned(),
        })
    }
}

/// `window` in the middle of `length` values, zeros around it. A window that does not fit keeps its
/// front.
pub(crate) fn centred(window: &[f64], length: usize) -> Vec<f64> {
    let mut padded = vec![0.0; length];
    let start = length.saturating_sub(window.len()) / 2;
    for (place, value) in padded[start..].iter_mut().zip(window) {
        *place = *value;
    }
    padded
}

#[cfg(test)]
mod tests {
    use super::{WindowShape, centred};

    #[test]
    fn a_periodic_hann_window_starts_at_zero_and_peaks_in_the_middle() {
        let window = WindowShape::Hann.periodic(8);
        assert!(window[0].abs() < 1e-15);
        assert!((window[4] - 1.0).abs() < 1e-15);
        assert!((window[1] - window[7]).abs() < 1e-15);
    }

    #[test]
    fn every_shape_has_its_published_ends_and_peaks_at_one() {
        let ends = [0.0, 0.08, 0.0, 1.0];
        for (shape, end) in WindowShape::ALL.into_iter().zip(ends) {
            let window = shape.periodic(8);
            assert!((window[0] - end).abs() < 1e-15, "{shape:?}");
            assert!((window[4] - 1.0).abs() < 1e-15, "{shape:?}");
        }
        assert!((WindowShape::Blackman.periodic(8)[2] - 0.34).abs() < 1e-15);
    }

    #[test]
    fn a_short_window_is_put_in_the_middle() {
        assert_eq!(centred(&[1.0, 2.0, 3.0], 6), [0.0, 1.0, 2.0, 3.0, 0.0, 0.0]);
    }

    #[test]
    fn a_shape_is_found_by_its_name_only() {
        for shape in WindowShape::ALL {
            assert_eq!(shape.name().parse(), Ok(shape));
        }
        assert!("Hann".parse::<WindowShape>().is_err());
    }
}
