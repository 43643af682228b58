//! Reading what a FAISS file states, believing nothing that its length does not bear out.

use std::fmt;
use std::ops::Range;

use super::fourcc::{self, Fourcc};
use crate::error::{Error, Result};
use crate::metric::Metric;

/// Values per vector beyond which a header is taken for damage.
const MAX_DIM: i32 = 1 << 20;

/// What FAISS calls the metrics beyond inner product and L2 (`faiss/MetricType.h`).
const OTHER_METRICS: &[(i32, &str)] = &[
    (2, "L1"),
    (3, "Linf"),
    (4, "Lp"),
    (20, "Canberra"),
    (21, "BrayCurtis"),
    (22, "JensenShannon"),
    (23, "Jaccard"),
    (24, "NaNEuclidean"),
    (25, "Gower"),
];

/// A place in a file, and how to take values from there on.
///
/// Each size is compared with the bytes that are left before anything is read or counted on.
#[derive(Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What every index starts with after its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Values per vector.
    pub dim: usize,
    /// Vectors.
    pub ntotal: usize,
    /// How they are compared: inner product or L2.
    pub metric: Metric,
    /// Whether what must be learned from vectors has been.
    pub is_trained: bool,
}

impl fmt::Display for Header {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dim, ntotal, metric, .. } = self;
        write!(formatter, "{ntotal} vectors of dimension {dim} under {metric}")
    }
}

impl<'a> Cursor<'a> {
    /// Starts at the first of `bytes`, which are a whole file.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
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

    /// The header that follows the tag `tag`.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`], [`Error::UnsupportedMetric`], or [`Error::Malformed`] if a number is
    /// impossible or the metric is not the one that the tag stands for.
    pub fn header(&mut self, tag: Fourcc) -> Result<Header> {
        let offset = self.offset();
        let dim = self.i32("dimension")?;
        if !(1..=MAX_DIM).contains(&dim) {
            return Err(malformed("dimension", offset, &dim, format!("1 to {MAX_DIM}")));
        }
        let offset = self.offset();
        let ntotal = self.i64("number of vectors")?;
        let Ok(ntotal) = usize::try_from(ntotal) else {
            return Err(malformed("number of vectors", offset, &ntotal, "at least 0"));
        };
        // Two numbers that FAISS writes for the sake of old versions and does not read.
        self.skip(16, "reserved numbers")?;
        let is_trained = self.boolean("is_trained")?;
        let metric = self.metric(tag)?;
        Ok(Header { dim: dim as usize, ntotal, metric, is_trained })
    }

    fn metric(&mut self, tag: Fourcc) -> Result<Metric> {
        let offset = self.offset();
        let value = self.i32("metric")?;
        let metric = match value {
            0 => Metric::InnerProduct,
            1 => Metric::L2,
            _ => {
                let name = OTHER_METRICS.iter().find(|(known, _)| *known == value);
                let name = name.map_or("unknown", |(_, name)| name);
                return Err(Error::UnsupportedMetric { value, name });
            }
        };
        let expected = match tag {
            fourcc::FLAT_INNER_PRODUCT => Metric::InnerProduct,
            fourcc::FLAT_L2 => Metric::L2,
            _ => metric,
        };
        if metric == expected {
            Ok(metric)
        } else {
            Err(malformed("metric", offset, &metric, format!("{expected}, as the tag says")))
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

/// `dim` as a file states it.
///
/// # Errors
///
/// [`Error::Parameter`] if no reader would believe it.
pub(crate) fn checked_dim(dim: usize) -> Result<i32> {
    match i32::try_from(dim) {
        Ok(dim) if dim <= MAX_DIM => Ok(dim),
        _ => Err(Error::Parameter {
            name: "dim",
            found: dim.to_string(),
            expected: format!("at most {MAX_DIM}"),
        }),
    }
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

    #[test]
    fn a_metric_that_is_known_but_not_implemented_is_named() {
        let mut bytes = Vec::new();
        bytes.extend(8i32.to_le_bytes());
        bytes.extend([0; 24]);
        bytes.push(1);
        bytes.extend(3i32.to_le_bytes());
        let error = Cursor::new(&bytes).header(fourcc::FLAT).unwrap_err();
        assert!(error.to_string().contains("metric 3 (Linf)"), "{error}");
    }
}
