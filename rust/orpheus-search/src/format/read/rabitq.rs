//! Codes of one bit or a few per value, with factors.

use super::super::cursor::{Cursor, malformed, require};
use super::super::model::{Header, Kind, Packing, RaBitQ};
use super::Context;
use super::product::{block_vectors, padded_total};
use crate::error::Result;
use crate::metric::Metric;

pub(super) fn rabitq(cursor: &mut Cursor<'_>, context: &Context) -> Result<Kind> {
    let quantizer = quantizer(cursor, &context.header, &context.tag == b"Ixrr")?;
    let n_bytes = context.header.ntotal as u128 * quantizer.code_size as u128;
    let codes = cursor.vector(n_bytes, 1, "codes")?;
    let center = center(cursor, &context.header)?;
    let query_bits = query_bits(cursor)?;
    Ok(Kind::RaBitQ { quantizer, center, query_bits, codes })
}

pub(super) fn fast_scan(cursor: &mut Cursor<'_>, context: &Context) -> Result<Kind> {
    let Header { dim, ntotal, .. } = context.header;
    let quantizer = quantizer(cursor, &context.header, true)?;
    let center = center(cursor, &context.header)?;
    let query_bits = query_bits(cursor)?;
    let block_vectors = block_vectors(cursor)?;
    padded_total(cursor, ntotal, block_vectors)?;
    let packing = packing(&quantizer, dim, block_vectors, (0, 0));
    cursor.exactly(packing.padded_m, "padded number of nibbles")?;
    cursor.exactly(quantizer.code_size, "bytes of a code")?;
    let n_bytes = ntotal.div_ceil(block_vectors) as u128 * packing.block_bytes as u128;
    let codes = cursor.vector(n_bytes, 1, "packed codes")?;
    Ok(Kind::RaBitQFastScan { quantizer, center, query_bits, packing, codes })
}

/// The quantizer of an index with `header`; `multi` if it states the number of bits.
pub(super) fn quantizer(cursor: &mut Cursor<'_>, header: &Header, multi: bool) -> Result<RaBitQ> {
    cursor.exactly(header.dim, "dimension of the quantizer")?;
    let size_offset = cursor.offset();
    let found_size = cursor.u64("bytes of a code")?;
    let offset = cursor.offset();
    let metric = cursor.i32("metric of the quantizer")?;
    let expected = i32::from(header.metric == Metric::L2);
    let as_index = || format!("{expected}, as the index says");
    require(metric == expected, "metric of the quantizer", offset, &metric, as_index)?;
    let offset = cursor.offset();
    let nb_bits = if multi { cursor.count("bits per value")? } else { 1 };
    if nb_bits > 9 {
        return Err(malformed("bits per value", offset, &nb_bits, "1 to 9"));
    }
    let code_size = code_size(header.dim, nb_bits);
    let expected = || format!("{code_size} for {nb_bits} bits of {} values", header.dim);
    let sound = found_size == code_size as u64;
    require(sound, "bytes of a code", size_offset, &found_size, expected)?;
    Ok(RaBitQ { code_size, metric: header.metric, nb_bits })
}

/// Signs and two factors; with more bits an error bound, the bits, and two factors for them.
fn code_size(dim: usize, nb_bits: usize) -> usize {
    let signs = dim.div_ceil(8) + 8;
    if nb_bits == 1 { signs } else { signs + 4 + (dim * (nb_bits - 1)).div_ceil(8) + 8 }
}

/// Blocks of nibbles of signs, followed by the rest of each code. `(implementation, query_block)`.
pub(super) fn packing(
    quantizer: &RaBitQ,
    dim: usize,
    block_vectors: usize,
    (implementation, query_block): (i32, i64),
) -> Packing {
    let padded_m = dim.div_ceil(4).next_multiple_of(2);
    let block_bytes = block_vectors * quantizer.code_size;
    Packing { block_vectors, padded_m, block_bytes, implementation, query_block }
}

fn center(cursor: &mut Cursor<'_>, header: &Header) -> Result<Vec<f32>> {
    let offset = cursor.offset();
    let center = cursor.floats("center")?;
    let untrained = center.is_empty() && !header.is_trained && header.ntotal == 0;
    let expected = || format!("a count of {}", header.dim);
    require(center.len() == header.dim || untrained, "center", offset, &center.len(), expected)?;
    Ok(center)
}

/// Bits of a value of a query.
pub(super) fn query_bits(cursor: &mut Cursor<'_>) -> Result<u8> {
    let offset = cursor.offset();
    let found = cursor.u8("bits of a query")?;
    require(found <= 8, "bits of a query", offset, &found, || "0 to 8".to_owned())?;
    Ok(found)
}
