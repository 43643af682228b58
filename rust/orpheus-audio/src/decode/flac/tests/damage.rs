use proptest::prelude::*;

use super::{decoded, expected, is_ok, small};
use crate::decode::flac::testing::SAMPLE_RATE;
use crate::outcome::Outcome;

/// Samples that are missing or silence in place of what was lost.
fn n_lost(outcome: &Outcome) -> usize {
    (outcome.seconds_lost * f64::from(SAMPLE_RATE)).round() as usize
}

proptest! {
    #[test]
    fn a_changed_byte_anywhere_changes_no_sample_of_an_ok_outcome(
        seed in any::<u64>(), at in any::<u64>(), change in 1_u8.., variable in any::<bool>(),
    ) {
        let mut stream = crate::decode::flac::testing::Shape { variable, ..small(seed) }.encode();
        let right = expected(&stream, 16);
        let first = stream.offsets[0] as u64;
        let at = first + at % (stream.bytes.len() as u64 - first);
        stream.bytes[at as usize] ^= change;
        if let Ok((samples, outcome)) = decoded(&stream.bytes) {
            prop_assert!(samples == right || !is_ok(&outcome), "{:?}", outcome);
            // Only what is missing at the end is not filled.
            let n_missing = right[0].len() - samples[0].len();
            let n_silent = samples[0].iter().zip(&right[0]).filter(|(got, right)| got.to_bits() != right.to_bits()).count();
            prop_assert!(n_lost(&outcome) >= n_missing + n_silent);
        }
    }

    #[test]
    fn sound_frames_around_damaged_ones_come_out_in_their_places_and_the_rest_is_counted(
        seed in any::<u64>(), frames in proptest::collection::btree_set(0_usize..24, 1..6),
    ) {
        let mut stream = small(seed).encode();
        let all = expected(&stream, 16);
        let mut right = all.clone();
        let (mut n_damaged, mut n_last) = (0, 0);
        for n in 0..24 {
            let at = stream.positions[n];
            let end = stream.positions.get(n + 1).copied().unwrap_or(all[0].len());
            if frames.contains(&n) {
                // Behind the header, which is longer than four bytes.
                stream.bytes[usize::midpoint(stream.offsets[n], stream.offsets[n + 1])] ^= 0x10;
                for plane in &mut right { plane[at..end].fill(0.0); }
                n_damaged += end - at;
            } else {
                n_last = end;
            }
        }
        // Nothing comes behind the last sound frame.
        for plane in &mut right { plane.truncate(n_last); }
        let (samples, outcome) = decoded(&stream.bytes).unwrap();
        prop_assert!(samples == right);
        prop_assert_eq!(n_lost(&outcome), n_damaged);
        prop_assert!(!is_ok(&outcome));
    }

    #[test]
    fn a_file_cut_anywhere_lacks_what_it_says(seed in any::<u64>(), cut in any::<u64>()) {
        let stream = small(seed).encode();
        let n = stream.offsets[1] + (cut % (stream.bytes.len() - stream.offsets[1]) as u64) as usize;
        let (samples, outcome) = decoded(&stream.bytes[..n]).unwrap();
        let n_whole = stream.offsets.iter().filter(|&&end| end <= n).count() - 1;
        prop_assert_eq!(samples[0].len(), stream.positions[n_whole]);
        prop_assert_eq!(samples[0].len() + n_lost(&outcome), stream.samples[0].len());
        prop_assert!(!is_ok(&outcome));
    }

    #[test]
    fn noise_over_a_stream_ends_in_an_answer(
        seed in any::<u64>(), at in any::<u64>(), noise in proptest::collection::vec(any::<u8>(), 1..400),
    ) {
        let mut stream = small(seed).encode();
        let n = stream.bytes.len();
        let at = 4 + (at % (n as u64 - 4)) as usize;
        let end = n.min(at + noise.len());
        stream.bytes[at..end].copy_from_slice(&noise[..end - at]);
        if let Ok((samples, outcome)) = decoded(&stream.bytes) {
            let right = samples == expected(&stream, 16);
            prop_assert!(right || !is_ok(&outcome), "{:?}", outcome);
        }
    }
}

#[test]
fn frames_of_another_stream_in_between_are_silence() {
    let stream = small(1).encode();
    let mono = crate::decode::flac::testing::Shape { n_channels: 1, ..small(2) }.encode();
    let mut bytes = stream.bytes.clone();
    let foreign = &mono.bytes[mono.offsets[12]..mono.offsets[13]];
    bytes.splice(stream.offsets[12]..stream.offsets[13], foreign.iter().copied());
    let (samples, outcome) = decoded(&bytes).unwrap();
    assert_eq!(samples[0].len(), stream.samples[0].len());
    let (start, end) = (stream.positions[12], stream.positions[13]);
    assert!(samples.iter().all(|plane| plane[start..end].iter().all(|&sample| sample == 0.0)));
    assert_eq!(n_lost(&outcome), 256);
    assert_eq!(outcome.message, "the number of channels changes");
}

#[test]
fn a_file_of_nothing_but_the_beginnings_of_large_frames_is_given_up_soon() {
    // 65535 samples of eight channels in each, with a header every twelve bytes.
    let shape = crate::decode::flac::testing::Shape { n_channels: 8, n_frames: 1, ..small(5) };
    let mut bytes = shape.encode().bytes[..42].to_vec();
    let mut frame = vec![0xff, 0xf8, 0x79, 0x78, 0x00, 0xff, 0xfe];
    frame.push(crate::decode::flac::crc::crc8(&frame));
    frame.extend([0; 4]);
    for _ in 0..100_000 {
        bytes.extend(&frame);
    }
    assert!(decoded(&bytes).is_err());
}
