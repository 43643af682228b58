//! Putting a node into the graph.

use super::Vectors;
use super::codes::Codes;
use super::graph::{Graph, Link};
use super::pool::{Pool, Visited};
use super::select::select;
use crate::distance::Kernels;
use crate::metric::Metric;

/// A graph under construction, shared by the threads.
pub(super) struct Builder<'a> {
    pub(super) graph: &'a Graph,
    pub(super) vectors: Vectors<'a>,
    /// With which neighbours are searched for; without them, with the vectors.
    pub(super) codes: Option<Codes>,
    pub(super) metric: Metric,
    pub(super) ef_construction: usize,
}

/// Measures distances between nodes: squared L2, or minus the inner product.
pub(super) struct Measure<'a> {
    vectors: Vectors<'a>,
    metric: Metric,
    kernels: Kernels,
    others: Vec<&'a [[u8; 4]]>,
    distances: Vec<f32>,
}

impl<'a> Measure<'a> {
    pub(super) fn new(vectors: Vectors<'a>, metric: Metric, kernels: Kernels) -> Self {
        Self { vectors, metric, kernels, others: Vec::new(), distances: Vec::new() }
    }

    /// Distances from one node to others.
    pub(super) fn between(&mut self, node: u32, others: impl Iterator<Item = u32>) -> &[f32] {
        self.others.clear();
        self.others.extend(others.map(|other| self.vectors.lanes(other as usize)));
        self.distances.resize(self.others.len(), 0.0);
        let (node, distances) = (self.vectors.lanes(node as usize), &mut self.distances);
        if self.metric == Metric::L2 {
            self.kernels.squared_l2_each(node, &self.others, distances);
        } else {
            self.kernels.dot_each(node, &self.others, distances);
            for distance in distances.iter_mut() {
                *distance = -*distance;
            }
        }
        for distance in distances.iter_mut() {
            // Products of huge values overflow to both infinities.
            if distance.is_nan() {
                *distance = f32::INFINITY;
            }
        }
        distances
    }
}

/// Estimates distances between nodes from their codes.
#[derive(Default)]
struct Estimate<'a> {
    others: Vec<&'a [i8]>,
    dots: Vec<i32>,
    distances: Vec<f32>,
}

impl<'a> Estimate<'a> {
    /// Distances from one node to others, all off by the same number.
    fn between(&mut self, codes: &'a Codes, node: u32, others: &[u32]) -> &[f32] {
        self.others.clear();
        self.others.extend(others.iter().map(|&other| codes.values(other)));
        self.dots.resize(others.len(), 0);
        Kernels::best().code_dots(codes.values(node), &self.others, &mut self.dots);
        let pairs = others.iter().zip(&self.dots);
        self.distances.clear();
        self.distances.extend(pairs.map(|(&other, &dot)| codes.distance(node, other, dot)));
        &self.distances
    }
}

fn offer_all(pool: &mut Pool, nodes: &[u32], distances: &[f32]) {
    for (&node, &distance) in nodes.iter().zip(distances) {
        pool.offer(node, distance);
    }
}

/// What one thread needs to put nodes in.
pub(super) struct Inserter<'a> {
    builder: &'a Builder<'a>,
    measure: Measure<'a>,
    estimate: Estimate<'a>,
    pool: Pool,
    visited: Visited,
    unvisited: Vec<u32>,
    /// Links of the node on each of its levels.
    chosen: Vec<Vec<Link>>,
    rivals: Vec<Link>,
}

impl<'a> Inserter<'a> {
    pub(super) fn new(builder: &'a Builder<'a>) -> Self {
        Self {
            builder,
            measure: Measure::new(builder.vectors, builder.metric, Kernels::best()),
            estimate: Estimate::default(),
            pool: Pool::new(builder.ef_construction),
            visited: Visited::new(builder.graph.n_nodes()),
            unvisited: Vec::new(),
            chosen: Vec::new(),
            rivals: Vec::new(),
        }
    }

    /// Links `node` to its neighbours and those to it, on all its levels. `entry` is on the highest
    /// level of what is in the graph; it may be `node` itself if that is empty.
    pub(super) fn insert(&mut self, node: u32, entry: u32) {
        if node == entry {
            return;
        }
        let graph = self.builder.graph;
        let (level, entry_level) = (graph.level(node), graph.level(entry));
        let mut nearest = (entry, self.measure.between(node, [entry].into_iter())[0]);
        for level in (level + 1..=entry_level).rev() {
            nearest = self.descend(node, nearest, level);
        }
        let top = level.min(entry_level);
        let mut chosen = std::mem::take(&mut self.chosen);
        chosen.resize_with(chosen.len().max(top + 1), Vec::new);
        for level in (0..=top).rev() {
            nearest = self.search(node, nearest, level);
            self.choose(level, &mut chosen[level]);
        }
        // From below: whoever comes by the node on a level can go on from it on those below.
        for (level, links) in chosen.iter().enumerate().take(top + 1) {
            self.connect(node, level, links);
        }
        self.chosen = chosen;
    }

    /// Goes to ever nearer neighbours until there is none.
    fn descend(&mut self, node: u32, mut nearest: (u32, f32), level: usize) -> (u32, f32) {
        loop {
            self.unvisited.clear();
            self.unvisited.extend(self.builder.graph.neighbours(nearest.0, level));
            let distances = self.measure.between(node, self.unvisited.iter().copied());
            let before = nearest.1;
            for (&other, &distance) in self.unvisited.iter().zip(distances) {
                if distance < nearest.1 {
                    nearest = (other, distance);
                }
            }
            if nearest.1 >= before {
                return nearest;
            }
        }
    }

    /// Fills the pool with nodes near to `node`; returns the nearest.
    fn search(&mut self, node: u32, start: (u32, f32), level: usize) -> (u32, f32) {
        self.visited.clear();
        self.visited.insert(node);
        self.visited.insert(start.0);
        self.pool.clear();
        self.unvisited.clear();
        self.unvisited.push(start.0);
        self.offer(node);
        while let Some(next) = self.pool.next() {
            let neighbours = self.builder.graph.neighbours(next, level);
            let visited = &mut self.visited;
            self.unvisited.clear();
            self.unvisited.extend(neighbours.filter(|&other| visited.insert(other)));
            self.offer(node);
        }
        if self.builder.codes.is_some() {
            self.unvisited.clear();
            self.unvisited.extend(self.pool.candidates().iter().map(|found| found.node));
            self.pool.clear();
            let distances = self.measure.between(node, self.unvisited.iter().copied());
            offer_all(&mut self.pool, &self.unvisited, distances);
        }
        self.pool.candidates().first().map_or(start, |first| (first.node, first.distance))
    }

    /// Offers the unvisited nodes to the pool.
    fn offer(&mut self, node: u32) {
        let distances = match &self.builder.codes {
            Some(codes) => self.estimate.between(codes, node, &self.unvisited),
            None => self.measure.between(node, self.unvisited.iter().copied()),
        };
        offer_all(&mut self.pool, &self.unvisited, distances);
    }

    /// The best links to those in the pool.
    fn choose(&mut self, level: usize, links: &mut Vec<Link>) {
        links.clear();
        links.extend(self.pool.candidates().iter().map(|found| Link {
            node: found.node,
            distance: found.distance,
            is_fresh: true,
        }));
        select(links, self.builder.graph.capacity(level), &mut self.measure);
    }

    /// Links `node` both ways.
    fn connect(&mut self, node: u32, level: usize, links: &[Link]) {
        let graph = self.builder.graph;
        {
            let _held = graph.lock(node);
            graph.write(node, level, links);
        }
        for &Link { node: other, distance, .. } in links {
            self.link(other, level, Link { node, distance, is_fresh: true });
        }
    }

    /// Adds a link to those of `node`; if there is no room, the best of them stay.
    fn link(&mut self, node: u32, level: usize, link: Link) {
        let graph = self.builder.graph;
        let _held = graph.lock(node);
        if graph.append(node, level, link) {
            return;
        }
        graph.read(node, level, &mut self.rivals);
        self.measure_unknown(node);
        self.rivals.push(link);
        self.rivals
            .sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.node.cmp(&b.node)));
        select(&mut self.rivals, graph.capacity(level), &mut self.measure);
        graph.write(node, level, &self.rivals);
    }

    /// Links of a graph that was read from a file have no lengths yet.
    fn measure_unknown(&mut self, node: u32) {
        for place in 0..self.rivals.len() {
            if self.rivals[place].distance.is_nan() {
                let other = std::iter::once(self.rivals[place].node);
                self.rivals[place].distance = self.measure.between(node, other)[0];
            }
        }
    }
}
