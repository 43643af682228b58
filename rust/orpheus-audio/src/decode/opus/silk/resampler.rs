//! 8, 12 or 16 kHz → 48 kHz: twice by all-pass filters, then by interpolation, as the reference
//! decoder does, to the last bit.

use super::fixed::{add_mul_w16, mul_w16, mul_w32, round_shift, saturate_16};

/// All-pass coefficients of even and odd samples, of 65536; the last ones less 1.
const EVEN: [i32; 3] = [1746, 14986, 39083 - 65536];
const ODD: [i32; 3] = [6854, 25769, 55542 - 65536];

/// The first half of the interpolation filters for 12 places between two samples; the second
/// half is the first one of the opposite place.
const HALVES: [[i16; 4]; 12] = [
    [189, -600, 617, 30567],
    [117, -159, -1070, 29704],
    [52, 221, -2392, 28276],
    [-4, 529, -3350, 26341],
    [-48, 758, -3956, 23973],
    [-80, 905, -4235, 21254],
    [-99, 972, -4222, 18278],
    [-107, 967, -3957, 15143],
    [-103, 896, -3487, 11950],
    [-91, 773, -2865, 8798],
    [-71, 611, -2143, 5784],
    [-46, 425, -1375, 2996],
];

const N_TAPS: usize = 8;
/// Milliseconds that are worked on together. The place between samples starts anew with each.
const BATCH_MS: usize = 10;
const MAX_BATCH: usize = 16 * BATCH_MS;

/// Taps of each place.
const TAPS: [[i16; N_TAPS]; 12] = {
    let mut taps = [[0; N_TAPS]; 12];
    let mut place = 0;
    while place < 12 {
        let mut tap = 0;
        while tap < 4 {
            taps[place][tap] = HALVES[place][tap];
            taps[place][7 - tap] = HALVES[11 - place][tap];
            tap += 1;
        }
        place += 1;
    }
    taps
};

#[derive(Clone)]
pub(super) struct Resampler {
    khz: usize,
    /// Input samples by which this rate is held back, so that all rates are equally late.
    delay: usize,
    /// Step between outputs in doubled samples, of 65536.
    step: i32,
    held: [i16; 16],
    even: [i32; 3],
    odd: [i32; 3],
    last: [i16; N_TAPS],
}

impl Resampler {
    pub(super) fn new(khz: usize) -> Self {
        let delay = match khz {
            8 => 0,
            12 => 4,
            _ => 7,
        };
        let hz = khz as i32 * 1000;
        let mut step = (((i64::from(hz) << 15) / 48_000) << 2) as i32;
        while mul_w32(step, 48_000) < hz << 1 {
            step += 1;
        }
        Self { khz, delay, step, held: [0; 16], even: [0; 3], odd: [0; 3], last: [0; N_TAPS] }
    }

    /// `samples`, a whole number of milliseconds, become six, four or three times as many.
    pub(super) fn process(&mut self, samples: &[i16], out: &mut [f32]) {
        let n_first = self.khz - self.delay;
        let (first, rest) = samples.split_at(n_first);
        let (rest, held) = rest.split_at(rest.len() - self.delay);
        let mut start = self.held;
        start[self.delay..self.khz].copy_from_slice(first);
        self.held[..self.delay].copy_from_slice(held);
        let (first_out, out) = out.split_at_mut(48);
        self.batch(&start[..self.khz], first_out);
        let batches = rest.chunks(self.khz * BATCH_MS);
        for (batch, out) in batches.zip(out.chunks_mut(48 * BATCH_MS)) {
            self.batch(batch, out);
        }
    }

    fn batch(&mut self, samples: &[i16], out: &mut [f32]) {
        let mut doubled = [0; 2 * MAX_BATCH + N_TAPS];
        doubled[..N_TAPS].copy_from_slice(&self.last);
        for (pair, &sample) in doubled[N_TAPS..].chunks_exact_mut(2).zip(samples) {
            let sample = i32::from(sample) << 10;
            pair[0] = all_pass(&mut self.even, EVEN, sample);
            pair[1] = all_pass(&mut self.odd, ODD, sample);
        }
        let mut at = 0;
        for out in out.iter_mut() {
            let place = mul_w16(at & 0xffff, 12) as usize;
            let from = (at >> 16) as usize;
            let window = &doubled[from..from + N_TAPS];
            let sum = window.iter().zip(&TAPS[place]).fold(0_i32, |sum, (&sample, &tap)| {
                sum.wrapping_add(i32::from(sample) * i32::from(tap))
            });
            *out = f32::from(saturate_16(round_shift(sum, 15))) / 32768.0;
            at += self.step;
        }
        let end = 2 * samples.len();
        self.last.copy_from_slice(&doubled[end..end + N_TAPS]);
    }
}

fn all_pass(state: &mut [i32; 3], [a, b, c]: [i32; 3], sample: i32) -> i16 {
    let rise = mul_w16(sample.wrapping_sub(state[0]), a);
    let first = state[0].wrapping_add(rise);
    state[0] = sample.wrapping_add(rise);
    let rise = mul_w16(first.wrapping_sub(state[1]), b);
    let second = state[1].wrapping_add(rise);
    state[1] = first.wrapping_add(rise);
    let rise = second.wrapping_sub(state[2]);
    let rise = add_mul_w16(rise, rise, c);
    let third = state[2].wrapping_add(rise);
    state[2] = second.wrapping_add(rise);
    saturate_16(round_shift(third, 10))
}
