//! How two vectors are compared.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// How a query is compared with a stored vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Squared Euclidean distance: smaller is nearer.
    L2,
    /// Inner product: larger is nearer.
    InnerProduct,
    /// Inner product of the directions, in `[-1, 1]`: larger is nearer. A vector without a
    /// direction (all zeros, or a length below the smallest normal float32) scores 0.
    Cosine,
}

impl Metric {
    /// Whether the best score is the largest.
    #[must_use]
    pub fn larger_is_nearer(self) -> bool {
        self != Self::L2
    }

    /// The name by which callers choose it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::L2 => "l2",
            Self::InnerProduct => "inner_product",
            Self::Cosine => "cosine",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        [Self::L2, Self::InnerProduct, Self::Cosine]
            .into_iter()
            .find(|metric| metric.name() == name)
            .ok_or_else(|| Error::Parameter {
                name: "metric",
                found: format!("{name:?}"),
                expected: "\"cosine\", \"inner_product\" or \"l2\"".to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_found_by_its_name() {
        for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
            assert_eq!(metric.to_string().parse::<Metric>().unwrap(), metric);
        }
    }

    #[test]
    fn an_unknown_metric_is_refused_with_the_known_ones() {
        let message = "euclid".parse::<Metric>().unwrap_err().to_string();
        assert!(message.contains("\"euclid\"") && message.contains("\"l2\""), "{message}");
    }
}
