//! Walking over spectra, a vector of frames at a time.

use super::spectra::{KindOf, Quantity, SpectraOf};
use super::table::load;
use crate::spectrum::buffer::Buffer;
use crate::spectrum::simd::{Kernel, MAX_LANES, Real, Simd};
use crate::spectrum::stft::StftBuffers;

/// Which frames the lanes of a vector are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Which signal of the batch.
    pub(super) signal: usize,
    /// The frame in the first lane.
    pub(super) frame: usize,
    /// Lanes that hold a frame; the others hold whatever is there.
    pub(super) n_valid: usize,
}

impl Place {
    /// The places of all frames of a batch, for vectors of `n_lanes`.
    #[inline(always)]
    pub(super) fn all(
        n_signals: usize,
        n_frames: usize,
        n_lanes: usize,
    ) -> impl Iterator<Item = Self> {
        (0..n_signals).flat_map(move |signal| {
            (0..n_frames).step_by(n_lanes).map(move |frame| Self {
                signal,
                frame,
                n_valid: (n_frames - frame).min(n_lanes),
            })
        })
    }
}

/// Looks at spectra, one vector of frames after the other.
pub(super) trait Visitor<R: Real> {
    /// One vector per bin. Implementations are `#[inline(always)]`, as for [`Kernel`].
    fn visit<S: Simd<Real = R>>(&mut self, simd: S, spectrum: &[S::V], place: Place);
}

/// Shows `visitor` the spectra of all frames in order.
pub(super) fn visit<R: Real>(
    spectra: &SpectraOf<'_, R>,
    quantity: Quantity,
    visitor: &mut impl Visitor<R>,
) {
    visit_from(spectra, quantity, 0, visitor);
}

/// As [`visit`], without the first `n_skipped` vectors of frames of the batch.
pub(super) fn visit_from<R: Real>(
    spectra: &SpectraOf<'_, R>,
    quantity: Quantity,
    n_skipped: usize,
    visitor: &mut impl Visitor<R>,
) {
    let (tier, n_bins, n_frames) = (spectra.tier, spectra.n_bins(), spectra.n_frames());
    let n_lanes = tier.n_lanes::<R>();
    let n_vectors = n_frames.div_ceil(n_lanes);
    let mut scratch = Buffer::default();
    let scratch = scratch.take(n_bins * n_lanes);
    let mut buffers = StftBuffers::default();
    for signal in n_skipped / n_vectors..spectra.n_signals() {
        let first = n_lanes * n_skipped.saturating_sub(signal * n_vectors);
        match &spectra.kind {
            KindOf::Transformed { signals, stft } => {
                let mut blocks = stft.blocks_from(first, signals.signal(signal), &mut buffers);
                while let Some(block) = blocks.next_power() {
                    let place = Place { signal, frame: block.first_frame, n_valid: block.n_valid };
                    let power = block.bins;
                    R::dispatch(tier, Show { power, quantity, scratch, place, visitor });
                }
            }
            KindOf::Given { values, .. } => {
                let rows = &values[signal * n_bins * n_frames..][..n_bins * n_frames];
                let first = first / n_lanes;
                for place in Place::all(1, n_frames, n_lanes).skip(first) {
                    let place = Place { signal, ..place };
                    R::dispatch(tier, ShowColumns { rows, n_frames, scratch, place, visitor });
                }
            }
        }
    }
}

/// A block of power spectra.
struct Show<'a, R, W> {
    power: &'a [R],
    quantity: Quantity,
    scratch: &'a mut [R],
    place: Place,
    visitor: &'a mut W,
}

impl<R: Real, W: Visitor<R>> Kernel<R> for Show<'_, R, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        let power = simd.lanes(self.power);
        let scratch = simd.lanes_mut(self.scratch);
        let spectrum = match self.quantity {
            Quantity::Power => power,
            Quantity::Magnitude => {
                for (place, power) in scratch.iter_mut().zip(power) {
                    *place = simd.fast_sqrt(*power);
                }
                scratch
            }
            Quantity::Raised(exponent) => {
                for (place, power) in scratch.iter_mut().zip(power) {
                    *place = raise(simd, *power, exponent / 2.0);
                }
                scratch
            }
        };
        self.visitor.visit(simd, spectrum, self.place);
    }
}

/// Columns of a spectrogram.
struct ShowColumns<'a, R, W> {
    rows: &'a [R],
    n_frames: usize,
    scratch: &'a mut [R],
    place: Place,
    visitor: &'a mut W,
}

impl<R: Real, W: Visitor<R>> Kernel<R> for ShowColumns<'_, R, W> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        let Place { frame, n_valid, .. } = self.place;
        let spectrum = simd.lanes_mut(self.scratch);
        for (row, bin) in self.rows.chunks_exact(self.n_frames).zip(&mut *spectrum) {
            *bin = load(simd, &row[frame..frame + n_valid]);
        }
        self.visitor.visit(simd, spectrum, self.place);
    }
}

/// Each lane to the power of `exponent`, one after the other: powers are no vector operation.
#[inline(always)]
pub(super) fn raise<S: Simd>(simd: S, value: S::V, exponent: f64) -> S::V {
    let mut lanes = [S::Real::default(); MAX_LANES];
    simd.store(value, &mut lanes);
    for lane in &mut lanes[..S::LANES] {
        *lane = S::Real::from_f64(lane.to_f64().powf(exponent));
    }
    simd.load(&lanes)
}
