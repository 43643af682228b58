use proptest::prelude::*;

use super::{expected, open, small};
use crate::decode::Decoder;
use crate::decode::flac::testing::Shape;

/// The samples of the first channel from `start` on, up to `n` of them.
fn window(decoder: &mut Decoder, start: usize, n: usize) -> Vec<f32> {
    decoder.seek(start as u64).unwrap();
    let mut samples = Vec::new();
    while samples.len() < n {
        let Some(block) = decoder.next_block().unwrap() else { break };
        samples.extend(&block.channels[0]);
    }
    samples.truncate(n);
    samples
}

/// Long enough to be worth seeking in.
fn long(seed: u64, variable: bool) -> Shape {
    let block_size = if variable { 3000 } else { 1000 + seed as usize % 700 };
    Shape { seed, n_bits: 16, n_channels: 1, n_frames: 150, block_size, variable }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn windows_by_seeking_are_those_of_the_whole(
        seed in any::<u64>(),
        variable in any::<bool>(),
        known in any::<bool>(),
        measured in any::<bool>(),
        mut starts in proptest::collection::vec(0.0..1.1_f64, 1..4),
    ) {
        let shape = long(seed, variable);
        let stream = shape.encode();
        let whole = &expected(&stream, 16)[0];
        let stream = if known { stream } else { stream.without_length() };
        let mut decoder = open(&stream.bytes);
        if measured {
            prop_assert_eq!(decoder.measure().unwrap(), Some(whole.len() as u64));
        }
        starts.sort_by(f64::total_cmp);
        let (mut behind, mut n_got) = (0, 0);
        for start in starts {
            let start = behind.max((start * whole.len() as f64) as usize);
            let got = window(&mut decoder, start, 5000);
            let from = start.min(whole.len());
            prop_assert!(got == whole[from..whole.len().min(from + 5000)], "at {start}");
            behind = start + 8192;
            n_got += got.len();
        }
        if n_got > 0 {
            prop_assert!(super::is_ok(&decoder.stop().unwrap()));
        }
    }

    #[test]
    fn damage_before_a_window_does_not_move_it(
        seed in any::<u64>(), damaged in proptest::collection::btree_set(1_usize..149, 1..60),
        wanted in 20_usize..150,
    ) {
        let stream = long(seed, true).encode();
        let whole = &expected(&stream, 16)[0];
        let mut bytes = stream.bytes.clone();
        for &n in damaged.iter().filter(|&&n| n != wanted) {
            bytes[stream.offsets[n + 1] - 1] ^= 0x40;
        }
        let mut decoder = open(&bytes);
        let start = stream.positions[wanted];
        let end = stream.positions.get(wanted + 1).copied().unwrap_or(whole.len());
        let start = usize::midpoint(start, end);
        let got = window(&mut decoder, start, end - start);
        prop_assert!(got == whole[start..end]);
    }
}

#[test]
fn the_length_is_that_of_the_frames_which_are_there() {
    let stream = small(9).encode();
    let cut = stream.offsets[20] + 5;
    let mut decoder = open(&stream.bytes[..cut]);
    assert_eq!(decoder.measure().unwrap(), Some(20 * 256));
    assert!(decoder.next_block().unwrap().is_some());
    let outcome = decoder.stop().unwrap();
    assert!(!super::is_ok(&outcome));
    let n = stream.samples[0].len();
    assert_eq!(outcome.message, format!("ends early: 5120 of {n} samples"));
}

#[test]
fn measuring_does_not_disturb_what_is_decoded_after_it() {
    let stream = small(4).encode();
    let mut decoder = open(&stream.bytes);
    decoder.measure().unwrap();
    let n = stream.samples[0].len();
    assert!(window(&mut decoder, 0, n) == expected(&stream, 16)[0]);
    assert!(decoder.next_block().unwrap().is_none());
    assert!(super::is_ok(&decoder.finish().unwrap()));
}
