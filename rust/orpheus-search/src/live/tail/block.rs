//! Vectors that never change.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::code::RowCodes;
use crate::error::Result;
use crate::metric::Metric;
use crate::rows::Rows;

/// Queries after which codes are made, and the least number of values that are worth it.
const QUERIES_BEFORE: usize = 4;
const LEAST_VALUES: usize = 1 << 20;

/// At least one vector, with ids.
#[derive(Debug)]
pub(super) struct Block {
    ids: Vec<i64>,
    values: Vec<f32>,
    /// Ids and their rows, ascending.
    by_id: Vec<(i64, u32)>,
    codes: OnceLock<Option<RowCodes>>,
    n_queries: AtomicUsize,
}

impl Block {
    /// `ids` are at least one.
    pub(super) fn new(ids: Vec<i64>, values: Vec<f32>) -> Self {
        let mut by_id: Vec<_> = ids.iter().copied().zip(0..).collect();
        by_id.sort_unstable();
        Self { ids, values, by_id, codes: OnceLock::new(), n_queries: AtomicUsize::new(0) }
    }

    /// How many, whether they are still there or not.
    pub(super) fn n(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn dim(&self) -> usize {
        self.values.len() / self.ids.len()
    }

    pub(super) fn n_bytes(&self) -> usize {
        size_of_val(&self.values[..])
    }

    pub(super) fn ids(&self) -> &[i64] {
        &self.ids
    }

    pub(super) fn rows(&self) -> Result<Rows<'_>> {
        Rows::new(&self.values, self.dim())
    }

    pub(super) fn vector(&self, row: usize) -> &[f32] {
        &self.values[row * self.dim()..][..self.dim()]
    }

    /// The rows of `id`.
    pub(super) fn rows_of(&self, id: i64) -> impl Iterator<Item = usize> {
        let first = self.by_id.partition_point(|pair| pair.0 < id);
        self.by_id[first..].iter().take_while(move |pair| pair.0 == id).map(|pair| pair.1 as usize)
    }

    /// Codes to search by, once that has been done a few times.
    pub(super) fn codes(
        &self,
        metric: Metric,
        n_queries: usize,
        n_threads: usize,
    ) -> Option<&RowCodes> {
        if self.values.len() < LEAST_VALUES {
            return None;
        }
        let asked = self.n_queries.fetch_add(n_queries, Ordering::Relaxed);
        if asked.saturating_add(n_queries) < QUERIES_BEFORE {
            return None;
        }
        let make = || RowCodes::new(self.rows().ok()?, metric, n_threads).ok();
        self.codes.get_or_init(make).as_ref()
    }
}
