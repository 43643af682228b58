//! What can be built.

use std::str::FromStr;

use super::hnsw::HnswOptions;
use super::ivf::IvfOptions;
use crate::error::{Error, Result};

/// Vectors up to which going through all of them is as quick as anything.
const FEW: usize = 20_000;

/// A kind of index that can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildKind {
    /// Flat up to 20,000 vectors, inverted lists beyond.
    Auto,
    /// Vectors as they are.
    Flat,
    /// Vectors in lists by the nearest centroid.
    Ivf(IvfOptions),
    /// A graph over the vectors.
    Hnsw(HnswOptions),
}

impl BuildKind {
    /// The kind for `n` vectors: never [`BuildKind::Auto`].
    #[must_use]
    pub fn for_vectors(self, n: usize) -> Self {
        match self {
            Self::Auto if n <= FEW => Self::Flat,
            Self::Auto => Self::Ivf(IvfOptions::default()),
            kind => kind,
        }
    }
}

impl FromStr for BuildKind {
    type Err = Error;

    /// Takes `"auto"` and what `faiss.index_factory` calls the kinds: `"Flat"`, `"IVF512,Flat"`,
    /// `"HNSW32,Flat"`; without a number the default, and `",Flat"` may be left out.
    fn from_str(name: &str) -> Result<Self> {
        let refuse = || Error::Parameter {
            name: "kind",
            found: format!("{name:?}"),
            expected: "\"auto\", \"Flat\", \"IVF,Flat\", \"IVF512,Flat\", \"HNSW,Flat\" or \
                       \"HNSW32,Flat\" (with other numbers of lists or links, if you like)"
                .to_owned(),
        };
        match name {
            "auto" => return Ok(Self::Auto),
            "Flat" => return Ok(Self::Flat),
            _ => {}
        }
        let head = name.strip_suffix(",Flat").unwrap_or(name);
        let number = |digits: &str| match digits {
            "" => Ok(None),
            digits => digits.parse().map(Some).map_err(|_| refuse()),
        };
        if let Some(digits) = head.strip_prefix("IVF") {
            return Ok(Self::Ivf(IvfOptions { nlist: number(digits)?, ..IvfOptions::default() }));
        }
        let digits = head.strip_prefix("HNSW").ok_or_else(refuse)?;
        let default = HnswOptions::default();
        Ok(Self::Hnsw(HnswOptions { m: number(digits)?.unwrap_or(default.m), ..default }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_names_that_faiss_gives_them() {
        let parse = |name: &str| name.parse::<BuildKind>().unwrap();
        let ivf = |nlist| BuildKind::Ivf(IvfOptions { nlist, ..IvfOptions::default() });
        let hnsw = |m| BuildKind::Hnsw(HnswOptions { m, ..HnswOptions::default() });
        assert_eq!(parse("auto"), BuildKind::Auto);
        assert_eq!(parse("Flat"), BuildKind::Flat);
        assert_eq!([parse("IVF,Flat"), parse("IVF64,Flat")], [ivf(None), ivf(Some(64))]);
        assert_eq!([parse("HNSW"), parse("HNSW32,Flat")], [hnsw(16), hnsw(32)]);
    }

    #[test]
    fn other_kinds_are_refused_with_those_there_are() {
        for name in ["", "flat", "IVFx,Flat", "IVF64,PQ8", "HNSW-1", "PQ8", "IVF64,Flat,Flat"] {
            let message = name.parse::<BuildKind>().unwrap_err().to_string();
            assert!(message.contains(name) && message.contains("\"IVF512,Flat\""), "{message}");
        }
    }

    #[test]
    fn few_vectors_stay_as_they_are() {
        assert_eq!(BuildKind::Auto.for_vectors(20_000), BuildKind::Flat);
        assert!(matches!(BuildKind::Auto.for_vectors(20_001), BuildKind::Ivf(_)));
        assert_eq!(BuildKind::Flat.for_vectors(1 << 30), BuildKind::Flat);
    }
}
