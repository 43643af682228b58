//! Numbers in either precision, on their way in and out.

use crate::error::{Error, Result};
use crate::spectrum::simd::Real;
use crate::temporal::MAX_AMPLITUDE;

/// Borrowed numbers; what is computed from them is computed in their precision.
#[derive(Clone, Copy, Debug)]
pub enum Samples<'a> {
    /// The fast path.
    F32(&'a [f32]),
    /// The reference.
    F64(&'a [f64]),
}

/// Computed numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// From float32.
    F32(Vec<f32>),
    /// From float64.
    F64(Vec<f64>),
}

impl Samples<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Signals of equal length, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Signals<'a> {
    values: &'a [f32],
    pub(super) n_samples: usize,
}

impl<'a> Signals<'a> {
    /// `values` are a whole number of signals of `n_samples`, with full scale at ±1.0.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] if the signals have no samples, [`Error::NotFinite`] or [`Error::TooLoud`]
    /// if a sample cannot be worked with.
    pub fn new(values: &'a [f32], n_samples: usize) -> Result<Self> {
        if n_samples == 0 {
            return Err(Error::Empty);
        }
        debug_assert_eq!(values.len() % n_samples, 0);
        usable(values)?;
        Ok(Self { values, n_samples })
    }

    /// How many there are.
    pub(super) fn n_signals(&self) -> usize {
        self.values.len() / self.n_samples
    }

    /// One of them.
    pub(super) fn signal(&self, index: usize) -> &'a [f32] {
        &self.values[index * self.n_samples..][..self.n_samples]
    }
}

/// Refuses values that are not finite or far beyond full scale.
fn usable(values: &[f32]) -> Result<()> {
    let sound = |value: &f32| value.abs() <= MAX_AMPLITUDE;
    // Without a branch for each, so that vectors of any width do it.
    if values.chunks(4096).all(|chunk| chunk.iter().fold(true, |all, value| all & sound(value))) {
        return Ok(());
    }
    match values.iter().enumerate().find(|(_, value)| !sound(value)) {
        Some((index, value)) if value.is_finite() => Err(Error::TooLoud { index, value: *value }),
        Some((index, _)) => Err(Error::NotFinite { index }),
        None => Ok(()),
    }
}

/// Refuses the values of a spectrogram that are not finite, or below zero where that means nothing.
pub(super) fn usable_spectrogram<R: Real>(values: &[R], negative: bool) -> Result<()> {
    let largest = R::from_f64(f64::from(f32::MAX));
    let least = if negative { R::from_f64(-f64::from(f32::MAX)) } else { R::default() };
    let sound = |value: &R| (least..=largest).contains(value);
    if values.chunks(4096).all(|chunk| chunk.iter().fold(true, |all, value| all & sound(value))) {
        return Ok(());
    }
    let expected = if negative { "finite numbers" } else { "finite numbers of at least zero" };
    match values.iter().enumerate().find(|(_, value)| !sound(value)) {
        Some((index, value)) => Err(Error::Spectrogram { index, value: value.to_f64(), expected }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Signals, usable_spectrogram};
    use crate::error::Error;

    #[test]
    fn the_first_unusable_sample_is_named() {
        let mut samples = vec![0.5_f32; 10_000];
        assert!(Signals::new(&samples, 5000).is_ok());
        samples[9000] = f32::INFINITY;
        samples[8500] = f32::NAN;
        let error = Signals::new(&samples, 5000).err();
        assert_eq!(error, Some(Error::NotFinite { index: 8500 }));
        samples[4] = -2e12;
        let error = Signals::new(&samples, 5000).err();
        assert_eq!(error, Some(Error::TooLoud { index: 4, value: -2e12 }));
        assert_eq!(Signals::new(&[], 0).err(), Some(Error::Empty));
    }

    #[test]
    fn the_first_unusable_value_of_a_spectrogram_is_named() {
        assert_eq!(usable_spectrogram(&[0.0, 1.0, f64::from(f32::MAX)], false), Ok(()));
        assert_eq!(usable_spectrogram(&[-1.0_f32], true), Ok(()));
        let error = usable_spectrogram(&[1.0, -0.5_f32], false).unwrap_err();
        let expected = "value 1 of S is -0.5, expected finite numbers of at least zero";
        assert_eq!(error.to_string(), expected);
        assert!(usable_spectrogram(&[f64::NAN], true).is_err());
    }
}
