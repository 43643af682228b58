//! Comparing with codes by wide instructions, without decoding them to memory first.
//!
//! The portable loops of the codecs say what is right; where a tier is at hand it is faster, and
//! differs by the rounding of sums in another order.

#[cfg(target_arch = "x86_64")]
#[macro_use]
mod numbers_tile;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_bits;
#[cfg(target_arch = "x86_64")]
mod avx2_tables;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_bits;
#[cfg(target_arch = "x86_64")]
mod avx512_tables;

use std::fmt;

use super::nibbles::PackedBlocks;
use super::product::{Codebook, sum_of_bytes};
use crate::distance::{Kernels, Tier};
use crate::filter::Picks;
use crate::metric::Metric;

/// Queries, scales and shifts have zeros up to a multiple of this many values: whole registers of
/// every kernel.
pub(super) const PADDING: usize = 64;
/// Vectors whose packed numbers lie together.
pub(super) const GROUP: usize = 32;

/// How the number of each dimension stands in a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// A byte.
    Bits8,
    /// Half a byte, the lower one first.
    Bits4,
    /// Six bits, lowest bit first.
    Bits6,
    /// An IEEE 754 half-precision number, without range.
    Float16,
    /// The upper half of a float32, without range.
    BFloat16,
}

/// A query for codes of a value each dimension: `scale * number + shift`, or the number itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers<'a> {
    pub(super) width: Width,
    pub(super) metric: Metric,
    pub(super) dim: usize,
    /// Bytes from one code to the next.
    pub(super) code_size: usize,
    /// Padded as [`PADDING`] says, as are those that follow; less the shift where there is one and
    /// distances are wanted.
    pub(super) query: &'a [f32],
    pub(super) scale: &'a [f32],
    pub(super) shift: &'a [f32],
}

/// A query for signs, one bit each at the start of a code, set for a positive one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs<'a> {
    pub(super) dim: usize,
    /// Bytes from one code to the next: at least 8 more than the signs take.
    pub(super) code_size: usize,
    /// Padded as [`PADDING`] says.
    pub(super) query: &'a [f32],
}

/// Numbers of a sign and a few bits more, one for each dimension.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits<'a> {
    pub(super) signs: &'a [u8],
    pub(super) extra: &'a [u8],
}

type NumbersKernel = fn(&Numbers<'_>, &[u8], Picks<'_>, &mut [f32]);
type PackedKernel = fn(&PackedBlocks, &[u8], &[[f32; 16]], usize, &mut [[f32; GROUP]]);
type BytesKernel = fn(usize, &[[f32; 256]], &[u8], Picks<'_>, &mut [f32]);
type NearKernel = fn(&[f32], f32, bool) -> bool;
type TabulateKernel = fn(&Codebook, &[f32], Metric, &mut [f32]);
type SignsKernel = fn(&Signs<'_>, &[u8], Picks<'_>, &mut [f32]);
type BitsKernel = fn(&[f32], usize, &[Bits<'_>; FOUR]) -> [f32; FOUR];

/// The kernels of one tier.
#[derive(Clone, Copy)]
pub(crate) struct CodecKernels {
    tier: Tier,
    numbers: NumbersKernel,
    packed: PackedKernel,
    bytes: BytesKernel,
    near: NearKernel,
    tabulate: TabulateKernel,
    signs: SignsKernel,
    bits: BitsKernel,
}

impl CodecKernels {
    /// Those that go with `kernels`: of its tier, or of the next lower one that this processor has;
    /// `None` where that is the portable one.
    pub(super) fn beside(kernels: Kernels) -> Option<Self> {
        match kernels.tier() {
            #[cfg(target_arch = "x86_64")]
            Tier::Avx512 => avx512::kernels().or_else(avx2::kernels),
            #[cfg(target_arch = "x86_64")]
            Tier::Avx2 => avx2::kernels(),
            _ => None,
        }
    }

    /// Writes the score of each pick of `codes` with the query.
    pub(super) fn numbers(
        self,
        numbers: &Numbers<'_>,
        codes: &[u8],
        picks: Picks<'_>,
        scores: &mut [f32],
    ) {
        let Numbers { width, dim, code_size, query, scale, shift, .. } = *numbers;
        let padded = dim.next_multiple_of(PADDING);
        let is_ranged = !matches!(width, Width::Float16 | Width::BFloat16);
        assert!(query.len() == padded && code_size >= width.code_size(dim));
        assert!(!is_ranged || (scale.len() == padded && shift.len() == padded));
        assert!(picks.all_below(codes.len() / code_size.max(1)));
        (self.numbers)(numbers, codes, picks, &mut scores[..picks.len()]);
    }

    /// Writes the sums of the table entries that the bytes of each pick's code choose, a table for
    /// each byte.
    pub(super) fn bytes(
        self,
        table: &[[f32; 256]],
        codes: &[u8],
        picks: Picks<'_>,
        sums: &mut [f32],
    ) {
        let code_size = table.len();
        assert!(code_size > 0 && picks.all_below(codes.len() / code_size));
        (self.bytes)(code_size, table, codes, picks, &mut sums[..picks.len()]);
    }

    /// Whether any of `scores` is at least as near as `limit`.
    pub(super) fn any_near(self, scores: &[f32], limit: f32, larger_is_nearer: bool) -> bool {
        (self.near)(scores, limit, larger_is_nearer)
    }

    /// As [`Codebook::tabulate`].
    pub(super) fn tabulate(
        self,
        codebook: &Codebook,
        query: &[f32],
        metric: Metric,
        table: &mut [f32],
    ) {
        (self.tabulate)(codebook, query, metric, table);
    }

    /// Writes the sums of the table entries that the numbers of groups of 32 vectors choose, the
    /// first of which is at `first`, a multiple of 32; what is padding among them has a sum, too.
    pub(super) fn packed(
        self,
        blocks: &PackedBlocks,
        codes: &[u8],
        table: &[[f32; 16]],
        first: usize,
        sums: &mut [[f32; GROUP]],
    ) {
        (self.packed)(blocks, codes, table, first, sums);
    }

    /// Writes the sum of the query's values whose signs are set, for each pick of `codes`.
    pub(super) fn signs(self, signs: &Signs<'_>, codes: &[u8], picks: Picks<'_>, sums: &mut [f32]) {
        assert!(signs.query.len() == signs.dim.next_multiple_of(PADDING));
        assert!(signs.code_size >= signs.dim.div_ceil(8) + 8);
        assert!(picks.all_below(codes.len() / signs.code_size));
        (self.signs)(signs, codes, picks, &mut sums[..picks.len()]);
    }

    /// The inner products of `query`, padded as [`PADDING`] says, with four vectors of numbers of a
    /// sign, which is their highest bit, and `bits` more, 1 to 8.
    pub(super) fn bits(
        self,
        query: &[f32],
        bits: usize,
        vectors: &[Bits<'_>; FOUR],
    ) -> [f32; FOUR] {
        assert!(query.len().is_multiple_of(PADDING) && (1..=8).contains(&bits));
        let [Bits { signs, extra }, ..] = vectors[0..] else { return [f32::NAN; FOUR] };
        assert!(signs.len() <= query.len() / 8 && extra.len() <= query.len() / 8 * bits);
        let is_alike =
            |other: &Bits<'_>| other.signs.len() == signs.len() && other.extra.len() == extra.len();
        assert!(vectors.iter().all(is_alike));
        (self.bits)(query, bits, vectors)
    }
}

impl fmt::Debug for CodecKernels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CodecKernels").field(&self.tier).finish()
    }
}

impl Width {
    /// Bytes of `dim` numbers.
    fn code_size(self, dim: usize) -> usize {
        let bits = match self {
            Self::Bits8 => 8,
            Self::Bits4 => 4,
            Self::Bits6 => 6,
            Self::Float16 | Self::BFloat16 => 16,
        };
        (dim * bits).div_ceil(8)
    }
}

/// Bytes ahead of which codes are asked for.
const AHEAD: usize = 4 << 10;
/// Codes that kernels compare together.
pub(super) const FOUR: usize = 4;

/// Four codes of `size` bytes each, from pick `first` on. A last group that is not whole repeats
/// its last code: a score has the same bits wherever its code stands.
#[inline]
fn four_codes(codes: &[u8], size: usize, picks: Picks<'_>, first: usize) -> [*const u8; FOUR] {
    let mut rows = [std::ptr::null(); FOUR];
    for (lane, row) in rows.iter_mut().enumerate() {
        let place = (first + lane).min(picks.len() - 1);
        *row = codes[picks.row(place) * size..][..size].as_ptr();
    }
    rows
}

/// Writes as many of `four` as there are `scores`.
#[inline]
fn put(scores: &mut [f32], four: [f32; FOUR]) {
    if let Ok(scores) = <&mut [f32; FOUR]>::try_from(&mut *scores) {
        *scores = four;
    } else {
        scores.iter_mut().zip(four).for_each(|(score, value)| *score = value);
    }
}

/// Whether any of `scores` is at least as near as `limit`.
fn any_near(scores: &[f32], limit: f32, larger_is_nearer: bool) -> bool {
    let is_near = |&score: &f32| if larger_is_nearer { score >= limit } else { score <= limit };
    scores.iter().any(is_near)
}

/// Appends zeros up to a multiple of [`PADDING`].
pub(super) fn pad(values: &mut Vec<f32>) {
    values.resize(values.len().next_multiple_of(PADDING), 0.0);
}

#[cfg(test)]
mod tests;
