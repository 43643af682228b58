//! A product quantizer of 4 bits, its codes packed for FAISS's `FastScan`.
//!
//! FAISS sums tables that it rounds to 8 bits; here they are float32, so that scores are those of
//! the centroids themselves.

use super::kernel::CodecKernels;
use super::nibbles::PackedBlocks;
use super::product::{Codebook, Tables};
use super::{Codec, Scorer};
use crate::distance::Kernels;
use crate::filter::Picks;
use crate::format::model::{Packing, ProductQuantizer};
use crate::metric::Metric;

/// A product quantizer and where blocks hold its numbers.
#[derive(Debug)]
pub(crate) struct FastScanCodec {
    codebook: Codebook,
    blocks: PackedBlocks,
}

impl FastScanCodec {
    pub(crate) fn new(dim: usize, quantizer: ProductQuantizer, packing: &Packing) -> Self {
        let blocks = PackedBlocks::new(quantizer.m, packing);
        Self { codebook: Codebook::new(dim, quantizer), blocks }
    }
}

impl Codec for FastScanCodec {
    fn dim(&self) -> usize {
        self.codebook.dim
    }

    fn decode(&self, codes: &[u8], place: usize, vector: &mut [f32]) {
        self.codebook.decode(self.blocks.numbers(codes, place), vector);
    }

    fn scorer(&self, metric: Metric, kernels: Kernels) -> Box<dyn Scorer + '_> {
        let kernels = CodecKernels::beside(kernels);
        let table = Tables::new(&self.codebook, metric, kernels);
        Box::new(FastScanScorer { kernels, blocks: self.blocks, table })
    }
}

struct FastScanScorer<'a> {
    kernels: Option<CodecKernels>,
    blocks: PackedBlocks,
    table: Tables<'a>,
}

impl Scorer for FastScanScorer<'_> {
    fn set_query(&mut self, query: &[f32]) {
        self.table.set_query(query);
    }

    fn set_origin(&mut self, origin: &[f32]) {
        self.table.set_origin(origin);
    }

    fn score(&mut self, codes: &[u8], picks: Picks<'_>, scores: &mut [f32]) {
        self.blocks.sums(self.kernels, codes, self.table.values(), picks, scores);
        super::float32::add(self.table.offset(), &mut scores[..picks.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::nibbles::tests::{packed, packing};
    use super::super::testing;
    use super::*;

    #[test]
    fn scores_are_those_of_the_centroids_in_blocks_of_any_size() {
        for (dim, m, block_vectors) in [(8, 4_usize, 32), (9, 3, 64), (14, 7, 128)] {
            let centroids = testing::values(dim * 16, 5);
            let code_size = m.div_ceil(2);
            let quantizer = ProductQuantizer { m, nbits: 4, code_size, centroids };
            let packing = packing(block_vectors, m, 0);
            let codes = packed(&packing, 77, m, |place, m| (place * 3 + m * 11) % 16);
            let codec = FastScanCodec::new(dim, quantizer, &packing);
            testing::scores_are_those_of_decoded_vectors(&codec, &codes, 77);
        }
    }
}
