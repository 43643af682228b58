//! The exact scan: every allowed vector against every query.

use std::thread;

use super::parts::{Parts, Watch};
use super::worker::{Norms, Worker, block_len};
use crate::distance::Kernels;
use crate::error::{Error, Result};
use crate::filter::{Allow, Deny, Filter, Picks};
use crate::index::selection::{Selection, Wanted};
use crate::metric::Metric;
use crate::neighbours::{NO_ID, Neighbours};
use crate::queries::QueryBlock;
use crate::rows::Rows;
use crate::top_k::TopK;

/// Bytes of queries that are scanned together: they stay in the second-level cache.
const QUERY_BYTES: usize = 512 << 10;
/// Bytes of candidates that the queries scanned together may keep.
const CANDIDATE_BYTES: usize = 64 << 20;

/// How to search.
#[derive(Clone, Copy)]
pub struct SearchOptions<'a> {
    /// Neighbours per query; at least 1. More than there are gives all there are.
    pub k: usize,
    /// Which vectors may be neighbours. Those shut out are not read.
    pub allow: Allow<'a>,
    /// Which of those may not.
    pub deny: Deny<'a>,
    /// Lists that each query visits, instead of what the file says; inverted lists only. At least 1.
    pub nprobe: Option<usize>,
    /// Beam of the search, instead of what the file says; graphs only. At least 1.
    pub ef_search: Option<usize>,
    /// One over the length of each row ([`inverse_norms_into`]), for [`Metric::Cosine`] only:
    /// without them every search computes them.
    pub inverse_norms: Option<&'a [f32]>,
    /// At most this many threads, the caller's included; at least 1. The answer does not depend on
    /// it, and a search that is too small to gain stays on the caller's thread.
    pub n_threads: usize,
    /// The instructions to use.
    pub kernels: Kernels,
    /// Asked now and then on the caller's thread; `true` ends the search with [`Error::Stopped`].
    pub stop: Option<&'a dyn Fn() -> bool>,
}

impl SearchOptions<'_> {
    /// The `k` nearest of all vectors, on the caller's thread.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self {
            k,
            allow: Allow::All,
            deny: Deny::Nothing,
            nprobe: None,
            ef_search: None,
            inverse_norms: None,
            n_threads: 1,
            kernels: Kernels::best(),
            stop: None,
        }
    }
}

/// Finds the nearest of the allowed `rows` for each of `queries`, which are back to back. Ids are
/// row numbers.
///
/// # Errors
///
/// [`Error::Shape`] if the last query is not whole, or a mask or the inverse norms have not one
/// entry for each row; [`Error::Parameter`] if `k` or `n_threads` is 0; [`Error::NotFinite`] if a
/// query is not; [`Error::TooLarge`] if memory is short; [`Error::Stopped`].
pub fn search_rows(
    rows: Rows<'_>,
    metric: Metric,
    queries: &[f32],
    options: &SearchOptions<'_>,
) -> Result<Neighbours> {
    let wanted = Wanted { allow: options.allow, deny: options.deny };
    let filter = Selection::of_rows(&wanted, rows.n_rows())?.filter(rows.n_rows());
    Scan::new(rows, metric, &filter, options)?.search(queries, options)
}

/// Writes one over the length of each row into `inverse_norms`: 0 where the length is not a number
/// or below the smallest normal float32.
///
/// # Errors
///
/// [`Error::Shape`] if there is not one place for each row.
pub fn inverse_norms_into(rows: Rows<'_>, inverse_norms: &mut [f32]) -> Result<()> {
    check_length("inverse_norms", inverse_norms.len(), rows.n_rows())?;
    let norms = Norms::new(rows, Kernels::best());
    let block_len = block_len(rows.dim());
    for (index, chunk) in inverse_norms.chunks_mut(block_len).enumerate() {
        norms.inverse_into(Picks::Range { first: index * block_len, len: chunk.len() }, chunk);
    }
    Ok(())
}

/// One search, checked.
pub(super) struct Scan<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) metric: Metric,
    pub(super) filter: &'a Filter,
    pub(super) inverse_norms: Option<&'a [f32]>,
    /// Little-endian, one for each row; row numbers if there are none.
    pub(super) ids: Option<&'a [[u8; 8]]>,
    pub(super) kernels: Kernels,
    /// Neighbours per query that there will be.
    pub(super) k: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(
        rows: Rows<'a>,
        metric: Metric,
        filter: &'a Filter,
        options: &SearchOptions<'a>,
    ) -> Result<Self> {
        for (name, value) in [("k", options.k), ("n_threads", options.n_threads)] {
            if value == 0 {
                let (found, expected) = ("0".to_owned(), "at least 1".to_owned());
                return Err(Error::Parameter { name, found, expected });
            }
        }
        if let Some(inverse_norms) = options.inverse_norms {
            check_length("inverse_norms", inverse_norms.len(), rows.n_rows())?;
        }
        Ok(Self {
            rows,
            metric,
            filter,
            inverse_norms: options.inverse_norms,
            ids: None,
            kernels: options.kernels,
            k: options.k.min(filter.n_allowed()),
        })
    }

    /// Answers with these ids, little-endian and one for each row, instead of row numbers.
    pub(super) fn with_ids(self, ids: Option<&'a [[u8; 8]]>) -> Self {
        Self { ids, ..self }
    }

    pub(super) fn search(
        &self,
        queries: &[f32],
        options: &SearchOptions<'_>,
    ) -> Result<Neighbours> {
        let dim = self.rows.dim();
        if !queries.len().is_multiple_of(dim) {
            return Err(Error::Shape {
                name: "queries",
                found: queries.len(),
                expected: format!("a multiple of the dimension {dim}"),
            });
        }
        let n_queries = queries.len() / dim;
        let mut answer = Answer::new(n_queries, self.k)?;
        let together = (QUERY_BYTES / (dim * 4)).min(CANDIDATE_BYTES / (self.k.max(1) * 16));
        let mut watch = Watch::new(options.stop);
        let mut first = 0;
        for group in queries.chunks(together.clamp(1, 1024) * dim) {
            let block = QueryBlock::new(group, dim, self.metric, first)?;
            first += block.n_queries();
            for top in self.scan(&block, options.n_threads, &mut watch)? {
                answer.push(top);
            }
        }
        Ok(answer.finish())
    }

    /// The nearest of all allowed rows to each of a few queries.
    fn scan(
        &self,
        queries: &QueryBlock,
        n_threads: usize,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<TopK>> {
        let (n_places, row_bytes) = (self.filter.n_places(), 4 * self.rows.dim());
        let parts = Parts::new(n_places, row_bytes, queries.n_queries(), n_threads);
        if parts.n_threads() == 1 {
            return self.scan_parts(queries, &parts, || watch.says_stop());
        }
        thread::scope(|scope| {
            let helpers: Vec<_> = (1..parts.n_threads())
                .map_while(|_| {
                    // A system without a thread to spare leaves the work to those that there are.
                    let work = || self.scan_parts(queries, &parts, || false);
                    thread::Builder::new().spawn_scoped(scope, work).ok()
                })
                .collect();
            let tops = self.scan_parts(queries, &parts, || watch.says_stop());
            if tops.is_err() {
                parts.stop();
            }
            let mut tops = tops?;
            for helper in helpers {
                let others = helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                for (top, other) in tops.iter_mut().zip(others?) {
                    top.merge(other);
                }
            }
            Ok(tops)
        })
    }

    /// Scans parts until none is left.
    fn scan_parts(
        &self,
        queries: &QueryBlock,
        parts: &Parts,
        mut stop: impl FnMut() -> bool,
    ) -> Result<Vec<TopK>> {
        let mut worker = Worker::new(self, queries)?;
        while let Some(places) = parts.next() {
            worker.scan(places);
            if stop() {
                parts.stop();
            }
        }
        if parts.are_stopped() { Err(Error::Stopped) } else { Ok(worker.into_tops()) }
    }
}

/// Rows of [`Neighbours`] as they come.
#[derive(Debug)]
pub(crate) struct Answer {
    n_queries: usize,
    k: usize,
    distances: Vec<f32>,
    ids: Vec<i64>,
}

impl Answer {
    pub(crate) fn new(n_queries: usize, k: usize) -> Result<Self> {
        let too_large = || Error::TooLarge { n_queries, k };
        let n = n_queries.checked_mul(k).ok_or_else(too_large)?;
        let (mut distances, mut ids) = (Vec::new(), Vec::new());
        distances.try_reserve_exact(n).map_err(|_| too_large())?;
        ids.try_reserve_exact(n).map_err(|_| too_large())?;
        Ok(Self { n_queries, k, distances, ids })
    }

    pub(crate) fn push(&mut self, top: TopK) {
        let end = self.ids.len() + self.k;
        for (score, id) in top.into_sorted() {
            self.distances.push(score);
            self.ids.push(id);
        }
        self.distances.resize(end, f32::NAN);
        self.ids.resize(end, NO_ID);
    }

    pub(crate) fn finish(self) -> Neighbours {
        let Self { n_queries, k, distances, ids } = self;
        Neighbours { n_queries, k, distances, ids }
    }
}

fn check_length(name: &'static str, found: usize, n_rows: usize) -> Result<()> {
    if found == n_rows {
        return Ok(());
    }
    Err(Error::Shape { name, found, expected: format!("one for each of the {n_rows} rows") })
}
