//! Entering a stream in its middle.

use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_OPUS,
};

use super::Packets;
use crate::decode::Losses;
use crate::decode::demux::Packet;
use crate::error::Result;

/// Less than this is decoded rather than passed over.
const WORTH_IT_SECONDS: u64 = 1;
/// The first configuration of an Opus packet that is transform coding alone (RFC 6716 §3.1).
const FIRST_WITHOUT_SPEECH: u8 = 16;

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
        if at > 0 && !self.can_be_entered_here()? && self.return_to(self.timeline.time())? {
            self.is_seekable = Some(false);
            return Ok(None);
        }
        self.decoder.reset();
        // Where there is one, what it would spoil is within the samples to warm up.
        self.lacks_last = false;
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
            // RFC 7845 §4.6 asks for 80 ms at least.
            CODEC_ID_OPUS => 48_000,
            _ => 0,
        }
    }

    /// Whether a decoder that starts with the next packet comes to the samples of a full decode.
    ///
    /// Opus's speech layer does not: it feeds its rounded output back, and what differs once may differ
    /// for minutes, by -46 dB of the sound, in the reference decoder as here. Behind a packet without
    /// that layer it starts anew.
    fn can_be_entered_here(&mut self) -> Result<bool> {
        if self.parameters.codec != CODEC_ID_OPUS {
            return Ok(true);
        }
        let mut packet = Packet::default();
        if !self.demuxer.next_packet(&mut packet, &mut self.losses)? {
            return Ok(true);
        }
        let has_speech = packet.data.first().is_some_and(|toc| toc >> 3 < FIRST_WITHOUT_SPEECH);
        self.ahead.push_back(packet);
        Ok(!has_speech)
    }

    /// Makes the packet due at `time`, or the first behind it, the next one again; `false` if there is
    /// no way back.
    fn return_to(&mut self, time: u64) -> Result<bool> {
        let Some(mut at) = self.demuxer.seek(time)? else { return Ok(false) };
        self.ahead.clear();
        loop {
            let mut packet = Packet::default();
            // What is missing here was noted the first time.
            if !self.demuxer.next_packet(&mut packet, &mut Losses::default())? {
                return Ok(true);
            }
            at = packet.at.unwrap_or(at);
            if at >= time {
                self.ahead.push_back(packet);
                return Ok(true);
            }
            at = at.saturating_add(packet.n_samples);
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
