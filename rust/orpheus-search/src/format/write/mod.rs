//! Writing FAISS files: all of one, or nothing.
//!
//! [`write_index`] writes what was made here, [`copy_index`] what was read. Both write what
//! `faiss.write_index` would write.

mod atomic;
mod emit;
mod flat;
mod hnsw;
mod layout;
mod parts;
mod stored;

pub(crate) use self::atomic::{sync_folder_of, write_whole};
pub use flat::write_flat;
pub use hnsw::levels_of;
pub use parts::{GatheredLists, HnswPart, IvfPart, IvfPartCodes, ListSource, Part, write_index};
pub use stored::{copy_index, write_stored};
