//! A track's entry: its codec and what is done to its blocks (RFC 9559 §5.1.4).

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_OPUS, CODEC_ID_PCM_F32LE, CODEC_ID_PCM_F64LE,
    CODEC_ID_PCM_S16BE, CODEC_ID_PCM_S16LE, CODEC_ID_PCM_S24BE, CODEC_ID_PCM_S24LE,
    CODEC_ID_PCM_S32BE, CODEC_ID_PCM_S32LE, CODEC_ID_PCM_U8, CODEC_ID_VORBIS,
};

use super::super::bytes::le_u32;
use super::super::durations::{Durations, VorbisBlocks};
use super::super::mp4::sample_entry::alac_stream;
use super::super::ogg::mapping::flac;
use super::super::{Stream, aac_stream, unsupported};
use super::ebml::{children, float, unsigned};
use crate::error::{Error, Result};

const AUDIO: u64 = 2;

/// What a track entry says.
#[derive(Debug, Default)]
pub(super) struct TrackEntry {
    pub(super) number: u64,
    kind: u64,
    codec: String,
    private: Vec<u8>,
    codec_delay_ns: u64,
    sample_rate: f64,
    n_channels: u64,
    n_bits: u64,
    /// Bytes that were taken off the front of every frame.
    pub(super) prefix: Vec<u8>,
    refusal: Option<&'static str>,
}

impl TrackEntry {
    pub(super) fn parse(body: &[u8]) -> Self {
        let mut track = Self { n_channels: 1, sample_rate: 8000.0, ..Self::default() };
        for (id, contents) in children(body) {
            match id {
                0xd7 => track.number = unsigned(contents),
                0x83 => track.kind = unsigned(contents),
                0x86 => {
                    let name = String::from_utf8_lossy(contents);
                    name.trim_end_matches('\0').clone_into(&mut track.codec);
                }
                0x63a2 => track.private = contents.to_vec(),
                0x56aa => track.codec_delay_ns = unsigned(contents),
                0xe1 => track.read_audio(contents),
                0x6d80 => {
                    for (_, encoding) in children(contents) {
                        track.read_encoding(encoding);
                    }
                }
                _ => {}
            }
        }
        track
    }

    pub(super) fn is_audio(&self) -> bool {
        self.kind == AUDIO
    }

    fn read_audio(&mut self, body: &[u8]) {
        for (id, contents) in children(body) {
            match id {
                0xb5 => self.sample_rate = float(contents),
                0x9f => self.n_channels = unsigned(contents),
                0x6264 => self.n_bits = unsigned(contents),
                _ => {}
            }
        }
    }

    fn read_encoding(&mut self, body: &[u8]) {
        const HEADER_STRIPPING: u64 = 3;
        for (id, contents) in children(body) {
            match id {
                0x5034 => {
                    let (mut algorithm, mut settings) = (0, Vec::new());
                    for (id, contents) in children(contents) {
                        match id {
                            0x4254 => algorithm = unsigned(contents),
                            0x4255 => settings = contents.to_vec(),
                            _ => {}
                        }
                    }
                    if algorithm == HEADER_STRIPPING {
                        self.prefix = settings;
                    } else {
                        self.refusal = Some("feature (compressed blocks)");
                    }
                }
                0x5035 => self.refusal = Some("feature (encrypted audio)"),
                _ => {}
            }
        }
    }

    /// The stream, and how long its packets are.
    pub(super) fn stream(&self) -> Result<(Stream, Durations)> {
        if let Some(what) = self.refusal {
            return Err(unsupported(what));
        }
        let (mut stream, durations) = self.codec()?;
        let rate = u64::from(stream.parameters.sample_rate.unwrap_or(0));
        stream.delay = nanoseconds_to_samples(self.codec_delay_ns, rate);
        Ok((stream, durations))
    }

    fn codec(&self) -> Result<(Stream, Durations)> {
        let private = &self.private;
        let bad = || Error::damaged("the codec's private data cannot be read");
        match self.codec.as_str() {
            "A_VORBIS" => vorbis(private).ok_or_else(bad),
            "A_OPUS" => Ok((self.opus(), Durations::Opus)),
            "A_FLAC" if private.starts_with(b"fLaC") => {
                private.get(8..).and_then(flac).ok_or_else(bad)
            }
            "A_FLAC" => flac(private).ok_or_else(bad),
            "A_ALAC" => alac_stream(private).ok_or_else(bad),
            "A_MPEG/L1" => Ok((self.plain(CODEC_ID_MP1, 0), Durations::Constant(384))),
            "A_MPEG/L2" => Ok((self.plain(CODEC_ID_MP2, 0), Durations::Constant(1152))),
            "A_MPEG/L3" => Err(unsupported("codec MP3 in Matroska")),
            codec if codec.starts_with("A_AAC") => self.aac(),
            codec if codec.starts_with("A_PCM/") => self.pcm(),
            codec => Err(unsupported(format!("codec {codec}"))),
        }
    }

    fn plain(&self, codec: AudioCodecId, rate: u32) -> Stream {
        let rate = if rate == 0 { self.sample_rate as u32 } else { rate };
        let n_channels = u16::try_from(self.n_channels).unwrap_or(u16::MAX);
        Stream::new(codec, rate, n_channels, &self.private)
    }

    /// The codec's own header (RFC 7845 §5.1) knows the channels better than the container.
    fn opus(&self) -> Stream {
        let n_channels = self.private.get(9).map_or(self.n_channels, |&n| u64::from(n));
        let n_channels = u16::try_from(n_channels).unwrap_or(u16::MAX);
        Stream::new(CODEC_ID_OPUS, 48_000, n_channels, &self.private)
    }

    fn aac(&self) -> Result<(Stream, Durations)> {
        // The names of old: generation and profile.
        let profile = self.codec.rsplit('/').next().unwrap_or("");
        match (profile, self.private.is_empty()) {
            ("SBR", _) => return Err(unsupported("codec HE-AAC")),
            // What has an AudioSpecificConfig is what that says.
            ("A_AAC" | "LC", _) | (_, false) => {}
            (_, true) => return Err(unsupported(format!("codec {}", self.codec))),
        }
        let n_channels = u16::try_from(self.n_channels).unwrap_or(u16::MAX);
        aac_stream(&self.private, self.sample_rate as u32, n_channels)
    }

    fn pcm(&self) -> Result<(Stream, Durations)> {
        let codec = match (self.codec.as_str(), self.n_bits) {
            ("A_PCM/INT/LIT" | "A_PCM/INT/BIG", 8) => CODEC_ID_PCM_U8,
            ("A_PCM/INT/LIT", 16) => CODEC_ID_PCM_S16LE,
            ("A_PCM/INT/LIT", 24) => CODEC_ID_PCM_S24LE,
            ("A_PCM/INT/LIT", 32) => CODEC_ID_PCM_S32LE,
            ("A_PCM/INT/BIG", 16) => CODEC_ID_PCM_S16BE,
            ("A_PCM/INT/BIG", 24) => CODEC_ID_PCM_S24BE,
            ("A_PCM/INT/BIG", 32) => CODEC_ID_PCM_S32BE,
            ("A_PCM/FLOAT/IEEE", 32) => CODEC_ID_PCM_F32LE,
            ("A_PCM/FLOAT/IEEE", 64) => CODEC_ID_PCM_F64LE,
            (codec, bits) => return Err(unsupported(format!("codec {codec} of {bits} bits"))),
        };
        let n_block = self.n_bits / 8 * self.n_channels.min(256);
        Ok((self.plain(codec, 0), Durations::Pcm(n_block)))
    }
}

/// Times of blocks are in nanoseconds.
pub(super) fn nanoseconds_to_samples(nanoseconds: u64, sample_rate: u64) -> u64 {
    const SECOND: u128 = 1_000_000_000;
    let samples = u128::from(nanoseconds) * u128::from(sample_rate);
    ((samples + SECOND / 2) / SECOND) as u64
}

/// Three headers in Xiph's lacing: count less one, two sizes, and the headers.
fn vorbis(private: &[u8]) -> Option<(Stream, Durations)> {
    let (&2, mut rest) = private.split_first()? else { return None };
    let mut size = || {
        let mut n_bytes = 0_usize;
        loop {
            let (&byte, behind) = rest.split_first()?;
            rest = behind;
            n_bytes += usize::from(byte);
            if byte < 255 {
                return Some(n_bytes);
            }
        }
    };
    let (n_identification, n_comment) = (size()?, size()?);
    let identification = rest.get(..n_identification)?;
    let setup = rest.get(n_identification.checked_add(n_comment)?..)?;
    let blocks = VorbisBlocks::new(identification, setup)?;
    let extra = [identification, setup].concat();
    let n_channels = u16::from(*identification.get(11)?);
    let stream = Stream::new(CODEC_ID_VORBIS, le_u32(identification, 12)?, n_channels, &extra);
    Some((stream, Durations::Vorbis(blocks)))
}
