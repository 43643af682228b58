//! Whether the low frequencies of a signal are the loud ones.

use super::simd::{Kernel, Real, Simd, Tier};

/// Least correlation of neighbouring samples of a signal whose low frequencies are loud: music and
/// speech have 0.9 and more, noise and the song of birds less.
pub(super) const LOUD_BASS: f64 = 0.85;

/// The same where low frequencies are far louder: of music with a bass, and of rumble; not of bright
/// music.
pub(super) const FAR_LOUDER_BASS: f64 = 0.98;

/// Neighbours that are looked at, in groups of [`GROUP`] all over the signal.
const N_SAMPLES: usize = 1 << 16;
const GROUP: usize = 64;

/// Whether transforms of `signal` gain by emphasis, see [`Real::EMPHASIS`], because its neighbouring
/// samples have at least this correlation: where high frequencies are loud, their errors would drown
/// what is faint at low ones.
pub(crate) fn gains_by_emphasis<R: Real>(
    tier: Tier,
    signal: &[f32],
    least_correlation: f64,
) -> bool {
    if R::EMPHASIS > 0.0 {
        let [energy, product] = f32::dispatch(tier, Neighbours(signal));
        product > least_correlation * energy
    } else {
        false
    }
}

/// Sum of the squares, and of the products of neighbours.
struct Neighbours<'a>(&'a [f32]);

impl Kernel<f32> for Neighbours<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn run<S: Simd<Real = f32>>(self, _: S) -> [f64; 2] {
        let (mut squares, mut products) = ([0.0_f32; GROUP], [0.0_f32; GROUP]);
        let n_groups = self.0.len().saturating_sub(1) / GROUP;
        let step = n_groups.div_ceil(N_SAMPLES / GROUP).max(1);
        for group in (0..n_groups).step_by(step) {
            let here = &self.0[GROUP * group..][..GROUP];
            let next = &self.0[GROUP * group + 1..][..GROUP];
            for place in 0..GROUP {
                squares[place] += here[place] * here[place];
                products[place] += here[place] * next[place];
            }
        }
        for pair in self.0[GROUP * n_groups..].windows(2) {
            squares[0] += pair[0] * pair[0];
            products[0] += pair[0] * pair[1];
        }
        let sum = |values: [f32; GROUP]| values.into_iter().map(f64::from).sum();
        [sum(squares), sum(products)]
    }
}

#[cfg(test)]
mod tests {
    use super::{FAR_LOUDER_BASS, LOUD_BASS, gains_by_emphasis};
    use crate::signals::noise;
    use crate::spectrum::simd::Tier;

    #[test]
    fn a_hum_gains_by_emphasis_and_hiss_does_not() {
        for tier in Tier::available() {
            for length in [2, 63, 64, 65, 66, 10_000] {
                let hum: Vec<f32> = (0..length).map(|n| (0.01 * n as f32).cos()).collect();
                assert!(
                    gains_by_emphasis::<f32>(tier, &hum, FAR_LOUDER_BASS),
                    "{length} on {}",
                    tier.name()
                );
                let hiss: Vec<f32> =
                    hum.iter().enumerate().map(|(n, x)| if n % 2 == 0 { *x } else { -x }).collect();
                assert!(
                    !gains_by_emphasis::<f32>(tier, &hiss, LOUD_BASS),
                    "{length} on {}",
                    tier.name()
                );
            }
            assert!(!gains_by_emphasis::<f64>(tier, &[0.5; 1000], LOUD_BASS));
            assert!(!gains_by_emphasis::<f32>(tier, &noise(1, 100_000), LOUD_BASS));
            assert!(!gains_by_emphasis::<f32>(tier, &[], LOUD_BASS));
        }
    }
}
