//! Look-up tables of the code books, and what their symbols stand for.

use std::sync::LazyLock;

use super::code_books::{Book, SCALE_FACTORS, SPECTRAL};
use crate::decode::prefix_code::Code;

/// Largest value that an escape sequence can hold (ISO/IEC 14496-3 §4.6.3.3).
pub(super) const MAX_VALUE: usize = (1 << 13) - 1;

/// Decoding tables. The low six bits of an entry are its number of bits, signs included.
pub(super) struct Codes {
    /// `difference + 60 << 6 | bits`.
    pub(super) scale_factors: Code,
    /// Books 1 to 4: `place << 6 | bits`, a place in `signed_quads` or, of books 3 and 4, with the
    /// last four bits behind it in `quads`.
    pub(super) quad_books: [Code; 4],
    /// Books 5 and 6: `place << 6 | bits`, a place in `signed_pairs`.
    pub(super) signed_pair_books: [Code; 2],
    /// Books 7 to 11: `x << 10 | y << 6 | bits`, with the last two bits a place in `pairs`. What needs
    /// escape sequences is marked with [`ESCAPE`] and has the place that is described there.
    pub(super) pair_books: [Code; 5],
    pub(super) signed_quads: [[f32; 4]; 128],
    pub(super) quads: Box<[[f32; 4]; 2048]>,
    pub(super) signed_pairs: [[f32; 2]; 128],
    pub(super) pairs: Box<[[f32; 2]; 1024]>,
    /// `i^(4/3)`.
    pub(super) powers: Box<[f32]>,
}

/// Set in the entry of a pair of which at least one value is an escape sequence: `x` of 16 with `y`
/// below, then `y` of 16 with `x` below, then both.
pub(super) const ESCAPE: u16 = 1 << 14;

static CODES: LazyLock<Codes> = LazyLock::new(Codes::new);

pub(super) fn codes() -> &'static Codes {
    &CODES
}

impl Codes {
    fn new() -> Self {
        let quad = |book: usize| {
            let is_signed = book < 3;
            leaves(&SPECTRAL[book - 1], |symbol| {
                let n_signs = digits(symbol).iter().filter(|&&digit| digit != 0).count();
                (symbol, if is_signed { 0 } else { n_signs as u16 })
            })
        };
        let signed_pair = |book: usize| leaves(&SPECTRAL[book - 1], |symbol| (symbol, 0));
        let pair = |book: usize| leaves(&SPECTRAL[book - 1], |symbol| unsigned(book, symbol));
        Self {
            scale_factors: Code::new(&leaves(&SCALE_FACTORS, |symbol| (symbol, 0))),
            quad_books: [1, 2, 3, 4].map(|book| Code::new(&quad(book))),
            signed_pair_books: [5, 6].map(|book| Code::new(&signed_pair(book))),
            pair_books: [7, 8, 9, 10, 11].map(|book| Code::new(&pair(book))),
            signed_quads: std::array::from_fn(|i| {
                digits(i as u16).map(|digit| i32::from(digit) - 1).map(power)
            }),
            quads: boxed((0..2048_u16).map(|i| with_signs(digits(i >> 4), i & 15))),
            signed_pairs: std::array::from_fn(|i| [i / 9, i % 9].map(|v| power(v as i32 - 4))),
            pairs: boxed((0..1024_u16).map(|i| with_signs([i >> 6, i >> 2 & 15], i & 3))),
            powers: (0..=MAX_VALUE).map(|i| power(i as i32)).collect(),
        }
    }
}

fn boxed<T, const N: usize>(values: impl Iterator<Item = T>) -> Box<[T; N]> {
    let values: Box<[T]> = values.collect();
    let Ok(values) = values.try_into() else { unreachable!("as many as the range has") };
    values
}

/// Lengths and entries of a book's codes, in order; `entry` gives a symbol's place and its number of
/// signs.
fn leaves(book: &Book, entry: impl Fn(u16) -> (u16, u16)) -> Vec<(u32, u16)> {
    let lengths = book.n_codes.iter().zip(1_u16..);
    let lengths = lengths.flat_map(|(&n, length)| std::iter::repeat_n(length, n.into()));
    let leaf = |(length, &symbol): (u16, &u16)| {
        let (place, n_signs) = entry(symbol);
        (u32::from(length), place << 6 | (length + n_signs))
    };
    lengths.zip(book.symbols).map(leaf).collect()
}

/// Place and number of signs of a symbol of books 7 to 11 (table 4.151).
fn unsigned(book: usize, symbol: u16) -> (u16, u16) {
    let n_values = [8, 8, 13, 13, 17][book - 7];
    let (x, y) = (symbol / n_values, symbol % n_values);
    let place = match (x, y) {
        (16, 16) => 256 + 32,
        (16, y) => 256 + y,
        (x, 16) => 256 + 16 + x,
        (x, y) => x << 4 | y,
    };
    (place, u16::from(x != 0) + u16::from(y != 0))
}

/// The four values of a symbol of books 1 to 4.
fn digits(symbol: u16) -> [u16; 4] {
    [symbol / 27 % 3, symbol / 9 % 3, symbol / 3 % 3, symbol % 3]
}

fn power(value: i32) -> f32 {
    let value = f64::from(value);
    (value.signum() * value.abs().powf(4.0 / 3.0)) as f32
}

/// Powers of some values, of which those that are not 0 have their signs in the last bits.
fn with_signs<const N: usize>(values: [u16; N], bits: u16) -> [f32; N] {
    let mut n_signs = values.iter().filter(|&&value| value != 0).count();
    values.map(|value| {
        if value == 0 {
            return 0.0;
        }
        n_signs -= 1;
        let is_negative = bits >> n_signs & 1 == 1;
        power(if is_negative { -i32::from(value) } else { value.into() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::prefix_code::is_complete;

    #[test]
    fn all_books_are_complete_and_their_second_look_ups_fit_their_links() {
        let n_symbols = [81, 81, 81, 81, 81, 81, 64, 64, 169, 169, 289];
        let books = SPECTRAL.iter().zip(n_symbols).chain([(&SCALE_FACTORS, 121)]);
        for (number, (book, n_symbols)) in books.enumerate() {
            assert!(is_complete(&leaves(book, |symbol| (symbol, 0))), "{number}");
            let mut symbols = book.symbols.to_vec();
            symbols.sort_unstable();
            assert!(symbols.into_iter().eq(0..n_symbols), "{number}");
        }
        let codes = codes();
        let all = codes.quad_books.iter().chain(&codes.signed_pair_books);
        let mut all = all.chain(&codes.pair_books).chain([&codes.scale_factors]);
        assert!(all.all(Code::fits_its_links));
    }

    #[test]
    fn signs_belong_to_the_values_that_are_not_zero_in_their_order() {
        let codes = codes();
        let power = 2_f32.powf(4.0 / 3.0);
        let alike = |got: &[f32], wanted: &[f32]| {
            got.iter().zip(wanted).all(|(got, wanted)| (got - wanted).abs() < 1e-6)
        };
        // 0, 1, 2, 0 is symbol 15.
        assert!(alike(&codes.quads[15 << 4 | 0b1101], &[0.0, 1.0, -power, 0.0]));
        assert!(alike(&codes.quads[15 << 4 | 0b0010], &[0.0, -1.0, power, 0.0]));
        assert!(alike(&codes.pairs[(1 << 4 | 2) << 2 | 0b10], &[-1.0, power]));
        assert!(alike(&codes.pairs[2 << 2 | 0b10], &[0.0, power]));
        assert!(alike(&codes.signed_pairs[3 * 9 + 5], &[-1.0, 1.0]));
        assert!(alike(&codes.signed_quads[2], &[-1.0, -1.0, -1.0, 1.0]));
    }
}
