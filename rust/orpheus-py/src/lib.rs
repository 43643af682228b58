//! The border: checks, releases the GIL, hands over. No algorithm.
