//! Finding one's way in a file: counting without decoding, and seeking.

use proptest::prelude::*;

use super::layer3::testing::{Piece, info_frame, mischecked_pieces, random_pieces};
use super::*;
use crate::limits::Limits;
use crate::source::{SharedBytes, Source};

fn open(bytes: &[u8], mix: Mix) -> Mpeg {
    let input =
        Input::open(&Source::Bytes(SharedBytes::new(bytes.to_vec())), &Limits::default()).unwrap();
    Mpeg::open(input, 0, mix).unwrap()
}

/// All that is left.
fn rest(mpeg: &mut Mpeg) -> Vec<Vec<f32>> {
    let mut channels = vec![Vec::new(); mpeg.n_planes];
    let mut block = Block::default();
    while mpeg.next_block(&mut block).unwrap() {
        for (all, channel) in channels.iter_mut().zip(&block.channels) {
            all.extend_from_slice(channel);
        }
    }
    channels
}

/// Files of every kind of layer III stream: sample rates, bit rates that change, reservoirs.
fn files() -> Vec<Vec<Vec<u8>>> {
    let piece = |bitrate: usize, n_frames: usize| Piece { bitrate, n_frames };
    let pieces = [
        (0, 2, vec![piece(9, 60), piece(14, 30), piece(5, 60)]),
        (0, 1, vec![piece(4, 120)]),
        (1, 2, vec![piece(1, 150)]),
        (4, 2, vec![piece(8, 90), piece(3, 90)]),
        // Eleven bytes of main data a frame: a frame may refer to the twenty-third before it.
        (4, 1, vec![piece(1, 200)]),
        (7, 2, vec![piece(8, 120)]),
    ];
    pieces
        .into_iter()
        .map(|(rate, n_channels, pieces)| random_pieces(rate, n_channels, &pieces))
        .collect()
}

/// A layer I frame of random samples in its eight lowest subbands.
fn layer1_file(n_frames: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut bytes = Vec::new();
    for _ in 0..n_frames {
        bytes.extend([0xff, 0xff, 0xe0, 0xc0]);
        bytes.extend([0x33; 4]);
        bytes.extend([0; 12]);
        bytes.extend((0..484 - 20).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }));
    }
    bytes
}

#[test]
fn the_count_is_that_of_a_full_decode_and_what_is_lost_is_noted_once() {
    for frames in files() {
        let n = frames.len();
        let tag = info_frame(&frames[0], n as u32, 576, 1500);
        let lame: Vec<u8> = [tag.clone(), frames.concat()].concat();
        let bare = frames.concat();
        let (before, after) = frames.split_at(n / 2);
        let gap = [before.concat(), vec![0x55; 3000], after.concat()].concat();
        let cut = [tag, frames[..n - 7].concat(), frames[0][..20].to_vec()].concat();
        for (name, bytes) in [("lame", lame), ("bare", bare), ("gap", gap), ("cut", cut)] {
            let mut straight = open(&bytes, Mix::Mono);
            let n_decoded = rest(&mut straight)[0].len() as u64;
            let mut measured = open(&bytes, Mix::Mono);
            assert_eq!(measured.measure().unwrap(), Some(n_decoded), "{name}");
            assert_eq!(measured.measure().unwrap(), Some(n_decoded), "{name}");
            let promised = straight.info.n_samples.unwrap_or(0);
            let n_lost = straight.losses.n_samples.max(promised.saturating_sub(n_decoded));
            assert_eq!(measured.losses.n_samples, n_lost, "{name}");
            assert_eq!(n_lost > 0, matches!(name, "gap" | "cut"), "{name}");
            assert_eq!(rest(&mut measured)[0].len() as u64, n_decoded, "{name}");
            assert_eq!(measured.losses.n_samples, n_lost, "{name}: noted twice");
        }
    }
}

/// A frame of free format differs in nothing but that its header does not state its length.
#[test]
fn frames_of_free_format_decode_as_those_that_state_their_length() {
    let frames = random_pieces(0, 2, &[Piece { bitrate: 9, n_frames: 60 }]);
    let stated = frames.concat();
    let free: Vec<Vec<u8>> = frames
        .iter()
        .map(|frame| {
            let mut frame = frame.clone();
            frame[2] &= 0x0f;
            frame
        })
        .collect();
    let wanted = rest(&mut open(&stated, Mix::Channels));
    let bytes = [b"junk".as_slice(), &free.concat()].concat();
    let source = Source::Bytes(SharedBytes::new(bytes));
    let (signal, info, outcome) =
        crate::decode::decode(&source, &crate::decode::DecodeOptions::default()).unwrap();
    assert_eq!((info.codec.as_str(), info.n_samples), ("mp3", None));
    assert_eq!(outcome.status, crate::outcome::Status::Ok, "{outcome:?}");
    assert!(signal.samples() == wanted.concat());
    // What is missing is found, too.
    let mut torn = free.clone();
    torn[30].fill(0x55);
    let mut torn = open(&torn.concat(), Mix::Channels);
    assert_eq!(rest(&mut torn)[0].len() + 1152, wanted[0].len());
    assert_eq!(torn.losses.n_samples, 1152);
}

#[test]
fn frames_that_were_ruined_at_the_end_are_lost() {
    let frames = random_pieces(0, 2, &[Piece { bitrate: 9, n_frames: 80 }]);
    let (sound, ruined) = (frames[..40].concat(), frames[40..].concat());
    let noise = |n: usize| (0..n).map(|i| ((i * i * 31) >> 3) as u8 & 0x7f).collect::<Vec<_>>();
    let n_whole = 40 * 1152;
    // 500 bytes of items, and no footer.
    let ape = b"APETAGEX\xd0\x07\0\0\xf4\x01\0\0\x01\0\0\0\0\0\0\xa0\0\0\0\0\0\0\0\0";
    for (name, tail, n_lost) in [
        ("zeros", vec![0; ruined.len()], n_whole),
        ("noise", noise(ruined.len()), n_whole),
        ("one frame of noise", noise(frames[0].len()), 1152),
        ("half a header", frames[0][..2].to_vec(), 1152),
        ("a sector of zeros", vec![0; 2048], 0),
        ("a tag without a footer", [&ape[..], &noise(500)].concat(), 0),
        ("a tag at the end", [&b"ID3\x04\0\0\0\0\x10\0"[..], &noise(2048)].concat(), 0),
        ("three letters", [&b"ID3"[..], &noise(ruined.len() - 3)].concat(), n_whole),
        ("a tag and noise", [&ape[..], &noise(500 + ruined.len())].concat(), n_whole),
        ("two bytes", b"\r\n".to_vec(), 0),
    ] {
        let bytes = [&sound[..], &tail].concat();
        let mut straight = open(&bytes, Mix::Mono);
        assert_eq!(rest(&mut straight)[0].len(), n_whole, "{name}");
        let mut measured = open(&bytes, Mix::Mono);
        assert_eq!(measured.measure().unwrap(), Some(n_whole as u64), "{name}");
        rest(&mut measured);
        for losses in [&straight.losses, &measured.losses] {
            let got = losses.n_samples;
            assert!(
                got.abs_diff(n_lost as u64) <= 1152 * (n_lost as u64 / 46_080),
                "{name}: {got}"
            );
            assert_eq!(losses.is_empty(), n_lost == 0, "{name}");
        }
    }
}

#[test]
fn frames_that_were_ruined_at_the_start_are_lost() {
    let frames = random_pieces(0, 2, &[Piece { bitrate: 9, n_frames: 80 }]);
    let sound = frames[40..].concat();
    let n_ruined = frames[..40].concat().len();
    let n_lost = |front: &[u8]| {
        let source = Source::Bytes(SharedBytes::new([front, &sound].concat()));
        let input = Input::open(&source, &Limits::default()).unwrap();
        let mut mpeg = Mpeg::open_file(input, front.len() as u64, Mix::Mono).unwrap();
        assert_eq!(mpeg.measure().unwrap(), Some(40 * 1152));
        (mpeg.losses.n_samples + 576) / 1152
    };
    assert_eq!(n_lost(&vec![0; n_ruined]), 40);
    assert_eq!(n_lost(&vec![0x33; n_ruined]), 40);
    // What is left of a frame; padding behind a tag; a tag that does not belong there, and one that
    // lies about its length.
    assert_eq!(n_lost(&frames[39][7..]), 0);
    assert_eq!(n_lost(&[&b"ID3\x04\0\0\0\0\0\x04tags"[..], &[0; 9000]].concat()), 0);
    assert_eq!(n_lost(&[&b"APETAGEX"[..], &[0x33; 9000]].concat()), 0);
    assert_eq!(n_lost(&[&b"ID3\x04\0\0\x7f\x7f\x7f\x7f"[..], &[0x33; 9000]].concat()), 0);
}

#[test]
fn the_tags_of_a_stream_that_was_appended_are_passed_over() {
    let frames = random_pieces(0, 2, &[Piece { bitrate: 9, n_frames: 80 }]);
    let (first, second) = (frames[..40].concat(), frames[40..].concat());
    let id3v1 = [&b"TAG"[..], &[0x20; 125]].concat();
    let id3v2 = [&b"ID3\x04\0\0\0\0\x10\0"[..], &[0x7f; 2048]].concat();
    for tags in [&id3v1[..], &id3v2, &[id3v1.clone(), id3v2.clone()].concat()] {
        let mut mpeg = open(&[&first[..], tags, &second].concat(), Mix::Mono);
        assert_eq!(rest(&mut mpeg)[0].len(), 80 * 1152);
        assert!(mpeg.losses.is_empty());
    }
}

#[test]
fn foreign_bytes_behind_as_many_frames_as_the_tag_counts_are_no_loss() {
    let frames = random_pieces(0, 2, &[Piece { bitrate: 9, n_frames: 40 }]);
    let tag = info_frame(&frames[0], 40, 576, 1500);
    let mut mpeg = open(&[tag, frames.concat(), vec![0x33; 9000]].concat(), Mix::Mono);
    assert_eq!(rest(&mut mpeg)[0].len() as u64, mpeg.info.n_samples.unwrap());
    assert!(mpeg.losses.is_empty());
}

#[test]
fn a_frame_that_cannot_be_decoded_is_silent_and_moves_nothing() {
    let mut frames = random_pieces(0, 2, &[Piece { bitrate: 9, n_frames: 40 }]);
    let whole = rest(&mut open(&frames.concat(), Mix::Channels));
    // 511 pairs of big values are more than there are lines.
    frames[20][8] = 0xff;
    frames[20][9] |= 0x80;
    let mut mpeg = open(&frames.concat(), Mix::Channels);
    let mended = rest(&mut mpeg);
    assert_eq!(mpeg.losses.n_silenced, 1152);
    assert_eq!(mpeg.losses.n_samples, 0);
    assert_eq!(mended[0].len(), whole[0].len());
    assert!(mended[0][20 * 1152..21 * 1152].iter().all(|&sample| sample == 0.0));
    assert_eq!(mended[0][..20 * 1152], whole[0][..20 * 1152]);
    assert_eq!(mended[0][32 * 1152..], whole[0][32 * 1152..]);
}

/// Writes the checksum that belongs to a stereo frame, bit by bit as the standard draws it.
fn seal(frame: &mut [u8], n_side: usize) {
    let covered = frame[2..4].iter().chain(&frame[6..6 + n_side]);
    let bits = covered.flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
    let sum = bits.fold(0xffff_u16, |sum, bit| {
        let carries = (sum >> 15 == 1) != bit;
        sum << 1 ^ if carries { 0x8005 } else { 0 }
    });
    frame[4..6].copy_from_slice(&sum.to_be_bytes());
}

#[test]
fn a_frame_that_fails_its_checksum_is_silent_where_checksums_are_written_rightly() {
    for (rate, n_side, n_samples) in [(0, 32, 1152), (4, 17, 576)] {
        let pieces = [Piece { bitrate: 9, n_frames: 60 }];
        let mischecked = mischecked_pieces(rate, &pieces);
        let mut mpeg = open(&mischecked.concat(), Mix::Channels);
        let whole = rest(&mut mpeg);
        assert!(mpeg.losses.is_empty(), "an encoder that only writes wrong ones");
        let mut frames = mischecked;
        for frame in &mut frames {
            seal(frame, n_side);
        }
        let mut mpeg = open(&frames.concat(), Mix::Channels);
        assert_eq!(rest(&mut mpeg), whole);
        assert!(mpeg.losses.is_empty());
        // A gain: as loud as before or not, the frame decodes.
        frames[40][6 + 7] ^= 1;
        let mut mpeg = open(&frames.concat(), Mix::Channels);
        let mended = rest(&mut mpeg);
        assert_eq!(mpeg.losses.n_silenced, n_samples as u64);
        assert_eq!(mended[0].len(), whole[0].len());
        assert!(mended[0][40 * n_samples..41 * n_samples].iter().all(|&sample| sample == 0.0));
        assert_eq!(mended[0][..40 * n_samples], whole[0][..40 * n_samples]);
    }
}

#[test]
fn frames_of_another_sample_rate_are_lost_and_do_not_end_the_track_in_silence() {
    let first = random_pieces(0, 1, &[Piece { bitrate: 9, n_frames: 20 }]).concat();
    let other = random_pieces(4, 1, &[Piece { bitrate: 9, n_frames: 20 }]).concat();
    for bytes in [[&first[..], &other, &first].concat(), [&first[..], &other].concat()] {
        let mut mpeg = open(&bytes, Mix::Mono);
        let measured = mpeg.measure().unwrap().unwrap();
        assert!(measured.is_multiple_of(20 * 1152));
        assert!(mpeg.losses.n_samples > 0);
        assert_eq!(rest(&mut mpeg)[0].len() as u64, measured);
    }
}

#[test]
fn seeking_in_layer_one_gives_the_samples_of_a_full_decode() {
    let bytes = layer1_file(120);
    let whole = rest(&mut open(&bytes, Mix::Mono));
    assert!(whole[0].iter().any(|sample| sample.abs() > 0.01));
    for sample in [12_000, 30_001, 46_000] {
        let mut mpeg = open(&bytes, Mix::Mono);
        let at = mpeg.seek(sample).unwrap().unwrap() as usize;
        assert_eq!(rest(&mut mpeg)[0], whole[0][at..]);
    }
}

#[test]
fn seeking_behind_the_end_comes_to_the_end() {
    let frames = random_pieces(0, 1, &[Piece { bitrate: 9, n_frames: 40 }]);
    let mut mpeg = open(&frames.concat(), Mix::Mono);
    assert!(mpeg.seek(1 << 40).unwrap().is_some());
    assert!(rest(&mut mpeg)[0].is_empty());
    assert_eq!(mpeg.losses.n_samples, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn seeking_gives_the_samples_of_a_full_decode_bit_for_bit(
        file in 0_usize..6,
        mono: bool,
        tagged: bool,
        places in proptest::collection::vec(0.0_f64..1.0, 1..4),
        n_read in 1_usize..6,
    ) {
        let frames = &files()[file];
        let tag = info_frame(&frames[0], frames.len() as u32, 576, 1500);
        let bytes = if tagged { [tag, frames.concat()].concat() } else { frames.concat() };
        let mix = if mono { Mix::Mono } else { Mix::Channels };
        let whole = rest(&mut open(&bytes, mix));
        let mut mpeg = open(&bytes, mix);
        let mut position = 0;
        let mut places = places;
        places.sort_by(f64::total_cmp);
        let mut block = Block::default();
        for place in places {
            let wanted = (place * whole[0].len() as f64) as u64;
            if let Some(at) = mpeg.seek(wanted).unwrap() {
                prop_assert!(at <= wanted && wanted - at < 1152);
                position = at as usize;
            }
            for _ in 0..n_read {
                if !mpeg.next_block(&mut block).unwrap() {
                    break;
                }
                for (whole, channel) in whole.iter().zip(&block.channels) {
                    prop_assert_eq!(&whole[position..position + channel.len()], &channel[..]);
                }
                position += block.n_samples();
            }
        }
        for (whole, channel) in whole.iter().zip(rest(&mut mpeg)) {
            prop_assert_eq!(&whole[position..], &channel[..]);
        }
    }
}
