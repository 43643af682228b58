//! Reading codes, and keeping what they cannot rule out.
//!
//! Of each vector the coarse code gives a merit that the true one does not exceed. Where that is at
//! least the `k`-th best of the merits known to be reached so far, the fine code narrows both
//! bounds; what is left in the end is compared exactly.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::codes::Codes;
use super::fetch::fetch;
use super::kernel::{BLOCK, Batch, CodeKernels, Sums};
use super::query::{Base, CodedQueries, CodedQuery};
use crate::filter::Picks;
use crate::top_k::TopK;

/// Candidates ahead of which vectors are asked for.
const AHEAD: usize = 8;

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
pub(crate) struct Found {
    floor: Floor,
    candidates: Vec<Candidate>,
    /// Candidates beyond which those that have been overtaken are dropped.
    full: usize,
}

impl Found {
    pub(crate) fn new(k: usize) -> Self {
        Self { floor: Floor::new(k), candidates: Vec::new(), full: 4 * k + 1024 }
    }

    /// Adds what another part of the scan has found.
    pub(crate) fn merge(&mut self, other: Self) {
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
pub(crate) struct CodeScan<'a> {
    codes: Codes<'a>,
    kernels: CodeKernels,
    sums: [i32; BLOCK],
    kept: [u32; BLOCK],
    factors: Factors,
    many_sums: Vec<i32>,
    scratch: Vec<u8>,
}

impl<'a> CodeScan<'a> {
    pub(crate) fn new(codes: Codes<'a>, kernels: CodeKernels) -> Self {
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
    pub(crate) fn look(
        &mut self,
        picks: Picks<'_>,
        query: &CodedQuery,
        base: Base,
        found: &mut Found,
    ) {
        self.kernels.coarse(&self.codes, picks, query.digits().first(), &mut self.sums);
        let bound = query.bound(found.floor.value(), base);
        let (scales, offsets) = self.factors.of(&self.codes, picks);
        let sums = Sums { sums: &self.sums[..picks.len()], scales, offsets };
        let n_kept = self.kernels.keep(&sums, &bound, &mut self.kept);
        self.narrow(picks, n_kept, query, base, found);
    }

    /// Looks at up to [`BLOCK`] vectors that follow each other, for many queries.
    pub(crate) fn look_at_once(
        &mut self,
        first: usize,
        len: usize,
        queries: &CodedQueries,
        bases: &[Base],
        founds: &mut [Found],
    ) {
        let n_queries = queries.each.len();
        self.many_sums.resize(n_queries * len, 0);
        let batch = Batch { codes: self.codes, first, n_rows: len, digits: &queries.digits };
        self.kernels.batch(&batch, &mut self.scratch, &mut self.many_sums);
        let picks = Picks::Range { first, len };
        for (index, ((query, found), &base)) in
            queries.each.iter().zip(founds).zip(bases).enumerate()
        {
            let bound = query.bound(found.floor.value(), base);
            let offsets = self.codes.offsets();
            let sums = Sums {
                sums: &self.many_sums[index * len..][..len],
                scales: &self.codes.scales()[first..first + len],
                offsets: if offsets.is_empty() { offsets } else { &offsets[first..first + len] },
            };
            let n_kept = self.kernels.keep(&sums, &bound, &mut self.kept);
            self.narrow(picks, n_kept, query, base, found);
        }
    }

    /// Reads the fine codes of what a look has kept.
    fn narrow(
        &mut self,
        picks: Picks<'_>,
        n_kept: usize,
        query: &CodedQuery,
        base: Base,
        found: &mut Found,
    ) {
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
            let sums = self.kernels.precise(&self.codes, row, query.digits());
            let (merit, off) = query.merit(sums, scale, self.codes.offset(row), base);
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

/// Vectors as they are, by their place among the codes.
pub(crate) trait Originals {
    /// Asks for the vector at `place`, without waiting for it.
    fn fetch(&self, place: usize);
    /// Its score, as every exact search gives it; NaN if it cannot be a neighbour.
    fn score(&self, place: usize) -> f32;
    /// Its id.
    fn id(&self, place: usize) -> i64;
}

impl Found {
    /// Compares exactly what is left, and offers it to `top`.
    pub(crate) fn settle(self, query: &CodedQuery, originals: &impl Originals, top: &mut TopK) {
        let Self { floor, mut candidates, .. } = self;
        let mut limit = query.limit(floor.value());
        candidates.retain(|candidate| !(candidate.most < limit));
        candidates.sort_unstable_by(|a, b| b.most.total_cmp(&a.most).then(a.row.cmp(&b.row)));
        candidates.iter().take(AHEAD).for_each(|ahead| originals.fetch(ahead.row));
        for (at, candidate) in candidates.iter().enumerate() {
            if candidate.most < limit {
                break;
            }
            if let Some(ahead) = candidates.get(at + AHEAD) {
                originals.fetch(ahead.row);
            }
            top.offer(originals.score(candidate.row), originals.id(candidate.row));
            if let Some(worst) = top.worst() {
                limit = limit.max(query.limit(query.merit_of(worst)));
            }
        }
    }
}
