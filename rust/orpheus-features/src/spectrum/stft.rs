//! Cutting a signal into overlapping frames, several at a time.
//!
//! Frames are 2048 samples long, 512 apart, and centred: frame `t` is centred on sample `512 t`,
//! and what lies beyond the signal counts as zero.

use super::buffer::Buffer;
use super::fft::{N_FFT, Tile};
use super::simd::{Real, Simd};

/// Samples between the starts of two frames.
pub(crate) const HOP_LENGTH: usize = 512;
/// Hops that a frame spans.
pub(crate) const HOPS_PER_FRAME: usize = N_FFT / HOP_LENGTH;

/// Hops of padding before the signal.
const N_PADDING_HOPS: usize = HOPS_PER_FRAME / 2;
/// Hops that a frame shares with the next one.
const N_SHARED_HOPS: usize = HOPS_PER_FRAME - 1;

/// Frames of a signal of `n_samples`.
pub(crate) const fn n_frames(n_samples: usize) -> usize {
    1 + n_samples / HOP_LENGTH
}

/// Memory for [`Frames`].
#[derive(Debug, Default)]
pub(crate) struct FrameBuffers<R> {
    rows: Buffer<R>,
    tile: Buffer<R>,
}

/// The frames of one signal, a block of [`Simd::LANES`] after the other.
///
/// The samples of a block are interleaved once per hop, not once per frame: moving along a frame
/// by one hop is moving along a row of the tile by one place.
pub(crate) struct Frames<'a, R> {
    signal: &'a [f32],
    rows: &'a mut [R],
    tile: &'a mut [R],
    stride: usize,
    /// The next hop to enter the tile, counted from the start of the padding.
    next_hop: usize,
}

impl<'a, R: Real> Frames<'a, R> {
    /// Starts at the first frame of `signal`.
    #[inline(always)]
    pub(crate) fn new<S: Simd<Real = R>>(
        _: S,
        signal: &'a [f32],
        buffers: &'a mut FrameBuffers<R>,
    ) -> Self {
        let stride = S::LANES + HOPS_PER_FRAME;
        let mut frames = Self {
            signal,
            rows: buffers.rows.take(HOP_LENGTH * S::LANES),
            tile: buffers.tile.take(HOP_LENGTH * stride),
            stride,
            next_hop: 0,
        };
        for hop in 0..N_SHARED_HOPS {
            let samples = &mut frames.rows[..HOP_LENGTH];
            stage(signal, hop, samples);
            for (row, value) in frames.tile.chunks_exact_mut(stride).zip(samples) {
                row[S::LANES + hop] = *value;
            }
        }
        frames.next_hop = N_SHARED_HOPS;
        frames
    }

    /// The next [`Simd::LANES`] frames; those beyond the last one hold what is left of the signal.
    #[inline(always)]
    pub(crate) fn next_block<S: Simd<Real = R>>(&mut self, simd: S) -> Tile<'_, R> {
        for row in self.tile.chunks_exact_mut(self.stride) {
            let (first, last) = row.split_at_mut(S::LANES);
            // One place more than is shared: a copy of four is a single move.
            match (first.first_chunk_mut::<HOPS_PER_FRAME>(), last.first_chunk()) {
                (Some(first), Some(last)) => *first = *last,
                // With fewer lanes, what is shared overlaps.
                _ => row.copy_within(S::LANES..S::LANES + N_SHARED_HOPS, 0),
            }
        }
        let first = self.next_hop;
        self.next_hop += S::LANES;
        let place = &mut self.tile[N_SHARED_HOPS..];
        if let Some(rows) = samples_of(self.signal, first, S::LANES).and_then(R::borrow) {
            simd.interleave(rows, HOP_LENGTH, place, self.stride);
        } else {
            for (lane, row) in self.rows.chunks_exact_mut(HOP_LENGTH).enumerate() {
                stage(self.signal, first + lane, row);
            }
            simd.interleave(self.rows, HOP_LENGTH, place, self.stride);
        }
        Tile { values: self.tile, stride: self.stride }
    }
}

/// Where `n_hops` hops of the padded signal from `first` on lie wholly within the signal.
fn samples_of(signal: &[f32], first: usize, n_hops: usize) -> Option<&[f32]> {
    let start = first.checked_sub(N_PADDING_HOPS)? * HOP_LENGTH;
    signal.get(start..start + n_hops * HOP_LENGTH)
}

/// Writes one hop of the padded signal.
#[inline(always)]
fn stage<R: Real>(signal: &[f32], hop: usize, row: &mut [R]) {
    let samples = hop
        .checked_sub(N_PADDING_HOPS)
        .and_then(|hop| signal.get(hop * HOP_LENGTH..))
        .unwrap_or(&[]);
    let n_samples = samples.len().min(HOP_LENGTH);
    for (place, sample) in row.iter_mut().zip(samples) {
        *place = R::from_f64(f64::from(*sample));
    }
    row[n_samples..].fill(R::default());
}
