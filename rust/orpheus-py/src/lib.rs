//! The border: checks, releases the GIL, hands over. No algorithm.

mod array;
mod audio;
mod error;
mod fallback;
mod features;
mod front_end;
mod gil;
mod resample;
mod search;
mod search_build;
mod search_updates;
mod tags;

use pyo3::prelude::*;

/// Everything that `orpheus_fast` takes from Rust.
#[pymodule]
mod _native {
    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_export]
    use super::audio::{TrackLoader, decode_track};
    #[pymodule_export]
    use super::fallback::{fallback_versions, set_fallback};
    #[pymodule_export]
    use super::features::chroma::{chroma, estimate_tuning};
    #[pymodule_export]
    use super::features::front_ends::front_end_rows;
    #[pymodule_export]
    use super::features::key::estimate_key;
    #[pymodule_export]
    use super::features::loudness::measure_loudness;
    #[pymodule_export]
    use super::features::rhythm::{
        estimate_tempo, estimate_tempo_of, likely_tempo, onset_strength, onset_strength_of,
        tempogram, track_beats,
    };
    #[pymodule_export]
    use super::features::spectral::{
        rms_of_magnitudes, rms_of_samples, spectral_bandwidth, spectral_centroid,
        spectral_contrast, spectral_flatness, spectral_rolloff, zero_crossing_rate,
    };
    #[pymodule_export]
    use super::features::spectrum::{decibels, mel_spectrogram, mfcc, stft, window_values};
    #[pymodule_export]
    use super::features::vectors::{
        classical_columns, classical_vectors, sound_families, sound_space, sound_statistics,
        sound_vectors,
    };
    #[pymodule_export]
    use super::resample::{resample_rows, resampled_length};
    #[pymodule_export]
    use super::search::{
        VectorIndex, column_statistics, copy_index, describe_index, inverse_norms, search_rows,
        standardise_rows, write_flat,
    };
    #[pymodule_export]
    use super::search_build::{add_to_index, build_index};
    #[pymodule_export]
    use super::search_updates::{
        add_vectors, close_index, compact_index, flush_index, forget_lock_in_child,
        pending_updates, remove_vectors,
    };
    #[pymodule_export]
    use super::tags::read_tags;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // rust-numpy loads NumPy's API when it is first used, and panics if a Ctrl-C arrives just then:
        // so it is used here, before anything waits for signals.
        drop(numpy::PyArray1::<f32>::zeros(module.py(), 0, false));
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
