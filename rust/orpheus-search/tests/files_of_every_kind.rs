//! Writing indexes of every kind that is built, and reading them again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;

use orpheus_search::format::model::{
    Linear, PcaTraining, ProductQuantizer, ScalarKind, ScalarQuantizer, Transform, TransformKind,
};
use orpheus_search::format::read::read;
use orpheus_search::format::write::{
    GatheredLists, HnswPart, IvfPart, IvfPartCodes, Part, levels_of, write_index, write_stored,
};
use orpheus_search::{Error, Metric, Rows};

const DIM: usize = 6;

/// `n` vectors, no two alike.
fn values(n: usize) -> Vec<f32> {
    (0..n * DIM).map(|value| (value * value % 101) as f32 / 7.0 - 3.0).collect()
}

fn flat(values: &[f32]) -> Part<'_> {
    Part::Flat(Rows::new(values, DIM).unwrap())
}

fn scalar_quantizer() -> ScalarQuantizer {
    ScalarQuantizer {
        kind: ScalarKind::Bits8,
        code_size: DIM,
        trained: [[-3.0; DIM], [14.0; DIM]].as_flattened().to_vec(),
        range_statistic: 0,
        range_argument: 0.0,
    }
}

fn product_quantizer() -> ProductQuantizer {
    ProductQuantizer { m: 3, nbits: 4, code_size: 2, centroids: values(16) }
}

/// A graph of `n` nodes, every third on the level above: each links to the next on its levels.
fn links(n: usize, m: usize) -> (Vec<i32>, Vec<i32>) {
    let levels: Vec<i32> = (0..n).map(|node| if node % 3 == 0 { 2 } else { 1 }).collect();
    let mut neighbors = Vec::new();
    for (node, &level) in levels.iter().enumerate() {
        let mut link = |to: usize, room: usize| {
            neighbors.push(if to < n { to as i32 } else { -1 });
            neighbors.resize(neighbors.len() + room - 1, -1);
        };
        link(node + 1, 2 * m);
        if level == 2 {
            link(node + 3, m);
        }
    }
    (levels, neighbors)
}

/// Writes an index, and gives the bytes, which say `kind` and are the same when written again.
fn written(part: &Part<'_>, metric: Metric, kind: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    write_index(&path, metric, part).unwrap();
    let bytes = fs::read(&path).unwrap();
    let stored = read(&bytes).unwrap();
    assert_eq!((stored.factory_string().as_str(), stored.header.metric), (kind, metric));
    stored.check_links(&bytes).unwrap();
    let mut again = Vec::new();
    write_stored(&mut again, &stored, &bytes).unwrap();
    assert!(again == bytes, "{kind}: a copy differs");
    bytes
}

fn refusal(part: &Part<'_>) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index");
    let error = write_index(&path, Metric::L2, part).unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{error}");
    error
}

fn ivf<'a>(
    centroids: &'a [f32],
    codes: IvfPartCodes<'a>,
    lists: &'a GatheredLists<'a>,
) -> Part<'a> {
    Part::Ivf(IvfPart { nprobe: 2, quantizer: Box::new(flat(centroids)), codes, lists })
}

fn hnsw<'a>(graph: &'a (Vec<i32>, Vec<i32>), m: usize, storage: Part<'a>) -> Part<'a> {
    let storage = Box::new(storage);
    let (levels, neighbors) = graph;
    let entry_point = (!levels.is_empty()).then_some(0);
    let (ef_construction, ef_search) = (40, 16);
    Part::Hnsw(HnswPart { m, levels, neighbors, entry_point, ef_construction, ef_search, storage })
}

#[test]
fn indexes_that_store_every_vector_in_a_row_are_written() {
    let quantizers = (scalar_quantizer(), product_quantizer());
    for n in [0, 1, 9] {
        for metric in [Metric::L2, Metric::InnerProduct] {
            let values = values(n);
            written(&flat(&values), metric, "Flat");
            let (quantizer, codes) = (&quantizers.0, &vec![7; n * DIM][..]);
            written(&Part::Scalar { dim: DIM, quantizer, codes }, metric, "SQ8");
            let (quantizer, codes) = (&quantizers.1, &vec![7; n * 2][..]);
            written(&Part::Product { dim: DIM, quantizer, codes }, metric, "PQ3x4");
            let ids: Vec<i64> =
                (0..n as i64).map(|row| 9 - 2 * row).filter(|&id| id != -1).collect();
            let ids = &ids[..];
            for (two_way, kind) in [(false, "IDMap,Flat"), (true, "IDMap2,Flat")] {
                let values = &values[..ids.len() * DIM];
                written(&Part::IdMap { inner: Box::new(flat(values)), ids, two_way }, metric, kind);
            }
        }
    }
}

#[test]
fn lists_are_written_whether_most_are_filled_or_few() {
    let (scalar, product) = (scalar_quantizer(), product_quantizer());
    let (centroids, values) = (values(5), values(9));
    let ids: Vec<i64> = (0..9).map(|row| 1000 + row).collect();
    let full = [vec![3, 1], vec![0], vec![2, 4, 8], vec![], vec![7, 5, 6]];
    let sparse = [vec![], vec![8, 0], vec![], vec![], vec![]];
    let empty = [const { Vec::new() }; 5];
    for lists in [full, sparse, empty] {
        let gathered =
            |codes, code_size, ids| GatheredLists { lists: &lists, codes, code_size, ids };
        let of_flat = gathered(bytemuck::cast_slice(&values), 4 * DIM, Some(&ids[..]));
        let bytes =
            written(&ivf(&centroids, IvfPartCodes::Flat, &of_flat), Metric::L2, "IVF5,Flat");
        let stored = read(&bytes).unwrap();
        let orpheus_search::format::model::Kind::Ivf(read) = &stored.kind else { panic!() };
        for (number, rows) in lists.iter().enumerate() {
            let list = read.lists.list(number);
            let found =
                bytes[list.ids].chunks(8).map(|id| i64::from_le_bytes(id.try_into().unwrap()));
            assert!(found.eq(rows.iter().map(|&row| ids[row as usize])));
            let row = |row: &u32| &values[*row as usize * DIM..][..DIM];
            let expected: Vec<f32> = rows.iter().flat_map(row).copied().collect();
            assert_eq!(&bytes[list.codes], bytemuck::cast_slice::<f32, u8>(&expected));
        }
        let codes = [5; 9 * DIM];
        let of_scalars = gathered(&codes, DIM, None);
        let how = IvfPartCodes::Scalar { quantizer: &scalar, by_residual: true };
        written(&ivf(&centroids, how, &of_scalars), Metric::InnerProduct, "IVF5,SQ8");
        let of_numbers = gathered(&codes[..18], 2, None);
        let how = IvfPartCodes::Product { quantizer: &product, by_residual: false };
        written(&ivf(&centroids, how, &of_numbers), Metric::L2, "IVF5,PQ3x4");
    }
}

#[test]
fn graphs_are_written_over_vectors_and_over_codes_and_as_quantizers() {
    for n in [0, 1, 9] {
        let (values, graph) = (values(n), links(n, 4));
        written(&hnsw(&graph, 4, flat(&values)), Metric::L2, "HNSW4,Flat");
        let (quantizer, codes) = (&scalar_quantizer(), &vec![1; n * DIM][..]);
        let storage = Part::Scalar { dim: DIM, quantizer, codes };
        written(&hnsw(&graph, 4, storage), Metric::InnerProduct, "HNSW4,SQ8");
    }
    let (centroids, values, graph) = (values(3), values(9), links(3, 2));
    let lists = [vec![0, 4], vec![1], vec![2, 3, 5, 6, 7, 8]];
    let codes = bytemuck::cast_slice(&values);
    let lists = GatheredLists { lists: &lists, codes, code_size: 4 * DIM, ids: None };
    let quantizer = Box::new(hnsw(&graph, 2, flat(&centroids)));
    let part = IvfPart { nprobe: 1, quantizer, codes: IvfPartCodes::Flat, lists: &lists };
    written(&Part::Ivf(part), Metric::L2, "IVF3_HNSW2,Flat");
}

fn transform(d_in: usize, d_out: usize, kind: TransformKind) -> Transform {
    Transform { d_in, d_out, is_trained: true, kind }
}

fn linear(d_in: usize, d_out: usize, have_bias: bool) -> Linear {
    let b = if have_bias { vec![0.5; d_out] } else { Vec::new() };
    Linear { a: (0..d_in * d_out).map(|at| at as f32).collect(), b, have_bias }
}

#[test]
fn every_transform_is_written_alone_and_in_a_chain() {
    let training = PcaTraining {
        eigen_power: -0.5,
        epsilon: 1e-6,
        random_rotation: true,
        balanced_bins: 0,
        mean: vec![1.0; 8],
        eigenvalues: vec![2.0; 8],
        matrix: vec![3.0; 64],
    };
    let pca = TransformKind::Pca { linear: linear(8, DIM, true), training };
    let chain = [
        transform(9, 8, TransformKind::Remap { map: (0..8).rev().collect() }),
        transform(8, 8, TransformKind::Center { mean: vec![0.25; 8] }),
        transform(8, 8, TransformKind::Hadamard { seed: 7 }),
        transform(8, 8, TransformKind::Normalize),
        transform(8, 8, TransformKind::RandomRotation(linear(8, 8, false))),
        transform(8, 8, TransformKind::Linear(linear(8, 8, true))),
        transform(8, DIM, pca),
    ];
    let values = values(4);
    let names = ["Remap8", "Center", "HR8", "L2norm", "RR8", "Linear8", "PCAWR6"];
    let part = Part::PreTransform { chain: &chain, inner: Box::new(flat(&values)) };
    let bytes = written(&part, Metric::L2, &(names.join(",") + ",Flat"));
    let orpheus_search::format::model::Kind::PreTransform { chain: found, .. } =
        read(&bytes).unwrap().kind
    else {
        panic!()
    };
    assert_eq!(found, chain);
}

#[test]
fn indexes_are_written_within_each_other() {
    let (values, ids) = (values(9), [90, 80, 70, 60, 50, 40, 30, 20, 10]);
    let (quantizer, codes) = (&scalar_quantizer(), &[3; 9 * DIM][..]);
    let base = Box::new(Part::Scalar { dim: DIM, quantizer, codes });
    let refined = Part::Refine { base, refine: Box::new(flat(&values)), k_factor: 4.0 };
    let chain = [transform(DIM, DIM, TransformKind::Normalize)];
    let inner = Box::new(Part::PreTransform { chain: &chain, inner: Box::new(refined) });
    let part = Part::IdMap { inner, ids: &ids, two_way: true };
    written(&part, Metric::InnerProduct, "IDMap2,L2norm,SQ8,RFlat");
}

#[test]
fn parts_that_do_not_fit_each_other_are_refused_and_leave_no_file() {
    let (values, few) = (values(9), values(4));
    let ids = [1, 2, 3];
    let map = Part::IdMap { inner: Box::new(flat(&values)), ids: &ids, two_way: false };
    assert!(matches!(refusal(&map), Error::Shape { name: "ids", found: 3, .. }));
    let map = Part::IdMap { inner: Box::new(flat(&few)), ids: &[1, 2, -1, 3], two_way: false };
    assert!(matches!(refusal(&map), Error::Parameter { name: "ids", .. }));
    let refine =
        Part::Refine { base: Box::new(flat(&values)), refine: Box::new(flat(&few)), k_factor: 1.0 };
    assert!(matches!(refusal(&refine), Error::Shape { .. }));
    let refine = Part::Refine {
        base: Box::new(flat(&few)),
        refine: Box::new(flat(&few)),
        k_factor: f32::NAN,
    };
    assert!(matches!(refusal(&refine), Error::Malformed { field: "k_factor", .. }));
    let graph = links(9, 4);
    assert!(matches!(refusal(&hnsw(&graph, 4, flat(&few))), Error::Shape { name: "levels", .. }));
    assert!(matches!(refusal(&hnsw(&graph, 1, flat(&values))), Error::Parameter { .. }));
    assert!(matches!(refusal(&hnsw(&graph, 5, flat(&values))), Error::Malformed { .. }));
    let lists = [vec![0], vec![1]];
    let codes = bytemuck::cast_slice(&values);
    let lists = GatheredLists { lists: &lists, codes, code_size: 4 * DIM, ids: None };
    let part = ivf(&few, IvfPartCodes::Flat, &lists);
    assert!(matches!(refusal(&part), Error::Shape { name: "inverted lists", found: 2, .. }));
    let chain = [transform(DIM, DIM + 1, TransformKind::Linear(linear(DIM, DIM + 1, false)))];
    let part = Part::PreTransform { chain: &chain, inner: Box::new(flat(&few)) };
    assert!(matches!(refusal(&part), Error::Malformed { field: "inner index", .. }));
}

#[test]
fn a_link_that_leads_to_no_node_or_to_a_lower_level_is_found() {
    let (values, graph) = (values(9), links(9, 4));
    let bytes = written(&hnsw(&graph, 4, flat(&values)), Metric::L2, "HNSW4,Flat");
    let stored = read(&bytes).unwrap();
    let orpheus_search::format::model::Kind::Hnsw(sound) = &stored.kind else { panic!() };
    let neighbors = sound.graph.neighbors.clone();
    // Node 0 has eight links on the lowest level and then four on the next, where node 1 is not.
    for (place, link, astray) in [
        (0, 9, true),
        (0, -2, true),
        (7, i32::MAX, true),
        (0, 1, false),
        (8, 1, true),
        (8, 6, false),
    ] {
        let mut bytes = bytes.clone();
        let at = neighbors.start + 4 * place;
        bytes[at..at + 4].copy_from_slice(&i32::to_le_bytes(link));
        let found = read(&bytes).unwrap().check_links(&bytes);
        let is_at = |error: &Error| matches!(error, Error::Malformed { offset, .. } if *offset == at as u64);
        assert_eq!(found.as_ref().is_err_and(is_at), astray, "{place}: {link}: {found:?}");
        assert_eq!(found.is_err(), astray);
    }
}

#[test]
fn indexes_are_read_within_eight_others_and_not_within_nine() {
    let values = values(2);
    let ids = [1, 2];
    let nested = |depth| {
        (0..depth).fold(flat(&values), |inner, _| Part::IdMap {
            inner: Box::new(inner),
            ids: &ids,
            two_way: false,
        })
    };
    written(&nested(8), Metric::L2, &("IDMap,".repeat(8) + "Flat"));
    let message = refusal(&nested(9)).to_string();
    assert!(message.contains("expected at most 8 indexes around another"), "{message}");
    // A file of nothing but tags and headers, as deep as it is long.
    let map = &written(&nested(1), Metric::L2, "IDMap,Flat")[..37];
    assert!(matches!(read(&map.repeat(100_000)), Err(Error::Malformed { .. })));
}

#[test]
fn the_levels_of_a_graph_are_those_of_faiss() {
    // `assign_probas` and `cum_nneighbor_per_level` of `faiss.IndexHNSWFlat(d, m)` in faiss 1.15.1.
    let last_bits: [(usize, usize, u64, u64); 7] = [
        (2, 29, 0x3fe0_0000_0000_0000, 0x3e1f_ffff_e000_0000),
        (3, 19, 0x3fe5_5555_6000_0000, 0x3e1d_9016_e000_0000),
        (8, 10, 0x3fec_0000_0000_0000, 0x3e3c_0000_c000_0000),
        (16, 8, 0x3fee_0000_0000_0000, 0x3e2d_ffff_e000_0000),
        (32, 6, 0x3fef_0000_0000_0000, 0x3e5f_0002_c000_0000),
        (48, 6, 0x3fef_5555_6000_0000, 0x3e30_813b_0000_0000),
        (64, 5, 0x3fef_8000_0000_0000, 0x3e6f_7fff_e000_0000),
    ];
    for (m, n_levels, first, last) in last_bits {
        let (probabilities, cumulative) = levels_of(m);
        let bits = |at: usize| probabilities[at].to_bits();
        assert_eq!(
            (probabilities.len(), bits(0), bits(n_levels - 1)),
            (n_levels, first, last),
            "{m}"
        );
        let m = m as i32;
        let expected =
            (0..=n_levels as i32).map(|level| if level == 0 { 0 } else { m * (level + 1) });
        assert_eq!(cumulative, expected.collect::<Vec<_>>());
    }
}
