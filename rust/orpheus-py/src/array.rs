#![expect(unsafe_code, reason = "the border where NumPy's memory is borrowed")]
//! Arrays in (borrowed) and out (moved): no element is copied either way.

use numpy::ndarray::{ArrayD, IxDyn};
use numpy::{Element, IntoPyArray, PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::error::{NativeError, NativeResult};

/// A C-contiguous NumPy array, borrowed for one call.
///
/// The borrow keeps the array alive, but cannot keep another Python thread from writing into it
/// while the GIL is released: the documentation of every public function asks callers not to.
pub(crate) struct View<'py, T: Element> {
    array: Bound<'py, PyArrayDyn<T>>,
}

/// Borrowed float32 values.
pub(crate) type F32View<'py> = View<'py, f32>;
/// Borrowed float64 values.
pub(crate) type F64View<'py> = View<'py, f64>;
/// Borrowed int64 values (ids).
pub(crate) type I64View<'py> = View<'py, i64>;

impl<'a, 'py, T: Element> FromPyObject<'a, 'py> for View<'py, T> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> Result<Self, PyErr> {
        let refuse = |found: String| -> PyErr {
            let wanted = T::get_dtype(object.py());
            NativeError::shape(format!(
                "expected a C-contiguous NumPy array of {wanted}, found {found}"
            ))
            .into()
        };
        let Ok(array) = object.cast::<PyArrayDyn<T>>() else {
            let found = match object.getattr("dtype") {
                Ok(dtype) => format!("dtype {dtype}"),
                Err(_) => object.get_type().name()?.to_string(),
            };
            return Err(refuse(found));
        };
        if !array.is_c_contiguous() {
            return Err(refuse("another memory order".to_owned()));
        }
        let aligned: bool = array.getattr("flags")?.getattr("aligned")?.extract()?;
        if !aligned {
            return Err(refuse("unaligned memory".to_owned()));
        }
        Ok(Self { array: array.to_owned() })
    }
}

impl<'py, T: Element> View<'py, T> {
    /// The view of an array that fits as it is, in the shortest way; `None` of anything else.
    pub(crate) fn of_fitting(object: &Bound<'py, PyAny>) -> Option<Self> {
        let array = object.cast::<PyArrayDyn<T>>().ok()?;
        let fits = array.is_c_contiguous() && array.data().is_aligned();
        fits.then(|| Self { array: array.clone() })
    }
}

impl<T: Element> View<'_, T> {
    /// All values in C order.
    pub(crate) fn as_slice(&self) -> &[T] {
        let length = self.array.len();
        if length == 0 {
            return &[];
        }
        // SAFETY: the array is C-contiguous and aligned (checked at extraction), holds `length`
        // initialised values, and is kept alive by `self`, which the slice borrows.
        unsafe { std::slice::from_raw_parts(self.array.data(), length) }
    }

    /// Extent of each dimension.
    pub(crate) fn shape(&self) -> &[usize] {
        self.array.shape()
    }

    /// Rows and columns of a matrix called `name`.
    pub(crate) fn matrix_shape(&self, name: &str) -> NativeResult<(usize, usize)> {
        match *self.shape() {
            [n_rows, n_columns] => Ok((n_rows, n_columns)),
            ref shape => Err(NativeError::shape(format!(
                "{name} has shape {shape:?}, expected two dimensions"
            ))),
        }
    }
}

/// A writable, C-contiguous float32 array of the caller, written to while the GIL is released.
pub(crate) struct F32Target {
    /// Keeps the memory: NumPy refuses to resize an array that something else refers to, unless it is
    /// told not to look (`refcheck=False`), which its documentation leaves to the caller's risk.
    _array: Py<PyArrayDyn<f32>>,
    data: *mut f32,
    shape: Vec<usize>,
}

// SAFETY: `data` points into `_array`, which may be held by any thread; `write` takes `&mut self`.
unsafe impl Send for F32Target {}

impl F32Target {
    /// Extent of each dimension.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Where it lies in memory.
    pub(crate) fn addresses(&self) -> std::ops::Range<usize> {
        let n_bytes = self.shape.iter().product::<usize>() * size_of::<f32>();
        self.data as usize..self.data as usize + n_bytes
    }

    /// Copies `values` to element `at`, in C order. What does not fit is left out.
    pub(crate) fn write(&mut self, at: usize, values: &[f32]) {
        let length: usize = self.shape.iter().product();
        let room = length.saturating_sub(at);
        let n = values.len().min(room);
        if n > 0 {
            // SAFETY: `at + n` elements lie within the array, which is C-contiguous, aligned and
            // writable (checked at extraction) and kept alive and in place by `_array`. `values` is
            // memory of ours, so the two do not overlap.
            unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), self.data.add(at), n) }
        }
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for F32Target {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> Result<Self, PyErr> {
        let view = F32View::extract(object)?;
        let writable: bool = view.array.getattr("flags")?.getattr("writeable")?.extract()?;
        if !writable {
            return Err(NativeError::shape("expected a writable array".to_owned()).into());
        }
        let (data, shape) = (view.array.data(), view.shape().to_vec());
        Ok(Self { _array: view.array.unbind(), data, shape })
    }
}

/// An empty vector with room for `n` values. Large ones are put on huge pages where the system has
/// them, as NumPy does with its own: touching 34 MB for the first time costs a fifth of converting it.
pub(crate) fn roomy(n: usize) -> Vec<f32> {
    let values = Vec::with_capacity(n);
    #[cfg(target_os = "linux")]
    {
        const HUGE_PAGE: usize = 2 << 20;
        let start = (values.as_ptr() as usize).next_multiple_of(HUGE_PAGE);
        let end = values.as_ptr() as usize + values.capacity() * size_of::<f32>();
        if let Some(length) = end.checked_sub(start).filter(|length| *length >= HUGE_PAGE) {
            // SAFETY: the range lies within the allocation, and the advice changes how its pages are
            // backed, not what they hold. Where it is refused, nothing changes.
            unsafe { libc::madvise(start as *mut libc::c_void, length, libc::MADV_HUGEPAGE) };
        }
    }
    values
}

/// A new array with the values of `values`: for few of them less work than to hand them over.
pub(crate) fn copied<'py, T: Element + Copy>(
    py: Python<'py>,
    values: &[T],
    shape: &[usize],
) -> Bound<'py, PyArrayDyn<T>> {
    assert_eq!(values.len(), shape.iter().product::<usize>());
    // SAFETY: the array is filled before anybody else sees it; it holds as many elements as
    // `values`, as was just checked, back to back, and its memory is new.
    unsafe {
        let array = PyArrayDyn::<T>::new(py, shape, false);
        std::ptr::copy_nonoverlapping(values.as_ptr(), array.data(), values.len());
        array
    }
}

/// Values on their way out. NumPy takes over the allocation; the array is writable.
pub(crate) struct OwnedArray<T> {
    values: Vec<T>,
    shape: Vec<usize>,
}

/// float32 on its way out.
pub(crate) type F32Array = OwnedArray<f32>;
/// float64 on its way out.
pub(crate) type F64Array = OwnedArray<f64>;
/// int64 on its way out.
pub(crate) type I64Array = OwnedArray<i64>;

impl<T> OwnedArray<T> {
    /// One dimension.
    pub(crate) fn vector(values: Vec<T>) -> Self {
        let shape = vec![values.len()];
        Self { values, shape }
    }

    /// Any number of dimensions; `values` holds their product in C order.
    pub(crate) fn shaped(values: Vec<T>, shape: &[usize]) -> Self {
        debug_assert_eq!(values.len(), shape.iter().product::<usize>());
        Self { values, shape: shape.to_vec() }
    }
}

impl<'py, T: Element> IntoPyObject<'py> for OwnedArray<T> {
    type Target = PyArrayDyn<T>;
    type Output = Bound<'py, Self::Target>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, PyErr> {
        let array = ArrayD::from_shape_vec(IxDyn(&self.shape), self.values)
            .map_err(|error| PyErr::from(NativeError::shape(error.to_string())))?;
        Ok(array.into_pyarray(py))
    }
}
