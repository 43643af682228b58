//! Ten hours of sound pass through in the memory that ten seconds take.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use orpheus_audio::loader::{LoaderOptions, Next, Tap};
use orpheus_audio::{Limits, Loader, Placement, Quality, Source, Status, WindowPolicy};

const SECONDS: u64 = 36_000;
const RATE: u32 = 8_000;
const N_SAMPLES: u64 = SECONDS * RATE as u64;

/// A file that is gone with the test.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn scratch(name: &str, write: impl FnOnce(&mut BufWriter<File>)) -> Scratch {
    let name = format!("orpheus-{}-{name}", std::process::id());
    let scratch = Scratch(std::env::temp_dir().join(name));
    let mut file = BufWriter::new(File::create(&scratch.0).unwrap());
    write(&mut file);
    file.flush().unwrap();
    scratch
}

/// A sparse file: its header, and nothing where the samples are.
fn wav() -> Scratch {
    let n_bytes = 2 * N_SAMPLES as u32;
    scratch("long.wav", |file| {
        file.write_all(b"RIFF").unwrap();
        file.write_all(&(36 + n_bytes).to_le_bytes()).unwrap();
        file.write_all(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data").unwrap();
        file.write_all(&n_bytes.to_le_bytes()).unwrap();
        file.flush().unwrap();
        file.get_ref().set_len(44 + u64::from(n_bytes)).unwrap();
    })
}

/// Silent frames of 8 kbit/s at 8 kHz.
fn mp3() -> Scratch {
    let mut frame = vec![0xff, 0xe3, 0x18, 0xc0];
    frame.resize(72, 0);
    scratch("long.mp3", |file| {
        for _ in 0..N_SAMPLES / 576 {
            file.write_all(&frame).unwrap();
        }
    })
}

/// Frames of one value each (RFC 9639 §9).
fn flac() -> Scratch {
    const BLOCK: u64 = 4096;
    scratch("long.flac", |file| {
        let total = N_SAMPLES / BLOCK * BLOCK;
        let format = u64::from(RATE) << 44 | 15 << 36 | total;
        file.write_all(b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0").unwrap();
        file.write_all(&format.to_be_bytes()).unwrap();
        file.write_all(&[0; 16]).unwrap();
        for number in 0..N_SAMPLES / BLOCK {
            let mut frame = vec![0xff, 0xf8, 0xc4, 0x08];
            frame.extend(coded(number as u32));
            frame.push(crc(&frame, 8, 0x07) as u8);
            frame.extend([0, 0x01, 0x23]);
            frame.extend((crc(&frame, 16, 0x8005) as u16).to_be_bytes());
            file.write_all(&frame).unwrap();
        }
    })
}

/// A frame's number, coded as UTF-8 codes a character.
fn coded(number: u32) -> Vec<u8> {
    let rest = |shift: u32| 0x80 | (number >> shift & 0x3f) as u8;
    match number {
        0..0x80 => vec![number as u8],
        0x80..0x800 => vec![0xc0 | (number >> 6) as u8, rest(0)],
        0x800..0x1_0000 => vec![0xe0 | (number >> 12) as u8, rest(6), rest(0)],
        _ => vec![0xf0 | (number >> 18) as u8, rest(12), rest(6), rest(0)],
    }
}

fn crc(bytes: &[u8], n_bits: u32, polynomial: u32) -> u32 {
    let top = 1 << (n_bits - 1);
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << (n_bits - 8), |crc, _| {
            (crc << 1 ^ if crc & top == 0 { 0 } else { polynomial }) & (top << 1).wrapping_sub(1)
        })
    })
}

/// Memory of this process that is not a file's, bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

/// Streams a file; returns its windows' number, the memory in use at most, and how it ended.
fn stream(file: &Scratch, placement: Placement) -> (usize, u64, Status) {
    let policy = WindowPolicy {
        placement,
        window_seconds: 10.0,
        hop_seconds: 10.0,
        pad_threshold: 0.5,
        max_windows: (placement == Placement::Evenly).then_some(3),
    };
    let tap = Tap { sample_rate: RATE, policy, front_end: None };
    let options = LoaderOptions {
        n_threads: 1,
        batch_size: 4,
        ordered: true,
        quality: Quality::High,
        limits: Limits::default(),
    };
    let mut loader =
        Loader::start(vec![Source::Path(file.0.clone())], vec![tap], options).unwrap();
    let (mut n_rows, mut most, mut status) = (0, 0, Status::Failed);
    loop {
        match loader.next(Duration::from_secs(120)).unwrap() {
            Next::Batch(batch) => {
                n_rows += batch.n_rows();
                if let Some(ended) = batch.ended.first() {
                    status = ended.outcome.status;
                }
            }
            Next::End => return (n_rows, most, status),
            Next::Pending | Next::Hungry => panic!("nothing for two minutes"),
        }
        if n_rows % 100 == 0 || most == 0 {
            most = most.max(resident());
        }
    }
}

#[test]
fn ten_hours_are_streamed_in_bounded_memory() {
    let before = resident();
    for (name, file) in [("wav", wav()), ("mp3", mp3()), ("flac", flac())] {
        for placement in [Placement::Every, Placement::Evenly] {
            let (n_rows, most, status) = stream(&file, placement);
            let expected = if placement == Placement::Every { 3600 } else { 3 };
            assert_eq!((n_rows, status), (expected, Status::Ok), "{name} {placement:?}");
            let grown = most.saturating_sub(before) >> 20;
            eprintln!("{name} {placement:?}: {grown} MiB more than before");
            assert!(grown <= 64, "{name}: {grown} MiB");
        }
    }
}
