//! The sign of each value of a vector less an origin, factors, and maybe more bits (`RaBitQ`).
//!
//! An index over such codes estimates. With signs alone, |x − o|² and a factor that the vector was
//! stored with turn the inner product of the query and the signs into an estimate of the score;
//! more bits a value make the inner product itself better. The formulas are those of
//! `faiss/impl/RaBitQuantizer.cpp`, after Gao and Long, `RaBitQ` (SIGMOD 2024).

pub(in crate::codec) mod scorer;

#[cfg(test)]
pub(in crate::codec) use self::scorer::dot_of_bits;

use self::scorer::RaBitQScorer;
use super::kernel::CodecKernels;
use super::nibbles::PackedBlocks;
use super::{Codec, Scorer, f32_at};
use crate::distance::Kernels;
use crate::format::model::RaBitQ;
use crate::metric::Metric;

/// How FAISS rounds a query before it compares it with signs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RaBitQQueries {
    /// 1 to 8, or 0 for not at all.
    pub(crate) bits: u8,
    /// Whether the steps lie evenly about zero.
    pub(crate) centered: bool,
}

/// Where a code lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RaBitQLayout {
    /// One after the other, this many bytes each.
    Plain(usize),
    /// Signs by blocks of vectors, the rest behind them.
    Blocks(PackedBlocks),
}

/// Codes of signs, and maybe more bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RaBitQCodec {
    dim: usize,
    /// Bits of a value besides its sign.
    extra_bits: usize,
    queries: RaBitQQueries,
    layout: RaBitQLayout,
}

/// One code.
struct Code<'a> {
    /// All that follows the signs.
    rest: &'a [u8],
}

impl RaBitQCodec {
    pub(crate) fn new(
        dim: usize,
        quantizer: &RaBitQ,
        queries: RaBitQQueries,
        layout: RaBitQLayout,
    ) -> Self {
        Self { dim, extra_bits: quantizer.nb_bits.saturating_sub(1), queries, layout }
    }

    /// Numbers of 4 bits that the signs make up.
    fn n_nibbles(&self) -> usize {
        self.dim.div_ceil(4)
    }

    /// Bytes after the signs: three factors instead of two, more bits, two factors for them.
    fn rest_len(&self) -> usize {
        if self.extra_bits == 0 { 8 } else { 12 + (self.dim * self.extra_bits).div_ceil(8) + 8 }
    }

    fn code<'a>(&self, codes: &'a [u8], place: usize) -> Code<'a> {
        let rest = match self.layout {
            RaBitQLayout::Plain(size) => &codes[place * size..][..size][self.dim.div_ceil(8)..],
            RaBitQLayout::Blocks(blocks) => blocks.extra(codes, place, self.rest_len()),
        };
        Code { rest }
    }

    /// What follows the signs of as many of `n` codes from `place` on as lie evenly, how many those
    /// are, and bytes from one to the next.
    fn rests<'a>(&self, codes: &'a [u8], place: usize, n: usize) -> (&'a [u8], usize, usize) {
        match self.layout {
            RaBitQLayout::Plain(size) => (&codes[place * size + self.dim.div_ceil(8)..], n, size),
            RaBitQLayout::Blocks(blocks) => {
                let (rests, n) = blocks.extras(codes, place, n, self.rest_len());
                (rests, n, self.rest_len())
            }
        }
    }

    /// Bytes of a code, where they lie one after the other.
    fn plain_size(&self) -> Option<usize> {
        match self.layout {
            RaBitQLayout::Plain(size) => Some(size),
            RaBitQLayout::Blocks(_) => None,
        }
    }

    /// Eight signs, as bits, from value `8 group` on.
    fn eight_signs(&self, codes: &[u8], place: usize, group: usize) -> u8 {
        match self.layout {
            RaBitQLayout::Plain(size) => codes[place * size + group],
            RaBitQLayout::Blocks(blocks) => {
                let low = blocks.number(codes, place, 2 * group);
                // There is a padded one where values end after four.
                (low | blocks.number(codes, place, 2 * group + 1) << 4) as u8
            }
        }
    }

    /// Four signs, as bits, from value `4 nibble` on.
    fn signs(&self, codes: &[u8], place: usize, nibble: usize) -> usize {
        match self.layout {
            RaBitQLayout::Plain(size) => {
                let byte = codes[place * size + nibble / 2];
                usize::from(byte >> (4 * (nibble % 2)) & 15)
            }
            RaBitQLayout::Blocks(blocks) => blocks.number(codes, place, nibble),
        }
    }
}

impl<'a> Code<'a> {
    /// |x − o|², less |x|² for inner products.
    #[inline]
    fn norm(&self) -> f32 {
        f32_at(self.rest, 0)
    }

    /// |x − o| over the cosine of x − o and its signs.
    #[inline]
    fn multiplier(&self) -> f32 {
        f32_at(self.rest, 4)
    }

    /// More bits of the values.
    #[inline]
    fn extra(&self) -> &'a [u8] {
        &self.rest[12..self.rest.len() - 8]
    }

    /// What to add to, and to multiply with, the inner product of the query and all bits.
    #[inline]
    fn extra_factors(&self) -> (f32, f32) {
        let at = self.rest.len() - 8;
        (f32_at(self.rest, at), f32_at(self.rest, at + 4))
    }
}

impl Codec for RaBitQCodec {
    fn dim(&self) -> usize {
        self.dim
    }

    /// The signs alone, as FAISS does it.
    fn decode(&self, codes: &[u8], place: usize, vector: &mut [f32]) {
        let length = self.code(codes, place).multiplier() / (self.dim as f32).sqrt();
        for (index, value) in vector.iter_mut().enumerate() {
            let signs = self.signs(codes, place, index / 4);
            *value = if signs >> (index % 4) & 1 == 1 { length } else { -length };
        }
    }

    fn scorer(&self, metric: Metric, kernels: Kernels) -> Box<dyn Scorer + '_> {
        Box::new(RaBitQScorer::new(*self, metric, CodecKernels::beside(kernels)))
    }
}

/// Radius, in standard deviations of a normal distribution, for 1 to 8 bits a value
/// (`Z_MAX_BY_QB` of `faiss/impl/RaBitQUtils.cpp`).
const RADII: [f32; 8] = [0.79688, 1.49375, 2.05078, 2.50938, 2.91250, 3.26406, 3.59844, 3.91016];

/// Rounds the query as FAISS does; `norm` is its squared length.
fn round(query: &mut [f32], queries: RaBitQQueries, norm: f32) {
    let n_steps = match queries.bits {
        0 => return,
        bits => ((1u32 << bits.min(8)) - 1) as f32,
    };
    let (low, high) = if queries.centered {
        let radius = RADII[usize::from(queries.bits.min(8)) - 1];
        let radius = radius * (norm / query.len() as f32).sqrt();
        (-radius, radius)
    } else {
        let bounds = (f32::MAX, f32::MIN);
        query.iter().fold(bounds, |(low, high), &value| (low.min(value), high.max(value)))
    };
    let step = (high - low) / n_steps;
    let inverse = 1.0 / step;
    // A range of no width divides by zero; the comparison then gives code 0, as in FAISS.
    let number = |value: f32| ((value - low) * inverse).round().max(0.0).min(n_steps);
    if !queries.centered {
        return query.iter_mut().for_each(|value| *value = low + step * number(*value));
    }
    for value in query.iter_mut() {
        *value = 2.0 * number(*value) - n_steps;
    }
    let scale = (norm / query.iter().map(|odd| odd * odd).sum::<f32>()).sqrt();
    for value in query.iter_mut() {
        *value *= scale;
    }
}

#[cfg(test)]
mod tests;
