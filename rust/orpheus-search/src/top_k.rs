//! The k best of a stream of scores.

use std::collections::{BinaryHeap, TryReserveError};

/// Scores looked at together before any is compared one by one: a multiple of every vector width.
const CHUNK: usize = 16;

/// Keeps the `k` nearest of the candidates that it is offered.
///
/// The answer does not depend on the order of the offers: candidates with equal scores are told
/// apart by their ids, the lower one first, and 0.0 equals −0.0. A NaN is never kept.
#[derive(Debug)]
pub struct TopK {
    k: usize,
    larger_is_nearer: bool,
    /// Scores beyond this one cannot enter; one that equals it enters by its id.
    limit: f32,
    worst_first: BinaryHeap<Candidate>,
}

/// Ordered nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    key: u32,
    id: i64,
}

impl TopK {
    /// Room for the `k` nearest of at most `n_candidates`.
    ///
    /// # Errors
    ///
    /// If the memory for them is not to be had.
    pub fn new(
        k: usize,
        n_candidates: usize,
        larger_is_nearer: bool,
    ) -> Result<Self, TryReserveError> {
        let k = k.min(n_candidates);
        let mut worst_first = BinaryHeap::new();
        worst_first.try_reserve_exact(k)?;
        let limit = if larger_is_nearer { f32::NEG_INFINITY } else { f32::INFINITY };
        Ok(Self { k, larger_is_nearer, limit, worst_first })
    }

    /// Considers a block of candidates; `id_of` gives the id of `scores[i]` and is asked only for
    /// those that may enter.
    pub fn offer_block(&mut self, scores: &[f32], id_of: impl Fn(usize) -> i64) {
        let (chunks, rest) = scores.as_chunks::<CHUNK>();
        for (index, chunk) in chunks.iter().enumerate() {
            if self.any_may_enter(chunk) {
                self.offer_each(index * CHUNK, chunk, &id_of);
            }
        }
        self.offer_each(chunks.len() * CHUNK, rest, &id_of);
    }

    /// The same where some candidates have no id; those are passed over.
    pub(crate) fn offer_known(&mut self, scores: &[f32], id_of: impl Fn(usize) -> Option<i64>) {
        for (index, chunk) in scores.chunks(CHUNK).enumerate() {
            if <&[f32; CHUNK]>::try_from(chunk).is_ok_and(|chunk| !self.any_may_enter(chunk)) {
                continue;
            }
            for (offset, &score) in chunk.iter().enumerate() {
                if self.may_enter(score)
                    && let Some(id) = id_of(index * CHUNK + offset)
                {
                    self.offer(score, id);
                }
            }
        }
    }

    fn offer_each(&mut self, first: usize, scores: &[f32], id_of: &impl Fn(usize) -> i64) {
        for (offset, &score) in scores.iter().enumerate() {
            if self.may_enter(score) {
                self.offer(score, id_of(first + offset));
            }
        }
    }

    /// Without a branch per score: almost no chunk of a long scan holds a candidate.
    fn any_may_enter(&self, chunk: &[f32; CHUNK]) -> bool {
        let limit = self.limit;
        let n_good: u32 = if self.larger_is_nearer {
            chunk.iter().map(|&score| u32::from(score >= limit)).sum()
        } else {
            chunk.iter().map(|&score| u32::from(score <= limit)).sum()
        };
        n_good > 0
    }

    /// Considers one candidate.
    pub fn offer(&mut self, score: f32, id: i64) {
        if self.k == 0 || !self.may_enter(score) {
            return;
        }
        let candidate = Candidate { key: key_of(score, self.larger_is_nearer), id };
        if self.worst_first.len() < self.k {
            self.worst_first.push(candidate);
        } else if let Some(mut worst) = self.worst_first.peek_mut() {
            if candidate >= *worst {
                return;
            }
            *worst = candidate;
        }
        if self.worst_first.len() == self.k
            && let Some(worst) = self.worst_first.peek()
        {
            self.limit = score_of(worst.key, self.larger_is_nearer);
        }
    }

    /// The score of the worst that is kept, once there are `k`: nothing worse can enter.
    #[must_use]
    pub fn worst(&self) -> Option<f32> {
        let is_full = self.worst_first.len() == self.k;
        let worst = self.worst_first.peek().filter(|_| is_full)?;
        Some(score_of(worst.key, self.larger_is_nearer))
    }

    /// The score beyond which nothing enters, and whether larger ones are nearer.
    pub(crate) fn limit(&self) -> (f32, bool) {
        (self.limit, self.larger_is_nearer)
    }

    /// Takes over what another one has kept.
    pub fn merge(&mut self, other: Self) {
        for candidate in other.worst_first {
            self.offer(score_of(candidate.key, self.larger_is_nearer), candidate.id);
        }
    }

    /// The kept candidates as (score, id), nearest first.
    #[must_use]
    pub fn into_sorted(self) -> Vec<(f32, i64)> {
        let larger_is_nearer = self.larger_is_nearer;
        let nearest_first = self.worst_first.into_sorted_vec();
        nearest_first
            .into_iter()
            .map(|candidate| (score_of(candidate.key, larger_is_nearer), candidate.id))
            .collect()
    }

    fn may_enter(&self, score: f32) -> bool {
        if self.larger_is_nearer { score >= self.limit } else { score <= self.limit }
    }
}

/// An integer that is smaller the nearer `score` is. Equal scores have equal keys.
pub(crate) fn key_of(score: f32, larger_is_nearer: bool) -> u32 {
    // Adding zero turns -0.0 into 0.0 and leaves everything else alone.
    let bits = (score + 0.0).to_bits();
    // IEEE 754 floats of one sign are ordered as their bits are; negative ones the other way round.
    let ascending = if bits >> 31 == 1 { !bits } else { bits | 0x8000_0000 };
    if larger_is_nearer { !ascending } else { ascending }
}

/// The score that `key` was made from.
fn score_of(key: u32, larger_is_nearer: bool) -> f32 {
    let ascending = if larger_is_nearer { !key } else { key };
    let bits = if ascending >> 31 == 1 { ascending & 0x7fff_ffff } else { !ascending };
    f32::from_bits(bits)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What `TopK` must answer, by sorting everything.
    fn oracle(scores: &[f32], ids: &[i64], k: usize, larger_is_nearer: bool) -> Vec<(f32, i64)> {
        let mut all: Vec<_> = scores
            .iter()
            .zip(ids)
            .filter(|(score, _)| !score.is_nan())
            .map(|(&score, &id)| (score + 0.0, id))
            .collect();
        all.sort_by(|a, b| {
            let by_score = a.0.total_cmp(&b.0);
            let by_score = if larger_is_nearer { by_score.reverse() } else { by_score };
            by_score.then(a.1.cmp(&b.1))
        });
        all.truncate(k);
        all
    }

    fn some_scores() -> impl Strategy<Value = Vec<f32>> {
        let score = prop_oneof![
            4 => prop::sample::select(vec![-2.0f32, -0.5, -0.0, 0.0, 0.5, 1.0]),
            4 => any::<f32>(),
            1 => prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
        ];
        prop::collection::vec(score, 0..200)
    }

    proptest! {
        #[test]
        fn the_answer_is_the_head_of_the_sorted_list(
            scores in some_scores(),
            k in 0usize..40,
            larger_is_nearer: bool,
            first_id in -100i64..100,
        ) {
            let ids: Vec<i64> = (0..scores.len() as i64).map(|row| first_id + row * 7 % 31).collect();
            let mut top = TopK::new(k, scores.len(), larger_is_nearer).unwrap();
            top.offer_block(&scores, |index| ids[index]);
            prop_assert_eq!(top.into_sorted(), oracle(&scores, &ids, k, larger_is_nearer));
        }

        #[test]
        fn merging_parts_in_any_order_gives_the_answer_of_the_whole(
            scores in some_scores(),
            k in 1usize..20,
            larger_is_nearer: bool,
            cut in 0.0f64..1.0,
        ) {
            let ids: Vec<i64> = (0..scores.len() as i64).collect();
            let cut = (scores.len() as f64 * cut) as usize;
            let part = |range: std::ops::Range<usize>| {
                let mut top = TopK::new(k, scores.len(), larger_is_nearer).unwrap();
                top.offer_block(&scores[range.clone()], |index| ids[range.start + index]);
                top
            };
            let mut backwards = part(cut..scores.len());
            backwards.merge(part(0..cut));
            prop_assert_eq!(backwards.into_sorted(), oracle(&scores, &ids, k, larger_is_nearer));
        }

        #[test]
        fn a_key_gives_its_score_back(score: f32, larger_is_nearer: bool) {
            prop_assume!(!score.is_nan());
            prop_assert_eq!(score_of(key_of(score, larger_is_nearer), larger_is_nearer), score);
        }
    }

    #[test]
    fn a_negative_zero_ties_with_zero_and_comes_out_as_zero() {
        let mut top = TopK::new(2, 2, false).unwrap();
        top.offer(0.0, 1);
        top.offer(-0.0, 0);
        let sorted = top.into_sorted();
        assert_eq!(sorted.iter().map(|pair| pair.1).collect::<Vec<_>>(), [0, 1]);
        assert!(sorted.iter().all(|pair| pair.0.is_sign_positive()));
    }

    #[test]
    fn more_room_than_memory_is_refused() {
        assert!(TopK::new(usize::MAX, usize::MAX, true).is_err());
    }
}
