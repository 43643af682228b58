//! How two halves of a shape, or mid and side, share its energy (RFC 6716 §4.3.4.4): in integers,
//! since bit allocation depends on it.

use super::super::range::{BIT_RESOLUTION, RangeDecoder};

/// What two halves get.
#[derive(Debug, Clone, Copy)]
pub(super) struct Angle {
    /// From 0, all in the first half, to 16384, all in the second.
    pub(super) theta: i32,
    /// Gains of the halves.
    pub(super) gains: [f32; 2],
    /// By how many eighths of a bit the first half is cheaper.
    pub(super) delta: i32,
    /// The second channel is upside down.
    pub(super) inverted: bool,
}

/// All in the second half.
pub(super) const QUARTER: i32 = 16384;

impl Angle {
    pub(super) fn new(theta: i32, n_bins: usize, inverted: bool) -> Self {
        let (mid, side, delta) = match theta {
            0 => (32767, 0, -16384),
            QUARTER => (0, 32767, 16384),
            _ => {
                let (mid, side) = (cosine(theta), cosine(QUARTER - theta));
                let weight = (n_bins as i32 - 1) << 7;
                (mid, side, product(weight, log_tangent(side, mid)))
            }
        };
        let gains = [mid as f32 / 32768.0, side as f32 / 32768.0];
        Self { theta, gains, delta, inverted }
    }
}

fn product(a: i32, b: i32) -> i32 {
    (a.wrapping_mul(b).wrapping_add(16384)) >> 15
}

/// cos(π/2 · x / 16384) of 32768, as the format defines it.
fn cosine(x: i32) -> i32 {
    let square = (4096 + x * x) >> 13;
    let inner = 8277 + product(-626, square);
    let middle = -7651 + product(square, inner);
    1 + (32767 - square) + product(square, middle)
}

/// log2(sine / cosine) of 2048.
fn log_tangent(sine: i32, cosine: i32) -> i32 {
    let length = |x: i32| 32 - x.leading_zeros() as i32;
    let (sine_length, cosine_length) = (length(sine), length(cosine));
    let log = |x: i32, length: i32| {
        let mantissa = x << (15 - length);
        product(mantissa, product(mantissa, -2597) + 7932)
    };
    (sine_length - cosine_length) * 2048 + log(sine, sine_length) - log(cosine, cosine_length)
}

/// Into how many steps the quarter circle is divided.
pub(super) fn n_steps(n_bins: usize, bits: i32, offset: i32, cap: i32, stereo: bool) -> i32 {
    const POWERS: [i32; 8] = [16384, 17866, 19483, 21247, 23170, 25267, 27554, 30048];
    let mut n = 2 * n_bins as i32 - 1;
    if stereo && n_bins == 2 {
        n -= 1;
    }
    let per_bin = (bits + n * offset) / n;
    let eighths = per_bin.min(bits - cap - (4 << BIT_RESOLUTION)).min(8 << BIT_RESOLUTION);
    if eighths < (1 << BIT_RESOLUTION) >> 1 {
        return 1;
    }
    let power = POWERS[(eighths & 7) as usize] >> (14 - (eighths >> BIT_RESOLUTION));
    ((power + 1) >> 1) << 1
}

/// Reads one of `0..=n_steps`, by the distribution that suits what is divided.
pub(super) fn decode(
    range: &mut RangeDecoder,
    n_steps: i32,
    stereo_shape: bool,
    uniform: bool,
) -> i32 {
    let n = n_steps as u32;
    let step = if stereo_shape {
        stepped(range, n)
    } else if uniform {
        range.uniform(n + 1)
    } else {
        triangular(range, n)
    };
    step as i32 * QUARTER / n_steps
}

/// The lower half of the steps is three times as likely as the upper one.
fn stepped(range: &mut RangeDecoder, n: u32) -> u32 {
    let half = n / 2;
    let knee = 3 * (half + 1);
    range.symbol(knee + half, |at| {
        if at < knee {
            let step = at / 3;
            (step, 3 * step, 3 * step + 3)
        } else {
            (half + 1 + at - knee, at, at + 1)
        }
    })
}

fn triangular(range: &mut RangeDecoder, n: u32) -> u32 {
    let half = n >> 1;
    let total = (half + 1) * (half + 1);
    range.symbol(total, |at| {
        if at < (half * (half + 1)) >> 1 {
            let step = ((8 * at + 1).isqrt() - 1) >> 1;
            let low = (step * (step + 1)) >> 1;
            (step, low, low + step + 1)
        } else {
            let step = (2 * (n + 1) - (8 * (total - at - 1) + 1).isqrt()) >> 1;
            let low = total - (((n + 1 - step) * (n + 2 - step)) >> 1);
            (step, low, low + n + 1 - step)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integer_cosine_follows_the_cosine() {
        for x in (64..QUARTER).step_by(64) {
            let exact = 32768.0 * (f64::from(x) / 16384.0 * std::f64::consts::FRAC_PI_2).cos();
            assert!((f64::from(cosine(x)) - exact).abs() < 8.0, "{x}");
        }
    }

    #[test]
    fn the_integer_logarithm_follows_the_tangent() {
        for x in (256..QUARTER - 255).step_by(64) {
            let angle = f64::from(x) / 16384.0 * std::f64::consts::FRAC_PI_2;
            let exact = 2048.0 * angle.tan().log2();
            let got = f64::from(log_tangent(cosine(QUARTER - x), cosine(x)));
            assert!((got - exact).abs() < 40.0, "{x}: {got} for {exact}");
        }
    }
}
