//! Which of `FFmpeg`'s demuxers is shown which file: by magic bytes only, and from this list only.
//!
//! `FFmpeg`'s own probing would take texts for music, and playlists for a reason to open other files.

/// A kind of file that `FFmpeg` is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Foreign {
    /// What people call it.
    what: &'static str,
    /// libavformat's name.
    pub(super) demuxer: &'static str,
    /// The name for [`TrackInfo`](crate::TrackInfo).
    pub(super) container: &'static str,
}

/// What a row matches: bytes at the start, and bytes at an offset.
type Magic = (&'static [u8], usize, &'static [u8]);

macro_rules! formats {
    ($($start:expr, $at:expr, $there:expr => $what:literal, $demuxer:literal;)*) => {
        &[$((
            ($start, $at, $there),
            Foreign { what: $what, demuxer: $demuxer, container: concat!("ffmpeg:", $demuxer) },
        )),*]
    };
}

/// The first row that fits counts.
const FORMATS: &[(Magic, Foreign)] = formats! {
    b"wvpk", 0, b"" => "codec WavPack", "wv";
    b"MAC ", 0, b"" => "codec Monkey's Audio", "ape";
    b"TTA1", 0, b"" => "codec True Audio", "tta";
    b"tBaK", 0, b"" => "codec TAK", "tak";
    b"MPCK", 0, b"" => "codec Musepack", "mpc8";
    b"MP+", 0, b"" => "codec Musepack", "mpc";
    b"ajkg", 0, b"" => "codec Shorten", "shn";
    b"TWIN", 0, b"" => "codec TwinVQ", "vqf";
    b"#!AMR", 0, b"" => "codec AMR", "amr";
    b"DSD ", 0, b"" => "codec DSD", "dsf";
    b"FRM8", 12, b"DSD " => "codec DSD", "iff";
    b"\x7f\xfe\x80\x01", 0, b"" => "codec DTS", "dts";
    b"\xfe\x7f\x01\x80", 0, b"" => "codec DTS", "dts";
    b"\xff\x1f\x00\xe8", 0, b"" => "codec DTS", "dts";
    b"\x1f\xff\xe8\x00", 0, b"" => "codec DTS", "dts";
    b"DTSHDHDR", 0, b"" => "codec DTS-HD", "dtshd";
    b"", 4, b"\xf8\x72\x6f\xba" => "codec TrueHD", "truehd";
    b"", 4, b"\xf8\x72\x6f\xbb" => "codec MLP", "mlp";
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 0, b"" => "container ASF (WMA)", "asf";
    b".RMF", 0, b"" => "container RealMedia", "rm";
    b".ra\xfd", 0, b"" => "container RealAudio", "rm";
    b"ea3\x03", 0, b"" => "codec ATRAC", "oma";
    b"EA3", 0, b"" => "codec ATRAC", "oma";
    b"FLV\x01", 0, b"" => "container FLV", "flv";
    b"RIFF", 8, b"WAVE" => "codec in WAV", "wav";
    b"RIFF", 8, b"AVI " => "container AVI", "avi";
    b"RIFF", 8, b"XWMA" => "codec xWMA", "xwma";
    b"RIFF", 8, b"QLCM" => "codec QCELP", "qcp";
    b"RF64", 8, b"WAVE" => "container RF64", "wav";
    b"BW64", 8, b"WAVE" => "container BW64", "wav";
    b"riff\x2e\x91\xcf\x11", 0, b"" => "container Wave64", "w64";
    b".snd", 0, b"" => "container AU", "au";
    b"FORM", 8, b"AIFF" => "codec in AIFF", "aiff";
    b"FORM", 8, b"AIFC" => "codec in AIFC", "aiff";
    b"caff", 0, b"" => "codec in CAF", "caf";
    b"OggS", 0, b"" => "codec in Ogg", "ogg";
    b"fLaC", 0, b"" => "feature of FLAC", "flac";
    b"\x1a\x45\xdf\xa3", 0, b"" => "codec in Matroska", "matroska";
    b"", 4, b"ftyp" => "codec in MP4", "mov";
    b"", 4, b"moov" => "codec in MP4", "mov";
    b"", 4, b"mdat" => "codec in MP4", "mov";
    b"", 4, b"wide" => "codec in MP4", "mov";
    b"", 4, b"free" => "codec in MP4", "mov";
    b"", 4, b"skip" => "codec in MP4", "mov";
};

/// Streams of frames that know nothing of tags: taggers append theirs.
const TAGGED_AT_END: [&str; 16] = [
    "aac", "ac3", "amr", "ape", "dts", "dtshd", "eac3", "mlp", "mpc", "mpc8", "shn", "tak",
    "truehd", "tta", "vqf", "wv",
];

impl Foreign {
    /// Whether tags may stand behind the last byte that the demuxer needs.
    pub(super) fn may_end_with_tags(self) -> bool {
        TAGGED_AT_END.contains(&self.demuxer)
    }
}

const AC3: Foreign = Foreign { what: "codec AC-3", demuxer: "ac3", container: "ffmpeg:ac3" };
const EAC3: Foreign = Foreign { what: "codec E-AC-3", demuxer: "eac3", container: "ffmpeg:eac3" };
const AAC: Foreign = Foreign { what: "codec AAC", demuxer: "aac", container: "ffmpeg:aac" };

/// What people call a file whose magic number is in the list.
pub(crate) fn named(head: &[u8]) -> Option<&'static str> {
    listed(head).map(|foreign| foreign.what)
}

fn listed(head: &[u8]) -> Option<Foreign> {
    let fits = |&(start, at, there): &Magic| {
        head.starts_with(start) && head.get(at..).is_some_and(|rest| rest.starts_with(there))
    };
    FORMATS.iter().find(|(magic, _)| fits(magic)).map(|&(_, foreign)| foreign)
}

/// Who reads a file that our decoders have refused, by its start behind the tags.
pub(super) fn foreign(head: &[u8]) -> Option<Foreign> {
    match head {
        // The bit stream identification tells them apart (ETSI TS 102 366 §E.1.3.1.6).
        [0x0b, 0x77, _, _, _, bsid, ..] => Some(if bsid >> 3 <= 10 { AC3 } else { EAC3 }),
        // ADTS: sync word, layer 0.
        [0xff, byte, ..] if byte & 0xf6 == 0xf0 => Some(AAC),
        _ => listed(head),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_first_bytes() {
        let demuxer = |head: &[u8]| foreign(head).map(|foreign| foreign.demuxer);
        assert_eq!(demuxer(b"wvpk\x10\0\0\0"), Some("wv"));
        assert_eq!(demuxer(b"RIFF\x10\0\0\0AVI LIST"), Some("avi"));
        assert_eq!(demuxer(b"\0\0\0\x20ftypM4A "), Some("mov"));
        assert_eq!(demuxer(&[0x0b, 0x77, 1, 2, 3, 8 << 3]), Some("ac3"));
        assert_eq!(demuxer(&[0x0b, 0x77, 1, 2, 3, 16 << 3]), Some("eac3"));
        assert_eq!(foreign(b"TTA1").map(|f| f.container), Some("ffmpeg:tta"));
    }

    #[test]
    fn texts_playlists_pictures_and_short_files_are_nobodys() {
        let heads: [&[u8]; 8] = [
            b"",
            b"R",
            b"#EXTM3U\n",
            b"ffconcat version 1.0\n",
            b"<?xml version=\"1.0\"?><MPD>",
            b"RIFF\x10\0\0\0WEBPVP8 ",
            b"\x89PNG\r\n\x1a\n",
            b"once upon a time",
        ];
        assert!(heads.iter().all(|head| foreign(head).is_none()));
    }
}
