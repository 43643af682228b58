//! Everything that lofty does for us: it parses the items that were cut out, and names what keys mean.
//!
//! lofty never sees a user's file as a whole, except to work out a length: then it reads through
//! [`Reader`], which ends when the budget does. Its allocations are limited too, and whatever it
//! panics about costs the tag at hand.

use std::io::{BufReader, Cursor};

use lofty::config::{GlobalOptions, ParseOptions, ParsingMode, apply_global_options};
use lofty::file::{AudioFile, FileType, TaggedFileExt};
use lofty::id3::v1::GENRES;
use lofty::id3::v2::{upgrade_v2, upgrade_v3};
use lofty::probe::Probe;
use lofty::tag::{ItemKey, Tag, TagType};

use super::fields::Field;
use super::id3v2::to_syncsafe;
use super::iff::chunk_into;
use super::mp4::atom_into;
use super::part::{Kind, Part};
use super::peek::{Peek, Reader};
use crate::error::{Error, Result};
use crate::wall;

/// Most that lofty may ask for at once. What it is given is smaller: 1 MiB and some framing.
const MAX_ALLOCATION_BYTES: usize = 4 << 20;

/// Of `ID3v2.4`.
const WANTED_FRAMES: [&str; 11] =
    ["TIT2", "TPE1", "TPE2", "TALB", "TCON", "TRCK", "TPOS", "TDRC", "TDRL", "TXXX", "UFID"];

/// Files whose length lofty works out from their headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timed {
    Vorbis,
    Opus,
    Speex,
    Wave,
    Aiff,
    WavPack,
    MonkeysAudio,
    Musepack,
}

/// The name of a genre of `ID3v1`'s list, Winamp's extensions included.
pub(super) fn genre_name(number: usize) -> Option<&'static str> {
    GENRES.get(number).copied()
}

/// What `ID3v2.4` calls a frame, if anybody asked for it.
pub(super) fn id3v2_frame(id: &str, version: u8) -> Option<&'static str> {
    let id = match version {
        2 => upgrade_v2(id)?,
        3 => upgrade_v3(id).unwrap_or(id),
        _ => id,
    };
    WANTED_FRAMES.into_iter().find(|&wanted| wanted == id)
}

/// What a `TXXX` frame means whose description is a key of Vorbis comments, not one of `ID3v2`.
pub(super) fn user_text(description: &str) -> Option<Field> {
    if is_wanted(Kind::Id3v2, description) {
        return None;
    }
    field_of(ItemKey::from_key(TagType::VorbisComments, description)?)
}

/// Whether an item with this key is asked for.
pub(super) fn is_wanted(kind: Kind, key: &str) -> bool {
    let tag_type = match kind {
        Kind::Id3v1 | Kind::Id3v2 => TagType::Id3v2,
        Kind::Ape => TagType::Ape,
        Kind::Ilst => TagType::Mp4Ilst,
        Kind::RiffInfo => TagType::RiffInfo,
        Kind::Vorbis | Kind::AiffText | Kind::CafInfo | Kind::Matroska => TagType::VorbisComments,
    };
    ItemKey::from_key(tag_type, key).and_then(field_of).is_some()
}

/// The values of a tag, in its order, and how many of its items could not be read.
pub(super) fn values(part: &Part) -> (Vec<(Field, String)>, usize) {
    let mut values = part.direct.clone();
    let mut n_lost = 0;
    if part.items.is_empty() {
        return (values, 0);
    }
    if let Ok(all) = parse(part.kind, &part.items) {
        values.extend(all);
        return (values, 0);
    }
    for item in &part.items {
        match parse(part.kind, std::slice::from_ref(item)) {
            Ok(one) => values.extend(one),
            Err(_) => n_lost += 1,
        }
    }
    (values, n_lost)
}

/// Length that the headers state.
pub(super) fn stated_seconds(peek: &mut Peek, format: Timed) -> Option<f64> {
    let file_type = match format {
        Timed::Vorbis => FileType::Vorbis,
        Timed::Opus => FileType::Opus,
        Timed::Speex => FileType::Speex,
        Timed::Wave => FileType::Wav,
        Timed::Aiff => FileType::Aiff,
        Timed::WavPack => FileType::WavPack,
        Timed::MonkeysAudio => FileType::Ape,
        Timed::Musepack => FileType::Mpc,
    };
    let options = options().read_tags(false);
    let reader = BufReader::with_capacity(512, Reader::new(peek));
    let read = wall::contain(|| {
        let file = Probe::with_file_type(reader, file_type).options(options).read();
        file.map_err(|error| Error::damaged(error.to_string()))
    });
    let seconds = read.ok()?.properties().duration().as_secs_f64();
    (seconds > 0.0).then_some(seconds)
}

fn parse(kind: Kind, items: &[Vec<u8>]) -> Result<Vec<(Field, String)>> {
    let (file_type, bytes) = match kind {
        Kind::Id3v1 | Kind::Id3v2 => (FileType::Wav, wave(*b"ID3 ", &id3v2(&items.concat()))),
        Kind::RiffInfo => (FileType::Wav, wave(*b"LIST", &[b"INFO", &items.concat()[..]].concat())),
        Kind::Ape => (FileType::Mpeg, ape(items)),
        Kind::Ilst => (FileType::Mp4, mp4(&items.concat())),
        Kind::Vorbis | Kind::AiffText | Kind::CafInfo | Kind::Matroska => {
            (FileType::Flac, flac(items))
        }
    };
    let options = options().read_properties(false);
    let file = wall::contain(|| {
        let file = Probe::with_file_type(Cursor::new(bytes), file_type).options(options).read();
        file.map_err(|error| Error::damaged(error.to_string()))
    })?;
    let items = file.tags().iter().flat_map(Tag::items);
    let known =
        items.filter_map(|item| Some((field_of(item.key())?, item.value().text()?.to_owned())));
    Ok(known.collect())
}

/// How lofty is to work in this thread, for the next call.
fn options() -> ParseOptions {
    apply_global_options(
        GlobalOptions::new().allocation_limit(MAX_ALLOCATION_BYTES).use_custom_resolvers(false),
    );
    ParseOptions::new().read_cover_art(false).parsing_mode(ParsingMode::Relaxed)
}

fn field_of(key: ItemKey) -> Option<Field> {
    Some(match key {
        ItemKey::TrackTitle => Field::Title,
        ItemKey::TrackArtist => Field::Artist,
        ItemKey::TrackArtists => Field::Artists,
        ItemKey::AlbumTitle => Field::Album,
        ItemKey::AlbumArtist => Field::AlbumArtist,
        ItemKey::AlbumArtists => Field::AlbumArtists,
        ItemKey::Genre => Field::Genre,
        ItemKey::RecordingDate => Field::Date,
        ItemKey::ReleaseDate => Field::ReleaseDate,
        ItemKey::Year => Field::Year,
        ItemKey::TrackNumber => Field::TrackNumber,
        ItemKey::TrackTotal => Field::TrackTotal,
        ItemKey::DiscNumber => Field::DiscNumber,
        ItemKey::DiscTotal => Field::DiscTotal,
        ItemKey::MusicBrainzRecordingId => Field::RecordingId,
        ItemKey::MusicBrainzTrackId => Field::TrackId,
        ItemKey::MusicBrainzReleaseId => Field::ReleaseId,
        ItemKey::MusicBrainzReleaseGroupId => Field::ReleaseGroupId,
        ItemKey::MusicBrainzArtistId => Field::ArtistId,
        ItemKey::MusicBrainzReleaseArtistId => Field::AlbumArtistId,
        ItemKey::ReplayGainTrackGain => Field::TrackGain,
        ItemKey::ReplayGainTrackPeak => Field::TrackPeak,
        ItemKey::ReplayGainAlbumGain => Field::AlbumGain,
        ItemKey::ReplayGainAlbumPeak => Field::AlbumPeak,
        ItemKey::R128TrackGain => Field::R128TrackGain,
        ItemKey::R128AlbumGain => Field::R128AlbumGain,
        _ => return None,
    })
}

/// A RIFF WAVE file of nothing but one chunk.
fn wave(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    chunk_into(name, content, &mut body);
    let mut file = Vec::with_capacity(body.len() + 8);
    chunk_into(*b"RIFF", &body, &mut file);
    file
}

fn id3v2(frames: &[u8]) -> Vec<u8> {
    [b"ID3\x04\0\0", &to_syncsafe(frames.len())[..], frames].concat()
}

/// An MPEG stream of nothing but an `APEv2` tag at the front, with room for the search behind it.
fn ape(items: &[Vec<u8>]) -> Vec<u8> {
    let content = items.concat();
    let mut file = b"APETAGEX".to_vec();
    file.extend(2000_u32.to_le_bytes());
    file.extend((content.len() as u32 + 32).to_le_bytes());
    file.extend((items.len() as u32).to_le_bytes());
    // Has a header, has no footer, this is the header.
    file.extend(0xe000_0000_u32.to_le_bytes());
    file.extend([0; 8]);
    file.extend(content);
    file.extend([0; 192]);
    file
}

/// A FLAC file of nothing but an empty STREAMINFO and the comments.
fn flac(comments: &[Vec<u8>]) -> Vec<u8> {
    let mut block = vec![0; 4];
    block.extend((comments.len() as u32).to_le_bytes());
    for comment in comments {
        block.extend((comment.len() as u32).to_le_bytes());
        block.extend(comment);
    }
    let mut file = b"fLaC\0\0\0\x22".to_vec();
    file.extend([0; 34]);
    file.extend((block.len() as u32 | 0x8400_0000).to_be_bytes());
    file.extend(block);
    file
}

/// An MP4 file of nothing but an `ilst`.
fn mp4(items: &[u8]) -> Vec<u8> {
    let mut content = items.to_vec();
    for name in [*b"ilst", *b"meta", *b"udta", *b"moov"] {
        let mut atom = Vec::with_capacity(content.len() + 12);
        let inner = if &name == b"meta" { [&[0; 4], &content[..]].concat() } else { content };
        atom_into(name, &inner, &mut atom);
        content = atom;
    }
    let mut file = Vec::with_capacity(content.len() + 16);
    atom_into(*b"ftyp", b"M4A \0\0\0\0", &mut file);
    file.extend(content);
    file
}
