//! Eight samples at a time.

/// Eight values that are worked on together.
pub(in crate::decode) trait Lanes: Copy {
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
    /// Rows become columns.
    fn transposed(rows: [Self; 8]) -> [Self; 8];
}

/// Lanes for any processor; the reference for all others.
#[derive(Clone, Copy)]
pub(in crate::decode) struct Portable([f32; 8]);

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
    fn transposed(rows: [Self; 8]) -> [Self; 8] {
        std::array::from_fn(|column| Self(rows.map(|row| row.0[column])))
    }
}
