//! Bytes → text that is safe to show, whatever their encoding was said to be.

/// Longest text that is kept, bytes of UTF-8.
const MAX_TEXT_BYTES: usize = 4 << 10;

/// The upper half of windows-1252, which is what files that claim Latin-1 hold
/// (WHATWG Encoding §9.1); Latin-1 itself has only control characters at these places.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// One character per byte. Text in another 8-bit encoding comes out wrong, but whole.
pub(super) fn latin1(bytes: &[u8]) -> String {
    let character = |&byte: &u8| match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    };
    bytes.iter().map(character).collect()
}

/// UTF-8 where the bytes are that, otherwise one character per byte. Text in an 8-bit encoding is
/// practically never valid UTF-8 by chance.
pub(super) fn utf8_or_latin1(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| latin1(bytes), str::to_owned)
}

/// UTF-16 with or without a byte order mark; what is no character is replaced.
fn utf16(bytes: &[u8], big_endian: bool) -> String {
    let (big_endian, bytes) = match bytes {
        [0xfe, 0xff, rest @ ..] => (true, rest),
        [0xff, 0xfe, rest @ ..] => (false, rest),
        _ => (big_endian, bytes),
    };
    let units = bytes.chunks_exact(2).map(|pair| {
        let pair = [pair[0], pair[1]];
        if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    });
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Whether UTF-16 without a byte order mark has its high bytes first: they are the ones that are 0.
fn looks_big_endian(bytes: &[u8]) -> bool {
    let zeros_at = |first: usize| bytes.iter().skip(first).step_by(2).filter(|&&b| b == 0).count();
    zeros_at(0) > zeros_at(1)
}

/// Text of an `ID3v2` frame (`ID3v2.4` structure §4), whose first byte was `encoding`.
pub(super) fn id3(encoding: u8, bytes: &[u8]) -> String {
    match encoding {
        1 => utf16(bytes, looks_big_endian(bytes)),
        2 => utf16(bytes, true),
        // Wrongly declared: a mark of UTF-16 is text in no other encoding.
        _ if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) => utf16(bytes, false),
        _ => utf8_or_latin1(bytes),
    }
}

/// Length of the terminator of text in `encoding`.
fn terminator_bytes(encoding: u8) -> usize {
    if matches!(encoding, 1 | 2) { 2 } else { 1 }
}

/// Splits the bytes of an `ID3v2` frame behind the first terminator.
pub(super) fn id3_split(encoding: u8, bytes: &[u8]) -> (&[u8], &[u8]) {
    let width = terminator_bytes(encoding);
    let end = bytes.chunks_exact(width).position(|unit| unit.iter().all(|&b| b == 0));
    end.map_or((bytes, &[]), |n| (&bytes[..n * width], &bytes[(n + 1) * width..]))
}

/// Marks without a picture of their own, most of which turn the direction of what follows.
fn turns_direction(character: char) -> bool {
    matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(character, '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Text for display: one line, no control characters and no marks that turn the writing direction,
/// trimmed, cut where it is longer than any real one. `None` if nothing is left.
pub(super) fn clean(text: &str) -> Option<String> {
    let mut clean = String::with_capacity(text.len().min(MAX_TEXT_BYTES));
    for character in text.chars() {
        let shown = match character {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            _ if turns_direction(character) => continue,
            _ if character.is_control() => continue,
            _ => character,
        };
        if shown == ' ' && (clean.is_empty() || clean.ends_with(' ')) {
            continue;
        }
        if clean.len() + shown.len_utf8() > MAX_TEXT_BYTES {
            break;
        }
        clean.push(shown);
    }
    clean.truncate(clean.trim_end().len());
    let start = clean.len() - clean.trim_start().len();
    clean.drain(..start);
    (!clean.is_empty()).then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_an_8_bit_encoding_becomes_one_character() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(latin1(&all).chars().count(), 256);
        assert_eq!(latin1(b"Bj\xf6rk \x93live\x94"), "Björk “live”");
        // "Кино" in windows-1251: not what was meant, but no loss either.
        assert_eq!(id3(0, b"\xca\xe8\xed\xee"), "Êèíî");
    }

    #[test]
    fn utf16_is_read_in_any_order_with_and_without_a_mark() {
        let text = "Ärger 🎵";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (encoding, mark, bytes) in [
            (1, &b"\xff\xfe"[..], &little),
            (1, &b"\xfe\xff"[..], &big),
            (1, &b""[..], &little),
            (1, &b""[..], &big),
            (2, &b""[..], &big),
            (0, &b"\xff\xfe"[..], &little),
            (3, &b"\xff\xfe"[..], &little),
        ] {
            assert_eq!(id3(encoding, &[mark, bytes].concat()), text, "{encoding} {mark:?}");
        }
        assert_eq!(id3(1, b"\xff\xfeA\0\x00\xd8B\0\x07"), "A\u{fffd}B");
    }

    #[test]
    fn utf8_is_recognised_under_any_name() {
        assert_eq!(id3(0, "Motörhead".as_bytes()), "Motörhead");
        assert_eq!(id3(3, b"Mot\xf6rhead"), "Motörhead");
        assert_eq!(id3(9, b"odd"), "odd");
    }

    #[test]
    fn what_is_shown_is_one_line_without_tricks() {
        assert_eq!(clean("  a\n\tb\u{7}c \u{202e}d\0 ").as_deref(), Some("a bc d"));
        assert_eq!(clean("\u{feff} \r\n\0"), None);
        assert_eq!(clean("\u{3000}x\u{3000}").as_deref(), Some("x"));
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let cut = clean(&"ü".repeat(10_000)).unwrap();
        assert_eq!(cut.len(), MAX_TEXT_BYTES);
        assert!(cut.chars().all(|c| c == 'ü'));
    }
}
