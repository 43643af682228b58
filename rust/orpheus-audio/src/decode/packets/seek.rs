//! Entering a stream in its middle.

use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_OPUS,
};

use super::Packets;
use crate::error::Result;

/// Less than this is decoded rather than passed over.
const WORTH_IT_SECONDS: u64 = 1;

impl Packets {
    /// How many samples sound, by the container's tables.
    pub(super) fn measured(&mut self) -> Result<Option<u64>> {
        Ok(self.demuxer.measure()?.map(|end| end.saturating_sub(self.timeline.delay)))
    }

    /// Makes the next block start at or before `sample`.
    pub(super) fn go_to(&mut self, sample: u64) -> Result<Option<u64>> {
        let target = sample.saturating_add(self.timeline.delay);
        let warm_up = self.warm_up_samples();
        let from = target.saturating_sub(warm_up);
        let worth_it = WORTH_IT_SECONDS * u64::from(self.info.sample_rate);
        if from < self.timeline.time().saturating_add(worth_it) || !self.is_seekable()? {
            return Ok(None);
        }
        let Some(at) = self.demuxer.seek(from)? else { return Ok(None) };
        self.ahead.clear();
        self.decoder.reset();
        self.ended = false;
        let warm = if at == 0 { 0 } else { at.saturating_add(warm_up) };
        self.timeline.jump(at, warm.max(self.timeline.delay));
        Ok(Some(self.timeline.keep_from - self.timeline.delay))
    }

    /// Samples that a decoder puts out before they are those of a full decode. Vorbis needs a packet,
    /// for which it puts nothing out.
    fn warm_up_samples(&self) -> u64 {
        match self.parameters.codec {
            // The second half of one window.
            CODEC_ID_AAC => 1024,
            // The filter bank's memory of 15 slots, and a frame.
            CODEC_ID_MP1 | CODEC_ID_MP2 => 2304,
            // RFC 7845 §4.6 asks for 80 ms at least; the long-term prediction of speech takes longer to
            // forget: after 160 ms a window was still off by -73 dB.
            CODEC_ID_OPUS => 48_000,
            _ => 0,
        }
    }

    fn is_seekable(&mut self) -> Result<bool> {
        if let Some(known) = self.is_seekable {
            return Ok(known);
        }
        let known = self.demuxer.measure()?.is_some();
        self.is_seekable = Some(known);
        Ok(known)
    }
}
