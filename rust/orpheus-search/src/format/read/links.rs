//! Whether the links of a graph lead to nodes.

use super::super::cursor::malformed;
use super::super::model::{HnswGraph, Place};
use crate::error::Result;

/// Links that are looked at together, for the sake of vector instructions.
const RUN: usize = 4096;

impl HnswGraph {
    /// Makes sure that every link leads to a node that is on the level of the link.
    ///
    /// Reading a file does not, as this takes as long as all links take to come from memory or disk
    /// (some 50 ms for a million nodes with 64 links each): to be done once, before the first
    /// search, and to be remembered. `file` is the file that the graph was read from. Without it a
    /// search has to distrust every link.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`](crate::Error::Malformed) with the place of the first link that leads
    /// astray.
    pub fn check_links(&self, file: &[u8]) -> Result<()> {
        let links = lanes::<4>(file, &self.neighbors);
        // One past the highest is still an i32, so that no difference below wraps to a good one.
        let last = i32::try_from(self.n_nodes).unwrap_or(i32::MAX) - 1;
        for (run, links) in links.chunks(RUN).enumerate() {
            let signs = links.iter().fold(0, |signs, link| signs | sign_if_astray(*link, last));
            if signs < 0 {
                let place = links.iter().position(|link| sign_if_astray(*link, last) < 0);
                let place = place.unwrap_or(0);
                return Err(self.astray(RUN * run + place, links[place]));
            }
        }
        self.check_upper_links(file)
    }

    /// The same for the levels above the lowest, where not all nodes are.
    fn check_upper_links(&self, file: &[u8]) -> Result<()> {
        let links = lanes::<4>(file, &self.neighbors);
        let levels = lanes::<4>(file, &self.levels);
        let mut start = 0;
        for level in levels {
            let n_levels = i32::from_le_bytes(*level) as usize;
            for level in 1..n_levels {
                let first = start + self.cumulative[level];
                let links = &links[first..start + self.cumulative[level + 1]];
                let astray = |link: &[u8; 4]| {
                    let node = usize::try_from(i32::from_le_bytes(*link));
                    node.is_ok_and(|node| i32::from_le_bytes(levels[node]) as usize <= level)
                };
                if let Some(place) = links.iter().position(astray) {
                    return Err(self.astray(first + place, links[place]));
                }
            }
            start += self.cumulative[n_levels];
        }
        Ok(())
    }

    fn astray(&self, at: usize, link: [u8; 4]) -> crate::Error {
        let offset = (self.neighbors.start + 4 * at) as u64;
        let expected = format!("-1, or one of {} nodes on the same level", self.n_nodes);
        malformed("link", offset, &i32::from_le_bytes(link), expected)
    }
}

/// Negative if `link` is neither -1 nor one of the nodes up to `last`; without a branch.
fn sign_if_astray(link: [u8; 4], last: i32) -> i32 {
    let link = i32::from_le_bytes(link);
    link.wrapping_add(1) | last.wrapping_sub(link)
}

fn lanes<'a, const N: usize>(file: &'a [u8], place: &Place) -> &'a [[u8; N]] {
    file[place.clone()].as_chunks::<N>().0
}
