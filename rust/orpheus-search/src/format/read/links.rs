//! Whether the links of a graph lead to nodes.

use super::super::cursor::malformed;
use super::super::model::{HnswGraph, Place};
use crate::error::Result;

/// Links that are looked at together, for the sake of vector instructions.
const RUN: usize = 4096;

impl HnswGraph {
    /// Makes sure that every link leads to a node that is on the level of the link.
    ///
    /// Reading a file does not, as this takes a pass over all links (some 20 ms for a million nodes
    /// with 32 links each that are in memory): to be done once, before the first search, and to be
    /// remembered. `file` is the file that the graph was read from. Without it a search has to
    /// distrust every link.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`](crate::Error::Malformed) with the place of the first link that leads
    /// astray.
    pub fn check_links(&self, file: &[u8]) -> Result<()> {
        let links = lanes::<4>(file, &self.neighbors);
        // -1 is no link; seen as unsigned and one higher, all that is allowed is one range.
        let highest = u32::try_from(self.n_nodes).unwrap_or(u32::MAX).min(1 << 31);
        for (run, links) in links.chunks(RUN).enumerate() {
            let largest = links.iter().map(|link| raised(*link)).max().unwrap_or(0);
            if largest > highest {
                let place = links.iter().position(|link| raised(*link) > highest).unwrap_or(0);
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

fn raised(link: [u8; 4]) -> u32 {
    u32::from_le_bytes(link).wrapping_add(1)
}

fn lanes<'a, const N: usize>(file: &'a [u8], place: &Place) -> &'a [[u8; N]] {
    file[place.clone()].as_chunks::<N>().0
}
