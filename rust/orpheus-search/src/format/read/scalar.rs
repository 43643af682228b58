//! Codes of a few bits per value.

use super::super::cursor::{Cursor, malformed, require};
use super::super::model::{Header, Kind, ScalarKind, ScalarQuantizer};
use super::Context;
use crate::error::{Error, Result};

/// Kinds that FAISS has added and that are not read here.
const OTHER_KINDS: &[(std::ops::RangeInclusive<i32>, &str)] =
    &[(9..=9, "QT_0bit"), (10..=18, "TurboQuant"), (19..=26, "EDEN")];

pub(super) fn scalar(cursor: &mut Cursor<'_>, context: &Context) -> Result<Kind> {
    let quantizer = quantizer(cursor, &context.header)?;
    let n_bytes = context.header.ntotal as u128 * quantizer.code_size as u128;
    Ok(Kind::Scalar { quantizer, codes: cursor.vector(n_bytes, 1, "codes")? })
}

/// The quantizer of an index with `header`.
pub(super) fn quantizer(cursor: &mut Cursor<'_>, header: &Header) -> Result<ScalarQuantizer> {
    let kind = kind(cursor)?;
    let range_statistic = cursor.i32("range statistic")?;
    let range_argument = cursor.f32("range argument")?;
    cursor.exactly(header.dim, "dimension of the quantizer")?;
    let code_size = (header.dim * kind.bits()).div_ceil(8);
    cursor.exactly(code_size, "bytes of a code")?;
    let offset = cursor.offset();
    let trained = cursor.floats("trained ranges")?;
    let n_trained = kind.n_trained(header.dim);
    let untrained = trained.is_empty() && !header.is_trained && header.ntotal == 0;
    let expected = || format!("a count of {n_trained}");
    let whole = trained.len() == n_trained || untrained;
    require(whole, "trained ranges", offset, &trained.len(), expected)?;
    Ok(ScalarQuantizer { kind, code_size, trained, range_statistic, range_argument })
}

fn kind(cursor: &mut Cursor<'_>) -> Result<ScalarKind> {
    let offset = cursor.offset();
    let number = cursor.i32("kind of scalar quantizer")?;
    Ok(match number {
        0 => ScalarKind::Bits8,
        1 => ScalarKind::Bits4,
        2 => ScalarKind::Bits8Uniform,
        3 => ScalarKind::Bits4Uniform,
        4 => ScalarKind::Float16,
        5 => ScalarKind::Bits8Direct,
        6 => ScalarKind::Bits6,
        7 => ScalarKind::BFloat16,
        8 => ScalarKind::Bits8DirectSigned,
        _ => return Err(refusal(number, offset)),
    })
}

fn refusal(number: i32, offset: u64) -> Error {
    match OTHER_KINDS.iter().find(|(numbers, _)| numbers.contains(&number)) {
        Some((_, name)) => Error::UnsupportedKind {
            fourcc: number.to_string(),
            name,
            supported: "scalar quantizers 0 to 8 (8, 6 or 4 bits, fp16, bf16)",
        },
        None => malformed("kind of scalar quantizer", offset, &number, "0 to 8"),
    }
}
