use super::{decoded, expected, is_ok, small};
use crate::decode::flac::testing::{Shape, Stream};
use crate::decode::{DecodeOptions, decode};
use crate::outcome::Outcome;
use crate::source::Source;

/// Decodes it, and asserts that the samples are right all the same.
fn outcome(stream: &Stream, bytes: &[u8]) -> Outcome {
    let (samples, outcome) = decoded(bytes).unwrap();
    assert!(samples == expected(stream, 16));
    outcome
}

fn with_block(stream: &Stream, kind: u8, claimed: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = stream.bytes.clone();
    bytes[4] &= 0x7f;
    let mut block = vec![0x80 | kind];
    block.extend(&claimed.to_be_bytes()[1..]);
    block.extend(content);
    bytes.splice(42..42, block);
    bytes
}

#[test]
fn a_sum_that_does_not_match_is_told_and_one_of_zeros_is_none() {
    let mut stream = small(1).encode();
    stream.set_md5([7; 16]);
    let wrong = outcome(&stream, &stream.bytes);
    let message = "decoded samples do not match the MD5 of the file";
    assert_eq!(wrong.message, message);
    stream.set_md5([0; 16]);
    assert!(is_ok(&outcome(&stream, &stream.bytes)));
}

#[test]
fn a_stream_of_unknown_length_must_end_with_a_frame_or_a_tag() {
    let stream = small(2).encode().without_length();
    assert!(is_ok(&outcome(&stream, &stream.bytes)));
    let tag = [&stream.bytes[..], b"TAG", &[b'x'; 125]].concat();
    assert!(is_ok(&outcome(&stream, &tag)));
    let junk = [&stream.bytes[..], &[b'x'; 125]].concat();
    assert!(!is_ok(&outcome(&stream, &junk)));
    let n = stream.bytes.len();
    let (_, cut) = decoded(&stream.bytes[..n - 1]).unwrap();
    assert_eq!(cut.message, "behind the last sound frame: a frame is cut off");
    assert!(cut.seconds_lost > 0.0);
}

#[test]
fn bytes_in_front_and_behind_cost_nothing() {
    let stream = small(3).encode();
    let tag = [b"ID3\x04\0\0\0\0\0\x05hello", &stream.bytes[..], b"TAG and more"].concat();
    assert!(is_ok(&outcome(&stream, &tag)));
}

#[test]
fn blocks_that_lie_about_their_length_cost_no_audio() {
    let stream = small(4).encode();
    for claimed in [3, 12, 13, 900, 0x00ff_ffff] {
        let bytes = with_block(&stream, 6, claimed, b"half a picture");
        assert!(is_ok(&outcome(&stream, &bytes)), "{claimed}");
    }
}

#[test]
fn block_sizes_that_streaminfo_is_wrong_about_do_not_matter() {
    let stream = small(5).encode();
    for (least, most) in [(16, 16), (4096, 4096), (16, 65_535), (0, 0), (300, 200)] {
        let mut bytes = stream.bytes.clone();
        bytes[8..10].copy_from_slice(&u16::to_be_bytes(least));
        bytes[10..12].copy_from_slice(&u16::to_be_bytes(most));
        assert!(is_ok(&outcome(&stream, &bytes)), "{least} {most}");
        // Also where a frame is lost, and only the size tells how much of the stream it was.
        bytes[usize::midpoint(stream.offsets[7], stream.offsets[8])] ^= 1;
        let (_, partial) = decoded(&bytes).unwrap();
        assert_eq!((partial.seconds_lost * 44_100.0).round() as u64, 256, "{least} {most}");
    }
}

#[test]
fn streams_from_before_the_format_was_settled_count_samples_without_saying_so() {
    let stream = Shape { variable: true, ..small(6) }.encode();
    let mut bytes = stream.bytes.clone();
    for offsets in stream.offsets.windows(2) {
        let frame = &mut bytes[offsets[0]..offsets[1]];
        let header = crate::decode::flac::header::FrameHeader::parse(frame).unwrap();
        frame[1] = 0xf8;
        let n = header.n_bytes;
        frame[n - 1] = crate::decode::flac::crc::crc8(&frame[..n - 1]);
        let n = frame.len();
        let sum = crate::decode::flac::crc::crc16(&frame[..n - 2]);
        frame[n - 2..].copy_from_slice(&sum.to_be_bytes());
    }
    assert!(is_ok(&outcome(&stream, &bytes)));
    let mut decoder = super::open(&bytes);
    assert_eq!(decoder.measure().unwrap(), Some(stream.samples[0].len() as u64));
}

#[test]
fn a_streaminfo_of_another_format_yields_to_the_frames_and_is_told() {
    // Eight bits have a code of their own, so that frames name them.
    let shape = Shape { n_bits: 16, n_channels: 1, ..small(7) };
    let stream = shape.encode();
    let mut bytes = stream.bytes.clone();
    bytes[20] ^= 0x02;
    match decoded(&bytes) {
        Ok((samples, outcome)) => {
            assert_eq!(samples.len(), 1);
            assert!(!is_ok(&outcome));
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn more_samples_than_promised_are_told_of() {
    let mut stream = small(8).encode();
    stream.set_length(1000);
    stream.set_md5([0; 16]);
    let more = outcome(&stream, &stream.bytes);
    assert_eq!(more.message, "holds more samples than its STREAMINFO says");
}

#[test]
fn a_stream_cut_out_of_a_longer_one_begins_where_it_begins() {
    let stream = small(9).encode().without_length();
    let bytes = [&stream.bytes[..42], &stream.bytes[stream.offsets[10]..]].concat();
    let mut cut = bytes.clone();
    cut[26..42].fill(0);
    let (samples, outcome) = decoded(&cut).unwrap();
    assert!(samples[0] == expected(&stream, 16)[0][stream.positions[10]..]);
    assert!(is_ok(&outcome), "{outcome:?}");
    let mut decoder = super::open(&cut);
    assert_eq!(decoder.measure().unwrap(), Some(samples[0].len() as u64));
}

#[test]
fn more_samples_than_are_promised_are_told_whole_or_in_part() {
    let mut stream = small(11).encode();
    let n_samples = stream.samples[0].len() as u64;
    stream.set_length(n_samples / 3);
    let told = "holds more samples than its STREAMINFO says";
    assert_eq!(outcome(&stream, &stream.bytes).message, told);
    for start in [0.0, 0.01, n_samples as f64 / 44_100.0 * 0.6] {
        let source = Source::Bytes(stream.bytes.as_slice().into());
        let options = DecodeOptions {
            start_seconds: start,
            duration_seconds: Some(0.005),
            ..DecodeOptions::default()
        };
        let (_, _, outcome) = decode(&source, &options).unwrap();
        assert_eq!(outcome.message, told, "from {start}");
    }
}

#[test]
fn a_second_file_behind_the_first_is_told() {
    let stream = small(12).encode();
    let joined = [&stream.bytes[..], &stream.bytes].concat();
    let told = "another FLAC file follows, which is not decoded";
    assert_eq!(outcome(&stream, &joined).message, told);
}
