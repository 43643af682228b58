//! Codes of centroid numbers.

use super::super::cursor::{Cursor, require};
use super::super::model::{Header, Kind, Packing, Polysemous, ProductQuantizer};
use super::Context;
use crate::error::Result;

pub(super) fn product(cursor: &mut Cursor<'_>, context: &Context) -> Result<Kind> {
    let quantizer = quantizer(cursor, &context.header)?;
    let n_bytes = context.header.ntotal as u128 * quantizer.code_size as u128;
    let codes = cursor.vector(n_bytes, 1, "codes")?;
    let polysemous = if &context.tag == b"IxPQ" {
        Polysemous { search_type: 0, encode_signs: false, threshold: 0 }
    } else {
        Polysemous {
            search_type: cursor.i32("search type")?,
            encode_signs: cursor.boolean("whether signs are encoded")?,
            threshold: cursor.i32("Hamming threshold")?,
        }
    };
    Ok(Kind::Product { quantizer, codes, polysemous })
}

pub(super) fn fast_scan(cursor: &mut Cursor<'_>, context: &Context) -> Result<Kind> {
    let ntotal = context.header.ntotal;
    let quantizer = four_bits(cursor, &context.header)?;
    let implementation = cursor.i32("implementation")?;
    let block_vectors = block_vectors(cursor)?;
    let query_block = cursor.i32("query block")?;
    let packing = packing(&quantizer, block_vectors, implementation, i64::from(query_block));
    padded_total(cursor, ntotal, block_vectors)?;
    cursor.exactly(packing.padded_m, "padded number of stretches")?;
    let n_bytes = ntotal.div_ceil(block_vectors) as u128 * packing.block_bytes as u128;
    let codes = cursor.vector(n_bytes, 1, "packed codes")?;
    Ok(Kind::ProductFastScan { quantizer, packing, codes })
}

/// The quantizer of an index with `header`.
pub(super) fn quantizer(cursor: &mut Cursor<'_>, header: &Header) -> Result<ProductQuantizer> {
    let dim = header.dim;
    cursor.exactly(dim, "dimension of the quantizer")?;
    let offset = cursor.offset();
    let m = cursor.count("number of stretches")?;
    let expected = || format!("a divisor of the dimension {dim}");
    require(dim.is_multiple_of(m), "number of stretches", offset, &m, expected)?;
    let offset = cursor.offset();
    let nbits = cursor.count("bits of a number")?;
    let expected = || "1 to 24".to_owned();
    require(nbits <= 24, "bits of a number", offset, &nbits, expected)?;
    let offset = cursor.offset();
    let centroids = cursor.floats("centroids")?;
    let n_values = (dim as u128) << nbits;
    let expected = || format!("a count of {n_values}");
    let whole = centroids.len() as u128 == n_values;
    require(whole, "centroids", offset, &centroids.len(), expected)?;
    Ok(ProductQuantizer { m, nbits, code_size: (m * nbits).div_ceil(8), centroids })
}

/// The quantizer of packed codes.
pub(super) fn four_bits(cursor: &mut Cursor<'_>, header: &Header) -> Result<ProductQuantizer> {
    let offset = cursor.offset() + 16;
    let quantizer = quantizer(cursor, header)?;
    let expected = || "4, as packed codes have".to_owned();
    require(quantizer.nbits == 4, "bits of a number", offset, &quantizer.nbits, expected)?;
    Ok(quantizer)
}

/// Vectors of a block of packed codes.
pub(super) fn block_vectors(cursor: &mut Cursor<'_>) -> Result<usize> {
    let offset = cursor.offset();
    let found = cursor.i32("vectors of a block")?;
    let sound = (1..=1 << 16).contains(&found) && found % 32 == 0;
    let expected = || "a multiple of 32, at most 65536".to_owned();
    require(sound, "vectors of a block", offset, &found, expected)?;
    Ok(found as usize)
}

/// How the codes of `quantizer` are packed.
pub(super) fn packing(
    quantizer: &ProductQuantizer,
    block_vectors: usize,
    implementation: i32,
    query_block: i64,
) -> Packing {
    let padded_m = quantizer.m.next_multiple_of(2);
    let block_bytes = block_vectors * padded_m / 2;
    Packing { block_vectors, padded_m, block_bytes, implementation, query_block }
}

/// Makes sure that the next number is `ntotal` in whole blocks.
pub(super) fn padded_total(
    cursor: &mut Cursor<'_>,
    ntotal: usize,
    block_vectors: usize,
) -> Result<()> {
    let offset = cursor.offset();
    let found = cursor.u64("padded number of vectors")?;
    let padded = ntotal.checked_next_multiple_of(block_vectors);
    let expected = || format!("{ntotal} in whole blocks of {block_vectors}");
    let sound = padded.is_some_and(|padded| padded as u64 == found);
    require(sound, "padded number of vectors", offset, &found, expected)
}
