//! Core errors as the exceptions of `orpheus_fast.errors`.

use pyo3::prelude::*;
use pyo3::types::PyAny;

/// What a binding returns.
pub(crate) type NativeResult<T> = Result<T, NativeError>;

/// A Python exception on its way out; core errors convert into it with `?`.
pub(crate) struct NativeError(PyErr);

impl From<NativeError> for PyErr {
    fn from(error: NativeError) -> Self {
        error.0
    }
}

impl From<PyErr> for NativeError {
    fn from(error: PyErr) -> Self {
        Self(error)
    }
}

impl NativeError {
    /// The exception `class` of `orpheus_fast.errors`, made from `arguments`.
    pub(crate) fn named<A>(class: &str, arguments: A) -> Self
    where
        A: for<'py> pyo3::call::PyCallArgs<'py>,
    {
        Python::attach(|py| {
            let made = py
                .import("orpheus_fast.errors")
                .and_then(|module| module.getattr(class))
                .and_then(|class| class.call1(arguments));
            Self(match made {
                Ok(exception) => PyErr::from_value(exception),
                Err(error) => error,
            })
        })
    }

    /// An argument that cannot be worked with.
    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::named("ParameterError", (message.into(),))
    }

    /// A result that there is no memory for.
    pub(crate) fn memory(message: impl Into<String>) -> Self {
        Self(pyo3::exceptions::PyMemoryError::new_err(message.into()))
    }

    /// An array that does not fit.
    pub(crate) fn shape(message: impl Into<String>) -> Self {
        Self::named("ShapeError", (message.into(),))
    }

    /// A failure of the operating system, as Python itself would raise it: `FileNotFoundError`,
    /// `PermissionError`, ... with `filename` set.
    pub(crate) fn os(error: &std::io::Error, filename: Option<Bound<'_, PyAny>>) -> Self {
        let Some(code) = error.raw_os_error() else {
            return Self(pyo3::exceptions::PyOSError::new_err(error.to_string()));
        };
        Python::attach(|py| {
            let text = py
                .import("os")
                .and_then(|os| os.call_method1("strerror", (code,)))
                .and_then(|text| text.extract::<String>())
                .unwrap_or_else(|_| error.to_string());
            let filename = filename.map(Bound::unbind);
            Self(pyo3::exceptions::PyOSError::new_err((code, text, filename)))
        })
    }
}
