//! What is done to whole channels: joining, conversion, and the bytes that the MD5 sum is of.

use super::header::Channels;
pub(super) use crate::decode::planes::{fits, to_f32, to_mono};

/// Left and right of what was coded as one of them, or their mean, and their difference
/// (RFC 9639 §4.2).
#[inline(always)]
pub(super) fn join(channels: Channels, first: &mut [i32], second: &mut [i32]) {
    let pairs = first.iter_mut().zip(second);
    match channels {
        Channels::Independent(_) => {}
        Channels::LeftSide => pairs.for_each(|(left, side)| *side = left.wrapping_sub(*side)),
        Channels::SideRight => pairs.for_each(|(side, right)| *side = side.wrapping_add(*right)),
        Channels::MidSide => pairs.for_each(|(mid, side)| {
            // The mean lost its last bit, which is the same as the difference's.
            let sum = *mid << 1 | (*side & 1);
            (*mid, *side) = (sum.wrapping_add(*side) >> 1, sum.wrapping_sub(*side) >> 1);
        }),
    }
}

/// The samples as STREAMINFO's MD5 sum is of: interleaved, little-endian, in whole bytes.
#[inline(always)]
pub(super) fn to_bytes(planes: &[Vec<i32>], n_bits: u32, out: &mut [u8]) {
    match (planes, n_bits.div_ceil(8)) {
        ([left, right], 2) => pairs::<2, 4>(left, right, out),
        ([left, right], 3) => pairs::<3, 6>(left, right, out),
        (_, 1) => any::<1>(planes, out),
        (_, 2) => any::<2>(planes, out),
        (_, 3) => any::<3>(planes, out),
        _ => any::<4>(planes, out),
    }
}

/// Two channels of `N` bytes per sample; `PAIR` is twice that.
#[inline(always)]
fn pairs<const N: usize, const PAIR: usize>(left: &[i32], right: &[i32], out: &mut [u8]) {
    let mask = (1_u64 << (8 * N)) - 1;
    for ((out, &left), &right) in out.as_chunks_mut::<PAIR>().0.iter_mut().zip(left).zip(right) {
        let pair = (left as u64 & mask) | (right as u64 & mask) << (8 * N);
        if let Some(bytes) = pair.to_le_bytes().first_chunk() {
            *out = *bytes;
        }
    }
}

#[inline(always)]
fn any<const N: usize>(planes: &[Vec<i32>], out: &mut [u8]) {
    for (channel, plane) in planes.iter().enumerate() {
        let slots = out.as_chunks_mut::<N>().0.iter_mut().skip(channel).step_by(planes.len());
        for (slot, sample) in slots.zip(plane) {
            if let Some(bytes) = sample.to_le_bytes().first_chunk() {
                *slot = *bytes;
            }
        }
    }
}
