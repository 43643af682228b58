//! Which of the decoded samples sound, and which are missing.

use super::super::demux::Packet;
use super::super::{Block, Losses, TrackInfo};

/// Follows the decoder along the time of its stream.
#[derive(Debug)]
pub(super) struct Timeline {
    /// Decoded samples in front of the first that sounds.
    pub(super) delay: u64,
    /// When the next decoded sample is due.
    pub(super) time: u64,
    /// Samples before this one are decoded for the sake of those behind them.
    pub(super) keep_from: u64,
    /// How far the container's time may be ahead before something is missing.
    tolerance: u64,
    is_lossless: bool,
    started: bool,
}

impl Timeline {
    pub(super) fn new(delay: u64, info: &TrackInfo) -> Self {
        let codec = info.codec.as_str();
        let is_lossless = codec == "flac" || codec == "alac" || codec.starts_with("pcm");
        let tolerance = match (is_lossless, info.container) {
            (false, _) => 4096,
            // Times are rounded to milliseconds.
            (true, "matroska") => u64::from(info.sample_rate / 250),
            (true, _) => 0,
        };
        Self { delay, time: 0, keep_from: delay, tolerance, is_lossless, started: false }
    }

    /// Goes to the time of a packet that is about to be decoded. `true` if it does not follow the one
    /// before it.
    pub(super) fn begin(&mut self, packet: &Packet, losses: &mut Losses) -> bool {
        let at = packet.at.unwrap_or(self.time);
        let gap = at.saturating_sub(self.time);
        let tolerance = if packet.after_hole { 0 } else { self.tolerance };
        let jumps = gap > tolerance;
        if jumps {
            self.pass(gap, packet.end, "a stretch of the stream is missing", losses);
        }
        let is_first = !std::mem::replace(&mut self.started, true);
        packet.after_hole && !is_first || jumps
    }

    /// Notes that a packet could not be decoded.
    pub(super) fn lose(&mut self, packet: &Packet, why: String, losses: &mut Losses) {
        self.pass(packet.n_samples, packet.end, why, losses);
    }

    fn pass(&mut self, n: u64, end: Option<u64>, why: impl Into<String>, losses: &mut Losses) {
        let behind = self.time.saturating_add(n);
        let sounding = end.map_or(behind, |end| end.min(behind));
        losses.add_gap(sounding.saturating_sub(self.time.max(self.keep_from)), why);
        self.time = behind;
    }

    /// Cuts a decoded block to what sounds.
    pub(super) fn end(&mut self, packet: &Packet, block: &mut Block, losses: &mut Losses) {
        let n_decoded = block.n_samples() as u64;
        let behind = self.time.saturating_add(n_decoded);
        let due = self.time.saturating_add(packet.n_samples);
        let due = packet.end.map_or(due, |end| end.min(due));
        if self.is_lossless && due > behind {
            losses.add(due - behind, "a packet is shorter than it says");
        }
        if let Some(end) = packet.end {
            let n_kept = end.saturating_sub(self.time).min(n_decoded) as usize;
            block.channels.iter_mut().for_each(|channel| channel.truncate(n_kept));
        }
        let n_early = self.keep_from.saturating_sub(self.time);
        block.drop_front(usize::try_from(n_early).unwrap_or(usize::MAX));
        self.time = behind;
    }
}
