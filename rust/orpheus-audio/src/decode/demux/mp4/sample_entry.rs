//! What codec a track has: the sample description (ISO/IEC 14496-12 §8.5.2, §12.2.3).

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_ALAC, CODEC_ID_OPUS, CODEC_ID_PCM_ALAW, CODEC_ID_PCM_F32BE, CODEC_ID_PCM_F32LE,
    CODEC_ID_PCM_F64BE, CODEC_ID_PCM_F64LE, CODEC_ID_PCM_MULAW, CODEC_ID_PCM_S8,
    CODEC_ID_PCM_S16BE, CODEC_ID_PCM_S16LE, CODEC_ID_PCM_S24BE, CODEC_ID_PCM_S24LE,
    CODEC_ID_PCM_S32BE, CODEC_ID_PCM_S32LE, CODEC_ID_PCM_U8,
};

use super::super::bytes::{Bytes, be_u16, be_u32, be_u64};
use super::super::durations::Durations;
use super::super::ogg::mapping::flac;
use super::super::{Stream, aac_stream, unsupported};
use super::boxes::{Atom, boxes};
use crate::error::{Error, Result};

/// The codec's part of a track's description.
#[derive(Debug)]
pub(super) struct SampleEntry {
    pub(super) stream: Stream,
    pub(super) durations: Durations,
}

struct Header {
    n_channels: u16,
    sample_rate: u32,
    n_bits: u16,
    /// Of `lpcm`, which only version 2 has: bits per sample, what they are, bytes of all channels.
    linear: Option<[u32; 3]>,
    children: Vec<Atom>,
}

/// Reads the first entry of a sample description box.
pub(super) fn read(bytes: &mut Bytes, stsd: &Atom) -> Result<SampleEntry> {
    let (entries, _) = boxes(bytes, stsd.body.saturating_add(8), stsd.end)?;
    let entry = *entries.first().ok_or_else(|| Error::damaged("no sample description"))?;
    let header = read_header(bytes, &entry)?;
    let Header { n_channels, sample_rate, n_bits, .. } = header;
    let pcm = |codec| Ok(pcm_entry(codec, sample_rate, n_channels));
    match &entry.kind {
        b"mp4a" => aac(bytes, &header),
        b"alac" => alac(bytes, &header),
        b"fLaC" => flac_entry(bytes, &header),
        b"Opus" => opus(bytes, &header),
        b"sowt" if n_bits == 16 => pcm(CODEC_ID_PCM_S16LE),
        b"twos" if n_bits == 16 => pcm(CODEC_ID_PCM_S16BE),
        b"sowt" | b"twos" if n_bits == 8 => pcm(CODEC_ID_PCM_S8),
        b"raw " if n_bits == 8 => pcm(CODEC_ID_PCM_U8),
        b"in24" | b"in32" | b"fl32" | b"fl64" => pcm(quicktime(bytes, &header, entry.kind)?),
        b"lpcm" => pcm(linear(&header)?),
        b"alaw" => pcm(CODEC_ID_PCM_ALAW),
        b"ulaw" => pcm(CODEC_ID_PCM_MULAW),
        b"enca" | b"drms" => Err(unsupported("feature (encrypted audio)")),
        b"ac-3" | b"ec-3" => Err(unsupported("codec AC-3")),
        b".mp3" => Err(unsupported("codec MP3 in MP4")),
        kind => Err(unsupported(format!("codec {:?}", String::from_utf8_lossy(kind)))),
    }
}

/// Numbers of `QuickTime` that are named by their bits alone.
fn quicktime(bytes: &mut Bytes, header: &Header, kind: [u8; 4]) -> Result<AudioCodecId> {
    Ok(match (&kind, is_little_endian(bytes, header)?) {
        (b"in24", false) => CODEC_ID_PCM_S24BE,
        (b"in24", true) => CODEC_ID_PCM_S24LE,
        (b"in32", false) => CODEC_ID_PCM_S32BE,
        (b"in32", true) => CODEC_ID_PCM_S32LE,
        (b"fl32", false) => CODEC_ID_PCM_F32BE,
        (b"fl32", true) => CODEC_ID_PCM_F32LE,
        (_, false) => CODEC_ID_PCM_F64BE,
        (_, true) => CODEC_ID_PCM_F64LE,
    })
}

/// What `QuickTime`'s `enda` box says of the numbers that are big-endian without it.
fn is_little_endian(bytes: &mut Bytes, header: &Header) -> Result<bool> {
    let enda = child(bytes, header, b"enda")?;
    Ok(enda.and_then(|enda| be_u16(&enda, 0)).is_some_and(|flag| flag & 0xff == 1))
}

/// Bits and flags of `lpcm` (`QuickTime` File Format, sound sample description version 2).
fn linear(header: &Header) -> Result<AudioCodecId> {
    const FLOAT: u32 = 1;
    const BIG_ENDIAN: u32 = 2;
    const SIGNED: u32 = 4;
    let missing = || Error::damaged("lpcm without its flags");
    let [n_bits, flags, n_block] = header.linear.ok_or_else(missing)?;
    if u64::from(n_block) != u64::from(n_bits / 8) * u64::from(header.n_channels) {
        return Err(unsupported(format!("codec lpcm of {n_bits} bits in {n_block} bytes")));
    }
    let has = |flag: u32| flags & flag != 0;
    Ok(match (n_bits, has(FLOAT), has(SIGNED), has(BIG_ENDIAN)) {
        (8, false, true, _) => CODEC_ID_PCM_S8,
        (8, false, false, _) => CODEC_ID_PCM_U8,
        (16, false, true, true) => CODEC_ID_PCM_S16BE,
        (16, false, true, false) => CODEC_ID_PCM_S16LE,
        (24, false, true, true) => CODEC_ID_PCM_S24BE,
        (24, false, true, false) => CODEC_ID_PCM_S24LE,
        (32, false, true, true) => CODEC_ID_PCM_S32BE,
        (32, false, true, false) => CODEC_ID_PCM_S32LE,
        (32, true, _, true) => CODEC_ID_PCM_F32BE,
        (32, true, _, false) => CODEC_ID_PCM_F32LE,
        (64, true, _, true) => CODEC_ID_PCM_F64BE,
        (64, true, _, false) => CODEC_ID_PCM_F64LE,
        _ => return Err(unsupported(format!("codec lpcm of {n_bits} bits, flags {flags:#x}"))),
    })
}

fn pcm_entry(codec: AudioCodecId, sample_rate: u32, n_channels: u16) -> SampleEntry {
    let n_bytes = match codec {
        CODEC_ID_PCM_S8 | CODEC_ID_PCM_U8 | CODEC_ID_PCM_ALAW | CODEC_ID_PCM_MULAW => 1,
        CODEC_ID_PCM_S16BE | CODEC_ID_PCM_S16LE => 2,
        CODEC_ID_PCM_S24BE | CODEC_ID_PCM_S24LE => 3,
        CODEC_ID_PCM_F64BE | CODEC_ID_PCM_F64LE => 8,
        _ => 4,
    };
    SampleEntry {
        stream: Stream::new(codec, sample_rate, n_channels, &[]),
        durations: Durations::Pcm(n_bytes * u64::from(n_channels)),
    }
}

fn read_header(bytes: &mut Bytes, entry: &Atom) -> Result<Header> {
    let body = bytes.get(entry.body, 72)?;
    let cut = || Error::damaged("the sample description is cut short");
    let version = be_u16(body, 8).ok_or_else(cut)?;
    let mut header = Header {
        n_channels: be_u16(body, 16).ok_or_else(cut)?,
        n_bits: be_u16(body, 18).ok_or_else(cut)?,
        sample_rate: be_u32(body, 24).ok_or_else(cut)? >> 16,
        linear: None,
        children: Vec::new(),
    };
    // QuickTime's longer forms.
    let n_bytes = match version {
        0 => 28,
        1 => 44,
        _ => {
            let rate = f64::from_bits(be_u64(body, 32).ok_or_else(cut)?);
            header.sample_rate = rate as u32;
            header.n_channels = be_u32(body, 40).ok_or_else(cut)?.min(u32::from(u16::MAX)) as u16;
            let form = [48, 52, 56].map(|at| be_u32(body, at));
            if let [Some(n_bits), Some(flags), Some(n_block)] = form {
                header.linear = Some([n_bits, flags, n_block]);
            }
            64
        }
    };
    header.children = boxes(bytes, entry.body + n_bytes, entry.end)?.0;
    Ok(header)
}

/// The contents of the box of `kind`, also inside `QuickTime`'s `wave`.
fn child(bytes: &mut Bytes, header: &Header, kind: &[u8]) -> Result<Option<Vec<u8>>> {
    for atom in &header.children {
        if atom.kind == kind {
            return Ok(Some(atom.read(bytes)?));
        }
        if atom.kind == *b"wave"
            && let Some(inner) = atom.child(bytes, kind)?
        {
            return Ok(Some(inner.read(bytes)?));
        }
    }
    Ok(None)
}

fn aac(bytes: &mut Bytes, header: &Header) -> Result<SampleEntry> {
    let esds = child(bytes, header, b"esds")?.ok_or_else(|| Error::damaged("no esds box"))?;
    let (object_type, config) = descriptor(esds.get(4..).unwrap_or(&[]))
        .ok_or_else(|| Error::damaged("the esds box cannot be read"))?;
    match object_type {
        // MPEG-4 audio, and the profiles of MPEG-2 AAC.
        0x40 | 0x66..=0x68 => {}
        0x69 | 0x6b => return Err(unsupported("codec MP3 in MP4")),
        other => return Err(unsupported(format!("codec (MPEG-4 object type {other:#x})"))),
    }
    if config.is_empty() {
        return Err(Error::damaged("the esds box does not describe its AAC"));
    }
    let (stream, durations) = aac_stream(config, header.sample_rate, header.n_channels)?;
    Ok(SampleEntry { stream, durations })
}

/// Object type indication and decoder-specific information of an `ES_Descriptor`
/// (ISO/IEC 14496-1 §7.2.6.5); codecs that need none have none.
pub(in super::super) fn descriptor(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (tag, body, rest) = tagged(bytes)?;
    if tag == 5 {
        return Some((0x40, body));
    }
    if tag != 3 {
        return descriptor(rest);
    }
    let flags = *body.get(2)?;
    let mut at = 3;
    at += if flags & 0x80 != 0 { 2 } else { 0 };
    if flags & 0x40 != 0 {
        at += 1 + usize::from(*body.get(at)?);
    }
    at += if flags & 0x20 != 0 { 2 } else { 0 };
    let (tag, config, _) = tagged(body.get(at..)?)?;
    let object_type = *config.first().filter(|_| tag == 4)?;
    let specific = config.get(13..).and_then(tagged).filter(|(tag, ..)| *tag == 5);
    Some((object_type, specific.map_or(&[], |(_, specific, _)| specific)))
}

/// Tag, contents and what is behind; lengths come in groups of seven bits.
fn tagged(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let tag = *bytes.first()?;
    let mut n_bytes = 0;
    for (n, &byte) in bytes.get(1..)?.iter().take(4).enumerate() {
        n_bytes = n_bytes << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            let body = bytes.get(n + 2..)?;
            let n_bytes = n_bytes.min(body.len());
            return Some((tag, &body[..n_bytes], &body[n_bytes..]));
        }
    }
    None
}

fn alac(bytes: &mut Bytes, header: &Header) -> Result<SampleEntry> {
    let config = child(bytes, header, b"alac")?.ok_or_else(|| Error::damaged("no alac box"))?;
    alac_stream(config.get(4..).unwrap_or(&[]))
        .ok_or_else(|| Error::damaged("the alac box cannot be read"))
        .map(|(stream, durations)| SampleEntry { stream, durations })
}

/// An ALAC stream by its magic cookie.
pub(in super::super) fn alac_stream(cookie: &[u8]) -> Option<(Stream, Durations)> {
    const COOKIE_BYTES: usize = 24;
    // What may be behind it is a channel layout that says no more than their count does.
    let cookie = cookie.get(..COOKIE_BYTES)?;
    let frame_length = be_u32(cookie, 0)?;
    let n_channels = u16::from(*cookie.get(9)?);
    let stream = Stream::new(CODEC_ID_ALAC, be_u32(cookie, 20)?, n_channels, cookie);
    Some((stream, Durations::Alac { frame_length: u64::from(frame_length) }))
}

/// FLAC in ISO base media files: version, flags, then metadata blocks, STREAMINFO first.
fn flac_entry(bytes: &mut Bytes, header: &Header) -> Result<SampleEntry> {
    let blocks = child(bytes, header, b"dfLa")?.ok_or_else(|| Error::damaged("no dfLa box"))?;
    blocks
        .get(8..)
        .and_then(flac)
        .ok_or_else(|| Error::damaged("FLAC without a STREAMINFO block"))
        .map(|(stream, durations)| SampleEntry { stream, durations })
}

/// `dOps` is an `OpusHead` with the other byte order (Encapsulation of Opus in ISO base media §4.3.2).
fn opus(bytes: &mut Bytes, header: &Header) -> Result<SampleEntry> {
    let ops = child(bytes, header, b"dOps")?.ok_or_else(|| Error::damaged("no dOps box"))?;
    let [_, n_channels, a, b, c, d, e, f, g, h, rest @ ..] = ops.as_slice() else {
        return Err(Error::damaged("the dOps box cannot be read"));
    };
    let mut head = b"OpusHead\x01".to_vec();
    head.extend([*n_channels, *b, *a, *f, *e, *d, *c, *h, *g]);
    head.extend(rest);
    let stream = Stream::new(CODEC_ID_OPUS, 48_000, u16::from(*n_channels), &head);
    Ok(SampleEntry { stream, durations: Durations::Opus })
}
