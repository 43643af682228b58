//! Dividing a scan among threads, and ending it early.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Bytes of vectors that a thread takes at a time.
const PART_BYTES: usize = 256 << 10;
/// Bytes to be compared that are worth starting another thread for (some 50 µs).
const BYTES_PER_THREAD: usize = 2 << 20;
/// Threads beyond which no machine gains.
const MAX_THREADS: usize = 256;
/// How often a long search asks whether to go on.
const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// Stretches of the places of a filter, each for one thread to take.
pub(super) struct Parts {
    n_places: usize,
    part_len: usize,
    taken: AtomicUsize,
    stopped: AtomicBool,
}

impl Parts {
    pub(super) fn new(n_places: usize, dim: usize) -> Self {
        // Whole words of a bitmap.
        let part_len = (PART_BYTES / (dim * 4)).max(1).next_multiple_of(64);
        Self { n_places, part_len, taken: AtomicUsize::new(0), stopped: AtomicBool::new(false) }
    }

    pub(super) fn next(&self) -> Option<Range<usize>> {
        if self.are_stopped() {
            return None;
        }
        let start = self.taken.fetch_add(1, Ordering::Relaxed).checked_mul(self.part_len)?;
        (start < self.n_places).then(|| start..self.n_places.min(start + self.part_len))
    }

    /// Lets nobody take another part.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn are_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// How many of `n_threads` have enough to do.
    pub(super) fn worth(&self, n_threads: usize, dim: usize, n_queries: usize) -> usize {
        let bytes = self.n_places.saturating_mul(dim * 4).saturating_mul(n_queries.div_ceil(4));
        n_threads
            .min(MAX_THREADS)
            .min(self.n_places.div_ceil(self.part_len))
            .min(1 + bytes / BYTES_PER_THREAD)
    }
}

/// Asks whether to stop, but not all the time.
pub(super) struct Watch<'a> {
    stop: Option<&'a dyn Fn() -> bool>,
    /// When it last asked, or first could have.
    asked: Option<Instant>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(stop: Option<&'a dyn Fn() -> bool>) -> Self {
        Self { stop, asked: None }
    }

    pub(super) fn says_stop(&mut self) -> bool {
        let Some(stop) = self.stop else { return false };
        let now = Instant::now();
        if now - *self.asked.get_or_insert(now) < STOP_INTERVAL {
            return false;
        }
        self.asked = Some(now);
        stop()
    }
}
