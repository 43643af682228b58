//! Dividing a scan among threads, and ending it early.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Bytes of vectors that a thread takes at a time.
const PART_BYTES: usize = 256 << 10;
/// Bytes to be compared that are worth starting another thread for (some 50 µs).
const BYTES_PER_THREAD: usize = 2 << 20;
/// Parts for each of several threads: one that is held up leaves the rest to the others.
const PARTS_PER_THREAD: usize = 6;
/// Threads beyond which no machine gains.
const MAX_THREADS: usize = 256;
/// How often a long search asks whether to go on.
const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// Stretches of the places of a filter, each for one thread to take.
pub(super) struct Parts {
    n_places: usize,
    part_len: usize,
    n_threads: usize,
    taken: AtomicUsize,
    stopped: AtomicBool,
}

impl Parts {
    /// Parts for at most `n_threads` threads, which compare `n_queries` with vectors of `row_bytes`.
    pub(super) fn new(
        n_places: usize,
        row_bytes: usize,
        n_queries: usize,
        n_threads: usize,
    ) -> Self {
        // A kernel loads a vector once for a few queries.
        let bytes = n_places.saturating_mul(row_bytes).saturating_mul(n_queries.div_ceil(4));
        let n_threads = n_threads.min(MAX_THREADS).min(1 + bytes / BYTES_PER_THREAD);
        let part_len = (PART_BYTES / row_bytes).min(n_places.div_ceil(n_threads));
        // Whole words of a bitmap.
        let part_len = part_len.max(1).next_multiple_of(64);
        Self {
            n_places,
            part_len,
            n_threads: n_threads.min(n_places.div_ceil(part_len)).max(1),
            taken: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// Parts of a scan that reads codes of vectors of `dim` values: long ones, as a long look knows
    /// better what is worth a closer one.
    pub(super) fn of_codes(
        n_places: usize,
        dim: usize,
        n_queries: usize,
        n_threads: usize,
    ) -> Self {
        let mut parts = Self::new(n_places, dim.div_ceil(2), n_queries, n_threads);
        let n_parts = if parts.n_threads == 1 { 1 } else { PARTS_PER_THREAD * parts.n_threads };
        parts.part_len = n_places.div_ceil(n_parts).max(1).next_multiple_of(64);
        parts
    }

    /// How many threads have enough to do, the caller's included.
    pub(super) fn n_threads(&self) -> usize {
        self.n_threads
    }

    /// A stretch that nobody else gets, until there are none.
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
}

/// Asks whether to stop, but not all the time.
pub(crate) struct Watch<'a> {
    stop: Option<&'a dyn Fn() -> bool>,
    /// When it last asked, or first could have.
    asked: Option<Instant>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(stop: Option<&'a dyn Fn() -> bool>) -> Self {
        Self { stop, asked: None }
    }

    pub(crate) fn says_stop(&mut self) -> bool {
        let Some(stop) = self.stop else { return false };
        let now = Instant::now();
        if now - *self.asked.get_or_insert(now) < STOP_INTERVAL {
            return false;
        }
        self.asked = Some(now);
        stop()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn taken(parts: &Parts) -> Vec<Range<usize>> {
        std::iter::from_fn(|| parts.next()).collect()
    }

    #[test]
    fn every_place_is_taken_once_in_whole_words() {
        for n_places in [0, 1, 63, 64, 65, 1000, 100_000] {
            for n_threads in [1, 2, 7, 1000] {
                let ranges = taken(&Parts::new(n_places, 2048, 100, n_threads));
                let mut end = 0;
                for range in ranges {
                    assert_eq!(range.start, end);
                    assert!(range.start % 64 == 0 && !range.is_empty());
                    end = range.end;
                }
                assert_eq!(end, n_places);
            }
        }
    }

    #[test]
    fn little_work_stays_on_one_thread_and_much_is_spread() {
        let threads = |n_places, n_queries| Parts::new(n_places, 2048, n_queries, 8).n_threads();
        assert_eq!(threads(0, 1), 1);
        assert_eq!(threads(500, 1), 1);
        assert_eq!(threads(100_000, 1), 8);
        assert_eq!(threads(1000, 256), 8, "few vectors, many queries");
        assert_eq!(Parts::new(1 << 40, 4, 1, usize::MAX).n_threads(), MAX_THREADS);
    }

    #[test]
    fn after_a_stop_nothing_is_given_out() {
        let parts = Parts::new(100_000, 2048, 1, 2);
        assert!(parts.next().is_some());
        parts.stop();
        assert!(parts.next().is_none() && parts.are_stopped());
    }

    #[test]
    fn the_question_whether_to_stop_is_not_asked_all_the_time() {
        let asked = Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            true
        };
        let mut watch = Watch::new(Some(&stop));
        assert!(!watch.says_stop() && !watch.says_stop());
        assert_eq!(asked.get(), 0);
        std::thread::sleep(STOP_INTERVAL);
        assert!(watch.says_stop());
        assert!(!watch.says_stop());
        assert_eq!(asked.get(), 1);
    }
}
