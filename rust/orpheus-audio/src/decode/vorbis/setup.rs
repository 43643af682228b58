//! The identification and setup headers (Vorbis I §4.2).

use super::bits::{Bits, ilog};
use super::codebook::{Budget, Codebook};
use super::floor::Floor;
use super::residue::Residue;

/// Block sizes are powers of two from 2^6 to 2^13.
const BLOCK_BITS: std::ops::RangeInclusive<u32> = 6..=13;

pub(super) struct Identification {
    pub(super) n_channels: usize,
    pub(super) sample_rate: u32,
    /// Logarithms of the lengths of short and long blocks.
    pub(super) block_bits: [u32; 2],
}

impl Identification {
    /// §4.2.2. Returns what follows, too.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), &'static str> {
        let (packet, rest) = bytes.split_at_checked(30).ok_or("no identification header")?;
        let version = &packet[7..11];
        if &packet[..7] != b"\x01vorbis" || version != [0; 4] {
            return Err("no identification header");
        }
        let n_channels = usize::from(packet[11]);
        let sample_rate = u32::from_le_bytes([packet[12], packet[13], packet[14], packet[15]]);
        let block_bits = [u32::from(packet[28] & 15), u32::from(packet[28] >> 4)];
        let sound = block_bits.iter().all(|bits| BLOCK_BITS.contains(bits))
            && block_bits[0] <= block_bits[1]
            && n_channels > 0;
        if !sound {
            return Err("an identification header that cannot be");
        }
        Ok((Self { n_channels, sample_rate, block_bits }, rest))
    }
}

pub(super) struct Mapping {
    /// Pairs of channels (magnitude, angle).
    pub(super) couplings: Vec<(usize, usize)>,
    /// Which submap each channel uses.
    pub(super) multiplex: Vec<usize>,
    /// Floor and residue of each submap.
    pub(super) submaps: Vec<(usize, usize)>,
}

#[derive(Clone, Copy)]
pub(super) struct Mode {
    pub(super) long: bool,
    pub(super) mapping: usize,
}

pub(super) struct Setup {
    pub(super) books: Vec<Codebook>,
    pub(super) floors: Vec<Floor>,
    pub(super) residues: Vec<Residue>,
    pub(super) mappings: Vec<Mapping>,
    pub(super) modes: Vec<Mode>,
}

impl Setup {
    /// §4.2.4.
    pub(super) fn parse(packet: &[u8], n_channels: usize) -> Result<Self, &'static str> {
        let body = packet.strip_prefix(b"\x05vorbis").ok_or("no setup header")?;
        let bits = &mut Bits::new(body);
        let mut budget = Budget::new();
        let n_books = bits.read(8) + 1;
        let books = (0..n_books)
            .map(|_| Codebook::read(bits, &mut budget))
            .collect::<Result<Vec<_>, _>>()?;
        let n_transforms = bits.read(6) + 1;
        if (0..n_transforms).any(|_| bits.read(16) != 0) {
            return Err("a time domain transform that is not defined");
        }
        let n_floors = bits.read(6) + 1;
        let floors =
            (0..n_floors).map(|_| Floor::read(bits, &books)).collect::<Result<Vec<_>, _>>()?;
        let residues = Residue::read_all(bits, &books, &mut budget)?;
        let n_mappings = bits.read(6) + 1;
        let limits = (n_channels, floors.len(), residues.len());
        let mappings =
            (0..n_mappings).map(|_| read_mapping(bits, limits)).collect::<Result<Vec<_>, _>>()?;
        let n_modes = bits.read(6) + 1;
        let modes =
            (0..n_modes).map(|_| read_mode(bits, mappings.len())).collect::<Result<Vec<_>, _>>()?;
        if !bits.flag() || bits.ended() {
            return Err("the setup header has no proper end");
        }
        Ok(Self { books, floors, residues, mappings, modes })
    }
}

/// §4.2.4 "Mappings".
fn read_mapping(
    bits: &mut Bits<'_>,
    (n_channels, n_floors, n_residues): (usize, usize, usize),
) -> Result<Mapping, &'static str> {
    if bits.read(16) != 0 {
        return Err("a mapping of an unknown type");
    }
    let n_submaps = if bits.flag() { bits.read(4) as usize + 1 } else { 1 };
    let mut couplings = Vec::new();
    if bits.flag() {
        let n_bits = ilog(n_channels as u32 - 1);
        for _ in 0..=bits.read(8) {
            let (magnitude, angle) = (bits.read(n_bits) as usize, bits.read(n_bits) as usize);
            if magnitude == angle || magnitude.max(angle) >= n_channels {
                return Err("a coupling of channels that cannot be");
            }
            couplings.push((magnitude, angle));
        }
    }
    if bits.read(2) != 0 {
        return Err("a mapping with reserved bits set");
    }
    let multiplex: Vec<usize> =
        (0..n_channels).map(|_| if n_submaps > 1 { bits.read(4) as usize } else { 0 }).collect();
    let mut submaps = Vec::with_capacity(n_submaps);
    for _ in 0..n_submaps {
        // A time configuration that is not used.
        bits.read(8);
        submaps.push((bits.read(8) as usize, bits.read(8) as usize));
    }
    let sound = multiplex.iter().all(|&submap| submap < n_submaps)
        && submaps.iter().all(|&(floor, residue)| floor < n_floors && residue < n_residues);
    if !sound || bits.ended() {
        return Err("a mapping refers to what is not there");
    }
    Ok(Mapping { couplings, multiplex, submaps })
}

/// §4.2.4 "Modes".
fn read_mode(bits: &mut Bits<'_>, n_mappings: usize) -> Result<Mode, &'static str> {
    let long = bits.flag();
    let (window, transform) = (bits.read(16), bits.read(16));
    let mapping = bits.read(8) as usize;
    if window != 0 || transform != 0 || mapping >= n_mappings {
        return Err("a mode that is not defined");
    }
    Ok(Mode { long, mapping })
}
