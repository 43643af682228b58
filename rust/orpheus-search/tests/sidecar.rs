//! Side data beside a file change no answer, and damage of either is seen.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};

use orpheus_search::{
    Codes, Error, FlatIndex, Metric, Neighbours, Rows, SearchOptions, write_flat,
};

/// From 256 values on there are signs, too.
const DIM: usize = 256;
const N: usize = 5000;

/// Reproducible values in [-1, 1).
fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(step).collect()
}

struct Case {
    folder: tempfile::TempDir,
    queries: Vec<f32>,
}

impl Case {
    fn new() -> Self {
        let case = Self { folder: tempfile::tempdir().unwrap(), queries: values(5 * DIM, 2) };
        case.write(1);
        case
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("vectors.faiss")
    }

    fn sidecar(&self) -> PathBuf {
        self.folder.path().join("vectors.faiss.ofx")
    }

    fn write(&self, seed: u64) {
        let vectors = values(N * DIM, seed);
        let ids: Vec<i64> = (0..N as i64).map(|row| 3 * row + 7).collect();
        let rows = Rows::new(&vectors, DIM).unwrap();
        write_flat(&self.path(), rows, Some(&ids), Metric::L2).unwrap();
    }

    fn search(&self, index: &FlatIndex) -> orpheus_search::Result<Neighbours> {
        index.search(&self.queries, &SearchOptions::new(10))
    }

    /// What comparing everything gives.
    fn truth(&self) -> Neighbours {
        self.search(&FlatIndex::open_with(&self.path(), Codes::None).unwrap()).unwrap()
    }

    fn make_sidecar(&self) {
        FlatIndex::open(&self.path()).unwrap().accelerate(2).unwrap();
        assert!(self.sidecar().exists());
    }

    /// Opens and searches, exactly and by signs, which finds the same here; `None` where that was
    /// refused because something has changed.
    fn answer(&self) -> Option<Neighbours> {
        let found = FlatIndex::open(&self.path()).and_then(|index| {
            let exact = self.search(&index)?;
            let options = SearchOptions { exact: Some(false), ..SearchOptions::new(10) };
            assert_eq!(index.search(&self.queries, &options)?, exact);
            Ok(exact)
        });
        match found {
            Ok(found) => Some(found),
            Err(
                Error::Changed { .. }
                | Error::Malformed { .. }
                | Error::Truncated { .. }
                | Error::NotAnIndex(_)
                | Error::UnsupportedKind { .. }
                | Error::UnsupportedMetric { .. },
            ) => None,
            Err(other) => panic!("{other}"),
        }
    }
}

fn flip(path: &Path, at: usize, bit: u32, keeps_time: bool) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1 << bit;
    fs::write(path, bytes).unwrap();
    if keeps_time {
        let file = File::options().write(true).open(path).unwrap();
        file.set_times(FileTimes::new().set_modified(modified)).unwrap();
    }
}

#[test]
fn a_few_queries_make_a_sidecar_and_the_next_process_uses_it() {
    let case = Case::new();
    let truth = case.truth();
    let index = FlatIndex::open(&case.path()).unwrap();
    assert!(!index.has_codes());
    assert_eq!(case.search(&index).unwrap(), truth);
    assert!(index.has_codes() && case.sidecar().exists());
    assert_eq!(case.search(&index).unwrap(), truth);
    let again = FlatIndex::open(&case.path()).unwrap();
    assert!(again.has_codes());
    assert_eq!(case.search(&again).unwrap(), truth);
}

#[test]
fn nothing_is_written_where_that_is_not_wanted() {
    let case = Case::new();
    let index = FlatIndex::open_with(&case.path(), Codes::Memory).unwrap();
    assert_eq!(case.search(&index).unwrap(), case.truth());
    assert!(index.has_codes() && !case.sidecar().exists());
    let index = FlatIndex::open_with(&case.path(), Codes::None).unwrap();
    case.search(&index).unwrap();
    assert!(!index.has_codes());
}

#[test]
fn a_sidecar_of_another_file_is_made_again() {
    let case = Case::new();
    case.make_sidecar();
    case.write(9);
    let truth = case.truth();
    assert_eq!(case.answer(), Some(truth.clone()));
    assert_eq!(case.answer(), Some(truth.clone()));
    fs::write(case.sidecar(), "no sidecar").unwrap();
    assert_eq!(case.answer(), Some(truth));
}

#[test]
fn a_file_that_only_looks_newer_keeps_its_sidecar() {
    let case = Case::new();
    case.make_sidecar();
    let file = File::options().write(true).open(case.path()).unwrap();
    file.set_times(FileTimes::new().set_modified(std::time::SystemTime::now())).unwrap();
    assert!(FlatIndex::open(&case.path()).unwrap().has_codes());
    assert_eq!(case.answer(), Some(case.truth()));
}

#[test]
fn no_bit_of_a_sidecar_changes_an_answer() {
    let case = Case::new();
    let truth = case.truth();
    case.make_sidecar();
    let sound = fs::read(case.sidecar()).unwrap();
    let mut n_refused = 0;
    for at in (0..160).chain((160..sound.len()).step_by(sound.len() / 150)) {
        let mut damaged = sound.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(case.sidecar(), damaged).unwrap();
        match case.answer() {
            Some(found) => assert_eq!(found, truth, "byte {at}"),
            None => n_refused += 1,
        }
    }
    assert!(n_refused > 50, "{n_refused}");
    for len in (0..sound.len()).step_by(sound.len() / 40) {
        fs::write(case.sidecar(), &sound[..len]).unwrap();
        assert_eq!(case.answer(), Some(truth.clone()), "cut at {len}");
    }
}

#[test]
fn a_bit_that_changed_in_the_index_is_never_part_of_an_answer() {
    let case = Case::new();
    case.make_sidecar();
    let truth = case.truth();
    let len = fs::metadata(case.path()).unwrap().len() as usize;
    let vectors = 74 + 8..len - 8 * N - 8;
    // Vectors that nobody asked for may be as they like.
    let (near, id) = (truth.ids[0], 3 * (N as i64 / 2) + 7);
    let row_of = |id: i64| ((id - 7) / 3) as usize;
    let places = [
        (vectors.start + row_of(near) * 4 * DIM + 17, false),
        (vectors.start + row_of(id) * 4 * DIM + 17, true),
        (len - 8 * row_of(id) - 3, false),
        (10, false),
        (40, false),
    ];
    for (at, may_answer) in places {
        flip(&case.path(), at, 3, true);
        match case.answer() {
            Some(found) => assert!(may_answer && found == truth, "byte {at}"),
            None => assert!(!may_answer, "byte {at}"),
        }
        flip(&case.path(), at, 3, true);
    }
    assert_eq!(case.answer(), Some(truth));
}
