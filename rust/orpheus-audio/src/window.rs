//! Which stretches of a track represent it.

use std::ops::Range;

use crate::error::{Error, Result};

/// Where the windows lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// One window: the whole track.
    Whole,
    /// One window in the middle.
    Center,
    /// `max_windows` windows spread from the first to the last sample; fewer where the track is not
    /// that long. What is left over beyond whole windows gives one more only if it fills
    /// `pad_threshold` of it: a second window that begins a moment after the first tells nothing new.
    Evenly,
    /// One window every hop, from the start.
    Every,
}

/// Which stretches of a track represent it, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowPolicy {
    /// Where the windows lie.
    pub placement: Placement,
    /// Length of a window.
    pub window_seconds: f64,
    /// From one window's start to the next one's; [`Placement::Every`] only.
    pub hop_seconds: f64,
    /// A tail that fills less than this share of a window gets no window of its own.
    pub pad_threshold: f64,
    /// At most this many windows of a track.
    pub max_windows: Option<usize>,
}

impl WindowPolicy {
    /// Turns seconds into samples.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if a length is not positive, the window is longer than 2^31 samples,
    /// the threshold is not a share, or [`Placement::Evenly`] comes without `max_windows`.
    pub fn at(&self, sample_rate: u32) -> Result<WindowPlan> {
        let refuse = |name, given: String, expected: &str| {
            Err(Error::Parameter { name, given, expected: expected.to_owned() })
        };
        let samples = |seconds: f64| (seconds * f64::from(sample_rate)).round();
        let sensible = |seconds: f64| (1.0..2_147_483_648.0).contains(&samples(seconds));
        if self.placement != Placement::Whole && !sensible(self.window_seconds) {
            let given = self.window_seconds.to_string();
            return refuse("window_seconds", given, "at least one sample and less than 2^31");
        }
        if self.placement == Placement::Every && !sensible(self.hop_seconds) {
            let given = self.hop_seconds.to_string();
            return refuse("hop_seconds", given, "at least one sample and less than 2^31");
        }
        if !(0.0..=1.0).contains(&self.pad_threshold) {
            return refuse("pad_threshold", self.pad_threshold.to_string(), "a share from 0 to 1");
        }
        if self.max_windows == Some(0) {
            return refuse("max_windows", "0".to_owned(), "at least 1");
        }
        if self.placement == Placement::Evenly && self.max_windows.is_none() {
            return refuse("max_windows", "missing".to_owned(), "a number for placement evenly");
        }
        let length = samples(self.window_seconds) as usize;
        Ok(WindowPlan {
            placement: self.placement,
            length,
            hop: samples(self.hop_seconds) as u64,
            // The smallest tail that is kept; at least one sample.
            min_tail: (self.pad_threshold * length as f64).ceil().max(1.0) as usize,
            max_windows: self.max_windows.unwrap_or(usize::MAX),
        })
    }
}

/// A policy at one sample rate; cannot be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowPlan {
    placement: Placement,
    length: usize,
    hop: u64,
    min_tail: usize,
    max_windows: usize,
}

impl WindowPlan {
    /// Samples of a window; `None` if it is as long as the track.
    #[must_use]
    pub fn length(&self) -> Option<usize> {
        (self.placement != Placement::Whole).then_some(self.length)
    }

    /// Whether the windows can only be placed once the track's length is known.
    pub(crate) fn needs_length(&self) -> bool {
        matches!(self.placement, Placement::Center | Placement::Evenly)
    }

    /// Whether there may be stretches of a track, longer than `gap` samples, that no window holds.
    pub(crate) fn leaves_gaps(&self, gap: u64) -> bool {
        match self.placement {
            Placement::Whole => false,
            Placement::Center | Placement::Evenly => true,
            Placement::Every => {
                self.max_windows < usize::MAX || self.hop > gap.saturating_add(self.length as u64)
            }
        }
    }

    /// Starts of the windows of a track of `n_samples`.
    #[must_use]
    pub fn starts(&self, n_samples: u64) -> Vec<u64> {
        let room = n_samples.saturating_sub(self.length as u64);
        match self.placement {
            _ if n_samples == 0 => Vec::new(),
            Placement::Whole => vec![0],
            Placement::Center => vec![room / 2],
            Placement::Evenly => match self.n_windows(n_samples) {
                1 => vec![room / 2],
                n => (0..n).map(|i| room * i / (n - 1)).collect(),
            },
            Placement::Every => (0..self.n_every(n_samples)).map(|i| i * self.hop).collect(),
        }
    }

    /// How many windows a track of `n_samples` has.
    pub(crate) fn n_windows(&self, n_samples: u64) -> u64 {
        match self.placement {
            _ if n_samples == 0 => 0,
            Placement::Whole | Placement::Center => 1,
            Placement::Evenly => {
                let length = self.length as u64;
                let is_more = n_samples % length >= self.min_tail as u64;
                (n_samples / length + u64::from(is_more)).clamp(1, self.max_windows as u64)
            }
            Placement::Every => self.n_every(n_samples),
        }
    }

    /// How many windows [`Placement::Every`] gives.
    fn n_every(&self, n_samples: u64) -> u64 {
        let room = n_samples.checked_sub(self.length as u64);
        let n_whole = room.map_or(0, |room| room / self.hop + 1);
        let tail = self.keeps_tail(n_whole.saturating_mul(self.hop), n_samples);
        (n_whole + u64::from(tail)).min(self.max_windows as u64)
    }

    /// The stretches of a track of `n_samples` that its windows cover; those that lie no more than
    /// `gap` apart are one.
    pub(crate) fn spans(&self, n_samples: u64, gap: u64) -> Vec<Range<u64>> {
        let near = self.hop.saturating_sub(self.length as u64) <= gap;
        if self.placement == Placement::Every && near && n_samples > 0 {
            // One stretch, however many windows there are.
            let last = self.n_every(n_samples).saturating_sub(1).saturating_mul(self.hop);
            return merged(std::iter::once(0..self.end(last, n_samples)), gap);
        }
        let starts = self.starts(n_samples).into_iter();
        merged(starts.map(|start| start..self.end(start, n_samples)), gap)
    }

    /// Where the window at `start`, or the track in it, ends.
    fn end(&self, start: u64, n_samples: u64) -> u64 {
        let length = self.length().map_or(u64::MAX, |length| length as u64);
        start.saturating_add(length).min(n_samples)
    }

    /// Whether an incomplete window at `start` is padded rather than dropped. A track shorter than
    /// one window still gets one.
    fn keeps_tail(&self, start: u64, n_samples: u64) -> bool {
        let tail = n_samples.saturating_sub(start);
        tail > 0 && (start == 0 || tail >= self.min_tail as u64)
    }
}

/// Makes one of stretches that overlap or lie no more than `gap` apart; they come in the order of their
/// starts.
pub(crate) fn merged(stretches: impl IntoIterator<Item = Range<u64>>, gap: u64) -> Vec<Range<u64>> {
    let mut merged: Vec<Range<u64>> = Vec::new();
    for stretch in stretches {
        match merged.last_mut() {
            Some(last) if stretch.start <= last.end.saturating_add(gap) => {
                last.end = last.end.max(stretch.end);
            }
            _ => merged.push(stretch),
        }
    }
    merged
}

/// One window of a track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window<'a> {
    /// Its samples; past the end of the track they are 0.
    pub samples: &'a [f32],
    /// Position of the first sample in the track, at the window's sample rate.
    pub start: u64,
    /// Samples that come from the track.
    pub n_valid: usize,
}

/// A window that is complete, in the memory where it was collected.
pub(crate) struct Cut<'a> {
    buffer: &'a mut Vec<f32>,
    /// Of the track: position of `buffer[0]`.
    base: &'a mut u64,
    /// In the buffer.
    at: usize,
    length: usize,
    n_valid: usize,
    /// Whether no other window holds any of its samples.
    is_apart: bool,
}

impl Cut<'_> {
    /// Position of the first sample in the track.
    pub(crate) fn start(&self) -> u64 {
        *self.base + self.at as u64
    }

    pub(crate) fn n_valid(&self) -> usize {
        self.n_valid
    }

    pub(crate) fn window(&self) -> Window<'_> {
        let samples = &self.buffer[self.at..self.at + self.length];
        Window { samples, start: self.start(), n_valid: self.n_valid }
    }

    /// Its samples: moved if it can be, for rows of megabytes cost as much to copy as to resample.
    pub(crate) fn into_samples(self) -> Vec<f32> {
        if self.at > 0 || !self.is_apart {
            return self.window().samples.to_vec();
        }
        let rest = &self.buffer[self.length..];
        // The next window will be as long, and what comes with its last block is not much.
        let room = if rest.is_empty() { 0 } else { self.length + 2 * rest.len() };
        let mut next = Vec::with_capacity(room);
        next.extend_from_slice(rest);
        let mut samples = std::mem::replace(self.buffer, next);
        samples.truncate(self.length);
        if samples.capacity() - self.length > self.length / 8 {
            samples.shrink_to_fit();
        }
        *self.base += self.length as u64;
        samples
    }
}

/// Cuts windows out of a stream of samples, holding no more of it than one window needs.
#[derive(Debug)]
pub(crate) struct Cutter {
    plan: WindowPlan,
    /// Planned starts, for plans that need the track's length.
    starts: Option<Vec<u64>>,
    n_cut: usize,
    buffer: Vec<f32>,
    /// Position of `buffer[0]` in the track.
    base: u64,
}

impl Cutter {
    /// `n_samples` is the expected length of the track, for plans that need it.
    pub(crate) fn new(plan: WindowPlan, n_samples: Option<u64>) -> Self {
        let starts = n_samples.filter(|_| plan.needs_length()).map(|n| plan.starts(n));
        Self { plan, starts, n_cut: 0, buffer: Vec::new(), base: 0 }
    }

    /// Whether no later sample can be part of a window.
    pub(crate) fn is_done(&self) -> bool {
        match (&self.starts, self.plan.placement) {
            (Some(starts), _) => self.n_cut >= starts.len(),
            (None, Placement::Every) => self.n_cut >= self.plan.max_windows,
            _ => false,
        }
    }

    /// The next sample is number `position` of the track: what lies before it is of no window that
    /// is still to come.
    pub(crate) fn jump(&mut self, position: u64) {
        self.buffer.clear();
        self.base = position;
    }

    fn next_start(&self) -> Option<u64> {
        match (&self.starts, self.plan.placement) {
            (Some(starts), _) => starts.get(self.n_cut).copied(),
            (None, Placement::Every) => {
                (self.n_cut < self.plan.max_windows).then(|| self.n_cut as u64 * self.plan.hop)
            }
            (None, Placement::Whole) => Some(0),
            (None, _) => None,
        }
    }

    /// Takes the next samples of the track and hands every window that is complete to `take`.
    pub(crate) fn push<E>(
        &mut self,
        samples: &[f32],
        take: &mut impl FnMut(Cut<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(next) = self.next_start() else {
            self.base += self.buffer.len() as u64 + samples.len() as u64;
            self.buffer.clear();
            return Ok(());
        };
        self.append(samples, next);
        if self.plan.placement == Placement::Whole {
            return Ok(());
        }
        let length = self.plan.length;
        while let Some(start) = self.next_start() {
            let Some(at) = start.checked_sub(self.base).map(|at| at as usize) else { break };
            if self.buffer.len().checked_sub(length).is_none_or(|last| last < at) {
                break;
            }
            self.n_cut += 1;
            let is_apart = self.next_start().is_none_or(|next| next >= start + length as u64);
            let (buffer, base) = (&mut self.buffer, &mut self.base);
            take(Cut { buffer, base, at, length, n_valid: length, is_apart })?;
        }
        self.forget();
        Ok(())
    }

    /// Adds samples, leaving out those that stand before the next window.
    fn append(&mut self, samples: &[f32], next: u64) {
        let arriving = self.base + self.buffer.len() as u64;
        if self.buffer.is_empty() && next > arriving {
            let n_skip = usize::try_from(next - arriving).unwrap_or(usize::MAX).min(samples.len());
            self.base += n_skip as u64;
            self.buffer.extend_from_slice(&samples[n_skip..]);
        } else {
            self.buffer.extend_from_slice(samples);
        }
    }

    /// Drops samples that no later window holds. Moving the rest costs a copy, so it waits until
    /// the copy is small against what was cut.
    fn forget(&mut self) {
        let next = self.next_start().unwrap_or(u64::MAX);
        let n_old = next.saturating_sub(self.base);
        let n_old = usize::try_from(n_old).unwrap_or(usize::MAX).min(self.buffer.len());
        if n_old * 2 >= self.buffer.len() {
            self.buffer.drain(..n_old);
            self.base += n_old as u64;
        }
    }

    /// The track has ended: pads or drops the tail.
    pub(crate) fn finish<E>(
        &mut self,
        take: &mut impl FnMut(Cut<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let n_samples = self.base + self.buffer.len() as u64;
        let Some(start) = self.next_start().filter(|_| n_samples > 0) else { return Ok(()) };
        let Some(at) = start.checked_sub(self.base).map(|at| at as usize) else { return Ok(()) };
        let n_valid = self.buffer.len().saturating_sub(at);
        let whole = self.plan.placement == Placement::Whole;
        if n_valid == 0 || !(whole || self.plan.keeps_tail(start, n_samples)) {
            return Ok(());
        }
        if !whole {
            self.buffer.resize(at + self.plan.length, 0.0);
        }
        self.n_cut += 1;
        let length = self.buffer.len() - at;
        let (buffer, base) = (&mut self.buffer, &mut self.base);
        take(Cut { buffer, base, at, length, n_valid, is_apart: true })
    }
}

#[cfg(test)]
mod tests;
