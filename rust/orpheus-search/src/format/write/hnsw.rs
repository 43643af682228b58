//! How FAISS lays out the levels of a graph.

/// For `m` links per node: the probability of each highest level, and how many links a node has on
/// all levels below each.
///
/// Malkov and Yashunin, `arXiv:1603.09320`: the highest level is exponentially distributed, such that
/// the one above holds one in `m` nodes; FAISS ends at a probability of 1e-9.
#[must_use]
pub fn levels_of(m: usize) -> (Vec<f64>, Vec<i32>) {
    let scale = (1.0 / (m as f64).ln()) as f32;
    let mut probabilities = Vec::new();
    let mut cumulative = vec![0];
    let mut n_links = 0;
    loop {
        // Rounded where FAISS rounds.
        let power = |level: f32| f64::from(-level / scale).exp();
        let probability = power(probabilities.len() as f32) * (1.0 - power(1.0));
        let probability = f64::from(probability as f32);
        if probability < 1e-9 || probabilities.len() == 64 {
            return (probabilities, cumulative);
        }
        n_links += if probabilities.is_empty() { 2 * m } else { m };
        probabilities.push(probability);
        cumulative.push(n_links as i32);
    }
}
