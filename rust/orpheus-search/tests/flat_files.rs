//! Flat files: what is written is found again, and what lies is refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use orpheus_search::{Allow, Error, ErrorKind, FlatIndex, Metric, Rows, SearchOptions, write_flat};
use proptest::prelude::*;
use tempfile::TempDir;

const DIM: usize = 5;

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of `n` vectors; vector `i` is `[i, i + 0.5, ...]`.
    fn flat(&self, n: usize, ids: Option<&[i64]>, metric: Metric) -> Vec<u8> {
        let path = self.path("made");
        write_flat(&path, Rows::new(&vectors(n), DIM).unwrap(), ids, metric).unwrap();
        fs::read(path).unwrap()
    }

    fn open(&self, bytes: &[u8]) -> Result<FlatIndex, Error> {
        let path = self.path("opened");
        fs::write(&path, bytes).unwrap();
        FlatIndex::open(&path)
    }

    /// Opens the bytes and, if that works, asks everything that can be asked.
    fn exercise(&self, bytes: &[u8]) -> Result<(), Error> {
        let index = self.open(bytes)?;
        assert!(index.ntotal() * index.dim() * 4 <= bytes.len());
        let ids = index.stored_ids()?;
        assert_eq!(ids.len(), index.ntotal());
        let query = vec![0.25; index.dim()];
        let allowed = &ids[..ids.len() / 2];
        for allow in [Allow::All, Allow::Ids(allowed)] {
            let options = SearchOptions { allow, ..SearchOptions::new(4) };
            let found = index.search(&query, &options)?;
            assert!(found.of(0).all(|(_, id)| ids.contains(&id)));
        }
        if let Some(&id) = ids.first() {
            assert_eq!(index.reconstruct(id)?.len(), index.dim());
        }
        Ok(())
    }
}

fn vectors(n: usize) -> Vec<f32> {
    (0..n * DIM).map(|value| (value / DIM) as f32 + (value % DIM) as f32 / 2.0).collect()
}

fn error_of(files: &Files, bytes: &[u8]) -> Error {
    files.open(bytes).expect_err("the file was opened")
}

#[test]
fn a_written_file_is_opened_with_what_it_was_given() {
    let files = Files::new();
    for metric in [Metric::L2, Metric::InnerProduct] {
        for n in [0, 1, 7] {
            let ids: Vec<i64> = (0..n as i64).map(|row| 100 - 3 * row).collect();
            for (ids, kind) in [(None, "Flat"), (Some(&ids[..]), "IDMap2,Flat")] {
                let index = files.open(&files.flat(n, ids, metric)).unwrap();
                assert_eq!((index.ntotal(), index.dim(), index.metric()), (n, DIM, metric));
                assert_eq!(index.kind().name(), kind);
                let numbers: Vec<i64> = (0..n as i64).collect();
                assert_eq!(index.stored_ids().unwrap(), ids.unwrap_or(&numbers));
                for (row, vector) in vectors(n).chunks(DIM).enumerate() {
                    let id = ids.map_or(row as i64, |ids| ids[row]);
                    assert_eq!(index.reconstruct(id).unwrap(), vector);
                }
            }
        }
    }
}

#[test]
fn neighbours_come_with_the_ids_of_the_map_and_ties_in_their_order() {
    let files = Files::new();
    let path = files.path("map");
    let rows = [1.0f32, 5.0, 1.0, 2.0];
    let ids = [40, 7, -30, 9];
    write_flat(&path, Rows::new(&rows, 1).unwrap(), Some(&ids), Metric::L2).unwrap();
    let index = FlatIndex::open(&path).unwrap();
    let search = |allow, k| {
        let options = SearchOptions { allow, ..SearchOptions::new(k) };
        index.search(&[1.0], &options).unwrap().of(0).collect::<Vec<_>>()
    };
    assert_eq!(search(Allow::All, 9), [(0.0, -30), (0.0, 40), (1.0, 9), (16.0, 7)]);
    assert_eq!(search(Allow::All, 1), [(0.0, -30)]);
    assert_eq!(search(Allow::Ids(&[9, 40, 9, 12]), 9), [(0.0, 40), (1.0, 9)]);
    assert_eq!(search(Allow::Mask(&[0, 1, 0, 1]), 9), [(1.0, 9), (16.0, 7)]);
}

#[test]
fn every_vector_of_a_repeated_id_is_allowed_and_the_last_one_is_given_back() {
    let files = Files::new();
    let bytes = files.flat(4, Some(&[5, 6, 5, 8]), Metric::L2);
    let index = files.open(&bytes).unwrap();
    let options = SearchOptions { allow: Allow::Ids(&[5]), ..SearchOptions::new(9) };
    let found = index.search(&vectors(1), &options).unwrap();
    assert_eq!(found.of(0).map(|pair| pair.1).collect::<Vec<_>>(), [5, 5]);
    assert_eq!(index.reconstruct(5).unwrap(), vectors(3)[2 * DIM..]);
}

#[test]
fn an_unknown_id_is_refused_with_the_number_of_vectors() {
    let files = Files::new();
    for ids in [None, Some(&[0i64, 1, 2][..])] {
        let index = files.open(&files.flat(3, ids, Metric::L2)).unwrap();
        for id in [-1, 3, i64::MAX, i64::MIN] {
            let message = index.reconstruct(id).unwrap_err().to_string();
            assert_eq!(message, format!("id {id} is not in the index of 3 vectors"));
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let files = Files::new();
    for bytes in [files.flat(3, None, Metric::L2), files.flat(3, Some(&[3, 4, 5]), Metric::L2)] {
        for length in 0..bytes.len() {
            let error = error_of(&files, &bytes[..length]);
            assert!(matches!(error, Error::Truncated { .. }), "{length}: {error}");
        }
    }
}

#[test]
fn bytes_after_the_index_are_refused() {
    let files = Files::new();
    for n in [1, 1000] {
        let mut bytes = files.flat(3, None, Metric::L2);
        bytes.resize(bytes.len() + n, 0);
        let message = error_of(&files, &bytes).to_string();
        assert!(message.contains(&format!("followed by {n} bytes")), "{message}");
    }
}

#[test]
fn every_field_at_an_extreme_is_refused_with_its_name_and_place() {
    let files = Files::new();
    let sound = files.flat(3, None, Metric::L2);
    let with = |at: usize, field: &[u8]| {
        let mut bytes = sound.clone();
        bytes[at..at + field.len()].copy_from_slice(field);
        error_of(&files, &bytes).to_string()
    };
    for dim in [0, -1, i32::MIN, i32::MAX, 1 << 21] {
        let message = with(4, &dim.to_le_bytes());
        assert!(message.contains(&format!("dimension at offset 4 is {dim}")), "{message}");
    }
    for dim in [1, 4, 6, 1 << 20] {
        let message = with(4, &i32::to_le_bytes(dim));
        assert!(message.contains("vectors at offset 37 is 15"), "{message}");
    }
    for ntotal in [-1, i64::MIN] {
        let message = with(8, &ntotal.to_le_bytes());
        assert!(message.contains("number of vectors at offset 8"), "{message}");
    }
    for ntotal in [0, 2, 4, i64::MAX, 1 << 61, 1 << 62] {
        let message = with(8, &i64::to_le_bytes(ntotal));
        assert!(message.contains("vectors at offset 37 is 15"), "{message}");
    }
    for flag in [2, 255] {
        let message = with(32, &[flag]);
        assert!(message.contains("is_trained at offset 32"), "{message}");
    }
    for (metric, name) in [(2, "L1"), (-1, "unknown"), (24, "NaNEuclidean"), (99, "unknown")] {
        let message = with(33, &i32::to_le_bytes(metric));
        assert!(message.contains(&format!("metric {metric} ({name})")), "{message}");
    }
    let message = with(33, &0i32.to_le_bytes());
    assert!(message.contains("inner_product, expected l2, as the tag says"), "{message}");
    for count in [0, 14, 16, u64::MAX, u64::MAX / 4 + 1] {
        let message = with(37, &count.to_le_bytes());
        assert!(message.contains(&format!("vectors at offset 37 is {count}")), "{message}");
    }
}

#[test]
fn sizes_that_agree_with_each_other_but_not_with_the_file_are_refused() {
    let files = Files::new();
    let mut bytes = files.flat(3, None, Metric::L2);
    for n in [4i64, 1 << 40, i64::MAX] {
        bytes[8..16].copy_from_slice(&n.to_le_bytes());
        let count = (n as u64).wrapping_mul(DIM as u64);
        bytes[37..45].copy_from_slice(&count.to_le_bytes());
        let error = error_of(&files, &bytes);
        assert_eq!(error.kind(), ErrorKind::Format);
    }
}

#[test]
fn a_map_that_contradicts_its_index_is_refused() {
    let files = Files::new();
    let sound = files.flat(3, Some(&[10, 11, 12]), Metric::L2);
    let inner = 37; // where the tag of the inner index stands
    let with = |at: usize, field: &[u8]| {
        let mut bytes = sound.clone();
        bytes[at..at + field.len()].copy_from_slice(field);
        error_of(&files, &bytes).to_string()
    };
    let message = with(8, &2i64.to_le_bytes());
    assert!(message.contains("3 vectors of dimension 5 under l2, expected 2 vectors"), "{message}");
    let message = with(33, &0i32.to_le_bytes());
    assert!(message.contains("under inner_product, as the ID map says"), "{message}");
    let message = with(inner, b"IxM2");
    assert!(message.contains("\"IxM2\" (IDMap2) is not supported, expected"), "{message}");
    let message = with(inner, b"IHNf");
    assert!(message.contains("\"IHNf\" (HNSWFlat)"), "{message}");
    let message = with(inner, b"....");
    assert!(message.contains("\"....\" (unknown)"), "{message}");
    let ids = sound.len() - 3 * 8;
    let message = with(ids - 8, &4u64.to_le_bytes());
    assert!(message.contains("ids at offset"), "{message}");
    let message = with(ids + 8, &(-1i64).to_le_bytes());
    assert!(message.contains(&format!("id at offset {} is -1", ids + 8)), "{message}");
}

#[test]
fn other_files_are_refused_by_what_they_start_with() {
    let files = Files::new();
    for (start, expected) in [
        (&b"IwFl"[..], "\"IwFl\" (IVFFlat)"),
        (b"IHNf", "\"IHNf\" (HNSWFlat)"),
        (b"IBxF", "\"IBxF\" (BinaryFlat)"),
        (b"\x93NUM", "starts with \"\\x93NUM\""),
        (b"fLaC", "starts with \"fLaC\""),
    ] {
        let message = error_of(&files, &[start, &[0; 100]].concat()).to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_missing_file_is_the_systems_error_with_its_path() {
    let path = Path::new("/nowhere/at/all.faiss");
    let error = FlatIndex::open(path).unwrap_err();
    let Error::Io { path: named, source } = &error else { panic!("{error}") };
    assert_eq!(named, path);
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_at_once() {
    let files = Files::new();
    let path = files.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let error = FlatIndex::open(&path).unwrap_err();
    assert!(error.to_string().ends_with("pipe: not a regular file"), "{error}");
}

#[test]
fn a_search_after_the_file_was_cut_is_refused() {
    let files = Files::new();
    let bytes = files.flat(1000, None, Metric::L2);
    let index = files.open(&bytes).unwrap();
    let cut = fs::OpenOptions::new().write(true).open(files.path("opened")).unwrap();
    cut.set_len(100).unwrap();
    let error = index.search(&vectors(1), &SearchOptions::new(1)).unwrap_err();
    assert!(matches!(error, Error::Shrunk { found: 100, .. }), "{error}");
    assert_eq!(error.kind(), ErrorKind::Format);
}

#[test]
fn a_file_that_was_replaced_keeps_answering_from_what_was_opened() {
    let files = Files::new();
    let path = files.path("replaced");
    let write = |n| {
        write_flat(&path, Rows::new(&vectors(n), DIM).unwrap(), None, Metric::L2).unwrap();
    };
    write(4);
    let index = FlatIndex::open(&path).unwrap();
    write(1);
    assert_eq!(index.search(&vectors(1), &SearchOptions::new(9)).unwrap().k, 4);
    assert_eq!(FlatIndex::open(&path).unwrap().ntotal(), 1);
}

/// Sound files of every kind, metric and small size.
static SOUND: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let files = Files::new();
    let ids: Vec<i64> = (50..56).collect();
    let mut sound = Vec::new();
    for n in 0..6 {
        for metric in [Metric::L2, Metric::InnerProduct] {
            sound.push(files.flat(n, None, metric));
            sound.push(files.flat(n, Some(&ids[..n]), metric));
        }
    }
    sound
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_file_with_changed_bytes_is_refused_or_answers(
        sound in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let files = Files::new();
        let mut bytes = sound.get(&SOUND).clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Err(error) = files.exercise(&bytes) {
            prop_assert_eq!(error.kind(), ErrorKind::Format, "{}", error);
        }
    }

    #[test]
    fn bytes_after_a_known_tag_are_refused_or_answer(
        tag in prop::sample::select(vec![b"IxF2", b"IxFI", b"IxFl", b"IxMp", b"IxM2"]),
        rest in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let files = Files::new();
        let bytes = [&tag[..], &rest].concat();
        if let Err(error) = files.exercise(&bytes) {
            prop_assert_eq!(error.kind(), ErrorKind::Format, "{}", error);
        }
    }
}
