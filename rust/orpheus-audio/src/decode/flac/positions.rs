//! Which samples a frame holds, by the number in its header (RFC 9639 §9.1.5).

use super::FrameError;
use super::header::FrameHeader;
use super::stream_info::StreamInfo;

/// What the numbers of a stream count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Samples,
    /// Frames, of this many samples each but for the last.
    Frames(u64),
    /// As `Frames`, unless the second frame tells otherwise: streams from before the format was
    /// settled count samples without saying so.
    Unsettled(u64),
}

#[derive(Debug, Clone)]
pub(super) struct Positions {
    counts_samples: bool,
    unit: Unit,
    /// Where the next frame should begin.
    expected: u64,
    previous_number: Option<u64>,
    n_samples: Option<u64>,
}

impl Positions {
    /// Those of a stream that begins, as far as it is there, with the frame `first`.
    pub(super) fn new(first: &FrameHeader, info: Option<&StreamInfo>) -> Self {
        let claimed = info.filter(|info| info.min_block_size == info.max_block_size);
        let claimed = claimed.map_or(0, |info| u64::from(info.max_block_size));
        let unit = if first.counts_samples {
            Unit::Samples
        } else if first.number == 0 || claimed == 0 {
            // Only the last frame is shorter than the others, and it has no followers.
            let block_size = first.block_size as u64;
            let settled = claimed == block_size;
            if settled { Unit::Frames(block_size) } else { Unit::Unsettled(block_size) }
        } else {
            Unit::Frames(claimed)
        };
        Self {
            counts_samples: first.counts_samples,
            unit,
            expected: 0,
            previous_number: None,
            n_samples: info.and_then(|info| info.n_samples),
        }
    }

    /// Where the next frame should begin.
    pub(super) fn expected(&self) -> u64 {
        self.expected
    }

    /// Whether it is known what the numbers count.
    pub(super) fn is_settled(&self) -> bool {
        !matches!(self.unit, Unit::Unsettled(_))
    }

    /// Takes over what others, of the same stream, found out about the numbers.
    pub(super) fn settle_as(&mut self, other: &Self) {
        self.unit = other.unit;
    }

    /// The first sample of a frame.
    pub(super) fn of(&self, header: &FrameHeader) -> u64 {
        let follows = self.previous_number.is_some_and(|n| n + 1 == header.number);
        match self.unit {
            Unit::Samples => header.number,
            Unit::Frames(_) | Unit::Unsettled(_) if follows => self.expected,
            Unit::Unsettled(_)
                if self.previous_number == Some(0) && header.number == self.expected =>
            {
                header.number
            }
            Unit::Frames(n) | Unit::Unsettled(n) => header.number.saturating_mul(n),
        }
    }

    /// Whether the frame may come next.
    pub(super) fn check(&self, header: &FrameHeader) -> Result<(), FrameError> {
        let position = self.of(header);
        let beyond = self.n_samples.is_some_and(|n| position >= n) && position != self.expected;
        let sound = header.counts_samples == self.counts_samples
            && position >= self.expected
            && !(beyond && self.previous_number.is_some());
        if sound { Ok(()) } else { Err(FrameError::Order) }
    }

    /// Takes note of a frame; returns its first sample.
    pub(super) fn accept(&mut self, header: &FrameHeader) -> u64 {
        let position = self.of(header);
        if let (Unit::Unsettled(n), Some(previous)) = (self.unit, self.previous_number) {
            let counts_samples = previous + 1 != header.number && position == header.number;
            self.unit = if counts_samples { Unit::Samples } else { Unit::Frames(n) };
        }
        self.expected = position.saturating_add(header.block_size as u64);
        self.previous_number = Some(header.number);
        position
    }

    /// The next frame is the one that begins at `position`.
    pub(super) fn go_to(&mut self, position: u64) {
        self.expected = position;
        self.previous_number = None;
    }
}
