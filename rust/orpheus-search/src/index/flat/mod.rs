//! Vectors as they are: every search compares the query with each of them.

mod coded;
mod few;
mod parts;
mod search;
mod standardise;
mod storage;
mod worker;

pub(crate) use parts::Watch;
pub(crate) use search::Answer;

pub use search::{SearchOptions, inverse_norms_into, search_rows};
pub use standardise::{ColumnStatistics, standardise_rows_into};
pub use storage::{FlatIndex, FlatKind};
