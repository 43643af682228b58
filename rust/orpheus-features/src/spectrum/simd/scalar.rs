//! One value at a time: the portable reference that the other tiers are tested against.

use std::marker::PhantomData;

use super::{Real, Simd};

/// Plain arithmetic on `R`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scalar<R>(PhantomData<R>);

macro_rules! scalar {
    ($real:ty) => {
        impl Simd for Scalar<$real> {
            type Real = $real;
            type V = $real;
            type Mask = bool;
            const LANES: usize = 1;

            #[inline(always)]
            fn splat(self, value: $real) -> $real {
                value
            }
            #[inline(always)]
            fn load(self, source: &[$real]) -> $real {
                source[0]
            }
            #[inline(always)]
            fn store(self, value: $real, target: &mut [$real]) {
                target[0] = value;
            }
            #[inline(always)]
            fn lanes(self, values: &[$real]) -> &[$real] {
                values
            }
            #[inline(always)]
            fn lanes_mut(self, values: &mut [$real]) -> &mut [$real] {
                values
            }
            #[inline(always)]
            fn add(self, a: $real, b: $real) -> $real {
                a + b
            }
            #[inline(always)]
            fn sub(self, a: $real, b: $real) -> $real {
                a - b
            }
            #[inline(always)]
            fn mul(self, a: $real, b: $real) -> $real {
                a * b
            }
            #[inline(always)]
            fn div(self, a: $real, b: $real) -> $real {
                a / b
            }
            // Without the instruction, a fused multiply-add is a library call.
            #[inline(always)]
            fn mul_add(self, a: $real, b: $real, c: $real) -> $real {
                a * b + c
            }
            #[inline(always)]
            fn neg_mul_add(self, a: $real, b: $real, c: $real) -> $real {
                c - a * b
            }
            #[inline(always)]
            fn max(self, a: $real, b: $real) -> $real {
                a.max(b)
            }
            #[inline(always)]
            fn min(self, a: $real, b: $real) -> $real {
                a.min(b)
            }
            #[inline(always)]
            fn sqrt(self, a: $real) -> $real {
                a.sqrt()
            }
            #[inline(always)]
            fn log2(self, a: $real) -> $real {
                <$real>::from_f64(a.to_f64().log2())
            }
            #[inline(always)]
            fn less(self, a: $real, b: $real) -> bool {
                a < b
            }
            #[inline(always)]
            fn select(self, mask: bool, yes: $real, no: $real) -> $real {
                if mask { yes } else { no }
            }
            #[inline(always)]
            fn bits(self, mask: bool) -> u32 {
                u32::from(mask)
            }
        }
    };
}

scalar!(f32);
scalar!(f64);
