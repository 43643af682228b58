//! Which of the candidates a node is linked to.

use super::graph::Link;
use super::insert::Measure;

/// Candidates that are measured together before one of them may rule out another.
const TOGETHER: usize = 8;

/// Keeps of `links`, nearest first, those that no kept one is nearer to than the node is, up to
/// `capacity` (algorithm 4 of the paper, without its extensions). They stand in `links` afterwards,
/// not fresh.
///
/// Of two that are not fresh, neither rules out the other: they were held against each other when
/// they were kept.
pub(super) fn select(links: &mut Vec<Link>, capacity: usize, measure: &mut Measure<'_>) {
    let mut n_kept = 0;
    for place in 0..links.len() {
        if n_kept == capacity {
            break;
        }
        let link = links[place];
        if !is_ruled_out(link, &links[..n_kept], measure) {
            links[n_kept] = link;
            n_kept += 1;
        }
    }
    links.truncate(n_kept);
    for link in links {
        link.is_fresh = false;
    }
}

fn is_ruled_out(link: Link, kept: &[Link], measure: &mut Measure<'_>) -> bool {
    let mut rivals = kept.iter().filter(|other| link.is_fresh || other.is_fresh).map(|l| l.node);
    loop {
        let distances = measure.between(link.node, rivals.by_ref().take(TOGETHER));
        if distances.iter().any(|&distance| distance < link.distance) {
            return true;
        }
        if distances.len() < TOGETHER {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Vectors;
    use super::*;
    use crate::distance::Kernels;
    use crate::metric::Metric;
    use crate::rows::Rows;

    fn selected(values: &[f32], capacity: usize, is_fresh: &[bool]) -> Vec<u32> {
        // Node 0 is at the origin; the others are candidates on a line or around it.
        let rows = Rows::new(values, 2).unwrap();
        let mut measure = Measure::new(Vectors::new(rows), Metric::L2, Kernels::best());
        let mut links: Vec<_> = (1..rows.n_rows() as u32)
            .map(|node| {
                let distance = rows.row(node as usize).map(|value| value * value).sum();
                Link { node, distance, is_fresh: is_fresh[node as usize - 1] }
            })
            .collect();
        links.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        select(&mut links, capacity, &mut measure);
        assert!(links.iter().all(|link| !link.is_fresh));
        links.iter().map(|link| link.node).collect()
    }

    #[test]
    fn one_behind_another_is_ruled_out_and_one_elsewhere_is_not() {
        let values = [0.0, 0.0, 1.0, 0.0, 2.0, 0.1, -3.0, 0.0, 0.0, 4.0];
        assert_eq!(selected(&values, 8, &[true; 4]), [1, 3, 4]);
        assert_eq!(selected(&values, 2, &[true; 4]), [1, 3]);
    }

    #[test]
    fn those_that_were_kept_before_do_not_rule_each_other_out() {
        let values = [0.0, 0.0, 1.0, 0.0, 2.0, 0.1, -3.0, 0.0, 0.0, 4.0];
        assert_eq!(selected(&values, 8, &[false, false, true, true]), [1, 2, 3, 4]);
        assert_eq!(selected(&values, 8, &[false, true, true, true]), [1, 3, 4]);
    }

    #[test]
    fn the_ninth_kept_one_rules_out_too() {
        let around = |step: f32| (step.cos(), step.sin());
        let mut values = vec![0.0, 0.0];
        for step in 0..9 {
            let (x, y) = around(step as f32 * 0.69);
            values.extend([x * (1.0 + step as f32 / 100.0), y * (1.0 + step as f32 / 100.0)]);
        }
        let (x, y) = around(8.0 * 0.69);
        values.extend([3.0 * x, 3.0 * y]);
        let kept = selected(
            &values,
            32,
            &[false, false, false, false, false, false, false, false, false, true],
        );
        assert_eq!(kept, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
