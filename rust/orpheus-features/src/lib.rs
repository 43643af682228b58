//! Samples in, numbers out.
