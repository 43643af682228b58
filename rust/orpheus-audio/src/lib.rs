//! Bytes in, samples out.
