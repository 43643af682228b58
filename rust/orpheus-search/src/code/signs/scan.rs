//! Signs first, and codes only of the vectors whose signs look near.

use std::cmp::Reverse;
use std::ops::Range;

use super::layout::{LANES, Signs};
use super::query::SignQuery;
use crate::code::fetch;
use crate::code::kernel::{BLOCK, Bound, Sums};
use crate::code::query::{Base, CodedQuery};
use crate::code::scan::{CodeScan, Found, Merit, Seeker};
use crate::filter::Picks;

/// Vectors that are looked at together: enough to wait for all of them at once.
const TOGETHER: usize = 256;
/// Stands for the sum of a vector that has been looked at: no estimate of it is worth anything.
const DONE: i32 = i32::MIN / 2;

/// Vectors of one list that follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// The block of signs that holds the first of them, and how many of that come before it.
    pub(in crate::code) block: usize,
    pub(in crate::code) skipped: usize,
    /// The place of the first, and how many there are.
    pub(in crate::code) first: usize,
    pub(in crate::code) len: usize,
    /// What the centre of the list merits.
    pub(crate) base: Base,
    /// How far the query is from it.
    pub(crate) distance: f32,
}

impl Stretch {
    fn blocks(&self) -> Range<usize> {
        self.block..self.block + (self.skipped + self.len).div_ceil(LANES)
    }
}

/// One query, as signs and as codes want it.
#[derive(Clone, Copy)]
pub(crate) struct SignSeeker<'a> {
    pub(crate) query: &'a CodedQuery,
    pub(crate) by_signs: &'a SignQuery,
    pub(crate) signs: Signs<'a>,
}

/// A vector that seems to be near: what it seems to merit, its stretch, and its place in it.
type Seeming = (Reverse<Merit>, usize, usize);

/// Memory that is kept from look to look.
#[derive(Default)]
pub(in crate::code) struct SignScratch {
    sums: Vec<i32>,
    nearest: Vec<Seeming>,
    /// Vectors to be looked at, those of a stretch together; where each of these begins.
    rows: Vec<usize>,
    parts: Vec<(usize, usize)>,
}

impl CodeScan<'_> {
    /// Looks at all vectors of `stretches` whose signs say that they may be among the nearest.
    pub(crate) fn look_by_signs(
        &mut self,
        seeker: &SignSeeker<'_>,
        stretches: &[Stretch],
        found: &mut Found,
    ) {
        let mut scratch = std::mem::take(&mut self.signs);
        self.sum_signs(seeker, stretches, &mut scratch.sums);
        self.look_at_nearest(seeker, stretches, &mut scratch, found);
        self.look_at_rest(seeker, stretches, &mut scratch, found);
        self.signs = scratch;
    }

    /// The `n` vectors that seem nearest by both codes of those that may be by their signs, nearest
    /// first.
    pub(crate) fn nearest_by_signs(
        &mut self,
        seeker: &SignSeeker<'_>,
        stretch: Stretch,
        n: usize,
    ) -> Vec<usize> {
        let mut scratch = std::mem::take(&mut self.signs);
        self.sum_signs(seeker, &[stretch], &mut scratch.sums);
        let least = self.choose(seeker, &[stretch], n, f32::NEG_INFINITY, &mut scratch);
        let limit = least - stretch.base.merit();
        let bound = seeker.by_signs.bound(limit, stretch.distance, &seeker.signs);
        for first in (0..stretch.len).step_by(BLOCK) {
            let sums = &scratch.sums[stretch.skipped + first..stretch.skipped + stretch.len];
            let n_kept = self.keep_by_signs(seeker, &stretch, first, sums, &bound);
            let start = stretch.first + first;
            scratch.rows.extend(self.kept[..n_kept].iter().map(|&place| start + place as usize));
        }
        let nearest = self.nearest(Picks::Rows(&scratch.rows), seeker.query, stretch.base, n);
        scratch.rows.clear();
        self.signs = scratch;
        nearest
    }

    fn sum_signs(&mut self, seeker: &SignSeeker<'_>, stretches: &[Stretch], sums: &mut Vec<i32>) {
        let n_sums = stretches.iter().map(|stretch| stretch.blocks().len() * LANES).sum();
        if sums.len() < n_sums {
            sums.resize(n_sums, 0);
        }
        let mut rest = &mut sums[..];
        for stretch in stretches {
            let (signs, blocks) = (&seeker.signs, stretch.blocks());
            self.is_sound &= signs.are_sound(blocks.clone());
            let here;
            (here, rest) = rest.split_at_mut(blocks.len() * LANES);
            let tables = seeker.by_signs.tables();
            self.kernels.sign_sums(signs.blocks(blocks), signs.stride(), tables, here);
        }
    }

    /// First those that seem nearest of all: what they merit rules out most of the others.
    fn look_at_nearest(
        &mut self,
        seeker: &SignSeeker<'_>,
        stretches: &[Stretch],
        scratch: &mut SignScratch,
        found: &mut Found,
    ) {
        let n_wanted = found.n_wanted().saturating_mul(2).saturating_add(16);
        self.choose(seeker, stretches, n_wanted, found.floor(), scratch);
        let SignScratch { sums, nearest, rows, parts } = scratch;
        nearest.sort_unstable_by_key(|&(_, number, place)| (number, place));
        let mut nearest = nearest.drain(..).peekable();
        let mut at = 0;
        for (number, stretch) in stretches.iter().enumerate() {
            parts.push((number, rows.len()));
            while let Some((.., place)) = nearest.next_if(|one| one.1 == number) {
                sums[at + stretch.skipped + place] = DONE;
                rows.push(stretch.first + place);
                fetch(self.codes.coarse(stretch.first + place));
            }
            at += stretch.blocks().len() * LANES;
        }
        drop(nearest);
        self.look_at_parts(seeker, stretches, rows, parts, found);
    }

    /// Finds the `n` that seem nearest of those that seem to merit more than `least`; returns what the
    /// last of them does.
    fn choose(
        &mut self,
        seeker: &SignSeeker<'_>,
        stretches: &[Stretch],
        n: usize,
        mut least: f32,
        scratch: &mut SignScratch,
    ) -> f32 {
        let SignScratch { sums, nearest, .. } = scratch;
        nearest.clear();
        let mut at = 0;
        for (number, stretch) in stretches.iter().enumerate() {
            let (start, base) = (at + stretch.skipped, stretch.base.merit());
            at += stretch.blocks().len() * LANES;
            for first in (0..stretch.len).step_by(BLOCK) {
                let sums = &sums[start + first..start + stretch.len];
                let bound = seeker.by_signs.estimate(least - base);
                let n_kept = self.keep_by_signs(seeker, stretch, first, sums, &bound);
                for &place in &self.kept[..n_kept] {
                    let place = place as usize;
                    let (factor, offset) = seeker.signs.fact(stretch.first + first + place);
                    let seems = seeker.by_signs.seems(sums[place], factor, offset) + base;
                    // Of a vector that has no factor nothing can be said.
                    if !seems.is_nan() {
                        nearest.push((Reverse(Merit(seems)), number, first + place));
                    }
                }
                if nearest.len() >= n.saturating_mul(2) {
                    least = least.max(cut(nearest, n));
                }
            }
        }
        if nearest.len() >= n { least.max(cut(nearest, n)) } else { least }
    }

    /// Then all that may be as near as they are.
    fn look_at_rest(
        &mut self,
        seeker: &SignSeeker<'_>,
        stretches: &[Stretch],
        scratch: &mut SignScratch,
        found: &mut Found,
    ) {
        let SignScratch { sums, rows, parts, .. } = scratch;
        let mut at = 0;
        for (number, stretch) in stretches.iter().enumerate() {
            let start = at + stretch.skipped;
            at += stretch.blocks().len() * LANES;
            parts.push((number, rows.len()));
            for first in (0..stretch.len).step_by(BLOCK) {
                let sums = &sums[start + first..start + stretch.len];
                let limit = seeker.query.limit(found.floor()) - stretch.base.merit();
                let bound = seeker.by_signs.bound(limit, stretch.distance, &seeker.signs);
                let n_kept = self.keep_by_signs(seeker, stretch, first, sums, &bound);
                for &place in &self.kept[..n_kept] {
                    if sums[place as usize] != DONE {
                        let row = stretch.first + first + place as usize;
                        rows.push(row);
                        fetch(self.codes.coarse(row));
                    }
                }
                if rows.len() >= TOGETHER {
                    self.look_at_parts(seeker, stretches, rows, parts, found);
                    parts.push((number, 0));
                }
            }
        }
        self.look_at_parts(seeker, stretches, rows, parts, found);
    }

    /// The places in a block of a stretch, from `first` on, whose `sums` are within `bound`.
    fn keep_by_signs(
        &mut self,
        seeker: &SignSeeker<'_>,
        stretch: &Stretch,
        first: usize,
        sums: &[i32],
        bound: &Bound,
    ) -> usize {
        let n = sums.len().min(BLOCK);
        let start = stretch.first + first;
        let (scales, offsets) = seeker.signs.facts(start..start + n);
        self.kernels.keep(&Sums { products: &sums[..n], scales, offsets }, bound, &mut self.kept)
    }

    /// Looks at the codes of `rows`, and forgets them.
    fn look_at_parts(
        &mut self,
        seeker: &SignSeeker<'_>,
        stretches: &[Stretch],
        rows: &mut Vec<usize>,
        parts: &mut Vec<(usize, usize)>,
        found: &mut Found,
    ) {
        for (index, &(number, start)) in parts.iter().enumerate() {
            let end = parts.get(index + 1).map_or(rows.len(), |next| next.1);
            if start < end {
                let base = stretches[number].base;
                let one = Seeker { query: seeker.query, base, found: &mut *found };
                self.look(Picks::Rows(&rows[start..end]), one);
            }
        }
        rows.clear();
        parts.clear();
    }
}

/// Leaves the `n` nearest, of which there are as many; returns what the last of them seems to merit.
fn cut(nearest: &mut Vec<Seeming>, n: usize) -> f32 {
    let Some(last) = n.checked_sub(1) else { return f32::INFINITY };
    let (_, worst, _) = nearest.select_nth_unstable(last);
    let worst = worst.0.0.0;
    nearest.truncate(n);
    worst
}
