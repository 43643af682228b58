//! Which vector belongs where.

/// Things in groups.
pub(super) struct Clusters {
    /// The group of each thing, below the number of groups.
    pub(super) of: Vec<u32>,
    /// The things, by group, each group in ascending order.
    order: Vec<u32>,
    /// Where each group starts in `order`, and the end.
    starts: Vec<usize>,
}

impl Clusters {
    /// `n_things`, which are below 2^32, all in the first of `n` groups until sorted.
    pub(super) fn new(n_things: usize, n: usize) -> Self {
        let of = vec![0; n_things];
        Self { of, order: vec![0; n_things], starts: vec![0; n + 1] }
    }

    /// Puts the things into the groups that `of` says.
    pub(super) fn sort(&mut self) {
        self.starts.fill(0);
        for &group in &self.of {
            self.starts[group as usize + 1] += 1;
        }
        for group in 1..self.starts.len() {
            self.starts[group] += self.starts[group - 1];
        }
        let mut ends = self.starts.clone();
        for (thing, &group) in self.of.iter().enumerate() {
            let end = &mut ends[group as usize];
            self.order[*end] = thing as u32;
            *end += 1;
        }
    }

    /// The things of a group.
    pub(super) fn members(&self, group: usize) -> &[u32] {
        &self.order[self.starts[group]..self.starts[group + 1]]
    }

    /// How many groups.
    pub(super) fn n(&self) -> usize {
        self.starts.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_holds_its_things_in_order() {
        let mut clusters = Clusters::new(7, 4);
        clusters.of.copy_from_slice(&[3, 0, 3, 1, 0, 3, 0]);
        clusters.sort();
        let members: Vec<_> = (0..clusters.n()).map(|group| clusters.members(group)).collect();
        assert_eq!(members, [&[1, 4, 6][..], &[3], &[], &[0, 2, 5]]);
    }
}
