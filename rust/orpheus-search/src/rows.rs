//! A matrix of vectors, wherever it lies.

use crate::error::{Error, Result};

/// Borrowed float32 vectors of one dimension, back to back, at any byte address.
///
/// A FAISS file puts its vectors at an odd offset (45 in a Flat file), so that a mapping of it
/// holds no `&[f32]`; this type holds both, and the kernels load from it without asking for
/// alignment.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    values: &'a [[u8; 4]],
    dim: usize,
    n: usize,
}

impl<'a> Rows<'a> {
    /// Vectors of `dim` values each, back to back in `values`.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if `dim` is zero, [`Error::Shape`] if the last vector is not whole.
    pub fn new(values: &'a [f32], dim: usize) -> Result<Self> {
        Self::of_lanes(bytemuck::cast_slice(values), dim)
    }

    /// Vectors of `dim` little-endian float32 values each, back to back in `bytes`.
    ///
    /// # Errors
    ///
    /// As [`Rows::new`].
    pub fn from_bytes(bytes: &'a [u8], dim: usize) -> Result<Self> {
        let (values, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(Error::Shape {
                name: "bytes",
                found: bytes.len(),
                expected: "a multiple of 4".to_owned(),
            });
        }
        Self::of_lanes(values, dim)
    }

    fn of_lanes(values: &'a [[u8; 4]], dim: usize) -> Result<Self> {
        if dim == 0 {
            return Err(Error::Parameter {
                name: "dim",
                found: "0".to_owned(),
                expected: "at least 1".to_owned(),
            });
        }
        if !values.len().is_multiple_of(dim) {
            return Err(Error::Shape {
                name: "rows",
                found: values.len(),
                expected: format!("a multiple of the dimension {dim}"),
            });
        }
        Ok(Self { values, dim, n: values.len() / dim })
    }

    /// Values of one vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// How many vectors there are.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n
    }

    /// All values as they lie in memory.
    pub(crate) fn lanes(&self) -> &'a [[u8; 4]] {
        self.values
    }

    /// Values of vector `row` as they lie in memory.
    ///
    /// # Panics
    ///
    /// If `row` is not below [`Rows::n_rows`].
    pub(crate) fn row_lanes(&self, row: usize) -> &'a [[u8; 4]] {
        &self.values[row * self.dim..][..self.dim]
    }

    /// Values of vector `row`.
    ///
    /// # Panics
    ///
    /// If `row` is not below [`Rows::n_rows`].
    #[must_use]
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = f32> + use<'a> {
        self.row_lanes(row).iter().map(|lane| f32::from_le_bytes(*lane))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_back_from_any_byte_offset() {
        let values: Vec<f32> = (0..12u8).map(f32::from).collect();
        for offset in 0..9 {
            let mut bytes = vec![0xff; offset];
            bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            let rows = Rows::from_bytes(&bytes[offset..], 3).unwrap();
            assert_eq!((rows.n_rows(), rows.dim()), (4, 3));
            assert_eq!(rows.row(2).collect::<Vec<_>>(), [6.0, 7.0, 8.0]);
        }
    }

    #[test]
    fn a_broken_last_vector_is_refused() {
        assert!(matches!(Rows::new(&[1.0, 2.0, 3.0], 2), Err(Error::Shape { found: 3, .. })));
        assert!(matches!(Rows::from_bytes(&[0; 7], 1), Err(Error::Shape { found: 7, .. })));
    }

    #[test]
    fn dimension_zero_is_refused() {
        assert!(matches!(Rows::new(&[], 0), Err(Error::Parameter { .. })));
    }
}
