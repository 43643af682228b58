//! One tag as it was cut out of a file: its items, and what is wrong with it.

use super::fields::Field;

/// Items longer than this are pictures and lyrics, whatever they are called.
pub(super) const MAX_ITEM_BYTES: usize = 64 << 10;
/// All items of one tag together.
const MAX_PART_BYTES: usize = 1 << 20;
const MAX_ITEMS: usize = 2048;
const MAX_PROBLEMS: usize = 16;

/// Kinds of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Id3v1,
    Id3v2,
    Ape,
    Vorbis,
    Ilst,
    RiffInfo,
    AiffText,
    CafInfo,
    Matroska,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Id3v1 => "id3v1",
            Self::Id3v2 => "id3v2",
            Self::Ape => "apev2",
            Self::Vorbis => "vorbis",
            Self::Ilst => "ilst",
            Self::RiffInfo => "riff_info",
            Self::AiffText => "aiff_text",
            Self::CafInfo => "caf_info",
            Self::Matroska => "matroska",
        }
    }
}

/// The wanted items of one tag, each fit to stand in a tag of its own.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) kind: Kind,
    /// Each as the kind of tag writes it.
    pub(super) items: Vec<Vec<u8>>,
    /// Text that needs no parser.
    pub(super) direct: Vec<(Field, String)>,
    n_bytes: usize,
}

impl Part {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, items: Vec::new(), direct: Vec::new(), n_bytes: 0 }
    }

    /// Takes one item more; `false` if the tag holds absurdly much.
    #[must_use]
    pub(super) fn add(&mut self, item: Vec<u8>) -> bool {
        let fits = self.make_room(item.len());
        if fits {
            self.items.push(item);
        }
        fits
    }

    /// Takes text whose meaning is known; `false` if the tag holds absurdly much.
    #[must_use]
    pub(super) fn add_text(&mut self, field: Field, text: String) -> bool {
        let fits = self.make_room(text.len());
        if fits {
            self.direct.push((field, text));
        }
        fits
    }

    fn make_room(&mut self, n_bytes: usize) -> bool {
        self.n_bytes += n_bytes;
        let n_items = self.items.len() + self.direct.len();
        self.n_bytes <= MAX_PART_BYTES && n_items < MAX_ITEMS
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.direct.is_empty()
    }
}

/// Everything that was found in one file.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The one that is believed first, first.
    pub(super) parts: Vec<Part>,
    pub(super) stated_seconds: Option<f64>,
    pub(super) problems: Vec<String>,
}

impl Findings {
    pub(super) fn note(&mut self, kind: Kind, what: &str) {
        let problem = format!("{}: {what}", kind.name());
        if self.problems.len() < MAX_PROBLEMS && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Keeps a part that holds something.
    pub(super) fn keep(&mut self, part: Part) {
        if !part.is_empty() {
            self.parts.push(part);
        }
    }

    /// Notes why a reader gave up, and lets the others go on. A broken disk is no matter of tags.
    pub(super) fn spare(
        &mut self,
        kind: Kind,
        result: crate::error::Result<()>,
    ) -> crate::error::Result<()> {
        match result {
            Err(error @ (crate::error::Error::Io(_) | crate::error::Error::Changed)) => Err(error),
            Err(error) => {
                self.note(kind, &error.to_string());
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}
