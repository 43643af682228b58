//! Vectors of floats, one trait for every instruction set.
//!
//! A kernel is written once, against [`Simd`], and compiled for each [`Tier`]. Its lanes usually hold
//! *frames*: lane `l` carries the same quantity of frame `t + l`, so no kernel ever shuffles.
//!
//! A value that implements [`Simd`] is proof that its instructions exist on this machine; that is what
//! makes the methods safe to call.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;

use std::fmt::Debug;
use std::ops::Add;
use std::sync::OnceLock;

use scalar::Scalar;

/// The widest vector of any tier, in values: buffers of per-frame numbers are padded to it.
pub(crate) const MAX_LANES: usize = 16;

/// The environment variable that names the tier to use instead of the best one.
const FORCE_TIER: &str = "ORPHEUS_FORCE_TIER";

/// A float type that kernels compute in.
pub(crate) trait Real:
    Copy + Default + PartialOrd + Add<Output = Self> + Send + Sync + Debug + 'static
{
    /// Smallest positive normal value.
    const TINY: f64;
    /// Nearest value.
    fn from_f64(value: f64) -> Self;
    /// Exact.
    fn to_f64(self) -> f64;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Runs `kernel` with the instructions of `tier`.
    fn dispatch<K: Kernel<Self>>(tier: Tier, kernel: K) -> K::Output;
}

/// Work that is compiled once per instruction set.
pub(crate) trait Kernel<R: Real> {
    /// What it computes.
    type Output;
    /// Does the work. Implementations are `#[inline(always)]`, as is all they call with `simd`: only
    /// code inlined into the tier's entry is compiled for its instructions. For the same reason no
    /// closure takes part in the arithmetic.
    fn run<S: Simd<Real = R>>(self, simd: S) -> Self::Output;
}

/// Arithmetic on a vector of [`Simd::LANES`] values.
pub(crate) trait Simd: Copy {
    /// Type of one value.
    type Real: Real;
    /// A vector.
    type V: Copy;
    /// One truth value per lane.
    type Mask: Copy;
    /// Values in a vector.
    const LANES: usize;

    /// `value` in every lane.
    fn splat(self, value: Self::Real) -> Self::V;
    /// `value`, rounded, in every lane.
    #[inline(always)]
    fn constant(self, value: f64) -> Self::V {
        self.splat(Self::Real::from_f64(value))
    }
    /// The first [`Self::LANES`] values of `source`, at any alignment.
    fn load(self, source: &[Self::Real]) -> Self::V;
    /// Writes the lanes to the front of `target`.
    fn store(self, value: Self::V, target: &mut [Self::Real]);
    /// The whole vectors in `values`, which starts at a multiple of 64 bytes (see [`super::buffer`]).
    fn lanes(self, values: &[Self::Real]) -> &[Self::V];
    /// As [`Self::lanes`].
    fn lanes_mut(self, values: &mut [Self::Real]) -> &mut [Self::V];
    /// `a + b`
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the hardware does.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c - a * b`, rounded once where the hardware does.
    fn neg_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger one.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// The smaller one.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// Square root.
    fn sqrt(self, a: Self::V) -> Self::V;
    /// Square root of values of at least zero, to within two units in the last place, where that is
    /// faster. Values that are not normal may give zero.
    #[inline(always)]
    fn fast_sqrt(self, a: Self::V) -> Self::V {
        self.sqrt(a)
    }
    /// Base-2 logarithm of positive normal values.
    fn log2(self, a: Self::V) -> Self::V;
    /// Where `a < b`.
    fn less(self, a: Self::V, b: Self::V) -> Self::Mask;
    /// `yes` where the mask holds, else `no`.
    fn select(self, mask: Self::Mask, yes: Self::V, no: Self::V) -> Self::V;
    /// Bit `l` is the truth of lane `l`.
    fn bits(self, mask: Self::Mask) -> u32;

    /// Turns rows into lanes: value `r` of row `l` goes to `target[r * stride + l]`, for the
    /// [`Self::LANES`] rows of `length` values that `rows` holds one after the other.
    #[inline(always)]
    fn interleave(
        self,
        rows: &[Self::Real],
        length: usize,
        target: &mut [Self::Real],
        stride: usize,
    ) {
        for (lane, row) in rows.chunks_exact(length).take(Self::LANES).enumerate() {
            for (value, place) in row.iter().zip(target.chunks_mut(stride)) {
                place[lane] = *value;
            }
        }
    }
}

/// Square root of `a` from an approximation to its inverse, by one step of Newton's method.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn refine_sqrt<S: Simd<Real = f32>>(simd: S, a: S::V, inverse: S::V) -> S::V {
    let root = simd.mul(a, inverse);
    let half = simd.mul(simd.splat(0.5), inverse);
    simd.mul_add(half, simd.neg_mul_add(root, root, a), root)
}

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
