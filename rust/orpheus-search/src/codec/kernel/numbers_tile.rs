//! What the kernels over numbers of each width have in common.

/// Defines `numbers`, which compares a query with four codes at a time.
///
/// The file that uses it has, compiled for `$features`: `zero`, `multiply_add`, `subtract`, `subtract_product`, `load`
/// of `$lanes` values, `sums_of_four`, and `widen::<W>` and `widen_head::<W>`, which make
/// `$lanes` values out of the `$lanes * W / 8` bytes at an address or out of fewer.
macro_rules! numbers_kernel {
    ($features:literal, $register:ty, lanes: $lanes:literal) => {
        #[target_feature(enable = $features)]
        fn numbers(numbers: &Numbers<'_>, codes: &[u8], picks: Picks<'_>, scores: &mut [f32]) {
            let is_l2 = numbers.metric == crate::metric::Metric::L2;
            let kernel = match (numbers.width, is_l2) {
                (Width::Bits8, false) => each::<8, false, false>,
                (Width::Bits8, true) => each::<8, true, false>,
                (Width::Bits4, false) => each::<4, false, false>,
                (Width::Bits4, true) => each::<4, true, false>,
                (Width::Bits6, false) => each::<6, false, false>,
                (Width::Bits6, true) => each::<6, true, false>,
                (Width::Float16, false) => each::<16, false, false>,
                (Width::Float16, true) => each::<16, true, false>,
                (Width::BFloat16, false) => each::<16, false, true>,
                (Width::BFloat16, true) => each::<16, true, true>,
            };
            kernel(numbers, codes, picks, scores);
        }

        #[target_feature(enable = $features)]
        fn each<const BITS: usize, const L2: bool, const BRAIN: bool>(
            numbers: &Numbers<'_>,
            codes: &[u8],
            picks: Picks<'_>,
            scores: &mut [f32],
        ) {
            let size = numbers.code_size;
            let is_scattered = matches!(picks, Picks::Rows(_));
            if is_scattered {
                for index in 0..picks.len().min(2 * FOUR) {
                    fetch(&codes[picks.row(index) * size..][..size]);
                }
            }
            for (index, scores) in scores.chunks_mut(FOUR).enumerate() {
                if is_scattered {
                    let ahead = (index + 2) * FOUR;
                    for index in ahead..picks.len().min(ahead + FOUR) {
                        fetch(&codes[picks.row(index) * size..][..size]);
                    }
                }
                if !is_scattered {
                    // The processor by itself stops at every page.
                    let ahead = (picks.row(index * FOUR) * size).saturating_add(AHEAD);
                    let ahead = codes.get(ahead..).unwrap_or_default();
                    fetch(ahead.get(..FOUR * size).unwrap_or_default());
                }
                let rows = four_codes(codes, size, picks, index * FOUR);
                // SAFETY: each code is as long as its width says, and the query, scale and shift
                // are padded, as `CodecKernels::numbers` has checked.
                let four = unsafe { four::<BITS, L2, BRAIN>(numbers, &rows) };
                put(scores, four);
            }
        }

        /// # Safety
        ///
        /// Each of `rows` can be read for the bytes of `numbers.dim` numbers.
        #[inline]
        #[target_feature(enable = $features)]
        unsafe fn four<const BITS: usize, const L2: bool, const BRAIN: bool>(
            numbers: &Numbers<'_>,
            rows: &[*const u8; FOUR],
        ) -> [f32; FOUR] {
            const LANES: usize = $lanes;
            let step = LANES * BITS / 8;
            let (whole, rest) = (numbers.dim / LANES, numbers.dim % LANES);
            let mut totals = [zero(); FOUR];
            for chunk in 0..whole {
                for lane in 0..FOUR {
                    // SAFETY: the chunk is one of the whole ones.
                    unsafe {
                        let values = widen::<BITS, BRAIN>(rows[lane].add(chunk * step));
                        totals[lane] =
                            term::<BITS, L2>(numbers, chunk * LANES, values, totals[lane]);
                    }
                }
            }
            if rest > 0 {
                let n_bytes = (rest * BITS).div_ceil(8);
                for lane in 0..FOUR {
                    // SAFETY: so many bytes are left.
                    unsafe {
                        let values =
                            widen_head::<BITS, BRAIN>(rows[lane].add(whole * step), n_bytes);
                        totals[lane] =
                            term::<BITS, L2>(numbers, whole * LANES, values, totals[lane]);
                    }
                }
            }
            sums_of_four(totals)
        }

        /// Adds what `values`, the numbers from dimension `at` on, add to the score.
        ///
        /// # Safety
        ///
        /// `at` is a multiple of the lanes below the padded dimension.
        #[inline]
        #[target_feature(enable = $features)]
        unsafe fn term<const BITS: usize, const L2: bool>(
            numbers: &Numbers<'_>,
            at: usize,
            values: $register,
            total: $register,
        ) -> $register {
            // SAFETY: all three are padded to whole registers.
            unsafe {
                let query = load(numbers.query.as_ptr().add(at));
                if BITS == 16 {
                    if !L2 {
                        return multiply_add(query, values, total);
                    }
                    let difference = subtract(query, values);
                    return multiply_add(difference, difference, total);
                }
                let scale = load(numbers.scale.as_ptr().add(at));
                if L2 {
                    let difference = subtract_product(query, values, scale);
                    return multiply_add(difference, difference, total);
                }
                let shift = load(numbers.shift.as_ptr().add(at));
                multiply_add(query, multiply_add(values, scale, shift), total)
            }
        }
    };
}
