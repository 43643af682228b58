//! One call: checks, threads, and the answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::VectorIndex;
use crate::error::{Error, Result};
use crate::index::engine::{Control, Ids, Request};
use crate::index::flat::{Answer, SearchOptions, Watch};
use crate::index::selection::{Selection, Wanted};
use crate::index::sink::{Sink, Within};
use crate::neighbours::Neighbours;
use crate::pool;
use crate::queries::check_finite;
use crate::top_k::TopK;

/// Bytes of candidates that the queries searched together may keep.
const CANDIDATE_BYTES: usize = 64 << 20;
/// Queries that are searched together at most.
const GROUP: usize = 1024;
/// Threads beyond which no machine gains.
const MAX_THREADS: usize = 256;

/// All neighbours within a radius of each query, nearest first, ties by ascending id.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeNeighbours {
    /// Those of query `q` are `limits[q]..limits[q + 1]`; one more than there are queries.
    pub limits: Vec<i64>,
    /// Squared L2 distances or inner products.
    pub distances: Vec<f32>,
    /// The vectors they belong to.
    pub ids: Vec<i64>,
}

impl VectorIndex {
    /// Finds the nearest of the allowed vectors for each of `queries`, which are back to back.
    ///
    /// An index that is not searched exhaustively can find fewer than it holds; rows that are
    /// shorter for that end as [`Neighbours`] says.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the last query is not whole, or a mask has not one entry for each stored
    /// vector; [`Error::Parameter`] if `k`, `n_threads`, `nprobe` or `ef_search` is 0;
    /// [`Error::NotFinite`] if a query is not; [`Error::Malformed`] if links of a graph lead
    /// astray; [`Error::TooLarge`] if memory is short; [`Error::Stopped`]; [`Error::Shrunk`].
    pub fn search(&self, queries: &[f32], options: &SearchOptions<'_>) -> Result<Neighbours> {
        self.check(queries, options)?;
        if let Some(flat) = &self.flat {
            return flat.search(queries, options);
        }
        let file = self.mapping.bytes()?;
        let selection = self.engine.select(file, &wanted(options))?;
        let n_allowed = selection.n_allowed();
        let k = options.k.min(n_allowed);
        let n_queries = queries.len() / self.dim();
        if let Some(acceleration) = &self.acceleration {
            acceleration.for_queries(n_queries, options.n_threads)?;
        }
        let mut answer = Answer::new(n_queries, k)?;
        let request = request(Some(k), &selection, options);
        let together = (CANDIDATE_BYTES / (k.max(1).saturating_mul(16))).clamp(1, GROUP);
        for group in queries.chunks(together * self.dim()) {
            let larger_is_nearer = self.metric().larger_is_nearer();
            let tops = group
                .chunks_exact(self.dim())
                .map(|_| TopK::new(k, n_allowed, larger_is_nearer).map(Sink::Top));
            let tops: std::result::Result<Vec<_>, _> = tops.collect();
            let mut sinks = tops.map_err(|_| Error::TooLarge { n_queries, k })?;
            if k > 0 {
                self.run(file, group, &request, &mut sinks, options)?;
            }
            for sink in sinks {
                if let Sink::Top(top) = sink {
                    answer.push(top);
                }
            }
        }
        Ok(answer.finish())
    }

    /// Finds all allowed vectors whose squared distance from a query is below `radius`, or whose
    /// inner product is above it. `options.k` is not looked at.
    ///
    /// An index that is not searched exhaustively finds those that it comes across.
    ///
    /// # Errors
    ///
    /// As [`VectorIndex::search`]; [`Error::Parameter`] if `radius` is NaN.
    pub fn range_search(
        &self,
        queries: &[f32],
        radius: f32,
        options: &SearchOptions<'_>,
    ) -> Result<RangeNeighbours> {
        self.check(queries, options)?;
        if radius.is_nan() {
            return Err(parameter("radius", "NaN", "a number"));
        }
        let file = self.mapping.bytes()?;
        let selection = self.engine.select(file, &wanted(options))?;
        let request = request(None, &selection, options);
        let mut found = RangeNeighbours { limits: vec![0], distances: Vec::new(), ids: Vec::new() };
        for group in queries.chunks(GROUP * self.dim()) {
            let within = Within::new(radius, self.metric().larger_is_nearer());
            let mut sinks: Vec<Sink> =
                group.chunks_exact(self.dim()).map(|_| Sink::Within(within.clone())).collect();
            if selection.n_allowed() > 0 {
                self.run(file, group, &request, &mut sinks, options)?;
            }
            for sink in sinks {
                if let Sink::Within(within) = sink {
                    let (distances, ids): (Vec<_>, Vec<_>) =
                        within.into_sorted().into_iter().unzip();
                    found.distances.extend(distances);
                    found.ids.extend(ids);
                }
                found.limits.push(found.ids.len() as i64);
            }
        }
        Ok(found)
    }

    fn check(&self, queries: &[f32], options: &SearchOptions<'_>) -> Result<()> {
        let counts = [
            ("k", Some(options.k)),
            ("n_threads", Some(options.n_threads)),
            ("nprobe", options.nprobe),
            ("ef_search", options.ef_search),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count == Some(0)) {
            return Err(parameter(name, "0", "at least 1"));
        }
        let dim = self.dim();
        if !queries.len().is_multiple_of(dim) {
            let expected = format!("a multiple of the dimension {dim}");
            return Err(Error::Shape { name: "queries", found: queries.len(), expected });
        }
        queries.chunks_exact(dim).enumerate().try_for_each(|(row, query)| check_finite(query, row))
    }

    /// Divides queries among threads.
    fn run(
        &self,
        file: &[u8],
        queries: &[f32],
        request: &Request<'_>,
        sinks: &mut [Sink],
        options: &SearchOptions<'_>,
    ) -> Result<()> {
        let stopped = AtomicBool::new(false);
        let mut control = Control::new(&stopped, Some(Watch::new(options.stop)));
        let n_threads = options.n_threads.min(MAX_THREADS).min(sinks.len());
        if n_threads <= 1 {
            return self.engine.search(file, queries, request, sinks, &mut control);
        }
        let part_len = sinks.len().div_ceil(n_threads * 4);
        let parts = queries.chunks(part_len * self.dim()).zip(sinks.chunks_mut(part_len));
        let parts = Mutex::new(parts);
        let work = |control: &mut Control<'_>| -> Result<()> {
            loop {
                let part = parts.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((queries, sinks)) = part else { return Ok(()) };
                let done = self.engine.search(file, queries, request, sinks, control);
                done.inspect_err(|_| stopped.store(true, Ordering::Relaxed))?;
            }
        };
        let outcome = Mutex::new(Ok(()));
        let keep = |done: Result<()>| {
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            // An error of one stops the others; it is the one to report.
            if matches!(*outcome, Ok(()) | Err(Error::Stopped)) && done.is_err() {
                *outcome = done;
            }
        };
        let help = || keep(work(&mut Control::new(&stopped, None)));
        pool::beside(n_threads - 1, &help, || keep(work(&mut control)));
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

fn request<'a>(
    k: Option<usize>,
    selection: &'a Selection,
    options: &SearchOptions<'_>,
) -> Request<'a> {
    let SearchOptions { nprobe, ef_search, exact, kernels, .. } = *options;
    Request { k, selection, ids: Ids::Numbers, nprobe, ef_search, exact, kernels }
}

fn wanted<'a>(options: &SearchOptions<'a>) -> Wanted<'a> {
    Wanted { allow: options.allow, deny: options.deny }
}

fn parameter(name: &'static str, found: &str, expected: &str) -> Error {
    Error::Parameter { name, found: found.to_owned(), expected: expected.to_owned() }
}
