//! What a worker and we say to each other: frames of `kind: u32, length: u32` and `length` bytes,
//! little endian. The other side is `orpheus_fast/ffmpeg_worker/wire.py`.

use std::time::Duration;

/// A worker that speaks another version is not used.
pub(super) const VERSION: u32 = 2;

/// `n_bytes: u64`, `cpu_milliseconds: u32` that it may cost, to which a tenth of its length is added, then
/// the demuxer's name: decode this file.
pub(super) const OPEN: u32 = 1;
/// The bytes that a `READ` asked for, fewer at the end.
pub(super) const DATA: u32 = 2;
/// No more of this file is wanted.
pub(super) const STOP: u32 = 3;

const HELLO: u32 = 16;
const READ: u32 = 17;
const HEADER: u32 = 18;
const BLOCK: u32 = 19;
/// In front of the next block, samples are missing.
const LOSS: u32 = 20;
const END: u32 = 21;
const ERROR: u32 = 22;

/// The most that one frame may hold: 16,384 samples of 32 channels of 8 bytes.
pub(super) const MAX_PAYLOAD: usize = 4 << 20;
/// The most that one `READ` may ask for.
pub(super) const MAX_READ: usize = 1 << 20;

/// What a worker says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message<'a> {
    Hello { version: u32, text: String },
    Read { offset: u64, n_bytes: usize },
    Header(Header),
    Block(Pcm<'a>),
    Loss { n_samples: u64, why: String },
    End,
    Error { reason: Reason, text: String },
}

/// Of the track, as its first samples show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) sample_rate: u32,
    pub(super) n_channels: usize,
    pub(super) promised: Option<u64>,
    pub(super) tolerance: u64,
    pub(super) codec: String,
}

/// Why nothing more comes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Damaged,
    Unsupported,
    NotAudio,
    OutOfMemory,
    Fault,
}

/// Samples as the decoder left them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pcm<'a> {
    pub(super) sample_rate: u32,
    pub(super) n_channels: usize,
    pub(super) n_samples: usize,
    /// Processor time that the track has cost the worker so far.
    pub(super) spent: Duration,
    kind: Kind,
    planar: bool,
    bytes: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    U8,
    S16,
    S32,
    F32,
    F64,
    S64,
}

impl Kind {
    fn n_bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::S16 => 2,
            Self::S32 | Self::F32 => 4,
            Self::F64 | Self::S64 => 8,
        }
    }
}

/// Reads one frame; `None` if it is none of the protocol.
pub(super) fn parse(kind: u32, payload: &[u8]) -> Option<Message<'_>> {
    let mut fields = Fields(payload);
    Some(match kind {
        HELLO => Message::Hello { version: fields.u32()?, text: fields.text() },
        READ => Message::Read {
            offset: fields.u64()?,
            n_bytes: usize::try_from(fields.u32()?).ok().filter(|&n| n <= MAX_READ)?,
        },
        HEADER => Message::Header(Header {
            sample_rate: fields.u32()?,
            n_channels: usize::try_from(fields.u32()?).ok()?,
            promised: Some(fields.u64()?).filter(|&n| n != u64::MAX),
            tolerance: u64::from(fields.u32()?),
            codec: fields.text(),
        }),
        BLOCK => Message::Block(samples(fields)?),
        LOSS => Message::Loss { n_samples: fields.u64()?, why: fields.text() },
        END => Message::End,
        ERROR => Message::Error { reason: reason(fields.take(1)?[0])?, text: fields.text() },
        _ => return None,
    })
}

fn reason(code: u8) -> Option<Reason> {
    Some(match code {
        0 => Reason::Damaged,
        1 => Reason::Unsupported,
        2 => Reason::NotAudio,
        3 => Reason::OutOfMemory,
        4 => Reason::Fault,
        _ => return None,
    })
}

fn samples(mut fields: Fields<'_>) -> Option<Pcm<'_>> {
    let format = fields.u16()?;
    let n_channels = usize::from(fields.u16()?);
    let sample_rate = fields.u32()?;
    let n_samples = usize::try_from(fields.u32()?).ok()?;
    let spent = Duration::from_millis(u64::from(fields.u32()?));
    let kind = match format & 0xf {
        0 => Kind::U8,
        1 => Kind::S16,
        2 => Kind::S32,
        3 => Kind::F32,
        4 => Kind::F64,
        5 => Kind::S64,
        _ => return None,
    };
    let n_bytes = n_channels.checked_mul(n_samples)?.checked_mul(kind.n_bytes())?;
    let whole = n_channels > 0 && n_samples > 0 && fields.0.len() == n_bytes;
    let planar = format & 0x10 != 0;
    let bytes = fields.0;
    whole.then_some(Pcm { sample_rate, n_channels, n_samples, spent, kind, planar, bytes })
}

impl Pcm<'_> {
    /// Replaces the contents of `channels`, of which there are as many as here.
    pub(super) fn copy_to(&self, channels: &mut [Vec<f32>]) {
        match self.kind {
            Kind::U8 => self.copy(channels, |[byte]: [u8; 1]| (f32::from(byte) - 128.0) / 128.0),
            Kind::S16 => self.copy(channels, |b| f32::from(i16::from_le_bytes(b)) / 32_768.0),
            Kind::S32 => {
                self.copy(channels, |b| {
                    (f64::from(i32::from_le_bytes(b)) / 2_147_483_648.0) as f32
                });
            }
            Kind::F32 => self.copy(channels, f32::from_le_bytes),
            Kind::F64 => self.copy(channels, |b| f64::from_le_bytes(b) as f32),
            Kind::S64 => {
                let full_scale = 9_223_372_036_854_775_808.0;
                self.copy(channels, |b| (i64::from_le_bytes(b) as f64 / full_scale) as f32);
            }
        }
    }

    fn copy<const N: usize>(&self, channels: &mut [Vec<f32>], value: impl Fn([u8; N]) -> f32) {
        let (values, _) = self.bytes.as_chunks::<N>();
        for (i, channel) in channels.iter_mut().enumerate() {
            channel.clear();
            if self.planar {
                let plane = values.iter().skip(i * self.n_samples).take(self.n_samples);
                channel.extend(plane.map(|&bytes| value(bytes)));
            } else {
                let own = values.iter().skip(i).step_by(self.n_channels);
                channel.extend(own.map(|&bytes| value(bytes)));
            }
        }
    }
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, n_bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n_bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    /// The rest, as one line.
    fn text(&self) -> String {
        let text = String::from_utf8_lossy(self.0);
        text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(format: u16, n_channels: u16, n_samples: u32, bytes: &[u8]) -> Vec<u8> {
        let mut payload = format.to_le_bytes().to_vec();
        payload.extend(n_channels.to_le_bytes());
        payload.extend(44_100_u32.to_le_bytes());
        payload.extend(n_samples.to_le_bytes());
        payload.extend(0_u32.to_le_bytes());
        payload.extend(bytes);
        payload
    }

    fn channels(payload: &[u8]) -> Vec<Vec<f32>> {
        let Some(Message::Block(samples)) = parse(BLOCK, payload) else { panic!("no block") };
        let mut channels = vec![vec![9.0]; samples.n_channels];
        samples.copy_to(&mut channels);
        channels
    }

    #[test]
    fn every_sample_format_comes_to_the_same_scale() {
        let s16: Vec<u8> = [16_384_i16, -32_768].iter().flat_map(|v| v.to_le_bytes()).collect();
        let s32: Vec<u8> = [1_i32 << 30, i32::MIN].iter().flat_map(|v| v.to_le_bytes()).collect();
        let s64: Vec<u8> = [1_i64 << 62, i64::MIN].iter().flat_map(|v| v.to_le_bytes()).collect();
        let f32: Vec<u8> = [0.5_f32, -1.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let f64: Vec<u8> = [0.5_f64, -1.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        for (format, bytes) in [(0, vec![192, 0]), (1, s16), (2, s32), (3, f32), (4, f64), (5, s64)]
        {
            assert_eq!(channels(&block(format, 1, 2, &bytes)), [[0.5, -1.0]], "{format}");
            assert_eq!(channels(&block(format | 0x10, 2, 1, &bytes)), [[0.5], [-1.0]]);
        }
    }

    #[test]
    fn interleaved_and_planar_samples_find_their_channels() {
        let bytes = [128, 192, 0, 64];
        assert_eq!(channels(&block(0, 2, 2, &bytes)), [[0.0, -1.0], [0.5, -0.5]]);
        assert_eq!(channels(&block(0x10, 2, 2, &bytes)), [[0.0, 0.5], [-1.0, -0.5]]);
    }

    #[test]
    fn frames_that_lie_about_their_size_are_refused() {
        assert_eq!(parse(BLOCK, &block(1, 2, 3, &[0; 8])), None);
        assert_eq!(parse(BLOCK, &block(1, u16::MAX, u32::MAX, &[0; 8])), None);
        assert_eq!(parse(BLOCK, &block(1, 0, 0, &[])), None);
        assert_eq!(parse(BLOCK, &block(9, 1, 1, &[0; 4])), None);
        assert_eq!(parse(READ, &[0xff; 12]), None);
        assert_eq!(parse(HEADER, &[1, 2, 3]), None);
        assert_eq!(parse(99, &[]), None);
    }
}
