//! Kinds of index, one folder each.
//!
//! [`vector::VectorIndex`] opens a file of any kind. Behind it stands a tree of engines that
//! answers from the bytes of the file alone.

pub(crate) mod acceleration;
mod codes;
mod engine;
mod exhaustive;
pub mod flat;
mod hnsw;
mod id_map;
mod ivf;
mod originals;
mod pre_transform;
mod refine;
mod selection;
mod sink;
mod tree;
pub mod vector;
