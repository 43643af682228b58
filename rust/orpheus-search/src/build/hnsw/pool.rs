//! What a search along the graph has found so far.

/// A node and how far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) distance: f32,
    pub(super) node: u32,
    is_expanded: bool,
}

/// The nearest nodes so far, nearest first.
#[derive(Debug)]
pub(super) struct Pool {
    candidates: Vec<Candidate>,
    capacity: usize,
    /// All before this one have been expanded.
    cursor: usize,
}

impl Pool {
    pub(super) fn new(capacity: usize) -> Self {
        Self { candidates: Vec::new(), capacity, cursor: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.candidates.clear();
        self.cursor = 0;
    }

    /// Keeps the node if it is among the nearest. It is not in the pool.
    pub(super) fn offer(&mut self, node: u32, distance: f32) {
        if self.candidates.len() == self.capacity {
            match self.candidates.last() {
                Some(last) if distance < last.distance => self.candidates.pop(),
                _ => return,
            };
        }
        let place = self.candidates.partition_point(|other| other.distance <= distance);
        self.candidates.insert(place, Candidate { distance, node, is_expanded: false });
        self.cursor = self.cursor.min(place);
    }

    /// The nearest node that this has not returned yet.
    pub(super) fn next(&mut self) -> Option<u32> {
        while let Some(candidate) = self.candidates.get_mut(self.cursor) {
            self.cursor += 1;
            if !candidate.is_expanded {
                candidate.is_expanded = true;
                return Some(candidate.node);
            }
        }
        None
    }

    /// All of them, nearest first.
    pub(super) fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }
}

/// The nodes that a search has come by.
#[derive(Debug)]
pub(super) struct Visited {
    /// The search that came by each node last.
    searches: Vec<u8>,
    search: u8,
}

impl Visited {
    pub(super) fn new(n_nodes: usize) -> Self {
        Self { searches: vec![0; n_nodes], search: 0 }
    }

    /// Starts a new search.
    pub(super) fn clear(&mut self) {
        if self.search == u8::MAX {
            self.searches.fill(0);
            self.search = 0;
        }
        self.search += 1;
    }

    /// Whether this search comes by the node for the first time.
    pub(super) fn insert(&mut self, node: u32) -> bool {
        let search = &mut self.searches[node as usize];
        let is_new = *search != self.search;
        *search = self.search;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_kept_in_order_and_each_is_returned_once() {
        let mut pool = Pool::new(3);
        for (node, distance) in [(0, 5.0), (1, 3.0), (2, 9.0)] {
            pool.offer(node, distance);
        }
        assert_eq!(pool.next(), Some(1));
        pool.offer(3, 1.0); // pushes out node 2
        pool.offer(4, 7.0); // too far
        assert_eq!(pool.next(), Some(3));
        assert_eq!(pool.next(), Some(0));
        assert_eq!(pool.next(), None);
        let nodes: Vec<_> = pool.candidates().iter().map(|candidate| candidate.node).collect();
        assert_eq!(nodes, [3, 1, 0]);
    }

    #[test]
    fn a_node_is_new_once_in_each_of_any_number_of_searches() {
        let mut visited = Visited::new(2);
        for _ in 0..600 {
            visited.clear();
            assert!(visited.insert(1));
            assert!(!visited.insert(1));
        }
    }
}
