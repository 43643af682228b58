//! Everything that the fuzzers have kept, once more, and some damage to it that is the same in every
//! run: this much of fuzzing works on any toolchain.

use std::fs;
use std::path::Path;

const N_MUTATIONS: u64 = 40;
/// Reading a FAISS file takes microseconds. `ORPHEUS_FUZZ_MUTATIONS` asks for more.
const N_FAISS_MUTATIONS: u64 = 400;

/// A few bytes changed, moved or cut away.
fn mutated(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % n.max(1)
    };
    let mut bytes = bytes.to_vec();
    for _ in 0..=random(6) {
        let at = random(bytes.len());
        match random(5) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes[at] = [0, 0xff, 0x7f, 0x80][random(4)],
            2 => bytes[at] ^= 1 << random(8),
            3 => {
                let end = (at + random(64)).min(bytes.len());
                bytes.drain(at..end.max(at));
                bytes.push(0);
            }
            _ => {
                let end = (at + random(64)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = random(bytes.len());
                bytes.splice(to..to, copy);
            }
        }
    }
    bytes
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = fs::read_dir(&folder).expect("a corpus");
    let path = |entry: std::io::Result<fs::DirEntry>| entry.expect("a file of the corpus").path();
    let files: Vec<_> =
        entries.map(path).map(|path| fs::read(path).expect("a readable file")).collect();
    assert!(files.len() >= 10, "{}: {} files", folder.display(), files.len());
    files
}

fn replay(target: &str, run: fn(&[u8]), n_mutations: u64) {
    for bytes in corpus(target) {
        run(&bytes);
        for seed in 1..=n_mutations {
            run(&mutated(&bytes, seed + bytes.len() as u64));
        }
    }
}

#[test]
fn the_decoders_keep_their_promises_on_the_corpus() {
    replay("decode", orpheus_fuzz::decode, N_MUTATIONS);
}

#[test]
fn the_tag_reader_keeps_its_promises_on_the_corpus() {
    replay("tags", orpheus_fuzz::tags, N_MUTATIONS);
}

#[test]
fn the_resampler_keeps_its_promises_on_the_corpus() {
    replay("resample", orpheus_fuzz::resample, N_MUTATIONS);
}

#[test]
fn the_reader_of_faiss_files_keeps_its_promises_on_the_corpus() {
    let asked = std::env::var("ORPHEUS_FUZZ_MUTATIONS").ok();
    let n_mutations = asked.map_or(N_FAISS_MUTATIONS, |n| n.parse().expect("a number"));
    replay("faiss", orpheus_fuzz::faiss, n_mutations);
}

#[test]
fn the_reader_of_faiss_files_keeps_its_promises_with_extremes_in_every_field() {
    const EXTREMES: [&[u8]; 9] = [
        &[0; 4],
        &[0xff; 4],
        &[0xff, 0xff, 0xff, 0x7f],
        &[0, 0, 0, 0x80],
        &[0; 8],
        &[0xff; 8],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[0, 0, 0, 0, 0, 0, 0, 0x20],
        &[1, 0, 0, 0, 1, 0, 0, 0],
    ];
    for sound in corpus("faiss") {
        for at in 0..sound.len() {
            orpheus_fuzz::faiss(&sound[..at]);
            for extreme in EXTREMES.iter().filter(|extreme| at + extreme.len() <= sound.len()) {
                let mut bytes = sound.clone();
                bytes[at..at + extreme.len()].copy_from_slice(extreme);
                orpheus_fuzz::faiss(&bytes);
            }
        }
    }
}
