//! Look-up tables of the Huffman codes.

use std::sync::LazyLock;

use super::huffman_codes::{LEAVES, QUADS_A};
use crate::decode::prefix_code::Code;

/// Largest value, with thirteen linbits.
const MAX_VALUE: usize = 15 + (1 << 13) - 1;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::prefix_code::is_complete;

    #[test]
    fn all_codes_are_complete_and_their_second_look_ups_fit_their_links() {
        for table in (1..=12).filter(|&table| table != 4) {
            assert!(is_complete(&with_signs(LEAVES[table])), "{table}");
        }
        for table in [13, 15, 16, 24] {
            assert!(is_complete(&without_signs(LEAVES[table])), "{table}");
        }
        assert!(is_complete(&quad_leaves(&QUADS_A)));
        let codes = codes();
        assert!(codes.small.iter().all(Code::fits_its_links));
        assert!(codes.large.iter().all(Code::fits_its_links));
        assert!(codes.quads.iter().all(Code::fits_its_links));
    }
}
