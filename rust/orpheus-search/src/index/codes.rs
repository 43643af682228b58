//! Codes one after the other in a file, addressed by row.

use std::ops::Range;

use super::engine::{Control, Request};
use super::sink::Sink;
use crate::codec::{Codec, Scorer, any_near};
use crate::distance::Kernels;
use crate::error::{Error, Result};
use crate::metric::Metric;

/// Bytes of codes that are compared between two looks at whether to go on.
const BYTES_PER_CHECK: usize = 1 << 20;
/// Codes whose scores are computed before they are looked at.
const BLOCK_LEN: usize = 256;

/// The codes of all vectors of an index.
#[derive(Debug)]
pub(super) struct Codes {
    pub(super) n: usize,
    pub(super) metric: Metric,
    codec: Box<dyn Codec>,
    place: Range<usize>,
    /// What was subtracted from every vector.
    origin: Option<Vec<f32>>,
}

impl Codes {
    /// `n` codes at `place` of a file.
    pub(super) fn new(
        n: usize,
        metric: Metric,
        codec: Box<dyn Codec>,
        place: Range<usize>,
    ) -> Self {
        Self { n, metric, codec, place, origin: None }
    }

    /// The same of vectors less `origin`.
    pub(super) fn with_origin(self, origin: Vec<f32>) -> Self {
        Self { origin: Some(origin), ..self }
    }

    pub(super) fn dim(&self) -> usize {
        self.codec.dim()
    }

    /// The bytes of all codes.
    pub(super) fn bytes<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        &file[self.place.clone()]
    }

    pub(super) fn scorer(&self, kernels: Kernels) -> CodesScorer<'_> {
        CodesScorer {
            scorer: self.codec.scorer(self.metric, kernels),
            origin: self.origin.as_deref(),
        }
    }

    /// Writes the vector of row `number`.
    pub(super) fn reconstruct(&self, file: &[u8], number: i64, vector: &mut [f32]) -> Result<()> {
        let row = usize::try_from(number).ok().filter(|row| *row < self.n);
        let row = row.ok_or(Error::UnknownId { id: number, ntotal: self.n })?;
        self.codec.decode(self.bytes(file), row, vector);
        for (value, origin) in vector.iter_mut().zip(self.origin.iter().flatten()) {
            *value += origin;
        }
        Ok(())
    }

    /// Scores of the rows with the given numbers; NaN for a number that is none.
    pub(super) fn score(
        &self,
        file: &[u8],
        query: &[f32],
        numbers: &[i64],
        kernels: Kernels,
        scores: &mut [f32],
    ) {
        let mut scorer = self.scorer(kernels);
        scorer.set_query(query);
        let codes = self.bytes(file);
        for (&number, score) in numbers.iter().zip(scores) {
            *score = f32::NAN;
            if let Some(row) = usize::try_from(number).ok().filter(|row| *row < self.n) {
                let pick = crate::filter::Picks::Range { first: row, len: 1 };
                scorer.score(codes, pick, std::slice::from_mut(score));
            }
        }
    }

    /// Compares every selected row with every query.
    pub(super) fn scan(
        &self,
        file: &[u8],
        queries: &[f32],
        request: &Request<'_>,
        sinks: &mut [Sink],
        control: &mut Control<'_>,
    ) -> Result<()> {
        let (codes, filter) = (self.bytes(file), request.selection.filter(self.n));
        let bytes_per_row = self.place.len() / self.n.max(1) + 1;
        let part_len = (BYTES_PER_CHECK / bytes_per_row).max(1).next_multiple_of(64);
        let mut scorer = self.scorer(request.kernels);
        let (mut scores, mut rows) = ([0.0; BLOCK_LEN], Vec::new());
        for (query, sink) in queries.chunks_exact(self.dim()).zip(sinks) {
            scorer.set_query(query);
            let n_places = filter.n_places();
            for start in (0..n_places).step_by(part_len) {
                control.check()?;
                let places = start..n_places.min(start + part_len);
                filter.visit_blocks(places, BLOCK_LEN, &mut rows, |picks| {
                    scorer.score(codes, picks, &mut scores);
                    let (limit, larger_is_nearer) = sink.limit();
                    let found = &scores[..picks.len()];
                    if !any_near(request.kernels, found, limit, larger_is_nearer) {
                        return;
                    }
                    sink.offer(&scores[..picks.len()], |index| {
                        request.ids.of(picks.row(index) as i64)
                    });
                });
            }
        }
        Ok(())
    }
}

/// Compares one query with codes of [`Codes`].
pub(super) struct CodesScorer<'a> {
    scorer: Box<dyn Scorer + 'a>,
    origin: Option<&'a [f32]>,
}

impl CodesScorer<'_> {
    pub(super) fn set_query(&mut self, query: &[f32]) {
        self.scorer.set_query(query);
        if let Some(origin) = self.origin {
            self.scorer.set_origin(origin);
        }
    }

    pub(super) fn score(
        &mut self,
        codes: &[u8],
        picks: crate::filter::Picks<'_>,
        scores: &mut [f32],
    ) {
        self.scorer.score(codes, picks, scores);
    }
}
