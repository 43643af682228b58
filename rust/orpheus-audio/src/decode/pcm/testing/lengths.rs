//! Lengths that are missing, wrong or contradict each other.

use super::writer::{self, Kind, Wave};
use super::{SAMPLE_RATE, planes, random, sound, tail};
use crate::outcome::Status;

const WAVE: Wave = Wave { tag: 1, n_channels: 2, sample_rate: SAMPLE_RATE, block: 4, bits: 16 };

fn samples(n: usize) -> (Vec<u8>, Vec<Vec<f32>>) {
    writer::encode(Kind::S16, false, 2, &random(11, 2 * n))
}

fn patch(mut bytes: Vec<u8>, at: usize, with: &[u8]) -> Vec<u8> {
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes
}

fn list(n: usize) -> Vec<u8> {
    writer::chunk(false, b"LIST", &[&b"INFOISFT"[..], &vec![b'x'; n]].concat())
}

#[test]
fn tags_that_lie_about_their_length_cost_only_themselves() {
    let (data, expected) = samples(500);
    let bytes = writer::wav(&WAVE.format(false), &list(70), &data);
    // The length of the LIST chunk stands at byte 40.
    for len in [0_u32, 1, 17, 60, 77, 79, 200, 1500, 2078, 1 << 20, u32::MAX] {
        let bytes = patch(bytes.clone(), 40, &len.to_le_bytes());
        assert!(sound(&bytes) == expected, "{len}");
    }
}

#[test]
fn lying_chunks_of_an_aiff_cost_only_themselves() {
    let (data, expected) = writer::encode(Kind::S16, true, 2, &random(1, 1000));
    let bytes = writer::aiff(None, WAVE, 500, &data);
    let name = writer::chunk(true, b"NAME", b"a name of some length");
    let bytes = [&bytes[..12], &name, &bytes[12..]].concat();
    for len in [0_u32, 5, 23, 40, 1 << 30, u32::MAX] {
        assert!(sound(&patch(bytes.clone(), 16, &len.to_be_bytes())) == expected, "{len}");
    }
}

#[test]
fn a_lying_length_of_the_format_chunk_costs_nothing() {
    let (data, expected) = samples(500);
    let bytes = writer::wav(&WAVE.format(false), b"", &data);
    for len in [0_u32, 2, 15, 18, 38, 400, u32::MAX] {
        assert!(sound(&patch(bytes.clone(), 16, &len.to_le_bytes())) == expected, "{len}");
    }
}

#[test]
fn odd_chunks_may_be_padded_or_not() {
    let (data, expected) = samples(100);
    let padded = writer::chunk(false, b"id3 ", b"ID3");
    assert!(sound(&writer::wav(&WAVE.format(false), &padded, &data)) == expected);
    assert!(sound(&writer::wav(&WAVE.format(false), &padded[..11], &data)) == expected);
}

#[test]
fn several_data_chunks_are_one_track() {
    let (data, expected) = samples(300);
    let first = writer::chunk(false, b"data", &data[..400]);
    let between = [first, list(9), writer::chunk(false, b"JUNK", b"")].concat();
    let bytes = writer::wav(&WAVE.format(false), &between, &data[400..]);
    assert!(sound(&bytes) == expected);
    for sample in [0, 99, 100, 250] {
        assert!(tail(&bytes, sample).0 == super::from(&expected, sample as usize));
    }
}

#[test]
fn a_stream_without_a_length_ends_where_the_file_ends() {
    let (data, expected) = samples(300);
    let bytes = writer::wav(&WAVE.format(false), b"", &data);
    for len in [0, u32::MAX, u32::MAX - 36, 0x7fff_f000, 0x8000_0000] {
        for form in [0, u32::MAX, 36] {
            let bytes = patch(bytes.clone(), 40, &len.to_le_bytes());
            assert!(sound(&patch(bytes, 4, &u32::to_le_bytes(form))) == expected, "{len} {form}");
        }
    }
    let long = writer::rf64(b"RF64", &WAVE.format(false), 0, &data);
    assert!(sound(&long) == expected);
    let long = writer::wave64(&WAVE.format(false), &data);
    for len in [0, u64::MAX, i64::MAX as u64] {
        assert!(sound(&patch(long.clone(), 96, &len.to_le_bytes())) == expected, "{len}");
    }
    assert!(sound(&writer::au(false, 3, WAVE, u32::MAX, &data)) == expected);
    assert!(sound(&writer::caf(b"lpcm", 2, WAVE, -1, &data)) == expected);
    let aiff = writer::aiff(Some(b"sowt"), WAVE, 0, &data);
    assert!(sound(&patch(aiff, 48, &0_u32.to_be_bytes())) == expected);
}

#[test]
fn a_length_beyond_all_limits_is_told_but_not_believed() {
    let (data, expected) = samples(300);
    let flipped = 4 * 300 + (1_u64 << 60);
    let bytes = writer::rf64(b"RF64", &WAVE.format(false), flipped, &data);
    let (planes, info, outcome) = planes(&bytes).unwrap();
    assert!(planes == expected);
    assert_eq!((info.n_samples, outcome.status), (None, Status::Partial));
    assert!(outcome.seconds_lost < 1e-9, "{outcome:?}");
}

#[test]
fn a_length_that_is_not_met_is_a_loss() {
    let (data, expected) = samples(300);
    let n_claimed = 4 * 500;
    let cut = [
        patch(writer::wav(&WAVE.format(false), b"", &data), 40, &u32::to_le_bytes(n_claimed)),
        writer::rf64(b"BW64", &WAVE.format(false), n_claimed.into(), &data),
        patch(
            writer::wave64(&WAVE.format(false), &data),
            96,
            &u64::to_le_bytes(24 + u64::from(n_claimed)),
        ),
        writer::au(false, 3, WAVE, n_claimed, &data),
        writer::caf(b"lpcm", 2, WAVE, i64::from(n_claimed) + 4, &data),
        writer::aiff(Some(b"sowt"), WAVE, 500, &data),
    ];
    for bytes in cut {
        let (planes, info, outcome) = planes(&bytes).unwrap();
        assert!(planes == expected, "{info:?}");
        assert_eq!((info.n_samples, outcome.status), (Some(500), Status::Partial), "{info:?}");
        let lost = outcome.seconds_lost * f64::from(SAMPLE_RATE);
        assert!((lost - 200.0).abs() < 1e-6, "{outcome:?}");
        assert_eq!(tail(&bytes, 0).1, 300);
    }
}

#[test]
fn a_length_that_ends_amid_the_samples_is_outvoted_and_noted() {
    let (data, expected) = samples(300);
    let bytes = patch(writer::wav(&WAVE.format(false), b"", &data), 40, &u32::to_le_bytes(400));
    let (planes, _, outcome) = planes(&bytes).unwrap();
    assert!(planes == expected);
    assert_eq!(outcome.status, Status::Partial);
}

#[test]
fn what_follows_the_data_is_no_audio() {
    let (data, expected) = samples(300);
    let bytes = writer::wav(&WAVE.format(false), b"", &data);
    // Behind the end of the form: somebody's tag, and padding to a whole sector.
    assert!(sound(&[&bytes[..], b"TAG and so on, up to 128 bytes"].concat()) == expected);
    assert!(sound(&[&bytes[..], &[0; 300]].concat()) == expected);
    // In the form: a chunk that is cut short, and padding.
    let with_list = [&bytes[..], &list(100)[..30]].concat();
    let len = with_list.len() as u32 + 70;
    assert!(sound(&patch(with_list, 4, &len.to_le_bytes())) == expected);
    let padded = [&bytes[..], &[0; 300]].concat();
    let len = padded.len() as u32 - 8;
    assert!(sound(&patch(padded, 4, &len.to_le_bytes())) == expected);
}

#[test]
fn a_file_without_samples_is_empty() {
    for between in [Vec::new(), list(30)] {
        let bytes = writer::wav(&WAVE.format(false), &between, b"");
        assert_eq!(planes(&bytes).unwrap_err().kind(), "empty");
        let trailing = writer::form(
            false,
            b"RIFF",
            b"WAVE",
            &[
                &writer::chunk(false, b"fmt ", &WAVE.format(false)),
                &writer::chunk(false, b"data", b""),
                &list(30),
            ],
        );
        assert_eq!(planes(&trailing).unwrap_err().kind(), "empty");
    }
    assert_eq!(planes(&writer::aiff(None, WAVE, 0, b"")).unwrap_err().kind(), "empty");
}

#[test]
fn more_samples_than_the_count_of_an_aiff_are_doubted() {
    let (data, expected) = writer::encode(Kind::S16, true, 2, &random(1, 1000));
    let (planes, _, outcome) = planes(&writer::aiff(None, WAVE, 300, &data)).unwrap();
    assert!(planes == expected);
    assert_eq!(outcome.status, Status::Partial);
}

#[test]
fn no_prefix_of_a_file_is_ok() {
    let (data, _) = samples(40);
    let (big, _) = writer::encode(Kind::S16, true, 2, &random(1, 80));
    let n_data = data.len();
    let files = [
        writer::wav(&WAVE.format(false), &list(10), &data),
        writer::wav(&WAVE.extensible(16), b"", &data),
        writer::rf64(b"RF64", &WAVE.format(false), n_data as u64, &data),
        writer::wave64(&WAVE.format(false), &data),
        writer::aiff(None, WAVE, 40, &big),
        writer::au(true, 3, WAVE, n_data as u32, &big),
        writer::caf(b"lpcm", 0, WAVE, n_data as i64 + 4, &big),
    ];
    for whole in files {
        sound(&whole);
        for len in 0..whole.len() {
            if let Ok((planes, info, outcome)) = planes(&whole[..len]) {
                assert_eq!(outcome.status, Status::Partial, "{info:?} cut to {len} bytes");
                assert!(planes[0].len() < 40);
            }
        }
    }
}
