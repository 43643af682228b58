//! Whole-window embeddings.

mod analysis;
pub mod classical;
mod layout;
pub mod sound;
