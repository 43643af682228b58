//! How good a conversion is to be.

/// How close the conversion comes to the ideal one.
///
/// Both pass everything up to 94 % of the lower Nyquist frequency within 0.1 dB and let nothing
/// through above it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Quality {
    /// In float32: noise, aliases and images are 130 dB below the signal.
    #[default]
    High,
    /// In float64: what is left is the rounding of float32 samples, some 150 dB below full scale.
    Best,
}
