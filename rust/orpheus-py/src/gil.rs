//! Letting go of the interpreter while Rust works.

use pyo3::Python;
use pyo3::marker::Ungil;

/// Runs `work` without the GIL, so that other Python threads go on.
pub(crate) fn release_gil<T: Ungil>(py: Python<'_>, work: impl FnOnce() -> T + Ungil) -> T {
    py.detach(work)
}
