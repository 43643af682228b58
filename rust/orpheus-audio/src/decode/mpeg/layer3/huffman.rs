//! Huffman codes → requantised lines (ISO/IEC 11172-3 §2.4.3.4.6 and .7).

use std::sync::LazyLock;

use super::FrameError;
use super::bands::{N_LINES, N_PAIRS, Slot};
use super::bits::Bits;
use super::huffman_codes::{LEAVES, LINBITS, QUADS_A};

/// Bits that the first look-up resolves.
const FIRST_BITS: u32 = 10;
const FIRST: usize = 1 << FIRST_BITS;
/// Largest value, with thirteen linbits.
const MAX_VALUE: usize = 15 + (1 << 13) - 1;

/// Set in an entry of the first look-up whose code is longer; then come the number of bits of the
/// second look-up (4 bits) and its offset (11 bits).
const LONGER: u16 = 1 << 15;

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
}

/// What the values of each band are multiplied by; as long as a band's number can be wide, so that
/// no look-up is checked.
pub(super) type Gains = [f32; 256];

/// Decoding tables.
pub(super) struct Codes {
    pairs: Vec<PairCode>,
    quads: [[u16; FIRST]; 2],
    /// `i^(4/3)`.
    powers: Box<[f32]>,
    small: Vec<SmallCode>,
    signed: [[f32; 2]; 256],
}

/// Codes of values up to seven, with their signs: `pair << 5 | bits`.
struct SmallCode {
    first: [u16; FIRST],
    longer: Vec<u16>,
}

impl SmallCode {
    fn new(leaves: &[u16]) -> Self {
        let mut this = Self { first: [0; FIRST], longer: Vec::new() };
        if leaves.is_empty() || leaves.iter().any(|l| l & 15 > 7) { return this; }
        let mut all = vec![];
        for &leaf in leaves {
            let (x, y) = (leaf >> 4 & 15, leaf & 15);
            let ns = u16::from(x != 0) + u16::from(y != 0);
            for s in 0..1u16 << ns {
                let sx = if x != 0 { s >> (ns - 1) & 1 } else { 0 };
                let sy = if y != 0 { s & 1 } else { 0 };
                let v = |v: u16, s: u16| if s == 1 { 7 - v } else { 7 + v };
                all.push((u32::from((leaf >> 8) + ns), v(x, sx) * 15 + v(y, sy)));
            }
        }
        let mut code = 0usize; // 21 bits
        let mut i = 0;
        while i < all.len() {
            let prefix = code >> (21 - FIRST_BITS);
            let mut j = i; let mut c = code; let mut longest = 0;
            loop { longest = longest.max(all[j].0); c += 1 << (21 - all[j].0); j += 1; if c % (1 << (21 - FIRST_BITS)) == 0 { break } }
            if longest <= FIRST_BITS {
                let n = 1 << (FIRST_BITS - longest);
                this.first[prefix..prefix + n].fill(all[i].1 << 5 | all[i].0 as u16);
            } else {
                this.first[prefix] = LONGER | ((longest - FIRST_BITS) << 11 | this.longer.len() as u32) as u16;
                assert!(this.longer.len() < 2048);
                for a in &all[i..j] { this.longer.extend(std::iter::repeat_n(a.1 << 5 | a.0 as u16, 1 << (longest - a.0))); }
            }
            code = c; i = j;
        }
        this
    }
}

#[inline(always)]
fn small_pairs(
    code: &SmallCode,
    signed: &[[f32; 2]; 256],
    bits: &mut Bits,
    (slots, gains): Scale,
    lines: &mut [f32; N_LINES],
) {
    let (mut local, all) = (*bits, bits);
    let bits = &mut local;
    let (threes, rest) = slots.as_chunks::<3>();
    for three in threes {
        bits.refill();
        for slot in three {
            small_pair(code, signed, bits, slot, gains, lines);
        }
    }
    for slot in rest {
        bits.refill();
        small_pair(code, signed, bits, slot, gains, lines);
    }
    *all = local;
}

#[inline(always)]
fn small_pair(
    code: &SmallCode,
    signed: &[[f32; 2]; 256],
    bits: &mut Bits,
    slot: &Slot, gains: &Gains,
    lines: &mut [f32; N_LINES],
) {
    let word = bits.peek();
    let mut entry = code.first[(word >> (64 - FIRST_BITS)) as usize];
    if entry & LONGER != 0 {
        let n = u32::from(entry >> 11 & 15);
        let at = (word << FIRST_BITS) >> (n.wrapping_neg() & 63);
        entry = code.longer.get(usize::from(entry & 0x7ff).wrapping_add(at as usize)).copied().unwrap_or(1);
    }
    bits.skip(u32::from(entry & 31));
    let [x, y] = signed[usize::from(entry >> 5 & 255)];
    let gain = gains[usize::from(slot.band)];
    lines[usize::from(slot.at[0])] += x * gain;
    lines[usize::from(slot.at[1])] += y * gain;
}

/// An entry is `x << 9 | y << 5 | bits` with the sign bits counted, or [`LONGER`].
struct PairCode {
    first: [u16; FIRST],
    longer: Vec<u16>,
}

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes {
    small: LEAVES.iter().map(|leaves| SmallCode::new(leaves)).collect(),
    signed: std::array::from_fn(|i| [i / 15, i % 15].map(|v| { let v = v as f64 - 7.0; (v.signum() * v.abs().powf(4.0 / 3.0)) as f32 })),
    pairs: LEAVES.iter().map(|leaves| PairCode::new(leaves)).collect(),
    quads: [quads(&QUADS_A), quads(&std::array::from_fn(|i| 4 << 8 | (15 - i as u16)))],
    powers: (0..=MAX_VALUE).map(|i| (i as f64).powf(4.0 / 3.0) as f32).collect(),
});

pub(super) fn codes() -> &'static Codes {
    &CODES
}

impl PairCode {
    fn new(leaves: &[u16]) -> Self {
        let mut this = Self { first: [0; FIRST], longer: Vec::new() };
        // All codes, aligned to the longest of any table.
        let mut code = 0_usize;
        for group in leaves_by_prefix(leaves) {
            let prefix = code >> (CODE_BITS - FIRST_BITS);
            let longest = group.iter().map(|leaf| u32::from(leaf >> 8)).max().unwrap_or(0);
            if longest <= FIRST_BITS {
                let n = 1 << (FIRST_BITS - longest);
                this.first[prefix..prefix + n].fill(pair_entry(group[0]));
            } else {
                let link = (longest - FIRST_BITS) << 11 | this.longer.len() as u32;
                this.first[prefix] = LONGER | link as u16;
                for &leaf in group {
                    let n = 1 << (longest - u32::from(leaf >> 8));
                    this.longer.extend(std::iter::repeat_n(pair_entry(leaf), n));
                }
            }
            code += group.iter().map(|leaf| 1 << (CODE_BITS - u32::from(leaf >> 8))).sum::<usize>();
        }
        this
    }
}

/// Longest code of any table.
const CODE_BITS: u32 = 19;

/// Leaves one by one, or together where they share their first bits.
fn leaves_by_prefix(leaves: &[u16]) -> Vec<&[u16]> {
    let mut groups = Vec::new();
    let (mut start, mut at) = (0, 0_usize);
    for (i, leaf) in leaves.iter().enumerate() {
        at += 1 << (CODE_BITS - u32::from(leaf >> 8));
        if at % (1 << (CODE_BITS - FIRST_BITS)) == 0 {
            groups.push(&leaves[start..=i]);
            start = i + 1;
        }
    }
    groups
}

fn pair_entry(leaf: u16) -> u16 {
    let (x, y) = (leaf >> 4 & 15, leaf & 15);
    let n_signs = u16::from(x != 0) + u16::from(y != 0);
    x << 9 | y << 5 | ((leaf >> 8) + n_signs)
}

/// Entries of quadruples: the number of bits, and from bit 8 on two bits for each value, 0 for 0,
/// 1 for 1, 3 for −1.
fn quads(leaves: &[u16; 16]) -> [u16; FIRST] {
    let mut entries = [0; FIRST];
    let mut at = 0;
    for leaf in leaves {
        let n_signs = (leaf & 15).count_ones();
        let n_bits = u32::from(leaf >> 8) + n_signs;
        for signs in 0..1_u16 << n_signs {
            let mut values = 0;
            let mut n_left = n_signs;
            for i in (0..4).rev() {
                let mut value = leaf >> i & 1;
                if value == 1 {
                    n_left -= 1;
                    value |= (signs >> n_left & 1) << 1;
                }
                values = values << 2 | value;
            }
            let n = 1 << (FIRST_BITS - n_bits);
            entries[at..at + n].fill(values << 8 | n_bits as u16);
            at += n;
        }
    }
    entries
}

/// Adds what is coded to `lines`; returns how many pairs there were.
#[inline(always)]
pub(super) fn decode(
    codes: &Codes,
    mut bits: Bits,
    coded: &Coded,
    lines: &mut [f32; N_LINES],
) -> Result<usize, FrameError> {
    let mut start = 0;
    for (&table, &end) in coded.tables.iter().zip(&coded.region_ends) {
        let table = usize::from(table);
        if start < end {
            let slots = coded.slots.get(start..end).ok_or(FrameError::SideInfo)?;
            match (table, LINBITS[table & 31]) {
                (0, _) => {}
                (4 | 14, _) => return Err(FrameError::ReservedTable),
                (1..13, _) => {
                    small_pairs(&codes.small[table], &codes.signed, &mut bits, (slots, &coded.gains), lines);
                }
                (13..16, _) => {
                    let code = &codes.pairs[table];
                    plain_pairs(code, &codes.powers, &mut bits, (slots, &coded.gains), lines);
                }
                (_, linbits) => {
                    let code = &codes.pairs[if table < 24 { 16 } else { 24 }];
                    let scale = (slots, &coded.gains);
                    escaped_pairs(code, &codes.powers, &mut bits, u32::from(linbits), scale, lines);
                }
            }
            if bits.position() > coded.end {
                return Err(FrameError::Overrun);
            }
            start = end;
        }
    }
    Ok(quadruples(&codes.quads[usize::from(coded.quads_b)], &mut bits, coded, lines))
}

type Scale<'a> = (&'a [Slot], &'a Gains);

#[inline(always)]
fn plain_pairs(
    code: &PairCode,
    powers: &[f32],
    bits: &mut Bits,
    (slots, gains): Scale,
    lines: &mut [f32; N_LINES],
) {
    let Some(powers) = powers.first_chunk::<16>() else { return };
    let (mut local, all) = (*bits, bits);
    let bits = &mut local;
    // A pair is 21 bits at most.
    let (twos, one) = slots.as_chunks::<2>();
    for two in twos {
        bits.refill();
        for slot in two {
            let entry = next_entry(code, bits);
            let (x, y) = (usize::from(entry >> 9 & 15), usize::from(entry >> 5 & 15));
            add_pair(bits, entry, [powers[x], powers[y]], (slot, gains), lines);
        }
    }
    for slot in one {
        bits.refill();
        let entry = next_entry(code, bits);
        let (x, y) = (usize::from(entry >> 9 & 15), usize::from(entry >> 5 & 15));
        add_pair(bits, entry, [powers[x], powers[y]], (slot, gains), lines);
    }
    *all = local;
}

/// The entry of the next code, which is not passed yet.
#[inline(always)]
fn next_entry(code: &PairCode, bits: &Bits) -> u16 {
    let word = bits.peek();
    let entry = code.first[(word >> (64 - FIRST_BITS)) as usize];
    if entry & LONGER == 0 {
        return entry;
    }
    let n = u32::from(entry >> 11 & 15);
    let at = (word << FIRST_BITS) >> (n.wrapping_neg() & 63);
    code.longer.get(usize::from(entry & 0x7ff).wrapping_add(at as usize)).copied().unwrap_or(1)
}

/// Passes a code and its signs and adds its two values.
#[inline(always)]
fn add_pair(
    bits: &mut Bits,
    entry: u16,
    powers: [f32; 2],
    (slot, gains): (&Slot, &Gains),
    lines: &mut [f32; N_LINES],
) {
    let n = u32::from(entry & 31);
    // The signs are the last bits: that of `y` lowest, if it has one.
    let signs = (bits.peek() >> (n.wrapping_neg() & 63)) as u32;
    bits.skip(n);
    let y_sign = signs << 31;
    let x_sign = signs >> u32::from(entry & 0x1e0 != 0) << 31;
    add(powers, [x_sign, y_sign], (slot, gains), lines);
}

#[inline(always)]
fn add(
    powers: [f32; 2],
    signs: [u32; 2],
    (slot, gains): (&Slot, &Gains),
    lines: &mut [f32; N_LINES],
) {
    let gain = gains[usize::from(slot.band)];
    for i in 0..2 {
        let value = f32::from_bits(powers[i].to_bits() ^ signs[i]);
        lines[usize::from(slot.at[i])] += value * gain;
    }
}

#[inline(always)]
fn escaped_pairs(
    code: &PairCode,
    powers: &[f32],
    bits: &mut Bits,
    linbits: u32,
    (slots, gains): Scale,
    lines: &mut [f32; N_LINES],
) {
    let (mut local, all) = (*bits, bits);
    let bits = &mut local;
    for slot in slots {
        bits.refill();
        let entry = next_entry(code, bits);
        let mut values = [usize::from(entry >> 9 & 15), usize::from(entry >> 5 & 15)];
        if values[0] != 15 && values[1] != 15 {
            add_pair(bits, entry, values.map(|value| powers[value]), (slot, gains), lines);
            continue;
        }
        // Linbits and sign of the first value come before those of the second.
        let n_signs = values.iter().filter(|&&value| value != 0).count() as u32;
        bits.skip(u32::from(entry & 31) - n_signs);
        let mut signs = [0; 2];
        for (value, sign) in values.iter_mut().zip(&mut signs) {
            if *value == 15 {
                *value += bits.take(linbits) as usize;
            }
            if *value != 0 {
                *sign = bits.take(1) << 31;
            }
        }
        add(values.map(|value| powers[value]), signs, (slot, gains), lines);
    }
    *all = local;
}

/// The values of at most one behind the big values, four at a time, until the bits are used up.
#[inline(always)]
fn quadruples(
    code: &[u16; FIRST],
    bits: &mut Bits,
    coded: &Coded,
    lines: &mut [f32; N_LINES],
) -> usize {
    const VALUES: [f32; 4] = [0.0, 1.0, 0.0, -1.0];
    let (mut local, _all) = (*bits, bits);
    let bits = &mut local;
    let n_big = coded.region_ends[2];
    let mut n_pairs = n_big;
    for four in coded.slots.get(n_big..).unwrap_or(&[]).as_chunks::<2>().0 {
        bits.refill();
        let entry = code[(bits.peek() >> (64 - FIRST_BITS)) as usize];
        // Codes that run past the end are what encoders filled up with, not values.
        let n = u32::from(entry & 31);
        if bits.position().wrapping_add(n as usize) > coded.end {
            break;
        }
        bits.skip(n);
        let values: [f32; 4] =
            std::array::from_fn(|i| VALUES[usize::from(entry >> (14 - 2 * i)) & 3]);
        add([values[0], values[1]], [0; 2], (&four[0], &coded.gains), lines);
        add([values[2], values[3]], [0; 2], (&four[1], &coded.gains), lines);
        n_pairs += 2;
    }
    n_pairs
}
