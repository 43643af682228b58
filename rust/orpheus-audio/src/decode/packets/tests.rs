//! Tracks of ../shared/audio (they are skipped where that is absent), cut, joined and damaged here.

use std::path::{Path, PathBuf};

use crate::decode::{DecodeOptions, Decoder, decode};
use crate::limits::Limits;
use crate::outcome::{Outcome, Status};
use crate::signal::Signal;
use crate::source::Source;

fn shared(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/audio");
    let path = root.join(name);
    if !path.exists() {
        eprintln!("skipped: {name} is not there");
    }
    path.exists().then_some(path)
}

fn read(name: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(shared(name)?).unwrap())
}

fn whole(bytes: &[u8]) -> (Signal, Outcome) {
    let (signal, _, outcome) =
        decode(&Source::Bytes(bytes.into()), &DecodeOptions::default()).unwrap();
    (signal, outcome)
}

fn channel(signal: &Signal, channel: usize) -> &[f32] {
    &signal.samples()[channel * signal.n_samples()..][..signal.n_samples()]
}

/// Every length that a container states, by what it states.
///
/// libavformat's counts differ in five of these: it hands out whole packets of AAC, although the
/// last duration in the sample table (204 of 1024 samples) or the fragment says where the track
/// ends, and it leaves out a block of a short Vorbis file whose last page states 220 959.
#[test]
fn as_many_samples_come_out_as_the_container_states() {
    let lengths = [
        ("formats/aac.m4a", 132_300),
        ("formats/cover.m4a", 132_300),
        ("formats/aac-faststart.mp4", 132_300),
        // No edit list: the encoder's delay is not stated and stays.
        ("formats/aac-fragmented.mp4", 133_324),
        // No statement at all: whole packets, as libavformat has them.
        ("formats/aac.aac", 134_144),
        ("formats/aac.mkv", 134_144),
        ("formats/alac.m4a", 132_300),
        ("formats/alac.caf", 132_300),
        ("formats/flac.oga", 132_300),
        ("formats/flac.mka", 132_300),
        ("formats/vorbis.ogg", 132_300),
        ("formats/vorbis-48k-mono.ogg", 144_000),
        // Matroska states no end for Vorbis: the last block is whole.
        ("formats/vorbis.mka", 132_352),
        ("formats/vorbis.webm", 132_352),
        ("music/johan-brodd--silence.ogg", 220_959),
        ("music/aakburns--ghost-2.ogg", 2_121_984),
    ];
    for (name, n_samples) in lengths {
        let Some(bytes) = read(name) else { return };
        let (signal, outcome) = whole(&bytes);
        assert_eq!(outcome.status, Status::Ok, "{name}: {outcome:?}");
        assert_eq!(signal.n_samples(), n_samples, "{name}");
        let mut decoder =
            Decoder::open(&Source::Bytes(bytes.as_slice().into()), &Limits::default()).unwrap();
        assert_eq!(decoder.measure().unwrap(), Some(n_samples as u64), "{name} measured");
    }
}

/// These were all encoded from the same samples: the first of them must come out first.
#[test]
fn what_was_encoded_comes_back_at_its_own_time() {
    let Some(reference) = read("formats/ref-s16.wav") else { return };
    let reference = whole(&reference).0;
    let reference = channel(&reference, 0);
    for name in ["aac.m4a", "aac-faststart.mp4", "vorbis.ogg", "vorbis.mka", "alac.m4a", "flac.mka"]
    {
        let Some(bytes) = read(&format!("formats/{name}")) else { return };
        let signal = whole(&bytes).0;
        let decoded = channel(&signal, 0);
        let likeness = |lag: usize| -> f32 {
            // Positions 8192 to 73 728 of the original, `lag` − 8 later in the decoded track.
            let shifted = &decoded[8192 + lag - 8..];
            reference[8192..73_728].iter().zip(shifted).map(|(a, b)| a * b).sum()
        };
        let best = (0..17).max_by(|&a, &b| likeness(a).total_cmp(&likeness(b)));
        assert_eq!(best, Some(8), "{name}");
    }
}

fn level_db(error: &[f32]) -> f64 {
    let power: f64 = error.iter().map(|&e| f64::from(e) * f64::from(e)).sum();
    10.0 * (power / error.len().max(1) as f64).max(1e-30).log10()
}

/// Decodes `n` samples from `start` on by going there.
fn window(source: &Source, start: u64, n: usize) -> Vec<Vec<f32>> {
    let mut decoder = Decoder::open(source, &Limits::default()).unwrap();
    decoder.seek(start).unwrap();
    let mut channels = Vec::new();
    while let Some(block) = decoder.next_block().unwrap() {
        channels.resize_with(block.channels.len(), Vec::new);
        for (into, from) in channels.iter_mut().zip(&block.channels) {
            into.extend_from_slice(from);
        }
        if channels[0].len() >= n {
            break;
        }
    }
    for channel in &mut channels {
        channel.truncate(n);
    }
    channels
}

#[test]
fn a_window_in_the_middle_is_that_of_a_full_decode() {
    let names = [
        ("formats/aac.m4a", -300.0),
        ("formats/aac.aac", -300.0),
        ("formats/aac.mkv", -300.0),
        ("formats/alac.m4a", -300.0),
        ("formats/alac.caf", -300.0),
        ("formats/flac.oga", -300.0),
        ("formats/flac.mka", -300.0),
        ("formats/vorbis.ogg", -100.0),
        ("formats/vorbis.webm", -100.0),
        ("music/johan-brodd--sharp.ogg", -100.0),
    ];
    for (name, most_db) in names {
        let Some(bytes) = read(name) else { return };
        let signal = whole(&bytes).0;
        let source = Source::Bytes(bytes.into());
        let n = signal.n_samples();
        for start in [1, 50_000, n / 2, n / 2 + 777, n - 5000] {
            let channels = window(&source, start as u64, 4096);
            for (at, got) in channels.iter().enumerate() {
                let wanted = &channel(&signal, at)[start..(start + 4096).min(n)];
                assert_eq!(got.len(), wanted.len(), "{name} from {start}");
                let error: Vec<f32> = got.iter().zip(wanted).map(|(a, b)| a - b).collect();
                let level = level_db(&error);
                assert!(level <= most_db, "{name} from {start}: {level:.1} dB");
            }
        }
    }
}

/// Passing over most of a track is what makes windows cheap: the decoder must not be asked for it.
#[test]
fn going_to_the_middle_skips_the_packets_before_it() {
    let places = [
        // Bands of noise included: it is a function of the packet.
        ("formats/aac.m4a", 120_000, 2048),
        ("formats/aac.aac", 120_000, 2048),
        ("formats/aac.mkv", 120_000, 2048),
        ("formats/alac.m4a", 120_000, 8192),
        ("formats/flac.mka", 120_000, 8192),
        ("formats/vorbis.mka", 120_000, 8192),
        // Whole pages, of a second each and of a quarter.
        ("formats/vorbis.ogg", 120_000, 90_000),
        ("music/aakburns--ghost-2.ogg", 1_500_000, 40_000),
    ];
    for (name, sample, most_before) in places {
        let Some(path) = shared(name) else { return };
        let mut decoder = Decoder::open(&Source::Path(path), &Limits::default()).unwrap();
        let position = decoder.backend.seek(sample).unwrap();
        let position = position.unwrap_or_else(|| panic!("{name} cannot be entered"));
        assert!(position <= sample && sample - position <= most_before, "{name}: {position}");
    }
}

#[test]
fn spectral_band_replication_that_no_header_announces_is_refused() {
    let Some(bytes) = read("../audio-faulty/taglib/zero-length-mdat.m4a") else { return };
    let refused = decode(&Source::Bytes(bytes.into()), &DecodeOptions::default()).unwrap_err();
    assert_eq!(refused.kind(), "unsupported");
    assert!(refused.to_string().contains("HE-AAC"), "{refused}");
}

/// Offsets of the pages of an Ogg file.
fn pages(bytes: &[u8]) -> Vec<usize> {
    let starts = bytes.windows(5).enumerate().filter(|(_, five)| *five == b"OggS\0");
    starts.map(|(at, _)| at).collect()
}

#[test]
fn a_bad_page_is_silence_in_its_place_and_is_told() {
    let Some(sound) = read("music/aakburns--ghost-2.ogg") else { return };
    let right = whole(&sound).0;
    let n_whole = right.n_samples();
    let pages = pages(&sound);
    let (from, to) = (pages[40], pages[41]);
    let mut flipped = sound.clone();
    flipped[to - 7] ^= 0x10;
    let removed = [&sound[..from], &sound[to..]].concat();
    for (what, bytes) in [("flipped", flipped), ("removed", removed)] {
        let (signal, outcome) = whole(&bytes);
        assert_eq!(outcome.status, Status::Partial, "{what}");
        assert_eq!(signal.n_samples(), n_whole, "{what}");
        let told = (outcome.seconds_lost * 44_100.0).round() as usize;
        assert!((8000..20_000).contains(&told), "{what}: {told}");
        // The page is silence, and what comes behind it is where it was.
        let (got, right) = (channel(&signal, 0), channel(&right, 0));
        let differs = |(got, right): (&f32, &f32)| got.to_bits() != right.to_bits();
        let first = got.iter().zip(right).position(differs).unwrap();
        let differing = got.iter().zip(right).filter(|&pair| differs(pair)).count();
        assert!(differing <= told && got[first..][..told / 2].iter().all(|&sample| sample == 0.0));
        assert_eq!(got[first + told..], right[first + told..], "{what}");
    }
}

#[test]
fn a_page_that_is_there_twice_is_heard_once() {
    let Some(sound) = read("music/aakburns--ghost-2.ogg") else { return };
    let pages = pages(&sound);
    let (from, to) = (pages[40], pages[41]);
    let doubled = [&sound[..to], &sound[from..]].concat();
    assert_eq!(whole(&doubled).0.samples(), whole(&sound).0.samples());
}

#[test]
fn an_ogg_file_without_its_last_page_is_partial() {
    let Some(sound) = read("music/aakburns--ghost-2.ogg") else { return };
    let pages = pages(&sound);
    let cut = &sound[..pages[100]];
    let (signal, outcome) = whole(cut);
    assert_eq!(outcome.status, Status::Partial);
    assert!(signal.n_samples() > 900_000);
    let mut decoder = Decoder::open(&Source::Bytes(cut.into()), &Limits::default()).unwrap();
    assert_eq!(decoder.measure().unwrap(), None);
}

#[test]
fn chained_streams_follow_each_other() {
    let Some(first) = read("music/johan-brodd--allegro.ogg") else { return };
    let Some(second) = read("music/johan-brodd--winning.ogg") else { return };
    let chained = [first.as_slice(), &second].concat();
    let (signal, outcome) = whole(&chained);
    assert_eq!(outcome.status, Status::Ok, "{outcome:?}");
    assert_eq!(signal.n_samples(), 220_500 + 491_400);
    assert_eq!(channel(&signal, 0)[..220_500], *channel(&whole(&first).0, 0));
    assert_eq!(channel(&signal, 1)[220_500..], *channel(&whole(&second).0, 1));
}

#[test]
fn bytes_behind_the_last_page_cost_nothing() {
    let Some(sound) = read("formats/vorbis.ogg") else { return };
    let tagged = [sound.as_slice(), &[b"TAG".as_slice(), &[0x20; 125]].concat()].concat();
    let (signal, outcome) = whole(&tagged);
    assert_eq!((outcome.status, signal.n_samples()), (Status::Ok, 132_300), "{outcome:?}");
}

#[test]
fn a_movie_cut_in_its_packets_says_how_much_is_lost() {
    for name in ["formats/aac-faststart.mp4", "formats/aac-fragmented.mp4"] {
        let Some(sound) = read(name) else { return };
        let n_whole = whole(&sound).0.n_samples();
        let (signal, outcome) = whole(&sound[..sound.len() / 2]);
        assert_eq!(outcome.status, Status::Partial, "{name}");
        let n_lost = (outcome.seconds_lost * 44_100.0).round() as usize;
        assert_eq!(signal.n_samples() + n_lost, n_whole, "{name}: {outcome:?}");
    }
}

#[test]
fn a_damaged_flac_frame_in_matroska_is_silence_alone() {
    let Some(mut bytes) = read("formats/flac.mka") else { return };
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let (signal, outcome) = whole(&bytes);
    assert_eq!(outcome.status, Status::Partial);
    assert_eq!(signal.n_samples(), 132_300);
    assert_eq!((outcome.seconds_lost * 44_100.0).round() as usize, 4608, "{outcome:?}");
    let silent = channel(&signal, 0).chunks(4608).filter(|frame| frame.iter().all(|&v| v == 0.0));
    assert_eq!(silent.count(), 1);
}

#[test]
fn matroska_goes_on_behind_bytes_that_make_no_sense() {
    let Some(mut bytes) = read("formats/vorbis.mka") else { return };
    // The head of a block in the middle of the first cluster.
    let middle = bytes.len() / 3;
    bytes[middle..middle + 600].fill(0);
    let (signal, outcome) = whole(&bytes);
    assert_eq!(outcome.status, Status::Partial, "{outcome:?}");
    assert!(signal.n_samples() > 30_000, "{outcome:?}");
}

#[test]
fn a_stretch_behind_missing_pages_is_where_it_was() {
    let Some(sound) = read("music/aakburns--ghost-2.ogg") else { return };
    let right = whole(&sound).0;
    let pages = pages(&sound);
    let torn = [&sound[..pages[20]], &sound[pages[40]..]].concat();
    let options = DecodeOptions {
        start_seconds: 30.0,
        duration_seconds: Some(1.0),
        ..DecodeOptions::default()
    };
    let (got, _, outcome) = decode(&Source::Bytes(torn.into()), &options).unwrap();
    assert_eq!(channel(&got, 0), &channel(&right, 0)[30 * 44_100..][..44_100], "{outcome:?}");
}

/// A movie whose movie box stands behind the packets, with its one track twice.
fn with_two_tracks(bytes: &[u8], change_first: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let find = |name: &[u8]| bytes.windows(4).rposition(|four| four == name).unwrap() - 4;
    let size = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (moov, trak) = (find(b"moov"), find(b"trak"));
    assert_eq!(moov + size(moov), bytes.len());
    let second = &bytes[trak..trak + size(trak)];
    let mut first = second.to_vec();
    change_first(&mut first);
    let n_moov = (size(moov) + first.len()) as u32;
    let head = [&bytes[..moov], &n_moov.to_be_bytes(), &bytes[moov + 4..trak]].concat();
    [&head, &first, &bytes[trak..]].concat()
}

fn rename(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let at = bytes.windows(4).position(|four| four == from).unwrap();
    bytes[at..at + 4].copy_from_slice(to);
}

#[test]
fn the_second_track_of_a_movie_is_not_taken_for_the_first() {
    let Some(bytes) = read("formats/alac.m4a") else { return };
    let right = whole(&bytes).0;
    let foreign = with_two_tracks(&bytes, |first| rename(first, b"alac", b"ac-3"));
    let refused = decode(&Source::Bytes(foreign.into()), &DecodeOptions::default()).unwrap_err();
    assert_eq!(refused.kind(), "unsupported");
    let damaged = with_two_tracks(&bytes, |first| rename(first, b"stsd", b"free"));
    let (signal, outcome) = whole(&damaged);
    assert_eq!(outcome.status, Status::Partial);
    assert!(outcome.message.contains("the first audio track"), "{outcome:?}");
    assert_eq!(signal.samples(), right.samples());
}

#[test]
fn aac_of_other_channels_than_its_header_says_is_left_to_others() {
    let Some(mut bytes) = read("formats/aac.m4a") else { return };
    let esds = bytes.windows(4).rposition(|four| four == b"esds").unwrap();
    // AAC-LC, 44.1 kHz, a pair of channels: a single one.
    let config = bytes[esds..].windows(2).position(|two| two == [0x12, 0x10]).unwrap();
    bytes[esds + config + 1] = 0x08;
    let refused = decode(&Source::Bytes(bytes.into()), &DecodeOptions::default()).unwrap_err();
    assert_eq!(refused.kind(), "unsupported");
    assert!(refused.to_string().contains("channel layout"), "{refused}");
}
