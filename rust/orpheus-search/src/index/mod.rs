//! Kinds of index, one folder each.

pub(crate) mod acceleration;
pub mod flat;
