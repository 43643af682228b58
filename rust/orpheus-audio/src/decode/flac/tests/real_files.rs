//! The files in `../shared`, where they are beside this checkout.

use std::path::{Path, PathBuf};

use crate::decode::{DecodeOptions, decode};
use crate::outcome::Status;
use crate::source::Source;

/// The folder and its manifest's rows; none, with a word why, where it is absent.
fn manifest(folder: &str) -> Option<(PathBuf, Vec<Vec<String>>)> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(folder);
    let Ok(text) = std::fs::read_to_string(shared.join("manifest.csv")) else {
        eprintln!("skipped: ../shared/{folder} is not beside this checkout");
        return None;
    };
    let rows =
        text.lines().skip(1).map(fields).filter(|row| {
            Path::new(&row[0]).extension().is_some_and(|extension| extension == "flac")
        });
    Some((shared, rows.collect()))
}

/// One line of CSV, with quoted fields.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(letter),
        }
    }
    fields
}

#[test]
fn real_files_have_as_many_samples_as_the_reference_and_match_their_sums() {
    let Some((folder, rows)) = manifest("audio") else { return };
    assert!(rows.len() > 50);
    for row in rows {
        let source = Source::Path(folder.join(&row[0]));
        let (signal, info, outcome) = decode(&source, &DecodeOptions::default()).unwrap();
        assert_eq!(outcome.status, Status::Ok, "{} {outcome:?}", row[0]);
        let got = [info.sample_rate as usize, signal.n_channels(), signal.n_samples()];
        let expected: Vec<usize> = row[7..10].iter().map(|field| field.parse().unwrap()).collect();
        assert_eq!(got[..], expected[..], "{}", row[0]);
    }
}

/// Faulty files whose audio is sound: the fault is in their metadata, or was once in a decoder.
const SOUND: [&str; 9] = [
    "claxon/empty_vorbis_comment.flac",
    "claxon/non_subset.flac",
    "claxon/pop.flac",
    "claxon/repeated_vorbis_comment.flac",
    "claxon/short.flac",
    "claxon/wasted_bits.flac",
    "mutagen/106-short-picture-block-size.flac",
    "taglib/mpeg-sync-flac.flac",
    "taglib/zero-sized-padding.flac",
];

#[test]
fn no_faulty_file_ends_as_ok_unless_its_audio_is_sound() {
    let Some((folder, rows)) = manifest("audio-faulty") else { return };
    for row in rows {
        let source = Source::Path(folder.join(&row[0]));
        let ok = match decode(&source, &DecodeOptions::default()) {
            Ok((signal, info, outcome)) => {
                let promised = info.n_samples.is_none_or(|n| n == signal.n_samples() as u64);
                assert!(promised || outcome.status != Status::Ok, "{}", row[0]);
                outcome.status == Status::Ok
            }
            Err(_) => false,
        };
        assert_eq!(ok, SOUND.contains(&row[0].as_str()), "{}", row[0]);
    }
}
