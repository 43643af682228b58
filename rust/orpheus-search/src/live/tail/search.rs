//! What is near among the added vectors.

use super::{Piece, Tail};
use crate::distance::Block as ScoreBlock;
use crate::error::Result;
use crate::filter::Filter;
use crate::index::flat::{SearchOptions, search_identified};
use crate::index::sink::Sink;
use crate::live::divide::TailAllow;
use crate::metric::Metric;
use crate::neighbours::Neighbours;
use crate::queries::QueryBlock;

/// Vectors whose scores are computed before they are looked at.
const BLOCK_LEN: usize = 256;

/// Which of the vectors may be neighbours.
#[derive(Debug)]
pub(in crate::live) struct TailFilters(Vec<Filter>);

impl TailFilters {
    pub(in crate::live) fn n_allowed(&self) -> usize {
        self.0.iter().map(Filter::n_allowed).sum()
    }
}

impl Tail {
    /// Which vectors are there and allowed.
    pub(in crate::live) fn filters(&self, allow: &TailAllow<'_>) -> TailFilters {
        let mut first = 0;
        let filter = |piece: &Piece| {
            let place = first;
            first += piece.n();
            if matches!(allow, TailAllow::All) {
                return (*piece.live).clone();
            }
            let rows = piece.rows().zip(place..);
            let allowed = rows.filter(|(row, place)| allow.has(piece.block.ids()[*row], *place));
            Filter::from_rows(allowed.map(|(row, _)| row as i64), piece.block.n())
        };
        TailFilters(self.pieces.iter().map(filter).collect())
    }

    /// The nearest of each piece. Queries have been checked.
    pub(in crate::live) fn search(
        &self,
        queries: &[f32],
        metric: Metric,
        filters: &TailFilters,
        options: &SearchOptions<'_>,
    ) -> Result<Vec<Neighbours>> {
        let pieces =
            self.pieces.iter().zip(&filters.0).filter(|(_, filter)| filter.n_allowed() > 0);
        let search = |(piece, filter): (&Piece, &Filter)| {
            let (block, rows) = (&piece.block, piece.block.rows()?);
            let n_queries = queries.len() / rows.dim();
            let codes = block.codes(metric, n_queries, options.n_threads);
            let ids = bytemuck::cast_slice(block.ids());
            let options = SearchOptions { codes, inverse_norms: None, ..*options };
            search_identified((rows, ids), metric, filter, queries, &options)
        };
        pieces.map(search).collect()
    }

    /// Offers all allowed vectors to the sink of each query.
    pub(in crate::live) fn offer(
        &self,
        queries: &QueryBlock,
        metric: Metric,
        filters: &TailFilters,
        options: &SearchOptions<'_>,
        sinks: &mut [Sink],
    ) -> Result<()> {
        let (mut rows, mut scores) = (Vec::new(), vec![0.0; BLOCK_LEN * queries.n_queries()]);
        for (piece, filter) in self.pieces.iter().zip(&filters.0) {
            let (matrix, ids) = (piece.block.rows()?, piece.block.ids());
            filter.visit_blocks(0..filter.n_places(), BLOCK_LEN, &mut rows, |picks| {
                let Some(block) = ScoreBlock::new(queries, matrix, picks) else { return };
                match metric {
                    Metric::L2 => options.kernels.squared_l2(&block, &mut scores),
                    _ => options.kernels.dot(&block, &mut scores),
                }
                for (sink, scores) in sinks.iter_mut().zip(scores.chunks(picks.len())) {
                    sink.offer(scores, |index| Some(ids[picks.row(index)]));
                }
            });
        }
        Ok(())
    }
}
