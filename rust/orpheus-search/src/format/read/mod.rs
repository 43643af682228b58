//! Reading what a FAISS file states, one file per kind of index.
//!
//! Sizes are compared with the bytes that are left before anything is allocated, counts with each
//! other; what is copied out is never more than what the file holds.

mod flat;
mod header;
mod hnsw;
mod ivf;
mod links;
mod lists;
mod product;
mod rabitq;
mod scalar;
mod transform;
mod wrap;

pub(crate) use header::checked_dim;

use super::cursor::{Cursor, malformed};
use super::fourcc::{self, Fourcc};
use super::model::{Header, Kind, Stored};
use crate::error::{Error, Result};

/// Indexes within indexes beyond which a file is taken for an attack.
const MAX_DEPTH: usize = 8;

/// What may stand where an index is expected.
const SUPPORTED: &str = "Flat, ScalarQuantizer, PQ, PQFastScan, RaBitQ, RaBitQFastScan, IVF or \
                         HNSW over these, IDMap, PreTransform, Refine";

/// What a file holds that consists of `bytes`.
///
/// # Errors
///
/// [`Error::NotAnIndex`] if it is something else, [`Error::UnsupportedKind`] or
/// [`Error::UnsupportedMetric`] if it or an index in it is of a kind that is not read here,
/// [`Error::Truncated`] or [`Error::Malformed`] if it is damaged.
pub fn read(bytes: &[u8]) -> Result<Stored> {
    let mut cursor = Cursor::new(bytes);
    let stored = index(&mut cursor, 0)?;
    cursor.finish()?;
    Ok(stored)
}

/// What the readers of the kinds go by.
struct Context {
    tag: Fourcc,
    header: Header,
    /// How many indexes this one is in.
    depth: usize,
}

type Reader = fn(&mut Cursor<'_>, &Context) -> Result<Kind>;

/// The reader of what follows a header after `tag`.
fn reader_of(tag: Fourcc) -> Option<Reader> {
    Some(match &tag {
        b"IxF2" | b"IxFI" | b"IxFl" => flat::flat,
        b"IxMp" | b"IxM2" => flat::id_map,
        b"IxSQ" => scalar::scalar,
        b"IxPQ" | b"IxPo" | b"IxPq" => product::product,
        b"IPfs" => product::fast_scan,
        b"Ixrq" | b"Ixrr" => rabitq::rabitq,
        b"Irfn" => rabitq::fast_scan,
        b"IwFl" | b"IwSQ" | b"IwSq" | b"IwPQ" | b"IwPf" | b"Iwrq" | b"Iwrr" | b"Iwrn" => ivf::ivf,
        b"IHNf" | b"IHNs" | b"IHNp" | b"IH00" => hnsw::hnsw,
        b"IxPT" => wrap::pre_transform,
        b"IxRF" => wrap::refine,
        _ => return None,
    })
}

/// The index that starts at the cursor, `depth` others around it.
fn index(cursor: &mut Cursor<'_>, depth: usize) -> Result<Stored> {
    let offset = cursor.offset();
    let tag = cursor.fourcc()?;
    if depth > MAX_DEPTH {
        let expected = format!("at most {MAX_DEPTH} indexes around another");
        return Err(malformed("index tag", offset, &fourcc::quoted(tag), expected));
    }
    let read = reader_of(tag).ok_or_else(|| refusal(tag, depth))?;
    let mut header = cursor.header(tag)?;
    if matches!(&tag, b"IxPQ" | b"IxPo") {
        // FAISS wrote the wrong number at that time, and reads it like this.
        header.metric = crate::metric::Metric::L2;
    }
    let kind = read(cursor, &Context { tag, header, depth })?;
    Ok(Stored { header, kind })
}

fn refusal(tag: Fourcc, depth: usize) -> Error {
    let fourcc = fourcc::quoted(tag);
    match fourcc::name(tag) {
        None if depth == 0 => Error::NotAnIndex(fourcc),
        name => {
            let name = name.unwrap_or("unknown");
            Error::UnsupportedKind { fourcc, name, supported: SUPPORTED }
        }
    }
}

/// An index inside the one of `context`, over the same vectors.
fn inner(cursor: &mut Cursor<'_>, context: &Context, around: &str) -> Result<Box<Stored>> {
    let offset = cursor.offset();
    let inner = index(cursor, context.depth + 1)?;
    if inner.header.agrees_with(&context.header) {
        Ok(Box::new(inner))
    } else {
        let expected = format!("{}, as the {around} says", context.header);
        Err(malformed("inner index", offset, &inner.header, expected))
    }
}
