//! What is missing of a track, and why.

/// What a backend could not decode.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// Samples per channel that are missing.
    pub(super) n_samples: u64,
    /// Samples per channel that are there as silence, in place of what could not be decoded.
    pub(super) n_silenced: u64,
    /// Samples per channel that are missing in front of the block that is handed out next.
    pub(super) n_pending: u64,
    /// What happened first: later trouble often follows from it.
    pub(super) first: Option<String>,
    pub(super) n_times: u64,
}

impl Losses {
    pub(crate) fn is_empty(&self) -> bool {
        self.n_times == 0
    }

    pub(crate) fn add(&mut self, n_samples: u64, why: impl Into<String>) {
        self.n_samples = self.n_samples.saturating_add(n_samples);
        self.n_times += 1;
        self.first.get_or_insert_with(|| why.into());
    }

    /// Like [`Losses::add`] for samples in front of the next block: if there is one, silence stands for
    /// them, so that what follows stays in its place.
    pub(crate) fn add_gap(&mut self, n_samples: u64, why: impl Into<String>) {
        self.n_pending = self.n_pending.saturating_add(n_samples);
        self.add(0, why);
    }

    /// Takes up to `n_most` samples off the gap: silence stands for them.
    pub(super) fn fill(&mut self, n_most: u64) -> u64 {
        let n_filled = self.n_pending.min(n_most);
        self.n_pending -= n_filled;
        n_filled
    }

    /// Nothing comes behind the gap, or it is too wide to be true.
    pub(super) fn leave_gap(&mut self) {
        self.n_samples = self.n_samples.saturating_add(std::mem::take(&mut self.n_pending));
    }

    /// Like [`Losses::add`] for samples that were handed out as silence, so that what follows stays
    /// in its place.
    pub(crate) fn add_silenced(&mut self, n_samples: u64, why: impl Into<String>) {
        self.n_silenced = self.n_silenced.saturating_add(n_samples);
        self.add(0, why);
    }
}
