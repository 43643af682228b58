//! Everything that the fuzzers have kept, once more, and some damage to it that is the same in every
//! run: this much of fuzzing works on any toolchain.

use std::fs;
use std::path::Path;

const N_MUTATIONS: u64 = 40;

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

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut n_files = 0;
    for entry in fs::read_dir(&folder).expect("a corpus") {
        let path = entry.expect("a file of the corpus").path();
        let bytes = fs::read(&path).expect("a readable file");
        run(&bytes);
        for seed in 1..=N_MUTATIONS {
            run(&mutated(&bytes, seed + bytes.len() as u64));
        }
        n_files += 1;
    }
    assert!(n_files >= 10, "{}: {n_files} files", folder.display());
}

#[test]
fn the_decoders_keep_their_promises_on_the_corpus() {
    replay("decode", orpheus_fuzz::decode);
}

#[test]
fn the_tag_reader_keeps_its_promises_on_the_corpus() {
    replay("tags", orpheus_fuzz::tags);
}

#[test]
fn the_resampler_keeps_its_promises_on_the_corpus() {
    replay("resample", orpheus_fuzz::resample);
}
