//! Building hierarchical navigable small world graphs (Malkov and Yashunin, arXiv 1603.09320), with
//! the levels and link tables of FAISS.

mod codes;
mod graph;
mod insert;
mod pool;
mod select;

use std::sync::atomic::{AtomicU32, Ordering};

use codes::Codes;
pub(super) use graph::Graph;
use insert::{Builder, Inserter};

use super::crew::{Crew, Share, Step};
use super::random::Random;
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::rows::Rows;

/// Nodes that a thread takes at a time.
const CHUNK: usize = 32;
/// Nodes that are put into an empty graph one by one: those that are put in at the same time do not
/// find each other.
const ALONE: usize = 512;

/// The part of the nodes that must be new for vectors to be encoded first.
const FEW_NEW: usize = 16;

/// How to build a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HnswOptions {
    /// Links of a node on the upper levels, and half of those on the lowest; 2 to 512.
    pub m: usize,
    /// Beam width of the search for a node's neighbours; at least 1.
    pub ef_construction: usize,
}

impl Default for HnswOptions {
    fn default() -> Self {
        Self { m: 16, ef_construction: 100 }
    }
}

/// Vectors of a graph: those that it was built with, and those that are added.
#[derive(Clone, Copy)]
pub(super) struct Vectors<'a> {
    first: Rows<'a>,
    second: Option<Rows<'a>>,
}

impl<'a> Vectors<'a> {
    /// All in one place.
    pub(super) fn new(rows: Rows<'a>) -> Self {
        Self { first: rows, second: None }
    }

    /// Those of `first` and then those of `second`, which have the same dimension.
    pub(super) fn joined(first: Rows<'a>, second: Rows<'a>) -> Self {
        Self { first, second: Some(second) }
    }

    pub(super) fn n(&self) -> usize {
        self.first.n_rows() + self.second.map_or(0, |rows| rows.n_rows())
    }

    pub(super) fn dim(&self) -> usize {
        self.first.dim()
    }

    /// Values of a vector, as they lie in memory.
    pub(super) fn lanes(&self, node: usize) -> &'a [[u8; 4]] {
        match (node.checked_sub(self.first.n_rows()), self.second) {
            (Some(node), Some(second)) => second.row_lanes(node),
            _ => self.first.row_lanes(node),
        }
    }
}

impl Graph {
    /// Connects those of `vectors` that the graph does not hold yet. On one thread the seed decides
    /// how; on several, chance does too.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if there are too many vectors or an option is out of range;
    /// [`Error::Stopped`], after which the graph is of no use.
    pub(super) fn extend(
        &mut self,
        vectors: Vectors<'_>,
        metric: Metric,
        ef_construction: usize,
        seed: u64,
        crew: &Crew<'_>,
    ) -> Result<()> {
        if ef_construction == 0 {
            let (found, expected) = ("0".to_owned(), "at least 1".to_owned());
            return Err(Error::Parameter { name: "ef_construction", found, expected });
        }
        let first_new = self.n_nodes();
        self.grow(vectors.n(), seed)?;
        let order = self.order(first_new, seed);
        let Some((&top, _)) = order.split_first() else { return Ok(()) };
        let n_alone = if first_new == 0 { order.len().min(ALONE) } else { 1 };
        let (alone, rest) = order.split_at(n_alone);
        let entry = self.entry.unwrap_or(top);
        // Few new nodes are not worth going through all the old ones.
        let codes = if order.len() >= vectors.n() / FEW_NEW {
            Codes::new(vectors, metric, crew)?
        } else {
            None
        };
        let builder = Builder { graph: self, vectors, codes, metric, ef_construction };
        // The highest of the new nodes comes first: it may be where searches start from then on.
        let mut inserter = Inserter::new(&builder);
        let entry = AtomicU32::new(entry);
        for (place, &node) in alone.iter().enumerate() {
            inserter.insert(node, entry.load(Ordering::Relaxed));
            if builder.graph.level(node) > builder.graph.level(entry.load(Ordering::Relaxed)) {
                entry.store(node, Ordering::Relaxed);
            }
            crew.tell(Step::Link, place + 1, order.len())?;
        }
        let entry = entry.into_inner();
        let share = Share { step: Step::Link, before: n_alone, total: order.len(), counts: true };
        let items = rest.chunks(CHUNK).map(|nodes| (nodes.len(), nodes));
        crew.work(
            share,
            items,
            || Inserter::new(&builder),
            |inserter, nodes| {
                for &node in nodes {
                    inserter.insert(node, entry);
                }
            },
        )?;
        self.entry = Some(entry);
        Ok(())
    }

    /// The nodes from `first` on, highest level first and otherwise in random order.
    fn order(&self, first: usize, seed: u64) -> Vec<u32> {
        let mut order: Vec<u32> = (first as u32..self.n_nodes() as u32).collect();
        Random::of(seed, u64::MAX).shuffle(&mut order);
        order.sort_by_key(|&node| std::cmp::Reverse(self.level(node)));
        order
    }
}
