//! Everything that the fuzzers have kept, once more.

use std::fs;
use std::path::Path;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut n_files = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        run(&fs::read(&path).unwrap());
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
