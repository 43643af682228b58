//! Scanning codes instead of vectors, with any number of queries and threads.

use super::parts::{Parts, Watch};
use super::search::{InFile, Scan, shared};
use crate::code::{
    Base, CodeKernels, CodeScan, CodedQueries, CodedQuery, Codes, Found, ListCodes, Originals,
    Seeker, SignQuery, SignSeeker, Signs, fetch,
};
use crate::distance::Block;
use crate::error::{Error, Result};
use crate::filter::{Filter, Picks};
use crate::index::originals::FileVectors;
use crate::metric::Metric;
use crate::queries::QueryBlock;
use crate::rows::Rows;
use crate::top_k::TopK;

/// Values to be compared below which codes save nothing.
const LEAST_VALUES: usize = 1 << 14;
/// Vectors below which their codes are read at once.
const LEAST_BY_SIGNS: usize = 4096;
/// Neighbours per allowed vector beyond which nearly everything is compared anyway.
const LARGEST_SHARE: usize = 8;
/// Sums that are looked at together: they stay in the second-level cache.
const LOOK: usize = 128 << 10;
/// Queries whose sums are computed together, of those that come at once: whole tiles of the kernel.
const TOGETHER: usize = 96;
/// Queries from which on unpacking codes for all of them pays.
const MANY: usize = 4;

/// A scan of codes.
pub(super) struct CodedScan<'a> {
    scan: &'a Scan<'a>,
    codes: Codes<'a>,
    queries: CodedQueries,
    /// What the centre of the matrix scores with each query.
    bases: Vec<Base>,
    /// The queries as signs want them, where those are looked at first.
    by_signs: Option<BySigns<'a>>,
}

/// What a search that starts with signs needs besides.
struct BySigns<'a> {
    lists: &'a ListCodes,
    signs: Signs<'a>,
    /// Each query, and how far it is from the centre of the matrix.
    queries: Vec<(SignQuery, f32)>,
}

impl<'a> BySigns<'a> {
    /// `None` if there are no signs.
    fn new(
        scan: &Scan<'a>,
        lists: &'a ListCodes,
        coded: &CodedQueries,
        block: &Block<'_>,
    ) -> Option<Self> {
        let signs = lists.signs()?;
        let mut squares = vec![0.0; coded.each.len()];
        scan.kernels.squared_l2(block, &mut squares);
        let kernels = CodeKernels::beside(scan.kernels);
        let one = |(query, square): (&CodedQuery, f32)| {
            Some((SignQuery::new(query.digits(), lists.dim(), kernels)?, square.sqrt()))
        };
        let queries: Option<Vec<_>> = coded.each.iter().zip(squares).map(one).collect();
        Some(Self { lists, signs, queries: queries? })
    }
}

/// The vectors of a matrix, compared with one query.
struct Matrix<'a> {
    scan: &'a Scan<'a>,
    query: &'a QueryBlock,
    /// Those of a file, and where the first starts.
    in_file: Option<(FileVectors<'a>, usize)>,
}

impl<'a> Matrix<'a> {
    fn new(scan: &'a Scan<'a>, query: &'a QueryBlock) -> Self {
        let in_file = scan.file.map(|InFile { acceleration, file, start }| {
            let how = (scan.kernels, scan.metric);
            (FileVectors::new(acceleration, scan.sums, file, query, how), start)
        });
        Self { scan, query, in_file }
    }

    fn finish(&self) -> Result<()> {
        self.in_file.as_ref().map_or(Ok(()), |(vectors, _)| vectors.finish())
    }
}

impl Originals for Matrix<'_> {
    fn fetch(&self, place: usize) {
        if self.in_file.as_ref().is_none_or(|(vectors, _)| vectors.are_mapped()) {
            fetch(self.scan.rows.row_lanes(place));
        }
    }

    fn score(&self, place: usize) -> f32 {
        if let Some((vectors, start)) = &self.in_file {
            let row_bytes = 4 * self.query.dim();
            let start = start + place * row_bytes;
            return vectors.score(place, start..start + row_bytes);
        }
        let picks = Picks::Range { first: place, len: 1 };
        let (mut score, mut inverse_norm) = ([f32::NAN], [0.0]);
        if let Some(block) = Block::new(self.query, self.scan.rows, picks) {
            self.scan.score(&block, picks, &mut score, &mut inverse_norm);
        }
        score[0]
    }

    fn id(&self, place: usize) -> i64 {
        self.scan.id(place)
    }
}

impl<'a> CodedScan<'a> {
    /// `None` if vectors have to be scanned instead: there are no codes, or they are of no use.
    pub(super) fn new(scan: &'a Scan<'a>, queries: &QueryBlock) -> Option<Self> {
        let lists = scan.codes?;
        let n_allowed = scan.filter.n_allowed();
        let is_worth_it = n_allowed.saturating_mul(scan.rows.dim()) >= LEAST_VALUES
            && scan.k.saturating_mul(LARGEST_SHARE) <= n_allowed;
        if !is_worth_it || scan.k == 0 {
            return None;
        }
        let each = (0..queries.n_queries()).map(|index| queries.query(index));
        let coded = CodedQueries::new(each, lists.frame())?;
        let center = Rows::new(lists.center(0), lists.dim()).ok()?;
        let mut scores = vec![0.0; queries.n_queries()];
        let block = Block::new(queries, center, Picks::Range { first: 0, len: 1 })?;
        if scan.metric == Metric::L2 {
            scan.kernels.squared_l2(&block, &mut scores);
        } else {
            scan.kernels.dot(&block, &mut scores);
        }
        let base = |(query, &score): (&CodedQuery, &f32)| query.base(score, lists.frame());
        let bases = coded.each.iter().zip(&scores).map(base).collect();
        let is_contiguous = matches!(scan.filter, Filter::All(_));
        let by_signs = match !scan.is_exact && is_contiguous && scan.rows.n_rows() >= LEAST_BY_SIGNS
        {
            true => BySigns::new(scan, lists, &coded, &block),
            false => None,
        };
        Some(Self { scan, codes: lists.codes()?, queries: coded, bases, by_signs })
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
        let parts = Parts::of_codes(n_places, self.scan.rows.dim(), n_queries, n_threads);
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
            let matrix = Matrix::new(self.scan, &alone);
            found.settle(query, &matrix, top);
            matrix.finish()?;
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
        let at_once = each.len() >= MANY
            && self.by_signs.is_none()
            && matches!(self.scan.filter, Filter::All(_));
        let block_len = if at_once { LOOK / TOGETHER } else { LOOK };
        while let Some(places) = parts.next() {
            self.scan.filter.visit_blocks(places, block_len, &mut rows, |picks| {
                self.look_at(picks, &mut scan, &mut founds, at_once);
            });
            if stop() {
                parts.stop();
            }
        }
        scan.finish()?;
        if parts.are_stopped() { Err(Error::Stopped) } else { Ok(founds) }
    }

    fn look_at(
        &self,
        picks: Picks<'_>,
        scan: &mut CodeScan<'_>,
        founds: &mut [Found],
        at_once: bool,
    ) {
        let each = self.queries.each.iter().zip(&self.bases);
        let mut seekers: Vec<Seeker<'_>> =
            each.zip(founds).map(|((query, &base), found)| Seeker { query, base, found }).collect();
        if let (Some(by_signs), Picks::Range { first, len }) = (&self.by_signs, picks) {
            for (seeker, (query, distance)) in seekers.into_iter().zip(&by_signs.queries) {
                let rows = first..first + len;
                let Some(stretch) = by_signs.lists.stretch(0, rows, seeker.base, *distance) else {
                    continue;
                };
                let signs = by_signs.signs;
                let one = SignSeeker { query: seeker.query, by_signs: query, signs };
                scan.look_by_signs(&one, &[stretch], seeker.found);
            }
            return;
        }
        match picks {
            Picks::Range { first, len } if at_once => {
                let padded = Codes::padded(self.scan.rows.dim());
                let digits = self.queries.digits.chunks(TOGETHER * padded);
                for (digits, seekers) in digits.zip(seekers.chunks_mut(TOGETHER)) {
                    scan.look_at_once(first, len, digits, seekers);
                }
            }
            _ => seekers.into_iter().for_each(|seeker| scan.look(picks, seeker)),
        }
    }
}
