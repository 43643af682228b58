//! Indexes that change what another gets or gives.

use super::super::cursor::{Cursor, malformed, require};
use super::super::model::{Header, Kind};
use super::transform::transform;
use super::{Context, index, inner};
use crate::error::Result;

/// Transforms beyond which a chain is taken for damage.
const MAX_TRANSFORMS: i32 = 64;

pub(super) fn pre_transform(cursor: &mut Cursor<'_>, context: &Context) -> Result<Kind> {
    let header = context.header;
    let offset = cursor.offset();
    let n = cursor.i32("number of transforms")?;
    let expected = || format!("0 to {MAX_TRANSFORMS}");
    require((0..=MAX_TRANSFORMS).contains(&n), "number of transforms", offset, &n, expected)?;
    let mut chain = Vec::new();
    let mut dim = header.dim;
    for _ in 0..n {
        let offset = cursor.offset();
        let transform = transform(cursor)?;
        let expected = || format!("{dim}, as many as come from before");
        let fits = transform.d_in == dim;
        require(fits, "values that go into a transform", offset, &transform.d_in, expected)?;
        let needed = header.is_trained || header.ntotal > 0;
        let expected = || "true, as of the index".to_owned();
        let trained = transform.is_trained || !needed;
        require(
            trained,
            "whether a transform is trained",
            offset,
            &transform.is_trained,
            expected,
        )?;
        dim = transform.d_out;
        chain.push(transform);
    }
    let offset = cursor.offset();
    let inner = index(cursor, context.depth + 1)?;
    if !inner.header.agrees_with(&Header { dim, ..header }) {
        let expected = format!("{}, as the transforms say", Header { dim, ..header });
        return Err(malformed("inner index", offset, &inner.header, expected));
    }
    Ok(Kind::PreTransform { chain, inner: Box::new(inner) })
}

pub(super) fn refine(cursor: &mut Cursor<'_>, context: &Context) -> Result<Kind> {
    let base = inner(cursor, context, "refining index")?;
    let refine = inner(cursor, context, "refining index")?;
    let offset = cursor.offset();
    let k_factor = cursor.f32("k_factor")?;
    let sound = k_factor.is_finite() && k_factor >= 1.0;
    require(sound, "k_factor", offset, &k_factor, || "a number of at least 1".to_owned())?;
    Ok(Kind::Refine { base, refine, k_factor })
}
