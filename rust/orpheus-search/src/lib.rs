//! Vectors in, neighbours out.
//!
//! [`VectorIndex`] searches a mapped FAISS file of any kind, [`search_rows`] a matrix that the caller
//! holds. Answers are ordered by score and then by id, so that equal input gives equal output on any
//! number of threads. Vectors as they are ([`FlatIndex`], [`search_rows`]) are searched exactly:
//! every allowed one is compared.

#[cfg(target_endian = "big")]
compile_error!("FAISS files and the kernels that read them are little-endian");

pub mod build;
mod code;
mod codec;
mod distance;
mod error;
mod filter;
pub mod format;
pub mod index;
mod live;
mod metric;
mod neighbours;
mod pool;
mod queries;
mod rows;
mod sidecar;
mod top_k;
mod transform;

pub use code::RowCodes;
pub use distance::{Kernels, Tier};
pub use error::{Error, ErrorKind, Result};
pub use filter::{Allow, Deny, Filter};
pub use format::describe::{Description, describe};
pub use format::write::{copy_index, write_flat};
pub use index::acceleration::Codes;
pub use index::flat::{
    ColumnStatistics, FlatIndex, SearchOptions, inverse_norms_into, search_rows,
    standardise_rows_into,
};
pub use index::vector::{RangeNeighbours, VectorIndex};
pub use live::{Addition, CompactOptions, LiveIndex};
pub use metric::Metric;
pub use neighbours::{NO_ID, Neighbours};
pub use rows::Rows;
pub use top_k::TopK;
