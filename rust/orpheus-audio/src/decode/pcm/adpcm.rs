//! Four bits per sample, as differences from a prediction. Every block starts afresh, so each can be
//! decoded without the ones before it.

/// Change of the step index for every code (IMA Digital Audio Focus Group, Recommended Practices 3.00, §6).
const INDEX_CHANGE: [i32; 8] = [-1, -1, -1, -1, 2, 4, 6, 8];

/// Quantiser steps (the same, §6).
const STEPS: [i32; 89] = [
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66,
    73, 80, 88, 97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449,
    494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272,
    2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493,
    10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
];

/// Scale of the quantiser step for every code, in 1/256 (Microsoft ADPCM, `AdaptationTable`).
const MICROSOFT_SCALE: [i32; 16] =
    [230, 230, 230, 230, 307, 409, 512, 614, 768, 614, 512, 409, 307, 230, 230, 230];

/// Samples and bytes of a packet of Apple's variant.
pub(super) const APPLE_SAMPLES: usize = 64;
pub(super) const APPLE_BYTES: usize = 34;

fn full_scale(value: i32) -> f32 {
    value as f32 / 32_768.0
}

fn clip(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

/// State of one channel of an IMA stream.
struct Ima {
    value: i32,
    index: i32,
}

impl Ima {
    fn new(value: i16, index: u8) -> Self {
        Self { value: i32::from(value), index: i32::from(index).min(88) }
    }

    #[inline]
    fn next(&mut self, code: u8) -> f32 {
        let step = STEPS[self.index as usize];
        // The three products are truncated one by one, as the reference does. Codes are as good as
        // random, so their bits become masks: branches would be guessed wrong half of the time.
        let mask = |bit: u32| -(i32::from(code >> bit) & 1);
        let change = (step >> 3) + (step & mask(2)) + (step >> 1 & mask(1)) + (step >> 2 & mask(0));
        let sign = mask(3);
        self.value = clip(self.value + ((change ^ sign) - sign));
        self.index = (self.index + INDEX_CHANGE[usize::from(code & 7)]).clamp(0, 88);
        full_scale(self.value)
    }

    /// The samples of `bytes`, the lower half of each first.
    #[inline]
    fn decode<const N: usize>(&mut self, bytes: [u8; N], plane: &mut Vec<f32>) {
        let mut samples = [[0.0; 2]; N];
        for (pair, byte) in samples.iter_mut().zip(bytes) {
            *pair = [self.next(byte & 15), self.next(byte >> 4)];
        }
        plane.extend_from_slice(samples.as_flattened());
    }
}

/// Samples per channel in a block of `n_bytes` of Microsoft's variant of IMA ADPCM.
pub(super) fn ima_samples(n_bytes: usize, n_channels: usize) -> usize {
    let word = 4 * n_channels;
    match n_bytes.checked_sub(word) {
        Some(n_coded) => 1 + n_coded / word * 8,
        None => 0,
    }
}

/// Appends a block of Microsoft's variant of IMA ADPCM (RIFF NEW, "IMA ADPCM Wave Type"): for each
/// channel its first sample and step index, then 8 samples of each channel in turn.
///
/// `false` if a step index is none of the table's; it is replaced by the last one.
pub(super) fn decode_ima(block: &[u8], planes: &mut [Vec<f32>]) -> bool {
    let n_channels = planes.len();
    let Some((heads, words)) = block.as_chunks::<4>().0.split_at_checked(n_channels) else {
        return true;
    };
    for (channel, (plane, head)) in planes.iter_mut().zip(heads).enumerate() {
        let mut state = Ima::new(i16::from_le_bytes([head[0], head[1]]), head[2]);
        plane.push(full_scale(state.value));
        for word in words.chunks_exact(n_channels) {
            state.decode(word[channel], plane);
        }
    }
    heads.iter().all(|head| usize::from(head[2]) < STEPS.len())
}

/// Appends packets of Apple's variant, `ima4`: for each channel nine bits of its last sample, seven
/// of the step index, and 64 samples.
///
/// `false` if a step index is none of the table's; it is replaced by the last one.
pub(super) fn decode_apple(block: &[u8], planes: &mut [Vec<f32>]) -> bool {
    let mut sound = true;
    for (plane, packet) in planes.iter_mut().zip(block.as_chunks::<APPLE_BYTES>().0) {
        let [upper, lower, codes @ ..] = *packet;
        let index = lower & 0x7f;
        sound &= usize::from(index) < STEPS.len();
        let mut state = Ima::new(i16::from_be_bytes([upper, lower]) & !0x7f, index);
        state.decode(codes, plane);
    }
    sound
}

/// Samples per channel in a block of `n_bytes` of Microsoft ADPCM.
pub(super) fn microsoft_samples(n_bytes: usize, n_channels: usize) -> usize {
    match n_bytes.checked_sub(7 * n_channels) {
        Some(n_coded) => 2 + n_coded * 2 / n_channels,
        None => 0,
    }
}

/// State of one channel of a Microsoft ADPCM block.
struct Microsoft {
    coefficients: [i32; 2],
    step: i32,
    last: i32,
    before: i32,
}

impl Microsoft {
    fn next(&mut self, code: u8) -> f32 {
        let [first, second] = self.coefficients;
        let predicted = (i64::from(self.last) * i64::from(first)
            + i64::from(self.before) * i64::from(second))
            >> 8;
        let signed = i32::from(code) - if code & 8 != 0 { 16 } else { 0 };
        let value = clip((predicted as i32).saturating_add(signed.saturating_mul(self.step)));
        let scale = MICROSOFT_SCALE[usize::from(code)];
        self.step = ((i64::from(self.step) * i64::from(scale)) >> 8).clamp(16, 1 << 24) as i32;
        self.before = std::mem::replace(&mut self.last, value);
        full_scale(value)
    }
}

/// Appends a block of Microsoft ADPCM (RIFF NEW, "Microsoft ADPCM"): predictor, step, and the first
/// two samples of every channel, then one code of each channel in turn.
///
/// `false` if a predictor is named that the format does not define; it is replaced by the first.
pub(super) fn decode_microsoft(
    block: &[u8],
    coefficients: &[[i16; 2]],
    planes: &mut [Vec<f32>],
) -> bool {
    let n_channels = planes.len();
    let Some((heads, codes)) = block.split_at_checked(7 * n_channels) else { return true };
    let mut sound = true;
    for (channel, plane) in planes.iter_mut().enumerate() {
        let field = |n: usize| {
            let at = n_channels + 2 * (n * n_channels + channel);
            i32::from(i16::from_le_bytes([heads[at], heads[at + 1]]))
        };
        let named = coefficients.get(usize::from(heads[channel]));
        sound &= named.is_some();
        let pair = named.or(coefficients.first()).copied().unwrap_or([256, 0]);
        let mut state = Microsoft {
            coefficients: pair.map(i32::from),
            step: field(0),
            last: field(1),
            before: field(2),
        };
        plane.extend([full_scale(state.before), full_scale(state.last)]);
        let n_codes = codes.len() * 2 / n_channels;
        for code in (0..n_codes).map(|n| n * n_channels + channel) {
            let byte = codes[code / 2];
            plane.push(state.next(if code % 2 == 0 { byte >> 4 } else { byte & 15 }));
        }
    }
    sound
}
