#![expect(unsafe_code, reason = "SIMD: loads through pointers")]
//! One byte of the signs of twice 16 vectors at once.

use std::arch::aarch64::{
    uint8x16_t, uint16x8_t, vaddq_u8, vaddw_high_u8, vaddw_u8, vandq_u8, vdupq_n_u8, vdupq_n_u16,
    vget_low_u8, vget_low_u16, vld1q_u8, vmovl_high_u16, vmovl_u16, vqtbl1q_u8,
    vreinterpretq_s32_u32, vshrq_n_u8, vst1q_s32,
};

use super::super::layout::{LANES, block_bytes};
use super::{GROUP, check, table_at};

/// As [`super::scalar::sums`].
#[target_feature(enable = "neon")]
pub(in crate::code) fn sums(blocks: &[u8], stride: usize, tables: &[u8], sums: &mut [i32]) {
    check(blocks, stride, tables, sums);
    let sums = sums.as_chunks_mut::<LANES>().0;
    for (block, sums) in blocks.chunks_exact(block_bytes(stride)).zip(sums) {
        // SAFETY: the block holds `stride` times 32 bytes, the tables twice as many, as checked.
        let totals = unsafe { totals(block.as_ptr(), stride, tables.as_ptr()) };
        for (total, sums) in totals.iter().zip(sums.as_chunks_mut::<8>().0) {
            let low = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(*total)));
            let high = vreinterpretq_s32_u32(vmovl_high_u16(*total));
            // SAFETY: there is room for eight sums.
            unsafe {
                vst1q_s32(sums.as_mut_ptr(), low);
                vst1q_s32(sums.as_mut_ptr().add(4), high);
            }
        }
    }
}

/// The sums of the vectors of a block, in 16 bits.
///
/// # Safety
///
/// `block` can be read for 32 times `stride` bytes, and `tables` for 64 times as many; `stride` is a
/// multiple of four.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn totals(block: *const u8, stride: usize, tables: *const u8) -> [uint16x8_t; 4] {
    let mut totals = [vdupq_n_u16(0); 4];
    for group in 0..stride / GROUP {
        let mut eights = [vdupq_n_u8(0); 2];
        for step in 0..GROUP {
            let at = group * GROUP + step;
            // SAFETY: `at` is below `stride`.
            unsafe {
                let tables = tables.add(table_at(at));
                let (low, high) = (vld1q_u8(tables), vld1q_u8(tables.add(64)));
                for (half, eight) in eights.iter_mut().enumerate() {
                    let signs = vld1q_u8(block.add(LANES * at + 16 * half));
                    *eight = vaddq_u8(*eight, entries(signs, low, high));
                }
            }
        }
        for (half, &eight) in eights.iter().enumerate() {
            totals[2 * half] = vaddw_u8(totals[2 * half], vget_low_u8(eight));
            totals[2 * half + 1] = vaddw_high_u8(totals[2 * half + 1], eight);
        }
    }
    totals
}

/// What eight signs of 16 vectors stand for.
#[inline]
#[target_feature(enable = "neon")]
fn entries(signs: uint8x16_t, low: uint8x16_t, high: uint8x16_t) -> uint8x16_t {
    let low = vqtbl1q_u8(low, vandq_u8(signs, vdupq_n_u8(15)));
    vaddq_u8(low, vqtbl1q_u8(high, vshrq_n_u8::<4>(signs)))
}
