//! Whether a signal has a spectrum at all.

use super::simd::{Kernel, Real, Simd, Tier};
use crate::error::{Error, Result};
use crate::temporal::MAX_AMPLITUDE;

/// The sign of a float32.
const SIGN: u32 = 1 << 31;

/// Checks that samples are numbers whose power spectrum does not overflow.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NotFinite`] or [`Error::TooLoud`].
pub(crate) fn check(tier: Tier, samples: &[f32]) -> Result<()> {
    if samples.is_empty() {
        return Err(Error::Empty);
    }
    if f32::dispatch(tier, Loudest(samples)) <= MAX_AMPLITUDE.to_bits() {
        return Ok(());
    }
    let unsound = |value: &f32| value.to_bits() & !SIGN > MAX_AMPLITUDE.to_bits();
    match samples.iter().position(unsound) {
        Some(index) if samples[index].is_finite() => {
            Err(Error::TooLoud { index, value: samples[index] })
        }
        Some(index) => Err(Error::NotFinite { index }),
        None => Ok(()),
    }
}

/// Bits of the largest absolute value. Magnitudes order as their bits do, and what is not finite
/// comes last.
struct Loudest<'a>(&'a [f32]);

impl Kernel<f32> for Loudest<'_> {
    type Output = u32;

    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, _: S) -> u32 {
        let (groups, rest) = self.0.as_chunks::<64>();
        let mut loudest = [0; 64];
        for group in groups {
            for place in 0..64 {
                loudest[place] = u32::max(loudest[place], group[place].to_bits() & !SIGN);
            }
        }
        for (place, value) in rest.iter().enumerate() {
            loudest[place] = u32::max(loudest[place], value.to_bits() & !SIGN);
        }
        loudest.into_iter().fold(0, u32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::error::Error;
    use crate::signals::noise;
    use crate::spectrum::simd::Tier;

    #[test]
    fn the_first_sample_without_a_spectrum_is_named_at_every_length() {
        for tier in Tier::available() {
            assert_eq!(check(tier, &[]), Err(Error::Empty));
            for length in 1..200 {
                let mut samples = noise(1, length);
                assert_eq!(check(tier, &samples), Ok(()));
                samples[length - 1] = -2e12;
                let refusal = Error::TooLoud { index: length - 1, value: -2e12 };
                assert_eq!(check(tier, &samples), Err(refusal));
                samples[length / 2] = f32::NAN;
                assert_eq!(check(tier, &samples), Err(Error::NotFinite { index: length / 2 }));
            }
        }
    }
}
