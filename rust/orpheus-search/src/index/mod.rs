//! Kinds of index, one folder each.

pub mod flat;
