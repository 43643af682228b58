//! Vectors in, neighbours out.
