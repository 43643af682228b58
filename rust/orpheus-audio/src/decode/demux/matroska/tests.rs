//! Files of two tracks of PCM, made here, and files of ../shared/audio (skipped where that is absent)
//! with damage.

use std::path::Path;

use super::super::bytes::Bytes;
use super::{BLOCK_GROUP, CLUSTER, SEGMENT, SIMPLE_BLOCK, ebml};
use crate::decode::{DecodeOptions, decode};
use crate::limits::Limits;
use crate::outcome::{Outcome, Status};
use crate::signal::Signal;
use crate::source::{Input, Source};

fn element(id: u32, body: &[u8]) -> Vec<u8> {
    let id = id.to_be_bytes();
    let n_zeros = id.iter().take_while(|&&byte| byte == 0).count();
    let size = (1 << 56 | body.len() as u64).to_be_bytes();
    [&id[n_zeros..], &size, body].concat()
}

/// Signed 16 bit, mono, 8 kHz.
fn entry(number: u8, codec: &[u8]) -> Vec<u8> {
    let audio = [element(0xb5, &8000_f32.to_be_bytes()), element(0x6264, &[16])].concat();
    let fields = [
        element(0xd7, &[number]),
        element(0x83, &[2]),
        element(0x86, codec),
        element(0xe1, &audio),
    ];
    element(0xae, &fields.concat())
}

fn block(track: u8, milliseconds: u16, n_samples: usize) -> Vec<u8> {
    let time = milliseconds.to_be_bytes();
    let head = [0x80 | track, time[0], time[1], 0];
    element(0xa1, &[&head[..], &[1, 2].repeat(n_samples)].concat())
}

fn file(codecs: [&[u8]; 2], groups: &[Vec<u8>]) -> Vec<u8> {
    let tracks = element(0x1654_ae6b, &[entry(1, codecs[0]), entry(2, codecs[1])].concat());
    let groups: Vec<u8> = groups.iter().flat_map(|group| element(0xa0, group)).collect();
    let cluster = element(0x1f43_b675, &[element(0xe7, &[0]), groups].concat());
    let head = element(0x1a45_dfa3, &element(0x4282, b"matroska"));
    [head, element(0x1853_8067, &[tracks, cluster].concat())].concat()
}

fn length(bytes: &[u8]) -> (usize, Outcome) {
    let (signal, _, outcome) =
        decode(&Source::Bytes(bytes.into()), &DecodeOptions::default()).unwrap();
    (signal.n_samples(), outcome)
}

const PCM: &[u8] = b"A_PCM/INT/LIT";

#[test]
fn padding_to_discard_is_that_of_its_own_block() {
    // A tenth of a second.
    let discard = element(0x75a2, &100_000_000_u32.to_be_bytes());
    let ours =
        file([PCM, PCM], &[block(2, 0, 8000), [block(1, 0, 8000), discard.clone()].concat()]);
    assert_eq!(length(&ours).0, 7200);
    // The order of elements in a group is free.
    let before =
        file([PCM, PCM], &[block(2, 0, 8000), [discard.clone(), block(1, 0, 8000)].concat()]);
    assert_eq!(length(&before).0, 7200);
    let theirs_before =
        file([PCM, PCM], &[[discard.clone(), block(2, 0, 8000)].concat(), block(1, 0, 8000)]);
    assert_eq!(length(&theirs_before).0, 8000);
    let theirs = file([PCM, PCM], &[block(1, 0, 8000), [block(2, 0, 8000), discard].concat()]);
    let (n_samples, outcome) = length(&theirs);
    assert_eq!((n_samples, outcome.status), (8000, Status::Ok), "{outcome:?}");
}

#[test]
fn another_track_does_not_stand_in_for_one_that_others_decode() {
    let bytes = file([b"A_AC3", PCM], &[block(1, 0, 800), block(2, 0, 800)]);
    let refused = decode(&Source::Bytes(bytes.into()), &DecodeOptions::default()).unwrap_err();
    assert_eq!(refused.kind(), "unsupported");
    let bytes = file([b"A_VORBIS", PCM], &[block(1, 0, 800), block(2, 0, 800)]);
    let (n_samples, outcome) = length(&bytes);
    assert_eq!((n_samples, outcome.status), (800, Status::Partial));
    assert!(outcome.message.contains("the first audio track"), "{outcome:?}");
}

#[test]
fn a_profile_of_aac_that_is_not_decoded_is_refused_by_its_name() {
    for codec in [&b"A_AAC/MPEG4/MAIN"[..], b"A_AAC/MPEG2/SSR", b"A_AAC/MPEG4/LTP"] {
        let bytes = file([codec, PCM], &[block(1, 0, 800)]);
        let refused = decode(&Source::Bytes(bytes.into()), &DecodeOptions::default()).unwrap_err();
        assert_eq!(refused.kind(), "unsupported");
        assert!(refused.to_string().contains(std::str::from_utf8(codec).unwrap()), "{refused}");
    }
}

/// A segment of unknown size with a duration, and clusters of a block of each of the tracks at so many
/// milliseconds; every block lasts a second.
fn live(duration_ms: f64, clusters: &[&[(u8, u16)]]) -> Vec<u8> {
    let information = element(0x1549_a966, &element(0x4489, &duration_ms.to_be_bytes()));
    let tracks = element(0x1654_ae6b, &[entry(1, PCM), entry(2, b"A_VORBIS")].concat());
    let cluster = |blocks: &&[(u8, u16)]| {
        let groups = blocks.iter().map(|&(track, time)| element(0xa0, &block(track, time, 8000)));
        element(0x1f43_b675, &[element(0xe7, &[0]), groups.collect::<Vec<_>>().concat()].concat())
    };
    let clusters: Vec<u8> = clusters.iter().flat_map(cluster).collect();
    let head = element(0x1a45_dfa3, &element(0x4282, b"matroska"));
    [&head[..], &[0x18, 0x53, 0x80, 0x67, 0xff], &information, &tracks, &clusters].concat()
}

#[test]
fn a_file_that_was_cut_between_two_clusters_is_shorter_than_it_says() {
    let whole = live(3000.0, &[&[(1, 0)], &[(1, 1000)], &[(1, 2000)]]);
    assert_eq!(length(&whole).1.message, "");
    let cut = length(&live(3000.0, &[&[(1, 0)], &[(1, 1000)]])).1;
    assert_eq!((cut.status, cut.seconds_lost), (Status::Partial, 1.0), "{cut:?}");
    // Sound that begins late, and a picture that stands longer than the sound lasts.
    let late = live(3000.0, &[&[(1, 1000)], &[(1, 2000)]]);
    assert_eq!(length(&late).1.message, "");
    let picture = live(9000.0, &[&[(1, 0), (2, 4000)], &[(1, 1000), (2, 8000)]]);
    assert_eq!(length(&picture).1.message, "");
    let cut = length(&live(60_000.0, &[&[(1, 0), (2, 0)], &[(1, 1000), (2, 1000)]])).1;
    assert_eq!((cut.status, cut.seconds_lost), (Status::Partial, 58.0), "{cut:?}");
}

fn read(name: &str) -> Option<Vec<u8>> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/audio/formats");
    let bytes = std::fs::read(shared.join(name)).ok();
    if bytes.is_none() {
        eprintln!("skipped: ../shared/audio is not there");
    }
    bytes
}

/// Where the blocks begin, and where the first byte of their frame is, if they have no lacing.
fn blocks(bytes: &[u8]) -> Vec<(usize, usize)> {
    let input = Input::open(&Source::Bytes(bytes.into()), &Limits::default()).unwrap();
    let mut bytes = Bytes::new(input, 0, bytes.len() as u64);
    let (mut at, mut found) = (0, Vec::new());
    while let Some(element) = ebml::element(&mut bytes, at).unwrap() {
        if element.id == SIMPLE_BLOCK {
            found.push((at as usize, element.body as usize + 4));
        }
        let is_entered = matches!(element.id, SEGMENT | CLUSTER | BLOCK_GROUP);
        at = if is_entered { element.body } else { element.end().unwrap() };
    }
    found
}

fn decoded(bytes: &[u8], start_seconds: f64) -> (Signal, Outcome) {
    let options = DecodeOptions { start_seconds, ..DecodeOptions::default() };
    let (signal, _, outcome) = decode(&Source::Bytes(bytes.into()), &options).unwrap();
    (signal, outcome)
}

/// Asserts that all is there but for a stretch of so many samples at most, which is told, and that a
/// window is that of the whole.
fn assert_one_hole(what: &str, sound: &Signal, damaged: &[u8], n_most: usize) {
    let (signal, outcome) = decoded(damaged, 0.0);
    let rate = f64::from(sound.sample_rate());
    assert_eq!(outcome.status, Status::Partial, "{what}");
    let n_lost = (outcome.seconds_lost * rate).round() as usize;
    assert!(n_lost >= 1 && n_lost <= n_most, "{what}: {outcome:?}");
    assert_eq!(signal.n_samples(), sound.n_samples(), "{what}: {outcome:?}");
    let left = |signal: &Signal| signal.samples()[..signal.n_samples()].to_vec();
    let (got, wanted) = (left(&signal), left(sound));
    let differs = |n: &usize| (got[*n] - wanted[*n]).abs() > 1e-6;
    let first = (0..got.len()).find(differs).unwrap_or(0);
    let last = (0..got.len()).rfind(differs).unwrap_or(0);
    // What stands behind the hole is where it was; a block or two beside it are half of what they were.
    assert!(last - first <= n_most + 4096, "{what}: {first} to {last}");
    let start = (rate * 2.5) as usize;
    let (window, _) = decoded(damaged, start as f64 / rate);
    let pairs = left(&window).into_iter().zip(&got[start..]);
    assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-5), "{what}: window");
}

#[test]
fn a_block_that_is_missing_is_silence_in_its_place() {
    for (name, n_most) in [("aac.mkv", 2048), ("vorbis.mka", 4096), ("vorbis.webm", 4096)] {
        let Some(bytes) = read(name) else { return };
        let sound = decoded(&bytes, 0.0).0;
        let blocks = blocks(&bytes);
        assert!(blocks.len() > 60, "{name}");
        for number in (9..60).step_by(3) {
            let mut damaged = bytes.clone();
            // An id that nobody knows.
            damaged[blocks[number].0] ^= 0x08;
            assert_one_hole(&format!("{name}: {number}"), &sound, &damaged, n_most);
        }
    }
}

#[test]
fn a_packet_of_vorbis_that_cannot_be_read_is_silence_in_its_place() {
    for name in ["vorbis.mka", "vorbis.webm"] {
        let Some(bytes) = read(name) else { return };
        let sound = decoded(&bytes, 0.0).0;
        let blocks = blocks(&bytes);
        for number in (9..60).step_by(3) {
            let mut damaged = bytes.clone();
            damaged[blocks[number].1] |= 1;
            assert_one_hole(&format!("{name}: {number}"), &sound, &damaged, 4096);
        }
    }
}
