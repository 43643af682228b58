//! Inverted lists.

use super::super::cursor::{Cursor, malformed, require};
use super::super::fourcc::{self, Fourcc};
use super::super::model::{ListLayout, Lists, Packing};
use crate::error::{Error, Result};

/// What the index around the lists says about them.
pub(super) struct Expected {
    pub(super) nlist: usize,
    /// Whether the centroids are there: without them nothing can be in a list.
    pub(super) has_centroids: bool,
    /// At most this many vectors.
    pub(super) ntotal: usize,
}

/// Lists whose sizes take no memory worth mentioning.
const MANY_LISTS: usize = 1 << 20;

/// Lists of codes of `code_size` bytes each.
pub(super) fn array(
    cursor: &mut Cursor<'_>,
    expected: &Expected,
    code_size: usize,
) -> Result<Lists> {
    tag(cursor, *b"ilar", "\"ilar\" here")?;
    cursor.exactly(expected.nlist, "number of inverted lists")?;
    cursor.exactly(code_size, "bytes of a code in the lists")?;
    let before = counts(cursor, expected)?;
    let n_vectors = before.last().copied().unwrap_or(0);
    let place = cursor.skip(n_vectors as u128 * (code_size as u128 + 8), "inverted lists")?;
    Ok(Lists { before, layout: ListLayout::Array { start: place.start, code_size } })
}

/// Lists of blocks of codes.
pub(super) fn blocks(
    cursor: &mut Cursor<'_>,
    expected: &Expected,
    packing: &Packing,
) -> Result<Lists> {
    tag(cursor, *b"ilbl", "\"ilbl\" here")?;
    cursor.exactly(expected.nlist, "number of inverted lists")?;
    // It stands for "no size of one vector".
    let offset = cursor.offset();
    let code_size = cursor.u64("bytes of a code in the lists")?;
    let not_one = || u64::MAX.to_string();
    require(code_size == u64::MAX, "bytes of a code in the lists", offset, &code_size, not_one)?;
    cursor.exactly(packing.block_vectors, "vectors of a block in the lists")?;
    cursor.exactly(packing.block_bytes, "bytes of a block in the lists")?;
    // Two counts for each list: more lists than that are not there.
    cursor.needs(expected.nlist as u128 * 16, "inverted lists")?;
    let mut before = Vec::with_capacity(expected.nlist + 1);
    let mut id_starts = Vec::with_capacity(expected.nlist);
    before.push(0);
    for _ in 0..expected.nlist {
        let offset = cursor.offset();
        let (n, ids) = cursor.any_vector(8, "ids of a list")?;
        push_count(&mut before, n as u64, expected, offset)?;
        id_starts.push(ids.start);
        let n_bytes = packing.n_blocks(n) as u128 * packing.block_bytes as u128;
        cursor.vector(n_bytes, 1, "packed codes of a list")?;
    }
    let Packing { block_vectors, block_bytes, .. } = *packing;
    Ok(Lists { before, layout: ListLayout::Blocks { id_starts, block_vectors, block_bytes } })
}

fn tag(cursor: &mut Cursor<'_>, expected: Fourcc, supported: &'static str) -> Result<()> {
    let found = cursor.fourcc()?;
    if found == expected {
        return Ok(());
    }
    let name = match &found {
        b"il00" => "no inverted lists",
        b"ilod" => "inverted lists in another file",
        b"ilar" => "ArrayInvertedLists",
        b"ilbl" => "BlockInvertedLists",
        b"ilp2" | b"ilpn" => "Panorama inverted lists",
        _ => "unknown inverted lists",
    };
    Err(Error::UnsupportedKind { fourcc: fourcc::quoted(found), name, supported })
}

/// Vectors before each list, and in all.
fn counts(cursor: &mut Cursor<'_>, expected: &Expected) -> Result<Vec<usize>> {
    let offset = cursor.offset();
    let form = cursor.fourcc()?;
    match &form {
        b"full" => full(cursor, expected),
        b"sprs" => sparse(cursor, expected),
        _ => {
            let expected = "\"full\" or \"sprs\"";
            Err(malformed("sizes of the lists", offset, &fourcc::quoted(form), expected))
        }
    }
}

fn full(cursor: &mut Cursor<'_>, expected: &Expected) -> Result<Vec<usize>> {
    let place = cursor.vector(expected.nlist as u128, 8, "sizes of the lists")?;
    let mut before = Vec::with_capacity(expected.nlist + 1);
    before.push(0);
    for (number, size) in cursor.lanes::<8>(place.clone()).iter().enumerate() {
        let offset = (place.start + 8 * number) as u64;
        push_count(&mut before, u64::from_le_bytes(*size), expected, offset)?;
    }
    Ok(before)
}

/// Pairs of list and size; the others are empty.
fn sparse(cursor: &mut Cursor<'_>, expected: &Expected) -> Result<Vec<usize>> {
    let offset = cursor.offset();
    let (n, place) = cursor.any_vector(8, "sizes of the lists")?;
    let pairs = cursor.lanes::<16>(place.clone());
    let in_pairs = || "pairs".to_owned();
    require(n.is_multiple_of(2), "sizes of the lists", offset, &n, in_pairs)?;
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let there = || "none, as there are no centroids".to_owned();
    require(expected.has_centroids, "sizes of the lists", offset, &n, there)?;
    // Centroids may be codes of a byte or less.
    let most = (cursor.file_bytes() / 8).max(MANY_LISTS);
    let plausible = || format!("at most {most}, for a file as short as this");
    let nlist = expected.nlist;
    require(nlist <= most, "number of inverted lists", offset, &nlist, plausible)?;
    let mut before = Vec::with_capacity(expected.nlist + 1);
    before.push(0);
    for (at, pair) in pairs.iter().enumerate() {
        let offset = (place.start + 16 * at) as u64;
        let pair: &[[u8; 8]] = pair.as_chunks().0;
        let [number, size] = [0, 1].map(|half| u64::from_le_bytes(pair[half]));
        let next = before.len() as u64 - 1;
        let ascending = (next..expected.nlist as u64).contains(&number);
        let wanted = || format!("{next} to {}", expected.nlist.saturating_sub(1));
        require(ascending, "number of a list", offset, &number, wanted)?;
        let sum = before.last().copied().unwrap_or(0);
        before.resize(number as usize + 1, sum);
        push_count(&mut before, size, expected, offset + 8)?;
    }
    let sum = before.last().copied().unwrap_or(0);
    before.resize(expected.nlist + 1, sum);
    Ok(before)
}

fn push_count(before: &mut Vec<usize>, size: u64, expected: &Expected, offset: u64) -> Result<()> {
    let sum = before.last().copied().unwrap_or(0);
    let left = (expected.ntotal - sum) as u64;
    let at_most = || format!("at most {left}, as the index holds {}", expected.ntotal);
    require(size <= left, "size of a list", offset, &size, at_most)?;
    before.push(sum + size as usize);
    Ok(())
}
