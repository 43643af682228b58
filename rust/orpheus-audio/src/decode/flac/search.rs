//! Finding frames without decoding those before them.
//!
//! A place counts as a frame when its samples were decoded and its checksum holds: data that only
//! look like a header lead nowhere. What that costs, a frame or two per look, is little against
//! reading through.

use super::frame::FrameDecoder;
use super::{Flac, FrameError};
use crate::error::Result;

/// Stretches at the end of the file that are searched for the last frame, until one has it: large
/// tags may stand behind it.
const TAILS: [u64; 3] = [64 << 10, 1 << 20, 16 << 20];
/// Bytes read at once.
const LOOK_BYTES: usize = 32 << 10;
/// Going forward by less than this is left to decoding.
const NEAR_BYTES: u64 = 48 << 10;
const NEAR_BLOCKS: u64 = 4;
/// Looks by proportion before the interval is halved, which no data can slow down.
const MAX_PROPORTIONAL: u32 = 6;
const MAX_LOOKS: u32 = 80;

/// A sound frame.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    position: u64,
    block_size: u64,
}

impl Flac {
    /// Samples up to the end of the last sound frame.
    pub(super) fn measure_by_last_frame(&mut self) -> Result<Option<u64>> {
        let Some(last) = self.aside(Self::last_frame)? else { return Ok(None) };
        let end = last.position.saturating_add(last.block_size).saturating_sub(self.origin);
        let Some(promised) = self.info.n_samples else { return Ok(Some(end)) };
        if end < promised {
            self.losses.add(promised - end, format!("ends early: {end} of {promised} samples"));
        } else if end > promised {
            self.losses.add(0, super::MORE_THAN_PROMISED);
            // Noted once.
            self.info.n_samples = Some(end);
        }
        Ok(Some(end))
    }

    /// Goes to the last frame that can be found at or before `sample` with little effort.
    pub(super) fn seek_by_bisection(&mut self, sample: u64) -> Result<Option<u64>> {
        let here = self.positions.expected();
        let target = sample.saturating_add(self.origin);
        // Also for a place nearby: decoding up to it would lose count over a frame that is lost.
        if self.ended || target <= here {
            return Ok(None);
        }
        let Some(place) = self.aside(|flac| flac.frame_before(target))? else { return Ok(None) };
        self.pending = None;
        self.md5 = None;
        self.promised_md5 = None;
        self.frames.go_to(place.offset);
        self.positions.go_to(place.position);
        self.decode_up_to(target)?;
        Ok(Some(self.positions.expected().saturating_sub(self.origin)))
    }

    /// Passes over frames that end before `target`, and over what was lost between them; what is lost
    /// right behind them, the next block fills.
    fn decode_up_to(&mut self, target: u64) -> Result<()> {
        loop {
            let found = self.next_frame()?;
            let end = found.frame.map(|(header, _)| {
                self.positions.of(&header).saturating_add(header.block_size as u64)
            });
            match found.frame {
                Some((header, _)) if end <= Some(target) => self.accept(&header, found.trouble),
                _ => break self.pending = Some(found),
            }
        }
        Ok(())
    }

    /// Looks elsewhere in the file, and comes back to where it was.
    fn aside<T>(&mut self, look: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let offset = self.frames.offset();
        let spare = FrameDecoder::new(self.kernel);
        let decoder = std::mem::replace(&mut self.frames.decoder, spare);
        let n_read = std::mem::replace(&mut self.frames.n_read, LOOK_BYTES);
        self.frames.go_to(offset);
        let result = self.settle_numbers().and_then(|()| {
            self.frames.go_to(offset);
            look(self)
        });
        self.frames.decoder = decoder;
        self.frames.n_read = n_read;
        self.frames.go_to(offset);
        result
    }

    /// Finds out what frame numbers count, if that takes a second frame.
    fn settle_numbers(&mut self) -> Result<()> {
        if self.positions.is_settled() {
            return Ok(());
        }
        let mut positions = self.positions.clone();
        positions.go_to(self.origin);
        self.frames.go_to(self.first_at);
        for _ in 0..2 {
            let found = self.frames.next(u64::MAX, &mut None, |header| positions.check(header))?;
            let Some((header, _)) = found.frame else { break };
            positions.accept(&header);
        }
        self.positions.settle_as(&positions);
        Ok(())
    }

    /// The first sound frame that begins in `from..=until`.
    fn frame_from(&mut self, from: u64, until: u64, least: u64) -> Result<Option<Place>> {
        self.frames.go_to(from);
        let found = self.frames.next(until, &mut None, |header| {
            let ahead = self.positions.of(header) >= least;
            if ahead { self.positions.check(header) } else { Err(FrameError::Order) }
        })?;
        Ok(found.frame.map(|(header, offset)| Place {
            offset,
            position: self.positions.of(&header),
            block_size: header.block_size as u64,
        }))
    }

    fn last_frame(&mut self) -> Result<Option<Place>> {
        let (here, least) = (self.frames.offset(), self.positions.expected());
        let end = self.frames.input().len();
        for tail in TAILS {
            let mut at = end.saturating_sub(tail).max(here);
            let mut last: Option<Place> = None;
            loop {
                let least = last.map_or(least, |last| last.position + 1);
                let Some(place) = self.frame_from(at, end, least)? else { break };
                last = Some(place);
                at = self.frames.offset();
            }
            if last.is_some() || end.saturating_sub(tail) <= here {
                return Ok(last);
            }
        }
        Ok(None)
    }

    /// The last sound frame at or before `target` that a few looks find.
    fn frame_before(&mut self, target: u64) -> Result<Option<Place>> {
        let here = self.frames.offset();
        let mut high = match self.info.n_samples {
            Some(n_samples) => (self.frames.input().len(), n_samples.saturating_add(self.origin)),
            None => match self.last_frame()? {
                Some(last) if last.position > target => (last.offset, last.position),
                last => return Ok(last),
            },
        };
        let mut low = (here, self.positions.expected());
        let mut found = None;
        for look in 0..MAX_LOOKS {
            if high.0.saturating_sub(low.0) <= NEAR_BYTES || target <= low.1 {
                break;
            }
            let at = between(low, high, target, look < MAX_PROPORTIONAL);
            match self.frame_from(at, high.0 - 1, low.1)? {
                Some(place) if place.position <= target => {
                    low = (place.offset, place.position);
                    found = Some(place);
                    if target - place.position < NEAR_BLOCKS * place.block_size {
                        break;
                    }
                }
                Some(place) => high = (at, place.position.min(high.1)),
                None => high.0 = at,
            }
        }
        Ok(found)
    }
}

/// Where to look for `target`, inside an interval of offsets and the positions at its ends.
fn between(low: (u64, u64), high: (u64, u64), target: u64, proportional: bool) -> u64 {
    let n_bytes = high.0 - low.0;
    let n_samples = high.1.saturating_sub(low.1).max(1);
    let forward = if proportional {
        let share = (target - low.1) as f64 / n_samples as f64;
        // A frame or so early: the place itself is rarely where a frame begins.
        ((n_bytes as f64 * share) as u64).saturating_sub(NEAR_BYTES / 2)
    } else {
        n_bytes / 2
    };
    low.0 + forward.clamp(1, n_bytes - 1)
}
