//! Reading what a FAISS file states, believing nothing that its length does not bear out.

use std::fmt;
use std::ops::Range;

use super::fourcc::Fourcc;
use crate::error::{Error, Result};

/// A place in a file, and how to take values from there on.
///
/// Each size is compared with the bytes that are left before anything is read or counted on.
#[derive(Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first of `bytes`, which are a whole file.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes of the whole file.
    #[must_use]
    pub fn file_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes from the start of the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.at as u64
    }

    /// Where in the file the next `n_bytes` lie, which `field` takes up.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if there are fewer.
    pub fn skip(&mut self, n_bytes: u128, field: &'static str) -> Result<Range<usize>> {
        let available = self.bytes.len() - self.at;
        match usize::try_from(n_bytes) {
            Ok(n) if n <= available => {
                let range = self.at..self.at + n;
                self.at = range.end;
                Ok(range)
            }
            _ => Err(Error::Truncated {
                field,
                offset: self.offset(),
                needed: n_bytes,
                available: available as u64,
            }),
        }
    }

    /// Makes sure that there are `n_bytes` more, which `field` takes up.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if there are fewer.
    pub fn needs(&self, n_bytes: u128, field: &'static str) -> Result<()> {
        Cursor { bytes: self.bytes, at: self.at }.skip(n_bytes, field).map(|_| ())
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        let range = self.skip(N as u128, field)?;
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes[range]);
        Ok(array)
    }

    /// A tag.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`], as of every function here that takes a value.
    pub fn fourcc(&mut self) -> Result<Fourcc> {
        self.array("index tag")
    }

    /// A signed 32-bit number.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`].
    pub fn i32(&mut self, field: &'static str) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array(field)?))
    }

    /// A signed 64-bit number.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`].
    pub fn i64(&mut self, field: &'static str) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array(field)?))
    }

    /// An unsigned 64-bit number.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`].
    pub fn u64(&mut self, field: &'static str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    /// A 32-bit floating-point number.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`].
    pub fn f32(&mut self, field: &'static str) -> Result<f32> {
        Ok(f32::from_le_bytes(self.array(field)?))
    }

    /// A byte.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`].
    pub fn u8(&mut self, field: &'static str) -> Result<u8> {
        self.array(field).map(|[byte]| byte)
    }

    /// A truth value, which is stored as 0 or 1.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`], or [`Error::Malformed`] if it is another number.
    pub fn boolean(&mut self, field: &'static str) -> Result<bool> {
        let offset = self.offset();
        match self.array(field)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [found] => Err(malformed(field, offset, &found, "0 or 1")),
        }
    }

    /// Where the elements of a vector lie: a count, and then that many of `element_bytes` each.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`], or [`Error::Malformed`] if the count is not `expected`.
    pub fn vector(
        &mut self,
        expected: u128,
        element_bytes: u128,
        field: &'static str,
    ) -> Result<Range<usize>> {
        let offset = self.offset();
        let count = u128::from(self.u64(field)?);
        if count != expected {
            return Err(malformed(field, offset, &count, format!("a count of {expected}")));
        }
        self.skip(count * element_bytes, field)
    }

    /// Makes sure that the next number, unsigned and of 64 bits, is `expected`.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`], or [`Error::Malformed`] if it is another.
    pub fn exactly(&mut self, expected: usize, field: &'static str) -> Result<()> {
        let offset = self.offset();
        let found = self.u64(field)?;
        require(found == expected as u64, field, offset, &found, || expected.to_string())
    }

    /// A number of things of which there is at least one, unsigned and of 64 bits.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`], or [`Error::Malformed`] if it is 0 or beyond memory.
    pub fn count(&mut self, field: &'static str) -> Result<usize> {
        let offset = self.offset();
        let found = self.u64(field)?;
        let expected = || "at least 1, and such that it fits into memory".to_owned();
        require((1..=u64::MAX >> 8).contains(&found), field, offset, &found, expected)?;
        usize::try_from(found).map_err(|_| malformed(field, offset, &found, expected()))
    }

    /// How many elements of `element_bytes` each follow, which the file is long enough for, and
    /// where they lie.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`].
    pub fn any_vector(
        &mut self,
        element_bytes: u128,
        field: &'static str,
    ) -> Result<(usize, Range<usize>)> {
        let count = u128::from(self.u64(field)?);
        let place = self.skip(count * element_bytes, field)?;
        Ok((count as usize, place))
    }

    /// A vector of float32 values, copied out.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`].
    pub fn floats(&mut self, field: &'static str) -> Result<Vec<f32>> {
        let (_, place) = self.any_vector(4, field)?;
        Ok(self.lanes(place).iter().map(|lane| f32::from_le_bytes(*lane)).collect())
    }

    /// A vector of signed 32-bit numbers, copied out.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`].
    pub fn integers(&mut self, field: &'static str) -> Result<Vec<i32>> {
        let (_, place) = self.any_vector(4, field)?;
        Ok(self.lanes(place).iter().map(|lane| i32::from_le_bytes(*lane)).collect())
    }

    /// Elements of `N` bytes each at `place`.
    pub(crate) fn lanes<const N: usize>(&self, place: Range<usize>) -> &'a [[u8; N]] {
        self.bytes[place].as_chunks::<N>().0
    }

    /// Makes sure that the file ends here.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if it does not.
    pub fn finish(&self) -> Result<()> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            left => Err(malformed(
                "end of the index",
                self.offset(),
                &format!("followed by {left} bytes"),
                "the end of the file",
            )),
        }
    }
}

/// Makes sure that a condition on `field`, which starts at `offset` and is `found`, is met.
pub(crate) fn require(
    met: bool,
    field: &'static str,
    offset: u64,
    found: &dyn fmt::Display,
    expected: impl FnOnce() -> String,
) -> Result<()> {
    if met { Ok(()) } else { Err(malformed(field, offset, found, expected())) }
}

/// An error about `field`, which starts at `offset`.
pub(crate) fn malformed(
    field: &'static str,
    offset: u64,
    found: &dyn fmt::Display,
    expected: impl Into<String>,
) -> Error {
    Error::Malformed { field, offset, found: found.to_string(), expected: expected.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_beyond_the_end_is_refused_whatever_its_magnitude() {
        for size in [9, u128::from(u64::MAX), u128::MAX] {
            let mut cursor = Cursor::new(&[0; 12]);
            cursor.i32("first").unwrap();
            let error = cursor.skip(size, "second").unwrap_err();
            assert!(
                matches!(error, Error::Truncated { offset: 4, available: 8, needed, .. } if needed == size)
            );
            assert_eq!(cursor.offset(), 4);
        }
    }

    #[test]
    fn a_truth_value_is_0_or_1() {
        assert!(Cursor::new(&[1]).boolean("flag").unwrap());
        assert!(!Cursor::new(&[0]).boolean("flag").unwrap());
        let message = Cursor::new(&[2]).boolean("flag").unwrap_err().to_string();
        assert!(message.contains("flag at offset 0 is 2, expected 0 or 1"), "{message}");
    }

    #[test]
    fn a_count_that_contradicts_another_field_is_refused_before_its_size_matters() {
        let bytes = u64::MAX.to_le_bytes();
        let error = Cursor::new(&bytes).vector(3, 4, "vectors").unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
}
