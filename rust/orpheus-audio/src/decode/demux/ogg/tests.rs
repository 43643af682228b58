//! Granule positions, changed in a track of ../shared/audio (skipped where that is absent).

use std::path::Path;

use super::super::bytes::{le_u32, le_u64};
use super::page::crc32;
use crate::decode::{DecodeOptions, Decoder, decode};
use crate::limits::Limits;
use crate::outcome::Status;
use crate::signal::Signal;
use crate::source::Source;

/// The track with every granule position of its audio mapped, and its checksums made right again.
fn with_granules(map: impl Fn(u64) -> u64) -> Option<Vec<u8>> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/audio");
    let Ok(bytes) = std::fs::read(shared.join("music/aakburns--ghost-2.ogg")) else {
        eprintln!("skipped: ../shared/audio is not there");
        return None;
    };
    Some(with_pages(bytes, map))
}

/// Makes the checksums right.
fn with_new_checksums(bytes: Vec<u8>) -> Vec<u8> {
    with_pages(bytes, |granule| granule)
}

fn with_pages(mut bytes: Vec<u8>, map: impl Fn(u64) -> u64) -> Vec<u8> {
    let mut at = 0;
    while at < bytes.len() {
        let n_segments = usize::from(bytes[at + 26]);
        let lacing = &bytes[at + 27..at + 27 + n_segments];
        let end = at + 27 + n_segments + lacing.iter().map(|&n| usize::from(n)).sum::<usize>();
        let granule = le_u64(&bytes, at + 6).unwrap();
        if granule != 0 && granule != u64::MAX {
            bytes[at + 6..at + 14].copy_from_slice(&map(granule).to_le_bytes());
        }
        bytes[at + 22..at + 26].fill(0);
        let sum = crc32(0, &bytes[at..end]);
        bytes[at + 22..at + 26].copy_from_slice(&sum.to_le_bytes());
        at = end;
    }
    assert!(le_u32(&bytes, 22).is_some());
    bytes
}

fn whole(bytes: &[u8]) -> Signal {
    let source = Source::Bytes(bytes.into());
    let (signal, _, outcome) = decode(&source, &DecodeOptions::default()).unwrap();
    assert_eq!(outcome.message, "");
    let mut decoder = Decoder::open(&source, &Limits::default()).unwrap();
    assert_eq!(decoder.measure().unwrap(), Some(signal.n_samples() as u64));
    signal
}

#[test]
fn a_first_page_that_says_less_than_it_holds_cuts_the_beginning_off() {
    let (Some(plain), Some(early)) = (with_granules(|n| n), with_granules(|n| n - 500)) else {
        return;
    };
    let (plain, early) = (whole(&plain), whole(&early));
    assert_eq!(early.n_samples(), plain.n_samples() - 500);
    assert_eq!(early.samples()[..1000], plain.samples()[500..1500]);
}

#[test]
fn a_stream_cut_out_of_a_longer_one_keeps_all_its_samples() {
    let (Some(plain), Some(late)) = (with_granules(|n| n), with_granules(|n| n + 1_000_000)) else {
        return;
    };
    assert_eq!(whole(&late).samples(), whole(&plain).samples());
}

#[test]
fn the_last_page_cuts_the_end_off() {
    let Some(plain) = with_granules(|n| n) else { return };
    let n_whole = whole(&plain).n_samples() as u64;
    let Some(short) = with_granules(|n| if n == n_whole { n - 300 } else { n }) else { return };
    assert_eq!(whole(&short).n_samples() as u64, n_whole - 300);
}

#[test]
fn a_chained_stream_that_cannot_be_decoded_costs_only_itself() {
    let Some(first) = with_granules(|n| n) else { return };
    let mut second = first.clone();
    let setup = second.windows(7).position(|seven| seven == b"\x05vorbis").unwrap();
    // The first codebook is none.
    second[setup + 8..setup + 11].fill(0);
    let second = with_new_checksums(second);
    let source = Source::Bytes([first.as_slice(), &second].concat().into());
    let (signal, _, outcome) = decode(&source, &DecodeOptions::default()).unwrap();
    assert_eq!(outcome.status, Status::Partial);
    assert!(outcome.message.contains("chained"), "{outcome:?}");
    assert_eq!(signal.samples(), whole(&first).samples());
}
