//! Channels, coded in every way that fits their samples.

use super::Random;
use super::bit_writer::BitWriter;

/// Zeros that a code may begin with: enough to need more than one word of the reader.
const MOST_ZEROS: i64 = 150;

/// A predictor: the last sample's coefficient first.
struct Predictor {
    coefficients: Vec<i64>,
    shift: u32,
}

pub(super) fn write(bits: &mut BitWriter, random: &mut Random, values: &[i64], n_bits: u32) {
    let n_zero = values.iter().fold(0, |all, value| all | value).trailing_zeros();
    let n_wasted = if n_zero < n_bits && random.below(3) > 0 { n_zero } else { 0 };
    let values: Vec<_> = values.iter().map(|value| value >> n_wasted).collect();
    let n_bits = n_bits - n_wasted;
    let constant = values.iter().all(|value| *value == values[0]);
    match random.below(8) {
        0 if constant => {
            head(bits, 0, n_wasted);
            bits.put(values[0] as u64, n_bits);
        }
        0 | 1 => verbatim(bits, &values, n_bits, n_wasted),
        2..=4 => {
            let order = random.below(5) as usize;
            let coefficients = [vec![], vec![1], vec![2, -1], vec![3, -3, 1], vec![4, -6, 4, -1]];
            let predictor = Predictor { coefficients: coefficients[order].clone(), shift: 0 };
            let Some(residuals) = residuals(&predictor, &values) else {
                return verbatim(bits, &values, n_bits, n_wasted);
            };
            head(bits, 8 + order as u64, n_wasted);
            values[..order].iter().for_each(|value| bits.put(*value as u64, n_bits));
            write_residuals(bits, random, order, &residuals);
        }
        _ => linear(bits, random, &values, (n_bits, n_wasted)),
    }
}

fn verbatim(bits: &mut BitWriter, values: &[i64], n_bits: u32, n_wasted: u32) {
    head(bits, 1, n_wasted);
    for value in values {
        bits.put(*value as u64, n_bits);
    }
}

fn linear(
    bits: &mut BitWriter,
    random: &mut Random,
    values: &[i64],
    (n_bits, n_wasted): (u32, u32),
) {
    let order = 1 + random.below(32) as usize;
    let precision = 2 + random.below(14) as u32;
    let shift = random.below(16) as u32;
    let span = 1 << (precision - 1);
    // Small ones mostly, so that what is predicted stays in range.
    let reduce = random.below(u64::from(precision)) as u32;
    let coefficients = (0..order)
        .map(|_| (random.below(2 * span) as i64 - span as i64) >> reduce)
        .collect::<Vec<_>>();
    let predictor = Predictor { coefficients, shift };
    let residuals = (values.len() >= order).then(|| residuals(&predictor, values)).flatten();
    let Some(residuals) = residuals else { return verbatim(bits, values, n_bits, n_wasted) };
    head(bits, 31 + order as u64, n_wasted);
    values[..order].iter().for_each(|value| bits.put(*value as u64, n_bits));
    bits.put(u64::from(precision) - 1, 4);
    bits.put(u64::from(shift), 5);
    predictor.coefficients.iter().for_each(|&c| bits.put(c as u64, precision));
    write_residuals(bits, random, order, &residuals);
}

fn head(bits: &mut BitWriter, kind: u64, n_wasted: u32) {
    bits.put(kind, 7);
    bits.put(u64::from(n_wasted > 0), 1);
    if n_wasted > 0 {
        bits.put_unary(u64::from(n_wasted) - 1);
    }
}

/// `None` if there are none of 32 bits, or fewer samples than the predictor needs.
fn residuals(predictor: &Predictor, values: &[i64]) -> Option<Vec<i64>> {
    let order = predictor.coefficients.len();
    values.get(order..)?;
    let residual = |at: usize| {
        let before = values[..at].iter().rev();
        let sum: i64 = predictor.coefficients.iter().zip(before).map(|(c, value)| c * value).sum();
        let residual = values[at] - (sum >> predictor.shift);
        (residual.abs() < 1 << 31).then_some(residual)
    };
    (order..values.len()).map(residual).collect()
}

fn write_residuals(bits: &mut BitWriter, random: &mut Random, order: usize, residuals: &[i64]) {
    let block_size = order + residuals.len();
    let mut partition_order = random.below(6) as u32;
    while !block_size.is_multiple_of(1 << partition_order) || block_size >> partition_order < order
    {
        partition_order -= 1;
    }
    // Parameters of four bits are too small for the residuals of loud noise of many bits.
    let loud = residuals.iter().any(|residual| residual.abs() >= 1 << 20);
    let five_bits = loud || random.below(2) == 0;
    bits.put(u64::from(five_bits), 2);
    bits.put(u64::from(partition_order), 4);
    let mut rest = residuals;
    for n in 0..1 << partition_order {
        let n_values = (block_size >> partition_order) - if n == 0 { order } else { 0 };
        let (values, behind) = rest.split_at(n_values);
        partition(bits, random, values, five_bits);
        rest = behind;
    }
}

fn partition(bits: &mut BitWriter, random: &mut Random, values: &[i64], five_bits: bool) {
    let most = values.iter().map(|value| value.abs()).max().unwrap_or(0);
    let (width, escape) = if five_bits { (5, 31) } else { (4, 15) };
    let least = (0..30).find(|k| (2 * most + 1) >> k <= MOST_ZEROS).unwrap_or(30);
    let parameter = (least + random.below(4) as u32).min(30);
    let n_bits = 65 - (most.leading_zeros()).min(64);
    let n_bits = if most == 0 { 0 } else { n_bits };
    if n_bits < 32 && (parameter >= escape || random.below(8) == 0) {
        bits.put(u64::from(escape), width);
        bits.put(u64::from(n_bits), 5);
        return values.iter().for_each(|value| bits.put(*value as u64, n_bits));
    }
    bits.put(u64::from(parameter), width);
    for value in values {
        let code = if *value < 0 { -2 * value - 1 } else { 2 * value } as u64;
        bits.put_unary(code >> parameter);
        bits.put(code, parameter);
    }
}
