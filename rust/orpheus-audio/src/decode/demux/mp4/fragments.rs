//! Movie fragments (ISO/IEC 14496-12 §8.8).

use super::super::bytes::{Bytes, be_u32, be_u64};
use super::super::table::{Entries, Entry};
use super::Clock;
use super::boxes::Atom;
use crate::error::Result;

/// What a track's packets have in common unless a fragment says otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Defaults {
    ticks: u32,
    n_bytes: u32,
}

/// Reads the defaults of `track` from the movie's `mvex` box.
pub(super) fn defaults(bytes: &mut Bytes, moov: &Atom, track: u32) -> Result<Defaults> {
    let Some(mvex) = moov.child(bytes, b"mvex")? else { return Ok(Defaults::default()) };
    for trex in mvex.children(bytes)? {
        let body = trex.read(bytes)?;
        if trex.kind == *b"trex" && be_u32(&body, 4) == Some(track) {
            let ticks = be_u32(&body, 12).unwrap_or(0);
            return Ok(Defaults { ticks, n_bytes: be_u32(&body, 16).unwrap_or(0) });
        }
    }
    Ok(Defaults::default())
}

/// Ticks of the movie that all fragments have together, if a writer came back to say so (§8.8.2).
pub(super) fn promised(bytes: &mut Bytes, moov: &Atom) -> Result<Option<u64>> {
    let Some(mehd) = moov.descend(bytes, &[b"mvex", b"mehd"])? else { return Ok(None) };
    let body = mehd.read(bytes)?;
    Ok(match body.first() {
        Some(0) => be_u32(&body, 4).map(u64::from),
        _ => be_u64(&body, 4),
    })
}

/// Appends the packets of `track` in one fragment.
pub(super) fn read(
    bytes: &mut Bytes,
    moof: &Atom,
    track: u32,
    defaults: Defaults,
    (clock, entries): (&mut Clock, &mut Entries),
) -> Result<()> {
    for traf in moof.children(bytes)? {
        let children = if traf.kind == *b"traf" { traf.children(bytes)? } else { continue };
        let Some(tfhd) = children.iter().find(|atom| atom.kind == *b"tfhd") else { continue };
        let body = tfhd.read(bytes)?;
        let Some(mut run) = Run::new(&body, moof, defaults).filter(|run| run.track == track) else {
            continue;
        };
        for atom in &children {
            let body = match &atom.kind {
                b"tfdt" | b"trun" => atom.read(bytes)?,
                _ => continue,
            };
            if atom.kind == *b"tfdt" {
                note_start(&body, clock, entries);
            } else if run.read(&body, clock, entries)?.is_none() || atom.is_cut {
                entries.push_hole(0, "a fragment is cut short");
            }
        }
    }
    Ok(())
}

/// A fragment that starts later than the one before it ended follows one that is missing.
fn note_start(tfdt: &[u8], clock: &mut Clock, entries: &mut Entries) {
    let start = match tfdt.first() {
        Some(0) => be_u32(tfdt, 4).map(u64::from),
        _ => be_u64(tfdt, 4),
    };
    let Some(start) = start else { return };
    if entries.len() == 0 {
        clock.start_at(start);
    } else if let Some(n_lost) = clock.jump_to(start) {
        entries.push_hole(n_lost, "a fragment is missing");
    }
}

struct Run {
    track: u32,
    defaults: Defaults,
    base: u64,
    /// Where the next run's packets are if it does not say.
    next: u64,
}

impl Run {
    fn new(tfhd: &[u8], moof: &Atom, mut defaults: Defaults) -> Option<Self> {
        let flags = be_u32(tfhd, 0)?;
        let track = be_u32(tfhd, 4)?;
        let mut at = 8;
        let mut base = moof.at;
        if flags & 1 != 0 {
            base = be_u64(tfhd, at)?;
            at += 8;
        }
        at += if flags & 2 != 0 { 4 } else { 0 };
        if flags & 8 != 0 {
            defaults.ticks = be_u32(tfhd, at)?;
            at += 4;
        }
        if flags & 0x10 != 0 {
            defaults.n_bytes = be_u32(tfhd, at)?;
        }
        Some(Self { track, defaults, base, next: base })
    }

    /// `None` if the box holds less than it says.
    fn read(
        &mut self,
        trun: &[u8],
        clock: &mut Clock,
        entries: &mut Entries,
    ) -> Result<Option<()>> {
        let (Some(flags), Some(n_packets)) = (be_u32(trun, 0), be_u32(trun, 4)) else {
            return Ok(None);
        };
        let words = trun.get(8..).unwrap_or(&[]).as_chunks::<4>().0;
        let mut fields = words.iter().map(|word| u32::from_be_bytes(*word));
        if flags & 1 != 0 {
            let Some(offset) = fields.next() else { return Ok(None) };
            self.next = self.base.saturating_add_signed(i64::from(offset as i32));
        }
        if flags & 4 != 0 {
            fields.next();
        }
        for _ in 0..n_packets {
            let mut field = |flag: u32, default: u32| match flags & flag {
                0 => Some(default),
                _ => fields.next(),
            };
            let Some(ticks) = field(0x100, self.defaults.ticks) else { return Ok(None) };
            let Some(n_bytes) = field(0x200, self.defaults.n_bytes) else { return Ok(None) };
            if n_bytes == 0 {
                return Ok(None);
            }
            let skipped = field(0x400, 0).and(field(0x800, 0));
            let entry = Entry { offset: self.next, n_bytes, n_samples: clock.advance(ticks) };
            entries.push(entry)?;
            self.next = self.next.saturating_add(u64::from(n_bytes));
            if skipped.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }
}
