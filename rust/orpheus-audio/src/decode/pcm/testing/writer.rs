//! Writers of every container, after the formats' descriptions; they share no code with the readers.

/// How a number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    U8,
    S8,
    S16,
    S24,
    S32,
    F32,
    F64,
}

pub(super) const KINDS: [Kind; 7] =
    [Kind::U8, Kind::S8, Kind::S16, Kind::S24, Kind::S32, Kind::F32, Kind::F64];

impl Kind {
    pub(super) fn n_bytes(self) -> usize {
        match self {
            Self::U8 | Self::S8 => 1,
            Self::S16 => 2,
            Self::S24 => 3,
            Self::S32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// `value`, of which a kind of fewer bits keeps the upper ones, most significant byte first; and
    /// what a decoder must make of it.
    fn encode(self, value: i32) -> (Vec<u8>, f32) {
        let full_scale = f64::from(value) / 2_f64.powi(31);
        match self {
            Self::F32 => ((full_scale as f32).to_be_bytes().to_vec(), full_scale as f32),
            // Not a power of two, so that nearest and truncated values differ.
            Self::F64 => ((full_scale / 3.0).to_be_bytes().to_vec(), (full_scale / 3.0) as f32),
            _ => {
                let n_bits = 8 * self.n_bytes();
                let kept = value >> (32 - n_bits);
                let mut bytes = value.to_be_bytes()[..self.n_bytes()].to_vec();
                if self == Self::U8 {
                    bytes[0] ^= 0x80;
                }
                (bytes, (f64::from(kept) / 2_f64.powi(n_bits as i32 - 1)) as f32)
            }
        }
    }
}

/// Interleaved numbers, and the planes that a decoder must make of them.
pub(super) fn encode(
    kind: Kind,
    big: bool,
    n_channels: usize,
    values: &[i32],
) -> (Vec<u8>, Vec<Vec<f32>>) {
    let mut bytes = Vec::new();
    let mut planes = vec![Vec::new(); n_channels];
    for (n, &value) in values.iter().enumerate() {
        let (mut number, expected) = kind.encode(value);
        if !big {
            number.reverse();
        }
        bytes.extend(number);
        planes[n % n_channels].push(expected);
    }
    (bytes, planes)
}

/// A number of four bytes in either byte order.
pub(super) fn u32_bytes(big: bool, value: u32) -> [u8; 4] {
    if big { value.to_be_bytes() } else { value.to_le_bytes() }
}

fn u16_bytes(big: bool, value: u16) -> [u8; 2] {
    if big { value.to_be_bytes() } else { value.to_le_bytes() }
}

/// One chunk of IFF or RIFF, padded.
pub(super) fn chunk(big: bool, name: &[u8], contents: &[u8]) -> Vec<u8> {
    let mut bytes = name.to_vec();
    bytes.extend(u32_bytes(big, contents.len() as u32));
    bytes.extend(contents);
    if contents.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

/// A form of chunks that are already put together.
pub(super) fn form(big: bool, magic: &[u8], kind: &[u8], chunks: &[&[u8]]) -> Vec<u8> {
    let body = chunks.concat();
    let mut bytes = magic.to_vec();
    bytes.extend(u32_bytes(big, 4 + body.len() as u32));
    bytes.extend(kind);
    bytes.extend(body);
    bytes
}

/// The fields of `WAVEFORMATEX` up to the bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wave {
    pub(super) tag: u16,
    pub(super) n_channels: u16,
    pub(super) sample_rate: u32,
    pub(super) block: u16,
    pub(super) bits: u16,
}

impl Wave {
    pub(super) fn linear(kind: Kind, n_channels: u16, sample_rate: u32) -> Self {
        Self {
            tag: if kind.is_float() { 3 } else { 1 },
            n_channels,
            sample_rate,
            block: n_channels * kind.n_bytes() as u16,
            bits: 8 * kind.n_bytes() as u16,
        }
    }

    /// The contents of a format chunk.
    pub(super) fn format(self, big: bool) -> Vec<u8> {
        let per_second = self.sample_rate.wrapping_mul(u32::from(self.block));
        [
            &u16_bytes(big, self.tag)[..],
            &u16_bytes(big, self.n_channels),
            &u32_bytes(big, self.sample_rate),
            &u32_bytes(big, per_second),
            &u16_bytes(big, self.block),
            &u16_bytes(big, self.bits),
        ]
        .concat()
    }

    /// The contents of a format chunk that names its codec by a GUID.
    pub(super) fn extensible(self, valid_bits: u16) -> Vec<u8> {
        let mut bytes = Self { tag: 0xfffe, ..self }.format(false);
        bytes.extend([22, 0]);
        bytes.extend(valid_bits.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.tag.to_le_bytes());
        bytes.extend(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
        bytes
    }
}

/// A WAV of a format chunk, other chunks, and data.
pub(super) fn wav(format: &[u8], between: &[u8], data: &[u8]) -> Vec<u8> {
    let chunks = [&chunk(false, b"fmt ", format)[..], between, &chunk(false, b"data", data)];
    form(false, b"RIFF", b"WAVE", &chunks)
}

/// A WAV whose lengths are in a chunk of 64-bit ones.
pub(super) fn rf64(magic: &[u8], format: &[u8], n_data: u64, data: &[u8]) -> Vec<u8> {
    let mut lengths = (72 + n_data).to_le_bytes().to_vec();
    lengths.extend(n_data.to_le_bytes());
    lengths.extend([0; 12]);
    let mut data_chunk = chunk(false, b"data", data);
    data_chunk[4..8].fill(0xff);
    let chunks = [chunk(false, b"ds64", &lengths), chunk(false, b"fmt ", format), data_chunk];
    let mut bytes = form(false, magic, b"WAVE", &chunks.each_ref().map(Vec::as_slice));
    bytes[4..8].fill(0xff);
    bytes
}

/// A Wave64 file.
pub(super) fn wave64(format: &[u8], data: &[u8]) -> Vec<u8> {
    const RIFF: &[u8] = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0";
    const REST: &[u8] = b"\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a";
    let mut body = [&b"wave"[..], REST].concat();
    for (name, contents) in [(&b"fmt "[..], format), (b"data", data)] {
        body.extend([name, REST].concat());
        body.extend((24 + contents.len() as u64).to_le_bytes());
        body.extend(contents);
        body.resize(body.len().next_multiple_of(8), 0);
    }
    let mut bytes = RIFF.to_vec();
    bytes.extend((24 + body.len() as u64).to_le_bytes());
    bytes.extend(body);
    bytes
}

/// A sample rate as the 80-bit number of AIFF.
fn extended(sample_rate: u32) -> Vec<u8> {
    let shift = sample_rate.leading_zeros();
    let mut bytes = (16_383 + 31 - shift as u16).to_be_bytes().to_vec();
    bytes.extend((u64::from(sample_rate << shift) << 32).to_be_bytes());
    bytes
}

/// An AIFF, or an AIFF-C where a codec is named.
pub(super) fn aiff(codec: Option<&[u8]>, wave: Wave, n_stated: u32, data: &[u8]) -> Vec<u8> {
    let mut common = wave.n_channels.to_be_bytes().to_vec();
    common.extend(n_stated.to_be_bytes());
    common.extend(wave.bits.to_be_bytes());
    common.extend(extended(wave.sample_rate));
    if let Some(codec) = codec {
        common.extend(codec);
        common.extend([0, 0]);
    }
    let sound = [&[0; 8], data].concat();
    let chunks = [chunk(true, b"COMM", &common), chunk(true, b"SSND", &sound)];
    let kind: &[u8] = if codec.is_some() { b"AIFC" } else { b"AIFF" };
    form(true, b"FORM", kind, &chunks.each_ref().map(Vec::as_slice))
}

/// An AU file; `big` tells Sun's from DEC's.
pub(super) fn au(big: bool, coding: u32, wave: Wave, len: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = if big { b".snd".to_vec() } else { b"dns.".to_vec() };
    let n_channels = u32::from(wave.n_channels);
    for word in [28, len, coding, wave.sample_rate, n_channels, 0x7a7a_7a7a] {
        bytes.extend(u32_bytes(big, word));
    }
    bytes.extend(data);
    bytes
}

/// A CAF file; `flags` are those of linear PCM.
pub(super) fn caf(codec: &[u8], flags: u32, wave: Wave, len: i64, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20".to_vec();
    bytes.extend(f64::from(wave.sample_rate).to_be_bytes());
    bytes.extend(codec);
    bytes.extend(flags.to_be_bytes());
    bytes.extend(u32::from(wave.block).to_be_bytes());
    bytes.extend(1_u32.to_be_bytes());
    bytes.extend(u32::from(wave.n_channels).to_be_bytes());
    bytes.extend(u32::from(wave.bits).to_be_bytes());
    bytes.extend(b"free\0\0\0\0\0\0\0\x03...data");
    bytes.extend(len.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(data);
    bytes
}
