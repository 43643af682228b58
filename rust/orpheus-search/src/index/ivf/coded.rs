//! Visiting lists by the codes of their vectors.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::Ivf;
use crate::code::{
    Base, CodeKernels, CodeScan, CodedQuery, Found, ListCodes, Originals, RowCodes, Seeker,
    SignQuery, SignSeeker, Stretch, fetch,
};
use crate::distance::Block;
use crate::error::Result;
use crate::filter::Picks;
use crate::format::model::List;
use crate::index::acceleration::Acceleration;
use crate::index::engine::{Control, Request};
use crate::index::originals::FileVectors;
use crate::metric::Metric;
use crate::neighbours::NO_ID;
use crate::queries::QueryBlock;
use crate::rows::Rows;
use crate::sidecar::SideData;
use crate::top_k::TopK;

/// Vectors to be compared per neighbour below which codes save nothing.
const LEAST_PER_NEIGHBOUR: usize = 8;

/// Centroids per list to visit below which their signs save nothing.
const LEAST_PER_LIST: usize = 8;

/// Codes of the vectors in lists, and of the centroids.
#[derive(Debug)]
pub(crate) struct CodedLists {
    acceleration: Arc<Acceleration>,
    /// Made when the vectors' codes are used for the first time.
    centroids: OnceLock<Option<RowCodes>>,
}

impl CodedLists {
    pub(crate) fn new(acceleration: Arc<Acceleration>) -> Self {
        Self { acceleration, centroids: OnceLock::new() }
    }

    /// What a search for `k` neighbours in `nprobe` lists is made with; `None` if there are no codes
    /// or they are of no use.
    pub(super) fn visit<'a>(
        &'a self,
        ivf: &'a Ivf,
        file: &'a [u8],
        request: &'a Request<'a>,
        nprobe: usize,
    ) -> Option<CodedVisit<'a>> {
        let data = self.acceleration.data()?;
        let k = request.k.filter(|&k| k > 0)?;
        let n_visited = data.codes.n() as u128 * nprobe as u128 / ivf.nlist.max(1) as u128;
        if n_visited < (k as u128).saturating_mul(LEAST_PER_NEIGHBOUR as u128) {
            return None;
        }
        let centers = Rows::new(data.codes.centers(), data.codes.dim()).ok()?;
        let metric = ivf.quantizer.metric();
        let coded = self.centroids.get_or_init(|| RowCodes::new(centers, metric, 1).ok());
        let centroids = coded.as_ref()?.lists();
        let kernels = CodeKernels::beside(request.kernels);
        let acceleration = &self.acceleration;
        Some(CodedVisit {
            ivf,
            file,
            request,
            acceleration,
            data,
            centers,
            centroids,
            kernels,
            nprobe,
            k,
        })
    }
}

/// What a search of lists by codes needs.
pub(super) struct CodedVisit<'a> {
    ivf: &'a Ivf,
    file: &'a [u8],
    request: &'a Request<'a>,
    acceleration: &'a Acceleration,
    data: &'a SideData,
    centers: Rows<'a>,
    centroids: &'a ListCodes,
    kernels: CodeKernels,
    nprobe: usize,
    k: usize,
}

impl CodedVisit<'_> {
    /// Finds what the lists hold that are nearest to `query`: the same as comparing all vectors in
    /// them. `false` if the bounds do not hold for such a query, and nothing was done.
    pub(super) fn search(
        &self,
        query: &[f32],
        top: &mut TopK,
        control: &mut Control<'_>,
    ) -> Result<bool> {
        let frame = self.data.codes.frame();
        let Some(coded) = CodedQuery::new(query, frame) else { return Ok(false) };
        let alone = QueryBlock::new(query, query.len(), frame.metric, 0)?;
        let by_signs = SignQuery::new(coded.digits(), query.len(), self.kernels);
        let nearest = self.nearest_lists(query, &coded, by_signs.as_ref(), &alone);
        let Some(lists) = nearest else { return Ok(false) };
        let bases = self.bases(&coded, &alone, &lists);
        let Some(codes) = self.data.codes.codes() else { return Ok(false) };
        let mut scan = CodeScan::new(codes, self.kernels);
        let mut found = Found::new(self.k);
        if self.request.exact != Some(true)
            && self.request.selection.is_all()
            && let Some(by_signs) = &by_signs
            && let Some(signs) = self.data.codes.signs()
        {
            let seeker = SignSeeker { query: &coded, by_signs, signs };
            let stretches = self.stretches(&alone, &lists, &bases);
            scan.look_by_signs(&seeker, &stretches, &mut found);
            return self.settle(scan, found, &coded, &alone, top);
        }
        let mut rows = Vec::new();
        for (&list, &base) in lists.iter().zip(&bases) {
            control.check()?;
            let places = self.data.codes.places(list);
            let seeker = Seeker { query: &coded, base, found: &mut found };
            if self.request.selection.is_all() {
                scan.look(Picks::Range { first: places.start, len: places.len() }, seeker);
                continue;
            }
            self.select(list, places.start, &mut rows);
            scan.look(Picks::Rows(&rows), seeker);
        }
        self.settle(scan, found, &coded, &alone, top)
    }

    /// The lists, as a search by signs wants them.
    fn stretches(&self, alone: &QueryBlock, lists: &[usize], bases: &[Base]) -> Vec<Stretch> {
        let mut squares = vec![0.0; lists.len()];
        if let Some(block) = Block::new(alone, self.centers, Picks::Rows(lists)) {
            self.request.kernels.squared_l2(&block, &mut squares);
        }
        let stretch = |((&list, &base), square): ((&usize, &Base), f32)| {
            let n = self.data.codes.places(list).len();
            self.data.codes.stretch(list, 0..n, base, square.sqrt())
        };
        lists.iter().zip(bases).zip(squares).filter_map(stretch).collect()
    }

    /// Compares exactly what is left of a scan. `true`, unless that shows that the file has changed.
    fn settle(
        &self,
        scan: CodeScan<'_>,
        found: Found,
        query: &CodedQuery,
        alone: &QueryBlock,
        top: &mut TopK,
    ) -> Result<bool> {
        scan.finish()?;
        let sums = self.data.rows.as_ref();
        let how = (self.request.kernels, self.ivf.metric);
        let vectors = FileVectors::new(self.acceleration, sums, self.file, alone, how);
        let lists = InLists { visit: self, vectors };
        found.settle(query, &lists, top);
        lists.vectors.finish().map(|()| true)
    }

    /// The lists to visit, nearest first. The codes of their centroids are read, not the centroids:
    /// which of two is nearer is decided to 1 part in 2,000 of their distance.
    fn nearest_lists(
        &self,
        query: &[f32],
        coded: &CodedQuery,
        by_signs: Option<&SignQuery>,
        alone: &QueryBlock,
    ) -> Option<Vec<usize>> {
        let (frame, n) = (self.centroids.frame(), self.centroids.n());
        let is_like = frame.measures_as(self.data.codes.frame());
        let coded = if is_like { coded.for_frame(frame) } else { CodedQuery::new(query, frame)? };
        let by_signs = by_signs.filter(|_| is_like);
        let center = Rows::new(self.centroids.center(0), query.len()).ok()?;
        let base = coded.base(*self.scores(alone, center, &[0])?.first()?, frame);
        let mut scan = CodeScan::new(self.centroids.codes()?, self.kernels);
        if let (Some(by_signs), Some(signs)) = (by_signs, self.centroids.signs())
            && self.nprobe * LEAST_PER_LIST <= n
        {
            let mut square = [0.0];
            let block = Block::new(alone, center, Picks::Range { first: 0, len: 1 })?;
            self.request.kernels.squared_l2(&block, &mut square);
            let stretch = self.centroids.stretch(0, 0..n, base, square[0].sqrt())?;
            let seeker = SignSeeker { query: &coded, by_signs, signs };
            return Some(scan.nearest_by_signs(&seeker, stretch, self.nprobe));
        }
        Some(scan.nearest(Picks::Range { first: 0, len: n }, &coded, base, self.nprobe))
    }

    /// What the centroids of `lists` score.
    fn bases(&self, query: &CodedQuery, alone: &QueryBlock, lists: &[usize]) -> Vec<Base> {
        let scores = self.scores(alone, self.centers, lists).unwrap_or_default();
        let frame = self.data.codes.frame();
        scores.into_iter().map(|score| query.base(score, frame)).collect()
    }

    fn scores(&self, alone: &QueryBlock, rows: Rows<'_>, picks: &[usize]) -> Option<Vec<f32>> {
        let block = Block::new(alone, rows, Picks::Rows(picks))?;
        let mut scores = vec![0.0; picks.len()];
        match self.ivf.metric {
            Metric::L2 => self.request.kernels.squared_l2(&block, &mut scores),
            _ => self.request.kernels.dot(&block, &mut scores),
        }
        Some(scores)
    }

    /// The places of the selected vectors of a list, whose first is at `start`.
    fn select(&self, list: usize, start: usize, rows: &mut Vec<usize>) {
        let list = self.ivf.lists.list(list);
        let (ids, _) = self.file[list.ids].as_chunks::<8>();
        let is_selected = |id: &[u8; 8]| self.request.selection.contains(i64::from_le_bytes(*id));
        rows.clear();
        rows.extend((start..).zip(ids).filter(|(_, id)| is_selected(id)).map(|(row, _)| row));
    }
}

/// The vectors of all lists, compared with one query.
struct InLists<'a> {
    visit: &'a CodedVisit<'a>,
    vectors: FileVectors<'a>,
}

impl InLists<'_> {
    /// The list that holds the vector at `place`, and the vector's row there.
    fn at(&self, place: usize) -> (List, usize) {
        let lists = &self.visit.ivf.lists;
        let number = lists.list_at(place);
        (lists.list(number), place - lists.n_before(number))
    }

    /// Where the vector at `place` lies in the file.
    fn range(&self, place: usize) -> Range<usize> {
        let (list, row) = self.at(place);
        let row_bytes = 4 * self.visit.data.codes.dim();
        let start = list.codes.start + row * row_bytes;
        start..start + row_bytes
    }
}

impl Originals for InLists<'_> {
    fn fetch(&self, place: usize) {
        if self.vectors.are_mapped() {
            fetch(&self.visit.file[self.range(place)]);
        }
    }

    fn score(&self, place: usize) -> f32 {
        if self.id(place) == NO_ID {
            return f32::NAN; // never shown
        }
        self.vectors.score(place, self.range(place))
    }

    fn id(&self, place: usize) -> i64 {
        let (list, row) = self.at(place);
        let (ids, _) = self.visit.file[list.ids].as_chunks::<8>();
        self.visit.request.ids.of(i64::from_le_bytes(ids[row])).unwrap_or(NO_ID)
    }
}
