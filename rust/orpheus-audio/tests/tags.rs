//! Tags of files that are made here: what is read, what is spared, what a broken one costs.

use orpheus_audio::{Limits, Source, Tags, read_tags};

const ID: &str = "f4a31f0a-51dd-4fa7-986d-3095c40c5ed9";

fn tags_of(bytes: Vec<u8>) -> Tags {
    read_tags(&Source::Bytes(bytes.into()), &Limits::default()).unwrap()
}

fn syncsafe(n: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (n >> shift) as u8 & 0x7f)
}

fn frame(version: u8, id: &str, content: &[u8]) -> Vec<u8> {
    let n = content.len();
    let size = if version == 4 { syncsafe(n) } else { (n as u32).to_be_bytes() };
    let header = if version == 2 { size[1..].to_vec() } else { [&size[..], &[0, 0]].concat() };
    [id.as_bytes(), &header, content].concat()
}

fn id3v2(version: u8, flags: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let body = frames.concat();
    [&[b'I', b'D', b'3', version, 0, flags][..], &syncsafe(body.len()), &body].concat()
}

fn utf16(text: &str) -> Vec<u8> {
    [1, 0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

fn comments(items: &[&[u8]]) -> Vec<u8> {
    let mut block = 6_u32.to_le_bytes().to_vec();
    block.extend(b"vendor");
    block.extend((items.len() as u32).to_le_bytes());
    for item in items {
        block.extend((item.len() as u32).to_le_bytes());
        block.extend(*item);
    }
    block
}

/// `fLaC`, STREAMINFO (10 s at 44.1 kHz) and further blocks.
fn flac(blocks: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut info = vec![0; 34];
    info[10..18].copy_from_slice(&(44_100_u64 << 44 | 441_000).to_be_bytes());
    let mut file = b"fLaC\0\0\0\x22".to_vec();
    file.extend(info);
    for (n, (kind, content)) in blocks.iter().enumerate() {
        let last = if n + 1 == blocks.len() { 0x80 } else { 0 };
        file.push(kind | last);
        file.extend(&(content.len() as u32).to_be_bytes()[1..]);
        file.extend(content);
    }
    file
}

fn pages(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for (n, packet) in packets.iter().enumerate() {
        let mut lacing = vec![255_u8; packet.len() / 255];
        lacing.push((packet.len() % 255) as u8);
        let mut rest = &packet[..];
        for (part, segments) in lacing.chunks(200).enumerate() {
            let flags = u8::from(part > 0) | if n == 0 { 2 } else { 0 };
            file.extend(b"OggS\0");
            file.push(flags);
            file.extend([0; 8]);
            file.extend([7, 0, 0, 0]);
            file.extend([0; 8]);
            file.push(segments.len() as u8);
            file.extend(segments);
            let n_bytes = segments.iter().map(|&s| usize::from(s)).sum();
            file.extend(&rest[..n_bytes]);
            rest = &rest[n_bytes..];
        }
    }
    file
}

fn atom(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], name, content].concat()
}

fn data(kind: u32, value: &[u8]) -> Vec<u8> {
    atom(b"data", &[&kind.to_be_bytes()[..], &[0; 4], value].concat())
}

fn mp4(items: &[Vec<u8>]) -> Vec<u8> {
    let meta = [&[0; 4][..], &atom(b"hdlr", &[0; 25]), &atom(b"ilst", &items.concat())].concat();
    let mut mvhd = vec![0; 100];
    mvhd[12..16].copy_from_slice(&1000_u32.to_be_bytes());
    mvhd[16..20].copy_from_slice(&2500_u32.to_be_bytes());
    let movie = [atom(b"mvhd", &mvhd), atom(b"udta", &atom(b"meta", &meta))].concat();
    [atom(b"ftyp", b"M4A \0\0\0\0"), atom(b"mdat", &[0; 99]), atom(b"moov", &movie)].concat()
}

fn ape(items: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut tag = Vec::new();
    for (key, flags, value) in items {
        tag.extend((value.len() as u32).to_le_bytes());
        tag.extend(flags.to_le_bytes());
        tag.extend(key.as_bytes());
        tag.push(0);
        tag.extend(*value);
    }
    let n_bytes = tag.len() as u32 + 32;
    tag.extend(b"APETAGEX");
    tag.extend(2000_u32.to_le_bytes());
    tag.extend(n_bytes.to_le_bytes());
    tag.extend((items.len() as u32).to_le_bytes());
    tag.extend([0; 12]);
    tag
}

#[test]
fn every_version_of_id3v2_is_read() {
    for (version, ids) in [
        (2, ["TT2", "TP1", "TAL", "TRK", "TYE", "TCO"]),
        (3, ["TIT2", "TPE1", "TALB", "TRCK", "TYER", "TCON"]),
        (4, ["TIT2", "TPE1", "TALB", "TRCK", "TDRC", "TCON"]),
    ] {
        let values = [
            b"\0T\xeftle".to_vec(),
            utf16("Кино"),
            b"\0Album\0".to_vec(),
            b"\x003/12".to_vec(),
            b"\x002003-05-01".to_vec(),
            b"\0(17)".to_vec(),
        ];
        let frames: Vec<_> =
            ids.iter().zip(&values).map(|(id, value)| frame(version, id, value)).collect();
        let tags = tags_of(id3v2(version, 0, &frames));
        assert_eq!(tags.title.as_deref(), Some("Tïtle"), "{version}");
        assert_eq!(tags.artists, ["Кино"]);
        assert_eq!(tags.album.as_deref(), Some("Album"));
        assert_eq!(
            (tags.track_number, tags.track_total, tags.year),
            (Some(3), Some(12), Some(2003))
        );
        assert_eq!(tags.genres, ["Rock"]);
        assert_eq!((tags.kinds, tags.problems.len()), (vec!["id3v2"], 0));
    }
}

#[test]
fn several_values_and_user_texts_of_id3v2_are_read() {
    let tags = tags_of(id3v2(
        4,
        0,
        &[
            frame(4, "TPE1", b"\x03A\0B\0C"),
            frame(4, "TCON", b"\x03Ambient\026\0Drone"),
            frame(4, "TPOS", b"\x031/2"),
            frame(4, "UFID", format!("http://musicbrainz.org\0{ID}").as_bytes()),
            frame(4, "TXXX", format!("\x03MusicBrainz Album Id\0{ID}").as_bytes()),
            frame(4, "TXXX", format!("\x03MusicBrainz Artist Id\0{ID}\0{ID}").as_bytes()),
            frame(4, "TXXX", b"\x03replaygain_track_gain\0-7.25 dB"),
            frame(4, "TXXX", b"\x03MUSICBRAINZ_ALBUMARTISTID\0not an id"),
        ],
    ));
    assert_eq!(tags.artist.as_deref(), Some("A; B; C"));
    assert_eq!(tags.genres, ["Ambient", "Drone"]);
    assert_eq!((tags.disc_number, tags.disc_total), (Some(1), Some(2)));
    assert_eq!(tags.musicbrainz.recording_id.as_deref(), Some(ID));
    assert_eq!(tags.musicbrainz.release_id.as_deref(), Some(ID));
    assert_eq!(tags.musicbrainz.artist_ids, [ID]);
    assert!(tags.musicbrainz.album_artist_ids.is_empty());
    assert_eq!(tags.replay_gain.track_gain_db, Some(-7.25));
}

#[test]
fn unsynchronised_tags_are_read() {
    let stuffed = frame(3, "TIT2", &utf16("ÿ\u{ff00}x"));
    let mut body = Vec::new();
    for byte in stuffed {
        body.push(byte);
        if byte == 0xff {
            body.push(0);
        }
    }
    let tags = tags_of(id3v2(3, 0x80, &[body, frame(3, "TPE1", b"\0A")]));
    assert_eq!(tags.title.as_deref(), Some("ÿ\u{ff00}x"));
    assert_eq!(tags.artist.as_deref(), Some("A"));
}

#[test]
fn a_picture_in_front_costs_nothing_whatever_its_size() {
    let picture = vec![0xd8; 20 << 20];
    let id3 = id3v2(3, 0, &[frame(3, "APIC", &picture), frame(3, "TIT2", b"\0T")]);
    let base64 = [b"METADATA_BLOCK_PICTURE=", &vec![b'A'; 27 << 20][..]].concat();
    let block = comments(&[&base64, b"TITLE=T"]);
    let opus = pages(&[b"OpusHead\x01\x02".to_vec(), [&b"OpusTags"[..], &block].concat()]);
    let covers =
        flac(&[(6, vec![1; 15 << 20]), (6, vec![1; 15 << 20]), (4, comments(&[b"TITLE=T"]))]);
    let cover = mp4(&[atom(b"covr", &data(13, &picture)), atom(b"\xa9nam", &data(1, b"T"))]);
    let apic = ape(&[("Cover Art (Front)", 2, &picture), ("Title", 0, b"T")]);
    let mut wave = b"RIFF\0\0\0\0WAVEid3 ".to_vec();
    wave.extend((id3.len() as u32).to_le_bytes());
    wave.extend(&id3);
    for (name, file) in [
        ("id3", id3),
        ("opus", opus),
        ("flac", covers),
        ("mp4", cover),
        ("ape", apic),
        ("wav", wave),
    ] {
        let tags = tags_of(file);
        assert_eq!(tags.title.as_deref(), Some("T"), "{name}: {:?}", tags.problems);
        assert!(tags.problems.is_empty(), "{name}: {:?}", tags.problems);
    }
}

#[test]
fn vorbis_comments_have_several_values_and_wrong_ones_are_mended() {
    let gain = b"R128_TRACK_GAIN=-1280";
    let block = comments(&[
        b"artist=A",
        b"ARTIST=B",
        b"Genre=Techno",
        b"GENRE=House; Dub",
        b"TITLE=Sch\xf6n",
        b"DATE=2003-05-01",
        b"TRACKNUMBER=07",
        b"TOTALTRACKS=9",
        b"no separator",
        gain,
    ]);
    let vorbis = pages(&[b"\x01vorbis".to_vec(), [&b"\x03vorbis"[..], &block].concat()]);
    let speex = pages(&[b"Speex   1".to_vec(), block.clone()]);
    let ogg_flac = pages(&[b"\x7fFLAC\x01".to_vec(), [&[0x84, 0, 0, 0][..], &block].concat()]);
    for file in [vorbis, speex, ogg_flac, flac(&[(4, block)])] {
        let tags = tags_of(file);
        assert_eq!(tags.artists, ["A", "B"]);
        assert_eq!(tags.genres, ["Techno", "House", "Dub"]);
        assert_eq!(tags.title.as_deref(), Some("Sch\u{fffd}n"));
        assert_eq!(
            (tags.year, tags.track_number, tags.track_total),
            (Some(2003), Some(7), Some(9))
        );
        assert_eq!(tags.replay_gain.track_gain_db, Some(0.0));
    }
}

#[test]
fn mp4_items_are_read() {
    let freeform = |name: &str, value: &str| {
        let mean = atom(b"mean", b"\0\0\0\0com.apple.iTunes");
        let name = atom(b"name", &[&[0; 4], name.as_bytes()].concat());
        atom(b"----", &[mean, name, data(1, value.as_bytes())].concat())
    };
    let tags = tags_of(mp4(&[
        atom(b"\xa9nam", &data(1, b"Sch\xf6n")),
        atom(b"\xa9ART", &[data(1, b"A"), data(1, b"B")].concat()),
        atom(b"aART", &data(0, b"untyped")),
        atom(b"trkn", &data(0, &[0, 0, 0, 3, 0, 12, 0, 0])),
        atom(b"gnre", &data(0, &[0, 18])),
        atom(b"\xa9day", &data(1, b"1999-01-02T00:00:00Z")),
        freeform("MusicBrainz Track Id", ID),
        freeform("replaygain_track_peak", "0.5"),
    ]));
    assert_eq!(tags.title.as_deref(), Some("Schön"));
    assert_eq!(tags.artists, ["A", "B"]);
    assert_eq!(tags.album_artist.as_deref(), Some("untyped"));
    assert_eq!((tags.track_number, tags.track_total, tags.year), (Some(3), Some(12), Some(1999)));
    assert_eq!(tags.genres, ["Rock"]);
    assert_eq!(tags.musicbrainz.recording_id.as_deref(), Some(ID));
    assert_eq!(tags.replay_gain.track_peak, Some(0.5));
    assert_eq!(tags.stated_seconds, Some(2.5));
}

#[test]
fn tags_at_the_end_are_read_and_id3v1_fills_what_others_lack() {
    let mut id3v1 = b"TAG".to_vec();
    for (text, n) in
        [("Cut off after thirty characte", 30), ("Artist", 30), ("Old", 30), ("1987", 4)]
    {
        let mut field = text.as_bytes().to_vec();
        field.resize(n, 0);
        id3v1.extend(field);
    }
    id3v1.extend([b' '; 28]);
    id3v1.extend([0, 5, 8]);
    let title = "Cut off after thirty characters or so";
    let mut file = vec![0; 500];
    file.extend(ape(&[
        ("Title", 0, title.as_bytes()),
        ("Genre", 0, b"Dub\0Reggae"),
        ("Track", 0, b"9"),
    ]));
    file.extend(id3v1);
    let tags = tags_of(file);
    assert_eq!(tags.title.as_deref(), Some(title));
    assert_eq!((tags.artist.as_deref(), tags.album.as_deref()), (Some("Artist"), Some("Old")));
    assert_eq!(tags.genres, ["Dub", "Reggae"]);
    assert_eq!((tags.track_number, tags.year), (Some(9), Some(1987)));
    assert_eq!(tags.kinds, ["apev2", "id3v1"]);
}

#[test]
fn lengths_that_lie_cost_only_their_tag() {
    let huge = 0x7fff_fff0_u32;
    let mut block = comments(&[b"ARTIST=A", b"TITLE=lost"]);
    let at = block.len() - b"TITLE=lost".len() - 4;
    block[at..at + 4].copy_from_slice(&huge.to_le_bytes());
    let tags = tags_of(flac(&[(4, block)]));
    assert_eq!((tags.artist.as_deref(), tags.title), (Some("A"), None));
    assert_eq!(tags.problems.len(), 1, "{:?}", tags.problems);

    let mut id3 = id3v2(3, 0, &[frame(3, "TPE1", b"\0A"), frame(3, "TIT2", b"\0lost")]);
    let at = id3.len() - 5 - 6;
    id3[at..at + 4].copy_from_slice(&huge.to_be_bytes());
    let tags = tags_of(id3);
    assert_eq!((tags.artist.as_deref(), tags.title), (Some("A"), None));
    assert_eq!(tags.problems.len(), 1, "{:?}", tags.problems);

    let mut tag = ape(&[("Artist", 0, b"A"), ("Title", 0, b"lost")]);
    let at = 8 + 7 + 1;
    tag[at..at + 4].copy_from_slice(&huge.to_le_bytes());
    let tags = tags_of(tag);
    assert_eq!((tags.artist.as_deref(), tags.title), (Some("A"), None));
    assert_eq!(tags.problems.len(), 1, "{:?}", tags.problems);
}

#[test]
fn an_item_that_lofty_refuses_costs_only_itself() {
    // An identifier without an owner is against ID3v2.4 §4.1.
    let tags = tags_of(id3v2(
        4,
        0,
        &[frame(4, "UFID", b"\0"), frame(4, "TIT2", b"\x03T"), frame(4, "UFID", b"no end")],
    ));
    assert_eq!(tags.title.as_deref(), Some("T"));
}

#[test]
fn a_file_without_tags_has_empty_ones() {
    for file in [Vec::new(), b"once upon a time".to_vec(), vec![0; 5000]] {
        assert_eq!(tags_of(file), Tags::default());
    }
}

#[test]
fn damage_anywhere_ends_with_tags() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut dice = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n as u64) as usize
    };
    let block = comments(&[b"ARTIST=A", b"TITLE=T", b"GENRE=17"]);
    let originals = [
        id3v2(3, 0x80, &[frame(3, "TIT2", &utf16("T")), frame(3, "TCON", b"\0(17)")]),
        id3v2(
            4,
            0,
            &[frame(4, "TXXX", b"\x03a\0b"), frame(4, "UFID", b"http://musicbrainz.org\0x")],
        ),
        flac(&[(4, block.clone())]),
        pages(&[b"OpusHead\x01\x02".to_vec(), [&b"OpusTags"[..], &block].concat()]),
        mp4(&[atom(b"\xa9nam", &data(1, b"T")), atom(b"trkn", &data(0, &[0, 0, 0, 3, 0, 9]))]),
        ape(&[("Title", 0, b"T"), ("Year", 0, b"1990")]),
    ];
    for original in originals {
        for _ in 0..2000 {
            let mut file = original.clone();
            for _ in 0..1 + dice(8) {
                let at = dice(file.len());
                file[at] = [0, 1, 0x7f, 0x80, 0xff, dice(256) as u8][dice(6)];
            }
            if dice(4) == 0 {
                file.truncate(dice(file.len()));
            }
            let tags = tags_of(file);
            assert!(tags.title.is_none_or(|title| title.len() <= 4096));
        }
    }
}
