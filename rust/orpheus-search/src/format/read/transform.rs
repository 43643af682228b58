//! What is done to a vector before it comes to an index.

use super::super::cursor::{Cursor, malformed, require};
use super::super::fourcc;
use super::super::model::{Linear, PcaTraining, Transform, TransformKind};
use crate::error::{Error, Result};

/// The dimensions come last, so that the tables are compared with them when all has been read.
pub(super) fn transform(cursor: &mut Cursor<'_>) -> Result<Transform> {
    let start = cursor.offset();
    let tag = cursor.fourcc()?;
    let kind = kind(cursor, tag)?;
    let offset = cursor.offset();
    let d_in = dimension(cursor)?;
    let d_out = dimension(cursor)?;
    let is_trained = cursor.boolean("whether a transform is trained")?;
    let transform = Transform { d_in, d_out, is_trained, kind };
    if let Some(expected) = contradiction(&transform) {
        let found = format!("{} of {d_in} to {d_out} values", fourcc::quoted(tag));
        return Err(malformed("transform", start, &found, expected));
    }
    let same = matches!(transform.kind, TransformKind::Normalize | TransformKind::Center { .. });
    let expected = || format!("{d_in}, as many as go in");
    require(
        !same || d_in == d_out,
        "values that come out of a transform",
        offset + 4,
        &d_out,
        expected,
    )?;
    Ok(transform)
}

fn dimension(cursor: &mut Cursor<'_>) -> Result<usize> {
    let offset = cursor.offset();
    let found = cursor.i32("dimension of a transform")?;
    let expected = || format!("1 to {}", super::header::MAX_DIM);
    let sound = (1..=super::header::MAX_DIM).contains(&found);
    require(sound, "dimension of a transform", offset, &found, expected)?;
    Ok(found as usize)
}

fn kind(cursor: &mut Cursor<'_>, tag: fourcc::Fourcc) -> Result<TransformKind> {
    Ok(match &tag {
        b"Pcam" => pca(cursor)?,
        b"rrot" => TransformKind::RandomRotation(linear(cursor)?),
        b"LTra" => TransformKind::Linear(linear(cursor)?),
        b"VNrm" => normalize(cursor)?,
        b"VCnt" => TransformKind::Center { mean: cursor.floats("mean")? },
        b"RmDT" => TransformKind::Remap { map: cursor.integers("map of dimensions")? },
        b"HRot" => TransformKind::Hadamard { seed: cursor.i32("seed")? as u32 },
        other => {
            let name = match other {
                b"Viqt" | b"Viqm" => "ITQ",
                b"PCAm" | b"PcAm" => "PCA of an old version",
                _ => "unknown",
            };
            let supported = "PCA (Pcam), random rotation (rrot), linear (LTra), L2 norm (VNrm), \
                             centering (VCnt), remapping (RmDT), Hadamard rotation (HRot)";
            return Err(Error::UnsupportedKind { fourcc: fourcc::quoted(tag), name, supported });
        }
    })
}

fn pca(cursor: &mut Cursor<'_>) -> Result<TransformKind> {
    let training = PcaTraining {
        eigen_power: cursor.f32("eigen_power")?,
        epsilon: cursor.f32("epsilon")?,
        random_rotation: cursor.boolean("random_rotation")?,
        balanced_bins: cursor.i32("balanced_bins")?,
        mean: cursor.floats("mean")?,
        eigenvalues: cursor.floats("eigenvalues")?,
        matrix: cursor.floats("principal components")?,
    };
    Ok(TransformKind::Pca { linear: linear(cursor)?, training })
}

fn linear(cursor: &mut Cursor<'_>) -> Result<Linear> {
    let have_bias = cursor.boolean("whether there is a bias")?;
    Ok(Linear { a: cursor.floats("matrix")?, b: cursor.floats("bias")?, have_bias })
}

fn normalize(cursor: &mut Cursor<'_>) -> Result<TransformKind> {
    let offset = cursor.offset();
    let norm = cursor.f32("norm")?;
    #[expect(clippy::float_cmp, reason = "FAISS knows no other norm")]
    let sound = norm == 2.0;
    require(sound, "norm", offset, &norm, || "2".to_owned())?;
    Ok(TransformKind::Normalize)
}

/// What a transform would hold whose tables fit its dimensions, if they do not.
fn contradiction(transform: &Transform) -> Option<String> {
    let Transform { d_in, d_out, is_trained, kind } = transform;
    match kind {
        TransformKind::Pca { linear, .. }
        | TransformKind::RandomRotation(linear)
        | TransformKind::Linear(linear) => {
            let n = *d_in as u128 * *d_out as u128;
            let whole =
                linear.a.len() as u128 >= n && (!linear.have_bias || linear.b.len() >= *d_out);
            let untrained = !is_trained && linear.a.is_empty() && linear.b.is_empty();
            (!whole && !untrained).then(|| format!("a matrix of {n} values and its bias"))
        }
        TransformKind::Center { mean } => {
            let whole = mean.len() == *d_in || (!is_trained && mean.is_empty());
            (!whole).then(|| format!("a mean of {d_in} values"))
        }
        TransformKind::Remap { map } => {
            let range = -1..*d_in as i32;
            let whole = map.len() == *d_out && map.iter().all(|from| range.contains(from));
            (!whole).then(|| format!("{d_out} places from -1 to {}", d_in - 1))
        }
        TransformKind::Hadamard { .. } => {
            let n = d_in.next_power_of_two();
            (*d_out != n).then(|| format!("a rotation to {n} values"))
        }
        TransformKind::Normalize => None,
    }
}
