//! Visiting lists.

use super::Ivf;
use crate::codec::{Scorer, any_near};
use crate::error::{Error, Result};
use crate::filter::Picks;
use crate::format::model::List;
use crate::index::engine::{Control, Engine, Ids, Request};
use crate::index::selection::Selection;
use crate::index::sink::Sink;
use crate::top_k::TopK;

/// Codes whose scores are computed before they are looked at: whole groups of packed ones.
const BLOCK_LEN: usize = 256;
/// Vectors one by one cost this many times what they do in a row.
const SCATTERED_COST: usize = 2;

pub(super) fn search(
    ivf: &Ivf,
    file: &[u8],
    queries: &[f32],
    request: &Request<'_>,
    sinks: &mut [Sink],
    control: &mut Control<'_>,
) -> Result<()> {
    let nprobe = request.nprobe.unwrap_or(ivf.nprobe).clamp(1, ivf.nlist.max(1));
    if ivf.ntotal() == 0 {
        return Ok(());
    }
    let chosen = few_positions(ivf, file, request.selection, nprobe);
    let coded = ivf.coded.as_ref().filter(|_| chosen.is_none());
    let coded = coded.and_then(|coded| coded.visit(ivf, file, request, nprobe));
    let mut visit = Visit {
        ivf,
        file,
        request,
        scorer: ivf.codec.scorer(ivf.metric, request.kernels),
        centroid: vec![0.0; ivf.codec.dim()],
        scores: vec![0.0; BLOCK_LEN],
        rows: Vec::with_capacity(BLOCK_LEN),
    };
    for (query, sink) in queries.chunks_exact(ivf.codec.dim()).zip(sinks) {
        if let (Some(coded), Some(top)) = (&coded, sink.top())
            && coded.search(query, top, control)?
        {
            continue;
        }
        visit.scorer.set_query(query);
        if let Some(positions) = &chosen {
            visit.positions(positions, sink, control)?;
            continue;
        }
        for number in nearest_lists(ivf, file, query, request, nprobe, control)? {
            control.check()?;
            visit.list(number, sink)?;
        }
    }
    Ok(())
}

/// Where the allowed vectors are, if they are so few that to compare them all is less work than
/// to visit lists for them; the answer is then exact.
fn few_positions(
    ivf: &Ivf,
    file: &[u8],
    selection: &Selection,
    nprobe: usize,
) -> Option<Vec<usize>> {
    let allowed = selection.listed()?;
    let n_visited = ivf.ntotal() as u128 * nprobe as u128 / ivf.nlist.max(1) as u128;
    if (selection.n_allowed() * SCATTERED_COST) as u128 > n_visited {
        return None;
    }
    let numbers = ivf.numbers(file);
    let positions = allowed.iter().flat_map(|&number| numbers.positions(number));
    let mut positions: Vec<usize> = positions.copied().collect();
    positions.sort_unstable();
    Some(positions)
}

/// The lists whose centroids are nearest to `query`, nearest first.
fn nearest_lists(
    ivf: &Ivf,
    file: &[u8],
    query: &[f32],
    request: &Request<'_>,
    nprobe: usize,
    control: &mut Control<'_>,
) -> Result<Vec<usize>> {
    let larger_is_nearer = ivf.quantizer.metric().larger_is_nearer();
    let top = TopK::new(nprobe, ivf.quantizer.ntotal(), larger_is_nearer);
    let too_large = |_| Error::TooLarge { n_queries: 1, k: nprobe };
    let mut sink = [Sink::Top(top.map_err(too_large)?)];
    let everything = Selection::all(ivf.quantizer.ntotal());
    let coarse = Request {
        k: Some(nprobe),
        selection: &everything,
        ids: Ids::Numbers,
        nprobe: None,
        ef_search: None,
        exact: None,
        kernels: request.kernels,
    };
    ivf.quantizer.search(file, query, &coarse, &mut sink, control)?;
    let [Sink::Top(top)] = sink else { return Ok(Vec::new()) };
    let numbers = top.into_sorted().into_iter().map(|pair| usize::try_from(pair.1).ok());
    // A quantizer with numbers of its own may name lists that are not there.
    Ok(numbers.flatten().filter(|number| *number < ivf.nlist).collect())
}

/// What one thread needs to visit lists.
struct Visit<'a> {
    ivf: &'a Ivf,
    file: &'a [u8],
    request: &'a Request<'a>,
    scorer: Box<dyn Scorer + 'a>,
    centroid: Vec<f32>,
    scores: Vec<f32>,
    rows: Vec<usize>,
}

impl Visit<'_> {
    /// Compares the query with all selected vectors of a list.
    fn list(&mut self, number: usize, sink: &mut Sink) -> Result<()> {
        let list = self.ivf.lists.list(number);
        if list.len == 0 {
            return Ok(());
        }
        self.enter(number)?;
        let (ids, _) = self.file[list.ids.clone()].as_chunks::<8>();
        let selection = self.request.selection;
        for first in (0..list.len).step_by(BLOCK_LEN) {
            let len = BLOCK_LEN.min(list.len - first);
            if selection.is_all() {
                self.picks(&list, Picks::Range { first, len }, sink);
                continue;
            }
            let mut rows = std::mem::take(&mut self.rows);
            rows.clear();
            let is_selected = |row: &usize| selection.contains(i64::from_le_bytes(ids[*row]));
            rows.extend((first..first + len).filter(is_selected));
            self.picks(&list, Picks::Rows(&rows), sink);
            self.rows = rows;
        }
        Ok(())
    }

    /// Compares the query with the vectors at `positions`, ascending, counted through all lists.
    fn positions(
        &mut self,
        positions: &[usize],
        sink: &mut Sink,
        control: &mut Control<'_>,
    ) -> Result<()> {
        let mut rest = positions;
        while let Some(&position) = rest.first() {
            control.check()?;
            let number = self.ivf.lists.list_at(position);
            let list = self.ivf.lists.list(number);
            let first = self.ivf.lists.n_before(number);
            let n_here = rest.partition_point(|&position| position < first + list.len);
            let (here, others) = rest.split_at(n_here);
            self.enter(number)?;
            for here in here.chunks(BLOCK_LEN) {
                let mut rows = std::mem::take(&mut self.rows);
                rows.clear();
                rows.extend(here.iter().map(|position| position - first));
                self.picks(&list, Picks::Rows(&rows), sink);
                self.rows = rows;
            }
            rest = others;
        }
        Ok(())
    }

    /// From now on codes are those of list `number`.
    fn enter(&mut self, number: usize) -> Result<()> {
        if self.ivf.by_residual {
            self.ivf.quantizer.reconstruct(self.file, number as i64, &mut self.centroid)?;
            self.scorer.set_origin(&self.centroid);
        }
        Ok(())
    }

    fn picks(&mut self, list: &List, picks: Picks<'_>, sink: &mut Sink) {
        let scores = &mut self.scores[..picks.len()];
        self.scorer.score(&self.file[list.codes.clone()], picks, scores);
        let (limit, larger_is_nearer) = sink.limit();
        if !any_near(self.request.kernels, scores, limit, larger_is_nearer) {
            return;
        }
        let (ids, _) = self.file[list.ids.clone()].as_chunks::<8>();
        let id_of = |index| self.request.ids.of(i64::from_le_bytes(ids[picks.row(index)]));
        sink.offer(scores, id_of);
    }
}
