//! Vectors as they are, and ids of vectors.

use super::super::cursor::{Cursor, malformed};
use super::super::model::{Kind, Place};
use super::{Context, inner};
use crate::error::Result;
use crate::neighbours::NO_ID;

pub(super) fn flat(cursor: &mut Cursor<'_>, context: &Context) -> Result<Kind> {
    let n_values = context.header.ntotal as u128 * context.header.dim as u128;
    Ok(Kind::Flat { vectors: cursor.vector(n_values, 4, "vectors")? })
}

pub(super) fn id_map(cursor: &mut Cursor<'_>, context: &Context) -> Result<Kind> {
    let inner = inner(cursor, context, "ID map")?;
    let ids = cursor.vector(context.header.ntotal as u128, 8, "ids")?;
    check_ids(cursor, &ids)?;
    Ok(Kind::IdMap { inner, ids, two_way: &context.tag == b"IxM2" })
}

fn check_ids(cursor: &Cursor<'_>, ids: &Place) -> Result<()> {
    let stored = cursor.lanes::<8>(ids.clone());
    match stored.iter().position(|id| i64::from_le_bytes(*id) == NO_ID) {
        None => Ok(()),
        Some(row) => {
            let offset = (ids.start + 8 * row) as u64;
            Err(malformed("id", offset, &NO_ID, "an id that does not stand for no vector"))
        }
    }
}
