//! Files that several of these tests take.

use orpheus_audio::Source;

/// A WAV file of 16-bit mono, whose header promises `n_bytes` of audio whatever there is.
pub(crate) fn wav(sample_rate: u32, n_bytes: u32, audio: impl IntoIterator<Item = u8>) -> Source {
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + n_bytes).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(sample_rate.to_le_bytes());
    bytes.extend((2 * sample_rate).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(n_bytes.to_le_bytes());
    bytes.extend(audio);
    Source::Bytes(bytes.into())
}
