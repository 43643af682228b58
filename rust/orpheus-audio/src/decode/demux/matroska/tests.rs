//! Files of two tracks of PCM, made here.

use crate::decode::{DecodeOptions, decode};
use crate::outcome::{Outcome, Status};
use crate::source::Source;

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
