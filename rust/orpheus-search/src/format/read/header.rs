//! What every index starts with.

use super::super::cursor::{Cursor, malformed};
use super::super::fourcc::{self, Fourcc};
use super::super::model::Header;
use crate::error::{Error, Result};
use crate::metric::Metric;

/// Values per vector beyond which a header is taken for damage.
pub(super) const MAX_DIM: i32 = 1 << 20;

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

impl Cursor<'_> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
