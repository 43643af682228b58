//! Which of the decoded samples sound, and which are missing.

use super::super::demux::{Packet, Slack, Stream};
use super::super::{Block, Losses};

/// Follows the decoder along the time of its stream.
#[derive(Debug)]
pub(super) struct Timeline {
    /// Decoded samples in front of the first that sounds.
    pub(super) delay: u64,
    /// When the next decoded sample is due.
    time: u64,
    /// Samples before this one are decoded for the sake of those behind them.
    pub(super) keep_from: u64,
    slack: Slack,
    /// Decoded samples that the container does not account for, less those that it does and that did
    /// not come.
    ahead: i64,
    /// How much longer the packets have proved to be than the container says.
    excess: u64,
    /// Samples that the last packet was short of: they are missing in front of the next one.
    owed: u64,
    started: bool,
}

impl Timeline {
    pub(super) fn new(stream: &Stream) -> Self {
        Self {
            delay: stream.delay,
            time: 0,
            keep_from: stream.delay,
            slack: stream.slack,
            ahead: 0,
            excess: 0,
            owed: 0,
            started: false,
        }
    }

    /// When the next decoded sample is due.
    pub(super) fn time(&self) -> u64 {
        self.time
    }

    /// Goes on at `time`, of which the samples from `keep_from` on are wanted.
    pub(super) fn jump(&mut self, time: u64, keep_from: u64) {
        (self.time, self.keep_from) = (time, keep_from);
        (self.ahead, self.excess, self.owed) = (0, 0, 0);
    }

    /// Goes to the time of a packet that is about to be decoded. `true` if it does not follow the one
    /// before it.
    pub(super) fn begin(&mut self, packet: &Packet, losses: &mut Losses) -> bool {
        self.settle(losses);
        let at = packet.at.map_or(self.time, |at| at.saturating_add(self.excess));
        let gap = at.saturating_sub(self.time);
        let slack = if packet.after_hole { 0 } else { self.slack.between };
        let jumps = gap > slack;
        if jumps {
            self.ahead = 0;
            self.pass(gap, packet.end, "a stretch of the stream is missing", losses);
        }
        let is_first = !std::mem::replace(&mut self.started, true);
        packet.after_hole && !is_first || jumps
    }

    /// Notes that a packet could not be decoded.
    pub(super) fn lose(&mut self, packet: &Packet, why: String, losses: &mut Losses) {
        self.pass(packet.n_samples, packet.end, why, losses);
    }

    /// Notes what the last packet was short of. Call it behind the last one.
    pub(super) fn settle(&mut self, losses: &mut Losses) {
        let owed = std::mem::take(&mut self.owed);
        if owed > 0 {
            self.pass(owed, None, "a packet is shorter than it says", losses);
        }
    }

    fn pass(&mut self, n: u64, end: Option<u64>, why: impl Into<String>, losses: &mut Losses) {
        let behind = self.time.saturating_add(n);
        let sounding = end.map_or(behind, |end| end.saturating_add(self.excess).min(behind));
        losses.add_gap(sounding.saturating_sub(self.time.max(self.keep_from)), why);
        self.time = behind;
    }

    /// Cuts a decoded block to what sounds.
    pub(super) fn end(&mut self, packet: &Packet, block: &mut Block, losses: &mut Losses) {
        let n_decoded = block.n_samples() as u64;
        self.compare(packet, n_decoded, losses);
        if let Some(end) = self.end_of(packet) {
            let n_kept = end.saturating_sub(self.time).min(n_decoded) as usize;
            block.channels.iter_mut().for_each(|channel| channel.truncate(n_kept));
        }
        let n_early = self.keep_from.saturating_sub(self.time);
        block.drop_front(usize::try_from(n_early).unwrap_or(usize::MAX));
        self.time = self.time.saturating_add(n_decoded);
    }

    /// When nothing sounds any more: where the container says so, and what its packets hold beyond what it
    /// says of them is not cut off instead.
    fn end_of(&self, packet: &Packet) -> Option<u64> {
        let excess = self.excess.saturating_add(self.ahead.max(0).unsigned_abs());
        packet.end.map(|end| end.saturating_add(excess))
    }

    /// Compares what a packet decoded to with what the container says of it.
    fn compare(&mut self, packet: &Packet, n_decoded: u64, losses: &mut Losses) {
        if packet.n_samples == 0 {
            return;
        }
        let behind = self.time.saturating_add(n_decoded);
        let due = self.time.saturating_add(packet.n_samples);
        // What does not sound is not missed.
        let due = self.end_of(packet).map_or(due, |end| end.min(due));
        if due > behind {
            let n_short = (due - behind).min(i64::MAX as u64) as i64;
            self.ahead = self.ahead.saturating_sub(n_short);
        } else if !packet.is_last {
            let n_over = n_decoded.saturating_sub(packet.n_samples) as i64;
            self.ahead = self.ahead.saturating_add(n_over);
        }
        let off = self.ahead.unsigned_abs();
        if off <= self.slack.within {
            return;
        }
        if self.ahead < 0 {
            self.owed = off;
        } else {
            // The table is wrong, and where it says that the track ends, too.
            self.excess = self.excess.saturating_add(off);
            losses.add(0, "packets are longer than the container says");
        }
        self.ahead = 0;
    }
}
