//! Vectors as they are.

use super::{Codec, Relative, Scorer};
use crate::distance::{Block, Kernels};
use crate::filter::Picks;
use crate::metric::Metric;
use crate::queries::QueryBlock;
use crate::rows::Rows;

/// `dim` little-endian float32 values a vector, back to back at any address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Float32Codec {
    dim: usize,
}

impl Float32Codec {
    /// `dim` is at least 1.
    pub(crate) fn new(dim: usize) -> Self {
        Self { dim }
    }
}

impl Codec for Float32Codec {
    fn dim(&self) -> usize {
        self.dim
    }

    fn decode(&self, codes: &[u8], place: usize, vector: &mut [f32]) {
        let (lanes, _) = codes[place * self.dim * 4..][..self.dim * 4].as_chunks::<4>();
        for (value, lane) in vector.iter_mut().zip(lanes) {
            *value = f32::from_le_bytes(*lane);
        }
    }

    fn scorer(&self, metric: Metric, kernels: Kernels) -> Box<dyn Scorer + '_> {
        let (query, relative) = (QueryBlock::zero(self.dim), Relative::default());
        Box::new(Float32Scorer { query, relative, metric, kernels })
    }
}

/// Kernels straight over the list.
struct Float32Scorer {
    query: QueryBlock,
    relative: Relative,
    metric: Metric,
    kernels: Kernels,
}

impl Scorer for Float32Scorer {
    fn set_query(&mut self, query: &[f32]) {
        self.relative.set_query(query);
        self.query.set(self.relative.values());
    }

    fn set_origin(&mut self, origin: &[f32]) {
        self.relative.set_origin(origin, self.metric);
        self.query.set(self.relative.values());
    }

    fn score(&mut self, codes: &[u8], picks: Picks<'_>, scores: &mut [f32]) {
        score_rows(self.kernels, self.metric, &self.query, codes, picks, scores);
        add(self.relative.offset, &mut scores[..picks.len()]);
    }
}

/// Scores of picks among float32 rows in `bytes`.
pub(super) fn score_rows(
    kernels: Kernels,
    metric: Metric,
    query: &QueryBlock,
    bytes: &[u8],
    picks: Picks<'_>,
    scores: &mut [f32],
) {
    let rows = Rows::from_bytes(bytes, query.dim());
    // Lists hold whole vectors and picks lie in them: this is `Some`.
    let Some(block) = rows.ok().and_then(|rows| Block::new(query, rows, picks)) else {
        scores.fill(f32::NAN);
        return;
    };
    match metric {
        Metric::L2 => kernels.squared_l2(&block, scores),
        Metric::InnerProduct | Metric::Cosine => kernels.dot(&block, scores),
    }
}

/// Adds `offset` to each of `scores`.
pub(super) fn add(offset: f32, scores: &mut [f32]) {
    if offset != 0.0 {
        for score in scores {
            *score += offset;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn scores_are_exact_at_every_dimension() {
        for dim in [1, 3, 16, 33] {
            let n = 21;
            let values = testing::values(n * dim, 3);
            let codes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let codec = Float32Codec::new(dim);
            testing::scores_are_those_of_decoded_vectors(&codec, &codes, n);
            let mut vector = vec![0.0; dim];
            codec.decode(&codes, 7, &mut vector);
            assert_eq!(vector, &values[7 * dim..8 * dim]);
        }
    }
}
