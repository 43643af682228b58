//! The sign of each value of a vector less an origin, factors, and maybe more bits (`RaBitQ`).
//!
//! An index over such codes estimates. With signs alone, |x − o|² and a factor that the vector was
//! stored with turn the inner product of the query and the signs into an estimate of the score;
//! more bits a value make the inner product itself better. The formulas are those of
//! `faiss/impl/RaBitQuantizer.cpp`, after Gao and Long, `RaBitQ` (SIGMOD 2024).

use super::nibbles::PackedBlocks;
use super::{Codec, Scorer, dot, f32_at, squared_l2};
use crate::distance::Kernels;
use crate::filter::Picks;
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

    /// Eight signs, as bits, from value `8 group` on.
    fn eight_signs(&self, codes: &[u8], place: usize, group: usize) -> u32 {
        match self.layout {
            RaBitQLayout::Plain(size) => u32::from(codes[place * size + group]),
            RaBitQLayout::Blocks(blocks) => {
                let low = blocks.number(codes, place, 2 * group);
                // There is a padded one where values end after four.
                (low | blocks.number(codes, place, 2 * group + 1) << 4) as u32
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

impl Code<'_> {
    /// |x − o|², less |x|² for inner products.
    fn norm(&self) -> f32 {
        f32_at(self.rest, 0)
    }

    /// |x − o| over the cosine of x − o and its signs.
    fn multiplier(&self) -> f32 {
        f32_at(self.rest, 4)
    }

    /// More bits of the values.
    fn extra(&self) -> &[u8] {
        &self.rest[12..self.rest.len() - 8]
    }

    /// What to add to, and to multiply with, the inner product of the query and all bits.
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

    fn scorer(&self, metric: Metric, _kernels: Kernels) -> Box<dyn Scorer + '_> {
        Box::new(RaBitQScorer {
            codec: *self,
            metric,
            query: Vec::new(),
            relative: Vec::new(),
            padded: Vec::new(),
            table: vec![0.0; 16 * self.n_nibbles()],
            query_to_origin: 0.0,
            query_dot_origin: 0.0,
            query_norm: 0.0,
        })
    }
}

struct RaBitQScorer {
    codec: RaBitQCodec,
    metric: Metric,
    query: Vec<f32>,
    /// The query less the origin.
    relative: Vec<f32>,
    /// The same with zeros up to a multiple of 8, where there are more bits.
    padded: Vec<f32>,
    /// What four signs add to the inner product with the rounded query: `[dim / 4][16]`.
    table: Vec<f32>,
    /// |q − o|².
    query_to_origin: f32,
    /// ⟨q, o⟩.
    query_dot_origin: f32,
    /// |q|².
    query_norm: f32,
}

impl RaBitQScorer {
    fn prepare(&mut self) {
        if self.codec.extra_bits > 0 {
            self.padded.clear();
            self.padded.extend_from_slice(&self.relative);
            self.padded.resize(self.relative.len().next_multiple_of(8), 0.0);
            return;
        }
        let rounded = rounded(&self.relative, self.codec.queries, self.query_to_origin);
        // The signs are ±1/√d each: a vector of length one.
        let unit = 1.0 / (self.codec.dim as f32).sqrt();
        for (row, values) in self.table.as_chunks_mut::<16>().0.iter_mut().zip(rounded.chunks(4)) {
            for (signs, sum) in row.iter_mut().enumerate() {
                let terms = values.iter().enumerate();
                let terms =
                    terms.map(|(bit, value)| if signs >> bit & 1 == 1 { *value } else { -value });
                *sum = unit * terms.sum::<f32>();
            }
        }
    }

    fn score_of_signs(&self, code: &Code<'_>, dot_of_signs: f32) -> f32 {
        let squared = code.norm() + self.query_to_origin - 2.0 * code.multiplier() * dot_of_signs;
        match self.metric {
            Metric::L2 => squared.max(0.0),
            Metric::InnerProduct | Metric::Cosine => -0.5 * (squared - self.query_norm),
        }
    }

    /// The score from all bits: value `i` stands for `number - 2^extra_bits + 0.5`, of which the
    /// sign is the highest bit.
    fn score_of_all_bits(&self, codes: &[u8], place: usize) -> f32 {
        let code = self.codec.code(codes, place);
        let signs = |group| self.codec.eight_signs(codes, place, group);
        let dot = match self.codec.extra_bits {
            1 => dot_of_bits::<1>,
            2 => dot_of_bits::<2>,
            3 => dot_of_bits::<3>,
            4 => dot_of_bits::<4>,
            5 => dot_of_bits::<5>,
            6 => dot_of_bits::<6>,
            7 => dot_of_bits::<7>,
            _ => dot_of_bits::<8>,
        };
        let sum = dot(&self.padded, code.extra(), &signs);
        let (add, rescale) = code.extra_factors();
        match self.metric {
            Metric::L2 => (self.query_to_origin + add + rescale * sum).max(0.0),
            Metric::InnerProduct | Metric::Cosine => self.query_dot_origin + add + rescale * sum,
        }
    }
}

/// The inner product of `values`, a multiple of 8, with numbers of a sign and `BITS` bits; the
/// middle of the range of those counts as zero.
fn dot_of_bits<const BITS: usize>(
    values: &[f32],
    bits: &[u8],
    signs: &dyn Fn(usize) -> u32,
) -> f32 {
    let mut sums = [0.0; 8];
    // Eight values have as many bytes of bits as each has bits.
    let (whole, rest) = bits.as_chunks::<BITS>();
    let (groups, _) = values.as_chunks::<8>();
    for (group, (values, bytes)) in groups.iter().zip(whole).enumerate() {
        add_products(&mut sums, values, bytes, signs(group));
    }
    if let Some(values) = groups.get(whole.len()) {
        let mut bytes = [0; BITS];
        bytes[..rest.len()].copy_from_slice(rest);
        add_products(&mut sums, values, &bytes, signs(whole.len()));
    }
    sums.iter().sum()
}

fn add_products<const BITS: usize>(
    sums: &mut [f32; 8],
    values: &[f32; 8],
    bytes: &[u8; BITS],
    signs: u32,
) {
    let half = (1 << BITS) as f32 - 0.5;
    let mut word = [0; 8];
    word[..BITS].copy_from_slice(bytes);
    let word = u64::from_le_bytes(word);
    for index in 0..8 {
        let low = (word >> (index * BITS)) as i32 & ((1 << BITS) - 1);
        let number = (signs as i32 >> index & 1) << BITS | low;
        sums[index] += values[index] * (number as f32 - half);
    }
}

impl Scorer for RaBitQScorer {
    fn set_query(&mut self, query: &[f32]) {
        self.query.clear();
        self.query.extend_from_slice(query);
        self.relative.clear();
        self.relative.extend_from_slice(query);
        self.query_norm = dot(query, query);
        self.query_to_origin = self.query_norm;
        self.query_dot_origin = 0.0;
        self.prepare();
    }

    fn set_origin(&mut self, origin: &[f32]) {
        self.relative.clear();
        self.relative.extend(self.query.iter().zip(origin).map(|(value, origin)| value - origin));
        self.query_to_origin = squared_l2(&self.query, origin);
        self.query_dot_origin = dot(&self.query, origin);
        self.prepare();
    }

    fn score(&mut self, codes: &[u8], picks: Picks<'_>, scores: &mut [f32]) {
        let scores = &mut scores[..picks.len()];
        if self.codec.extra_bits > 0 {
            for (index, score) in scores.iter_mut().enumerate() {
                *score = self.score_of_all_bits(codes, picks.row(index));
            }
            return;
        }
        match self.codec.layout {
            RaBitQLayout::Blocks(blocks) => blocks.sums(codes, &self.table, picks, scores),
            RaBitQLayout::Plain(size) => {
                for (index, score) in scores.iter_mut().enumerate() {
                    *score = sum_of_signs(&codes[picks.row(index) * size..], &self.table);
                }
            }
        }
        for (index, score) in scores.iter_mut().enumerate() {
            *score = self.score_of_signs(&self.codec.code(codes, picks.row(index)), *score);
        }
    }
}

fn sum_of_signs(code: &[u8], table: &[f32]) -> f32 {
    let mut sums = [0.0; 2];
    for (byte, rows) in code.iter().zip(table.as_chunks::<16>().0.chunks(2)) {
        sums[0] += rows[0][usize::from(byte & 15)];
        if let Some(row) = rows.get(1) {
            sums[1] += row[usize::from(byte >> 4)];
        }
    }
    sums[0] + sums[1]
}

/// Radius, in standard deviations of a normal distribution, for 1 to 8 bits a value
/// (`Z_MAX_BY_QB` of `faiss/impl/RaBitQUtils.cpp`).
const RADII: [f32; 8] = [0.79688, 1.49375, 2.05078, 2.50938, 2.91250, 3.26406, 3.59844, 3.91016];

/// The query as FAISS rounds it; `norm` is its squared length.
fn rounded(query: &[f32], queries: RaBitQQueries, norm: f32) -> Vec<f32> {
    let n_steps = match queries.bits {
        0 => return query.to_vec(),
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
        return query.iter().map(|&value| low + step * number(value)).collect();
    }
    let odd: Vec<f32> = query.iter().map(|&value| 2.0 * number(value) - n_steps).collect();
    let scale = (norm / odd.iter().map(|odd| odd * odd).sum::<f32>()).sqrt();
    odd.into_iter().map(|odd| odd * scale).collect()
}

#[cfg(test)]
mod tests;
