//! Comparing with scalar codes by wide instructions.

use super::float32::add;
use super::kernel::{CodecKernels, Numbers, pad};
use super::{Relative, Scorer};
use crate::filter::Picks;
use crate::metric::Metric;

/// A scorer for codes of a number each dimension.
pub(super) struct NumbersScorer<'a> {
    kernels: CodecKernels,
    /// What the codes are; the query is that of `query`.
    numbers: Numbers<'a>,
    relative: Relative,
    /// Padded; less the origin and the shifts where distances are wanted.
    query: Vec<f32>,
}

impl<'a> NumbersScorer<'a> {
    /// The query of `numbers` is not looked at.
    pub(super) fn new(kernels: CodecKernels, numbers: Numbers<'a>) -> Self {
        let mut query = vec![0.0; numbers.dim];
        pad(&mut query);
        Self { kernels, numbers, relative: Relative::default(), query }
    }

    fn metric(&self) -> Metric {
        self.numbers.metric
    }

    /// Takes over what `relative` says.
    fn take(&mut self) {
        let values = self.relative.values();
        self.query[..values.len()].copy_from_slice(values);
        if self.metric() == Metric::L2 {
            for (value, shift) in self.query.iter_mut().zip(self.numbers.shift) {
                *value -= shift;
            }
        }
    }
}

impl Scorer for NumbersScorer<'_> {
    fn set_query(&mut self, query: &[f32]) {
        self.relative.set_query(query);
        self.take();
    }

    fn set_origin(&mut self, origin: &[f32]) {
        self.relative.set_origin(origin, self.metric());
        self.take();
    }

    fn score(&mut self, codes: &[u8], picks: Picks<'_>, scores: &mut [f32]) {
        let scores = &mut scores[..picks.len()];
        let numbers = Numbers { query: &self.query, ..self.numbers };
        self.kernels.numbers(&numbers, codes, picks, scores);
        add(self.relative.offset, scores);
    }
}
