//! The checksum of the decoded samples that STREAMINFO carries (RFC 1321).
//!
//! Each of its steps waits for the one before, so that most of the processor idles. The decoder
//! therefore hashes one frame while it reads the next, a piece of each in turn: see [`Md5::step`].

use std::hint::black_box;

const BLOCK_BYTES: usize = 64;

/// Bytes to hash, and the state after those that are hashed already.
#[derive(Debug)]
pub(super) struct Md5 {
    state: [u32; 4],
    n_hashed: u64,
    waiting: Vec<u8>,
    at: usize,
}

impl Md5 {
    pub(super) fn new() -> Self {
        let state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
        Self { state, n_hashed: 0, waiting: Vec::new(), at: 0 }
    }

    /// Hashes one block of the bytes that wait, if there is one.
    #[inline(always)]
    pub(super) fn step(&mut self) {
        if let Some(block) = self.waiting.get(self.at..).and_then(|rest| rest.first_chunk()) {
            self.at = self.at.wrapping_add(BLOCK_BYTES);
            compress(&mut self.state, block);
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
const SINES: [u32; 64] = [
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
/// The word that step `n` of a round takes is `(FACTORS[round] * n + OFFSETS[round]) % 16`.
const FACTORS: [usize; 4] = [1, 5, 3, 7];
const OFFSETS: [usize; 4] = [0, 1, 5, 0];

#[inline(never)]
fn compress(state: &mut [u32; 4], block: &[u8; BLOCK_BYTES]) {
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    // Known numbers the compiler would rather add last, and make every step an addition longer.
    let sines = black_box(&SINES);
    let mut sums = *state;
    // `b` comes last: whatever does not need it is summed up while it is waited for.
    round::<0>(&mut sums, &words, sines, |sum, b, c, d| sum.wrapping_add((b & (c ^ d)) ^ d));
    // The two halves never have the same bit set: their sum is their union.
    round::<1>(&mut sums, &words, sines, |sum, b, c, d| {
        sum.wrapping_add(!d & c).wrapping_add(d & b)
    });
    round::<2>(&mut sums, &words, sines, |sum, b, c, d| sum.wrapping_add(b ^ (c ^ d)));
    round::<3>(&mut sums, &words, sines, |sum, b, c, d| sum.wrapping_add(c ^ (b | !d)));
    for (state, sum) in state.iter_mut().zip(sums) {
        *state = state.wrapping_add(sum);
    }
}

/// Sixteen steps, written out: as a loop, each takes three times the instructions.
#[inline(always)]
fn round<const N: usize>(
    sums: &mut [u32; 4],
    words: &[u32; 16],
    sines: &[u32; 64],
    add: impl Fn(u32, u32, u32, u32) -> u32,
) {
    let [mut a, mut b, mut c, mut d] = *sums;
    macro_rules! steps {
        ($($n:literal)*) => {$(
            let word = words[(FACTORS[N] * $n + OFFSETS[N]) % 16];
            let early = a.wrapping_add(sines[16 * N + $n]).wrapping_add(word);
            let next = add(early, b, c, d).rotate_left(ROTATIONS[N][$n % 4]).wrapping_add(b);
            (a, d, c, b) = (d, c, b, next);
        )*};
    }
    steps!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    *sums = [a, b, c, d];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digest: [u8; 16]) -> String {
        digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    #[test]
    fn the_test_suite_of_the_standard_holds_however_the_bytes_arrive() {
        let digits = "1234567890".repeat(8);
        let suite = [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            (digits.as_str(), "57edf4a22be3c955ac49da2e2107b67a"),
        ];
        for (text, digest) in suite {
            for piece in [1, 7, 64, 100] {
                let mut md5 = Md5::new();
                for bytes in text.as_bytes().chunks(piece) {
                    md5.append(bytes.len()).copy_from_slice(bytes);
                    md5.step();
                }
                assert_eq!(hex(md5.finish()), digest);
            }
        }
    }
}
