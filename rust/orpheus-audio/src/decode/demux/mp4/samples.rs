//! The sample table: where every packet of a track is (ISO/IEC 14496-12 §8.6.1, §8.7).

use super::super::bytes::{Bytes, be_u32, be_u64};
use super::super::durations::Durations;
use super::super::table::{Entries, Entry};
use super::Clock;
use super::boxes::Atom;
use crate::error::{Error, Result};

/// Longest stretch of PCM that is read as one packet.
const PCM_SAMPLES: u64 = 4096;
/// Why packets that are counted have no place.
const CUT_SHORT: &str = "the sample table is cut short";

/// Reads the packets that a sample table box lists.
pub(super) fn read(
    bytes: &mut Bytes,
    stbl: &Atom,
    clock: &mut Clock,
    durations: &Durations,
) -> Result<Entries> {
    let tables = Tables::read(bytes, stbl)?;
    let mut entries = Entries::default();
    if let Durations::Pcm(n_block) = durations {
        tables.pcm(*n_block, &mut entries)?;
    } else {
        tables.packets(clock, bytes.len(), &mut entries)?;
    }
    Ok(entries)
}

/// The boxes, as they are in the file.
#[derive(Default)]
struct Tables {
    times: Vec<u8>,
    sizes: Vec<u8>,
    /// Bits of an entry in `sizes`; 32 unless the table is the compact one.
    size_bits: u32,
    runs: Vec<u8>,
    chunks: Vec<u8>,
    chunks_are_long: bool,
}

impl Tables {
    fn read(bytes: &mut Bytes, stbl: &Atom) -> Result<Self> {
        let mut tables = Self { size_bits: 32, ..Self::default() };
        for atom in stbl.children(bytes)? {
            match &atom.kind {
                b"stts" => tables.times = atom.read(bytes)?,
                b"stsz" => tables.sizes = atom.read(bytes)?,
                b"stz2" => {
                    tables.sizes = atom.read(bytes)?;
                    tables.size_bits = be_u32(&tables.sizes, 4).unwrap_or(0) & 0xff;
                }
                b"stsc" => tables.runs = atom.read(bytes)?,
                b"stco" => tables.chunks = atom.read(bytes)?,
                b"co64" => {
                    tables.chunks = atom.read(bytes)?;
                    tables.chunks_are_long = true;
                }
                _ => {}
            }
        }
        Ok(tables)
    }

    fn n_packets(&self) -> u64 {
        u64::from(be_u32(&self.sizes, 8).unwrap_or(0))
    }

    /// `None` behind the end of the table.
    fn n_bytes(&self, packet: u64) -> Option<u32> {
        let at = usize::try_from(packet).ok()?;
        match (self.size_bits, be_u32(&self.sizes, 4)?) {
            (32, 0) => be_u32(&self.sizes, at.checked_mul(4)?.checked_add(12)?),
            (32, constant) => Some(constant),
            (16, _) => {
                super::super::bytes::be_u16(&self.sizes, at.checked_mul(2)?.checked_add(12)?)
                    .map(u32::from)
            }
            (8, _) => self.sizes.get(at.checked_add(12)?).map(|&n| u32::from(n)),
            _ => None,
        }
    }

    fn chunk(&self, chunk: usize) -> Option<u64> {
        if self.chunks_are_long {
            be_u64(&self.chunks, chunk.checked_mul(8)?.checked_add(8)?)
        } else {
            be_u32(&self.chunks, chunk.checked_mul(4)?.checked_add(8)?).map(u64::from)
        }
    }

    /// Calls `visit` with offset and packets of every chunk, until it says `false`.
    fn for_each_chunk(&self, mut visit: impl FnMut(u64, u32) -> Result<bool>) -> Result<()> {
        // First chunk (from 1), packets per chunk, description.
        let run = |n: usize| -> Option<(u32, u32)> {
            let at = n.checked_mul(12)?.checked_add(8)?;
            Some((be_u32(&self.runs, at)?, be_u32(&self.runs, at + 4)?))
        };
        let mut n_run = 0;
        let n_chunks = be_u32(&self.chunks, 4).unwrap_or(0);
        for chunk in 0..n_chunks {
            let Some(offset) = self.chunk(chunk as usize) else { break };
            while run(n_run + 1).is_some_and(|(first, _)| first <= chunk + 1) {
                n_run += 1;
            }
            let Some((_, n_packets)) = run(n_run) else { break };
            if !visit(offset, n_packets)? {
                break;
            }
        }
        Ok(())
    }

    fn packets(&self, clock: &mut Clock, file_bytes: u64, entries: &mut Entries) -> Result<()> {
        let mut times = Times::new(&self.times);
        let n_packets = self.n_packets();
        // Every packet has a byte at least: a table that says otherwise is no table.
        if n_packets > file_bytes.max(4096) {
            return Err(Error::damaged("more packets than the file has bytes"));
        }
        let mut packet = 0;
        self.for_each_chunk(|chunk, n_in_chunk| {
            let mut offset = chunk;
            for _ in 0..n_in_chunk {
                if packet == n_packets {
                    return Ok(false);
                }
                let Some(n_bytes) = self.n_bytes(packet) else { return Ok(false) };
                let n_samples = clock.advance(times.next());
                entries.push(Entry { offset, n_bytes, n_samples })?;
                offset = offset.saturating_add(u64::from(n_bytes));
                packet += 1;
            }
            Ok(true)
        })?;
        if packet < n_packets {
            let n_lost = clock.pass(times.skip(n_packets - packet));
            entries.push_hole(n_lost, CUT_SHORT);
        }
        Ok(())
    }

    /// One packet is one sample of all channels here; they are read many at a time.
    fn pcm(&self, n_block: u64, entries: &mut Entries) -> Result<()> {
        let mut left = self.n_packets();
        self.for_each_chunk(|chunk, n_in_chunk| {
            let n = u64::from(n_in_chunk).min(left);
            left -= n;
            let mut done = 0;
            while done < n {
                let n_samples = PCM_SAMPLES.min(n - done);
                let Some(offset) = (done * n_block).checked_add(chunk) else { return Ok(false) };
                let n_bytes = (n_samples * n_block) as u32;
                entries.push(Entry { offset, n_bytes, n_samples: n_samples as u32 })?;
                done += n_samples;
            }
            Ok(left > 0)
        })?;
        if left > 0 {
            entries.push_hole(left, CUT_SHORT);
        }
        Ok(())
    }
}

/// Durations of packets, run by run.
struct Times<'a> {
    table: &'a [u8],
    at: usize,
    left: u32,
    ticks: u32,
}

impl<'a> Times<'a> {
    fn new(table: &'a [u8]) -> Self {
        Self { table, at: 8, left: 0, ticks: 0 }
    }

    /// Ticks of the next packet; the last ones go on as long as there are packets.
    fn next(&mut self) -> u32 {
        while self.left == 0 {
            let run = be_u32(self.table, self.at).zip(be_u32(self.table, self.at + 4));
            let Some((left, ticks)) = run else {
                self.left = u32::MAX;
                break;
            };
            (self.left, self.ticks) = (left, ticks);
            self.at += 8;
        }
        self.left -= 1;
        self.ticks
    }

    /// Ticks of the next `n_packets` together: by the run, as their number may be a lie.
    fn skip(&mut self, mut n_packets: u64) -> u64 {
        let mut ticks = 0_u64;
        while n_packets > 0 {
            ticks = ticks.saturating_add(self.next().into());
            // Of the run that this one began.
            let n = u64::from(self.left).min(n_packets - 1);
            ticks = ticks.saturating_add(n.saturating_mul(self.ticks.into()));
            self.left -= n as u32;
            n_packets -= n + 1;
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// `n_packets` of one byte, as many as `per_chunk` in each of the chunks.
    fn tables(n_packets: u32, per_chunk: u32, chunks: &[u32], times: &[u32]) -> Tables {
        Tables {
            times: words(times),
            sizes: words(&[0, 1, n_packets]),
            size_bits: 32,
            runs: words(&[0, 1, 1, per_chunk, 1]),
            chunks: words(&[&[0, chunks.len() as u32], chunks].concat()),
            chunks_are_long: false,
        }
    }

    #[test]
    fn pcm_whose_chunks_are_not_all_listed_is_missing_the_others() {
        let whole = tables(400, 100, &[40, 140, 240, 340], &[]);
        let mut entries = Entries::default();
        whole.pcm(1, &mut entries).unwrap();
        assert_eq!((entries.end(), entries.n_holes()), (400, 0));
        let cut = tables(400, 100, &[40, 140], &[]);
        let mut entries = Entries::default();
        cut.pcm(1, &mut entries).unwrap();
        assert_eq!((entries.len(), entries.end(), entries.n_holes()), (2, 400, 1));
    }

    #[test]
    fn packets_that_have_no_place_last_as_long_as_their_runs_say() {
        let times = [0, 3, 5, 1024, 4, 512, 1000, 3];
        let table = words(&times);
        let mut one_by_one = Times::new(&table);
        let ticks: Vec<u64> = (0..2000).map(|_| one_by_one.next().into()).collect();
        for (n_read, n_skipped) in [(0, 2000), (0, 5), (3, 4), (5, 1), (7, 1500), (9, 0)] {
            let mut times = Times::new(&table);
            (0..n_read).for_each(|_| _ = times.next());
            let sum: u64 = ticks[n_read..n_read + n_skipped].iter().sum();
            assert_eq!(times.skip(n_skipped as u64), sum, "{n_skipped} from {n_read}");
            assert_eq!(u64::from(times.next()), *ticks.get(n_read + n_skipped).unwrap_or(&3));
        }
    }

    #[test]
    fn a_count_of_packets_that_is_a_lie_is_not_counted_up_to() {
        // One by one, this would take minutes.
        let lie = tables(u32::MAX, 1, &[40], &[0, 1, u32::MAX, 1024]);
        let mut entries = Entries::default();
        let mut clock = Clock::new(44_100, 44_100);
        lie.packets(&mut clock, u64::MAX, &mut entries).unwrap();
        assert_eq!(entries.end(), u64::from(u32::MAX) * 1024);
    }
}
