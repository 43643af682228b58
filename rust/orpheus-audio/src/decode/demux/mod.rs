//! Containers of coded packets: bytes → packets that know when they sound.
//!
//! Time is counted in samples per channel from the first sample that the decoder puts out, encoder
//! delay included; [`Stream::delay`] says how much of it does not sound.

pub(super) mod adts;
pub(super) mod bits;
mod bytes;
pub(super) mod caf;
mod durations;
pub(super) mod matroska;
pub(super) mod mp4;
pub(super) mod ogg;
mod table;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters};

use self::durations::Durations;
use super::Losses;
use super::aac::Config;
use crate::error::{CONVERT, Error, Result};

/// More bytes than any packet of audio has: 32 channels of 64-bit PCM for a second at 48 kHz are 12 MB.
const MOST_PACKET_BYTES: u64 = 16 << 20;

/// One elementary stream of coded audio.
#[derive(Debug, Clone, Default)]
pub(super) struct Stream {
    pub(super) parameters: AudioCodecParameters,
    /// Decoded samples in front of the first that sounds: priming, encoder delay, pre-skip.
    pub(super) delay: u64,
    /// How many samples sound, where the container states it.
    pub(super) n_samples: Option<u64>,
    pub(super) slack: Slack,
}

/// How far what a container says of times may be off, in samples, before something is missing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slack {
    /// Between the time of a packet and the end of those before it.
    pub(super) between: u64,
    /// Between the durations of packets and what they decode to, all packets together.
    pub(super) within: u64,
    /// Of this, what rounding explains.
    pub(super) rounding: u64,
}

/// Clocks of lossy streams wobble: libavformat, for one, writes the times of packets transcoded from
/// Vorbis up to two long blocks too early or too late. What is missing beyond that is missing.
const WOBBLE: u64 = 4096;

impl Stream {
    fn new(codec: AudioCodecId, sample_rate: u32, n_channels: u16, extra_data: &[u8]) -> Self {
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(codec);
        if sample_rate > 0 {
            parameters.with_sample_rate(sample_rate);
        }
        if n_channels > 0 {
            parameters.with_channels(Channels::Discrete(n_channels));
        }
        if !extra_data.is_empty() {
            parameters.with_extra_data(extra_data.into());
        }
        Self { parameters, ..Self::default() }
    }
}

/// An AAC stream by its `AudioSpecificConfig`, or by what else is known where there is none.
fn aac_stream(config: &[u8], sample_rate: u32, n_channels: u16) -> Result<(Stream, Durations)> {
    if config.is_empty() {
        let stream = Stream::new(CODEC_ID_AAC, sample_rate, n_channels, &[]);
        return Ok((stream, Durations::Constant(1024)));
    }
    let Config { sample_rate, layout, frame_length } = Config::parse(config)?;
    let n_channels = layout.map_or(n_channels, |layout| layout.n_channels as u16);
    let stream = Stream::new(CODEC_ID_AAC, sample_rate, n_channels, config);
    Ok((stream, Durations::Constant(frame_length as u64)))
}

/// One coded packet.
#[derive(Debug, Default)]
pub(super) struct Packet {
    pub(super) data: Vec<u8>,
    /// When its first decoded sample is due; `None`: right behind the packet before it.
    pub(super) at: Option<u64>,
    /// How many samples it decodes to; 0 if the container does not say.
    pub(super) n_samples: u64,
    /// Nothing sounds from here on.
    pub(super) end: Option<u64>,
    /// None follows: it may hold more than sounds, and the container count what sounds only.
    pub(super) is_last: bool,
    /// Bytes in front of it are missing or damaged: the decoder knows nothing of what came before.
    pub(super) after_hole: bool,
    /// It starts another stream, chained to the one before.
    pub(super) stream: Option<Box<Stream>>,
}

impl Packet {
    fn clear(&mut self) {
        self.data.clear();
        self.at = None;
        self.n_samples = 0;
        self.end = None;
        self.is_last = false;
        self.after_hole = false;
        self.stream = None;
    }
}

/// Reads the packets of one track.
pub(super) trait Demuxer: Send {
    /// The track, as its headers describe it.
    fn stream(&self) -> &Stream;

    /// Replaces `packet`; `false` at the end. Notes what it finds missing.
    ///
    /// # Errors
    ///
    /// The input's. Damage is no error.
    fn next_packet(&mut self, packet: &mut Packet, losses: &mut Losses) -> Result<bool>;

    /// When the stream ends, found without decoding; `None` if it cannot be told exactly.
    ///
    /// # Errors
    ///
    /// The input's.
    fn measure(&mut self) -> Result<Option<u64>>;

    /// Goes to a packet at or before `time`, backwards too, and says when that one is due. `None`: it
    /// cannot be told exactly; nothing has changed then.
    ///
    /// # Errors
    ///
    /// The input's.
    fn seek(&mut self, time: u64) -> Result<Option<u64>>;
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::Unsupported { what: what.into(), advice: CONVERT }
}

/// Takes a track although another was refused before it, if that one is of no use to anybody.
///
/// # Errors
///
/// The refusal, where another decoder can read that track.
fn stand_in<T>(track: T, refusal: Option<Error>, losses: &mut Losses) -> Result<T> {
    match refusal {
        None => Ok(track),
        Some(error @ Error::Unsupported { .. }) => Err(error),
        Some(error) => {
            losses
                .add(0, format!("the first audio track cannot be read ({error}): this is another"));
            Ok(track)
        }
    }
}

fn no_audio() -> Error {
    Error::NotAudio("the container holds no audio track".to_owned())
}
