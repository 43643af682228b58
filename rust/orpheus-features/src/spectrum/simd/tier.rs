//! Which instruction set kernels run with.

use std::sync::OnceLock;

#[cfg(target_arch = "aarch64")]
use super::neon;
use super::scalar::Scalar;
use super::{Kernel, Real, Simd};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// The environment variable that names the tier to use instead of the best one.
const FORCE_TIER: &str = "ORPHEUS_FORCE_TIER";

/// The instruction set that kernels run with; holding one proves that this machine has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tier(Isa);

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
    pub(crate) fn best() -> Self {
        static BEST: OnceLock<Tier> = OnceLock::new();
        *BEST.get_or_init(|| {
            let available = Self::available();
            let forced = std::env::var(FORCE_TIER).ok();
            available
                .iter()
                .find(|tier| forced.as_deref() == Some(tier.name()))
                .or(available.last())
                .copied()
                .unwrap_or(Self(Isa::Scalar))
        })
    }

    /// Every tier of this machine, the fastest last.
    pub(crate) fn available() -> Vec<Self> {
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

    /// Values of type `R` that its vectors hold.
    pub(crate) fn n_lanes<R: Real>(self) -> usize {
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

    /// As `ORPHEUS_FORCE_TIER` spells it.
    pub(crate) fn name(self) -> &'static str {
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
}

impl Real for f32 {
    const EMPHASIS: f64 = 0.9;
    const TINY: f64 = f32::MIN_POSITIVE as f64;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as Self
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
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
    const EMPHASIS: f64 = 0.0;
    // The reference's spectra are float32 whatever the precision here: what it takes for silence
    // does not change with ours.
    const TINY: f64 = f32::MIN_POSITIVE as f64;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
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
