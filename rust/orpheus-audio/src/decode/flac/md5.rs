//! The checksum of the decoded samples that STREAMINFO carries (RFC 1321).
//!
//! Each of its steps waits for the one before, so that most of the processor idles. The decoder
//! therefore hashes one frame while it reads the next, eight steps at a time ([`Md5::step`]): a processor
//! looks some hundred instructions ahead, and must find others there.

#[cfg(target_arch = "x86_64")]
use super::md5_x86::{Avx512, opaque};
use crate::tier;

pub(super) const BLOCK_BYTES: usize = 64;

/// The code for the steps that is fastest on the processor at hand. All kinds come to the same sum.
#[derive(Debug, Clone, Copy)]
enum Steps {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Steps {
    /// The fastest that this processor can run, unless `ORPHEUS_FORCE_TIER` names another.
    fn best() -> Self {
        let slower = tier::forced().is_some_and(|tier| matches!(&*tier, "scalar" | "avx2"));
        if slower { Self::Portable } else { Self::fastest() }
    }

    #[cfg(target_arch = "x86_64")]
    fn fastest() -> Self {
        Avx512::detect().map_or(Self::Portable, Self::Avx512)
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn fastest() -> Self {
        Self::Portable
    }
}

/// Bytes to hash, and the state after those that are hashed already.
#[derive(Debug)]
pub(super) struct Md5 {
    steps: Steps,
    state: [u32; 4],
    n_hashed: u64,
    waiting: Vec<u8>,
    at: usize,
    /// The state in the middle of a block, and how many of its eight halves of rounds are done.
    sums: Sums,
    n_halves: usize,
    mask: usize,
}

/// Never across two lines of the cache: every step waits for what the one before wrote.
#[derive(Debug)]
#[repr(align(16))]
struct Sums([u32; 4]);

impl Md5 {
    /// Of values of `n_bits` each.
    pub(super) fn new(n_bits: u32) -> Self {
        Self::with(Steps::best(), n_bits)
    }

    fn with(steps: Steps, n_bits: u32) -> Self {
        let mask = if n_bits > 16 { 3 } else { 7 };
        let state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
        Self {
            steps,
            state,
            n_hashed: 0,
            waiting: Vec::new(),
            at: 0,
            sums: Sums(state),
            n_halves: 0,
            mask,
        }
    }

    /// Whether a step is due before the `n`th value is predicted. Reading takes one for every few values,
    /// and what it leaves over is spread over the prediction.
    #[inline(always)]
    pub(super) fn is_due(&self, n: usize) -> bool {
        n & self.mask == 0
    }

    /// Half of a round over a block of the bytes that wait, if there is one.
    #[inline(never)]
    pub(super) fn step(&mut self) {
        let Some(block) = self.waiting.get(self.at..).and_then(|rest| rest.first_chunk()) else {
            return;
        };
        match self.steps {
            Steps::Portable => half_a_round(&mut self.sums.0, self.n_halves, block),
            #[cfg(target_arch = "x86_64")]
            Steps::Avx512(avx512) => avx512.half_a_round(&mut self.sums.0, self.n_halves, block),
        }
        self.n_halves = self.n_halves.wrapping_add(1) & 7;
        if self.n_halves == 0 {
            self.at = self.at.wrapping_add(BLOCK_BYTES);
            for (state, sum) in self.state.iter_mut().zip(&mut self.sums.0) {
                *state = state.wrapping_add(*sum);
                *sum = *state;
            }
        }
    }

    /// Makes room for `n` bytes more, which the caller writes; hashes all whole blocks before them.
    pub(super) fn append(&mut self, n: usize) -> &mut [u8] {
        self.catch_up();
        let n_waiting = self.waiting.len();
        self.waiting.resize(n_waiting + n, 0);
        &mut self.waiting[n_waiting..]
    }

    pub(super) fn finish(mut self) -> [u8; 16] {
        self.catch_up();
        let n_bits = self.n_hashed.wrapping_add(self.waiting.len() as u64).wrapping_mul(8);
        self.waiting.push(0x80);
        let n_filled = (self.waiting.len() + 8).next_multiple_of(BLOCK_BYTES) - 8;
        self.waiting.resize(n_filled, 0);
        self.waiting.extend(n_bits.to_le_bytes());
        self.catch_up();
        let mut digest = [0; 16];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        digest
    }

    fn catch_up(&mut self) {
        while self.waiting.len() - self.at >= BLOCK_BYTES {
            self.step();
        }
        self.waiting.drain(..self.at);
        self.n_hashed = self.n_hashed.wrapping_add(self.at as u64);
        self.at = 0;
    }
}

/// ⌊2³² |sin(n + 1)|⌋ (RFC 1321 §3.4).
pub(super) const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

const ROTATIONS: [[u32; 4]; 4] =
    [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
/// The words that each half of a round takes: `(factor * n + offset) % 16` for step `n` of it.
pub(super) const WORDS: [[u8; 8]; 8] = {
    let (factors, offsets) = ([1, 5, 3, 7], [0, 1, 5, 0]);
    let mut words = [[0; 8]; 8];
    let mut n = 0;
    while n < 64 {
        words[n / 8][n % 8] = ((factors[n / 16] * (n % 16) + offsets[n / 16]) % 16) as u8;
        n += 1;
    }
    words
};

/// Steps `8 * n` to `8 * n + 7` over a block.
#[inline(always)]
fn half_a_round(sums: &mut [u32; 4], n: usize, block: &[u8; BLOCK_BYTES]) {
    // `b` comes last: whatever does not need it is summed up while it is waited for.
    let first = |sum: u32, b: u32, c: u32, d: u32| sum.wrapping_add((b & (c ^ d)) ^ d);
    // The two halves never have the same bit set: their sum is their union.
    let second = |sum: u32, b: u32, c: u32, d: u32| sum.wrapping_add(!d & c).wrapping_add(d & b);
    let third = |sum: u32, b: u32, c: u32, d: u32| sum.wrapping_add(b ^ (c ^ d));
    let fourth = |sum: u32, b: u32, c: u32, d: u32| sum.wrapping_add(c ^ (b | !d));
    match n & 7 {
        0 => steps::<0>(sums, block, first),
        1 => steps::<1>(sums, block, first),
        2 => steps::<2>(sums, block, second),
        3 => steps::<3>(sums, block, second),
        4 => steps::<4>(sums, block, third),
        5 => steps::<5>(sums, block, third),
        6 => steps::<6>(sums, block, fourth),
        _ => steps::<7>(sums, block, fourth),
    }
}

#[inline(always)]
fn steps<const HALF: usize>(
    sums: &mut [u32; 4],
    block: &[u8; BLOCK_BYTES],
    add: impl Fn(u32, u32, u32, u32) -> u32,
) {
    let words = block.as_chunks::<4>().0;
    let [mut a, mut b, mut c, mut d] = *sums;
    for n in 0..8 {
        let word = u32::from_le_bytes(words[usize::from(WORDS[HALF][n])]);
        let early = opaque(a.wrapping_add(SINES[8 * HALF + n]).wrapping_add(word));
        let next = add(early, b, c, d).rotate_left(ROTATIONS[HALF / 2][n % 4]).wrapping_add(b);
        (a, d, c, b) = (d, c, b, next);
    }
    *sums = [a, b, c, d];
}

#[cfg(not(target_arch = "x86_64"))]
fn opaque(number: u32) -> u32 {
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digest: [u8; 16]) -> String {
        digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    #[test]
    fn the_test_suite_of_the_standard_holds_on_any_processor_however_the_bytes_arrive() {
        let digits = "1234567890".repeat(8);
        let suite = [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            (digits.as_str(), "57edf4a22be3c955ac49da2e2107b67a"),
        ];
        for (text, digest) in suite {
            let kinds = [Steps::Portable, Steps::fastest()].into_iter();
            for (steps, piece) in kinds.flat_map(|steps| [1, 7, 64, 100].map(|n| (steps, n))) {
                let mut md5 = Md5::with(steps, 16);
                for bytes in text.as_bytes().chunks(piece) {
                    md5.append(bytes.len()).copy_from_slice(bytes);
                    md5.step();
                }
                assert_eq!(hex(md5.finish()), digest);
            }
        }
    }
}
