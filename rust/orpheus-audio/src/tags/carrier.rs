//! What kind of file it is, and so which tags it may hold and which of them come first.

use super::ape;
use super::ebml;
use super::flac;
use super::id3v2;
use super::iff;
use super::mp4;
use super::ogg;
use super::parse::{self, Timed};
use super::part::{Findings, Kind};
use super::peek::Peek;
use super::{Tags, values};
use crate::decode::mpeg::header::FrameHeader;
use crate::decode::mpeg::info_tag::InfoTag;
use crate::error::Result;

/// Formats that differ in where they keep tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Wave,
    Aiff,
    Caf,
    Flac,
    Ogg,
    Mp4,
    Matroska,
    WavPack,
    MonkeysAudio,
    Musepack,
    /// MPEG audio, ADTS and whatever else has no magic number.
    Stream,
}

impl Carrier {
    fn by_magic(head: &[u8]) -> Self {
        let form = head.get(8..12).unwrap_or(&[]);
        match head.get(..4).unwrap_or(&[]) {
            b"RIFF" | b"RF64" | b"BW64" if form == b"WAVE" => Self::Wave,
            b"FORM" if form == b"AIFF" || form == b"AIFC" => Self::Aiff,
            b"caff" => Self::Caf,
            b"fLaC" => Self::Flac,
            b"OggS" => Self::Ogg,
            b"wvpk" => Self::WavPack,
            b"MAC " => Self::MonkeysAudio,
            b"MPCK" | [b'M', b'P', b'+', _] => Self::Musepack,
            [0x1a, 0x45, 0xdf, 0xa3] => Self::Matroska,
            _ => match head.get(4..8).unwrap_or(&[]) {
                b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip" => Self::Mp4,
                _ => Self::Stream,
            },
        }
    }

    fn timed(self) -> Option<Timed> {
        match self {
            Self::Wave => Some(Timed::Wave),
            Self::Aiff => Some(Timed::Aiff),
            Self::WavPack => Some(Timed::WavPack),
            Self::MonkeysAudio => Some(Timed::MonkeysAudio),
            Self::Musepack => Some(Timed::Musepack),
            _ => None,
        }
    }

    /// Where the tags of a kind stand among those of this format: lower is believed sooner.
    fn rank(self, kind: Kind) -> usize {
        let by_apes = matches!(self, Self::WavPack | Self::MonkeysAudio | Self::Musepack);
        match kind {
            Kind::Vorbis | Kind::Ilst | Kind::Matroska | Kind::CafInfo => 0,
            Kind::Ape if by_apes => 1,
            Kind::Id3v2 => 2,
            Kind::Ape => 3,
            Kind::RiffInfo | Kind::AiffText => 4,
            Kind::Id3v1 => 5,
        }
    }
}

/// Reads all tags of a file.
pub(super) fn read(mut peek: Peek) -> Result<Tags> {
    let peek = &mut peek;
    let mut findings = Findings::default();
    let start = id3v2::read_front(peek, 0, &mut findings)?;
    let start = if start < peek.len() { start } else { 0 };
    let carrier = Carrier::by_magic(&peek.bytes(start, 12)?);
    let outcome = read_carrier(peek, carrier, start, &mut findings);
    if let Err(error) = outcome {
        let kind = findings.parts.last().map_or(Kind::Id3v2, |part| part.kind);
        findings.spare(kind, Err(error))?;
    }
    findings.parts.sort_by_key(|part| carrier.rank(part.kind));
    Ok(values::tags(findings))
}

fn read_carrier(
    peek: &mut Peek,
    carrier: Carrier,
    start: u64,
    findings: &mut Findings,
) -> Result<()> {
    let mut timed = carrier.timed();
    match carrier {
        Carrier::Wave => iff::read_wave(peek, start, findings)?,
        Carrier::Aiff => iff::read_aiff(peek, start, findings)?,
        Carrier::Caf => iff::read_caf(peek, findings)?,
        Carrier::Mp4 => mp4::read(peek, findings)?,
        Carrier::Matroska => ebml::read(peek, start, findings)?,
        Carrier::Ogg => {
            timed = match ogg::read(peek, start, findings)? {
                Some(ogg::Codec::Vorbis) => Some(Timed::Vorbis),
                Some(ogg::Codec::Opus) => Some(Timed::Opus),
                Some(ogg::Codec::Speex) => Some(Timed::Speex),
                Some(ogg::Codec::Flac) | None => None,
            };
        }
        Carrier::Flac => {
            flac::read(peek, start, findings)?;
            ape::read_end(peek, findings)?;
        }
        Carrier::WavPack | Carrier::MonkeysAudio | Carrier::Musepack | Carrier::Stream => {
            ape::read_front(peek, start, findings)?;
            ape::read_end(peek, findings)?;
            if carrier == Carrier::Stream {
                findings.stated_seconds = mpeg_seconds(peek, start)?;
            }
        }
    }
    if let Some(format) = timed {
        findings.stated_seconds = parse::stated_seconds(peek, format);
    }
    Ok(())
}

/// What a Xing or VBRI frame states. Without one, MPEG audio states no length.
fn mpeg_seconds(peek: &mut Peek, start: u64) -> Result<Option<f64>> {
    let Some(head) = peek.array::<4>(start)? else { return Ok(None) };
    let Some(header) = FrameHeader::parse(&head) else { return Ok(None) };
    let frame = peek.bytes(start, header.n_bytes)?;
    if frame.len() < header.n_bytes {
        return Ok(None);
    }
    let n_samples = InfoTag::parse(&frame, &header).and_then(|tag| tag.n_samples(&header));
    Ok(n_samples.map(|n| n as f64 / f64::from(header.sample_rate)))
}
