//! Four values at a time in plain Rust: the portable reference that the other tiers are tested
//! against. (The algorithms need at least two lanes; four are what the baseline of `x86_64` has.)

use std::array;
use std::marker::PhantomData;

use super::{MAX_LANES, Simd};

/// Plain arithmetic on `R`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scalar<R>(PhantomData<R>);

const LANES: usize = 4;

macro_rules! scalar {
    ($real:ty) => {
        impl Simd for Scalar<$real> {
            type Real = $real;
            type V = [$real; LANES];
            const LANES: usize = LANES;

            #[inline(always)]
            fn splat(self, value: $real) -> Self::V {
                [value; LANES]
            }
            #[inline(always)]
            fn load(self, source: &[$real]) -> Self::V {
                let source = &source[..LANES];
                array::from_fn(|lane| source[lane])
            }
            #[inline(always)]
            fn store(self, value: Self::V, target: &mut [$real]) {
                target[..LANES].copy_from_slice(&value);
            }
            #[inline(always)]
            fn lanes(self, values: &[$real]) -> &[Self::V] {
                values.as_chunks().0
            }
            #[inline(always)]
            fn lanes_mut(self, values: &mut [$real]) -> &mut [Self::V] {
                values.as_chunks_mut().0
            }
            #[inline(always)]
            fn add(self, a: Self::V, b: Self::V) -> Self::V {
                array::from_fn(|lane| a[lane] + b[lane])
            }
            #[inline(always)]
            fn sub(self, a: Self::V, b: Self::V) -> Self::V {
                array::from_fn(|lane| a[lane] - b[lane])
            }
            #[inline(always)]
            fn mul(self, a: Self::V, b: Self::V) -> Self::V {
                array::from_fn(|lane| a[lane] * b[lane])
            }
            // Without the instruction, a fused multiply-add is a library call.
            #[inline(always)]
            fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
                array::from_fn(|lane| a[lane] * b[lane] + c[lane])
            }
            #[inline(always)]
            fn neg_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
                array::from_fn(|lane| c[lane] - a[lane] * b[lane])
            }
            #[inline(always)]
            fn transpose(self, square: &mut [Self::V; MAX_LANES]) {
                let rows: [Self::V; LANES] = array::from_fn(|row| square[row]);
                for (column, target) in square[..LANES].iter_mut().enumerate() {
                    *target = array::from_fn(|row| rows[row][column]);
                }
            }
        }
    };
}

scalar!(f32);
scalar!(f64);
