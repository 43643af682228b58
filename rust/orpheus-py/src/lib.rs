//! The border: checks, releases the GIL, hands over. No algorithm.

mod array;
mod error;
mod gil;

use pyo3::prelude::*;

/// Everything that `orpheus_fast` takes from Rust.
#[pymodule]
mod _native {
    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
