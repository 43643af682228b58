//! Eight samples at a time.
#![expect(
    clippy::inline_always,
    reason = "what is generic over the lanes must be compiled into the function that is allowed its instructions"
)]

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;

/// Eight values that are worked on together.
pub(super) trait Lanes: Copy {
    /// Products and sums are rounded once.
    const FUSED: bool;
    fn splat(value: f32) -> Self;
    fn load(from: &[f32; 8]) -> Self;
    fn store(self, to: &mut [f32; 8]);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// `self * factor + term`, rounded once or twice.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    /// `term - self * factor`, rounded once or twice.
    fn neg_mul_add(self, factor: Self, term: Self) -> Self;
    /// Last lane first.
    fn reversed(self) -> Self;
    /// Those with even numbers of sixteen values, and those with odd ones.
    fn deinterleaved(self, behind: Self) -> [Self; 2];
    /// The opposite of [`Lanes::deinterleaved`].
    fn interleaved(self, odd: Self) -> [Self; 2];
    /// Alternating, within each half of the registers: `[a0 b0 a1 b1 a4 b4 a5 b5]` and
    /// `[a2 b2 a3 b3 a6 b6 a7 b7]`.
    fn interleaved_in_halves(self, other: Self) -> [Self; 2];
    /// Rows become columns.
    fn transposed(rows: [Self; 8]) -> [Self; 8];
}

/// Lanes for any processor; the reference for all others.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; 8]);

impl Portable {
    #[inline(always)]
    fn map2(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut out = self.0;
        for (out, other) in out.iter_mut().zip(other.0) {
            *out = f(*out, other);
        }
        Self(out)
    }
}

impl Lanes for Portable {
    const FUSED: bool = false;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    fn load(from: &[f32; 8]) -> Self {
        Self(*from)
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; 8]) {
        *to = self.0;
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.map2(other, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.map2(other, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.map2(other, |a, b| a * b)
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        self.mul(factor).add(term)
    }

    #[inline(always)]
    fn neg_mul_add(self, factor: Self, term: Self) -> Self {
        term.sub(self.mul(factor))
    }

    #[inline(always)]
    fn reversed(self) -> Self {
        let [a, b, c, d, e, f, g, h] = self.0;
        Self([h, g, f, e, d, c, b, a])
    }

    #[inline(always)]
    fn deinterleaved(self, behind: Self) -> [Self; 2] {
        let at = |i: usize| if i < 8 { self.0[i] } else { behind.0[i - 8] };
        [Self(std::array::from_fn(|i| at(2 * i))), Self(std::array::from_fn(|i| at(2 * i + 1)))]
    }

    #[inline(always)]
    fn interleaved(self, odd: Self) -> [Self; 2] {
        let at = |i: usize| [self.0, odd.0][i % 2][i / 2];
        [Self(std::array::from_fn(at)), Self(std::array::from_fn(|i| at(i + 8)))]
    }

    #[inline(always)]
    fn interleaved_in_halves(self, other: Self) -> [Self; 2] {
        let (a, b) = (self.0, other.0);
        [
            Self([a[0], b[0], a[1], b[1], a[4], b[4], a[5], b[5]]),
            Self([a[2], b[2], a[3], b[3], a[6], b[6], a[7], b[7]]),
        ]
    }

    #[inline(always)]
    fn transposed(rows: [Self; 8]) -> [Self; 8] {
        std::array::from_fn(|column| Self(rows.map(|row| row.0[column])))
    }
}
