//! Movies made here.

use super::testing::{Movie, atom, entry, words};
use crate::decode::{DecodeOptions, decode};
use crate::outcome::Outcome;
use crate::signal::Signal;
use crate::source::Source;

fn whole(bytes: &[u8]) -> (Signal, Outcome) {
    let source = Source::Bytes(bytes.into());
    let (signal, _, outcome) = decode(&source, &DecodeOptions::default()).unwrap();
    (signal, outcome)
}

/// Numbers that no other byte order has, and those of a sine.
fn values() -> Vec<f64> {
    (0..300).map(|n| (f64::from(n) * 0.1).sin() * 0.75).collect()
}

/// A movie of one channel of samples of so many bytes, each written by `write`.
fn movie(entry: Vec<u8>, write: impl Fn(f64) -> Vec<u8>) -> Vec<u8> {
    let packets: Vec<Vec<u8>> = values().into_iter().map(write).collect();
    let times = vec![[packets.len() as u32, 1]];
    Movie { rate: 8000, entry, times, packets, ..Movie::default() }.bytes()
}

fn integer(value: f64, n_bytes: usize, is_big: bool) -> Vec<u8> {
    let whole = ((value * 2_147_483_648.0) as i32).to_be_bytes();
    let mut bytes = whole[..n_bytes].to_vec();
    if !is_big {
        bytes.reverse();
    }
    bytes
}

fn float(value: f64, n_bytes: usize, is_big: bool) -> Vec<u8> {
    let mut bytes = value.to_be_bytes().to_vec();
    if n_bytes == 4 {
        bytes = (value as f32).to_be_bytes().to_vec();
    }
    if !is_big {
        bytes.reverse();
    }
    bytes
}

fn assert_sounds(what: &str, bytes: &[u8]) {
    let (signal, outcome) = whole(bytes);
    assert_eq!((outcome.message.as_str(), signal.n_samples()), ("", 300), "{what}");
    for (got, wanted) in signal.samples().iter().zip(values()) {
        assert!((f64::from(*got) - wanted).abs() < 1e-4, "{what}: {got} for {wanted}");
    }
}

#[test]
fn the_numbers_of_quicktime_are_in_the_order_that_enda_says() {
    let forms: [(&[u8; 4], usize, fn(f64, usize, bool) -> Vec<u8>); 4] =
        [(b"in24", 3, integer), (b"in32", 4, integer), (b"fl32", 4, float), (b"fl64", 8, float)];
    for (kind, n_bytes, write) in forms {
        for (flag, is_big) in [(None, true), (Some(0), true), (Some(1), false)] {
            let enda = flag.map(|flag: u8| atom(b"enda", &[0, flag])).unwrap_or_default();
            let wave = atom(b"wave", &[atom(b"frma", kind), enda, words(&[8, 0])].concat());
            let entry = entry(kind, 1, [1, 16], 8000, &wave);
            let what = String::from_utf8_lossy(kind);
            assert_sounds(&what, &movie(entry, |value| write(value, n_bytes, is_big)));
        }
    }
}

#[test]
fn linear_pcm_of_version_2_is_what_its_flags_say() {
    const FLOAT: u32 = 1;
    const BIG_ENDIAN: u32 = 2;
    const SIGNED: u32 = 4;
    const PACKED: u32 = 8;
    let forms = [(2, SIGNED), (3, SIGNED), (4, SIGNED), (4, FLOAT), (8, FLOAT)];
    for (n_bytes, kind) in forms {
        for order in [0, BIG_ENDIAN] {
            let mut body = words(&[0, 1, 0x2_0000, 0, 0x3_0010, 0xfffe_0000, 0x1_0000, 72]);
            body.extend(8000_f64.to_be_bytes());
            let flags = kind | order | PACKED;
            body.extend(words(&[1, 0x7f00_0000, 8 * n_bytes, flags, n_bytes, 1]));
            let write = if kind == FLOAT { float } else { integer };
            let bytes = movie(atom(b"lpcm", &body), |value| {
                write(value, n_bytes as usize, order == BIG_ENDIAN)
            });
            assert_sounds(&format!("{n_bytes} bytes, flags {flags}"), &bytes);
        }
    }
}
