//! Scores from signs, and from signs with more bits.

use super::{Code, RaBitQCodec, RaBitQLayout, round};
use crate::codec::kernel::{Bits, CodecKernels, FOUR, Signs, pad};
use crate::codec::{Scorer, dot, squared_l2};
use crate::filter::Picks;
use crate::metric::Metric;

pub(super) struct RaBitQScorer {
    kernels: Option<CodecKernels>,
    codec: RaBitQCodec,
    metric: Metric,
    query: Vec<f32>,
    /// The query less the origin, rounded where there are signs alone, with zeros up to whole
    /// registers.
    relative: Vec<f32>,
    /// The sum of its values.
    sum: f32,
    /// What four signs add to the inner product with it: `[dim / 4][16]`. Not for kernels that do
    /// without.
    table: Vec<f32>,
    /// The signs of a few vectors of a block, where there are more bits.
    signs: Vec<u8>,
    /// |q − o|².
    query_to_origin: f32,
    /// ⟨q, o⟩.
    query_dot_origin: f32,
    /// |q|².
    query_norm: f32,
}

impl RaBitQScorer {
    pub(super) fn new(codec: RaBitQCodec, metric: Metric, kernels: Option<CodecKernels>) -> Self {
        let is_tabulated =
            codec.extra_bits == 0 && (codec.plain_size().is_none() || kernels.is_none());
        let table_len = if is_tabulated { 16 * codec.n_nibbles() } else { 0 };
        Self {
            kernels,
            codec,
            metric,
            query: Vec::new(),
            relative: Vec::new(),
            sum: 0.0,
            table: vec![0.0; table_len],
            signs: Vec::new(),
            query_to_origin: 0.0,
            query_dot_origin: 0.0,
            query_norm: 0.0,
        }
    }

    fn prepare(&mut self) {
        if self.codec.extra_bits == 0 {
            round(&mut self.relative, self.codec.queries, self.query_to_origin);
        }
        self.sum = self.relative.iter().sum();
        // The signs are ±1/√d each: a vector of length one.
        let unit = 1.0 / (self.codec.dim as f32).sqrt();
        let rows = self.table.as_chunks_mut::<16>().0.iter_mut();
        for (row, values) in rows.zip(self.relative.chunks(4)) {
            row[0] = -unit * values.iter().sum::<f32>();
            for bit in 0..4 {
                // Signs beyond the last value count for nothing, whatever they are.
                let value = values.get(bit).copied().unwrap_or_default();
                let (without, with) = row.split_at_mut(1 << bit);
                for (sum, less) in with.iter_mut().zip(without) {
                    *sum = *less + 2.0 * unit * value;
                }
            }
        }
        pad(&mut self.relative);
    }

    /// Writes the inner products of the query with the signs of each pick.
    fn dots_of_signs(&self, codes: &[u8], picks: Picks<'_>, dots: &mut [f32]) {
        match (self.codec.layout, self.kernels) {
            (RaBitQLayout::Blocks(blocks), kernels) => {
                blocks.sums(kernels, codes, &self.table, picks, dots);
            }
            (RaBitQLayout::Plain(code_size), Some(kernels)) => {
                let dim = self.codec.dim;
                kernels.signs(&Signs { dim, code_size, query: &self.relative }, codes, picks, dots);
                let unit = 1.0 / (dim as f32).sqrt();
                for dot in dots {
                    *dot = unit * (2.0 * *dot - self.sum);
                }
            }
            (RaBitQLayout::Plain(size), None) => {
                for (index, dot) in dots.iter_mut().enumerate() {
                    *dot = sum_of_signs(&codes[picks.row(index) * size..], &self.table);
                }
            }
        }
    }

    #[inline]
    fn score_of_signs(&self, rest: &[u8], dot_of_signs: f32) -> f32 {
        let code = Code { rest };
        let squared = code.norm() + self.query_to_origin - 2.0 * code.multiplier() * dot_of_signs;
        match self.metric {
            Metric::L2 => squared.max(0.0),
            Metric::InnerProduct | Metric::Cosine => -0.5 * (squared - self.query_norm),
        }
    }

    /// Scores from all bits: value `i` stands for `number - 2^extra_bits + 0.5`, of which the sign
    /// is the highest bit.
    fn scores_of_all_bits(&mut self, codes: &[u8], picks: Picks<'_>, scores: &mut [f32]) {
        let (codec, bits) = (self.codec, self.codec.extra_bits);
        let n_signs = codec.dim.div_ceil(8);
        let mut scratch = std::mem::take(&mut self.signs);
        scratch.resize(FOUR * n_signs, 0);
        let rest_len = codec.rest_len();
        for (index, scores) in scores.chunks_mut(FOUR).enumerate() {
            let mut rests: [&[u8]; FOUR] = [&[]; FOUR];
            let mut vectors = [Bits { signs: &[], extra: &[] }; FOUR];
            if codec.plain_size().is_none() {
                for (lane, signs) in scratch.chunks_exact_mut(n_signs).enumerate() {
                    let place = picks.row(index * FOUR + lane.min(scores.len() - 1));
                    for (group, signs) in signs.iter_mut().enumerate() {
                        *signs = codec.eight_signs(codes, place, group);
                    }
                }
            }
            for lane in 0..FOUR {
                // A last group that is not whole repeats its last code.
                let place = picks.row(index * FOUR + lane.min(scores.len() - 1));
                let (signs, rest) = match codec.layout {
                    RaBitQLayout::Plain(size) => codes[place * size..][..size].split_at(n_signs),
                    RaBitQLayout::Blocks(blocks) => {
                        let rest = blocks.extra(codes, place, rest_len);
                        (&scratch[lane * n_signs..][..n_signs], rest)
                    }
                };
                let rest = &rest[..rest_len];
                vectors[lane] = Bits { signs, extra: Code { rest }.extra() };
                rests[lane] = rest;
            }
            let dots = match self.kernels {
                Some(kernels) => {
                    let half = (1 << bits) as f32 - 0.5;
                    let mut dots = kernels.bits(&self.relative, bits, &vectors);
                    for dot in &mut dots {
                        *dot -= half * self.sum;
                    }
                    dots
                }
                None => vectors
                    .map(|vector| dot_of_bits(bits, &self.relative, vector.extra, vector.signs)),
            };
            for ((score, rest), dot) in scores.iter_mut().zip(rests).zip(dots) {
                *score = self.score_of_bits(&Code { rest }, dot);
            }
        }
        self.signs = scratch;
    }

    #[inline]
    fn score_of_bits(&self, code: &Code<'_>, dot: f32) -> f32 {
        let (add, rescale) = code.extra_factors();
        match self.metric {
            Metric::L2 => (self.query_to_origin + add + rescale * dot).max(0.0),
            Metric::InnerProduct | Metric::Cosine => self.query_dot_origin + add + rescale * dot,
        }
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
            return self.scores_of_all_bits(codes, picks, scores);
        }
        self.dots_of_signs(codes, picks, scores);
        let Picks::Range { first, len } = picks else {
            for (index, score) in scores.iter_mut().enumerate() {
                *score = self.score_of_signs(self.codec.code(codes, picks.row(index)).rest, *score);
            }
            return;
        };
        let mut done = 0;
        while done < len {
            let (rests, n, stride) = self.codec.rests(codes, first + done, len - done);
            for (score, rest) in scores[done..done + n].iter_mut().zip(rests.chunks(stride)) {
                *score = self.score_of_signs(rest, *score);
            }
            done += n;
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

/// The inner product of `values`, a multiple of 8, with numbers of a sign and so many bits; the
/// middle of the range of those counts as zero.
pub(in crate::codec) fn dot_of_bits(
    n_bits: usize,
    values: &[f32],
    bits: &[u8],
    signs: &[u8],
) -> f32 {
    let dot = match n_bits {
        1 => dot_of::<1>,
        2 => dot_of::<2>,
        3 => dot_of::<3>,
        4 => dot_of::<4>,
        5 => dot_of::<5>,
        6 => dot_of::<6>,
        7 => dot_of::<7>,
        _ => dot_of::<8>,
    };
    dot(values, bits, signs)
}

fn dot_of<const BITS: usize>(values: &[f32], bits: &[u8], signs: &[u8]) -> f32 {
    let mut sums = [0.0; 8];
    // Eight values have as many bytes of bits as each has bits.
    let (whole, rest) = bits.as_chunks::<BITS>();
    let (groups, _) = values.as_chunks::<8>();
    for ((values, bytes), &signs) in groups.iter().zip(whole).zip(signs) {
        add_products(&mut sums, values, bytes, signs);
    }
    if let (Some(values), Some(&signs)) = (groups.get(whole.len()), signs.get(whole.len())) {
        let mut bytes = [0; BITS];
        bytes[..rest.len()].copy_from_slice(rest);
        add_products(&mut sums, values, &bytes, signs);
    }
    sums.iter().sum()
}

fn add_products<const BITS: usize>(
    sums: &mut [f32; 8],
    values: &[f32; 8],
    bytes: &[u8; BITS],
    signs: u8,
) {
    let half = (1 << BITS) as f32 - 0.5;
    let mut word = [0; 8];
    word[..BITS].copy_from_slice(bytes);
    let word = u64::from_le_bytes(word);
    for index in 0..8 {
        let low = (word >> (index * BITS)) as i32 & ((1 << BITS) - 1);
        let number = (i32::from(signs) >> index & 1) << BITS | low;
        sums[index] += values[index] * (number as f32 - half);
    }
}
