//! A graph over vectors.

use super::super::cursor::{Cursor, malformed, require};
use super::super::model::{Hnsw, HnswGraph, Kind, Place};
use super::{Context, inner};
use crate::error::Result;

/// Levels beyond which a graph is taken for damage; FAISS makes 30 with two links per node.
const MAX_LEVELS: usize = 256;

pub(super) fn hnsw(cursor: &mut Cursor<'_>, context: &Context) -> Result<Kind> {
    let graph = graph(cursor, context.header.ntotal)?;
    let offset = cursor.offset();
    let storage = inner(cursor, context, "graph")?;
    let sound = matches!(
        (&context.tag, &storage.kind),
        (b"IHNf" | b"IH00", Kind::Flat { .. })
            | (b"IHNs" | b"IH00", Kind::Scalar { .. })
            | (b"IHNp" | b"IH00", Kind::Product { .. })
    );
    let expected = || "what the tag of the graph says: Flat, scalar or product codes".to_owned();
    require(sound, "storage of the graph", offset, &storage.kind.name(), expected)?;
    Ok(Kind::Hnsw(Hnsw { tag: context.tag, graph, storage }))
}

fn graph(cursor: &mut Cursor<'_>, n_nodes: usize) -> Result<HnswGraph> {
    let offset = cursor.offset();
    let (n, place) = cursor.any_vector(8, "level probabilities")?;
    let expected = || format!("at most {MAX_LEVELS}");
    require(n <= MAX_LEVELS, "level probabilities", offset, &n, expected)?;
    let probabilities = cursor.lanes(place).iter().map(|lane| f64::from_le_bytes(*lane)).collect();
    let cumulative = cumulative(cursor)?;
    let levels = cursor.vector(n_nodes as u128, 4, "levels")?;
    let offset = cursor.offset();
    let offsets = cursor.vector(n_nodes as u128 + 1, 8, "link offsets")?;
    let n_links = check_offsets(cursor, &cumulative, &levels, &offsets)?;
    let expected = || "a number that fits into memory".to_owned();
    require(n_links <= 1 << 60, "link offsets", offset, &n_links, expected)?;
    let neighbors = cursor.vector(u128::from(n_links), 4, "links")?;
    let (entry_point, max_level) = entry(cursor, &cumulative, &levels)?;
    let ef_construction = cursor.i32("ef_construction")?;
    let offset = cursor.offset();
    let ef_search = cursor.i32("ef_search")?;
    require(ef_search >= 1, "ef_search", offset, &ef_search, || "at least 1".to_owned())?;
    cursor.i32("reserved number")?;
    Ok(HnswGraph {
        n_nodes,
        probabilities,
        cumulative,
        levels,
        offsets,
        neighbors,
        entry_point,
        max_level,
        ef_construction,
        ef_search,
    })
}

/// Links on all levels below each.
fn cumulative(cursor: &mut Cursor<'_>) -> Result<Vec<usize>> {
    let offset = cursor.offset();
    let (n, place) = cursor.any_vector(4, "links per level")?;
    let expected = || format!("1 to {}", MAX_LEVELS + 1);
    require((1..=MAX_LEVELS + 1).contains(&n), "links per level", offset, &n, expected)?;
    let mut cumulative: Vec<usize> = Vec::with_capacity(n);
    for (level, lane) in cursor.lanes(place.clone()).iter().enumerate() {
        let found = i32::from_le_bytes(*lane);
        let least = cumulative.last().copied().unwrap_or(0);
        let sound = usize::try_from(found)
            .ok()
            .filter(|&links| links >= least && (level > 0 || links == 0));
        let Some(links) = sound else {
            let offset = (place.start + 4 * level) as u64;
            let expected = format!("at least {least}, ascending from 0");
            return Err(malformed("links per level", offset, &found, expected));
        };
        cumulative.push(links);
    }
    Ok(cumulative)
}

/// Makes sure that each node has the links of its levels. Returns how many there are.
fn check_offsets(
    cursor: &Cursor<'_>,
    cumulative: &[usize],
    levels: &Place,
    offsets: &Place,
) -> Result<u64> {
    let mut expected = 0u64;
    let wrong = |node: usize, found: u64, expected: u64| {
        let offset = (offsets.start + 8 * node) as u64;
        malformed("link offset", offset, &found, expected.to_string())
    };
    let stored = cursor.lanes::<8>(offsets.clone());
    for (node, (level, found)) in cursor.lanes(levels.clone()).iter().zip(stored).enumerate() {
        let found = u64::from_le_bytes(*found);
        if found != expected {
            return Err(wrong(node, found, expected));
        }
        let level = i32::from_le_bytes(*level);
        let links = usize::try_from(level).ok().filter(|&level| level >= 1);
        let Some(links) = links.and_then(|level| cumulative.get(level)) else {
            let offset = (levels.start + 4 * node) as u64;
            let expected = format!("1 to {}", cumulative.len() - 1);
            return Err(malformed("levels of a node", offset, &level, expected));
        };
        // At most 2^31 for each of at most 2^60 nodes that the file has room for.
        expected = expected.saturating_add(*links as u64);
    }
    let last = stored.last().map_or(0, |last| u64::from_le_bytes(*last));
    if last == expected { Ok(last) } else { Err(wrong(stored.len() - 1, last, expected)) }
}

/// Where a search starts, and on which level.
fn entry(
    cursor: &mut Cursor<'_>,
    cumulative: &[usize],
    levels: &Place,
) -> Result<(Option<usize>, i32)> {
    let offset = cursor.offset();
    let found = cursor.i32("entry point")?;
    let levels = cursor.lanes(levels.clone());
    let n_nodes = levels.len();
    let entry_point = usize::try_from(found).ok().filter(|&node| node < n_nodes);
    let sound = if n_nodes == 0 { found == -1 } else { entry_point.is_some() };
    let expected = || match n_nodes {
        0 => "-1, as there are no nodes".to_owned(),
        _ => format!("0 to {}", n_nodes - 1),
    };
    require(sound, "entry point", offset, &found, expected)?;
    let offset = cursor.offset();
    let max_level = cursor.i32("highest level")?;
    let n_levels = entry_point.map_or(0, |node| i32::from_le_bytes(levels[node]));
    let lowest = i32::from(n_nodes > 0) - 1;
    let highest = if n_nodes > 0 { n_levels - 1 } else { cumulative.len() as i32 };
    let sound = (lowest..=highest).contains(&max_level);
    let expected = || format!("{lowest} to {highest}, as the entry point is on it");
    require(sound, "highest level", offset, &max_level, expected)?;
    Ok((entry_point, max_level))
}
