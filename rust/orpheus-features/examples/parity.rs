use std::io::Write;
use orpheus_features::vector::classical::{Classical, Layout, Precision};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let precision = if args[1] == "f64" { Precision::Reference } else { Precision::Fast };
    let dir = "/tmp/feat/data";
    let samples: Vec<f32> = std::fs::read(format!("{dir}/samples.f32")).unwrap().chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    let index: Vec<u64> = std::fs::read(format!("{dir}/index.u64")).unwrap().chunks(8).map(|b| u64::from_le_bytes(b.try_into().unwrap())).collect();
    let mut out = std::fs::File::create(format!("{dir}/out.f32")).unwrap();
    let mut at = 0;
    let mut plans = std::collections::HashMap::new();
    let mut t22 = std::time::Duration::ZERO; let mut n22 = 0;
    for pair in index.chunks(2) {
        let (rate, n) = (pair[0] as u32, pair[1] as usize);
        let plan = plans.entry(rate).or_insert_with(|| { let p = Classical::with_precision(rate, Layout::Chroma12, precision).unwrap(); let w = p.workspace(); (p, w) });
        let mut v = vec![0.0f32; 44];
        let start = std::time::Instant::now();
        plan.0.vector_into(&samples[at..at+n], &mut plan.1, &mut v).unwrap();
        if rate == 22050 && n == 110250 { t22 += start.elapsed(); n22 += 1; }
        at += n;
        for x in v { out.write_all(&x.to_le_bytes()).unwrap(); }
    }
    let mut best = f64::MAX;
    let plan = plans.get_mut(&22050).unwrap();
    let six: Vec<Vec<f32>> = { let mut at = 0; let mut all = vec![]; for pair in index.chunks(2) { let n = pair[1] as usize; if pair[0] == 22050 && n == 110250 { all.push(samples[at..at+n].to_vec()); } at += n; } all.into_iter().skip(1).step_by(50).take(6).collect() };
    let mut v = vec![0.0f32; 44];
    for _ in 0..std::env::var("PASSES").map_or(100, |p| p.parse().unwrap()) {
        let s = std::time::Instant::now();
        for w in &six { plan.0.vector_into(w, &mut plan.1, &mut v).unwrap(); }
        best = best.min(s.elapsed().as_secs_f64() * 1e3);
    }
    println!("best {best:.3} ms; first {:.3} ms per 30 s over {n22} windows", t22.as_secs_f64() * 1e3 / n22 as f64 * 6.0);
}
