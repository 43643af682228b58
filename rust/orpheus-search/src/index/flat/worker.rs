//! One thread's share of a scan.

use std::ops::Range;

use super::search::Scan;
use crate::distance::{Block, Kernels};
use crate::error::{Error, Result};
use crate::filter::Picks;
use crate::metric::Metric;
use crate::queries::{QueryBlock, inverse_norm};
use crate::rows::Rows;
use crate::top_k::TopK;

/// Bytes of vectors whose scores are computed before they are looked at: they and the queries'
/// current tile fit the first-level cache, and the scores of many queries the second.
const BLOCK_BYTES: usize = 32 << 10;

/// What one thread needs to scan: nothing is allocated on the way.
pub(super) struct Worker<'a> {
    scan: &'a Scan<'a>,
    queries: &'a QueryBlock,
    /// Where lengths matter and were not given.
    norms: Option<Norms<'a>>,
    tops: Vec<TopK>,
    scores: Vec<f32>,
    inverse_norms: Vec<f32>,
    rows: Vec<usize>,
    block_len: usize,
}

impl<'a> Worker<'a> {
    pub(super) fn new(scan: &'a Scan<'a>, queries: &'a QueryBlock) -> Result<Self> {
        let n_queries = queries.n_queries();
        let block_len = block_len(scan.rows.dim()).min(scan.filter.n_allowed().max(1));
        let larger_is_nearer = scan.metric.larger_is_nearer();
        let lengths_are_wanted = scan.metric == Metric::Cosine && scan.inverse_norms.is_none();
        let tops: std::result::Result<Vec<_>, _> = (0..n_queries)
            .map(|_| TopK::new(scan.k, scan.filter.n_allowed(), larger_is_nearer))
            .collect();
        Ok(Self {
            scan,
            queries,
            norms: lengths_are_wanted.then(|| Norms::new(scan.rows, scan.kernels)),
            tops: tops.map_err(|_| Error::TooLarge { n_queries, k: scan.k })?,
            scores: vec![0.0; n_queries * block_len],
            inverse_norms: vec![0.0; if scan.metric == Metric::Cosine { block_len } else { 0 }],
            rows: Vec::new(),
            block_len,
        })
    }

    pub(super) fn scan(&mut self, places: Range<usize>) {
        let mut rows = std::mem::take(&mut self.rows);
        let filter = self.scan.filter;
        filter.visit_blocks(places, self.block_len, &mut rows, |picks| self.score(picks));
        self.rows = rows;
    }

    /// The nearest rows to each query so far.
    pub(super) fn into_tops(self) -> Vec<TopK> {
        self.tops
    }

    fn score(&mut self, picks: Picks<'_>) {
        let Some(block) = Block::new(self.queries, self.scan.rows, picks) else {
            return; // a filter holds rows only, and queries were cut to the dimension
        };
        match self.scan.metric {
            Metric::L2 => self.scan.kernels.squared_l2(&block, &mut self.scores),
            Metric::InnerProduct => self.scan.kernels.dot(&block, &mut self.scores),
            Metric::Cosine => {
                self.scan.kernels.dot(&block, &mut self.scores);
                self.divide_by_lengths(picks);
            }
        }
        let n_picks = picks.len();
        for (top, scores) in self.tops.iter_mut().zip(self.scores.chunks(n_picks)) {
            match self.scan.ids {
                None => top.offer_block(scores, |index| picks.row(index) as i64),
                Some(ids) => {
                    top.offer_block(scores, |index| i64::from_le_bytes(ids[picks.row(index)]));
                }
            }
        }
    }

    fn divide_by_lengths(&mut self, picks: Picks<'_>) {
        let inverse_norms = match (self.scan.inverse_norms, picks) {
            (Some(all), Picks::Range { first, len }) => &all[first..first + len],
            (Some(all), Picks::Rows(rows)) => {
                for (inverse, &row) in self.inverse_norms.iter_mut().zip(rows) {
                    *inverse = all[row];
                }
                &self.inverse_norms[..rows.len()]
            }
            (None, _) => {
                let inverse_norms = &mut self.inverse_norms[..picks.len()];
                if let Some(norms) = &self.norms {
                    norms.inverse_into(picks, inverse_norms);
                }
                inverse_norms
            }
        };
        for scores in self.scores.chunks_mut(picks.len()).take(self.queries.n_queries()) {
            for (score, inverse) in scores.iter_mut().zip(inverse_norms) {
                // Rounding takes the cosine of a vector with itself past 1 now and then.
                *score = (*score * inverse).clamp(-1.0, 1.0);
            }
        }
    }
}

/// Lengths of vectors.
pub(super) struct Norms<'a> {
    rows: Rows<'a>,
    kernels: Kernels,
    origin: QueryBlock,
}

impl<'a> Norms<'a> {
    pub(super) fn new(rows: Rows<'a>, kernels: Kernels) -> Self {
        Self { rows, kernels, origin: QueryBlock::zero(rows.dim()) }
    }

    /// One over the length of each pick, into as many places.
    pub(super) fn inverse_into(&self, picks: Picks<'_>, inverse_norms: &mut [f32]) {
        let Some(block) = Block::new(&self.origin, self.rows, picks) else { return };
        self.kernels.squared_l2(&block, inverse_norms);
        for (index, value) in inverse_norms.iter_mut().enumerate() {
            // Beyond these the square may have overflowed, or lost digits to underflow.
            *value = if (1e-24..1e36).contains(value) {
                1.0 / value.sqrt()
            } else {
                inverse_norm(self.rows.row(picks.row(index)).map(f64::from)) as f32
            };
        }
    }
}

/// Vectors per block: enough to fill tiles of 8, few enough to stay in the first-level cache.
pub(super) fn block_len(dim: usize) -> usize {
    (BLOCK_BYTES / (dim * 4)).clamp(8, 512) / 8 * 8
}
