//! Walking through a graph by codes of four bits, and comparing exactly what the walk has found.

use std::cell::Cell;
use std::sync::Arc;

use super::graph::Graph;
use crate::code::{
    Base, CodeKernels, CodeScan, CodedQuery, Codes, Found, Originals, Seeker, fetch,
};
use crate::error::{Error, Result};
use crate::filter::Picks;
use crate::format::model::Place;
use crate::index::acceleration::Acceleration;
use crate::index::engine::{Control, Request};
use crate::index::originals::FileVectors;
use crate::metric::Metric;
use crate::neighbours::NO_ID;
use crate::queries::QueryBlock;
use crate::rows::Rows;
use crate::sidecar::SideData;
use crate::top_k::TopK;

/// Nodes visited between two looks at whether to go on.
const NODES_PER_CHECK: usize = 1 << 12;
/// Codes that the kernel sums at once; fewer take as long.
const STRIP: usize = 16;

/// What walks through a graph by codes share.
pub(super) struct CodedWalk<'a> {
    graph: &'a Graph,
    file: &'a [u8],
    /// Where the vectors lie in the file, and as rows.
    place: Place,
    rows: Rows<'a>,
    acceleration: &'a Acceleration,
    data: &'a SideData,
    codes: Codes<'a>,
    request: &'a Request<'a>,
    kernels: CodeKernels,
    ef: usize,
    k: usize,
    metric: Metric,
}

impl<'a> CodedWalk<'a> {
    /// `None` if there are no codes, or no fixed number of neighbours is wanted.
    pub(super) fn new(
        graph: &'a Graph,
        file: &'a [u8],
        vectors: &'a (Place, Arc<Acceleration>),
        (dim, metric): (usize, Metric),
        (request, ef): (&'a Request<'a>, usize),
    ) -> Option<Self> {
        let (place, acceleration) = vectors;
        let rows = Rows::from_bytes(&file[place.clone()], dim).ok()?;
        let data = acceleration.data()?;
        let k = request.k.filter(|&k| k > 0)?;
        let codes = data.codes.codes()?;
        let kernels = CodeKernels::beside(request.kernels);
        let ef = ef.max(k);
        Some(Self {
            graph,
            file,
            place: place.clone(),
            rows,
            acceleration,
            data,
            codes,
            request,
            kernels,
            ef,
            k,
            metric,
        })
    }

    /// Offers what is found to `top`; `false` if the bounds do not hold for such a query, and
    /// nothing was done.
    pub(super) fn search(
        &self,
        query: &[f32],
        top: &mut TopK,
        control: &mut Control<'_>,
    ) -> Result<bool> {
        let frame = self.data.codes.frame();
        let Some(coded) = CodedQuery::new(query, frame) else { return Ok(false) };
        let alone = QueryBlock::new(query, query.len(), self.metric, 0)?;
        let sums = self.data.rows.as_ref();
        let how = (self.request.kernels, self.metric);
        let vectors = FileVectors::new(self.acceleration, sums, self.file, &alone, how);
        let nodes = Nodes { walk: self, vectors };
        let center = Rows::new(self.data.codes.center(0), query.len())?;
        let base = coded.base(nodes.vectors.score_in(center, 0), frame);
        let Some((entry, highest)) = self.graph.entry() else { return Ok(true) };
        let mut pace = Pace::new(self, &nodes, &coded, base);
        let mut nearest =
            Visited { merit: pace.merit_of(entry), node: entry as u32, is_done: false };
        for level in (1..=highest).rev() {
            control.check()?;
            nearest = pace.descend(nearest, level);
        }
        pace.walk(nearest, control)?;
        let found = pace.finish()?;
        let mut scan = CodeScan::new(self.codes, self.kernels);
        let mut kept = Found::new(self.k);
        scan.look(Picks::Rows(&found), Seeker { query: &coded, base, found: &mut kept });
        scan.finish()?;
        kept.settle(&coded, &nodes, top);
        nodes.vectors.finish().map(|()| true)
    }
}

/// The vectors of the nodes, compared with one query.
struct Nodes<'a> {
    walk: &'a CodedWalk<'a>,
    vectors: FileVectors<'a>,
}

impl Originals for Nodes<'_> {
    fn fetch(&self, place: usize) {
        if self.vectors.are_mapped() {
            fetch(self.walk.rows.row_lanes(place));
        }
    }

    fn score(&self, place: usize) -> f32 {
        if self.id(place) == NO_ID {
            return f32::NAN; // never shown
        }
        let row_bytes = 4 * self.walk.rows.dim();
        let start = self.walk.place.start + place * row_bytes;
        self.vectors.score(place, start..start + row_bytes)
    }

    fn id(&self, place: usize) -> i64 {
        self.walk.request.ids.of(place as i64).unwrap_or(NO_ID)
    }
}

/// A node, and how near it seems.
#[derive(Clone, Copy)]
struct Visited {
    merit: f32,
    node: u32,
    /// Whether its links have been followed.
    is_done: bool,
}

/// The best of what was visited, nearest first.
struct Beam {
    nodes: Vec<Visited>,
    len: usize,
    /// The first whose links have not been followed.
    next: usize,
}

impl Beam {
    fn new(len: usize) -> Self {
        Self { nodes: Vec::with_capacity(len + 1), len, next: 0 }
    }

    /// What a node has to exceed to enter.
    fn limit(&self) -> f32 {
        if self.nodes.len() < self.len {
            return f32::NEG_INFINITY;
        }
        self.nodes.last().map_or(f32::NEG_INFINITY, |worst| worst.merit)
    }

    fn insert(&mut self, visited: Visited) {
        let place = self.nodes.partition_point(|other| other.merit >= visited.merit);
        self.nodes.insert(place, visited);
        self.nodes.truncate(self.len);
        self.next = self.next.min(place);
    }

    /// The nearest node whose links have not been followed; from now on they have.
    fn pop(&mut self) -> Option<usize> {
        let next = self.nodes[self.next..].iter().position(|node| !node.is_done)? + self.next;
        self.nodes[next].is_done = true;
        self.next = next + 1;
        Some(self.nodes[next].node as usize)
    }

    /// The node that [`Self::pop`] gives next, unless a nearer one comes.
    fn peek(&self) -> Option<usize> {
        let next = self.nodes[self.next..].iter().find(|node| !node.is_done)?;
        Some(next.node as usize)
    }
}

/// One walk for one query.
struct Pace<'a> {
    walk: &'a CodedWalk<'a>,
    nodes: &'a Nodes<'a>,
    query: &'a CodedQuery,
    base: Base,
    beam: Beam,
    /// The best of those that may be shown, where not all may.
    shown: Option<Beam>,
    seen: Seen,
    gathered: Vec<usize>,
    sums: Vec<i32>,
    is_sound: bool,
}

impl<'a> Pace<'a> {
    fn new(
        walk: &'a CodedWalk<'a>,
        nodes: &'a Nodes<'a>,
        query: &'a CodedQuery,
        base: Base,
    ) -> Self {
        Self {
            walk,
            nodes,
            query,
            base,
            beam: Beam::new(walk.ef),
            shown: (!walk.request.selection.is_all()).then(|| Beam::new(walk.ef)),
            seen: Seen::new(walk.graph.n_nodes()),
            gathered: Vec::with_capacity(64),
            sums: Vec::with_capacity(64),
            is_sound: true,
        }
    }

    /// How near each of the gathered nodes seems, in order.
    fn sum(&mut self) {
        let n = self.gathered.len();
        let Some(&last) = self.gathered.last() else { return };
        // Whole strips: what is summed beyond is not looked at.
        self.gathered.resize(n.next_multiple_of(STRIP), last);
        let picks = Picks::Rows(&self.gathered);
        self.is_sound &= self.walk.codes.coarse_is_sound(picks);
        self.sums.resize(self.gathered.len(), 0);
        let digits = self.query.digits().as_bytes();
        self.walk.kernels.coarse(&self.walk.codes, picks, digits, &mut self.sums);
        self.gathered.truncate(n);
    }

    /// What the `index`-th of the gathered nodes seems to merit.
    fn merit(&self, index: usize) -> f32 {
        let node = self.gathered[index];
        let (scale, offset) = (self.walk.codes.scale(node), self.walk.codes.offset(node));
        if scale.is_nan() {
            return self.query.merit_of(self.nodes.vectors.score_in(self.walk.rows, node));
        }
        self.query.seems(self.sums[index], scale, offset, self.base)
    }

    fn merit_of(&mut self, node: usize) -> f32 {
        self.gathered.clear();
        self.gathered.push(node);
        self.sum();
        self.merit(0)
    }

    /// The nearest node on `level` that can be reached by steps that come nearer.
    fn descend(&mut self, start: Visited, level: usize) -> Visited {
        let mut nearest = start;
        loop {
            let before = nearest.merit;
            self.gathered.clear();
            let links = self.walk.graph.links(self.walk.file, nearest.node as usize, level);
            self.gathered.extend(links);
            self.gathered.iter().for_each(|&node| fetch(self.walk.codes.coarse(node)));
            self.sum();
            for index in 0..self.gathered.len() {
                let merit = self.merit(index);
                if merit > nearest.merit {
                    let node = self.gathered[index] as u32;
                    nearest = Visited { merit, node, is_done: false };
                }
            }
            if nearest.merit <= before {
                return nearest;
            }
        }
    }

    /// Follows the links of the nearest nodes until none of them leads nearer.
    fn walk(&mut self, start: Visited, control: &mut Control<'_>) -> Result<()> {
        self.seen.mark(start.node as usize);
        self.take(start);
        let mut n_visited = 0;
        while let Some(node) = self.beam.pop() {
            self.gathered.clear();
            for link in self.walk.graph.links(self.walk.file, node, 0) {
                if self.seen.mark(link) {
                    fetch(self.walk.codes.coarse(link));
                    self.gathered.push(link);
                }
            }
            if let Some(next) = self.beam.peek() {
                self.walk.graph.fetch(self.walk.file, next);
            }
            self.sum();
            for index in 0..self.gathered.len() {
                let merit = self.merit(index);
                self.take(Visited { merit, node: self.gathered[index] as u32, is_done: false });
            }
            n_visited += self.gathered.len().max(1);
            if n_visited >= NODES_PER_CHECK {
                n_visited = 0;
                control.check()?;
            }
        }
        Ok(())
    }

    fn take(&mut self, visited: Visited) {
        if visited.merit > self.beam.limit() {
            self.beam.insert(visited);
        }
        if let Some(shown) = &mut self.shown
            && visited.merit > shown.limit()
            && self.walk.request.selection.contains(i64::from(visited.node))
        {
            shown.insert(visited);
        }
    }

    /// The nodes that may be shown, ascending.
    fn finish(self) -> Result<Vec<usize>> {
        if !self.is_sound {
            return Err(Error::Changed { what: "a code".to_owned() });
        }
        let found = self.shown.as_ref().unwrap_or(&self.beam);
        let mut nodes: Vec<usize> = found.nodes.iter().map(|node| node.node as usize).collect();
        nodes.sort_unstable();
        Ok(nodes)
    }
}

thread_local! {
    /// Memory of the last walk of this thread; all zeros.
    static SPARE: Cell<(Vec<u64>, Vec<usize>)> = const { Cell::new((Vec::new(), Vec::new())) };
}

/// Which nodes a walk has come across.
struct Seen {
    /// One bit for each node.
    words: Vec<u64>,
    /// Words that are not zero.
    marked: Vec<usize>,
}

impl Seen {
    fn new(n_nodes: usize) -> Self {
        let (mut words, marked) = SPARE.take();
        if words.len() < n_nodes.div_ceil(64) {
            words.resize(n_nodes.div_ceil(64), 0);
        }
        Self { words, marked }
    }

    /// Whether `node` was not marked before.
    fn mark(&mut self, node: usize) -> bool {
        let (word, bit) = (&mut self.words[node / 64], 1 << (node % 64));
        if *word & bit != 0 {
            return false;
        }
        if *word == 0 {
            self.marked.push(node / 64);
        }
        *word |= bit;
        true
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        for word in self.marked.drain(..) {
            self.words[word] = 0;
        }
        let spare = (std::mem::take(&mut self.words), std::mem::take(&mut self.marked));
        // Where the thread is about to end there is nowhere to leave it.
        let _ = SPARE.try_with(|place| place.set(spare));
    }
}
