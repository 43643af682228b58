//! What the values of a classical vector are.

use std::str::FromStr;

use crate::chroma::N_CHROMA;
use crate::error::{Error, Result};
use crate::spectrum::dct::N_MFCC;

/// Values before the chroma.
pub(crate) const N_PLAIN: usize = 2 * N_MFCC + 6;

/// Names of the pitch classes, as columns spell them.
const NOTES: [&str; N_CHROMA] =
    ["c", "c_sharp", "d", "d_sharp", "e", "f", "f_sharp", "g", "g_sharp", "a", "a_sharp", "b"];

/// How a vector ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layout {
    /// The mean of each of the twelve pitch classes: 44 values.
    #[default]
    Chroma12,
    /// One mean over all of them: 33 values.
    ChromaMean,
}

impl Layout {
    /// Values in a vector.
    #[must_use]
    pub const fn dim(self) -> usize {
        match self {
            Self::Chroma12 => N_PLAIN + N_CHROMA,
            Self::ChromaMean => N_PLAIN + 1,
        }
    }

    /// As [`FromStr`] spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chroma12 => "chroma12",
            Self::ChromaMean => "chroma_mean",
        }
    }
}

impl FromStr for Layout {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        [Self::Chroma12, Self::ChromaMean]
            .into_iter()
            .find(|layout| layout.name() == name)
            .ok_or_else(|| Error::UnknownLayout { given: name.to_owned() })
    }
}

/// What each value of a vector is, in order.
#[must_use]
pub fn column_names(layout: Layout) -> Vec<String> {
    let mut names = Vec::with_capacity(layout.dim());
    names.extend((0..N_MFCC).map(|k| format!("mfcc_mean_{k}")));
    names.extend((0..N_MFCC).map(|k| format!("mfcc_variance_{k}")));
    names.extend(
        [
            "spectral_centroid_hz",
            "spectral_bandwidth_hz",
            "spectral_rolloff_hz",
            "zero_crossing_rate",
            "tempo_bpm",
            "energy",
        ]
        .map(String::from),
    );
    match layout {
        Layout::Chroma12 => names.extend(NOTES.map(|note| format!("chroma_{note}"))),
        Layout::ChromaMean => names.push("chroma_mean".to_owned()),
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{Layout, column_names};
    use crate::error::Error;

    #[test]
    fn every_value_of_a_vector_has_a_name_of_its_own() {
        for layout in [Layout::Chroma12, Layout::ChromaMean] {
            let mut names = column_names(layout);
            assert_eq!(names.len(), layout.dim());
            names.sort();
            names.dedup();
            assert_eq!(names.len(), layout.dim());
        }
    }

    #[test]
    fn the_layouts_have_the_studys_lengths() {
        assert_eq!((Layout::Chroma12.dim(), Layout::ChromaMean.dim()), (44, 33));
    }

    #[test]
    fn a_layout_is_found_by_its_name_only() {
        assert_eq!("chroma_mean".parse(), Ok(Layout::ChromaMean));
        assert_eq!(
            "Chroma12".parse::<Layout>(),
            Err(Error::UnknownLayout { given: "Chroma12".to_owned() })
        );
    }
}
