//! What a container says about the samples in it, checked against the bytes that are there.

use super::layout::Layout;

/// Bytes of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    /// What is there of it.
    pub(super) len: u64,
    /// What there should be.
    pub(super) claimed: u64,
}

/// How long a header says that its samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Bytes(u64),
    /// Nobody came back to write the length down: up to the end of the file.
    ToEnd,
}

impl Span {
    /// `extent` from `start` on, of a file that ends at `end`.
    pub(super) fn new(start: u64, extent: Extent, end: u64) -> Self {
        let there = end.saturating_sub(start);
        let claimed = match extent {
            Extent::Bytes(claimed) => claimed,
            Extent::ToEnd => there,
        };
        Self { start, len: claimed.min(there), claimed }
    }

    /// Where what is there of it ends.
    pub(super) fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.len < self.claimed
    }
}

/// The samples of a file, and all that is known about them before they are read.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) container: &'static str,
    pub(super) sample_rate: u32,
    pub(super) layout: Layout,
    pub(super) spans: Vec<Span>,
    /// Samples per channel by a count of its own, apart from the length of the data.
    pub(super) n_stated: Option<u64>,
    /// What contradicts itself: all samples may be there, and wrong.
    pub(super) doubts: Vec<String>,
}

/// How many samples per channel there are, and should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) n_there: u64,
    pub(super) n_claimed: u64,
}

impl Stream {
    fn sum(&self, n_bytes: fn(&Span) -> u64) -> u64 {
        let samples = self.spans.iter().map(|span| self.layout.samples_in(n_bytes(span)));
        samples.fold(0, u64::saturating_add)
    }

    /// Compares the lengths that the headers state with each other and with what is there.
    pub(super) fn settle(&mut self) -> Lengths {
        let layout = &self.layout;
        let n_there = self.sum(|span| span.len);
        let n_claimed = self.sum(|span| span.claimed);
        let lengths = Lengths { n_there, n_claimed };
        let Some(n_stated) = self.n_stated.filter(|&n| n > 0) else { return lengths };
        let is_linear = layout.is_linear();
        if is_linear && n_stated < n_claimed {
            let doubt = format!("the header counts {n_stated} samples, the data are {n_claimed}");
            self.doubts.push(doubt);
            return lengths;
        }
        // The last block is filled up with samples that do not belong to the signal. Other counts of
        // blocks are no sign of damage: some writers count channels or blocks instead of samples.
        let n_filling = n_claimed.checked_sub(n_stated);
        if is_linear || n_filling.is_some_and(|n| n < layout.block_samples() as u64) {
            return Lengths { n_there: n_there.min(n_stated), n_claimed: n_stated };
        }
        lengths
    }
}
