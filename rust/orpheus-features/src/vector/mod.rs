//! Whole-window embeddings.

pub mod classical;
