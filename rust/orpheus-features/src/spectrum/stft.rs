//! Short-time Fourier transforms, a block of frames at a time.
//!
//! A block holds one frame per lane, bin by bin. No more than one block is ever in memory.

use super::buffer::Buffer;
use super::fft::{Bins, RealFft};
use super::frame_fft::{FrameFft, FrameScratch};
use super::framing::{FrameBuffers, Framing, Padding};
use super::lane_fft::LaneFft;
use super::simd::{Kernel, Real, Simd, Tier};
use super::tilt::{FAR_LOUDER_BASS, LOUD_BASS, gains_by_emphasis};
use super::window::centred;
use crate::error::{Error, Result};

/// Samples between the starts of two frames of the classical features.
pub(crate) const HOP_LENGTH: usize = 512;

/// Frames of the classical features in a signal of `n_samples`.
pub(crate) const fn n_frames(n_samples: usize) -> usize {
    1 + n_samples / HOP_LENGTH
}

/// Longest transform.
pub(crate) const MAX_N_FFT: usize = 1 << 20;
/// Longest distance between frames.
pub(crate) const MAX_HOP_LENGTH: usize = 1 << 24;

/// What a transform is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StftParameters<'a> {
    /// Samples that are transformed, 1 to [`MAX_N_FFT`].
    pub(crate) n_fft: usize,
    /// Samples between the starts of two frames, 1 to [`MAX_HOP_LENGTH`].
    pub(crate) hop_length: usize,
    /// At least one value and at most `n_fft`. It lies in the middle of a frame that is centred;
    /// one that is not ends where the window does.
    pub(crate) window: &'a [f64],
    /// What is beyond the ends of the signal.
    pub(crate) padding: Padding,
}

/// Transforms signals. It holds tables only.
#[derive(Debug)]
pub(crate) struct Stft<R: Real> {
    tier: Tier,
    n_lanes: usize,
    n_fft: usize,
    framing: Framing,
    transform: Transform<R>,
    least_correlation: f64,
}

#[derive(Debug)]
enum Transform<R: Real> {
    /// All lanes at once.
    Lanes(LaneFft<R>),
    /// Lane by lane, for lengths that are no power of two.
    Single(FrameFft),
}

/// Memory for the blocks of one signal.
#[derive(Debug, Default)]
pub(crate) struct StftBuffers<R> {
    frames: FrameBuffers<R>,
    scratch: Buffer<R>,
    single: FrameScratch,
    bins: Buffer<R>,
}

/// Some frames' spectra.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a, R> {
    /// Index of the frame in lane 0.
    pub(crate) first_frame: usize,
    /// Lanes that hold frames of the signal; what is in the others means nothing.
    pub(crate) n_valid: usize,
    /// Of squared magnitudes, bin `k` of lane `l` is at `k * n_lanes + l`. Of spectra, its real part
    /// is at `2 * k * n_lanes + l` and its imaginary part `n_lanes` later. It starts at a multiple of
    /// 64 bytes.
    pub(crate) bins: &'a [R],
}

/// The frames of one signal, block after block.
pub(crate) struct Blocks<'a, R: Real> {
    stft: &'a Stft<R>,
    signal: &'a [f32],
    buffers: &'a mut StftBuffers<R>,
    next_frame: usize,
    n_frames: usize,
    is_emphasised: bool,
}

impl<R: Real> Stft<R> {
    /// Prepares a transform.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] for values outside those that [`StftParameters`] names.
    pub(crate) fn new(tier: Tier, parameters: &StftParameters<'_>) -> Result<Self> {
        let StftParameters { n_fft, hop_length, window, padding } = *parameters;
        within("n_fft", n_fft, MAX_N_FFT)?;
        within("hop_length", hop_length, MAX_HOP_LENGTH)?;
        within("win_length", window.len(), n_fft)?;
        let is_centred = padding != Padding::None;
        let padded = if is_centred { centred(window, n_fft) } else { window.to_vec() };
        let framing = Framing { frame_length: padded.len(), hop_length, padding };
        let n_lanes = tier.n_lanes::<R>();
        let transform = match RealFft::new(n_fft) {
            Some(fft) => Transform::Lanes(LaneFft::new(fft, framing, &padded, n_lanes)),
            None => Transform::Single(FrameFft::new(n_fft, framing, &padded)),
        };
        Ok(Self { tier, n_lanes, n_fft, framing, transform, least_correlation: LOUD_BASS })
    }

    /// Emphasises only signals whose low frequencies are far louder than the high ones: for levels of
    /// bands up to a few kHz, which gain less than features of the whole spectrum.
    pub(crate) fn emphasising_less(self) -> Self {
        Self { least_correlation: FAR_LOUDER_BASS, ..self }
    }

    /// The tier that blocks are made with; kernels that read them must run with it, too.
    pub(crate) fn tier(&self) -> Tier {
        self.tier
    }

    /// Frames in a block.
    pub(crate) fn n_lanes(&self) -> usize {
        self.n_lanes
    }

    /// Frequency bins, both ends included.
    pub(crate) fn n_bins(&self) -> usize {
        self.n_fft / 2 + 1
    }

    /// Frames of a signal of `n_samples`: none if it is empty, or too short without padding.
    pub(crate) fn n_frames(&self, n_samples: usize) -> usize {
        self.framing.n_frames(n_samples)
    }

    /// The frames of `signal`, from the first on.
    pub(crate) fn blocks<'a>(
        &'a self,
        signal: &'a [f32],
        buffers: &'a mut StftBuffers<R>,
    ) -> Blocks<'a, R> {
        self.blocks_from(0, signal, buffers)
    }

    /// The frames of `signal` from `first_frame` on.
    pub(crate) fn blocks_from<'a>(
        &'a self,
        first_frame: usize,
        signal: &'a [f32],
        buffers: &'a mut StftBuffers<R>,
    ) -> Blocks<'a, R> {
        let n_frames = self.n_frames(signal.len());
        // Frames that are transformed one by one are not collected in a tile.
        if first_frame < n_frames && matches!(self.transform, Transform::Lanes(_)) {
            let start = Start { framing: self.framing, signal, first_frame, buffers };
            R::dispatch(self.tier, start);
        }
        let is_emphasised = gains_by_emphasis::<R>(self.tier, signal, self.least_correlation);
        Blocks { stft: self, signal, buffers, next_frame: first_frame, n_frames, is_emphasised }
    }
}

fn within(name: &'static str, given: usize, most: usize) -> Result<()> {
    if (1..=most).contains(&given) {
        return Ok(());
    }
    Err(Error::Parameter { name, given: given.to_string(), expected: format!("1 to {most}") })
}

impl<R: Real> Blocks<'_, R> {
    /// Squared magnitudes of the next frames.
    pub(crate) fn next_power(&mut self) -> Option<Block<'_, R>> {
        self.next(Output::Power)
    }

    /// Spectra of the next frames.
    pub(crate) fn next_spectrum(&mut self) -> Option<Block<'_, R>> {
        self.next(Output::Spectrum)
    }

    fn next(&mut self, output: Output) -> Option<Block<'_, R>> {
        let first_frame = self.next_frame;
        let n_left = self.n_frames.checked_sub(first_frame).filter(|n_left| *n_left > 0)?;
        self.next_frame += self.stft.n_lanes;
        let Self { stft, signal, buffers, is_emphasised, .. } = self;
        let is_emphasised = *is_emphasised;
        R::dispatch(stft.tier, Next { stft, signal, buffers, first_frame, output, is_emphasised });
        let n_values = output.n_parts() * stft.n_bins() * stft.n_lanes;
        let bins = &*self.buffers.bins.take(n_values);
        Some(Block { first_frame, n_valid: n_left.min(self.stft.n_lanes), bins })
    }
}

/// What a block holds.
#[derive(Clone, Copy)]
pub(crate) enum Output {
    /// Squared magnitudes.
    Power,
    /// Real and imaginary parts.
    Spectrum,
}

impl Output {
    pub(crate) const fn n_parts(self) -> usize {
        match self {
            Self::Power => 1,
            Self::Spectrum => 2,
        }
    }
}

struct Start<'a, R> {
    framing: Framing,
    signal: &'a [f32],
    first_frame: usize,
    buffers: &'a mut StftBuffers<R>,
}

impl<R: Real> Kernel<R> for Start<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        self.buffers.frames.start(simd, self.framing, self.signal, self.first_frame);
    }
}

struct Next<'a, R: Real> {
    stft: &'a Stft<R>,
    signal: &'a [f32],
    buffers: &'a mut StftBuffers<R>,
    first_frame: usize,
    output: Output,
    is_emphasised: bool,
}

impl<R: Real> Kernel<R> for Next<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd<Real = R>>(self, simd: S) {
        let Self { stft, signal, buffers, first_frame, output, is_emphasised } = self;
        let StftBuffers { frames, scratch, single, bins } = buffers;
        let bins = bins.take(output.n_parts() * stft.n_bins() * S::LANES);
        match &stft.transform {
            Transform::Lanes(fft) => {
                let tile = frames.next_block(simd, stft.framing, signal);
                let scratch = scratch.take(fft.scratch_length(S::LANES));
                let bins = simd.lanes_mut(bins);
                let bins = match output {
                    Output::Power => Bins::Power(bins),
                    Output::Spectrum => Bins::Spectrum(bins.as_chunks_mut::<2>().0),
                };
                fft.run(simd, (tile, is_emphasised), scratch, bins);
            }
            Transform::Single(fft) => {
                fft.run((signal, first_frame), (output, S::LANES), single, bins);
            }
        }
    }
}

#[cfg(test)]
mod tests;
