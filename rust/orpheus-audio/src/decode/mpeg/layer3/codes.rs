//! Look-up tables of the Huffman codes.

use std::sync::LazyLock;

use super::huffman_codes::{LEAVES, QUADS_A};

/// Bits of the first look-up: more would cost more misses of the nearest cache than they save second
/// look-ups.
const FIRST_BITS: u32 = 10;
const FIRST: usize = 1 << FIRST_BITS;
/// Largest value, with thirteen linbits.
const MAX_VALUE: usize = 15 + (1 << 13) - 1;
/// Longest code of any table, with two signs.
const CODE_BITS: u32 = 21;

/// Set in an entry of the first look-up whose code is longer; then come the number of bits of the
/// second look-up (4 bits) and its offset (11 bits).
const LONGER: u16 = 1 << 15;

/// Decoding tables.
pub(super) struct Codes {
    /// Tables 1 to 12, by number: `pair << 6 | bits`, a pair being a place in `signed`.
    pub(super) small: Vec<Code>,
    /// Tables 13, 15, 16 and 24: `x << 10 | y << 6 | bits`, without signs, though they are counted.
    pub(super) large: [Code; 4],
    /// Tables A and B: `second << 10 | first << 6 | bits`, places in `signed_ones`.
    pub(super) quads: [Code; 2],
    /// Powers of small values with their signs, `x` and `y` of pair `15 * (x + 7) + y + 7`.
    pub(super) signed: [[f32; 256]; 2],
    /// The same of values up to one: `3 * (x + 1) + y + 1`.
    pub(super) signed_ones: [[f32; 2]; 16],
    /// `i^(4/3)`, of values without linbits and of all.
    pub(super) low_powers: [f32; 16],
    pub(super) powers: Box<[f32]>,
}

static CODES: LazyLock<Codes> = LazyLock::new(Codes::new);

pub(super) fn codes() -> &'static Codes {
    &CODES
}

/// A prefix code; the low six bits of an entry are the number of bits to pass, which is what a shift
/// takes as it is.
pub(super) struct Code {
    first: [u16; FIRST],
    longer: Vec<u16>,
}

impl Codes {
    fn new() -> Self {
        let quads_b = std::array::from_fn(|i| 4 << 8 | (15 - i as u16));
        Self {
            small: LEAVES[..13].iter().map(|leaves| Code::new(&with_signs(leaves))).collect(),
            large: [13, 15, 16, 24].map(|table| Code::new(&without_signs(LEAVES[table]))),
            quads: [&QUADS_A, &quads_b].map(|leaves| Code::new(&quad_leaves(leaves))),
            signed: [15, 1]
                .map(|weight| std::array::from_fn(|i| signed_power((i / weight % 15) as i32 - 7))),
            signed_ones: std::array::from_fn(|i| [i / 3, i % 3].map(|v| v as f32 - 1.0)),
            low_powers: std::array::from_fn(|i| signed_power(i as i32)),
            powers: (0..=MAX_VALUE).map(|i| signed_power(i as i32)).collect(),
        }
    }
}

fn signed_power(value: i32) -> f32 {
    let value = f64::from(value);
    (value.signum() * value.abs().powf(4.0 / 3.0)) as f32
}

/// Length and entry of each code of a table of small values, with its signs, in order.
fn with_signs(leaves: &[u16]) -> Vec<(u32, u16)> {
    let mut all = Vec::new();
    for leaf in leaves {
        let values = [leaf >> 4 & 15, leaf & 15];
        for signed in signs(values) {
            let n = (leaf >> 8) + n_signs(values);
            let pair = 15 * (signed[0] + 7) + signed[1] + 7;
            all.push((u32::from(n), (pair as u16) << 6 | n));
        }
    }
    all
}

/// Length and entry of each code of a table of large values.
fn without_signs(leaves: &[u16]) -> Vec<(u32, u16)> {
    let entry = |leaf: &u16| {
        let (x, y) = (leaf >> 4 & 15, leaf & 15);
        (u32::from(leaf >> 8), x << 10 | y << 6 | ((leaf >> 8) + n_signs([x, y])))
    };
    leaves.iter().map(entry).collect()
}

/// Length and entry of each code of a table of quadruples, with its signs.
fn quad_leaves(leaves: &[u16; 16]) -> Vec<(u32, u16)> {
    let mut all = Vec::new();
    for leaf in leaves {
        let [first, second] = [[leaf >> 3 & 1, leaf >> 2 & 1], [leaf >> 1 & 1, leaf & 1]];
        let n = (leaf >> 8) + n_signs(first) + n_signs(second);
        for [v, w] in signs(first) {
            for [x, y] in signs(second) {
                let places = (3 * (x + 1) + y + 1) << 10 | (3 * (v + 1) + w + 1) << 6;
                all.push((u32::from(n), places as u16 | n));
            }
        }
    }
    all
}

fn n_signs(values: [u16; 2]) -> u16 {
    values.iter().map(|&value| u16::from(value != 0)).sum()
}

/// The values with all their signs, in the order of the sign bits.
fn signs(values: [u16; 2]) -> Vec<[i32; 2]> {
    let both = |value: u16| {
        let value = i32::from(value);
        if value == 0 { vec![0] } else { vec![value, -value] }
    };
    both(values[0]).iter().flat_map(|&x| both(values[1]).into_iter().map(move |y| [x, y])).collect()
}

impl Code {
    /// A code of these lengths and entries, in order.
    fn new(leaves: &[(u32, u16)]) -> Self {
        let mut this = Self { first: [0; FIRST], longer: Vec::new() };
        let mut code = 0_usize;
        for group in leaves_by_prefix(leaves) {
            let prefix = code >> (CODE_BITS - FIRST_BITS);
            let longest = group.iter().map(|leaf| leaf.0).max().unwrap_or(0);
            if longest <= FIRST_BITS {
                let n = 1 << (FIRST_BITS - longest);
                this.first[prefix..prefix + n].fill(group[0].1);
            } else {
                let link = (longest - FIRST_BITS) << 11 | this.longer.len() as u32;
                this.first[prefix] = LONGER | link as u16;
                for &(n_bits, entry) in group {
                    this.longer.extend(std::iter::repeat_n(entry, 1 << (longest - n_bits)));
                }
            }
            code += group.iter().map(|leaf| 1 << (CODE_BITS - leaf.0)).sum::<usize>();
        }
        this
    }

    /// The entry of the code at the top of `word`.
    #[inline(always)]
    pub(super) fn entry(&self, word: u64) -> u16 {
        let entry = self.first[(word >> (64 - FIRST_BITS)) as usize];
        if entry & LONGER == 0 {
            return entry;
        }
        let n = u32::from(entry >> 11 & 15);
        let at = (word << FIRST_BITS) >> (n.wrapping_neg() & 63);
        self.longer.get(usize::from(entry & 0x7ff).wrapping_add(at as usize)).copied().unwrap_or(1)
    }
}

/// Leaves one by one, or together where they share their first bits.
fn leaves_by_prefix(leaves: &[(u32, u16)]) -> Vec<&[(u32, u16)]> {
    let mut groups = Vec::new();
    let (mut start, mut at) = (0, 0_usize);
    for (i, leaf) in leaves.iter().enumerate() {
        at += 1 << (CODE_BITS - leaf.0);
        if at.trailing_zeros() >= CODE_BITS - FIRST_BITS {
            groups.push(&leaves[start..=i]);
            start = i + 1;
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_codes_are_complete_and_their_second_look_ups_fit_their_links() {
        let complete = |leaves: Vec<(u32, u16)>| {
            leaves.iter().map(|leaf| 1_usize << (CODE_BITS - leaf.0)).sum::<usize>()
                == 1 << CODE_BITS
        };
        for table in (1..=12).filter(|&table| table != 4) {
            assert!(complete(with_signs(LEAVES[table])), "{table}");
        }
        for table in [13, 15, 16, 24] {
            assert!(complete(without_signs(LEAVES[table])), "{table}");
        }
        assert!(complete(quad_leaves(&QUADS_A)));
        let codes = codes();
        assert!(codes.small.iter().all(|code| code.longer.len() <= 1 << 11));
        assert!(codes.large.iter().all(|code| code.longer.len() <= 1 << 11));
        assert!(codes.quads.iter().all(|code| code.longer.is_empty()));
    }
}
