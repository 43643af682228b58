//! Scanning codes instead of vectors, with any number of queries and threads.

use super::certified::{CodeScan, CodedQueries, Found, settle};
use super::parts::{Parts, Watch};
use super::search::{Scan, shared};
use crate::code::{BLOCK, CodeKernels, Codes, RowCodes};
use crate::error::{Error, Result};
use crate::filter::{Filter, Picks};
use crate::queries::QueryBlock;
use crate::top_k::TopK;

/// Values to be compared below which codes save nothing.
const LEAST_VALUES: usize = 1 << 14;
/// Neighbours per allowed vector beyond which nearly everything is compared anyway.
const LARGEST_SHARE: usize = 8;
/// Queries from which on unpacking codes for all of them pays.
const MANY: usize = 4;

/// A scan of codes.
pub(super) struct CodedScan<'a> {
    scan: &'a Scan<'a>,
    codes: Codes<'a>,
    queries: CodedQueries,
}

impl<'a> CodedScan<'a> {
    /// `None` if vectors have to be scanned instead: there are no codes, or they are of no use.
    pub(super) fn new(
        scan: &'a Scan<'a>,
        queries: &QueryBlock,
        store: Option<&'a RowCodes>,
    ) -> Option<Self> {
        let store = store?;
        let n_allowed = scan.filter.n_allowed();
        let is_worth_it = n_allowed.saturating_mul(scan.rows.dim()) >= LEAST_VALUES
            && scan.k.saturating_mul(LARGEST_SHARE) <= n_allowed;
        if !is_worth_it || scan.k == 0 {
            return None;
        }
        let codes = store.codes()?;
        let queries = CodedQueries::new(queries, store)?;
        Some(Self { scan, codes, queries })
    }

    /// The nearest of all allowed rows to each query.
    pub(super) fn search(
        &self,
        queries: &QueryBlock,
        n_threads: usize,
        watch: &mut Watch<'_>,
    ) -> Result<Vec<TopK>> {
        let n_queries = queries.n_queries();
        let n_places = self.scan.filter.n_places();
        let parts = Parts::new(n_places, Codes::stride(self.scan.rows.dim()), n_queries, n_threads);
        let founds = shared(
            &parts,
            || watch.says_stop(),
            |stop| self.look(&parts, stop),
            |mine: &mut Vec<Found>, others| {
                mine.iter_mut().zip(others).for_each(|(mine, other)| mine.merge(other));
            },
        )?;
        let mut tops = self.scan.tops(n_queries)?;
        for (index, ((top, found), query)) in
            tops.iter_mut().zip(founds).zip(&self.queries.each).enumerate()
        {
            let alone = queries.alone(index);
            settle(self.scan, &alone, query, found, top);
            if index % 64 == 63 && watch.says_stop() {
                return Err(Error::Stopped);
            }
        }
        Ok(tops)
    }

    /// Takes parts until none is left.
    fn look(&self, parts: &Parts, stop: &mut dyn FnMut() -> bool) -> Result<Vec<Found>> {
        let kernels = CodeKernels::beside(self.scan.kernels);
        let mut scan = CodeScan::new(self.codes, kernels);
        let each = &self.queries.each;
        let mut founds: Vec<Found> = each.iter().map(|_| Found::new(self.scan.k)).collect();
        let mut rows = Vec::new();
        let at_once = each.len() >= MANY && matches!(self.scan.filter, Filter::All(_));
        while let Some(places) = parts.next() {
            self.scan.filter.visit_blocks(places, BLOCK, &mut rows, |picks| match picks {
                Picks::Range { first, len } if at_once => {
                    scan.look_at_once(first, len, &self.queries, &mut founds);
                }
                _ => {
                    for (query, found) in each.iter().zip(&mut founds) {
                        scan.look(picks, query, found);
                    }
                }
            });
            if stop() {
                parts.stop();
            }
        }
        if parts.are_stopped() { Err(Error::Stopped) } else { Ok(founds) }
    }
}
