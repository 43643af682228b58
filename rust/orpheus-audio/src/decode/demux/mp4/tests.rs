//! Movies made here.

use super::testing::{Movie, atom, entry, words};
use crate::decode::{DecodeOptions, decode};
use crate::outcome::{Outcome, Status};
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

/// Writes a value in so many bytes, big-endian or not.
type Write = fn(f64, usize, bool) -> Vec<u8>;

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
    for (kind, n_bytes, write) in [
        (b"in24", 3, integer as Write),
        (b"in32", 4, integer),
        (b"fl32", 4, float),
        (b"fl64", 8, float),
    ] {
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

/// Packets of Opus with anything in them: 20 ms each of one channel.
fn opus(n_packets: u32, ticks: u32) -> Movie {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let mut packet = || [0xf8].into_iter().chain((0..80).map(|_| next())).collect::<Vec<u8>>();
    let head = atom(b"dOps", &[0, 1, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0]);
    Movie {
        rate: 48_000,
        entry: entry(b"Opus", 0, [1, 16], 48_000, &head),
        times: vec![[n_packets, ticks]],
        packets: (0..n_packets).map(|_| packet()).collect(),
        ..Movie::default()
    }
}

#[test]
fn a_table_of_times_that_lies_is_told_and_costs_nothing() {
    let (right, outcome) = whole(&opus(300, 960).bytes());
    assert_eq!((outcome.message.as_str(), right.n_samples()), ("", 300 * 960));
    let right = right.samples();
    // A clock that is a little slow, and one that is too slow to be one.
    for (ticks, status) in [(950, Status::Ok), (940, Status::Partial)] {
        let bytes = opus(300, ticks).bytes();
        let (signal, outcome) = whole(&bytes);
        assert_eq!(outcome.status, status, "{outcome:?}");
        // Only of the last packet the table may say that not all of it sounds.
        let n_samples = 299 * 960 + ticks as usize;
        assert!(signal.samples() == &right[..n_samples], "{}", signal.n_samples());
        let options = DecodeOptions { start_seconds: 2.0, ..DecodeOptions::default() };
        let (window, _, _) = decode(&Source::Bytes(bytes.into()), &options).unwrap();
        assert!(window.samples() == &right[96_000..n_samples]);
    }
    // Longer than the packets are: silence where something would be.
    let (signal, outcome) = whole(&opus(150, 1000).bytes());
    assert_eq!(outcome.status, Status::Partial, "{outcome:?}");
    let n_lost = (outcome.seconds_lost * 48_000.0).round() as usize;
    assert_eq!(n_lost, 150 * 40, "{outcome:?}");
    assert!(signal.n_samples() > 147_000);
}

#[test]
fn a_clock_that_wobbles_is_no_damage() {
    let times = (0..50).flat_map(|_| [[1, 960 + 448], [1, 960 - 448], [1, 960]]).collect();
    let (right, _) = whole(&opus(150, 960).bytes());
    let (signal, outcome) = whole(&Movie { times, ..opus(150, 960) }.bytes());
    assert_eq!(outcome.message, "");
    assert!(signal.samples() == right.samples());
}

#[test]
fn several_edits_are_followed_if_they_are_one_and_told_if_not() {
    let edited =
        |edits: &[[u32; 3]]| whole(&Movie { edits: edits.to_vec(), ..opus(50, 960) }.bytes());
    let (right, outcome) = edited(&[[9600, 960, 0x1_0000]]);
    assert_eq!((outcome.message.as_str(), right.n_samples()), ("", 9600));
    let (joined, outcome) = edited(&[[4800, 960, 0x1_0000], [4800, 5760, 0x1_0000]]);
    assert_eq!(outcome.message, "");
    assert_eq!(joined.samples(), right.samples());
    let (_, outcome) = edited(&[[4800, 960, 0x1_0000], [4800, 19_200, 0x1_0000]]);
    assert_eq!(outcome.status, Status::Partial);
    assert!(outcome.message.contains("several edits"), "{outcome:?}");
}

#[test]
fn mp3_in_a_movie_needs_no_description_of_its_own() {
    let configuration = |object_type: u8| [&[object_type, 0x15][..], &[0; 11]].concat();
    for object_type in [0x6b, 0x69] {
        let configuration = [&[4, 13][..], &configuration(object_type)].concat();
        let body = [&[0, 1, 0][..], &configuration, &[6, 1, 2]].concat();
        let esds = [&[0, 0, 0, 0, 3, body.len() as u8][..], &body].concat();
        let entry = entry(b"mp4a", 0, [2, 16], 44_100, &atom(b"esds", &esds));
        let movie = Movie { entry, ..opus(5, 1152) };
        let source = Source::Bytes(movie.bytes().into());
        let refused = decode(&source, &DecodeOptions::default()).unwrap_err();
        assert_eq!(refused.kind(), "unsupported", "{refused}");
        assert!(refused.to_string().contains("MP3"), "{refused}");
    }
}

/// A movie of so many fragments of 50 packets of Opus each, the first of which has this number, and a
/// statement of how many there should be.
fn fragmented(numbers: std::ops::Range<u32>, n_stated: u32) -> Vec<u8> {
    let packets = opus(50, 960).packets;
    let extends = atom(b"trex", &words(&[0, 1, 1, 960, 0, 0]));
    let extends = [atom(b"mehd", &words(&[0, n_stated * 50 * 960])), extends].concat();
    let movie = Movie { packets: Vec::new(), times: Vec::new(), ..opus(0, 960) };
    let mut bytes = Movie { behind: atom(b"mvex", &extends), ..movie }.bytes();
    for number in numbers {
        let sizes: Vec<u32> = packets.iter().map(|packet| packet.len() as u32).collect();
        let fragment = |offset: u32| {
            let run = [words(&[0x201, 50, offset]), words(&sizes)].concat();
            let track = [
                atom(b"tfhd", &words(&[0x2_0000, 1])),
                atom(b"tfdt", &words(&[0, number * 50 * 960])),
                atom(b"trun", &run),
            ];
            atom(b"moof", &atom(b"traf", &track.concat()))
        };
        let n_fragment = fragment(0).len() as u32;
        bytes.extend(fragment(n_fragment + 8));
        bytes.extend(atom(b"mdat", &packets.concat()));
    }
    bytes
}

#[test]
fn fragments_that_are_missing_at_either_end_are_told_by_the_stated_duration() {
    let (signal, outcome) = whole(&fragmented(0..4, 4));
    assert_eq!((outcome.message.as_str(), signal.n_samples()), ("", 4 * 48_000));
    for numbers in [0..3, 1..4] {
        let (signal, outcome) = whole(&fragmented(numbers, 4));
        assert_eq!((outcome.status, signal.n_samples()), (Status::Partial, 3 * 48_000));
        assert!((outcome.seconds_lost - 1.0).abs() < 1e-9, "{outcome:?}");
    }
}
