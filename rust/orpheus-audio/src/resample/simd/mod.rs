//! Vectors of floats: one trait for every instruction set, so that a kernel is written once.
//!
//! A value that implements [`Simd`] is proof that its instructions exist on this machine; that is what
//! makes its methods safe to call.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use std::fmt::Debug;
use std::sync::OnceLock;

use scalar::Scalar;

/// The widest vector of any tier, in values.
pub(super) const MAX_LANES: usize = 16;

/// A float type that filters run in.
pub(super) trait Real: Copy + Default + Debug + Send + Sync + 'static {
    /// Nearest value.
    fn from_f64(value: f64) -> Self;
    /// Exact.
    fn from_f32(value: f32) -> Self;
    /// Exact.
    fn to_f64(self) -> f64;
    /// Runs `kernel` with the instructions of `tier`.
    fn dispatch<K: Kernel<Self>>(tier: Tier, kernel: K) -> K::Output;
}

/// Work that is compiled once per instruction set.
pub(super) trait Kernel<R: Real> {
    /// What it computes.
    type Output;
    /// Does the work. Implementations are `#[inline(always)]`, as is all they call with `simd`: only
    /// code inlined into the tier's entry may use its instructions.
    fn run<S: Simd<Real = R>>(self, simd: S) -> Self::Output;
}

/// Arithmetic on a vector of [`Simd::LANES`] values.
pub(super) trait Simd: Copy {
    /// Type of one value.
    type Real: Real;
    /// A vector.
    type V: Copy;
    /// Values in a vector: 2, 4, 8 or 16.
    const LANES: usize;

    /// `value` in every lane.
    fn splat(self, value: Self::Real) -> Self::V;
    /// The first [`Self::LANES`] values of `source`, at any alignment.
    fn load(self, source: &[Self::Real]) -> Self::V;
    /// Into the first [`Self::LANES`] values of `target`, at any alignment.
    fn store(self, value: Self::V, target: &mut [Self::Real]);
    /// The whole vectors in `values`, which starts at a multiple of 64 bytes (see
    /// [`super::aligned`]).
    fn lanes(self, values: &[Self::Real]) -> &[Self::V];
    /// As [`Self::lanes`].
    fn lanes_mut(self, values: &mut [Self::Real]) -> &mut [Self::V];
    /// `a + b`
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the hardware does.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c - a * b`, rounded once where the hardware does.
    fn neg_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Turns the square of the first [`Self::LANES`] vectors on its diagonal.
    fn transpose(self, square: &mut [Self::V; MAX_LANES]);
}

/// The instruction set that kernels run with; holding one proves that this machine has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tier(Isa);

#[derive(Clone, Copy, Debug)]
enum Isa {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    #[cfg(target_arch = "aarch64")]
    Neon(neon::Neon),
}

impl Tier {
    /// The tier to use: the fastest one here, or the one that `ORPHEUS_FORCE_TIER` names, if this
    /// machine has it. Decided once.
    pub(super) fn best() -> Self {
        static BEST: OnceLock<Tier> = OnceLock::new();
        *BEST.get_or_init(|| {
            let available = Self::available();
            let forced = crate::tier::forced();
            let named = available.iter().find(|tier| forced.as_deref() == Some(tier.name()));
            named.or(available.last()).copied().unwrap_or(Self(Isa::Scalar))
        })
    }

    /// Every tier of this machine, the fastest last.
    pub(super) fn available() -> Vec<Self> {
        let mut tiers = vec![Self(Isa::Scalar)];
        #[cfg(target_arch = "x86_64")]
        {
            tiers.extend(avx2::Avx2::detect().map(|proof| Self(Isa::Avx2(proof))));
            tiers.extend(avx512::Avx512::detect().map(|proof| Self(Isa::Avx512(proof))));
        }
        #[cfg(target_arch = "aarch64")]
        tiers.extend(neon::Neon::detect().map(|proof| Self(Isa::Neon(proof))));
        tiers
    }

    /// As `ORPHEUS_FORCE_TIER` spells it.
    pub(super) fn name(self) -> &'static str {
        match self.0 {
            Isa::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(_) => "avx512",
            #[cfg(target_arch = "aarch64")]
            Isa::Neon(_) => "neon",
        }
    }

    /// Values of `R` in one of this tier's vectors.
    pub(super) fn lanes<R: Real>(self) -> usize {
        struct Lanes;
        impl<R: Real> Kernel<R> for Lanes {
            type Output = usize;
            #[inline(always)]
            fn run<S: Simd<Real = R>>(self, _: S) -> usize {
                S::LANES
            }
        }
        R::dispatch(self, Lanes)
    }
}

impl Real for f32 {
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as Self
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn dispatch<K: Kernel<Self>>(tier: Tier, kernel: K) -> K::Output {
        match tier.0 {
            Isa::Scalar => kernel.run(Scalar::<f32>::default()),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(proof) => proof.run_f32(kernel),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(proof) => proof.run_f32(kernel),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon(proof) => proof.run_f32(kernel),
        }
    }
}

impl Real for f64 {
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        Self::from(value)
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    fn dispatch<K: Kernel<Self>>(tier: Tier, kernel: K) -> K::Output {
        match tier.0 {
            Isa::Scalar => kernel.run(Scalar::<f64>::default()),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(proof) => proof.run_f64(kernel),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(proof) => proof.run_f64(kernel),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon(proof) => proof.run_f64(kernel),
        }
    }
}

/// Repeatable noise within ±1.
#[cfg(test)]
pub(super) fn test_noise(seed: u32, length: usize) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0
    };
    (0..length).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::aligned::Aligned;

    /// Transposes the square whose row `r` holds `LANES · r ..`.
    struct Transpose;

    impl<R: Real> Kernel<R> for Transpose {
        type Output = Vec<f64>;

        #[inline(always)]
        fn run<S: Simd<Real = R>>(self, simd: S) -> Vec<f64> {
            let mut values = Aligned::new(S::LANES * S::LANES);
            for (value, number) in values.iter_mut().zip(0u32..) {
                *value = R::from_f64(f64::from(number));
            }
            let mut square = [simd.splat(R::default()); MAX_LANES];
            square[..S::LANES].copy_from_slice(simd.lanes(&values));
            simd.transpose(&mut square);
            simd.lanes_mut(&mut values).copy_from_slice(&square[..S::LANES]);
            values.iter().map(|value| value.to_f64()).collect()
        }
    }

    /// All arithmetic, each operation on `1 + lane`, 3 and 7.
    struct Arithmetic;

    impl<R: Real> Kernel<R> for Arithmetic {
        type Output = Vec<Vec<f64>>;

        #[inline(always)]
        fn run<S: Simd<Real = R>>(self, simd: S) -> Self::Output {
            let numbers: Vec<R> =
                (1u32..=16).map(|number| R::from_f64(f64::from(number))).collect();
            let a = simd.load(&numbers);
            let [three, seven] = [3.0, 7.0].map(|x| R::from_f64(x));
            let [b, c] = [simd.splat(three), simd.splat(seven)];
            let results = [
                simd.add(a, b),
                simd.sub(a, b),
                simd.mul(a, b),
                simd.mul_add(a, b, c),
                simd.neg_mul_add(a, b, c),
            ];
            let mut values = Aligned::new(MAX_LANES);
            let mut output = Vec::new();
            for result in results {
                simd.lanes_mut(&mut values)[0] = result;
                output.push(values[..S::LANES].iter().map(|value| value.to_f64()).collect());
            }
            output
        }
    }

    fn check<R: Real>(tier: Tier) {
        let lanes = tier.lanes::<R>();
        let transposed = R::dispatch(tier, Transpose);
        for (place, value) in transposed.into_iter().enumerate() {
            let wanted = place % lanes * lanes + place / lanes;
            assert!((value - wanted as f64).abs() < 0.5, "place {place} of {lanes} on {tier:?}");
        }
        let results = R::dispatch(tier, Arithmetic);
        let wanted = |a: f64| [a + 3.0, a - 3.0, a * 3.0, a * 3.0 + 7.0, 7.0 - a * 3.0];
        for (operation, results) in results.iter().enumerate() {
            for (lane, result) in results.iter().enumerate() {
                let wanted = wanted(lane as f64 + 1.0)[operation];
                assert!((result - wanted).abs() < 1e-9, "{operation} in {lane} on {tier:?}");
            }
        }
    }

    #[test]
    fn every_tier_computes_and_transposes() {
        for tier in Tier::available() {
            check::<f32>(tier);
            check::<f64>(tier);
        }
    }

    #[test]
    fn the_portable_tier_is_always_there() {
        let names: Vec<_> = Tier::available().into_iter().map(Tier::name).collect();
        assert_eq!(names[0], "scalar");
        assert!(names.contains(&Tier::best().name()));
    }
}
