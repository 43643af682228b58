//! Vectors in lists.

use super::super::cursor::{Cursor, require};
use super::super::model::{DirectMap, Header, Ivf, IvfCodes, Kind, Lists, Stored};
use super::lists::{self, Expected};
use super::{Context, index, product, rabitq, scalar};
use crate::error::Result;

pub(super) fn ivf(cursor: &mut Cursor<'_>, context: &Context) -> Result<Kind> {
    let header = context.header;
    // It counts vectors that are in no list, too, so that no size follows from it.
    let at_most = cursor.file_bytes();
    let expected = || format!("at most {at_most}, the bytes of the file");
    let offset = cursor.offset();
    require(header.ntotal <= at_most, "number of vectors", offset, &header.ntotal, expected)?;
    let nlist = cursor.count("number of lists")?;
    let nprobe = cursor.count("number of lists to visit")?;
    let quantizer = quantizer(cursor, context, nlist)?;
    let direct_map = direct_map(cursor, header.ntotal)?;
    let has_centroids = quantizer.header.ntotal == nlist;
    let expected = Expected { nlist, has_centroids, ntotal: header.ntotal };
    let (codes, lists) = match &context.tag {
        b"IwFl" => (IvfCodes::Flat, lists::array(cursor, &expected, header.dim * 4)?),
        b"IwSq" | b"IwSQ" => scalar_lists(cursor, context, &expected)?,
        b"IwPQ" => product_lists(cursor, &header, &expected)?,
        b"IwPf" => fast_scan_lists(cursor, &header, &expected)?,
        b"Iwrn" => rabitq_fast_scan_lists(cursor, &header, &expected)?,
        _ => rabitq_lists(cursor, context, &expected)?,
    };
    Ok(Kind::Ivf(Ivf { nlist, nprobe, quantizer, direct_map, codes, lists }))
}

/// The index over the centroids.
fn quantizer(cursor: &mut Cursor<'_>, context: &Context, nlist: usize) -> Result<Box<Stored>> {
    let header = context.header;
    let offset = cursor.offset();
    let quantizer = index(cursor, context.depth + 1)?;
    let Header { dim, ntotal, .. } = quantizer.header;
    let untrained = ntotal == 0 && !header.is_trained && header.ntotal == 0;
    let sound = dim == header.dim && (ntotal == nlist || untrained);
    let expected = || format!("{nlist} vectors of dimension {}", header.dim);
    require(sound, "coarse quantizer", offset, &quantizer.header, expected)?;
    Ok(Box::new(quantizer))
}

fn direct_map(cursor: &mut Cursor<'_>, ntotal: usize) -> Result<DirectMap> {
    let offset = cursor.offset();
    let kind = cursor.u8("kind of direct map")?;
    require(kind <= 2, "kind of direct map", offset, &kind, || "0, 1 or 2".to_owned())?;
    let n_places = if kind == 1 { ntotal } else { 0 };
    let array = cursor.vector(n_places as u128, 8, "direct map")?;
    Ok(match kind {
        0 => DirectMap::None,
        1 => DirectMap::Array(array),
        _ => DirectMap::Hash(cursor.any_vector(16, "direct map")?.1),
    })
}

fn scalar_lists(
    cursor: &mut Cursor<'_>,
    context: &Context,
    expected: &Expected,
) -> Result<(IvfCodes, Lists)> {
    let quantizer = scalar::quantizer(cursor, &context.header)?;
    let code_size = quantizer.code_size;
    cursor.exactly(code_size, "bytes of a code in the index")?;
    let by_residual = &context.tag == b"IwSQ" || cursor.boolean("by_residual")?;
    let lists = lists::array(cursor, expected, code_size)?;
    Ok((IvfCodes::Scalar { quantizer, by_residual }, lists))
}

fn product_lists(
    cursor: &mut Cursor<'_>,
    header: &Header,
    expected: &Expected,
) -> Result<(IvfCodes, Lists)> {
    let by_residual = cursor.boolean("by_residual")?;
    let offset = cursor.offset();
    let found = cursor.u64("bytes of a code in the index")?;
    let quantizer = product::quantizer(cursor, header)?;
    let code_size = quantizer.code_size;
    let wanted = || format!("{code_size}, as the quantizer says");
    let sound = found == code_size as u64;
    require(sound, "bytes of a code in the index", offset, &found, wanted)?;
    let lists = lists::array(cursor, expected, code_size)?;
    Ok((IvfCodes::Product { quantizer, by_residual }, lists))
}

fn fast_scan_lists(
    cursor: &mut Cursor<'_>,
    header: &Header,
    expected: &Expected,
) -> Result<(IvfCodes, Lists)> {
    let by_residual = cursor.boolean("by_residual")?;
    let size_offset = cursor.offset();
    let found_size = cursor.u64("bytes of a code in the index")?;
    let block_vectors = product::block_vectors(cursor)?;
    let m_offset = cursor.offset();
    let found_m = cursor.u64("padded number of stretches")?;
    let implementation = cursor.i32("implementation")?;
    let query_block = cursor.i64("query block")?;
    let quantizer = product::four_bits(cursor, header)?;
    let packing = product::packing(&quantizer, block_vectors, implementation, query_block);
    let code_size = quantizer.code_size;
    let wanted = || format!("{code_size}, as the quantizer says");
    let sound = found_size == code_size as u64;
    require(sound, "bytes of a code in the index", size_offset, &found_size, wanted)?;
    let wanted = || format!("{}, as the quantizer says", packing.padded_m);
    let sound = found_m == packing.padded_m as u64;
    require(sound, "padded number of stretches", m_offset, &found_m, wanted)?;
    let lists = lists::blocks(cursor, expected, &packing)?;
    Ok((IvfCodes::ProductFastScan { quantizer, by_residual, packing }, lists))
}

fn rabitq_lists(
    cursor: &mut Cursor<'_>,
    context: &Context,
    expected: &Expected,
) -> Result<(IvfCodes, Lists)> {
    let quantizer = rabitq::quantizer(cursor, &context.header, &context.tag == b"Iwrr")?;
    cursor.exactly(quantizer.code_size, "bytes of a code in the index")?;
    let by_residual = cursor.boolean("by_residual")?;
    let query_bits = rabitq::query_bits(cursor)?;
    let lists = lists::array(cursor, expected, quantizer.code_size)?;
    Ok((IvfCodes::RaBitQ { quantizer, by_residual, query_bits }, lists))
}

fn rabitq_fast_scan_lists(
    cursor: &mut Cursor<'_>,
    header: &Header,
    expected: &Expected,
) -> Result<(IvfCodes, Lists)> {
    let quantizer = rabitq::quantizer(cursor, header, true)?;
    let by_residual = cursor.boolean("by_residual")?;
    cursor.exactly(quantizer.code_size, "bytes of a code in the index")?;
    let block_vectors = product::block_vectors(cursor)?;
    let query_block = cursor.i64("query block")?;
    let m_offset = cursor.offset();
    let found_m = cursor.u64("padded number of nibbles")?;
    let implementation = cursor.i32("implementation")?;
    let query_bits = rabitq::query_bits(cursor)?;
    let centered = cursor.boolean("whether queries are centered")?;
    let how = (implementation, query_block);
    let packing = rabitq::packing(&quantizer, header.dim, block_vectors, how);
    let wanted = || format!("{}, as the dimension says", packing.padded_m);
    let sound = found_m == packing.padded_m as u64;
    require(sound, "padded number of nibbles", m_offset, &found_m, wanted)?;
    let lists = lists::blocks(cursor, expected, &packing)?;
    Ok((IvfCodes::RaBitQFastScan { quantizer, by_residual, query_bits, centered, packing }, lists))
}
