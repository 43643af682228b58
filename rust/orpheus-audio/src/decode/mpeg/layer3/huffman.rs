//! Huffman codes → requantised lines (ISO/IEC 11172-3 §2.4.3.4.6 and .7).

use super::FrameError;
use super::bands::{N_LINES, N_PAIRS, Slot};
use crate::decode::bits::Bits;
use crate::decode::prefix_code::Code;

use super::codes::Codes;
use super::huffman_codes::LINBITS;

/// What the values of each band are multiplied by; as long as a band's number can be wide, so that
/// no look-up is checked.
pub(super) type Gains = [f32; 256];

/// What is coded in one granule of one channel behind the scalefactors.
pub(super) struct Coded {
    pub(super) tables: [u8; 3],
    /// Pair at which each region ends.
    pub(super) region_ends: [usize; 3],
    pub(super) quads_b: bool,
    /// Number of the bit behind the last one.
    pub(super) end: usize,
    pub(super) slots: &'static [Slot; N_PAIRS],
    pub(super) gains: Gains,
    /// Whether the lines are to be added to those of another channel.
    pub(super) add: bool,
}

/// Where values go, in place of the lines that are there or, if `ADD`, on top of them.
struct Target<'a, const ADD: bool> {
    gains: &'a Gains,
    lines: &'a mut [f32; N_LINES],
}

impl<const ADD: bool> Target<'_, ADD> {
    #[inline(always)]
    fn put(&mut self, slot: Slot, values: [f32; 2]) {
        let gain = self.gains[usize::from(slot.band)];
        for i in 0..2 {
            let line = &mut self.lines[usize::from(slot.at[i])];
            *line = if ADD { *line + values[i] * gain } else { values[i] * gain };
        }
    }
}

/// Writes what is coded to `lines`, or adds it; returns how many pairs there were.
#[inline(always)]
pub(super) fn decode<const ADD: bool>(
    codes: &Codes,
    mut bits: Bits,
    coded: &Coded,
    lines: &mut [f32; N_LINES],
) -> Result<usize, FrameError> {
    let target = &mut Target::<ADD> { gains: &coded.gains, lines };
    let mut start = 0;
    for (&table, &end) in coded.tables.iter().zip(&coded.region_ends) {
        if start == end {
            continue;
        }
        let slots = coded.slots.get(start..end).ok_or(FrameError::SideInfo)?;
        let linbits = u32::from(LINBITS[usize::from(table) & 31]);
        bits = match table {
            0 => bits,
            4 | 14 => return Err(FrameError::ReservedTable),
            1..13 => {
                small_pairs(&codes.small[usize::from(table)], &codes.signed, bits, slots, target)
            }
            13 => large_pairs::<false, ADD>(&codes.large[0], codes, (bits, linbits), slots, target),
            15 => large_pairs::<false, ADD>(&codes.large[1], codes, (bits, linbits), slots, target),
            16..24 => {
                large_pairs::<true, ADD>(&codes.large[2], codes, (bits, linbits), slots, target)
            }
            _ => large_pairs::<true, ADD>(&codes.large[3], codes, (bits, linbits), slots, target),
        };
        if bits.position() > coded.end {
            return Err(FrameError::Overrun);
        }
        start = end;
    }
    Ok(quadruples(codes, bits, coded, target))
}

/// Pairs of values up to seven; returns what is left.
#[inline(always)]
fn small_pairs<'a, const ADD: bool>(
    code: &Code,
    signed: &[[f32; 256]; 2],
    mut bits: Bits<'a>,
    slots: &[Slot],
    target: &mut Target<ADD>,
) -> Bits<'a> {
    // Fifteen bits at most, so that one filling is enough for three.
    for three in slots.chunks(3) {
        bits.refill();
        for slot in three {
            let entry = code.entry(bits.peek());
            bits.skip(u32::from(entry) & 63);
            let pair = usize::from(entry >> 6 & 255);
            target.put(*slot, [signed[0][pair], signed[1][pair]]);
        }
    }
    bits
}

/// Pairs of values up to fifteen, or more where a fifteen is followed by linbits.
#[inline(always)]
fn large_pairs<'a, const ESCAPES: bool, const ADD: bool>(
    code: &Code,
    codes: &Codes,
    (mut bits, linbits): (Bits<'a>, u32),
    slots: &[Slot],
    target: &mut Target<ADD>,
) -> Bits<'a> {
    for slot in slots {
        bits.refill();
        let entry = code.entry(bits.peek());
        let (x, y) = (entry >> 10 & 15, entry >> 6 & 15);
        if ESCAPES && (x == 15 || y == 15) {
            bits = escaped_pair(&codes.powers, entry, (bits, linbits), *slot, target);
            continue;
        }
        let n = u32::from(entry) & 63;
        // The signs are the last bits: that of `y` lowest, if it has one.
        let signs = (bits.peek() >> (n.wrapping_neg() & 63)) as u32;
        bits.skip(n);
        let signs = [signs >> u32::from(y != 0) << 31, signs << 31];
        let values = [codes.low_powers[usize::from(x)], codes.low_powers[usize::from(y)]];
        target.put(*slot, with_signs(values, signs));
    }
    bits
}

/// A pair with linbits: those and the sign of the first value come before those of the second.
#[inline(always)]
fn escaped_pair<'a, const ADD: bool>(
    powers: &[f32],
    entry: u16,
    (mut bits, linbits): (Bits<'a>, u32),
    slot: Slot,
    target: &mut Target<ADD>,
) -> Bits<'a> {
    let coded = [entry >> 10 & 15, entry >> 6 & 15];
    let n_signs = u32::from(coded[0] != 0) + u32::from(coded[1] != 0);
    bits.skip((u32::from(entry) & 63).wrapping_sub(n_signs));
    let (mut values, mut signs) = ([0.0; 2], [0; 2]);
    for i in 0..2 {
        let more = if coded[i] == 15 { bits.take(linbits) } else { 0 };
        values[i] = powers[usize::from(coded[i]) + more as usize];
        if coded[i] != 0 {
            signs[i] = bits.take(1) << 31;
        }
    }
    target.put(slot, with_signs(values, signs));
    bits
}

#[inline(always)]
fn with_signs(values: [f32; 2], signs: [u32; 2]) -> [f32; 2] {
    [f32::from_bits(values[0].to_bits() ^ signs[0]), f32::from_bits(values[1].to_bits() ^ signs[1])]
}

/// The values of at most one behind the big values, four at a time, until the bits are used up.
#[inline(always)]
fn quadruples<const ADD: bool>(
    codes: &Codes,
    mut bits: Bits,
    coded: &Coded,
    target: &mut Target<ADD>,
) -> usize {
    let code = &codes.quads[usize::from(coded.quads_b)];
    let mut n_pairs = coded.region_ends[2];
    let mut n_left = coded.end.wrapping_sub(bits.position());
    for four in coded.slots.get(n_pairs..).unwrap_or(&[]).as_chunks::<2>().0 {
        bits.refill();
        let entry = code.entry(bits.peek());
        // Codes that run past the end are what encoders filled up with, not values.
        let n = usize::from(entry) & 63;
        if n > n_left {
            break;
        }
        n_left -= n;
        bits.skip(n as u32);
        target.put(four[0], codes.signed_ones[usize::from(entry >> 6 & 15)]);
        target.put(four[1], codes.signed_ones[usize::from(entry >> 10 & 15)]);
        n_pairs += 2;
    }
    n_pairs
}
