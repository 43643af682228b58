//! How codecs are put into Ogg: their first packets.

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_FLAC, CODEC_ID_OPUS, CODEC_ID_SPEEX, CODEC_ID_VORBIS,
};

use super::super::bytes::{be_u16, le_u16, le_u32};
use super::super::durations::{Durations, VorbisBlocks};
use super::super::{Slack, Stream, WOBBLE};

/// Pages have numbers and checksums, by which those that are missing are known; granule positions alone
/// are not believed that much, as some writers' run ahead of their packets.
const LOSSY: Slack = Slack { between: WOBBLE, within: 0, rounding: 0 };

/// A logical stream whose headers are being read.
#[derive(Debug)]
pub(super) struct Mapping {
    codec: AudioCodecId,
    first: Vec<u8>,
    /// Header packets behind the first; `None`: as long as they look like headers.
    n_headers: Option<u16>,
    setup: Vec<u8>,
}

impl Mapping {
    /// Knows a codec by the first packet of its stream.
    pub(super) fn detect(first: &[u8]) -> Option<Self> {
        let (codec, n_headers) = if first.starts_with(b"\x01vorbis") && first.len() >= 30 {
            (CODEC_ID_VORBIS, Some(2))
        } else if first.starts_with(b"OpusHead") && first.len() >= 19 {
            (CODEC_ID_OPUS, Some(1))
        } else if first.starts_with(b"\x7fFLAC") && first.len() >= 51 {
            // FLAC in Ogg, xiph.org/flac/ogg_mapping.html: magic, version, count, "fLaC", STREAMINFO.
            (CODEC_ID_FLAC, be_u16(first, 7).filter(|&n| n > 0))
        } else if first.starts_with(b"Speex   ") {
            (CODEC_ID_SPEEX, Some(1))
        } else {
            return None;
        };
        Some(Self { codec, first: first.to_vec(), n_headers, setup: Vec::new() })
    }

    /// Takes a packet if it is one of the headers; `false` if the audio has begun.
    pub(super) fn take_header(&mut self, packet: &[u8]) -> bool {
        match &mut self.n_headers {
            Some(0) => return false,
            Some(n) => *n -= 1,
            None if packet.first() == Some(&0xff) => return false,
            None => {}
        }
        if self.codec == CODEC_ID_VORBIS && packet.starts_with(b"\x05vorbis") {
            self.setup = packet.to_vec();
        }
        true
    }

    pub(super) fn wants_more(&self) -> bool {
        self.n_headers != Some(0)
    }

    /// The stream, and how long its packets are; `None` if a header is missing.
    pub(super) fn finish(self) -> Option<(Stream, Durations)> {
        let first = &self.first;
        Some(match self.codec {
            CODEC_ID_VORBIS => {
                let blocks = VorbisBlocks::new(first, &self.setup)?;
                let rate = le_u32(first, 12)?;
                let extra = [first.as_slice(), &self.setup].concat();
                let mut stream = Stream::new(self.codec, rate, u16::from(first[11]), &extra);
                stream.slack = LOSSY;
                (stream, Durations::Vorbis(blocks))
            }
            CODEC_ID_OPUS => {
                let mut stream = Stream::new(self.codec, 48_000, u16::from(first[9]), first);
                stream.delay = u64::from(le_u16(first, 10)?);
                stream.slack = LOSSY;
                (stream, Durations::Opus)
            }
            CODEC_ID_FLAC => flac(&first[17..51])?,
            codec => (Stream::new(codec, 0, 0, first), Durations::Unknown),
        })
    }
}

/// A stream of FLAC frames whose STREAMINFO (RFC 9639 §8.2) is given.
pub(in super::super) fn flac(stream_info: &[u8]) -> Option<(Stream, Durations)> {
    let packed = super::super::bytes::be_u32(stream_info, 10)?;
    let n_channels = (packed >> 9 & 7) as u16 + 1;
    let info = stream_info.get(..34)?;
    Some((Stream::new(CODEC_ID_FLAC, packed >> 12, n_channels, info), Durations::Flac))
}
