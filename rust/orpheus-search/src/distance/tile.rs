//! The register tile, written once for every instruction set.
//!
//! A tile keeps one accumulator for each of `QUERIES` × `ROWS` pairs in registers, so that a value
//! that was loaded is used several times and the chains of additions overlap. The module that
//! invokes [`block_kernels!`] provides, under `#[target_feature(enable = $feature)]`:
//!
//! * `zero`, `multiply_add`, `subtract`: lane by lane;
//! * `load(*const u8)`, `load_head(*const u8, n)`: all lanes, or the first `n` and zeros beyond;
//!   neither asks for alignment;
//! * `sums(&[Vector; R]) -> [f32; R]`: the lanes of each added up, in one order for every `R`.

macro_rules! block_kernels {
    ($feature:literal, $vector:ty, lanes: $lanes:literal, rows: $rows:literal) => {
        use crate::distance::Block;

        /// Rows of a full tile.
        const ROWS: usize = $rows;
        /// Queries of a full tile.
        const QUERIES: usize = 3;
        const LANES: usize = $lanes;

        #[target_feature(enable = $feature)]
        fn score<const SQUARED_L2: bool>(block: &Block<'_>, scores: &mut [f32]) {
            assert_eq!(scores.len(), block.n_scores());
            let n_picks = block.picks.len();
            let n_whole = n_picks - n_picks % ROWS;
            for pick in (0..n_whole).step_by(ROWS) {
                strip::<SQUARED_L2, ROWS>(block, pick, scores);
            }
            for pick in n_whole..n_picks {
                strip::<SQUARED_L2, 1>(block, pick, scores);
            }
        }

        /// The scores of one vector with others of its dimension, wherever they lie.
        #[target_feature(enable = $feature)]
        fn each<const SQUARED_L2: bool>(
            query: &[[u8; 4]],
            rows: &[&[[u8; 4]]],
            scores: &mut [f32],
        ) {
            assert!(rows.iter().all(|row| row.len() == query.len()));
            let queries = [query.as_ptr().cast::<u8>()];
            for (rows, scores) in rows.chunks(ROWS).zip(scores.chunks_mut(ROWS)) {
                // SAFETY: each pointer is the start of a slice of as many values as `query` has.
                let totals = unsafe {
                    if let [row] = rows {
                        let row = [row.as_ptr().cast::<u8>()];
                        let [[total]] =
                            pair_sums::<SQUARED_L2, 1, 1>(&queries, &row, 4 * query.len());
                        [total; ROWS]
                    } else {
                        // Where rows are missing at the end, the last one stands in: a tile takes
                        // hardly longer than one of its rows.
                        let mut starts = [std::ptr::null(); ROWS];
                        for (index, start) in starts.iter_mut().enumerate() {
                            *start = rows[index.min(rows.len() - 1)].as_ptr().cast::<u8>();
                        }
                        let [totals] =
                            pair_sums::<SQUARED_L2, 1, ROWS>(&queries, &starts, 4 * query.len());
                        totals
                    }
                };
                scores.copy_from_slice(&totals[..scores.len()]);
            }
        }

        /// All queries with the `R` picks from `pick` on.
        #[inline]
        #[target_feature(enable = $feature)]
        fn strip<const SQUARED_L2: bool, const R: usize>(
            block: &Block<'_>,
            pick: usize,
            scores: &mut [f32],
        ) {
            let n_queries = block.queries.n_queries();
            let n_whole = n_queries - n_queries % QUERIES;
            for query in (0..n_whole).step_by(QUERIES) {
                tile::<SQUARED_L2, QUERIES, R>(block, query, pick, scores);
            }
            match n_queries - n_whole {
                1 => tile::<SQUARED_L2, 1, R>(block, n_whole, pick, scores),
                2 => tile::<SQUARED_L2, 2, R>(block, n_whole, pick, scores),
                _ => {}
            }
        }

        /// `Q` queries from `query` on with `R` picks from `pick` on.
        #[inline]
        #[target_feature(enable = $feature)]
        fn tile<const SQUARED_L2: bool, const Q: usize, const R: usize>(
            block: &Block<'_>,
            query: usize,
            pick: usize,
            scores: &mut [f32],
        ) {
            let dim = block.queries.dim();
            let mut queries = [std::ptr::null(); Q];
            for (q, start) in queries.iter_mut().enumerate() {
                *start = block.queries.query(query + q).as_ptr().cast::<u8>();
            }
            let mut rows = [std::ptr::null(); R];
            for (r, start) in rows.iter_mut().enumerate() {
                *start = block.rows.row_lanes(block.picks.row(pick + r)).as_ptr().cast::<u8>();
            }
            // SAFETY: each pointer is the start of a slice of `dim` values of 4 bytes that `block`
            // borrows, as taken just above.
            let totals = unsafe { pair_sums::<SQUARED_L2, Q, R>(&queries, &rows, 4 * dim) };
            let n_picks = block.picks.len();
            for (q, totals) in totals.iter().enumerate() {
                scores[(query + q) * n_picks + pick..][..R].copy_from_slice(totals);
            }
        }

        /// The scores of `Q` queries with `R` rows.
        ///
        /// A function of its own: amid others the compiler runs out of registers and keeps
        /// accumulators in memory, at half the speed.
        ///
        /// # Safety
        ///
        /// Every pointer can be read for `n_bytes`, which is a multiple of 4.
        #[inline(never)]
        #[target_feature(enable = $feature)]
        unsafe fn pair_sums<const SQUARED_L2: bool, const Q: usize, const R: usize>(
            queries: &[*const u8; Q],
            rows: &[*const u8; R],
            n_bytes: usize,
        ) -> [[f32; R]; Q] {
            let mut totals = [[zero(); R]; Q];
            let tail = n_bytes % (4 * LANES);
            let whole = n_bytes - tail;
            for at in (0..whole).step_by(4 * LANES) {
                // SAFETY: `at + 4 * LANES` is at most `n_bytes`.
                unsafe {
                    let mut values = [zero(); Q];
                    for q in 0..Q {
                        values[q] = load(queries[q].add(at));
                    }
                    for r in 0..R {
                        let row = load(rows[r].add(at));
                        for q in 0..Q {
                            totals[q][r] = accumulate::<SQUARED_L2>(values[q], row, totals[q][r]);
                        }
                    }
                }
            }
            if tail > 0 {
                // SAFETY: only the `tail` bytes that are left are read.
                unsafe {
                    let mut values = [zero(); Q];
                    for q in 0..Q {
                        values[q] = load_head(queries[q].add(whole), tail / 4);
                    }
                    for r in 0..R {
                        let row = load_head(rows[r].add(whole), tail / 4);
                        for q in 0..Q {
                            totals[q][r] = accumulate::<SQUARED_L2>(values[q], row, totals[q][r]);
                        }
                    }
                }
            }
            let mut scores = [[0.0; R]; Q];
            for q in 0..Q {
                scores[q] = sums(&totals[q]);
            }
            scores
        }

        #[inline]
        #[target_feature(enable = $feature)]
        fn accumulate<const SQUARED_L2: bool>(
            query: $vector,
            row: $vector,
            total: $vector,
        ) -> $vector {
            if SQUARED_L2 {
                let difference = subtract(query, row);
                multiply_add(difference, difference, total)
            } else {
                multiply_add(query, row, total)
            }
        }
    };
}
