//! The links of a graph in a mapped file.

use std::sync::OnceLock;

use crate::code::fetch;
use crate::error::Result;
use crate::format::model::HnswGraph;

/// A graph, whose links are looked through before they are followed.
#[derive(Debug)]
pub(super) struct Graph {
    stated: HnswGraph,
    is_sound: OnceLock<bool>,
}

impl Graph {
    pub(super) fn new(stated: HnswGraph) -> Self {
        Self { stated, is_sound: OnceLock::new() }
    }

    /// Makes sure, once, that all links lead to nodes.
    pub(super) fn check(&self, file: &[u8]) -> Result<()> {
        if *self.is_sound.get_or_init(|| self.stated.check_links(file).is_ok()) {
            return Ok(());
        }
        self.stated.check_links(file)
    }

    pub(super) fn ef_search(&self) -> usize {
        usize::try_from(self.stated.ef_search).unwrap_or(1)
    }

    /// Links of a node on the lowest level.
    pub(super) fn n_links(&self) -> usize {
        self.stated.cumulative.get(1).copied().unwrap_or(0)
    }

    pub(super) fn n_nodes(&self) -> usize {
        self.stated.n_nodes
    }

    /// Where a search starts, and on which level.
    pub(super) fn entry(&self) -> Option<(usize, usize)> {
        let level = usize::try_from(self.stated.max_level).ok()?;
        self.stated.entry_point.map(|node| (node, level))
    }

    /// Asks for the links of a node on the lowest level, without waiting for them.
    pub(super) fn fetch(&self, file: &[u8], node: usize) {
        let (offsets, _) = file[self.stated.offsets.clone()].as_chunks::<8>();
        let (links, _) = file[self.stated.neighbors.clone()].as_chunks::<4>();
        let start = u64::from_le_bytes(offsets[node]) as usize;
        fetch(&links[start..start + self.n_links()]);
    }

    /// The nodes that `node` is linked with on `level`, which it is on.
    pub(super) fn links<'a>(
        &self,
        file: &'a [u8],
        node: usize,
        level: usize,
    ) -> impl Iterator<Item = usize> + use<'a> {
        let (offsets, _) = file[self.stated.offsets.clone()].as_chunks::<8>();
        let (links, _) = file[self.stated.neighbors.clone()].as_chunks::<4>();
        let start = u64::from_le_bytes(offsets[node]) as usize;
        let cumulative = &self.stated.cumulative;
        let range = start + cumulative[level]..start + cumulative[level + 1];
        // The first -1 ends them.
        links[range].iter().map_while(|link| usize::try_from(i32::from_le_bytes(*link)).ok())
    }
}
