//! Cutting a signal into overlapping frames, several at a time.

use super::buffer::Buffer;
use super::simd::{Real, Simd};

/// What is beyond the ends of a signal, and whether frames reach there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Padding {
    /// Frames lie within the signal: frame `t` starts at sample `t * hop_length`.
    None,
    /// Zeros. With this and what follows, frame `t` is centred on sample `t * hop_length`.
    #[default]
    Constant,
    /// The signal mirrored about its first and last sample, which are not repeated; as often as it
    /// takes.
    Reflect,
    /// The first and the last sample.
    Edge,
}

/// Which samples are in which frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framing {
    /// Samples per frame, at least 1.
    pub(crate) frame_length: usize,
    /// Samples between the starts of two frames, at least 1.
    pub(crate) hop_length: usize,
    /// What is beyond the ends.
    pub(crate) padding: Padding,
}

impl Framing {
    /// Samples before the signal that the first frame starts at.
    fn lead(self) -> usize {
        if self.padding == Padding::None { 0 } else { self.frame_length / 2 }
    }

    /// Frames of a signal of `n_samples`.
    pub(crate) fn n_frames(self, n_samples: usize) -> usize {
        let padded = n_samples.saturating_add(2 * self.lead());
        if n_samples == 0 {
            return 0;
        }
        padded.checked_sub(self.frame_length).map_or(0, |rest| 1 + rest / self.hop_length)
    }

    /// Columns of a hop that frames use: all, unless hops are longer than frames.
    fn n_columns(self) -> usize {
        self.frame_length.min(self.hop_length)
    }

    /// Hops that a frame shares with the next one.
    fn n_shared(self) -> usize {
        (self.frame_length - 1) / self.hop_length
    }

    /// Values between the rows of a tile.
    pub(crate) fn stride(self, n_lanes: usize) -> usize {
        // Shared places are moved four at a time.
        n_lanes + self.n_shared().max(1).next_multiple_of(4)
    }

    /// Where the tile holds sample `n` of the first frame; that of frame `l` is `l` places on.
    pub(crate) fn place(self, n: usize, n_lanes: usize) -> usize {
        (n % self.hop_length) * self.stride(n_lanes) + n / self.hop_length
    }

    /// Sample `at` of the padded signal, where 0 is the first sample of the signal itself.
    #[inline]
    fn sample(self, signal: &[f32], at: i64) -> f32 {
        let n = signal.len() as i64;
        let inside = match self.padding {
            Padding::None | Padding::Constant => at,
            Padding::Edge => at.clamp(0, n - 1),
            Padding::Reflect if n == 1 => 0,
            Padding::Reflect => {
                let place = at.rem_euclid(2 * (n - 1));
                place.min(2 * (n - 1) - place)
            }
        };
        usize::try_from(inside).ok().and_then(|at| signal.get(at)).copied().unwrap_or(0.0)
    }

    /// Writes the padded signal from sample `start` on.
    #[inline(always)]
    pub(crate) fn stage(self, signal: &[f32], start: i64, row: &mut [f32]) {
        let n_before = usize::try_from(-start).unwrap_or(0).min(row.len());
        let (before, row) = row.split_at_mut(n_before);
        for (n, place) in before.iter_mut().enumerate() {
            *place = self.sample(signal, start + n as i64);
        }
        let start = start + n_before as i64;
        let samples = usize::try_from(start).ok().and_then(|at| signal.get(at..)).unwrap_or(&[]);
        let n_inside = samples.len().min(row.len());
        row[..n_inside].copy_from_slice(&samples[..n_inside]);
        for (n, place) in row.iter_mut().enumerate().skip(n_inside) {
            *place = self.sample(signal, start + n as i64);
        }
    }

    /// The padded signal's position of the first sample of hop `hop`.
    pub(crate) fn start_of(self, hop: usize) -> i64 {
        (hop as i64).saturating_mul(self.hop_length as i64) - self.lead() as i64
    }
}

/// The frames of one signal, a block of [`Simd::LANES`] after the other.
///
/// The samples of a block are interleaved once per hop, not once per frame: moving along a frame
/// by one hop is moving along a row of the tile by one place.
#[derive(Debug, Default)]
pub(crate) struct FrameBuffers<R> {
    rows: Vec<f32>,
    tile: Buffer<R>,
    /// The next hop to enter the tile.
    next_hop: usize,
}

impl<R: Real> FrameBuffers<R> {
    /// Starts at frame `first` of `signal`.
    #[inline(always)]
    pub(crate) fn start<S: Simd<Real = R>>(
        &mut self,
        _: S,
        framing: Framing,
        signal: &[f32],
        first: usize,
    ) {
        let (stride, n_columns) = (framing.stride(S::LANES), framing.n_columns());
        let tile = self.tile.take(n_columns * stride);
        self.rows.resize(n_columns * S::LANES, 0.0);
        for shared in 0..framing.n_shared() {
            let row = &mut self.rows[..n_columns];
            framing.stage(signal, framing.start_of(first + shared), row);
            for (place, value) in tile.chunks_exact_mut(stride).zip(row) {
                place[S::LANES + shared] = R::from_f64(f64::from(*value));
            }
        }
        self.next_hop = first + framing.n_shared();
    }

    /// The next [`Simd::LANES`] frames, see [`Framing::place`]; those beyond the last one hold what
    /// is left of the padded signal.
    #[inline(always)]
    pub(crate) fn next_block<S: Simd<Real = R>>(
        &mut self,
        simd: S,
        framing: Framing,
        signal: &[f32],
    ) -> &[R] {
        let (stride, n_columns) = (framing.stride(S::LANES), framing.n_columns());
        let n_shared = framing.n_shared();
        let tile = self.tile.take(n_columns * stride);
        move_shared::<R, S>(tile, stride, n_shared);
        let first = framing.start_of(self.next_hop);
        self.next_hop += S::LANES;
        let whole = usize::try_from(first)
            .ok()
            .filter(|_| n_columns == framing.hop_length)
            .and_then(|start| signal.get(start..)?.get(..S::LANES * n_columns));
        let rows = if let Some(rows) = whole {
            rows
        } else {
            for (lane, row) in self.rows.chunks_exact_mut(n_columns).enumerate() {
                framing.stage(signal, first + (lane * framing.hop_length) as i64, row);
            }
            &self.rows
        };
        simd.interleave(rows, n_columns, &mut tile[n_shared..], stride);
        tile
    }
}

/// Moves what the last hops of a block share with the next block to the front of each row.
#[inline(always)]
fn move_shared<R: Real, S: Simd<Real = R>>(tile: &mut [R], stride: usize, n_shared: usize) {
    for row in tile.chunks_exact_mut(stride) {
        let (first, last) = row.split_at_mut(S::LANES);
        match (first.first_chunk_mut::<4>(), last.first_chunk::<4>()) {
            // A copy of four is a single move.
            (Some(first), Some(last)) if n_shared <= 4 => *first = *last,
            // With fewer lanes, what is shared overlaps.
            _ => row.copy_within(S::LANES..S::LANES + n_shared, 0),
        }
    }
}
