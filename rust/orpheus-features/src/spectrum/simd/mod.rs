//! Vectors of floats, one trait for every instruction set.
//!
//! A kernel is written once, against [`Simd`], and compiled for each [`Tier`]. Its lanes usually
//! hold *frames*: lane `l` carries the same quantity of frame `t + l`, so no kernel ever
//! shuffles.
//!
//! A value that implements [`Simd`] is proof that its instructions exist on this machine; that is
//! what makes the methods safe to call.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
mod tier;

use std::fmt::Debug;
use std::ops::Add;

pub(crate) use tier::Tier;

/// The widest vector of any tier, in values: buffers of per-frame numbers are padded to it.
pub(crate) const MAX_LANES: usize = 16;

/// A float type that kernels compute in.
pub(crate) trait Real:
    Copy + Default + PartialOrd + Add<Output = Self> + Send + Sync + Debug + 'static
{
    /// How much of the sample before is taken from each windowed sample, before a transform.
    ///
    /// A transform in float32 spreads errors of about 1e-7 of the loudest bins over all bins. Music
    /// is loud at low frequencies, so that the errors drown what is faint at high ones, and those
    /// weigh most in the bandwidth. The emphasis evens the spectrum out first; every bin is scaled
    /// back after. In float64 there is nothing to gain.
    const EMPHASIS: f64;
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
    /// Does the work. Implementations are `#[inline(always)]`, as is all they call with `simd`:
    /// only code inlined into the tier's entry is compiled for its instructions. For the same
    /// reason no closure takes part in the arithmetic.
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
    /// The whole vectors in `values`, which starts at a multiple of 64 bytes (see
    /// [`super::buffer`]).
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
    fn interleave(self, rows: &[f32], length: usize, target: &mut [Self::Real], stride: usize) {
        for (lane, row) in rows.chunks_exact(length).take(Self::LANES).enumerate() {
            for (value, place) in row.iter().zip(target.chunks_mut(stride)) {
                place[lane] = Self::Real::from_f64(f64::from(*value));
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

#[cfg(test)]
mod tests {
    use super::{Kernel, MAX_LANES, Real, Simd, Tier};
    use crate::signals::Noise;
    use crate::spectrum::buffer::Buffer;

    /// Applies every operation to vectors of `a`, `b` and `c`; results in the order of
    /// [`expected`].
    struct Operations<'a, R>(&'a [R], &'a [R], &'a [R]);

    impl<R: Real> Kernel<R> for Operations<'_, R> {
        type Output = Vec<Vec<f64>>;

        #[inline(always)]
        fn run<S: Simd<Real = R>>(self, simd: S) -> Self::Output {
            let mut results = vec![Vec::new(); 14];
            for at in (0..self.0.len()).step_by(S::LANES) {
                let [a, b, c] =
                    [simd.load(&self.0[at..]), simd.load(&self.1[at..]), simd.load(&self.2[at..])];
                let (less, two) = (simd.less(a, b), simd.constant(2.0));
                let positive = simd.max(a, simd.constant(1e-3));
                let values = [
                    simd.add(a, b),
                    simd.sub(a, b),
                    simd.mul(a, b),
                    simd.div(a, b),
                    simd.mul_add(a, b, c),
                    simd.neg_mul_add(a, b, c),
                    simd.max(a, b),
                    simd.min(a, b),
                    simd.sqrt(positive),
                    simd.fast_sqrt(positive),
                    simd.log2(positive),
                    simd.select(less, a, c),
                    simd.splat(self.0[0]),
                    two,
                ];
                for (result, value) in results.iter_mut().zip(values) {
                    let mut lanes = [R::default(); MAX_LANES];
                    simd.store(value, &mut lanes);
                    result.extend(lanes[..S::LANES].iter().map(|lane| lane.to_f64()));
                }
                for lane in 0..S::LANES {
                    let truth = self.0[at + lane] < self.1[at + lane];
                    assert_eq!(simd.bits(less) >> lane & 1 == 1, truth);
                }
                assert_eq!(u64::from(simd.bits(less)) >> S::LANES, 0);
            }
            results
        }
    }

    fn expected(a: f64, b: f64, c: f64, first: f64) -> [f64; 14] {
        let positive = a.max(1e-3);
        let (root, logarithm) = (positive.sqrt(), positive.log2());
        let chosen = if a < b { a } else { c };
        let fused = [a * b + c, c - a * b];
        [
            a + b,
            a - b,
            a * b,
            a / b,
            fused[0],
            fused[1],
            a.max(b),
            a.min(b),
            root,
            root,
            logarithm,
            chosen,
            first,
            2.0,
        ]
    }

    fn every_operation_is_right<R: Real>(tolerance: f64) {
        let mut random = Noise::new(5);
        let mut values = || -> Vec<R> {
            (0..64 * MAX_LANES).map(|_| R::from_f64(10.0 * random.next() + 1e-4)).collect()
        };
        let (a, b, c) = (values(), values(), values());
        for tier in Tier::available() {
            let results = R::dispatch(tier, Operations(&a, &b, &c));
            for (at, ((a, b), c)) in a.iter().zip(&b).zip(&c).enumerate() {
                let [a_, b_, c_] = [a.to_f64(), b.to_f64(), c.to_f64()];
                let expected = expected(a_, b_, c_, results[12][0]);
                for (operation, expected) in expected.into_iter().enumerate() {
                    let found = results[operation][at];
                    // A sum cancels; its error is in units of its terms.
                    let scale = expected.abs().max(1.0).max((a_ * b_).abs());
                    assert!(
                        (found - expected).abs() <= tolerance * scale,
                        "operation {operation} on {}: {found} against {expected}",
                        tier.name()
                    );
                }
            }
        }
    }

    #[test]
    fn every_tier_computes_what_plain_float32_does() {
        every_operation_is_right::<f32>(3e-7);
    }

    #[test]
    fn every_tier_computes_what_plain_float64_does() {
        every_operation_is_right::<f64>(5e-16);
    }

    /// Base-2 logarithms and fast square roots.
    struct Functions<'a>(&'a [f32]);

    impl Kernel<f32> for Functions<'_> {
        type Output = Vec<(f32, f32)>;

        #[inline(always)]
        fn run<S: Simd<Real = f32>>(self, simd: S) -> Self::Output {
            let mut results = Vec::new();
            for values in self.0.chunks_exact(S::LANES) {
                let value = simd.load(values);
                let (mut logarithms, mut roots) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
                simd.store(simd.log2(value), &mut logarithms);
                simd.store(simd.fast_sqrt(value), &mut roots);
                results.extend((0..S::LANES).map(|lane| (logarithms[lane], roots[lane])));
            }
            results
        }
    }

    #[test]
    fn logarithms_and_roots_hold_over_the_whole_range_of_float32() {
        let values: Vec<f32> =
            (0..1 << 16).map(|i| f32::from_bits(0x0080_0000 + i * 0x7EFF)).collect();
        for tier in Tier::available() {
            let results = f32::dispatch(tier, Functions(&values));
            for (value, (logarithm, root)) in values.iter().zip(results) {
                let exact = f64::from(*value).log2();
                let error = (f64::from(logarithm) - exact).abs();
                assert!(
                    error <= 1.5e-7 * exact.abs().max(0.5),
                    "log2 {value} on {}: {error}",
                    tier.name()
                );
                let exact = f64::from(*value).sqrt();
                let error = (f64::from(root) / exact - 1.0).abs();
                assert!(error < 2.5e-7, "sqrt {value} on {}: {error}", tier.name());
            }
        }
    }

    #[test]
    fn the_root_of_nothing_is_nothing() {
        for tier in Tier::available() {
            let results = f32::dispatch(tier, Functions(&[0.0; MAX_LANES]));
            assert!(results.iter().all(|(_, root)| root.to_bits() == 0), "{}", tier.name());
        }
    }

    /// Interleaves rows of 29 values, and reads vectors back through [`Simd::lanes`].
    struct Interleave;

    impl<R: Real> Kernel<R> for Interleave {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd<Real = R>>(self, simd: S) {
            let (length, stride) = (29, S::LANES + 4);
            let samples: Vec<f32> = (0..length * S::LANES).map(|i| i as f32).collect();
            let rows: Vec<R> = samples.iter().map(|x| R::from_f64(f64::from(*x))).collect();
            let mut target = vec![R::default(); length * stride];
            simd.interleave(&samples, length, &mut target, stride);
            for (place, value) in target.iter().enumerate() {
                let (row, lane) = (place / stride, place % stride);
                let expected = if lane < S::LANES { (lane * length + row) as f64 } else { 0.0 };
                assert!((value.to_f64() - expected).abs() < 0.5);
            }
            let mut buffer = Buffer::<R>::default();
            let values = buffer.take(length * S::LANES);
            values.copy_from_slice(&rows);
            let mut lanes = [R::default(); MAX_LANES];
            simd.store(simd.lanes(values)[3], &mut lanes);
            assert_eq!(lanes[..S::LANES], rows[3 * S::LANES..4 * S::LANES]);
            assert_eq!(simd.lanes_mut(values).len(), length);
        }
    }

    #[test]
    fn every_tier_interleaves_rows_and_reads_them_back() {
        for tier in Tier::available() {
            f32::dispatch(tier, Interleave);
            f64::dispatch(tier, Interleave);
        }
    }
}
