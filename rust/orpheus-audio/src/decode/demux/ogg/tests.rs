//! Pages of tracks of ../shared/audio (skipped where that is absent), changed and filled anew.

use std::path::Path;

use super::super::bytes::{le_u32, le_u64};
use super::super::{Demuxer, Packet};
use super::Ogg;
use super::page::crc32;
use crate::decode::{DecodeOptions, Decoder, Losses, decode};
use crate::limits::Limits;
use crate::outcome::Status;
use crate::signal::Signal;
use crate::source::{Input, Source};

/// The track with every granule position of its audio mapped, and its checksums made right again.
fn with_granules(map: impl Fn(u64) -> u64) -> Option<Vec<u8>> {
    Some(with_pages(read("music/aakburns--ghost-2.ogg")?, map))
}

fn read(name: &str) -> Option<Vec<u8>> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/audio");
    let Ok(bytes) = std::fs::read(shared.join(name)) else {
        eprintln!("skipped: ../shared/audio is not there");
        return None;
    };
    Some(bytes)
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

/// All packets of a file of one stream.
fn packets_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut packets, mut packet, mut at) = (Vec::new(), Vec::new(), 0);
    while at < bytes.len() {
        let n_segments = usize::from(bytes[at + 26]);
        let lacing = &bytes[at + 27..at + 27 + n_segments];
        at += 27 + n_segments;
        for &n in lacing {
            packet.extend_from_slice(&bytes[at..at + usize::from(n)]);
            at += usize::from(n);
            if n < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
    }
    packets
}

/// When every packet of audio ends.
fn ends_of(bytes: &[u8]) -> Vec<u64> {
    let input = Input::open(&Source::Bytes(bytes.into()), &Limits::default()).unwrap();
    let n_bytes = input.len();
    let (mut packet, mut losses) = (Packet::default(), Losses::default());
    let mut ogg = Ogg::open(input, 0, n_bytes, &mut losses).unwrap();
    let mut ends = Vec::new();
    while ogg.next_packet(&mut packet, &mut losses).unwrap() {
        ends.push(ends.last().unwrap_or(&0) + packet.n_samples);
    }
    ends
}

/// The same packets on pages of `n_segments`, with no regard to where a packet ends.
fn repaged(bytes: &[u8], n_headers: usize, n_segments: usize) -> Vec<u8> {
    let last_at = bytes.windows(5).rposition(|five| five == b"OggS\0").unwrap();
    let last_granule = le_u64(bytes, last_at + 6).unwrap();
    let (packets, ends) = (packets_of(bytes), ends_of(bytes));
    // Length, whether it begins a packet, and when the packet ends that ends with it.
    let mut segments: Vec<(usize, bool, Option<u64>)> = Vec::new();
    let mut pages = Vec::new();
    for (number, packet) in packets.iter().enumerate() {
        let end = number.checked_sub(n_headers).map_or(0, |number| ends[number]);
        for n_before in (0..=packet.len()).step_by(255) {
            let n = (packet.len() - n_before).min(255);
            segments.push((n, n_before == 0, (n < 255).then_some(end)));
        }
        let is_last = number + 1 == packets.len();
        // Headers have pages of their own.
        if number == 0 || number + 1 == n_headers || is_last {
            let n_most = if number < n_headers { 255 } else { n_segments };
            pages.extend(segments.chunks(n_most).map(<[_]>::to_vec));
            segments.clear();
        }
    }
    let body = packets.concat();
    let (mut out, mut at) = (Vec::new(), 0);
    for (sequence, page) in pages.iter().enumerate() {
        let is_last = sequence + 1 == pages.len();
        let end = page.iter().rev().find_map(|segment| segment.2).unwrap_or(u64::MAX);
        let end = if is_last { last_granule } else { end };
        let flags = u8::from(!page[0].1) | u8::from(sequence == 0) << 1 | u8::from(is_last) << 2;
        out.extend(b"OggS\0");
        out.push(flags);
        out.extend(end.to_le_bytes());
        out.extend(7_u32.to_le_bytes());
        out.extend((sequence as u32).to_le_bytes());
        out.extend([0; 4]);
        out.push(page.len() as u8);
        out.extend(page.iter().map(|segment| segment.0 as u8));
        let n_body: usize = page.iter().map(|segment| segment.0).sum();
        out.extend_from_slice(&body[at..at + n_body]);
        at += n_body;
    }
    with_new_checksums(out)
}

#[test]
fn a_window_that_begins_on_a_page_with_the_end_of_a_packet_is_that_of_a_full_decode() {
    let files = [("formats/vorbis.ogg", 3, 1e-5), ("formats/opus.opus", 2, 1e-4)];
    for (name, n_headers, most_off) in files {
        let Some(bytes) = read(name) else { return };
        let right = whole(&bytes);
        for n_segments in [2, 5, 11] {
            let repaged = repaged(&bytes, n_headers, n_segments);
            assert_eq!(whole(&repaged).samples(), right.samples(), "{name}: {n_segments}");
            let source = Source::Bytes(repaged.into());
            let rate = f64::from(right.sample_rate());
            for start in (0..24).map(|n| (1.2 * rate) as usize + n * 2741) {
                let options = DecodeOptions {
                    start_seconds: start as f64 / rate,
                    duration_seconds: Some(0.05),
                    ..DecodeOptions::default()
                };
                let (window, _, outcome) = decode(&source, &options).unwrap();
                assert_eq!(outcome.message, "", "{name}: {n_segments}, {start}");
                let wanted = &right.samples()[start..start + window.n_samples()];
                let pairs = window.samples()[..window.n_samples()].iter().zip(wanted);
                let off = pairs.map(|(got, wanted)| (got - wanted).abs()).fold(0.0, f32::max);
                assert!(off <= most_off, "{name}: {n_segments}, from {start}: {off}");
            }
        }
    }
}
