//! Where spectra come from: signals that are transformed on the way, or a spectrogram.

use super::samples::{Samples, Signals, usable_spectrogram};
use super::table::{Lines, Table};
use crate::error::{Error, Result};
use crate::spectrum::framing::Padding;
use crate::spectrum::simd::{Real, Tier};
use crate::spectrum::stft::{MAX_HOP_LENGTH, MAX_N_FFT, Stft, StftParameters};
use crate::spectrum::window::centred;
use crate::vector::classical::Precision;

/// How signals are transformed.
#[derive(Clone, Debug)]
pub struct Transform {
    n_fft: usize,
    hop_length: usize,
    /// As long as a frame.
    window: Vec<f64>,
    padding: Padding,
    precision: Precision,
}

impl Transform {
    /// Frames of `n_fft` samples, `hop_length` apart, are multiplied by `window`, which stands in
    /// their middle with zeros around it.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if the window is empty, longer than a frame, or not finite, or if a
    /// length is out of range.
    pub fn new(
        n_fft: usize,
        hop_length: usize,
        window: &[f64],
        padding: Padding,
        precision: Precision,
    ) -> Result<Self> {
        within("n_fft", n_fft, MAX_N_FFT)?;
        within("hop_length", hop_length, MAX_HOP_LENGTH)?;
        within("win_length", window.len(), n_fft)?;
        if let Some(value) = window.iter().find(|value| value.is_nan() || value.abs() > 1e6) {
            return Err(Error::parameter("a value of window", value, "numbers within ±1e6"));
        }
        Ok(Self { n_fft, hop_length, window: centred(window, n_fft), padding, precision })
    }

    fn parameters(&self) -> StftParameters<'_> {
        StftParameters {
            n_fft: self.n_fft,
            hop_length: self.hop_length,
            window: &self.window,
            padding: self.padding,
        }
    }

    /// Values of a spectrum, both ends included.
    #[must_use]
    pub fn n_bins(&self) -> usize {
        self.n_fft / 2 + 1
    }

    pub(super) fn precision(&self) -> Precision {
        self.precision
    }
}

/// Refuses a length that is zero or more than `most`.
pub(super) fn within(name: &'static str, given: usize, most: usize) -> Result<()> {
    if (1..=most).contains(&given) {
        return Ok(());
    }
    Err(Error::parameter(name, given, format!("1 to {most}")))
}

/// Spectra of a batch: signals that are transformed, or spectrograms that are given.
#[derive(Clone, Copy, Debug)]
pub struct Spectra<'a>(Kind<'a>);

#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    Transformed { signals: Signals<'a>, transform: &'a Transform },
    Given { values: Samples<'a>, n_bins: usize, n_frames: usize },
}

impl<'a> Spectra<'a> {
    /// Spectra of the frames of `signals`.
    #[must_use]
    pub fn of_signals(signals: Signals<'a>, transform: &'a Transform) -> Self {
        Self(Kind::Transformed { signals, transform })
    }

    /// Spectrograms of `n_bins` rows and `n_frames` columns, one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if they have no rows or no columns.
    pub fn given(values: Samples<'a>, n_bins: usize, n_frames: usize) -> Result<Self> {
        if n_bins == 0 || n_frames == 0 {
            let given = format!("({n_bins}, {n_frames})");
            return Err(Error::parameter("the shape of S", given, "at least one row and column"));
        }
        debug_assert_eq!(values.len() % (n_bins * n_frames), 0);
        Ok(Self(Kind::Given { values, n_bins, n_frames }))
    }

    /// Values of a spectrum.
    #[must_use]
    pub fn n_bins(&self) -> usize {
        match self.0 {
            Kind::Transformed { transform, .. } => transform.n_bins(),
            Kind::Given { n_bins, .. } => n_bins,
        }
    }

    /// Computes in the precision that the transform asks for, or that the spectrogram has.
    pub(super) fn compute(&self, feature: &impl Compute) -> Result<Table> {
        let tier = Tier::best();
        Ok(match self.0 {
            Kind::Transformed { signals, transform } => match transform.precision {
                Precision::Fast => feature
                    .compute(&SpectraOf::<f32>::transformed(tier, signals, transform)?)?
                    .into(),
                Precision::Reference => feature
                    .compute(&SpectraOf::<f64>::transformed(tier, signals, transform)?)?
                    .into(),
            },
            Kind::Given { values: Samples::F32(values), n_bins, n_frames } => feature
                .compute(&SpectraOf { tier, kind: KindOf::Given { values, n_bins, n_frames } })?
                .into(),
            Kind::Given { values: Samples::F64(values), n_bins, n_frames } => feature
                .compute(&SpectraOf { tier, kind: KindOf::Given { values, n_bins, n_frames } })?
                .into(),
        })
    }
}

/// What is computed from spectra.
pub(super) trait Compute {
    /// Does so.
    fn compute<R: Real>(&self, spectra: &SpectraOf<'_, R>) -> Result<Lines<R>>;
}

/// What a spectrum that is transformed is turned into; a given one is taken as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Quantity {
    /// Squared magnitudes.
    Power,
    /// Magnitudes.
    Magnitude,
    /// Magnitudes, raised.
    Raised(f64),
}

impl Quantity {
    /// Magnitudes to the power of `exponent`.
    pub(super) fn raised(exponent: f64) -> Self {
        if (exponent - 2.0).abs() < f64::EPSILON {
            Self::Power
        } else if (exponent - 1.0).abs() < f64::EPSILON {
            Self::Magnitude
        } else {
            Self::Raised(exponent)
        }
    }
}

/// [`Spectra`] of one precision, and the instructions to use.
#[derive(Debug)]
pub(super) struct SpectraOf<'a, R: Real> {
    pub(super) tier: Tier,
    pub(super) kind: KindOf<'a, R>,
}

/// Signals or spectrograms.
#[derive(Debug)]
pub(super) enum KindOf<'a, R: Real> {
    Transformed { signals: Signals<'a>, stft: Box<Stft<R>> },
    Given { values: &'a [R], n_bins: usize, n_frames: usize },
}

impl<'a, R: Real> SpectraOf<'a, R> {
    /// Prepares the transform.
    pub(super) fn transformed(
        tier: Tier,
        signals: Signals<'a>,
        transform: &Transform,
    ) -> Result<Self> {
        let stft = Box::new(Stft::new(tier, &transform.parameters())?);
        if stft.n_frames(signals.n_samples) == 0 {
            let (n_samples, frame_length) = (signals.n_samples, transform.n_fft);
            return Err(Error::TooShort { n_samples, frame_length });
        }
        Ok(Self { tier, kind: KindOf::Transformed { signals, stft } })
    }

    /// Values of a spectrum.
    pub(super) fn n_bins(&self) -> usize {
        match &self.kind {
            KindOf::Transformed { stft, .. } => stft.n_bins(),
            KindOf::Given { n_bins, .. } => *n_bins,
        }
    }

    /// Frames of each signal.
    pub(super) fn n_frames(&self) -> usize {
        match &self.kind {
            KindOf::Transformed { signals, stft } => stft.n_frames(signals.n_samples),
            KindOf::Given { n_frames, .. } => *n_frames,
        }
    }

    /// Signals of the batch.
    pub(super) fn n_signals(&self) -> usize {
        match &self.kind {
            KindOf::Transformed { signals, .. } => signals.n_signals(),
            KindOf::Given { values, n_bins, n_frames } => values.len() / (n_bins * n_frames),
        }
    }

    /// Whether the values come from a transform, with its rounding errors.
    pub(super) fn is_transformed(&self) -> bool {
        matches!(self.kind, KindOf::Transformed { .. })
    }

    /// Refuses a given spectrogram that is not finite, or below zero.
    pub(super) fn check_magnitudes(&self) -> Result<()> {
        self.check(false)
    }

    /// Refuses a given spectrogram that is not finite.
    pub(super) fn check_finite(&self) -> Result<()> {
        self.check(true)
    }

    fn check(&self, negative: bool) -> Result<()> {
        match &self.kind {
            KindOf::Transformed { .. } => Ok(()),
            KindOf::Given { values, .. } => usable_spectrogram(values, negative),
        }
    }
}
