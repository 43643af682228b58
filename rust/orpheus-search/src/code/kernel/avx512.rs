#![expect(unsafe_code, reason = "SIMD: loads through pointers, calls behind a run-time check")]
//! Kernels of 64 bytes, with the instruction that multiplies and adds four bytes at once (VNNI).

use std::arch::x86_64::{
    __m512i, _CMP_NLT_UQ, _mm256_loadu_si256, _mm256_maskz_loadu_epi16, _mm512_add_epi32,
    _mm512_and_si512, _mm512_broadcast_i64x4, _mm512_castsi256_si512, _mm512_castsi512_ps,
    _mm512_cvtepi32_ps, _mm512_cvtepu16_epi32, _mm512_dpbusd_epi32, _mm512_fmadd_ps,
    _mm512_inserti64x4, _mm512_loadu_si512, _mm512_mask_cmp_ps_mask,
    _mm512_mask_compressstoreu_epi32, _mm512_maskz_loadu_epi32, _mm512_maskz_loadu_ps,
    _mm512_permutexvar_epi32, _mm512_reduce_add_epi32, _mm512_set1_epi8, _mm512_set1_epi32,
    _mm512_set1_ps, _mm512_setr_epi32, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_shuffle_i32x4, _mm512_slli_epi32, _mm512_srli_epi16, _mm512_storeu_si512,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use super::{BLOCK, Batch, Bound, CodeKernels, Sums};
use crate::code::codes::Codes;
use crate::code::digits::Digits;
use crate::code::encode::{Coded, Coder};
use crate::code::fetch;
use crate::code::rotation::Rotation;
use crate::code::signs::kernel as signs;
use crate::distance::Tier;
use crate::filter::Picks;

/// Vectors of a strip: one for each lane of the register that ends up with their sums.
const STRIP: usize = 16;
/// Vectors ahead of which codes are asked for: the processor by itself stops at every page.
const AHEAD: usize = 32;
/// Queries of a tile of the batch kernel.
const QUERIES: usize = 12;

/// The kernels, if this processor can run them.
pub(super) fn kernels() -> Option<CodeKernels> {
    let at_hand = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni");
    at_hand.then_some(CodeKernels {
        tier: Tier::Avx512,
        // SAFETY: these functions leave this module only where the features were detected.
        coarse: |codes, picks, digits, sums| unsafe { coarse(codes, picks, digits, sums) },
        // SAFETY: likewise.
        fine: |codes, row, digits| unsafe { fine(codes, row, digits) },
        // SAFETY: likewise.
        keep: |sums, bound, kept| unsafe { keep(sums, bound, kept) },
        // SAFETY: likewise.
        batch: |batch_of, scratch, sums| unsafe { batch(batch_of, scratch, sums) },
        // SAFETY: likewise.
        encode: |coder, lanes, weight, turned, planes| unsafe {
            encode(coder, lanes, weight, turned, planes)
        },
        // SAFETY: likewise.
        digits: |rotation, query, padded| unsafe { digits(rotation, query, padded) },
        // SAFETY: likewise.
        sign_sums: |blocks, stride, tables, sums| unsafe {
            signs::avx512::sums(blocks, stride, tables, sums)
        },
        // SAFETY: likewise.
        tables: |digits, tables| unsafe { fill(digits, tables) },
    })
}

/// Loads a whole block of a plane, or its last half, as the codes of 64 values below and of up to
/// 64 above.
///
/// # Safety
///
/// 64 bytes can be read at `address`, or 32 if `is_half`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn halves(address: *const u8, is_half: bool) -> (__m512i, __m512i) {
    let mask = _mm512_set1_epi8(15);
    if is_half {
        // SAFETY: the caller's promise.
        let bytes = unsafe { _mm256_loadu_si256(address.cast()) };
        let bytes = _mm512_castsi256_si512(bytes);
        let low = _mm512_and_si512(bytes, mask);
        let high = _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), mask);
        let both = _mm512_inserti64x4::<1>(low, std::arch::x86_64::_mm512_castsi512_si256(high));
        return (both, _mm512_setzero_si512());
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { _mm512_loadu_si512(address.cast()) };
    (_mm512_and_si512(bytes, mask), _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), mask))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn coarse(codes: &Codes<'_>, picks: Picks<'_>, digits: &[u8], sums: &mut [i32]) {
    // Short codes that follow each other come in time by themselves.
    let is_worth_asking = Codes::stride(codes.dim()) >= 128 || matches!(picks, Picks::Rows(_));
    let n_whole = sums.len() - sums.len() % STRIP;
    let (strips, rest) = sums.split_at_mut(n_whole);
    if let (Picks::Range { first, .. }, 32) = (picks, Codes::stride(codes.dim())) {
        for (index, sums) in strips.chunks_exact_mut(STRIP).enumerate() {
            short_strip(codes.coarse_of(first + index * STRIP, STRIP), digits, sums);
        }
        return rest_of(codes, picks, n_whole, digits, rest);
    }
    for (index, sums) in strips.chunks_exact_mut(STRIP).enumerate() {
        let mut rows = [std::ptr::null(); STRIP];
        for (lane, row) in rows.iter_mut().enumerate() {
            *row = codes.coarse(picks.row(index * STRIP + lane)).as_ptr();
        }
        let ahead = index * STRIP + AHEAD;
        let n_asked = if is_worth_asking { picks.len().min(ahead + STRIP) } else { 0 };
        for place in ahead..n_asked {
            fetch(codes.coarse(picks.row(place)));
        }
        // SAFETY: each row can be read for a stride, and digits are as long as two strides, as
        // `CodeKernels::coarse` has checked.
        let strip = unsafe { strip(&rows, Codes::stride(codes.dim()), digits.as_ptr()) };
        // SAFETY: `sums` has 16 places.
        unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), strip) };
    }
    rest_of(codes, picks, n_whole, digits, rest);
}

/// The sums of the picks from `n_whole` on, one by one.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn rest_of(codes: &Codes<'_>, picks: Picks<'_>, n_whole: usize, digits: &[u8], sums: &mut [i32]) {
    for (index, sum) in sums.iter_mut().enumerate() {
        *sum = dot(codes.coarse(picks.row(n_whole + index)), digits);
    }
}

/// Sums of 16 codes of 32 bytes, which follow each other, with one query of 64 digits.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn short_strip(rows: &[u8], digits: &[u8], sums: &mut [i32]) {
    assert!(rows.len() == 32 * STRIP && digits.len() == 64 && sums.len() == STRIP);
    let mask = _mm512_set1_epi8(15);
    // SAFETY: within the lengths that were just checked.
    unsafe {
        let low = _mm512_broadcast_i64x4(_mm256_loadu_si256(digits.as_ptr().cast()));
        let high = _mm512_broadcast_i64x4(_mm256_loadu_si256(digits.as_ptr().add(32).cast()));
        let mut totals = [_mm512_setzero_si512(); STRIP / 2];
        for (pair, total) in totals.iter_mut().enumerate() {
            let bytes = _mm512_loadu_si512(rows.as_ptr().add(64 * pair).cast());
            let above = _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), mask);
            *total = _mm512_dpbusd_epi32(*total, _mm512_and_si512(bytes, mask), low);
            *total = _mm512_dpbusd_epi32(*total, above, high);
        }
        _mm512_storeu_si512(sums.as_mut_ptr().cast(), pair_sums(&totals));
    }
}

/// The sums of the lower and of the upper eight lanes of each of eight registers, in turn.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn pair_sums(totals: &[__m512i; STRIP / 2]) -> __m512i {
    let mut fours = [_mm512_setzero_si512(); 2];
    for (index, four) in fours.iter_mut().enumerate() {
        let [a, b, c, d] = [0, 1, 2, 3].map(|lane| totals[4 * index + lane]);
        let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        // Lane `i` of each quarter: the sum over that quarter of register `i` of the four.
        *four = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    }
    let even = _mm512_shuffle_i32x4::<0b10_00_10_00>(fours[0], fours[1]);
    let odd = _mm512_shuffle_i32x4::<0b11_01_11_01>(fours[0], fours[1]);
    // Quarters: lower halves of registers 0 to 3, upper halves of these, lower and upper of 4 to 7.
    let sums = _mm512_add_epi32(even, odd);
    let order = _mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
    _mm512_permutexvar_epi32(order, sums)
}

/// Sums of 16 coarse codes with one query.
///
/// # Safety
///
/// Each of `rows` can be read for `stride` bytes, `digits` for twice as many.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn strip(rows: &[*const u8; STRIP], stride: usize, digits: *const u8) -> __m512i {
    let mut totals = [_mm512_setzero_si512(); STRIP];
    let whole = stride - stride % 64;
    for at in (0..whole).step_by(64) {
        // SAFETY: `at + 64` is at most `stride`.
        unsafe {
            let low = _mm512_loadu_si512(digits.add(2 * at).cast());
            let high = _mm512_loadu_si512(digits.add(2 * at + 64).cast());
            for lane in 0..STRIP {
                let codes = halves(rows[lane].add(at), false);
                totals[lane] = _mm512_dpbusd_epi32(totals[lane], codes.0, low);
                totals[lane] = _mm512_dpbusd_epi32(totals[lane], codes.1, high);
            }
        }
    }
    if whole < stride {
        // SAFETY: 32 bytes of each row and 64 digits are left.
        unsafe {
            let digits = _mm512_loadu_si512(digits.add(2 * whole).cast());
            for lane in 0..STRIP {
                let codes = halves(rows[lane].add(whole), true);
                totals[lane] = _mm512_dpbusd_epi32(totals[lane], codes.0, digits);
            }
        }
    }
    transposed_sums(&totals)
}

/// The sum of all lanes of each of 16 registers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn transposed_sums(totals: &[__m512i; STRIP]) -> __m512i {
    let mut quads = [_mm512_setzero_si512(); 4];
    for (index, quad) in quads.iter_mut().enumerate() {
        let [a, b, c, d] = [0, 1, 2, 3].map(|lane| totals[4 * index + lane]);
        let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        // Lane `i` of each quarter: the sum over that quarter of register `i` of the four.
        *quad = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    }
    let low = _mm512_add_epi32(
        _mm512_shuffle_i32x4::<0b10_00_10_00>(quads[0], quads[1]),
        _mm512_shuffle_i32x4::<0b11_01_11_01>(quads[0], quads[1]),
    );
    let high = _mm512_add_epi32(
        _mm512_shuffle_i32x4::<0b10_00_10_00>(quads[2], quads[3]),
        _mm512_shuffle_i32x4::<0b11_01_11_01>(quads[2], quads[3]),
    );
    _mm512_add_epi32(
        _mm512_shuffle_i32x4::<0b10_00_10_00>(low, high),
        _mm512_shuffle_i32x4::<0b11_01_11_01>(low, high),
    )
}

/// The sum of the products of one plane with `digits`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn dot(plane: &[u8], digits: &[u8]) -> i32 {
    let mut total = _mm512_setzero_si512();
    let whole = plane.len() - plane.len() % 64;
    // SAFETY: `at` stays below the length of the plane, and digits are twice as long.
    unsafe {
        let (plane, digits) = (plane.as_ptr(), digits.as_ptr());
        for at in (0..whole).step_by(64) {
            let codes = halves(plane.add(at), false);
            let low = _mm512_loadu_si512(digits.add(2 * at).cast());
            let high = _mm512_loadu_si512(digits.add(2 * at + 64).cast());
            total = _mm512_dpbusd_epi32(total, codes.0, low);
            total = _mm512_dpbusd_epi32(total, codes.1, high);
        }
    }
    if whole < plane.len() {
        // SAFETY: 32 bytes of the plane and 64 digits are left.
        unsafe {
            let codes = halves(plane.as_ptr().add(whole), true);
            let digits = _mm512_loadu_si512(digits.as_ptr().add(2 * whole).cast());
            total = _mm512_dpbusd_epi32(total, codes.0, digits);
        }
    }
    _mm512_reduce_add_epi32(total)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn fine(codes: &Codes<'_>, row: usize, digits: &[u8]) -> i32 {
    dot(codes.fine(row), digits)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn keep(sums: &Sums<'_>, bound: &Bound, kept: &mut [u32; BLOCK]) -> usize {
    let slope = _mm512_set1_ps(bound.slope);
    let level = _mm512_set1_ps(bound.level);
    let limit = _mm512_set1_ps(bound.limit);
    let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let n = sums.products.len();
    let mut n_kept = 0;
    for at in (0..n).step_by(STRIP) {
        let here: u16 = if n - at < STRIP { (1 << (n - at)) - 1 } else { u16::MAX };
        // SAFETY: lanes that `here` leaves out are not read, and each slice is `n` long, as
        // `CodeKernels::keep` has checked; `n_kept` is at most `at`, which leaves room for the rest.
        unsafe {
            let scales = _mm256_maskz_loadu_epi16(here, sums.scales.as_ptr().add(at).cast());
            let scales = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(scales));
            let offsets = if sums.offsets.is_empty() {
                _mm512_setzero_ps()
            } else {
                _mm512_maskz_loadu_ps(here, sums.offsets.as_ptr().add(at))
            };
            let sums = _mm512_maskz_loadu_epi32(here, sums.products.as_ptr().add(at));
            let merits = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), slope, level);
            let merits = _mm512_fmadd_ps(_mm512_castsi512_ps(scales), merits, offsets);
            let mask = _mm512_mask_cmp_ps_mask::<_CMP_NLT_UQ>(here, merits, limit);
            if mask != 0 {
                let places = _mm512_add_epi32(lanes, _mm512_set1_epi32(at as i32));
                let room = kept.as_mut_ptr().add(n_kept).cast();
                _mm512_mask_compressstoreu_epi32(room, mask, places);
                n_kept += mask.count_ones() as usize;
            }
        }
    }
    n_kept
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn batch(batch: &Batch<'_>, scratch: &mut Vec<u8>, sums: &mut [i32]) {
    let padded = Codes::padded(batch.codes.dim());
    let n_queries = batch.digits.len() / padded;
    // Two strips, unpacked, and four values of each of 16 vectors side by side.
    scratch.resize(2 * STRIP * padded, 0);
    for row in (0..batch.n_rows).step_by(2 * STRIP) {
        let n_rows = (batch.n_rows - row).min(2 * STRIP);
        for strip in 0..2 {
            let first = batch.first + row + strip * STRIP;
            let into = &mut scratch[strip * STRIP * padded..][..STRIP * padded];
            pack(&batch.codes, first, into);
        }
        let mut query = 0;
        while query < n_queries {
            let n = (n_queries - query).min(QUERIES);
            let mut tile_sums = [[_mm512_setzero_si512(); 2]; QUERIES];
            let digits = &batch.digits[query * padded..];
            match n {
                QUERIES => tile::<QUERIES>(scratch, digits, padded, &mut tile_sums),
                6..QUERIES => {
                    tile::<6>(scratch, digits, padded, &mut tile_sums);
                    query += 6;
                    write::<6>(&tile_sums, batch, row, n_rows, query - 6, sums);
                    continue;
                }
                2..6 => {
                    tile::<2>(scratch, digits, padded, &mut tile_sums);
                    query += 2;
                    write::<2>(&tile_sums, batch, row, n_rows, query - 2, sums);
                    continue;
                }
                _ => {
                    tile::<1>(scratch, digits, padded, &mut tile_sums);
                    query += 1;
                    write::<1>(&tile_sums, batch, row, n_rows, query - 1, sums);
                    continue;
                }
            }
            write::<QUERIES>(&tile_sums, batch, row, n_rows, query, sums);
            query += n;
        }
    }
}

/// Stores the sums of `Q` queries from `query` on with `n_rows` rows from `row` on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn write<const Q: usize>(
    tile: &[[__m512i; 2]; QUERIES],
    batch: &Batch<'_>,
    row: usize,
    n_rows: usize,
    query: usize,
    sums: &mut [i32],
) {
    for (index, pair) in tile.iter().take(Q).enumerate() {
        let into = &mut sums[(query + index) * batch.n_rows + row..][..n_rows];
        if let Ok(whole) = <&mut [i32; 2 * STRIP]>::try_from(&mut *into) {
            // SAFETY: there is room for 32 sums.
            unsafe {
                _mm512_storeu_si512(whole.as_mut_ptr().cast(), pair[0]);
                _mm512_storeu_si512(whole.as_mut_ptr().add(STRIP).cast(), pair[1]);
            }
        } else {
            let mut all = [0i32; 2 * STRIP];
            // SAFETY: as above.
            unsafe {
                _mm512_storeu_si512(all.as_mut_ptr().cast(), pair[0]);
                _mm512_storeu_si512(all.as_mut_ptr().add(STRIP).cast(), pair[1]);
            }
            into.copy_from_slice(&all[..n_rows]);
        }
    }
}

/// Sums of `Q` queries with 32 packed vectors.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn tile<const Q: usize>(
    packed: &[u8],
    digits: &[u8],
    padded: usize,
    tile_sums: &mut [[__m512i; 2]; QUERIES],
) {
    assert!(packed.len() >= 2 * STRIP * padded && digits.len() >= Q * padded);
    let mut totals = [[_mm512_setzero_si512(); 2]; Q];
    let (packed, digits) = (packed.as_ptr(), digits.as_ptr());
    for step in 0..padded / 4 {
        // SAFETY: within what was checked above.
        unsafe {
            let low = _mm512_loadu_si512(packed.add(64 * step).cast());
            let high = _mm512_loadu_si512(packed.add(STRIP * padded + 64 * step).cast());
            for (query, totals) in totals.iter_mut().enumerate() {
                let four = digits.add(query * padded + 4 * step).cast::<i32>().read_unaligned();
                let four = _mm512_set1_epi32(four);
                totals[0] = _mm512_dpbusd_epi32(totals[0], low, four);
                totals[1] = _mm512_dpbusd_epi32(totals[1], high, four);
            }
        }
    }
    tile_sums[..Q].copy_from_slice(&totals);
}

/// Unpacks the coarse codes of 16 vectors from `first` on (the last one again where there are no
/// more) so that values `4 i .. 4 i + 4` of all of them stand in 64 bytes at `64 i`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn pack(codes: &Codes<'_>, first: usize, into: &mut [u8]) {
    let stride = Codes::stride(codes.dim());
    let rows: [&[u8]; STRIP] =
        std::array::from_fn(|lane| codes.coarse((first + lane).min(codes.n() - 1)));
    let whole = stride - stride % 64;
    for at in (0..stride).step_by(64) {
        let is_half = at == whole;
        let mut low = [_mm512_setzero_si512(); STRIP];
        let mut high = low;
        for lane in 0..STRIP {
            // SAFETY: a row holds `stride` bytes, of which at least 32 are left, or 64.
            (low[lane], high[lane]) = unsafe { halves(rows[lane].as_ptr().add(at), is_half) };
        }
        store_transposed(&low, &mut into[2 * at * STRIP..][..64 * STRIP]);
        if !is_half {
            store_transposed(&high, &mut into[(2 * at + 64) * STRIP..][..64 * STRIP]);
        }
    }
}

/// Writes the 16 × 16 numbers of 32 bits in `rows` column by column.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn store_transposed(rows: &[__m512i; STRIP], into: &mut [u8]) {
    let mut fours = [_mm512_setzero_si512(); STRIP];
    for group in 0..4 {
        let [a, b, c, d] = [0, 1, 2, 3].map(|lane| rows[4 * group + lane]);
        let (ab_low, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let (cd_low, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        // `fours[4 g + i]`: column `4 q + i` of rows `4 g ..` in quarter `q`.
        fours[4 * group] = _mm512_unpacklo_epi64(ab_low, cd_low);
        fours[4 * group + 1] = _mm512_unpackhi_epi64(ab_low, cd_low);
        fours[4 * group + 2] = _mm512_unpacklo_epi64(ab_high, cd_high);
        fours[4 * group + 3] = _mm512_unpackhi_epi64(ab_high, cd_high);
    }
    for column in 0..4 {
        let [a, b, c, d] = [0, 1, 2, 3].map(|group| fours[4 * group + column]);
        let ab_even = _mm512_shuffle_i32x4::<0b10_00_10_00>(a, b);
        let ab_odd = _mm512_shuffle_i32x4::<0b11_01_11_01>(a, b);
        let cd_even = _mm512_shuffle_i32x4::<0b10_00_10_00>(c, d);
        let cd_odd = _mm512_shuffle_i32x4::<0b11_01_11_01>(c, d);
        let columns = [
            _mm512_shuffle_i32x4::<0b10_00_10_00>(ab_even, cd_even),
            _mm512_shuffle_i32x4::<0b10_00_10_00>(ab_odd, cd_odd),
            _mm512_shuffle_i32x4::<0b11_01_11_01>(ab_even, cd_even),
            _mm512_shuffle_i32x4::<0b11_01_11_01>(ab_odd, cd_odd),
        ];
        for (quarter, values) in columns.into_iter().enumerate() {
            let into = &mut into[64 * (4 * quarter + column)..][..64];
            // SAFETY: there is room for 64 bytes.
            unsafe { _mm512_storeu_si512(into.as_mut_ptr().cast(), values) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn encode(
    coder: &Coder,
    lanes: &[[u8; 4]],
    weight: f32,
    turned: &mut Vec<f32>,
    planes: [&mut [u8]; 3],
) -> Coded {
    coder.encode(lanes, weight, turned, planes)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn digits(rotation: &Rotation, query: &mut [f32], padded: usize) -> Option<Digits> {
    rotation.apply(query);
    Digits::new(query, padded)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn fill(digits: &[u8], tables: &mut [u8]) -> signs::Spans {
    signs::fill(digits, tables)
}
