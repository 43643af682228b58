//! Codes of any kind: every search compares the query with each of them.

use super::codes::Codes;
use super::engine::{Control, Engine, Request};
use super::selection::{Selection, Wanted};
use super::sink::Sink;
use crate::distance::Kernels;
use crate::error::Result;
use crate::metric::Metric;

/// Exhaustive search.
#[derive(Debug)]
pub(crate) struct Exhaustive {
    codes: Codes,
}

impl Exhaustive {
    pub(super) fn new(codes: Codes) -> Self {
        Self { codes }
    }
}

impl Engine for Exhaustive {
    fn dim(&self) -> usize {
        self.codes.dim()
    }

    fn ntotal(&self) -> usize {
        self.codes.n
    }

    fn metric(&self) -> Metric {
        self.codes.metric
    }

    fn search(
        &self,
        file: &[u8],
        queries: &[f32],
        request: &Request<'_>,
        sinks: &mut [Sink],
        control: &mut Control<'_>,
    ) -> Result<()> {
        self.codes.scan(file, queries, request, sinks, control)
    }

    fn select(&self, _file: &[u8], wanted: &Wanted<'_>) -> Result<Selection> {
        Selection::of_rows(wanted, self.codes.n)
    }

    fn reconstruct(&self, file: &[u8], number: i64, vector: &mut [f32]) -> Result<()> {
        self.codes.reconstruct(file, number, vector)
    }

    fn stored_numbers(&self, _file: &[u8]) -> Result<Vec<i64>> {
        Ok((0..self.codes.n as i64).collect())
    }

    fn score(
        &self,
        file: &[u8],
        query: &[f32],
        numbers: &[i64],
        kernels: Kernels,
        scores: &mut [f32],
    ) -> Result<()> {
        self.codes.score(file, query, numbers, kernels, scores);
        Ok(())
    }
}
