//! The exact scan: every allowed vector against every query.

use std::sync::{Mutex, PoisonError};

use super::coded::CodedScan;
use super::parts::{Parts, Watch};
use super::worker::{Norms, Worker, block_len};
use crate::code::{ListCodes, RowCodes};
use crate::distance::{Block, Kernels};
use crate::error::{Error, Result};
use crate::filter::{Allow, Deny, Filter, Picks};
use crate::index::acceleration::Acceleration;
use crate::index::selection::{Selection, Wanted};
use crate::metric::Metric;
use crate::neighbours::{NO_ID, Neighbours};
use crate::pool;
use crate::queries::QueryBlock;
use crate::rows::Rows;
use crate::sidecar::{RowSums, SideData};
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
    /// Codes of the same rows for the same metric. The answer is the same with them and without.
    pub codes: Option<&'a RowCodes>,
    /// Whether the answer has to be that of comparing everything that the search visits. `None`: for
    /// a matrix and for graphs it has, for inverted lists it need not be. Where it need not be, codes
    /// of 256 values and more are read by their signs first, which takes a fraction of the time and
    /// misses fewer than one neighbour in a thousand.
    pub exact: Option<bool>,
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
            codes: None,
            exact: None,
            n_threads: 1,
            kernels: Kernels::best(),
            stop: None,
        }
    }
}

impl SearchOptions<'_> {
    /// Whether every vector may be a neighbour.
    pub(super) fn asks_for_all(&self) -> bool {
        matches!((self.allow, self.deny), (Allow::All, Deny::Nothing))
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

/// Where the rows of a file are.
#[derive(Clone, Copy)]
pub(super) struct InFile<'a> {
    pub(super) acceleration: &'a Acceleration,
    /// The whole file.
    pub(super) file: &'a [u8],
    /// Where the first row starts.
    pub(super) start: usize,
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
    pub(super) codes: Option<&'a ListCodes>,
    /// Whether the answer has to be that of comparing everything.
    pub(super) is_exact: bool,
    /// The file that the rows are in.
    pub(super) file: Option<InFile<'a>>,
    /// What rows are compared with before they are used, where they are a file's.
    pub(super) sums: Option<&'a RowSums>,
    /// Where lengths matter and were not given.
    norms: Option<Norms<'a>>,
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
        if let Some(codes) = options.codes {
            check_length("codes", codes.n_rows(), rows.n_rows())?;
            if (codes.dim(), codes.metric()) != (rows.dim(), metric) {
                return Err(Error::Parameter {
                    name: "codes",
                    found: format!("for {} values under {}", codes.dim(), codes.metric()),
                    expected: format!("those of {} values under {metric}", rows.dim()),
                });
            }
        }
        Ok(Self {
            rows,
            metric,
            filter,
            inverse_norms: options.inverse_norms,
            ids: None,
            kernels: options.kernels,
            codes: options.codes.map(RowCodes::lists),
            is_exact: options.exact.unwrap_or(true),
            sums: None,
            file: None,
            norms: (metric == Metric::Cosine && options.inverse_norms.is_none())
                .then(|| Norms::new(rows, options.kernels)),
            k: options.k.min(filter.n_allowed()),
        })
    }

    /// Answers with these ids, little-endian and one for each row, instead of row numbers.
    pub(super) fn with_ids(self, ids: Option<&'a [[u8; 8]]>) -> Self {
        Self { ids, ..self }
    }

    /// Reads these codes, and compares rows with their checksums.
    pub(super) fn with_side_data(
        self,
        data: Option<&'a SideData>,
        acceleration: &'a Acceleration,
        (file, start): (&'a [u8], usize),
    ) -> Self {
        let Some(data) = data else { return self };
        let file = Some(InFile { acceleration, file, start });
        Self { codes: Some(&data.codes), sums: data.rows.as_ref(), file, ..self }
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
            for top in self.scan(&block, options, &mut watch)? {
                answer.push(top);
            }
        }
        Ok(answer.finish())
    }

    /// The nearest of all allowed rows to each of a few queries.
    fn scan(
        &self,
        queries: &QueryBlock,
        options: &SearchOptions<'_>,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<TopK>> {
        if let Some(coded) = CodedScan::new(self, queries) {
            return coded.search(queries, options.n_threads, watch);
        }
        let (n_places, row_bytes) = (self.filter.n_places(), 4 * self.rows.dim());
        let parts = Parts::new(n_places, row_bytes, queries.n_queries(), options.n_threads);
        shared(
            &parts,
            || watch.says_stop(),
            |stop| self.scan_parts(queries, &parts, stop),
            |mine: &mut Vec<TopK>, others| {
                mine.iter_mut().zip(others).for_each(|(mine, other)| mine.merge(other));
            },
        )
    }

    /// Whether each of `picks` is what it was.
    pub(super) fn are_sound(&self, picks: Picks<'_>) -> bool {
        let Some(sums) = self.sums else { return true };
        let is_sound = |row| sums.is(row, self.rows.row_lanes(row));
        (0..picks.len()).all(|index| is_sound(picks.row(index)))
    }

    /// Scans parts until none is left.
    fn scan_parts(
        &self,
        queries: &QueryBlock,
        parts: &Parts,
        stop: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<TopK>> {
        let mut worker = Worker::new(self, queries)?;
        while let Some(places) = parts.next() {
            worker.scan(places);
            if stop() {
                parts.stop();
            }
        }
        if parts.are_stopped() { Err(Error::Stopped) } else { worker.into_tops() }
    }

    /// Room for the nearest of each of `n_queries`.
    pub(super) fn tops(&self, n_queries: usize) -> Result<Vec<TopK>> {
        let top = || TopK::new(self.k, self.filter.n_allowed(), self.metric.larger_is_nearer());
        let tops: std::result::Result<Vec<_>, _> = (0..n_queries).map(|_| top()).collect();
        tops.map_err(|_| Error::TooLarge { n_queries, k: self.k })
    }

    /// Scores of every query of `block` with each of `picks`, its rows; `inverse_norms` has room for
    /// one number for each.
    pub(super) fn score(
        &self,
        block: &Block<'_>,
        picks: Picks<'_>,
        scores: &mut [f32],
        inverse_norms: &mut [f32],
    ) {
        match self.metric {
            Metric::L2 => self.kernels.squared_l2(block, scores),
            Metric::InnerProduct => self.kernels.dot(block, scores),
            Metric::Cosine => {
                self.kernels.dot(block, scores);
                self.divide_by_lengths(picks, &mut scores[..block.n_scores()], inverse_norms);
            }
        }
    }

    fn divide_by_lengths(&self, picks: Picks<'_>, scores: &mut [f32], scratch: &mut [f32]) {
        let inverse_norms = match (self.inverse_norms, picks) {
            (Some(all), Picks::Range { first, len }) => &all[first..first + len],
            (Some(all), Picks::Rows(rows)) => {
                for (inverse, &row) in scratch.iter_mut().zip(rows) {
                    *inverse = all[row];
                }
                &scratch[..rows.len()]
            }
            (None, _) => {
                let inverse_norms = &mut scratch[..picks.len()];
                if let Some(norms) = &self.norms {
                    norms.inverse_into(picks, inverse_norms);
                }
                inverse_norms
            }
        };
        for scores in scores.chunks_mut(picks.len()) {
            for (score, inverse) in scores.iter_mut().zip(inverse_norms) {
                // Rounding takes the cosine of a vector with itself past 1 now and then.
                *score = (*score * inverse).clamp(-1.0, 1.0);
            }
        }
    }

    /// The id of a row.
    pub(super) fn id(&self, row: usize) -> i64 {
        self.ids.map_or(row as i64, |ids| i64::from_le_bytes(ids[row]))
    }

    /// Offers the scores of one query with `picks`.
    pub(super) fn offer(&self, top: &mut TopK, picks: Picks<'_>, scores: &[f32]) {
        match self.ids {
            None => top.offer_block(scores, |index| picks.row(index) as i64),
            Some(ids) => {
                top.offer_block(scores, |index| i64::from_le_bytes(ids[picks.row(index)]));
            }
        }
    }
}

/// Has `work` done on as many threads as `parts` are for; `merge` joins what two of them found.
/// `stop` is asked on the caller's thread only.
pub(super) fn shared<T: Send>(
    parts: &Parts,
    mut stop: impl FnMut() -> bool,
    work: impl Fn(&mut dyn FnMut() -> bool) -> Result<T> + Sync,
    merge: impl Fn(&mut T, T) + Sync,
) -> Result<T> {
    if parts.n_threads() == 1 {
        return work(&mut stop);
    }
    let found = Mutex::new(None);
    let join = |mine: Result<T>| {
        if mine.is_err() {
            parts.stop();
        }
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        *found = Some(match (found.take(), mine) {
            (None, mine) => mine,
            (Some(Ok(mut others)), Ok(mine)) => {
                merge(&mut others, mine);
                Ok(others)
            }
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
        });
    };
    pool::beside(parts.n_threads() - 1, &|| join(work(&mut || false)), || join(work(&mut stop)));
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.unwrap_or(Err(Error::Stopped)) // the caller's own part is always there
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
