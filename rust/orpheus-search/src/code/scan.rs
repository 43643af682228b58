//! Reading codes, and keeping what they cannot rule out.
//!
//! Of each vector the coarse code gives a merit that the true one does not exceed. Where that is at
//! least the `k`-th best of the merits known to be reached so far, the fine code narrows both
//! bounds; what is left in the end is compared exactly.

use std::cell::Cell;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::codes::Codes;
use super::fetch::fetch;
use super::kernel::{BLOCK, Batch, Bound, CodeKernels, Sums};
use super::query::{Base, CodedQuery};
use super::signs::SignScratch;
use crate::error::{Error, Result};
use crate::filter::Picks;
use crate::top_k::TopK;

/// Candidates ahead of which vectors are asked for.
const AHEAD: usize = 8;

/// A merit, which is never NaN, with its order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merit(pub(super) f32);

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

    /// How many neighbours are wanted.
    pub(super) fn n_wanted(&self) -> usize {
        self.floor.k
    }

    /// What as many are known to merit.
    pub(super) fn floor(&self) -> f32 {
        self.floor.value()
    }

    /// Adds what another part of the scan has found.
    pub(crate) fn merge(&mut self, other: Self) {
        for Reverse(key) in other.floor.worst_first {
            self.floor.raise(key.0);
        }
        self.candidates.extend(other.candidates);
    }

    /// Forgets candidates that cannot be among the nearest any more, now and then.
    fn drop_overtaken(&mut self, query: &CodedQuery) {
        if self.candidates.len() >= self.full {
            let limit = query.limit(self.floor.value());
            self.candidates.retain(|candidate| candidate.most >= limit);
            self.full = self.full.max(2 * self.candidates.len());
        }
    }
}

/// Reads codes; nothing is allocated on the way once it has begun.
pub(crate) struct CodeScan<'a> {
    pub(super) codes: Codes<'a>,
    pub(super) kernels: CodeKernels,
    sums: Vec<i32>,
    pub(super) kept: [u32; BLOCK],
    factors: Factors,
    scratch: Vec<u8>,
    pub(super) signs: SignScratch,
    /// Whether all that was read is what was written.
    pub(super) is_sound: bool,
}

/// One query of a scan: how it is compared, from where, and what has been found for it.
pub(crate) struct Seeker<'a> {
    pub(crate) query: &'a CodedQuery,
    pub(crate) base: Base,
    pub(crate) found: &'a mut Found,
}

impl<'a> CodeScan<'a> {
    pub(crate) fn new(codes: Codes<'a>, kernels: CodeKernels) -> Self {
        let factors = Factors { scales: [0; BLOCK], offsets: [0.0; BLOCK] };
        let Spare { sums, scratch, signs } = SPARE.take();
        Self { codes, kernels, sums, kept: [0; BLOCK], factors, scratch, signs, is_sound: true }
    }

    /// Looks at some vectors for one query.
    pub(crate) fn look(&mut self, picks: Picks<'_>, mut seeker: Seeker<'_>) {
        let mut sums = std::mem::take(&mut self.sums);
        if sums.len() < picks.len() {
            sums.resize(picks.len(), 0);
        }
        let sums_here = &mut sums[..picks.len()];
        self.is_sound &= self.codes.coarse_is_sound(picks);
        self.kernels.coarse(&self.codes, picks, seeker.query.digits().as_bytes(), sums_here);
        self.sift(picks, sums_here, &mut seeker);
        self.sums = sums;
    }

    /// Looks at `len` vectors that follow each other, for several queries; `digits` are those of
    /// all of them.
    pub(crate) fn look_at_once(
        &mut self,
        first: usize,
        len: usize,
        digits: &[u8],
        seekers: &mut [Seeker<'_>],
    ) {
        let mut sums = std::mem::take(&mut self.sums);
        if sums.len() < seekers.len() * len {
            sums.resize(seekers.len() * len, 0);
        }
        self.is_sound &= self.codes.coarse_is_sound(Picks::Range { first, len });
        let batch = Batch { codes: self.codes, first, n_rows: len, digits };
        self.kernels.batch(&batch, &mut self.scratch, &mut sums);
        for (seeker, sums) in seekers.iter_mut().zip(sums.chunks(len)) {
            self.sift(Picks::Range { first, len }, sums, seeker);
        }
        self.sums = sums;
    }

    /// Makes sure that all codes that were read are those that were written.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`].
    pub(crate) fn finish(self) -> Result<()> {
        if self.is_sound { Ok(()) } else { Err(Error::Changed { what: "a code".to_owned() }) }
    }

    /// The `n` of `picks` that seem nearest by both codes, nearest first.
    pub(crate) fn nearest(
        &mut self,
        picks: Picks<'_>,
        query: &CodedQuery,
        base: Base,
        n: usize,
    ) -> Vec<usize> {
        let len = picks.len();
        self.sums.resize(len.max(self.sums.len()), 0);
        self.is_sound &= self.codes.coarse_is_sound(picks);
        let digits = query.digits().as_bytes();
        self.kernels.coarse(&self.codes, picks, digits, &mut self.sums[..len]);
        let merit = |place: usize, fine: i32| {
            let row = picks.row(place);
            let (scale, offset) = (self.codes.scale(row), self.codes.offset(row));
            Merit(query.merit([self.sums[place], fine], scale, offset, base).0)
        };
        let farthest_first = |pair: &(Merit, usize)| (Reverse(pair.0), pair.1);
        // Half a fine code is the best guess of what it will say.
        let guess = (7.5 * query.digits().sum as f32) as i32;
        let mut rows: Vec<(Merit, usize)> =
            (0..len).map(|place| (merit(place, guess), place)).collect();
        let n_closer = (2 * n + 16).min(len);
        if n_closer < len {
            rows.select_nth_unstable_by_key(n_closer, farthest_first);
        }
        rows.truncate(n_closer);
        for (known, place) in &mut rows {
            *known = merit(*place, self.kernels.fine(&self.codes, picks.row(*place), digits));
        }
        rows.sort_unstable_by_key(farthest_first);
        rows.truncate(n);
        rows.into_iter().map(|(_, place)| picks.row(place)).collect()
    }

    /// First raises the floor by the vectors that look near, so that fewer have to be looked at
    /// closely; then collects those that may be.
    fn sift(&mut self, picks: Picks<'_>, sums: &[i32], seeker: &mut Seeker<'_>) {
        for first in (0..picks.len()).step_by(BLOCK) {
            let part = picks.part(first, BLOCK);
            let floor = seeker.found.floor.value();
            let bound = seeker.query.estimate(floor, seeker.base);
            let n_kept = self.keep(part, &sums[first..first + part.len()], &bound);
            self.narrow(part, &sums[first..], n_kept, seeker, |found, merit, off, _| {
                found.floor.raise(merit - off);
            });
        }
        for first in (0..picks.len()).step_by(BLOCK) {
            let part = picks.part(first, BLOCK);
            let floor = seeker.found.floor.value();
            let bound = seeker.query.bound(floor, seeker.base);
            let n_kept = self.keep(part, &sums[first..first + part.len()], &bound);
            let limit = seeker.query.limit(floor);
            self.narrow(part, &sums[first..], n_kept, seeker, |found, merit, off, row| {
                if merit + off >= limit {
                    found.candidates.push(Candidate { most: merit + off, row });
                }
            });
            seeker.found.drop_overtaken(seeker.query);
        }
    }

    /// Finds the places of `picks` whose sums are within `bound`; returns how many there are.
    fn keep(&mut self, picks: Picks<'_>, sums: &[i32], bound: &Bound) -> usize {
        let (scales, offsets) = self.factors.of(&self.codes, picks);
        self.kernels.keep(&Sums { products: sums, scales, offsets }, bound, &mut self.kept)
    }

    /// Hands the merit of each vector that was kept to `take`, with how much it may be off, now that
    /// the fine code is read too. Where nothing is known of a vector its merit may be off by any amount.
    fn narrow(
        &mut self,
        picks: Picks<'_>,
        sums: &[i32],
        n_kept: usize,
        seeker: &mut Seeker<'_>,
        take: impl Fn(&mut Found, f32, f32, usize),
    ) {
        for &place in &self.kept[..n_kept] {
            fetch(self.codes.fine(picks.row(place as usize)));
        }
        for index in 0..n_kept {
            let place = self.kept[index];
            let row = picks.row(place as usize);
            let scale = self.codes.scale(row);
            if scale.is_nan() {
                take(seeker.found, 0.0, f32::INFINITY, row);
                continue;
            }
            self.is_sound &= self.codes.fine_is_sound(row);
            let fine = self.kernels.fine(&self.codes, row, seeker.query.digits().as_bytes());
            let (both, offset) = ([sums[place as usize], fine], self.codes.offset(row));
            let (merit, off) = seeker.query.merit(both, scale, offset, seeker.base);
            take(seeker.found, merit, off, row);
        }
    }
}

thread_local! {
    /// Memory that the last scan of this thread has left: to touch new memory for each would cost
    /// more than a small scan.
    static SPARE: Cell<Spare> = Cell::default();
}

#[derive(Default)]
struct Spare {
    sums: Vec<i32>,
    scratch: Vec<u8>,
    signs: SignScratch,
}

impl Drop for CodeScan<'_> {
    fn drop(&mut self) {
        let spare = Spare {
            sums: std::mem::take(&mut self.sums),
            scratch: std::mem::take(&mut self.scratch),
            signs: std::mem::take(&mut self.signs),
        };
        // Where the thread is about to end there is nowhere to leave it.
        let _ = SPARE.try_with(|place| place.set(spare));
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
                let offsets =
                    if offsets.is_empty() { offsets } else { &offsets[first..first + len] };
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
        candidates.retain(|candidate| candidate.most >= limit);
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
