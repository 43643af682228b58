#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 4 lanes.

use std::arch::aarch64::{
    float32x4_t, vdupq_n_f32, vfmaq_f32, vgetq_lane_f32, vld1q_u8, vpaddq_f32,
    vreinterpretq_f32_u8, vst1q_f32, vsubq_f32,
};
use std::arch::is_aarch64_feature_detected;

use super::{Kernels, Tier};

block_kernels!("neon", float32x4_t, lanes: 4, rows: 8);
// 24 accumulators, three registers of a panel and one value of a row.
panel_kernel!("neon", float32x4_t, rows: 8, registers: 3);

/// The kernels, if this processor can run them.
pub(super) fn kernels() -> Option<Kernels> {
    is_aarch64_feature_detected!("neon").then_some(Kernels {
        tier: Tier::Neon,
        // SAFETY: these functions leave this module only where the feature was detected.
        dot: |block, scores| unsafe { score::<false>(block, scores) },
        // SAFETY: likewise.
        squared_l2: |block, scores| unsafe { score::<true>(block, scores) },
        // SAFETY: likewise.
        each_dot: |query, rows, scores| unsafe { each::<false>(query, rows, scores) },
        // SAFETY: likewise.
        each_squared_l2: |query, rows, scores| unsafe { each::<true>(query, rows, scores) },
        // SAFETY: likewise.
        code_dots: |query, codes, dots| unsafe { code_dots(query, codes, dots) },
        // SAFETY: likewise.
        panel: |rows, values, best| unsafe { panel(rows, values, best) },
    })
}

/// The compiler finds the instructions for this by itself.
#[target_feature(enable = "neon")]
fn code_dots(query: &[i8], codes: &[&[i8]], dots: &mut [i32]) {
    super::scalar::code_dots(query, codes, dots);
}

#[inline]
#[target_feature(enable = "neon")]
fn zero() -> float32x4_t {
    vdupq_n_f32(0.0)
}

#[inline]
#[target_feature(enable = "neon")]
fn multiply_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
    vfmaq_f32(c, a, b)
}

#[inline]
#[target_feature(enable = "neon")]
fn subtract(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    vsubq_f32(a, b)
}

/// # Safety
///
/// 16 bytes can be read at `address`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn load(address: *const u8) -> float32x4_t {
    // SAFETY: the caller's promise; a load of bytes takes any address.
    unsafe { vreinterpretq_f32_u8(vld1q_u8(address)) }
}

/// # Safety
///
/// `4 * n` bytes can be read at `address`; `n` is below 4.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn load_head(address: *const u8, n: usize) -> float32x4_t {
    let mut head = [0u8; 16];
    // SAFETY: the caller's promise for the source; the target has 16 bytes, and `4 * n` is less.
    unsafe {
        std::ptr::copy_nonoverlapping(address, head.as_mut_ptr(), 4 * n);
        load(head.as_ptr())
    }
}

/// # Safety
///
/// 4 bytes can be read at `address`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn broadcast(address: *const u8) -> float32x4_t {
    // SAFETY: the caller's promise; `read_unaligned` takes any address.
    vdupq_n_f32(unsafe { address.cast::<f32>().read_unaligned() })
}

/// # Safety
///
/// 16 bytes can be written at `address`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn store(address: *mut f32, values: float32x4_t) {
    // SAFETY: the caller's promise.
    unsafe { vst1q_f32(address, values) }
}

/// With `a` to `d` the lanes, every sum is taken as `(a + b) + (c + d)`.
#[inline]
#[target_feature(enable = "neon")]
fn sums<const R: usize>(totals: &[float32x4_t; R]) -> [f32; R] {
    let mut sums = [0.0; R];
    let (fours, rest) = totals.as_chunks::<4>();
    let (four_sums, rest_sums) = sums.as_chunks_mut::<4>();
    for (sums, [w, x, y, z]) in four_sums.iter_mut().zip(fours) {
        let four = vpaddq_f32(vpaddq_f32(*w, *x), vpaddq_f32(*y, *z));
        // SAFETY: `sums` has room for four values.
        unsafe { vst1q_f32(sums.as_mut_ptr(), four) };
    }
    for (sum, &total) in rest_sums.iter_mut().zip(rest) {
        let pairs = vpaddq_f32(total, total);
        *sum = vgetq_lane_f32::<0>(vpaddq_f32(pairs, pairs));
    }
    sums
}
