//! The exact scan that reads codes first.
//!
//! *Merit* is what is compared here: the inner product, or minus half the squared distance; larger
//! is nearer. Of each vector the coarse code gives a merit that the true one does not exceed. Where
//! that is at least the `k`-th best of the merits known to be reached so far, the fine code narrows
//! both bounds; what is left in the end is compared exactly.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::search::Scan;
use crate::code::{
    BLOCK, Batch, Bound, CodeKernels, Codes, Digits, Extent, QUERY_ERRORS, RowCodes, Sums, fetch,
};
use crate::distance::Block;
use crate::filter::Picks;
use crate::metric::Metric;
use crate::queries::QueryBlock;
use crate::top_k::TopK;

/// Exact comparisons between two looks at whether the rest can still be among the nearest.
const TOGETHER: usize = 8;
/// Rounding of one float32 operation.
const UNIT: f32 = f32::EPSILON / 2.0;

/// One query, ready to be compared with codes.
pub(super) struct CodedQuery {
    digits: Digits,
    /// Merit of a vector at the centre.
    base: f32,
    /// What a coarse and a fine code's bound is multiplied by, besides the scale.
    reach: [f32; 2],
    /// What rounding may change a merit by, whatever the merit.
    slack: f32,
    /// What rounding may change a merit by, per unit of its magnitude.
    relative_slack: f32,
}

/// Queries that are compared together.
pub(super) struct CodedQueries {
    pub(super) each: Vec<CodedQuery>,
    /// First digits of all of them, back to back.
    digits: Vec<u8>,
}

impl CodedQueries {
    /// `None` if the bounds do not hold for one of them.
    pub(super) fn new(queries: &QueryBlock, store: &RowCodes) -> Option<Self> {
        let each: Option<Vec<_>> = (0..queries.n_queries())
            .map(|index| CodedQuery::new(queries.query(index), store))
            .collect();
        let each = each?;
        let mut digits = Vec::new();
        if each.len() > 1 {
            each.iter().for_each(|query| digits.extend_from_slice(query.digits.first()));
        }
        Some(Self { each, digits })
    }
}

impl CodedQuery {
    /// `None` if the bounds do not hold for such a query.
    pub(super) fn new(query: &[f32], store: &RowCodes) -> Option<Self> {
        let mut turned = Vec::with_capacity(query.len());
        store.coder().turn_query(query, store.center(), &mut turned);
        let digits = Digits::new(&turned, Codes::padded(query.len()))?;
        let extent = store.extent();
        let is_l2 = store.metric() == Metric::L2;
        let base = if is_l2 {
            -0.5 * f64::from(digits.norm) * f64::from(digits.norm)
        } else {
            query.iter().zip(store.center()).map(|(q, c)| f64::from(*q) * f64::from(*c)).sum()
        };
        let base = exact_base(is_l2, query, store, base) as f32;
        let span = |digit: usize| digits.norm.max(digits.errors[digit] / QUERY_ERRORS[digit]);
        // The exact scores are sums of `dim` products in at least eight lanes; both the one that
        // sets the limit and the one that is held against it may be off.
        let n_roundings = (query.len() as f32 / 4.0 + 64.0) * UNIT;
        let slack = arithmetic_slack(&digits, extent, query.len()) + 8.0 * UNIT * base.abs();
        let (slack, relative_slack) = if is_l2 {
            (slack, 2.0 * n_roundings)
        } else {
            (slack + 2.0 * n_roundings * digits.norm * extent.norm, 0.0)
        };
        let reach = [0, 1].map(|digit| extent.reach[digit] * span(digit));
        Some(Self { digits, base, reach, slack, relative_slack })
    }

    /// The least merit by its bound that a vector must have to count, where `floor` is reached.
    fn limit(&self, floor: f32) -> f32 {
        if floor == f32::NEG_INFINITY {
            return floor;
        }
        floor - self.slack - self.relative_slack * floor.abs()
    }

    fn bound(&self, floor: f32) -> Bound {
        let unit = self.digits.first_unit();
        let level = (0.5 / 8.0 - 1.0) * unit * self.digits.sums[0] as f32 + self.reach[0];
        Bound { slope: unit / 8.0, level, limit: self.limit(floor) - self.base }
    }

    /// The merit that both codes of a vector give, and by how much it may be off.
    fn merit(&self, sums: [i32; 4], scale: f32, offset: f32) -> (f32, f32) {
        let [coarse_first, fine_first, coarse_second, fine_second] = sums.map(f64::from);
        let step = f64::from(Digits::step());
        let sum = step * (16.0 * coarse_first + fine_first) + 16.0 * coarse_second + fine_second;
        let [first, second] = self.digits.sums.map(f64::from);
        let level = (0.5 / 128.0 - 1.0) * (step * first + second);
        let product = f64::from(self.digits.unit) * (sum / 128.0 + level);
        let merit = f64::from(scale) * product + f64::from(offset) + f64::from(self.base);
        (merit as f32, scale * self.reach[1])
    }
}

/// The merit at the centre, without the error of `digits.norm`.
fn exact_base(is_l2: bool, query: &[f32], store: &RowCodes, product: f64) -> f64 {
    if !is_l2 {
        return product;
    }
    let off = |(q, c): (&f32, &f32)| {
        let difference = f64::from(*q) - f64::from(*c);
        difference * difference
    };
    -0.5 * query.iter().zip(store.center()).map(off).sum::<f64>()
}

/// What the arithmetic of bounds may be off by.
fn arithmetic_slack(digits: &Digits, extent: Extent, dim: usize) -> f32 {
    let spread = extent.scale * (dim as f32).sqrt();
    16.0 * UNIT * (2.0 * digits.norm * spread + extent.offset)
}

/// A merit, which is never NaN, with its order.
#[derive(Clone, Copy, Debug)]
struct Merit(f32);

impl Ord for Merit {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Merit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Merit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Merit {}

/// The best merits that `k` vectors are known to reach.
struct Floor {
    k: usize,
    worst_first: BinaryHeap<Reverse<Merit>>,
}

impl Floor {
    fn new(k: usize) -> Self {
        Self { k, worst_first: BinaryHeap::with_capacity(k.min(1024)) }
    }

    fn value(&self) -> f32 {
        match self.worst_first.peek() {
            Some(Reverse(worst)) if self.worst_first.len() == self.k => worst.0,
            _ => f32::NEG_INFINITY,
        }
    }

    fn raise(&mut self, merit: f32) {
        let key = Merit(merit);
        if self.worst_first.len() < self.k {
            self.worst_first.push(Reverse(key));
        } else if let Some(mut worst) = self.worst_first.peek_mut()
            && key > worst.0
        {
            *worst = Reverse(key);
        }
    }
}

/// A vector that may be among the nearest.
#[derive(Clone, Copy)]
struct Candidate {
    /// Its merit is at most this.
    most: f32,
    row: usize,
}

/// What a scan of some of the codes has found for one query.
pub(super) struct Found {
    floor: Floor,
    candidates: Vec<Candidate>,
    /// Candidates beyond which those that have been overtaken are dropped.
    full: usize,
}

impl Found {
    pub(super) fn new(k: usize) -> Self {
        Self { floor: Floor::new(k), candidates: Vec::new(), full: 4 * k + 1024 }
    }

    /// Adds what another part of the scan has found.
    pub(super) fn merge(&mut self, other: Self) {
        for Reverse(key) in other.floor.worst_first {
            self.floor.raise(key.0);
        }
        self.candidates.extend(other.candidates);
    }

    fn push(&mut self, candidate: Candidate, query: &CodedQuery) {
        if self.candidates.len() >= self.full {
            let limit = query.limit(self.floor.value());
            self.candidates.retain(|candidate| !(candidate.most < limit));
            self.full = self.full.max(2 * self.candidates.len());
        }
        self.candidates.push(candidate);
    }
}

/// Reads codes for one query at a time; nothing is allocated on the way.
pub(super) struct CodeScan<'a> {
    codes: Codes<'a>,
    kernels: CodeKernels,
    sums: [i32; BLOCK],
    kept: [u32; BLOCK],
    factors: Factors,
    many_sums: Vec<i32>,
    scratch: Vec<u8>,
}

impl<'a> CodeScan<'a> {
    pub(super) fn new(codes: Codes<'a>, kernels: CodeKernels) -> Self {
        Self {
            codes,
            kernels,
            sums: [0; BLOCK],
            kept: [0; BLOCK],
            factors: Factors { scales: [0; BLOCK], offsets: [0.0; BLOCK] },
            many_sums: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Looks at up to [`BLOCK`] vectors.
    pub(super) fn look(&mut self, picks: Picks<'_>, query: &CodedQuery, found: &mut Found) {
        self.kernels.coarse(&self.codes, picks, query.digits.first(), &mut self.sums);
        let bound = query.bound(found.floor.value());
        let (scales, offsets) = self.factors.of(&self.codes, picks);
        let sums = Sums { sums: &self.sums[..picks.len()], scales, offsets };
        let n_kept = self.kernels.keep(&sums, &bound, &mut self.kept);
        self.narrow(picks, n_kept, query, found);
    }

    /// Looks at up to [`BLOCK`] vectors that follow each other, for many queries.
    pub(super) fn look_at_once(
        &mut self,
        first: usize,
        len: usize,
        queries: &CodedQueries,
        founds: &mut [Found],
    ) {
        let n_queries = queries.each.len();
        self.many_sums.resize(n_queries * len, 0);
        let batch = Batch { codes: self.codes, first, n_rows: len, digits: &queries.digits };
        self.kernels.batch(&batch, &mut self.scratch, &mut self.many_sums);
        let picks = Picks::Range { first, len };
        for (index, (query, found)) in queries.each.iter().zip(founds).enumerate() {
            let bound = query.bound(found.floor.value());
            let offsets = self.codes.offsets();
            let sums = Sums {
                sums: &self.many_sums[index * len..][..len],
                scales: &self.codes.scales()[first..first + len],
                offsets: if offsets.is_empty() { offsets } else { &offsets[first..first + len] },
            };
            let n_kept = self.kernels.keep(&sums, &bound, &mut self.kept);
            self.narrow(picks, n_kept, query, found);
        }
    }

    /// Reads the fine codes of what a look has kept.
    fn narrow(&mut self, picks: Picks<'_>, n_kept: usize, query: &CodedQuery, found: &mut Found) {
        let kept = &self.kept[..n_kept];
        for &place in kept {
            fetch(self.codes.fine(picks.row(place as usize)));
        }
        for &place in kept {
            let row = picks.row(place as usize);
            let scale = self.codes.scale(row);
            if scale.is_nan() {
                found.push(Candidate { most: f32::INFINITY, row }, query);
                continue;
            }
            let sums = self.kernels.precise(&self.codes, row, &query.digits);
            let (merit, off) = query.merit(sums, scale, self.codes.offset(row));
            if !(merit + off < query.limit(found.floor.value())) {
                found.floor.raise(merit - off);
                found.push(Candidate { most: merit + off, row }, query);
            }
        }
    }
}

/// Scales and offsets of scattered vectors, side by side.
struct Factors {
    scales: [u16; BLOCK],
    offsets: [f32; BLOCK],
}

impl Factors {
    fn of<'b>(&'b mut self, codes: &Codes<'b>, picks: Picks<'_>) -> (&'b [u16], &'b [f32]) {
        let (scales, offsets) = (codes.scales(), codes.offsets());
        match picks {
            Picks::Range { first, len } => {
                let offsets = if offsets.is_empty() { offsets } else { &offsets[first..first + len] };
                (&scales[first..first + len], offsets)
            }
            Picks::Rows(rows) => {
                for (into, &row) in self.scales.iter_mut().zip(rows) {
                    *into = scales[row];
                }
                if offsets.is_empty() {
                    return (&self.scales[..rows.len()], &[]);
                }
                for (into, &row) in self.offsets.iter_mut().zip(rows) {
                    *into = offsets[row];
                }
                (&self.scales[..rows.len()], &self.offsets[..rows.len()])
            }
        }
    }
}

/// Compares what is left exactly.
pub(super) fn settle(
    scan: &Scan<'_>,
    alone: &QueryBlock,
    query: &CodedQuery,
    found: Found,
    top: &mut TopK,
) {
    let Found { floor, mut candidates, .. } = found;
    let mut limit = query.limit(floor.value());
    candidates.retain(|candidate| !(candidate.most < limit));
    candidates.sort_unstable_by(|a, b| b.most.total_cmp(&a.most).then(a.row.cmp(&b.row)));
    for ahead in candidates.iter().take(2 * TOGETHER) {
        fetch(scan.rows.row_lanes(ahead.row));
    }
    let mut rows = [0; TOGETHER];
    let (mut scores, mut inverse_norms) = ([0.0; TOGETHER], [0.0; TOGETHER]);
    let mut at = 0;
    while at < candidates.len() && !(candidates[at].most < limit) {
        let group = &candidates[at..candidates.len().min(at + TOGETHER)];
        at += group.len();
        for ahead in candidates.iter().skip(at + TOGETHER).take(TOGETHER) {
            fetch(scan.rows.row_lanes(ahead.row));
        }
        for (row, candidate) in rows.iter_mut().zip(group) {
            *row = candidate.row;
        }
        let picks = Picks::Rows(&rows[..group.len()]);
        let Some(block) = Block::new(alone, scan.rows, picks) else {
            return; // candidates are rows
        };
        scan.score(&block, picks, &mut scores, &mut inverse_norms);
        scan.offer(top, picks, &scores[..group.len()]);
        if let Some(worst) = top.worst() {
            let merit = if scan.metric == Metric::L2 { -0.5 * worst } else { worst };
            limit = limit.max(query.limit(merit));
        }
    }
}
