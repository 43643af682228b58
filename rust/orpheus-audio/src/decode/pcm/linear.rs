//! Interleaved numbers of fixed width → planes of float32, one loop per format that compilers turn
//! into vector code.
//!
//! Integers of `n` bits become their value over 2 to the power of `n - 1`: exact up to 24 bits,
//! rounded to nearest beyond. Fewer valid bits than the container has are its upper ones, so the
//! container's width is the scale.

use super::bytes::Order;
use super::companded::{A_LAW, MU_LAW};
use crate::decode::mpeg::layer3::Mix;

/// What one number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Unsigned8,
    Signed8,
    Signed16,
    Signed24,
    Signed32,
    Float32,
    Float64,
    ALaw,
    MuLaw,
}

impl Number {
    pub(super) fn n_bytes(self) -> usize {
        match self {
            Self::Unsigned8 | Self::Signed8 | Self::ALaw | Self::MuLaw => 1,
            Self::Signed16 => 2,
            Self::Signed24 => 3,
            Self::Signed32 | Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    /// The signed integer of so many bytes.
    pub(super) fn signed(n_bytes: usize) -> Option<Self> {
        Some(match n_bytes {
            1 => Self::Signed8,
            2 => Self::Signed16,
            3 => Self::Signed24,
            4 => Self::Signed32,
            _ => return None,
        })
    }

    /// The floating-point number of so many bytes.
    pub(super) fn float(n_bytes: usize) -> Option<Self> {
        match n_bytes {
            4 => Some(Self::Float32),
            8 => Some(Self::Float64),
            _ => None,
        }
    }

    pub(super) fn codec(self, order: Order) -> String {
        let stem = match self {
            Self::Unsigned8 => return "pcm_u8".to_owned(),
            Self::Signed8 => return "pcm_s8".to_owned(),
            Self::ALaw => return "pcm_alaw".to_owned(),
            Self::MuLaw => return "pcm_mulaw".to_owned(),
            Self::Signed16 => "s16",
            Self::Signed24 => "s24",
            Self::Signed32 => "s32",
            Self::Float32 => "f32",
            Self::Float64 => "f64",
        };
        let end = if order == Order::Little { "le" } else { "be" };
        format!("pcm_{stem}{end}")
    }
}

/// Where decoded numbers go: as many planes as there are channels, or one for their mean.
pub(super) struct Target<'a> {
    pub(super) n_channels: usize,
    pub(super) mix: Mix,
    pub(super) planes: &'a mut [Vec<f32>],
}

/// Replaces the contents of the target's planes by the numbers in `bytes`.
pub(super) fn decode(number: Number, order: Order, bytes: &[u8], target: Target<'_>) {
    use Order::{Big, Little};
    match (number, order) {
        (Number::Unsigned8, _) => {
            fill(bytes, target, |[byte]: [u8; 1]| (i16::from(byte) - 128) as f32 / 128.0);
        }
        (Number::Signed8, _) => {
            fill(bytes, target, |bytes| i8::from_le_bytes(bytes) as f32 / 128.0);
        }
        (Number::Signed16, Little) => {
            fill(bytes, target, |bytes| i16::from_le_bytes(bytes) as f32 / 32_768.0);
        }
        (Number::Signed16, Big) => {
            fill(bytes, target, |bytes| i16::from_be_bytes(bytes) as f32 / 32_768.0);
        }
        (Number::Signed24, Little) => {
            fill(bytes, target, |[a, b, c]: [u8; 3]| upper(i32::from_le_bytes([0, a, b, c])));
        }
        (Number::Signed24, Big) => {
            fill(bytes, target, |[a, b, c]: [u8; 3]| upper(i32::from_be_bytes([a, b, c, 0])));
        }
        (Number::Signed32, Little) => fill(bytes, target, |bytes| upper(i32::from_le_bytes(bytes))),
        (Number::Signed32, Big) => fill(bytes, target, |bytes| upper(i32::from_be_bytes(bytes))),
        (Number::Float32, Little) => fill(bytes, target, f32::from_le_bytes),
        (Number::Float32, Big) => fill(bytes, target, f32::from_be_bytes),
        (Number::Float64, Little) => fill(bytes, target, |bytes| f64::from_le_bytes(bytes) as f32),
        (Number::Float64, Big) => fill(bytes, target, |bytes| f64::from_be_bytes(bytes) as f32),
        (Number::ALaw, _) => fill(bytes, target, |[code]: [u8; 1]| A_LAW[usize::from(code)]),
        (Number::MuLaw, _) => fill(bytes, target, |[code]: [u8; 1]| MU_LAW[usize::from(code)]),
    }
}

/// A 32-bit integer in full scale.
#[inline]
fn upper(value: i32) -> f32 {
    value as f32 / 2_147_483_648.0
}

/// One and two channels have loops of their own: nearly all files are that.
fn fill<const N: usize>(bytes: &[u8], target: Target<'_>, number: impl Fn([u8; N]) -> f32 + Copy) {
    let values = bytes.as_chunks::<N>().0;
    match (target.n_channels, target.mix, target.planes) {
        (1, _, [only]) => {
            only.clear();
            only.extend(values.iter().map(|&value| number(value)));
        }
        (2, Mix::Channels, [left, right]) => {
            let pairs = values.as_chunks::<2>().0;
            left.resize(pairs.len(), 0.0);
            right.resize(pairs.len(), 0.0);
            for ((pair, left), right) in pairs.iter().zip(left).zip(right) {
                *left = number(pair[0]);
                *right = number(pair[1]);
            }
        }
        (2, Mix::Mono, [mean]) => {
            let pairs = values.as_chunks::<2>().0;
            mean.clear();
            mean.extend(pairs.iter().map(|pair| 0.5 * (number(pair[0]) + number(pair[1]))));
        }
        (n, Mix::Mono, [mean]) => fill_mean(values, n, mean, number),
        (n, _, planes) => {
            for (channel, plane) in planes.iter_mut().enumerate() {
                plane.clear();
                plane.extend(values.chunks_exact(n).map(|values| number(values[channel])));
            }
        }
    }
}

/// Sums in the order in which the channels are stored, as everyone else here does.
fn fill_mean<const N: usize>(
    values: &[[u8; N]],
    n_channels: usize,
    mean: &mut Vec<f32>,
    number: impl Fn([u8; N]) -> f32,
) {
    let scale = 1.0 / n_channels as f32;
    mean.clear();
    mean.extend(values.chunks_exact(n_channels).map(|values| {
        let mut sum = number(values[0]);
        for &value in &values[1..] {
            sum += number(value);
        }
        sum * scale
    }));
}
