//! The excitation of a SILK frame (RFC 6716 §4.2.7.8).

use super::super::range::RangeDecoder;
use super::MAX_FRAME;
use super::indices::Signal;
use super::tables as t;

/// Pulses are coded in blocks of so many samples.
const BLOCK: usize = 16;
const MAX_BLOCKS: usize = MAX_FRAME / BLOCK;
/// More pulses than this are told by further bits.
const MAX_PULSES: usize = 16;

pub(super) type Pulses = [i32; MAX_FRAME];

/// Decodes the pulses of a frame of `n_samples`.
pub(super) fn decode(
    range: &mut RangeDecoder,
    signal: Signal,
    quantizer: usize,
    n_samples: usize,
    pulses: &mut Pulses,
) {
    let n_blocks = n_samples.div_ceil(BLOCK);
    let voiced = signal == Signal::Voiced;
    let level = range.icdf(&t::RATE_LEVEL[usize::from(voiced)], 8);
    let mut counts = [0; MAX_BLOCKS];
    let mut n_low_bits = [0; MAX_BLOCKS];
    for (count, n_low_bits) in counts.iter_mut().zip(&mut n_low_bits).take(n_blocks) {
        (*count, *n_low_bits) = decode_count(range, level);
    }
    let (blocks, _) = pulses.as_chunks_mut::<BLOCK>();
    for (block, &count) in blocks.iter_mut().zip(&counts[..n_blocks]) {
        place(range, count, block);
    }
    for (block, &n_low_bits) in blocks.iter_mut().zip(&n_low_bits[..n_blocks]) {
        for pulse in block.iter_mut().filter(|_| n_low_bits > 0) {
            for _ in 0..n_low_bits {
                *pulse = (*pulse << 1) + range.icdf(&t::LEAST_BIT, 8) as i32;
            }
        }
    }
    let row = 7 * (quantizer + 2 * signal as usize);
    for ((block, &count), &n_low_bits) in
        blocks.iter_mut().zip(&counts[..n_blocks]).zip(&n_low_bits)
    {
        if count == 0 && n_low_bits == 0 {
            continue;
        }
        decode_signs(range, [t::SIGN[row + count.min(6)], 0], block);
    }
}

fn decode_signs(range: &mut RangeDecoder, distribution: [u8; 2], block: &mut [i32; BLOCK]) {
    for pulse in block.iter_mut().filter(|pulse| **pulse > 0) {
        if range.icdf(&distribution, 8) == 0 {
            *pulse = -*pulse;
        }
    }
}

/// Pulses of a block, and how many lower bits they have.
fn decode_count(range: &mut RangeDecoder, level: usize) -> (usize, u32) {
    let mut count = range.icdf(&t::PULSE_COUNT[level], 8);
    let mut n_low_bits = 0;
    while count > MAX_PULSES {
        n_low_bits += 1;
        // The tenth time, there is no further time.
        let skip = usize::from(n_low_bits == 10);
        count = range.icdf(&t::PULSE_COUNT[9][skip..], 8);
    }
    (count, n_low_bits)
}

/// Halves a block again and again.
fn place(range: &mut RangeDecoder, count: usize, block: &mut [i32; BLOCK]) {
    block.fill(0);
    let halves = split(range, count, &t::SPLIT_16);
    for (eight, count) in halves.into_iter().enumerate() {
        for (four, count) in split(range, count, &t::SPLIT_8).into_iter().enumerate() {
            for (two, count) in split(range, count, &t::SPLIT_4).into_iter().enumerate() {
                let at = 8 * eight + 4 * four + 2 * two;
                let [a, b] = split(range, count, &t::SPLIT_2);
                (block[at], block[at + 1]) = (a as i32, b as i32);
            }
        }
    }
}

fn split(range: &mut RangeDecoder, count: usize, table: &[u8; 152]) -> [usize; 2] {
    if count == 0 {
        return [0; 2];
    }
    let start = usize::from(t::SPLIT_START[count]);
    let first = range.icdf(&table[start..=start + count], 8);
    [first, count - first]
}
