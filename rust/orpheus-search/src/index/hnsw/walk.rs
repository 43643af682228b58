//! Walking through a graph.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::graph::Graph;
use crate::error::Result;
use crate::filter::Picks;
use crate::index::codes::{Codes, CodesScorer};
use crate::index::engine::{Control, Request};
use crate::index::sink::Sink;

/// Nodes visited between two looks at whether to go on.
const NODES_PER_CHECK: usize = 1 << 10;

/// A node and how near it is: smaller keys are nearer.
type Visited = (u32, usize);

/// What one thread needs to search a graph.
pub(super) struct Walk<'a> {
    graph: &'a Graph,
    file: &'a [u8],
    codes: &'a [u8],
    request: &'a Request<'a>,
    scorer: CodesScorer<'a>,
    larger_is_nearer: bool,
    ef: usize,
    /// One bit for each node.
    seen: Vec<u64>,
    seen_nodes: Vec<usize>,
    nearest_first: BinaryHeap<Reverse<Visited>>,
    /// The best `ef` of what was visited.
    beam: BinaryHeap<Visited>,
    nodes: Vec<usize>,
    scores: Vec<f32>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        graph: &'a Graph,
        file: &'a [u8],
        codes: &'a Codes,
        request: &'a Request<'a>,
        ef: usize,
    ) -> Self {
        Self {
            graph,
            file,
            codes: codes.bytes(file),
            request,
            scorer: codes.scorer(request.kernels),
            larger_is_nearer: codes.metric.larger_is_nearer(),
            ef,
            seen: Vec::new(),
            seen_nodes: Vec::new(),
            nearest_first: BinaryHeap::new(),
            beam: BinaryHeap::new(),
            nodes: Vec::new(),
            scores: Vec::new(),
        }
    }

    /// Greedily down to the lowest level, and there a beam: what FAISS visits is visited here.
    pub(super) fn search(
        &mut self,
        query: &[f32],
        sink: &mut Sink,
        control: &mut Control<'_>,
    ) -> Result<()> {
        let Some((entry, highest)) = self.graph.entry() else { return Ok(()) };
        self.scorer.set_query(query);
        self.seen.resize(self.graph.n_nodes().div_ceil(64), 0);
        self.forget();
        let mut nearest = (self.key_of(entry), entry);
        for level in (1..=highest).rev() {
            control.check()?;
            nearest = self.descend(nearest, level);
        }
        self.mark(nearest.1);
        self.nodes.clear();
        self.nodes.push(nearest.1);
        self.visit(sink);
        let mut n_visited = 0;
        while let Some(Reverse((key, node))) = self.nearest_first.pop() {
            // Enough nodes are nearer than the nearest whose links were not followed.
            if self.beam.len() >= self.ef && self.beam.peek().is_some_and(|worst| key > worst.0) {
                break;
            }
            self.gather(node);
            self.visit(sink);
            n_visited += self.nodes.len().max(1);
            if n_visited >= NODES_PER_CHECK {
                n_visited = 0;
                control.check()?;
            }
        }
        Ok(())
    }

    fn forget(&mut self) {
        for node in self.seen_nodes.drain(..) {
            self.seen[node / 64] = 0;
        }
        self.nearest_first.clear();
        self.beam.clear();
    }

    /// Whether `node` was not marked before.
    fn mark(&mut self, node: usize) -> bool {
        let (word, bit) = (&mut self.seen[node / 64], 1 << (node % 64));
        if *word & bit != 0 {
            return false;
        }
        *word |= bit;
        self.seen_nodes.push(node);
        true
    }

    /// The nearest node on `level` that can be reached by steps that come nearer.
    fn descend(&mut self, start: Visited, level: usize) -> Visited {
        let mut nearest = start;
        loop {
            let before = nearest;
            self.nodes.clear();
            self.nodes.extend(self.graph.links(self.file, nearest.1, level));
            self.score_nodes();
            for (&node, &score) in self.nodes.iter().zip(&self.scores) {
                let key = key_of(score, self.larger_is_nearer);
                if key < nearest.0 {
                    nearest = (key, node);
                }
            }
            if nearest.0 >= before.0 {
                return before;
            }
        }
    }

    /// The neighbours of `node` that were not seen before.
    fn gather(&mut self, node: usize) {
        let mut nodes = std::mem::take(&mut self.nodes);
        nodes.clear();
        nodes.extend(self.graph.links(self.file, node, 0).filter(|&link| self.mark(link)));
        self.nodes = nodes;
    }

    /// Compares the gathered nodes, offers them, and takes those into the beam that belong there.
    fn visit(&mut self, sink: &mut Sink) {
        self.score_nodes();
        for (&node, &score) in self.nodes.iter().zip(&self.scores) {
            let key = key_of(score, self.larger_is_nearer);
            if self.beam.len() < self.ef {
                self.beam.push((key, node));
            } else if let Some(mut worst) = self.beam.peek_mut()
                && key < worst.0
            {
                *worst = (key, node);
            } else {
                continue;
            }
            self.nearest_first.push(Reverse((key, node)));
        }
        // What must not be shown is a way nevertheless.
        let (nodes, selection) = (&self.nodes, self.request.selection);
        sink.offer(&self.scores, |index| {
            let number = nodes[index] as i64;
            selection.contains(number).then(|| self.request.ids.of(number)).flatten()
        });
    }

    fn score_nodes(&mut self) {
        self.scores.resize(self.nodes.len(), 0.0);
        self.scorer.score(self.codes, Picks::Rows(&self.nodes), &mut self.scores);
    }

    fn key_of(&mut self, node: usize) -> u32 {
        self.nodes.clear();
        self.nodes.push(node);
        self.score_nodes();
        key_of(self.scores[0], self.larger_is_nearer)
    }
}

/// An integer that is smaller the nearer `score` is; NaN is farthest.
fn key_of(score: f32, larger_is_nearer: bool) -> u32 {
    if score.is_nan() { u32::MAX } else { crate::top_k::key_of(score, larger_is_nearer) }
}
