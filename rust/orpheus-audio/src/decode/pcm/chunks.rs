//! Files made of chunks: a name, a length, that many bytes, and some padding.
//!
//! A length is only a hint to where the next chunk is. Where it leads to something that is none, the
//! chunk that is looked for is searched by its name: a tag that lies about its length costs the tag.

use super::bytes::{Order, array};
use crate::error::Result;
use crate::source::Input;

/// Name of a chunk.
pub(super) type Name = [u8; 4];

/// More chunks than any writer makes; empty ones would be read one by one for hours otherwise.
const MAX_CHUNKS: u32 = 4096;
/// How far a chunk is searched behind a length that lies: beyond the largest pictures.
const SEARCH_BYTES: u64 = 64 << 20;
const READ_BYTES: usize = 256 << 10;

/// How chunks are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    /// EA IFF 85 and RIFF, which only differ in byte order: 32-bit lengths, even positions.
    Iff(Order),
    /// Sony Wave64: names are GUIDs, lengths count the header, positions are multiples of 8.
    Wave64,
    /// Core Audio Format: 64-bit lengths, no padding.
    Caf,
}

/// The last 12 bytes of the GUIDs of Wave64's own chunks; the first 4 are the name.
const WAVE64_GUID: [u8; 12] =
    [0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0x00, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a];

/// One chunk, as it describes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) name: Name,
    /// Where its contents start.
    pub(super) start: u64,
    /// How long it claims to be.
    pub(super) len: u64,
}

impl Chunk {
    /// Where its contents would end.
    pub(super) fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

impl Grammar {
    pub(super) fn header_bytes(self) -> usize {
        match self {
            Self::Iff(_) => 8,
            Self::Caf => 12,
            Self::Wave64 => 24,
        }
    }

    fn alignment(self) -> u64 {
        match self {
            Self::Iff(_) => 2,
            Self::Caf => 1,
            Self::Wave64 => 8,
        }
    }

    /// The chunk whose header is `header` and stands at `at`, if it can be one.
    fn parse(self, header: &[u8], at: u64) -> Option<Chunk> {
        let name: Name = array(header, 0)?;
        let len = match self {
            Self::Iff(order) => u64::from(order.u32(header, 4)?),
            Self::Caf => Order::Big.u64(header, 4)?,
            // Chunks of others' GUIDs pass under a name that nobody asks for.
            Self::Wave64 => return Self::parse_wave64(header, at),
        };
        let printable = name.iter().all(|byte| (0x20..0x7f).contains(byte));
        printable.then_some(Chunk { name, start: at + self.header_bytes() as u64, len })
    }

    fn parse_wave64(header: &[u8], at: u64) -> Option<Chunk> {
        let own = header.get(4..16)? == WAVE64_GUID;
        let name = if own { array(header, 0)? } else { *b"????" };
        let len = Order::Little.u64(header, 16)?;
        let n_header = Self::Wave64.header_bytes() as u64;
        // A length of 0 is what a writer leaves behind that never came to fill it in.
        let len = if own && len == 0 { 0 } else { len.checked_sub(n_header)? };
        Some(Chunk { name, start: at + n_header, len })
    }
}

/// Goes from chunk to chunk.
pub(super) struct Walker<'a> {
    input: &'a mut Input,
    grammar: Grammar,
    /// Offset of the chunk that everything is aligned to.
    origin: u64,
    at: u64,
    /// Where the next chunk is if the last one was not padded.
    unpadded: u64,
    n_left: u32,
}

impl<'a> Walker<'a> {
    /// Starts at `at` in a file whose chunks are aligned to `origin`.
    pub(super) fn new(input: &'a mut Input, grammar: Grammar, origin: u64, at: u64) -> Self {
        Self { input, grammar, origin, at, unpadded: at, n_left: MAX_CHUNKS }
    }

    /// Where the next chunk should be.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The next chunk, or `None` where there is none.
    pub(super) fn next(&mut self) -> Result<Option<Chunk>> {
        self.n_left = self.n_left.saturating_sub(1);
        if self.n_left == 0 {
            return Ok(None);
        }
        let padded = self.chunk_at(self.at)?;
        // Some writers leave the padding out, and then what stands at the padded place has a name
        // only by chance: believe it only if its length makes sense too.
        let chunk = match padded {
            Some(chunk) if self.unpadded == self.at || chunk.end() <= self.input.len() => padded,
            _ if self.unpadded != self.at => self.chunk_at(self.unpadded)?.or(padded),
            _ => padded,
        };
        if let Some(chunk) = chunk {
            self.go_behind(chunk);
        }
        Ok(chunk)
    }

    /// The first bytes of a chunk: `most` or all that are there.
    pub(super) fn contents(&mut self, chunk: Chunk, most: u64) -> Result<Vec<u8>> {
        let left = self.input.len().saturating_sub(chunk.start);
        let mut bytes = vec![0; chunk.len.min(most).min(left) as usize];
        let n = self.input.read_at(chunk.start, &mut bytes)?;
        bytes.truncate(n);
        Ok(bytes)
    }

    /// Whether a chunk starts at `at` that ends within the file.
    pub(super) fn fits(&mut self, at: u64) -> Result<bool> {
        Ok(self.chunk_at(at)?.is_some_and(|chunk| chunk.end() <= self.input.len()))
    }

    /// Whether zeros stand where a chunk would: padding that nothing accounts for.
    pub(super) fn is_blank(&mut self, at: u64) -> Result<bool> {
        let mut bytes = [0; 8];
        let n = self.input.read_at(at, &mut bytes)?;
        Ok(bytes[..n].iter().all(|&byte| byte == 0))
    }

    fn chunk_at(&mut self, at: u64) -> Result<Option<Chunk>> {
        let mut header = [0; 24];
        let header = &mut header[..self.grammar.header_bytes()];
        let whole = at < self.input.len() && self.input.read_at(at, header)? == header.len();
        Ok(if whole { self.grammar.parse(header, at) } else { None })
    }

    fn go_behind(&mut self, chunk: Chunk) {
        self.unpadded = chunk.end();
        let alignment = self.grammar.alignment();
        let beyond = (self.unpadded - self.origin) % alignment;
        let padding = if beyond == 0 { 0 } else { alignment - beyond };
        self.at = self.unpadded.saturating_add(padding);
    }

    /// Looks for a chunk of one of these names anywhere from `from` on, and goes on behind it.
    ///
    /// The name alone proves little: a chunk that fits into the file and is followed by the end or by
    /// another one comes first, and the first of the others is what is left.
    pub(super) fn search(&mut self, names: &[Name], from: u64) -> Result<Option<Chunk>> {
        let mut bytes = vec![0; READ_BYTES];
        let mut first = None;
        let mut at = from;
        while at < self.input.len().min(from.saturating_add(SEARCH_BYTES)) {
            let n = self.input.read_at(at, &mut bytes)?;
            for (offset, name) in positions(&bytes[..n], names) {
                let Some(found) = self.chunk_at(at + offset as u64)? else { continue };
                // What was asked for, although the rest of a GUID may be damaged: a chunk by another
                // name would be looked for here for ever.
                let chunk = Chunk { name, ..found };
                if self.is_sound(chunk)? {
                    self.go_behind(chunk);
                    return Ok(Some(chunk));
                }
                first.get_or_insert(chunk);
            }
            // A name may lie across two reads.
            let step = n.saturating_sub(3);
            if step == 0 {
                break;
            }
            at += step as u64;
        }
        if let Some(chunk) = first {
            self.go_behind(chunk);
        }
        Ok(first)
    }

    fn is_sound(&mut self, chunk: Chunk) -> Result<bool> {
        let end = chunk.end();
        let padded = end.saturating_add((end - self.origin) % 2);
        Ok(end == self.input.len()
            || padded == self.input.len()
            || self.chunk_at(end)?.is_some()
            || self.chunk_at(padded)?.is_some())
    }
}

fn positions(bytes: &[u8], names: &[Name]) -> impl Iterator<Item = (usize, Name)> {
    bytes.windows(4).enumerate().filter_map(|(offset, window)| {
        names.iter().find(|name| window == *name).map(|name| (offset, *name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::source::Source;

    const RIFF: Grammar = Grammar::Iff(Order::Little);

    fn names(bytes: &[u8], grammar: Grammar) -> Vec<Name> {
        let source = Source::Bytes(bytes.into());
        let mut input = Input::open(&source, &Limits::default()).unwrap();
        let mut walker = Walker::new(&mut input, grammar, 0, 0);
        std::iter::from_fn(|| walker.next().unwrap()).map(|chunk| chunk.name).collect()
    }

    #[test]
    fn chunks_follow_each_other_with_and_without_padding() {
        let padded = b"abcd\x03\0\0\0xyz\0efgh\0\0\0\0ijkl\0\0\0\0";
        assert_eq!(names(padded, RIFF), [*b"abcd", *b"efgh", *b"ijkl"]);
        let unpadded = b"abcd\x03\0\0\0xyzefgh\0\0\0\0ijkl\0\0\0\0";
        assert_eq!(names(unpadded, RIFF), [*b"abcd", *b"efgh", *b"ijkl"]);
    }

    #[test]
    fn endless_empty_chunks_come_to_an_end() {
        let bytes = b"JUNK\0\0\0\0".repeat(10_000);
        assert!(names(&bytes, RIFF).len() < 5000);
    }

    #[test]
    fn lengths_near_the_largest_number_do_not_wrap() {
        let mut bytes = b"data".to_vec();
        bytes.extend(u64::MAX.to_be_bytes());
        bytes.extend([0; 100]);
        assert_eq!(names(&bytes, Grammar::Caf), [*b"data"]);
    }

    #[test]
    fn a_search_prefers_the_chunk_that_fits() {
        let mut bytes = b"....data\xff\xff\0\0....".to_vec();
        bytes.extend(b"data\x04\0\0\0abcd");
        let source = Source::Bytes(bytes.into());
        let mut input = Input::open(&source, &Limits::default()).unwrap();
        let mut walker = Walker::new(&mut input, RIFF, 0, 0);
        let found = walker.search(&[*b"data"], 0).unwrap();
        assert_eq!(found, Some(Chunk { name: *b"data", start: 24, len: 4 }));
    }
}
