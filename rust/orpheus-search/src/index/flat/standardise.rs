//! Vectors whose columns are comparable: centred, scaled, of length one.

use crate::error::{Error, Result};
use crate::queries::inverse_norm;
use crate::rows::Rows;

/// Mean and spread of each column of a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnStatistics {
    /// How many rows were looked at.
    pub n_rows: usize,
    /// Mean of each column.
    pub mean: Vec<f64>,
    /// Population standard deviation of each column, or 1 where all rows have the same value.
    pub scale: Vec<f64>,
}

impl ColumnStatistics {
    /// Those of all rows, or of the `selected` ones in the order given.
    ///
    /// Summed in float64, the deviations from the mean in a second pass, so that a large mean does
    /// not swallow a small spread.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if there is no row or a selected one does not exist,
    /// [`Error::NotFinite`] if a value is NaN or infinite.
    pub fn of(rows: Rows<'_>, selected: Option<&[i64]>) -> Result<Self> {
        let selected = selected.map(|ids| checked(ids, rows.n_rows())).transpose()?;
        let n_rows = selected.as_ref().map_or(rows.n_rows(), Vec::len);
        let row_at = |index| selected.as_ref().map_or(index, |rows| rows[index]);
        if n_rows == 0 {
            return Err(Error::Parameter {
                name: "rows",
                found: "empty".to_owned(),
                expected: "at least one row to standardise by".to_owned(),
            });
        }
        let mut mean = vec![0.0f64; rows.dim()];
        for row in (0..n_rows).map(row_at) {
            check_finite(rows, row)?;
            for (sum, value) in mean.iter_mut().zip(rows.row(row)) {
                *sum += f64::from(value);
            }
        }
        for sum in &mut mean {
            *sum /= n_rows as f64;
        }
        let mut scale = vec![0.0f64; rows.dim()];
        for row in (0..n_rows).map(row_at) {
            for ((sum, mean), value) in scale.iter_mut().zip(&mean).zip(rows.row(row)) {
                let deviation = f64::from(value) - mean;
                *sum += deviation * deviation;
            }
        }
        for (scale, mean) in scale.iter_mut().zip(&mean) {
            *scale = deviation_or_one(*scale / n_rows as f64, *mean, n_rows);
        }
        Ok(Self { n_rows, mean, scale })
    }
}

/// Writes `(row - mean) / scale` of each row, scaled to length one, into `standardised`.
///
/// The cosine of two raw vectors in the standardised space is the inner product of what this makes
/// of them. A row that equals the mean becomes zeros.
///
/// # Errors
///
/// [`Error::Shape`] if `mean`, `scale` or `standardised` does not fit the rows; [`Error::NotFinite`]
/// if a row, a mean or a scale is not; [`Error::Parameter`] if a scale is not positive.
pub fn standardise_rows_into(
    rows: Rows<'_>,
    mean: &[f64],
    scale: &[f64],
    standardised: &mut [f32],
) -> Result<()> {
    let dim = rows.dim();
    check_columns("mean", mean, dim)?;
    check_columns("scale", scale, dim)?;
    if let Some(column) = scale.iter().position(|scale| *scale <= 0.0) {
        return Err(Error::Parameter {
            name: "scale",
            found: format!("{} in column {column}", scale[column]),
            expected: "more than 0".to_owned(),
        });
    }
    if standardised.len() != rows.n_rows() * dim {
        return Err(Error::Shape {
            name: "standardised",
            found: standardised.len(),
            expected: format!("{} rows of {dim}", rows.n_rows()),
        });
    }
    let mut centred = vec![0.0f64; dim];
    for (row, target) in standardised.chunks_exact_mut(dim).enumerate() {
        check_finite(rows, row)?;
        let columns = mean.iter().zip(scale);
        for ((centred, value), (mean, scale)) in centred.iter_mut().zip(rows.row(row)).zip(columns)
        {
            *centred = (f64::from(value) - mean) / scale;
        }
        let inverse = inverse_norm(centred.iter().copied());
        for (target, centred) in target.iter_mut().zip(&centred) {
            *target = (centred * inverse) as f32;
        }
    }
    Ok(())
}

/// The standard deviation, or 1 if `variance` is no more than rounding makes of equal values.
fn deviation_or_one(variance: f64, mean: f64, n_rows: usize) -> f64 {
    // n float64 sums of values near the mean leave a deviation of at most n * epsilon * |mean|.
    let rounding = n_rows as f64 * f64::EPSILON * mean;
    if variance <= rounding * rounding { 1.0 } else { variance.sqrt() }
}

fn checked(ids: &[i64], n_rows: usize) -> Result<Vec<usize>> {
    let row_of = |&id: &i64| {
        let row = usize::try_from(id).ok().filter(|&row| row < n_rows);
        row.ok_or(Error::UnknownId { id, ntotal: n_rows })
    };
    ids.iter().map(row_of).collect()
}

fn check_finite(rows: Rows<'_>, row: usize) -> Result<()> {
    if rows.row(row).fold(true, |all, value| all & value.is_finite()) {
        return Ok(());
    }
    let mut columns = rows.row(row).enumerate();
    let (column, value) = columns.find(|(_, value)| !value.is_finite()).unwrap_or((0, f32::NAN));
    Err(Error::NotFinite { name: "rows", row, column, value: f64::from(value) })
}

fn check_columns(name: &'static str, values: &[f64], dim: usize) -> Result<()> {
    if values.len() != dim {
        let expected = format!("one for each of the {dim} columns");
        return Err(Error::Shape { name, found: values.len(), expected });
    }
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(column) => Err(Error::NotFinite { name, row: 0, column, value: values[column] }),
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are exact")]
mod tests {
    use super::*;

    #[test]
    fn mean_and_population_deviation_of_small_columns() {
        let values = [1.0f32, 5.0, 3.0, 5.0, 5.0, 5.0];
        let statistics = ColumnStatistics::of(Rows::new(&values, 2).unwrap(), None).unwrap();
        assert_eq!(statistics.n_rows, 3);
        assert_eq!(statistics.mean, [3.0, 5.0]);
        assert!((statistics.scale[0] - (8.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(statistics.scale[1], 1.0);
    }

    #[test]
    fn only_selected_rows_count() {
        let values = [1.0f32, 100.0, 3.0];
        let rows = Rows::new(&values, 1).unwrap();
        let statistics = ColumnStatistics::of(rows, Some(&[2, 0])).unwrap();
        assert_eq!((statistics.mean[0], statistics.scale[0]), (2.0, 1.0));
        assert!(matches!(
            ColumnStatistics::of(rows, Some(&[3])),
            Err(Error::UnknownId { id: 3, ntotal: 3 })
        ));
    }

    #[test]
    fn a_constant_column_has_scale_one_even_where_its_mean_is_rounded() {
        let values = vec![0.1f32; 999];
        let statistics = ColumnStatistics::of(Rows::new(&values, 1).unwrap(), None).unwrap();
        assert_eq!(statistics.scale, [1.0]);
    }

    #[test]
    fn a_small_spread_around_a_large_mean_is_kept() {
        let values: Vec<f32> = (0..1000).map(|row| 8_388_608.0 + (row % 2) as f32).collect();
        let statistics = ColumnStatistics::of(Rows::new(&values, 1).unwrap(), None).unwrap();
        assert!((statistics.scale[0] - 0.5).abs() < 1e-9);
    }

    #[test]
    fn standardised_rows_have_length_one_and_the_mean_becomes_zeros() {
        let values = [1.0f32, 10.0, 3.0, 30.0, 2.0, 20.0];
        let rows = Rows::new(&values, 2).unwrap();
        let statistics = ColumnStatistics::of(rows, None).unwrap();
        let mut standardised = [f32::NAN; 6];
        standardise_rows_into(rows, &statistics.mean, &statistics.scale, &mut standardised)
            .unwrap();
        let half = 0.5f32.sqrt();
        for (value, expected) in standardised.iter().zip([-half, -half, half, half, 0.0, 0.0]) {
            assert!((value - expected).abs() < 1e-6, "{standardised:?}");
        }
    }

    #[test]
    fn no_rows_and_values_that_are_not_finite_are_refused() {
        let none = Rows::new(&[], 3).unwrap();
        assert!(matches!(ColumnStatistics::of(none, None), Err(Error::Parameter { .. })));
        let values = [0.0, 1.0, f32::NAN, 1.0];
        let rows = Rows::new(&values, 2).unwrap();
        let error = ColumnStatistics::of(rows, None).unwrap_err();
        assert!(matches!(error, Error::NotFinite { row: 1, column: 0, .. }), "{error}");
        let mut out = [0.0; 4];
        assert!(standardise_rows_into(rows, &[0.0; 2], &[1.0; 2], &mut out).is_err());
    }

    #[test]
    fn scales_must_be_positive_and_fit() {
        let rows = Rows::new(&[1.0, 2.0], 2).unwrap();
        let mut out = [0.0; 2];
        let mut standardise =
            |scale: &[f64]| standardise_rows_into(rows, &[0.0; 2], scale, &mut out);
        assert!(matches!(standardise(&[1.0, 0.0]), Err(Error::Parameter { .. })));
        assert!(matches!(standardise(&[1.0, f64::NAN]), Err(Error::NotFinite { .. })));
        assert!(matches!(standardise(&[1.0]), Err(Error::Shape { found: 1, .. })));
    }
}
