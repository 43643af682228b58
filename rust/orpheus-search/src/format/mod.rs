//! FAISS files: a bounded reader, a writer, the mapping.
//!
//! The format is little-endian and packed: no alignment, no version, no checksum. An index is a
//! four-byte tag, a header and what its kind needs; indexes that an index consists of are inlined.
//! The layout was taken from FAISS (`faiss/impl/index_write.cpp`) and is checked against files that
//! it wrote.

pub mod cursor;
pub mod describe;
pub mod fourcc;
pub mod mmap;
pub mod model;
pub mod read;
pub mod write;
