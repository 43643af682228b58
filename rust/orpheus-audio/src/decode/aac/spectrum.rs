//! Huffman codes → scaled lines (ISO/IEC 14496-3 §4.6.2, §4.6.3).

use super::codes::{Codes, ESCAPE};
use super::window::WindowInfo;
use crate::decode::bits::Bits;
use crate::decode::prefix_code::Code;

/// Most bands of all groups of windows of a frame: 8 × 15 short, or 51.
pub(super) const MAX_BANDS: usize = 120;
/// Lines of a frame.
pub(super) const MAX_LINES: usize = 1024;

/// What is coded in one channel, before its lines.
#[derive(Clone)]
pub(super) struct Coded {
    pub(super) info: WindowInfo,
    /// Code book of each band, group after group.
    pub(super) books: [u8; MAX_BANDS],
    /// What its values are multiplied by.
    pub(super) gains: [f32; MAX_BANDS],
}

/// Reads the lines of all bands that have a code book; the others are 0. `None`: an escape sequence
/// that is too long.
#[inline(always)]
pub(super) fn read<'a>(
    codes: &Codes,
    mut bits: Bits<'a>,
    coded: &Coded,
    edges: &[u16],
    lines: &mut [f32; MAX_LINES],
) -> Option<Bits<'a>> {
    lines.fill(0.0);
    let info = &coded.info;
    let mut window = 0;
    for (group, &n_windows) in info.group_lengths[..info.n_groups].iter().enumerate() {
        let own = group * info.n_bands..(group + 1) * info.n_bands;
        let bands = coded.books[own.clone()].iter().zip(&coded.gains[own]);
        for ((&book, &gain), edges) in bands.zip(edges.windows(2)) {
            if !(1..=11).contains(&book) {
                continue;
            }
            for at in window..window + usize::from(n_windows) {
                let start = at * info.n_lines;
                let band = start + usize::from(edges[0])..start + usize::from(edges[1]);
                bits = read_band(codes, bits, (book, gain), lines.get_mut(band)?)?;
            }
        }
        window += usize::from(n_windows);
    }
    Some(bits)
}

#[inline(always)]
fn read_band<'a>(
    codes: &Codes,
    bits: Bits<'a>,
    (book, gain): (u8, f32),
    lines: &mut [f32],
) -> Option<Bits<'a>> {
    Some(match book {
        1 | 2 => signed_quads(&codes.quad_books[usize::from(book - 1)], codes, bits, gain, lines),
        3 | 4 => quads(&codes.quad_books[usize::from(book - 1)], codes, bits, gain, lines),
        5 | 6 => {
            signed_pairs(&codes.signed_pair_books[usize::from(book - 5)], codes, bits, gain, lines)
        }
        7..=10 => {
            return pairs::<false>(
                &codes.pair_books[usize::from(book - 7)],
                codes,
                bits,
                gain,
                lines,
            );
        }
        _ => return pairs::<true>(&codes.pair_books[4], codes, bits, gain, lines),
    })
}

#[inline(always)]
fn signed_quads<'a>(
    code: &Code,
    codes: &Codes,
    mut bits: Bits<'a>,
    gain: f32,
    lines: &mut [f32],
) -> Bits<'a> {
    // Eleven bits at most: one filling is enough for four.
    for sixteen in lines.chunks_mut(16) {
        bits.refill();
        for four in sixteen.as_chunks_mut::<4>().0 {
            let entry = code.entry(bits.peek());
            bits.skip(u32::from(entry) & 63);
            *four = codes.signed_quads[usize::from(entry >> 6 & 127)].map(|value| value * gain);
        }
    }
    bits
}

#[inline(always)]
fn quads<'a>(
    code: &Code,
    codes: &Codes,
    mut bits: Bits<'a>,
    gain: f32,
    lines: &mut [f32],
) -> Bits<'a> {
    // Twenty bits at most, signs included.
    for eight in lines.chunks_mut(8) {
        bits.refill();
        for four in eight.as_chunks_mut::<4>().0 {
            let entry = code.entry(bits.peek());
            let n = u32::from(entry) & 63;
            let signs = (bits.peek() >> (n.wrapping_neg() & 63)) as usize & 15;
            bits.skip(n);
            let place = usize::from(entry >> 6 & 127) << 4 | signs;
            *four = codes.quads[place].map(|value| value * gain);
        }
    }
    bits
}

#[inline(always)]
fn signed_pairs<'a>(
    code: &Code,
    codes: &Codes,
    mut bits: Bits<'a>,
    gain: f32,
    lines: &mut [f32],
) -> Bits<'a> {
    // Thirteen bits at most.
    for eight in lines.chunks_mut(8) {
        bits.refill();
        for two in eight.as_chunks_mut::<2>().0 {
            let entry = code.entry(bits.peek());
            bits.skip(u32::from(entry) & 63);
            *two = codes.signed_pairs[usize::from(entry >> 6 & 127)].map(|value| value * gain);
        }
    }
    bits
}

#[inline(always)]
fn pairs<'a, const ESCAPES: bool>(
    code: &Code,
    codes: &Codes,
    mut bits: Bits<'a>,
    gain: f32,
    lines: &mut [f32],
) -> Option<Bits<'a>> {
    // Seventeen bits at most, signs included; with escapes fourteen, and a filling for these.
    for four in lines.chunks_mut(4) {
        bits.refill();
        for two in four.as_chunks_mut::<2>().0 {
            let entry = code.entry(bits.peek());
            let n = u32::from(entry) & 63;
            let signs = (bits.peek() >> (n.wrapping_neg() & 63)) as usize & 3;
            bits.skip(n);
            if ESCAPES && entry & ESCAPE != 0 {
                let values;
                (bits, values) = escaped(codes, bits, entry, signs)?;
                *two = values.map(|value| value * gain);
                continue;
            }
            let place = usize::from(entry >> 6 & 255) << 2 | signs;
            *two = codes.pairs[place].map(|value| value * gain);
        }
    }
    Some(bits)
}

/// A pair with escape sequences, which come behind both signs.
#[inline(always)]
fn escaped<'a>(
    codes: &Codes,
    mut bits: Bits<'a>,
    entry: u16,
    signs: usize,
) -> Option<(Bits<'a>, [f32; 2])> {
    let place = usize::from(entry >> 6 & 63);
    let coded = match place {
        32.. => [16, 16],
        16.. => [place - 16, 16],
        _ => [16, place],
    };
    bits.refill();
    let mut values = [0.0; 2];
    for (value, coded) in values.iter_mut().zip(coded) {
        *value = codes.powers[coded];
        if coded == 16 {
            let n = bits.peek().leading_ones();
            if n > 8 {
                return None;
            }
            bits.skip(n + 1);
            let rest = bits.take(n + 4) as usize;
            *value = *codes.powers.get((16 << n) + rest)?;
        }
    }
    // The sign of the last value is the last bit, if it has one.
    let first = if coded[1] == 0 { signs & 1 } else { signs >> 1 & 1 };
    let second = if coded[1] == 0 { 0 } else { signs & 1 };
    // A first value of 0 has none.
    let first = if coded[0] == 0 { 0 } else { first };
    let signed = |value: f32, sign: usize| if sign == 1 { -value } else { value };
    Some((bits, [signed(values[0], first), signed(values[1], second)]))
}
