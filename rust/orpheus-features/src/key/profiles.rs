//! What is typical of a key: how strongly each note above the tonic is expected.

use super::N_KEYS;
use super::chromagram::N_NOTES;

/// Ibrahim Sha'ath, "Estimation of key in digital music recordings" (2011), figure 2.8: the
/// profiles of Krumhansl and Kessler (1982), adjusted to recordings of popular music.
const MAJOR: [f64; N_NOTES] = [6.6, 2.0, 3.5, 2.3, 4.6, 4.0, 2.5, 5.2, 2.4, 3.7, 2.3, 3.4];
const MINOR: [f64; N_NOTES] = [6.5, 2.7, 3.5, 5.4, 2.6, 3.5, 2.5, 5.2, 4.0, 2.7, 4.3, 3.2];

/// Correlation (Pearson) of the notes with every key's profile: C major to B major, C minor to B
/// minor. Zero where all notes are equal.
pub(super) fn correlations(chroma: &[f64; N_NOTES]) -> [f64; N_KEYS] {
    let notes = centred(chroma);
    let mut found = [0.0; N_KEYS];
    for (mode, profile) in [&MAJOR, &MINOR].into_iter().enumerate() {
        let profile = centred(profile);
        for tonic in 0..N_NOTES {
            let products = (0..N_NOTES).map(|i| notes[(tonic + i) % N_NOTES] * profile[i]);
            found[mode * N_NOTES + tonic] = products.sum();
        }
    }
    found
}

/// Less the mean, scaled to a length of one.
fn centred(values: &[f64; N_NOTES]) -> [f64; N_NOTES] {
    let mean = values.iter().sum::<f64>() / N_NOTES as f64;
    let length = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>().sqrt();
    // Rounding leaves next to nothing of equal values.
    if length < 1e-9 { [0.0; N_NOTES] } else { values.map(|value| (value - mean) / length) }
}

#[cfg(test)]
mod tests {
    use super::{MINOR, correlations};

    #[test]
    fn a_profile_is_its_own_key() {
        let mut turned = MINOR;
        turned.rotate_right(9);
        let found = correlations(&turned);
        assert!((found[12 + 9] - 1.0).abs() < 1e-12);
        assert!(found.iter().all(|x| *x <= 1.0 + 1e-12));
    }
}
