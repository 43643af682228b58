//! Matroska and `WebM` (RFC 9559).

mod block;
mod ebml;
mod gaps;
mod track;

use self::ebml::{Element, children, element, float, signed, unsigned};
use self::gaps::Torn;
use self::track::{TrackEntry, nanoseconds_to_samples};
use super::bytes::Bytes;
use super::durations::Durations;
use super::table::{Entries, Entry, Table};
use super::{MOST_PACKET_BYTES, Stream, no_audio, stand_in};
use crate::decode::Losses;
use crate::error::{Error, Result};
use crate::source::Input;

const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
const TIMESTAMP: u32 = 0xe7;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const SIMPLE_BLOCK: u32 = 0xa3;
const DISCARD_PADDING: u32 = 0x75a2;
/// Elements that stand side by side in a segment, besides those above.
const BESIDE: [u32; 8] = [
    0x1a45_dfa3, // the EBML header
    0x114d_9b74, // SeekHead
    0x1c53_bb6b, // Cues
    0x1254_c367, // Tags
    0x1043_a770, // Chapters
    0x1941_a469, // Attachments
    0xec,        // Void
    0xbf,        // CRC-32
];
/// Why the stream has a hole.
const MISSING: &str = "a stretch of the stream is missing";
/// Headers are read whole; pictures are elsewhere.
const MOST_HEADER_BYTES: u64 = 16 << 20;

/// Walks over all blocks of the first audio track.
pub(in crate::decode) fn open(
    input: Input,
    start: u64,
    end: u64,
    losses: &mut Losses,
) -> Result<Table> {
    let mut bytes = Bytes::new(input, start, end);
    let mut walk = Walk::default();
    walk.run(&mut bytes, losses)?;
    let Some(found) = walk.found.take() else {
        let refusal = if walk.is_cut || !losses.is_empty() {
            Error::damaged("the description of the tracks cannot be read")
        } else {
            no_audio()
        };
        return Err(walk.refusal.unwrap_or(refusal));
    };
    let mut found = stand_in(found, walk.refusal.take(), losses)?;
    if walk.hole {
        found.entries.push_hole(0, MISSING);
    }
    let total = found.entries.end();
    let stop = (found.discard > 0).then(|| total.saturating_sub(found.discard));
    found.stream.n_samples = stop.and_then(|stop| stop.checked_sub(found.stream.delay));
    let n_missing = found.missing(&walk);
    if walk.is_cut || n_missing > 0 {
        losses.add(n_missing, "the file ends before its last block");
    }
    // Durations are what the packets themselves say.
    let table = Table::new(bytes, found.stream, found.entries, true);
    Ok(table.with_stop(stop).with_prefix(found.prefix))
}

/// The track that is read.
struct Found {
    number: u64,
    stream: Stream,
    durations: Durations,
    prefix: Vec<u8>,
    entries: Entries,
    /// Nanoseconds of the first block.
    first_time: Option<u64>,
    /// Samples that the last block says not to play.
    discard: u64,
    torn: Option<Torn>,
}

impl Found {
    fn rate(&self) -> u64 {
        self.stream.parameters.sample_rate.unwrap_or(0).into()
    }

    /// What is missing at the end, by the duration of the file. That is the duration of its longest
    /// track: the blocks of all must come near it.
    fn missing(&self, walk: &Walk) -> u64 {
        /// Some writers round it up, or count what is not to be played.
        const SLACK_SECONDS: f64 = 0.1;
        /// A picture or a line of text may stand for longer.
        const OTHERS_SLACK_SECONDS: f64 = 5.0;
        let rate = self.rate().max(1) as f64;
        let begin = self.first_time.unwrap_or(0) as f64 / 1e9;
        let missing = walk.duration_seconds - begin - self.entries.end() as f64 / rate;
        let behind = walk.duration_seconds - walk.last_nanoseconds as f64 / 1e9;
        let is_near = match (walk.is_cut, walk.n_others > 0) {
            (true, _) => false,
            (false, true) => behind.min(missing) <= OTHERS_SLACK_SECONDS,
            (false, false) => missing <= SLACK_SECONDS,
        };
        if is_near { 0 } else { (missing * rate) as u64 }
    }
}

#[derive(Default)]
struct Walk {
    nanoseconds_per_tick: u64,
    duration_seconds: f64,
    cluster_time: u64,
    cluster_end: Option<u64>,
    n_clusters: u64,
    /// Of all tracks.
    numbers: Vec<u64>,
    found: Option<Found>,
    /// Why the first audio track is not read.
    refusal: Option<Error>,
    hole: bool,
    is_cut: bool,
    /// The last block was one of the track's.
    is_ours: bool,
    /// Samples not to play of the block that is yet to come in this group.
    discard: u64,
    /// When the last block of any track begins, and how many are not ours.
    last_nanoseconds: u64,
    n_others: u64,
}

impl Walk {
    /// From element to element. Those that hold blocks are entered, not passed over, so that one
    /// whose length is unknown, or a lie, costs nothing.
    fn run(&mut self, bytes: &mut Bytes, losses: &mut Losses) -> Result<()> {
        self.nanoseconds_per_tick = 1_000_000;
        let mut at = 0;
        while at < bytes.len() {
            let next = element(bytes, at)?.filter(|element| self.makes_sense(element, at));
            let Some(element) = next else {
                let Some(next) = resync(bytes, at + 1)? else {
                    self.is_cut = true;
                    break;
                };
                if !is_filling(bytes, at, next)? {
                    self.hole = true;
                    losses.add(0, "a stretch of the file makes no sense");
                }
                self.cluster_end = None;
                at = next;
                continue;
            };
            let end = element.end();
            at = match element.id {
                SEGMENT | CLUSTER | BLOCK_GROUP => {
                    self.enter(&element, bytes.len());
                    element.body
                }
                _ if end.is_none_or(|end| end > bytes.len()) => {
                    self.is_cut = true;
                    break;
                }
                _ => {
                    self.read(bytes, &element, losses)?;
                    end.unwrap_or(bytes.len())
                }
            };
        }
        Ok(())
    }

    fn makes_sense(&self, element: &Element, at: u64) -> bool {
        let is_beside =
            matches!(element.id, SEGMENT | INFO | TRACKS | CLUSTER) || BESIDE.contains(&element.id);
        let in_cluster = self.cluster_end.is_none_or(|end| at < end);
        let fits = match (self.cluster_end, element.end()) {
            (Some(cluster), Some(end)) if in_cluster => end <= cluster,
            _ => true,
        };
        let is_master = matches!(element.id, SEGMENT | CLUSTER);
        let is_inside = self.found.is_some() && element.n_bytes.is_some();
        fits && (is_beside || is_inside) && (is_master || element.n_bytes.is_some())
    }

    fn enter(&mut self, element: &Element, file_bytes: u64) {
        if element.end().is_some_and(|end| end > file_bytes) {
            self.is_cut = true;
        }
        self.n_clusters += u64::from(element.id == CLUSTER);
        if element.id == CLUSTER {
            self.cluster_end = element.end();
        }
        // In a group, the order of elements is free.
        self.is_ours = false;
        self.discard = 0;
    }

    fn read(&mut self, bytes: &mut Bytes, element: &Element, losses: &mut Losses) -> Result<()> {
        let n_bytes = element.n_bytes.unwrap_or(0);
        if self.n_clusters > 0 && !is_of_cluster(element.id, n_bytes) {
            // A block whose id is damaged.
            self.hole = true;
            losses.add(0, "an element that a cluster does not have");
            return Ok(());
        }
        match element.id {
            INFO | TRACKS | TIMESTAMP | DISCARD_PADDING if n_bytes <= MOST_HEADER_BYTES => {
                let body = bytes.get(element.body, n_bytes as usize)?;
                match element.id {
                    INFO => self.read_info(body),
                    TRACKS => self.read_tracks(body),
                    TIMESTAMP => self.cluster_time = unsigned(body),
                    _ => self.read_discard(body),
                }
                Ok(())
            }
            SIMPLE_BLOCK | BLOCK => self.read_block(bytes, element.body, n_bytes),
            _ => Ok(()),
        }
    }

    fn read_info(&mut self, body: &[u8]) {
        let mut ticks = 0.0;
        for (id, contents) in children(body) {
            match id {
                0x002a_d7b1 => self.nanoseconds_per_tick = unsigned(contents).max(1),
                0x4489 => ticks = float(contents),
                _ => {}
            }
        }
        let seconds = ticks * self.nanoseconds_per_tick as f64 / 1e9;
        self.duration_seconds = if seconds.is_finite() { seconds.clamp(0.0, 1e9) } else { 0.0 };
    }

    fn read_tracks(&mut self, body: &[u8]) {
        if self.found.is_some() {
            return;
        }
        for (_, entry) in children(body).filter(|(id, _)| *id == 0xae) {
            let track = TrackEntry::parse(entry);
            self.numbers.push(track.number);
            if self.found.is_some() || !track.is_audio() {
                continue;
            }
            match track.stream() {
                Ok((stream, durations)) => {
                    self.found = Some(Found {
                        number: track.number,
                        stream,
                        durations,
                        prefix: track.prefix,
                        entries: Entries::default(),
                        first_time: None,
                        discard: 0,
                        torn: None,
                    });
                }
                Err(error) => self.refusal = self.refusal.take().or(Some(error)),
            }
        }
    }

    /// Of the block of the same group, which may be another track's.
    fn read_discard(&mut self, body: &[u8]) {
        let Some(found) = self.found.as_mut() else { return };
        let nanoseconds = u64::try_from(signed(body)).unwrap_or(0);
        let n_samples = nanoseconds_to_samples(nanoseconds, found.rate());
        if self.is_ours {
            found.discard = n_samples;
        } else {
            self.discard = n_samples;
        }
    }

    fn read_block(&mut self, bytes: &mut Bytes, at: u64, n_bytes: u64) -> Result<()> {
        const LARGEST_HEADER: usize = 1024;
        let head = bytes.glance(at, LARGEST_HEADER.min(n_bytes as usize))?;
        let block = block::parse(head, n_bytes);
        let Some(found) = &mut self.found else { return Ok(()) };
        let Some(block) = block else {
            self.hole = true;
            return Ok(());
        };
        self.is_ours = block.track == found.number;
        let ticks = self.cluster_time.saturating_add_signed(block.time);
        let nanoseconds = ticks.saturating_mul(self.nanoseconds_per_tick);
        self.last_nanoseconds = self.last_nanoseconds.max(nanoseconds);
        if !self.is_ours {
            self.n_others += 1;
            // Nobody's: its head is damaged.
            self.hole |= !self.numbers.contains(&block.track);
            return Ok(());
        }
        if n_bytes > MOST_PACKET_BYTES {
            self.hole = true;
            return Ok(());
        }
        gaps::note(found, ticks, self.nanoseconds_per_tick, &mut self.hole);
        let mut offset = at + block.n_header;
        let is_alone = block.frames.len() == 1;
        for n_bytes in block.frames {
            let first = bytes.glance(offset, Durations::N_BYTES.min(n_bytes as usize))?;
            if is_alone && found.durations.is_unreadable(first) {
                self.hole = true;
                return Ok(());
            }
            let n_samples = samples_in(found, first, n_bytes);
            found.discard = self.discard;
            found.entries.push(Entry { offset, n_bytes: n_bytes as u32, n_samples })?;
            offset += n_bytes;
        }
        Ok(())
    }
}

/// Samples of a packet of which `first` is how it begins in the file.
fn samples_in(found: &mut Found, first: &[u8], n_bytes: u64) -> u32 {
    // With a prefix, that is not how the packet begins.
    let n_samples = match found.prefix.as_slice() {
        [] => found.durations.of(first, n_bytes),
        prefix => {
            let whole = [prefix, first].concat();
            found.durations.of(&whole, n_bytes + prefix.len() as u64)
        }
    };
    n_samples as u32
}

/// Whether an element may stand in a cluster or a group of blocks (RFC 9559 §5.1.3), or behind one.
fn is_of_cluster(id: u32, n_bytes: u64) -> bool {
    match id {
        // Time, position, size of the cluster before; duration, priority and references of a block.
        TIMESTAMP | DISCARD_PADDING | 0xa7 | 0xab | 0x9b | 0xfa | 0xfb | 0xfd => n_bytes <= 8,
        // Silent tracks; additions, state and slices of a block.
        SIMPLE_BLOCK | BLOCK | 0x5854 | 0x75a1 | 0xa4 | 0x8e => true,
        _ => id > 0xffff || BESIDE.contains(&id),
    }
}

/// The next element that stands in a segment. Their ids are long, so that they are found.
fn resync(bytes: &mut Bytes, mut at: u64) -> Result<Option<u64>> {
    const STEP: usize = 32 << 10;
    let is_id = |four: &[u8]| {
        let id = four.iter().fold(0, |id, &byte| id << 8 | u32::from(byte));
        matches!(id, SEGMENT | INFO | TRACKS | CLUSTER) || id > 0xffff && BESIDE.contains(&id)
    };
    loop {
        let block = bytes.get(at, STEP)?;
        if let Some(offset) = block.windows(4).position(is_id) {
            return Ok(Some(at + offset as u64));
        }
        if block.len() < STEP {
            return Ok(None);
        }
        at += (STEP - 3) as u64;
    }
}

/// Whether there is nothing but zeros.
fn is_filling(bytes: &mut Bytes, at: u64, end: u64) -> Result<bool> {
    const MOST: u64 = 64 << 10;
    let n_bytes = (end - at).min(MOST) as usize;
    Ok(end - at <= MOST && bytes.get(at, n_bytes)?.iter().all(|&byte| byte == 0))
}

#[cfg(test)]
mod tests;
