//! Where the time goes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Wall seconds by stage, summed over all worker threads.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StageSeconds {
    /// Reading and decoding.
    pub decode: f64,
    /// Downmixing, resampling, cutting windows and front ends.
    pub front_end: f64,
    /// Waiting until batches are taken: the consumer is the bottleneck.
    pub blocked: f64,
}

/// Counters that the workers add to.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    decode: AtomicU64,
    front_end: AtomicU64,
    blocked: AtomicU64,
}

impl Stats {
    pub(crate) fn decode(&self, spent: Duration) {
        self.decode.fetch_add(spent.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(crate) fn front_end(&self, spent: Duration) {
        self.front_end.fetch_add(spent.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(crate) fn blocked(&self, spent: Duration) {
        self.blocked.fetch_add(spent.as_nanos() as u64, Ordering::Relaxed);
    }

    pub(crate) fn seconds(&self) -> StageSeconds {
        let seconds = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64 * 1e-9;
        let blocked = seconds(&self.blocked);
        StageSeconds {
            decode: seconds(&self.decode),
            // Rows are sent from inside the front end's stretch.
            front_end: (seconds(&self.front_end) - blocked).max(0.0),
            blocked,
        }
    }
}
