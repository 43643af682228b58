//! Writing vectors as they are.

use std::path::Path;

use super::parts::{Part, write_index};
use crate::error::Result;
use crate::metric::Metric;
use crate::rows::Rows;

/// Writes `rows` as a FAISS Flat file, the bytes that `faiss.write_index` would write.
///
/// With `ids` the file is an `IDMap2` over Flat; otherwise the id of a vector is its row number.
/// The file appears under its name when it is whole and on disk; until then the name keeps what it
/// had. A symbolic link at `path` is replaced, not followed.
///
/// FAISS knows no cosine: write vectors of length one with [`Metric::InnerProduct`].
///
/// # Errors
///
/// [`Error::Parameter`] for [`Metric::Cosine`], too long vectors or an id that stands for "none",
/// [`Error::Shape`] if there is not one id for each vector, [`Error::Io`] if the file cannot be
/// written.
pub fn write_flat(path: &Path, rows: Rows<'_>, ids: Option<&[i64]>, metric: Metric) -> Result<()> {
    let flat = Part::Flat(rows);
    match ids {
        None => write_index(path, metric, &flat),
        Some(ids) => {
            write_index(path, metric, &Part::IdMap { inner: Box::new(flat), ids, two_way: true })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Error;

    #[test]
    fn the_bytes_are_tag_header_count_and_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("two.faiss");
        let values = [1.0f32, -2.0, 0.5, 4.0];
        write_flat(&path, Rows::new(&values, 2).unwrap(), None, Metric::L2).unwrap();
        let mut expected = b"IxF2".to_vec();
        expected.extend(2i32.to_le_bytes());
        expected.extend(2i64.to_le_bytes());
        expected.extend([0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0]);
        expected.push(1);
        expected.extend(1i32.to_le_bytes());
        expected.extend(4u64.to_le_bytes());
        expected.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        assert_eq!(fs::read(&path).unwrap(), expected);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let rows = Rows::new(&[1.0], 1).unwrap();
        let error = write_flat(Path::new("/nowhere/at/all"), rows, None, Metric::L2).unwrap_err();
        assert!(matches!(error, Error::Io { path, .. } if path == Path::new("/nowhere/at/all")));
    }

    #[test]
    fn what_no_faiss_file_can_say_is_refused() {
        let rows = Rows::new(&[1.0, 2.0], 1).unwrap();
        let write = |ids, metric| write_flat(Path::new("/nowhere/x"), rows, ids, metric);
        let cosine = write(None, Metric::Cosine).unwrap_err();
        assert!(cosine.to_string().contains("length one"), "{cosine}");
        assert!(matches!(write(Some(&[1]), Metric::L2), Err(Error::Shape { found: 1, .. })));
        assert!(matches!(write(Some(&[4, -1]), Metric::L2), Err(Error::Parameter { .. })));
    }
}
