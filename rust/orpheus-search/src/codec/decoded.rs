//! Comparing with codes by decoding them first.

use super::float32::{add, score_rows};
use super::{Codec, Relative, Scorer};
use crate::distance::Kernels;
use crate::filter::Picks;
use crate::metric::Metric;
use crate::queries::QueryBlock;

/// Values that are decoded before they are compared: they stay in the first-level cache.
const VALUES: usize = 4 << 10;

/// A scorer for any codec whose vectors are worth decoding.
pub(super) struct DecodedScorer<'a> {
    codec: &'a dyn Codec,
    query: QueryBlock,
    relative: Relative,
    metric: Metric,
    kernels: Kernels,
    vectors: Vec<f32>,
}

impl<'a> DecodedScorer<'a> {
    pub(super) fn new(codec: &'a dyn Codec, metric: Metric, kernels: Kernels) -> Self {
        let dim = codec.dim();
        let n_vectors = (VALUES / dim).max(1);
        Self {
            codec,
            query: QueryBlock::zero(dim),
            relative: Relative::default(),
            metric,
            kernels,
            vectors: vec![0.0; n_vectors * dim],
        }
    }
}

impl Scorer for DecodedScorer<'_> {
    fn set_query(&mut self, query: &[f32]) {
        self.relative.set_query(query);
        self.query.set(self.relative.values());
    }

    fn set_origin(&mut self, origin: &[f32]) {
        self.relative.set_origin(origin, self.metric);
        self.query.set(self.relative.values());
    }

    fn score(&mut self, codes: &[u8], picks: Picks<'_>, scores: &mut [f32]) {
        let dim = self.codec.dim();
        let chunk_len = self.vectors.len() / dim;
        for (index, scores) in scores[..picks.len()].chunks_mut(chunk_len).enumerate() {
            let first = index * chunk_len;
            for (place, vector) in self.vectors.chunks_exact_mut(dim).take(scores.len()).enumerate()
            {
                self.codec.decode(codes, picks.row(first + place), vector);
            }
            let decoded = bytemuck::cast_slice(&self.vectors[..scores.len() * dim]);
            let decoded_picks = Picks::Range { first: 0, len: scores.len() };
            score_rows(self.kernels, self.metric, &self.query, decoded, decoded_picks, scores);
            add(self.relative.offset, scores);
        }
    }
}
