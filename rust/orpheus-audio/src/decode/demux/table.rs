//! Containers that say, or can be walked to learn, where every packet is.

use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;

use super::bytes::Bytes;
use super::durations::Durations;
use super::{Demuxer, MOST_PACKET_BYTES, Packet, Stream};
use crate::decode::Losses;
use crate::error::{Error, Result};

/// More packets than ten days of audio have.
const MOST_ENTRIES: usize = 8 << 20;

/// Where a packet is and how many samples it holds; 0 if the container does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) n_bytes: u32,
    pub(super) n_samples: u32,
}

/// Something is missing in front of an entry.
#[derive(Debug, Clone)]
struct Hole {
    entry: usize,
    n_lost: u64,
    why: &'static str,
}

/// The packets of a track, in order.
#[derive(Debug, Default)]
pub(super) struct Entries {
    list: Vec<Entry>,
    holes: Vec<Hole>,
    end: u64,
    /// Packets that were too large to be true.
    n_refused: usize,
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    #[cfg(test)]
    pub(super) fn n_holes(&self) -> usize {
        self.holes.len()
    }

    /// When the packet behind the last one is due.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Whether the durations of the packets are what they decode to, as far as that shows without
    /// looking at them.
    pub(super) fn fit(&self, durations: &Durations) -> bool {
        match durations {
            Durations::Constant(n) => self.all_but_last(|n_samples| n_samples == *n),
            Durations::Alac { frame_length } => self.all_but_last(|n| n == *frame_length),
            Durations::Pcm(_) => true,
            Durations::Unknown => false,
            // Opus packets differ; FLAC blocks may.
            _ => self.all_but_last(|n| n > 0),
        }
    }

    fn all_but_last(&self, is_right: impl Fn(u64) -> bool) -> bool {
        let n = self.list.len().saturating_sub(1);
        self.list[..n].iter().all(|entry| is_right(u64::from(entry.n_samples)))
    }

    pub(super) fn last(&self) -> Option<Entry> {
        self.list.last().copied()
    }

    /// Says how many samples the last packet holds, where it tells so itself.
    pub(super) fn set_last(&mut self, n_samples: u32) {
        if let Some(last) = self.list.last_mut() {
            self.end = self.end - u64::from(last.n_samples) + u64::from(n_samples);
            last.n_samples = n_samples;
        }
    }

    /// Mean size of the packets; 0 if there are none.
    pub(super) fn bytes_per_packet(&self) -> u64 {
        let n_bytes: u64 = self.list.iter().map(|entry| u64::from(entry.n_bytes)).sum();
        n_bytes.checked_div(self.list.len() as u64).unwrap_or(0)
    }

    /// Appends a packet, or a hole in place of one that is larger than any can be.
    pub(super) fn push(&mut self, entry: Entry) -> Result<()> {
        if self.list.len() + self.n_refused == MOST_ENTRIES {
            return Err(Error::damaged("more packets than any track has"));
        }
        if u64::from(entry.n_bytes) > MOST_PACKET_BYTES {
            self.n_refused += 1;
            self.push_hole(entry.n_samples.into(), "a packet is larger than any can be");
            return Ok(());
        }
        self.end = self.end.saturating_add(u64::from(entry.n_samples));
        self.list.push(entry);
        Ok(())
    }

    pub(super) fn push_hole(&mut self, n_lost: u64, why: &'static str) {
        self.end = self.end.saturating_add(n_lost);
        let entry = self.list.len();
        match self.holes.last_mut() {
            Some(last) if last.entry == entry => {
                last.n_lost = last.n_lost.saturating_add(n_lost);
            }
            _ => self.holes.push(Hole { entry, n_lost, why }),
        }
    }

    /// Says anew how much is missing in the last hole.
    pub(super) fn set_last_hole(&mut self, n_lost: u64) {
        if let Some(last) = self.holes.last_mut() {
            self.end = self.end.saturating_sub(last.n_lost).saturating_add(n_lost);
            last.n_lost = n_lost;
        }
    }

    /// Drops the packets that do not lie within the first `n_bytes`, and says how many samples they
    /// would have been. What lies behind the first of them is dropped too.
    pub(super) fn cut_at(&mut self, n_bytes: u64) -> Option<u64> {
        let lies_within = |entry: &Entry| {
            entry.offset.checked_add(u64::from(entry.n_bytes)).is_some_and(|end| end <= n_bytes)
        };
        let n_sound = self.list.iter().take_while(|entry| lies_within(entry)).count();
        if n_sound == self.list.len() {
            return None;
        }
        let n_lost = self.list.drain(n_sound..).map(|entry| u64::from(entry.n_samples)).sum();
        self.holes.retain(|hole| hole.entry <= n_sound);
        self.end = self.end.saturating_sub(n_lost);
        Some(n_lost)
    }
}

/// Reads packets by their table.
#[derive(Debug)]
pub(in crate::decode) struct Table {
    bytes: Bytes,
    stream: Stream,
    entries: Entries,
    /// In front of every packet, left out by the container.
    prefix: Vec<u8>,
    /// When nothing sounds any more.
    stop: Option<u64>,
    /// Whether the samples in `entries` are what the packets decode to.
    is_exact: bool,
    /// What the packets say themselves, if that was not compared yet.
    told: Option<Durations>,
    /// Whether a packet only sounds together with the one before it, as in Vorbis.
    overlaps: bool,
    /// The next packet is read for the sake of the one behind it.
    is_entry: bool,
    next: usize,
    next_hole: usize,
    time: u64,
}

impl Table {
    pub(super) fn new(bytes: Bytes, stream: Stream, entries: Entries, is_exact: bool) -> Self {
        Self {
            bytes,
            entries,
            prefix: Vec::new(),
            stop: None,
            is_exact,
            told: None,
            overlaps: stream.parameters.codec == CODEC_ID_VORBIS,
            is_entry: false,
            next: 0,
            next_hole: 0,
            time: 0,
            stream,
        }
    }

    pub(super) fn with_stop(mut self, stop: Option<u64>) -> Self {
        self.stop = stop;
        self
    }

    pub(super) fn with_prefix(mut self, prefix: Vec<u8>) -> Self {
        self.prefix = prefix;
        self
    }

    /// For packets that say how long they are: the container's word is not enough to lead to one.
    pub(super) fn with_told(mut self, durations: Durations) -> Self {
        self.told =
            Some(durations).filter(|told| matches!(told, Durations::Opus | Durations::Flac));
        self
    }

    /// Compares the table with what the packets say themselves.
    fn check(&mut self) -> Result<()> {
        let Some(mut told) = self.told.take().filter(|_| self.is_exact) else { return Ok(()) };
        let n = self.entries.len().saturating_sub(1);
        let mut off = 0_i64;
        for entry in &self.entries.list[..n] {
            let n_bytes = Durations::N_BYTES.min(entry.n_bytes as usize);
            let first = self.bytes.glance(entry.offset, n_bytes)?;
            let n_samples = told.of(first, entry.n_bytes.into());
            // One that does not say it is damaged, and will be as long as the table says.
            if n_samples > 0 {
                off = off.saturating_add_unsigned(n_samples) - i64::from(entry.n_samples);
            }
            if off.unsigned_abs() > self.stream.slack.rounding {
                self.is_exact = false;
                break;
            }
        }
        Ok(())
    }

    fn note_hole(&mut self, packet: &mut Packet, losses: &mut Losses) {
        while let Some(hole) = self.entries.holes.get(self.next_hole)
            && hole.entry <= self.next
        {
            // What is missing in front of a packet shows in its time, too: it is counted there.
            let is_last = self.next == self.entries.len();
            losses.add(if is_last { hole.n_lost } else { 0 }, hole.why);
            self.time = self.time.saturating_add(hole.n_lost);
            self.next_hole += 1;
            packet.after_hole = true;
        }
    }
}

impl Demuxer for Table {
    fn stream(&self) -> &Stream {
        &self.stream
    }

    fn next_packet(&mut self, packet: &mut Packet, losses: &mut Losses) -> Result<bool> {
        packet.clear();
        self.note_hole(packet, losses);
        let Some(entry) = self.entries.list.get(self.next).copied() else { return Ok(false) };
        packet.data.extend_from_slice(&self.prefix);
        if !self.bytes.append(entry.offset, entry.n_bytes as usize, &mut packet.data)? {
            // The table was checked against the file's length: somebody cut the file meanwhile.
            losses.add(0, "the file ends in the middle of a packet");
            self.next = self.entries.len();
            return Ok(false);
        }
        self.next += 1;
        packet.at = (entry.n_samples > 0).then_some(self.time);
        let is_entry = std::mem::take(&mut self.is_entry);
        packet.n_samples = if is_entry { 0 } else { u64::from(entry.n_samples) };
        packet.end = self.stop;
        packet.is_last = self.next == self.entries.len();
        self.time = self.time.saturating_add(packet.n_samples);
        Ok(true)
    }

    fn measure(&mut self) -> Result<Option<u64>> {
        self.check()?;
        let known = self.is_exact && self.entries.holes.is_empty();
        let end = self.entries.end;
        Ok(known.then(|| self.stop.map_or(end, |stop| stop.min(end))))
    }

    fn seek(&mut self, time: u64) -> Result<Option<u64>> {
        if self.measure()?.is_none() {
            return Ok(None);
        }
        let mut due = 0_u64;
        let mut next = 0;
        for entry in &self.entries.list {
            let behind = due + u64::from(entry.n_samples);
            if behind > time {
                break;
            }
            (due, next) = (behind, next + 1);
        }
        self.is_entry = self.overlaps && next > 0;
        self.next = if self.is_entry { next - 1 } else { next };
        self.time = due;
        Ok(Some(due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_that_is_larger_than_any_can_be_is_a_hole() {
        let mut entries = Entries::default();
        for n_bytes in [100, 400 << 20, u32::MAX, 100] {
            entries.push(Entry { offset: 8, n_bytes, n_samples: 1024 }).unwrap();
        }
        assert_eq!((entries.len(), entries.n_holes(), entries.end()), (2, 1, 4096));
    }
}
