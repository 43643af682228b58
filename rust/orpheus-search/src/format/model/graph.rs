//! A graph over vectors.

use super::{Place, Stored};
use crate::format::fourcc::Fourcc;

/// A graph, and the vectors that it connects.
#[derive(Clone, Debug, PartialEq)]
pub struct Hnsw {
    /// The tag, which says what the storage is; `IH00` does not.
    pub tag: Fourcc,
    /// The graph.
    pub graph: HnswGraph,
    /// Flat, scalar or product codes: same dimension, number of vectors and metric.
    pub storage: Box<Stored>,
}

/// A hierarchical graph: node `i` is on levels 0 to `levels[i] - 1`, and its links on level `l` are
/// `neighbors[offsets[i] + cumulative[l]..offsets[i] + cumulative[l + 1]]`, up to the first -1.
#[derive(Clone, Debug, PartialEq)]
pub struct HnswGraph {
    /// Nodes: `ntotal` of the index.
    pub n_nodes: usize,
    /// Probability of each highest level when building.
    pub probabilities: Vec<f64>,
    /// Links on all levels below each; ascends from 0.
    pub cumulative: Vec<usize>,
    /// `n_nodes` int32, each from 1 to `cumulative.len() - 1`.
    pub levels: Place,
    /// `n_nodes + 1` uint64; `offsets[i + 1] - offsets[i]` is `cumulative[levels[i]]`, the first 0.
    pub offsets: Place,
    /// `offsets[n_nodes]` int32: nodes, or -1 for none.
    pub neighbors: Place,
    /// Where a search starts; `None` if and only if there are no nodes.
    pub entry_point: Option<usize>,
    /// The level of the entry point; -1 without nodes.
    pub max_level: i32,
    /// Beam when building.
    pub ef_construction: i32,
    /// Beam of a search unless it says otherwise, at least 1.
    pub ef_search: i32,
}
