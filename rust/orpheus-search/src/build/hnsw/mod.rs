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

#[cfg(test)]
mod tests {
    use super::*;

    const DIM: usize = 6;

    fn vectors(n: usize) -> Vec<f32> {
        let mut random = Random::new(4);
        (0..n * DIM).map(|_| random.unit() as f32).collect()
    }

    fn extended(graph: &mut Graph, values: &[f32], metric: Metric, n_threads: usize) {
        let rows = Rows::new(values, DIM).unwrap();
        let crew = Crew::new(n_threads, None).unwrap();
        graph.extend(Vectors::new(rows), metric, 40, 9, &crew).unwrap();
    }

    fn built(values: &[f32], metric: Metric, n_threads: usize) -> Graph {
        let mut graph = Graph::new(HnswOptions { m: 6, ef_construction: 40 }).unwrap();
        extended(&mut graph, values, metric, n_threads);
        graph
    }

    /// Makes sure that links are sound; returns how many nodes the entry leads to on the lowest
    /// level.
    fn n_reachable(graph: &Graph) -> usize {
        for node in 0..graph.n_nodes() as u32 {
            for level in 0..=graph.level(node) {
                let mut links: Vec<u32> = graph.neighbours(node, level).collect();
                assert!(links.iter().all(|&other| other != node && graph.level(other) >= level));
                let n = links.len();
                links.sort_unstable();
                links.dedup();
                assert_eq!(links.len(), n, "links of {node} on {level}");
            }
        }
        let mut is_reached = vec![false; graph.n_nodes()];
        let mut waiting: Vec<u32> = graph.entry.into_iter().collect();
        while let Some(node) = waiting.pop() {
            if !std::mem::replace(&mut is_reached[node as usize], true) {
                waiting.extend(graph.neighbours(node, 0));
            }
        }
        is_reached.into_iter().filter(|&is_reached| is_reached).count()
    }

    #[test]
    fn nearly_all_nodes_are_reached_however_many_threads_build() {
        let mut values = vectors(3000);
        for vector in values.chunks_mut(DIM) {
            // On a sphere: under inner product, short vectors are nobody's neighbours.
            let centred: Vec<f32> = vector.iter().map(|value| value - 0.5).collect();
            let length = centred.iter().map(|value| value * value).sum::<f32>().sqrt();
            for (value, centred) in vector.iter_mut().zip(centred) {
                *value = centred / length;
            }
        }
        for metric in [Metric::L2, Metric::InnerProduct] {
            for n_threads in [1, 4] {
                let n = n_reachable(&built(&values, metric, n_threads));
                assert!(n >= 2990, "{metric} {n}");
            }
        }
    }

    #[test]
    fn nodes_that_come_later_are_linked_like_the_first() {
        let values = vectors(3000);
        for n_first in [0, 1, 600, 2999] {
            let mut graph = built(&values[..n_first * DIM], Metric::L2, 1);
            extended(&mut graph, &values, Metric::L2, 3);
            assert!(n_reachable(&graph) >= 2990);
            let top = (0..3000).map(|node| graph.level(node)).max();
            assert_eq!(graph.entry.map(|entry| graph.level(entry)), top);
        }
    }

    #[test]
    fn on_one_thread_the_same_vectors_make_the_same_graph() {
        let values = vectors(2000);
        let graphs = [(); 2].map(|()| built(&values, Metric::L2, 1));
        assert!(graphs[0].stored_links().eq(graphs[1].stored_links()));
    }

    #[test]
    fn vectors_that_are_all_the_same_come_to_an_end() {
        for value in [0.0, 1.0, f32::MAX] {
            for metric in [Metric::L2, Metric::InnerProduct] {
                n_reachable(&built(&[value; 400 * DIM], metric, 2));
            }
        }
    }

    #[test]
    fn a_stopped_building_says_so() {
        let values = vectors(2000);
        let mut graph = Graph::new(HnswOptions::default()).unwrap();
        let crew = Crew::new(2, Some(&|_| false)).unwrap();
        let rows = Vectors::new(Rows::new(&values, DIM).unwrap());
        let stopped = graph.extend(rows, Metric::L2, 40, 9, &crew);
        assert!(matches!(stopped, Err(Error::Stopped)));
    }
}
