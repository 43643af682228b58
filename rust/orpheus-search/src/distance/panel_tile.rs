//! The register tile of [`super::panels`], written once for every instruction set.
//!
//! The module that invokes [`panel_kernel!`] provides what [`super::tile`] asks for and, under the
//! same features, `broadcast(*const u8)`, which fills all lanes with the float32 at any address, and
//! `store(*mut f32, vector)`.

macro_rules! panel_kernel {
    ($feature:literal, $vector:ty, rows: $rows:literal, registers: $registers:literal) => {
        /// Rows of a tile.
        const PANEL_ROWS: usize = $rows;
        /// Registers that hold the columns of a tile.
        const PANEL_REGISTERS: usize = $registers;

        #[target_feature(enable = $feature)]
        fn panel(
            rows: &[&[[u8; 4]]],
            panel: crate::distance::panels::Panel<'_>,
            best: &mut [crate::distance::panels::Best],
        ) {
            const WIDTH: usize = crate::distance::panels::WIDTH;
            const { assert!(WIDTH.is_multiple_of(PANEL_REGISTERS * LANES)) };
            let dim = panel.values.len();
            for (rows, best) in rows.chunks(PANEL_ROWS).zip(best.chunks_mut(PANEL_ROWS)) {
                // Where rows are missing at the end, the last one stands in.
                let mut starts = [std::ptr::null(); PANEL_ROWS];
                for (index, start) in starts.iter_mut().enumerate() {
                    let row = rows[index.min(rows.len() - 1)];
                    assert_eq!(row.len(), dim);
                    *start = row.as_ptr().cast::<u8>();
                }
                let mut scores = [[0.0; WIDTH]; PANEL_ROWS];
                for column in (0..WIDTH).step_by(PANEL_REGISTERS * LANES) {
                    // SAFETY: each start is that of a slice of `dim` values of 4 bytes; the panel
                    // has `dim` lines of `WIDTH` values and as many biases, and the tile's columns
                    // end within those, as checked when this was compiled.
                    unsafe {
                        let values = panel.values.as_ptr().cast::<f32>().add(column);
                        let biases = panel.biases.as_ptr().add(column);
                        panel_tile(&starts, values, biases, dim, &mut scores, column);
                    }
                }
                for (best, scores) in best.iter_mut().zip(&scores) {
                    best.offer(scores, panel.number);
                }
            }
        }

        /// The scores of some rows with some columns of a panel.
        ///
        /// # Safety
        ///
        /// Each row can be read for `dim` values; `values` for the tile's columns of `dim` lines of
        /// a panel, `biases` for its columns; `column` and they are within the width of a panel.
        #[inline(never)]
        #[target_feature(enable = $feature)]
        unsafe fn panel_tile(
            rows: &[*const u8; PANEL_ROWS],
            values: *const f32,
            biases: *const f32,
            dim: usize,
            scores: &mut [[f32; crate::distance::panels::WIDTH]; PANEL_ROWS],
            column: usize,
        ) {
            let mut totals = [[zero(); PANEL_REGISTERS]; PANEL_ROWS];
            for r in 0..PANEL_REGISTERS {
                // SAFETY: the caller's promise.
                let bias = unsafe { load(biases.add(r * LANES).cast()) };
                for totals in &mut totals {
                    totals[r] = bias;
                }
            }
            for at in 0..dim {
                let mut line = [zero(); PANEL_REGISTERS];
                for r in 0..PANEL_REGISTERS {
                    let place = at * crate::distance::panels::WIDTH + r * LANES;
                    // SAFETY: the caller's promise: `at` is one of the `dim` lines.
                    line[r] = unsafe { load(values.add(place).cast()) };
                }
                for q in 0..PANEL_ROWS {
                    // SAFETY: `at` is one of the row's `dim` values.
                    let value = unsafe { broadcast(rows[q].add(4 * at)) };
                    for r in 0..PANEL_REGISTERS {
                        totals[q][r] = multiply_add(value, line[r], totals[q][r]);
                    }
                }
            }
            for (scores, totals) in scores.iter_mut().zip(&totals) {
                let places = &mut scores[column..][..PANEL_REGISTERS * LANES];
                for (place, total) in places.chunks_exact_mut(LANES).zip(totals) {
                    // SAFETY: `place` has room for the lanes of a register.
                    unsafe { store(place.as_mut_ptr(), *total) };
                }
            }
        }
    };
}
