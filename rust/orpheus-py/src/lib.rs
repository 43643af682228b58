//! The border: checks, releases the GIL, hands over. No algorithm.

mod array;
mod audio;
mod error;
mod front_end;
mod gil;

use pyo3::prelude::*;

/// Everything that `orpheus_fast` takes from Rust.
#[pymodule]
mod _native {
    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_export]
    use super::audio::{TrackLoader, decode_track};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
