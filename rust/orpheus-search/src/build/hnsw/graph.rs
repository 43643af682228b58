//! The links, as FAISS lays them out.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::HnswOptions;
use crate::build::random::Random;
use crate::error::{Error, Result};
use crate::format::model::HnswGraph;
use crate::format::write::levels_of;

/// No link; FAISS's -1.
const NONE: u32 = u32::MAX;
/// Marks a link that has not been held against the others of its list.
const FRESH: u32 = 1 << 31;
/// Nodes beyond which FAISS's links cannot count.
const MAX_NODES: usize = i32::MAX as usize;
/// Locks that the nodes share: far more than threads.
const N_LOCKS: usize = 1 << 12;

/// A link of a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Link {
    /// Where it leads.
    pub(super) node: u32,
    /// How far that is; NaN if unknown.
    pub(super) distance: f32,
    /// Whether it has yet to be held against the others.
    pub(super) is_fresh: bool,
}

/// A hierarchical graph.
///
/// Links are read without a lock: whoever reads while another thread rewrites a list sees links of
/// before and after, each of which leads to a node. They are written under [`Graph::lock`].
pub(in crate::build) struct Graph {
    m: usize,
    /// Links on all levels below each: as many numbers as levels, and one more.
    cumulative: Vec<usize>,
    /// Highest level of each node.
    levels: Vec<u8>,
    /// Where the links of each node start, and the end.
    offsets: Vec<usize>,
    links: Vec<AtomicU32>,
    /// float32 bits.
    distances: Vec<AtomicU32>,
    /// Where searches start; on the highest level.
    pub(in crate::build) entry: Option<u32>,
    locks: Vec<Mutex<()>>,
}

impl Graph {
    /// A graph without nodes.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if `m` is out of range.
    pub(in crate::build) fn new(options: HnswOptions) -> Result<Self> {
        let m = options.m;
        if !(2..=512).contains(&m) {
            return Err(Error::Parameter {
                name: "m",
                found: m.to_string(),
                expected: "2 to 512".to_owned(),
            });
        }
        let (_, cumulative) = levels_of(m);
        let cumulative = cumulative.into_iter().map(|n| n as usize).collect();
        Ok(Self {
            m,
            cumulative,
            levels: Vec::new(),
            offsets: vec![0],
            links: Vec::new(),
            distances: Vec::new(),
            entry: None,
            locks: (0..N_LOCKS).map(|_| Mutex::new(())).collect(),
        })
    }

    /// The graph that `file` holds.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if a link leads nowhere, [`Error::Parameter`] if there are other
    /// numbers of links than those of a graph that is built here.
    pub(in crate::build) fn from_stored(stored: &HnswGraph, file: &[u8]) -> Result<Self> {
        stored.check_links(file)?;
        let m = stored.cumulative.get(1).map_or(0, |links| links / 2);
        let mut graph = Self::new(HnswOptions { m, ..HnswOptions::default() })?;
        if graph.cumulative != stored.cumulative {
            return Err(Error::Parameter {
                name: "graph of the index",
                found: format!("with up to {:?} links below each level", stored.cumulative),
                expected: format!("{:?}, as of m = {m}", graph.cumulative),
            });
        }
        for level in file[stored.levels.clone()].as_chunks::<4>().0 {
            // 1 to the number of levels: checked when it was read.
            graph.push_node((i32::from_le_bytes(*level) - 1) as u8);
        }
        let links = file[stored.neighbors.clone()].as_chunks::<4>().0;
        for (place, link) in graph.links.iter_mut().zip(links) {
            let link = u32::from_le_bytes(*link);
            *place.get_mut() = if link == NONE { NONE } else { link | FRESH };
        }
        graph.entry = stored.entry_point.map(|entry| entry as u32);
        Ok(graph)
    }

    /// Links of a node on the upper levels.
    pub(in crate::build) fn m(&self) -> usize {
        self.m
    }

    pub(in crate::build) fn n_nodes(&self) -> usize {
        self.levels.len()
    }

    /// The highest level of a node.
    pub(super) fn level(&self, node: u32) -> usize {
        usize::from(self.levels[node as usize])
    }

    /// The highest level of each node.
    pub(in crate::build) fn levels(&self) -> &[u8] {
        &self.levels
    }

    /// Room for links of a node on a level.
    pub(super) fn capacity(&self, level: usize) -> usize {
        self.cumulative[level + 1] - self.cumulative[level]
    }

    /// Makes room for `n` nodes; the seed and the number of each decide its level.
    pub(super) fn grow(&mut self, n: usize, seed: u64) -> Result<()> {
        if n > MAX_NODES {
            return Err(Error::Parameter {
                name: "vectors",
                found: format!("{n} vectors"),
                expected: format!("at most {MAX_NODES} for a graph"),
            });
        }
        let m = self.m as f64;
        for node in self.n_nodes()..n {
            let level = -Random::of(seed, node as u64).unit().ln() / m.ln();
            self.push_node((level as usize).min(self.cumulative.len() - 2) as u8);
        }
        Ok(())
    }

    /// A node without links; the graph has `level`.
    fn push_node(&mut self, level: u8) {
        self.levels.push(level);
        let end = self.links.len() + self.cumulative[usize::from(level) + 1];
        self.offsets.push(end);
        self.links.resize_with(end, || AtomicU32::new(NONE));
        self.distances.resize_with(end, || AtomicU32::new(f32::NAN.to_bits()));
    }

    /// All links as FAISS stores them.
    pub(in crate::build) fn stored_links(&self) -> impl Iterator<Item = i32> {
        self.links.iter().map(|link| match link.load(Ordering::Relaxed) {
            NONE => -1,
            link => (link & !FRESH) as i32,
        })
    }

    #[inline]
    fn places(&self, node: u32, level: usize) -> std::ops::Range<usize> {
        let start = self.offsets[node as usize];
        start + self.cumulative[level]..start + self.cumulative[level + 1]
    }

    /// Where the links of a node on a level lead, up to the first that is missing.
    pub(super) fn neighbours(&self, node: u32, level: usize) -> impl Iterator<Item = u32> {
        let links = self.links[self.places(node, level)].iter();
        let links = links.map(|link| link.load(Ordering::Relaxed));
        links.take_while(|&link| link != NONE).map(|link| link & !FRESH)
    }

    /// Lets one thread at a time change the links of a node, and of those that share its lock.
    pub(super) fn lock(&self, node: u32) -> MutexGuard<'_, ()> {
        self.locks[node as usize % N_LOCKS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the links of a node on a level into `links`. Hold its lock.
    pub(super) fn read(&self, node: u32, level: usize, links: &mut Vec<Link>) {
        let places = self.places(node, level);
        let pairs = self.links[places.clone()].iter().zip(&self.distances[places]);
        links.clear();
        for (link, distance) in pairs {
            let link = link.load(Ordering::Relaxed);
            if link == NONE {
                return;
            }
            let distance = f32::from_bits(distance.load(Ordering::Relaxed));
            links.push(Link { node: link & !FRESH, distance, is_fresh: link & FRESH != 0 });
        }
    }

    /// Appends a link if there is room. Hold the lock of `node`.
    pub(super) fn append(&self, node: u32, level: usize, link: Link) -> bool {
        let places = self.places(node, level);
        let links = self.links[places.clone()].iter();
        let room = places.zip(links).find(|(_, link)| link.load(Ordering::Relaxed) == NONE);
        room.map(|(place, _)| self.write_link(place, link)).is_some()
    }

    /// Replaces the links of a node on a level by `links`, for which there is room. Hold its lock.
    pub(super) fn write(&self, node: u32, level: usize, links: &[Link]) {
        let mut places = self.places(node, level);
        // In this order: the other way round, zip would take one place too many.
        for (link, place) in links.iter().zip(places.by_ref()) {
            self.write_link(place, *link);
        }
        for place in places {
            self.links[place].store(NONE, Ordering::Relaxed);
        }
    }

    fn write_link(&self, place: usize, link: Link) {
        let fresh = if link.is_fresh { FRESH } else { 0 };
        self.distances[place].store(link.distance.to_bits(), Ordering::Relaxed);
        self.links[place].store(link.node | fresh, Ordering::Relaxed);
    }
}
