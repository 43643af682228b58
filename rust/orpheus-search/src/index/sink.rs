//! Where a search puts what it finds.

use crate::top_k::TopK;

/// The answer to one query while it is being found.
#[derive(Debug)]
pub(crate) enum Sink {
    /// The nearest few.
    Top(TopK),
    /// All that are near enough.
    Within(Within),
}

/// All that are nearer than a radius.
#[derive(Clone, Debug)]
pub(crate) struct Within {
    radius: f32,
    larger_is_nearer: bool,
    hits: Vec<(f32, i64)>,
}

impl Sink {
    /// The nearest few, if that is what is wanted.
    pub(crate) fn top(&mut self) -> Option<&mut TopK> {
        match self {
            Self::Top(top) => Some(top),
            Self::Within(_) => None,
        }
    }

    /// The score beyond which nothing enters, and whether larger ones are nearer.
    pub(crate) fn limit(&self) -> (f32, bool) {
        match self {
            Self::Top(top) => top.limit(),
            Self::Within(within) => (within.radius, within.larger_is_nearer),
        }
    }

    /// Considers a block of candidates; `id_of` gives the id of `scores[i]`, if it has one, and is
    /// asked only for those that may enter.
    pub(crate) fn offer(&mut self, scores: &[f32], id_of: impl Fn(usize) -> Option<i64>) {
        match self {
            Self::Top(top) => top.offer_known(scores, id_of),
            Self::Within(within) => within.offer(scores, id_of),
        }
    }
}

impl Within {
    pub(crate) fn new(radius: f32, larger_is_nearer: bool) -> Self {
        Self { radius, larger_is_nearer, hits: Vec::new() }
    }

    /// With `hits` that are known already.
    pub(crate) fn with(mut self, hits: impl Iterator<Item = (f32, i64)>) -> Self {
        self.hits.extend(hits);
        self
    }

    fn offer(&mut self, scores: &[f32], id_of: impl Fn(usize) -> Option<i64>) {
        for (index, &score) in scores.iter().enumerate() {
            let is_near =
                if self.larger_is_nearer { score > self.radius } else { score < self.radius };
            if is_near && let Some(id) = id_of(index) {
                // Adding zero turns -0.0 into 0.0, as the nearest few have it.
                self.hits.push((score + 0.0, id));
            }
        }
    }

    /// The hits as (score, id), nearest first, ties by ascending id.
    pub(crate) fn into_sorted(self) -> Vec<(f32, i64)> {
        let mut hits = self.hits;
        hits.sort_unstable_by(|a, b| {
            let nearer =
                if self.larger_is_nearer { b.0.total_cmp(&a.0) } else { a.0.total_cmp(&b.0) };
            nearer.then(a.1.cmp(&b.1))
        });
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_nearer_than_the_radius_is_kept_in_order() {
        let scores = [1.0, 0.5, f32::NAN, -0.0, 0.5, 2.0];
        let hits = |larger| {
            let mut sink = Sink::Within(Within::new(0.75, larger));
            sink.offer(&scores, |index| (index != 1).then_some(9 - index as i64));
            let Sink::Within(within) = sink else { unreachable!() };
            within.into_sorted()
        };
        assert_eq!(hits(false), [(0.0, 6), (0.5, 5)]);
        assert_eq!(hits(true), [(2.0, 4), (1.0, 9)]);
    }
}
