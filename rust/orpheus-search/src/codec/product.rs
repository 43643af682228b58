//! Each stretch of a vector as the number of a centroid.

use super::decoded::DecodedScorer;
use super::kernel::CodecKernels;
use super::{Codec, Relative, Scorer};
use crate::distance::Kernels;
use crate::filter::Picks;
use crate::format::model::ProductQuantizer;
use crate::metric::Metric;

/// Bits of a number up to which the score of every centroid is tabulated for a query. With more
/// of them a table takes longer than a list is worth.
const MAX_TABLE_BITS: usize = 8;

/// A product quantizer with its codes one after the other.
#[derive(Debug)]
pub(crate) struct ProductCodec {
    codebook: Codebook,
    code_size: usize,
}

/// Centroids of each stretch.
#[derive(Debug)]
pub(super) struct Codebook {
    pub(super) m: usize,
    nbits: usize,
    pub(super) dim: usize,
    /// `[m][dim / m][2^nbits]`: centroids lie side by side, so that they are compared together.
    values: Vec<f32>,
}

impl ProductCodec {
    pub(crate) fn new(dim: usize, quantizer: ProductQuantizer) -> Self {
        let code_size = quantizer.code_size;
        Self { codebook: Codebook::new(dim, quantizer), code_size }
    }
}

impl Codec for ProductCodec {
    fn dim(&self) -> usize {
        self.codebook.dim
    }

    fn decode(&self, codes: &[u8], place: usize, vector: &mut [f32]) {
        let code = &codes[place * self.code_size..][..self.code_size];
        let nbits = self.codebook.nbits;
        self.codebook.decode((0..self.codebook.m).map(|m| number(code, m * nbits, nbits)), vector);
    }

    fn scorer(&self, metric: Metric, kernels: Kernels) -> Box<dyn Scorer + '_> {
        if self.codebook.nbits > MAX_TABLE_BITS {
            return Box::new(DecodedScorer::new(self, metric, kernels));
        }
        let kernels = CodecKernels::beside(kernels);
        let table = Tables::new(&self.codebook, metric, kernels);
        Box::new(TableScorer { kernels, codec: self, table })
    }
}

/// The number of `nbits` bits, at most 24, that starts at bit `at`, lowest bit first.
fn number(code: &[u8], at: usize, nbits: usize) -> usize {
    let bytes = code[at / 8..].iter().take(4);
    let word = bytes.rev().fold(0u32, |word, &byte| word << 8 | u32::from(byte));
    (word >> (at % 8)) as usize & ((1 << nbits) - 1)
}

impl Codebook {
    pub(super) fn new(dim: usize, quantizer: ProductQuantizer) -> Self {
        let ProductQuantizer { m, nbits, centroids: mut values, .. } = quantizer;
        let (dsub, ksub) = (dim / m, 1 << nbits);
        let mut stretch = vec![0.0; dsub * ksub];
        // In place: a codebook may be as large as the file.
        for values in values.chunks_exact_mut(dsub * ksub) {
            stretch.copy_from_slice(values);
            for (centroid, from) in stretch.chunks_exact(dsub).enumerate() {
                for (index, &value) in from.iter().enumerate() {
                    values[index * ksub + centroid] = value;
                }
            }
        }
        Self { m, nbits, dim, values }
    }

    fn ksub(&self) -> usize {
        1 << self.nbits
    }

    /// The vector with the given number for each stretch.
    pub(super) fn decode(&self, numbers: impl Iterator<Item = usize>, vector: &mut [f32]) {
        let (ksub, dsub) = (self.ksub(), self.dim / self.m);
        let stretches = vector.chunks_exact_mut(dsub).zip(self.values.chunks_exact(dsub * ksub));
        for ((stretch, values), number) in stretches.zip(numbers) {
            for (value, values) in stretch.iter_mut().zip(values.chunks_exact(ksub)) {
                *value = values[number];
            }
        }
    }

    /// The score of each centroid with its stretch of `query`: `[m][2^nbits]`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled with the instructions of its caller")]
    pub(super) fn tabulate(&self, query: &[f32], metric: Metric, table: &mut [f32]) {
        let (ksub, dsub) = (self.ksub(), self.dim / self.m);
        table.fill(0.0);
        let stretches = query.chunks_exact(dsub).zip(self.values.chunks_exact(dsub * ksub));
        for ((query, values), sums) in stretches.zip(table.chunks_exact_mut(ksub)) {
            for (&query, values) in query.iter().zip(values.chunks_exact(ksub)) {
                if metric == Metric::L2 {
                    for (sum, value) in sums.iter_mut().zip(values) {
                        let difference = query - value;
                        *sum += difference * difference;
                    }
                } else {
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum += query * value;
                    }
                }
            }
        }
    }
}

/// What each number of a code adds to the score of one query.
pub(super) struct Tables<'a> {
    kernels: Option<CodecKernels>,
    codebook: &'a Codebook,
    metric: Metric,
    relative: Relative,
    /// `[m][2^nbits]`.
    values: Vec<f32>,
    /// Whether the values are those of what came before.
    is_stale: bool,
}

impl<'a> Tables<'a> {
    pub(super) fn new(
        codebook: &'a Codebook,
        metric: Metric,
        kernels: Option<CodecKernels>,
    ) -> Self {
        let values = vec![0.0; codebook.m * codebook.ksub()];
        Self { kernels, codebook, metric, relative: Relative::default(), values, is_stale: true }
    }

    pub(super) fn set_query(&mut self, query: &[f32]) {
        self.relative.set_query(query);
        self.is_stale = true;
    }

    pub(super) fn set_origin(&mut self, origin: &[f32]) {
        self.relative.set_origin(origin, self.metric);
        // The table of inner products is that of the query, wherever the origin is.
        self.is_stale |= self.metric == Metric::L2;
    }

    /// `[m][2^nbits]`.
    pub(super) fn values(&mut self) -> &[f32] {
        if std::mem::take(&mut self.is_stale) {
            let (query, values) = (self.relative.values(), &mut self.values[..]);
            match self.kernels {
                Some(kernels) => kernels.tabulate(self.codebook, query, self.metric, values),
                None => self.codebook.tabulate(query, self.metric, values),
            }
        }
        &self.values
    }

    pub(super) fn offset(&self) -> f32 {
        self.relative.offset
    }
}

struct TableScorer<'a> {
    kernels: Option<CodecKernels>,
    codec: &'a ProductCodec,
    table: Tables<'a>,
}

impl Scorer for TableScorer<'_> {
    fn set_query(&mut self, query: &[f32]) {
        self.table.set_query(query);
    }

    fn set_origin(&mut self, origin: &[f32]) {
        self.table.set_origin(origin);
    }

    fn score(&mut self, codes: &[u8], picks: Picks<'_>, scores: &mut [f32]) {
        let (size, nbits) = (self.codec.code_size, self.codec.codebook.nbits);
        let offset = self.table.offset();
        let table = self.table.values();
        if let (8, Some(kernels)) = (nbits, self.kernels) {
            kernels.bytes(table.as_chunks().0, codes, picks, scores);
            super::float32::add(offset, &mut scores[..picks.len()]);
            return;
        }
        for (index, score) in scores[..picks.len()].iter_mut().enumerate() {
            let code = &codes[picks.row(index) * size..][..size];
            let sum = match nbits {
                8 => sum_of_bytes(code, table.as_chunks().0),
                4 => sum_of_nibbles(code, table),
                _ => {
                    let rows = table.chunks_exact(1 << nbits).enumerate();
                    rows.map(|(m, row)| row[number(code, m * nbits, nbits)]).sum()
                }
            };
            *score = sum + offset;
        }
    }
}

/// Four sums at a time: one would wait for the addition before it.
#[inline]
pub(super) fn sum_of_bytes(code: &[u8], rows: &[[f32; 256]]) -> f32 {
    let (codes, code_tail) = code.as_chunks::<4>();
    let (groups, row_tail) = rows.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (code, rows) in codes.iter().zip(groups) {
        for lane in 0..4 {
            sums[lane] += rows[lane][usize::from(code[lane])];
        }
    }
    let tail = code_tail.iter().zip(row_tail).map(|(&byte, row)| row[usize::from(byte)]);
    sums.iter().sum::<f32>() + tail.sum::<f32>()
}

/// The same with two numbers a byte, the first in the lower half.
fn sum_of_nibbles(code: &[u8], table: &[f32]) -> f32 {
    let (rows, _) = table.as_chunks::<16>();
    let mut sums = [0.0; 2];
    for (byte, rows) in code.iter().zip(rows.chunks(2)) {
        sums[0] += rows[0][usize::from(byte & 15)];
        if let Some(row) = rows.get(1) {
            sums[1] += row[usize::from(byte >> 4)];
        }
    }
    sums[0] + sums[1]
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    pub(crate) fn quantizer(dim: usize, m: usize, nbits: usize) -> ProductQuantizer {
        ProductQuantizer {
            m,
            nbits,
            code_size: (m * nbits).div_ceil(8),
            centroids: testing::values((dim / m * m) << nbits, 5),
        }
    }

    #[test]
    fn scores_are_those_of_the_centroids_at_every_number_of_bits() {
        for nbits in 1..=12 {
            for (dim, m) in [(6, 3), (14, 7), (5, 1), (18, 9)] {
                let quantizer = quantizer(dim, m, nbits);
                let codes = testing::bytes(40 * quantizer.code_size, 13);
                let codec = ProductCodec::new(dim, quantizer);
                testing::scores_are_those_of_decoded_vectors(&codec, &codes, 40);
            }
        }
    }

    #[test]
    fn numbers_follow_each_other_from_the_lowest_bit_on() {
        let code = [0b1010_0101, 0b1100_0011, 0xff, 0];
        assert_eq!([0, 3, 6].map(|at| number(&code, at, 3)), [0b101, 0b100, 0b110]);
        assert_eq!(number(&code, 7, 10), 0b11_1000_0111);
        assert_eq!(number(&code, 8, 16), 0xffc3);
    }

    #[test]
    fn a_decoded_vector_is_its_centroids() {
        let quantizer = quantizer(6, 2, 4);
        let mut vector = [0.0; 6];
        ProductCodec::new(6, quantizer.clone()).decode(&[0x00, 0xb2], 1, &mut vector);
        let centroids = &quantizer.centroids;
        assert_eq!(vector[..3], centroids[2 * 3..][..3]);
        assert_eq!(vector[3..], centroids[16 * 3 + 11 * 3..][..3]);
    }
}
