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
    tops: Vec<TopK>,
    scores: Vec<f32>,
    inverse_norms: Vec<f32>,
    rows: Vec<usize>,
    block_len: usize,
    /// Whether all rows so far are what they were.
    is_sound: bool,
}

impl<'a> Worker<'a> {
    pub(super) fn new(scan: &'a Scan<'a>, queries: &'a QueryBlock) -> Result<Self> {
        let n_queries = queries.n_queries();
        let block_len = block_len(scan.rows.dim()).min(scan.filter.n_allowed().max(1));
        Ok(Self {
            scan,
            queries,
            tops: scan.tops(n_queries)?,
            scores: vec![0.0; n_queries * block_len],
            inverse_norms: vec![0.0; if scan.metric == Metric::Cosine { block_len } else { 0 }],
            rows: Vec::new(),
            block_len,
            is_sound: true,
        })
    }

    pub(super) fn scan(&mut self, places: Range<usize>) {
        let mut rows = std::mem::take(&mut self.rows);
        let filter = self.scan.filter;
        filter.visit_blocks(places, self.block_len, &mut rows, |picks| self.score(picks));
        self.rows = rows;
    }

    /// The nearest rows to each query so far.
    pub(super) fn into_tops(self) -> Result<Vec<TopK>> {
        let changed = || Error::Changed { what: "a vector".to_owned() };
        if self.is_sound { Ok(self.tops) } else { Err(changed()) }
    }

    fn score(&mut self, picks: Picks<'_>) {
        let Some(block) = Block::new(self.queries, self.scan.rows, picks) else {
            return; // a filter holds rows only, and queries were cut to the dimension
        };
        self.is_sound &= self.scan.are_sound(picks);
        self.scan.score(&block, picks, &mut self.scores, &mut self.inverse_norms);
        for (top, scores) in self.tops.iter_mut().zip(self.scores.chunks(picks.len())) {
            self.scan.offer(top, picks, scores);
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
