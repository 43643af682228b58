"""Which files are looked at: by name where the name says enough, else by their first bytes.

A candidate gets an outcome, if only `failed`. So the lists lean one way: an
extension that may hold sound is a candidate even if nothing here decodes it,
and only a name that certainly holds none is passed over unread.
"""

from __future__ import annotations

from typing import Final

__all__ = ["AUDIO_EXTENSIONS", "N_SNIFFED_BYTES", "OTHER_EXTENSIONS", "extension", "looks_like_audio"]

# Three packets of an MPEG transport stream, whose only mark is one byte at the start of each.
N_SNIFFED_BYTES: Final = 512

AUDIO_EXTENSIONS: Final = frozenset(
    # Uncompressed and lossless.
    b"wav wave bwf rf64 w64 rifx aif aiff aifc afc caf au snd sf voc 8svx 16svx nist sph pvf avr htk "
    b"flac fla alac ape apl mac wv wvc tta tak shn ofr ofs optimfrog als dsf dff dsd wsd mlp thd truehd "
    # Lossy.
    b"mp3 mp2 mp1 mpa mpga mpeg3 m1a m2a aac adts adif loas latm ac3 ac4 ec3 eac3 dts dtshd dtsma "
    b"ogg oga ogx opus spx mpc mpp mp+ wma asf xma xwma ra ram rm rmvb amr awb 3ga gsm qcp evrc at3 aa3 oma omg "
    b"aa aax aaxc vqf tvq dss msv g722 g723 g726 g729 vox sln ".split()
    # Containers that may hold sound, video ones included.
    + b"m4a m4b m4p m4r m4v mp4 mov qt 3gp 3g2 f4a f4b f4v mka mkv mk3d webm weba avi divx wmv flv "
    b"mpg mpeg m2v vob m2ts mts ogv ogm mxf ".split()
    # Notes and modules: music that is played, not decoded. Here so that a folder of them is not "empty".
    + b"mid midi kar rmi xm s3m mtm okt umx mptm mo3 sid nsf nsfe spc gbs vgm vgz hes kss minipsf psf psf2".split()
)

OTHER_EXTENSIONS: Final = frozenset(
    # Pictures.
    b"jpg jpeg jpe jfif png gif bmp webp tif tiff svg ico heic heif avif psd xcf cr2 nef dng "
    # Texts, notes and lists.
    b"txt text md rst nfo diz rtf log csv tsv json jsonl xml html htm xhtml css js mjs map yaml yml toml ini cfg conf "
    b"pdf doc docx odt xls xlsx ods ppt pptx odp epub mobi tex bib lrc srt ass ssa sub idx vtt "
    b"cue m3u m3u8 pls xspf jspf asx wpl zpl b4s mpl accurip ffp md5 sha1 sha256 sfv par par2 "
    b"url lnk webloc desktop torrent nzb "
    # Programs and their data.
    b"py pyc pyi ipynb c h cc cpp hpp rs go java class jar sh bash zsh bat cmd ps1 rb pl php wasm "
    b"exe dll so dylib iso img dmg pkg deb rpm msi apk "
    b"db db-wal db-shm db-journal sqlite sqlite3 sqlite-wal sqlite-shm itl itdb musicdb plist bak tmp temp swp lock "
    b"part crdownload download partial aria2 "
    b"npy npz faiss parquet arrow feather h5 hdf5 pt pth ckpt safetensors onnx pkl pickle "
    # Archives.
    b"zip tar gz tgz bz2 tbz xz txz zst 7z rar lz lz4 lzma cab "
    # Projects and presets of audio programs; fonts.
    b"cpr logicx ptx flp rpp rpp-bak asd reapeaks pkf sfk mp3gain ovw ttf otf woff woff2".split()
)

# Left out of both on purpose, because the same ending means very different files: bin, dat, iff, it, mod, raw, ts.

# First bytes, and where they stand.
_MAGIC: Final = (
    (0, b"fLaC"),
    (0, b"OggS"),
    (0, b"ID3"),
    (4, b"ftyp"),
    (4, b"moov"),
    (4, b"mdat"),
    (0, b"\x1a\x45\xdf\xa3"),  # EBML: Matroska, WebM
    (0, b"caff"),
    (0, b".snd"),
    (0, b"dns."),
    (0, b"ADIF"),
    (0, b"wvpk"),
    (0, b"MAC "),
    (0, b"TTA1"),
    (0, b"TTA2"),
    (0, b"tBaK"),
    (0, b"MPCK"),
    (0, b"MP+"),
    (0, b"OFR "),
    (0, b"ajkg"),  # Shorten
    (0, b"DSD "),
    (0, b"FRM8"),
    (0, b"riff\x2e\x91\xcf\x11"),  # Wave64
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),  # ASF: WMA
    (0, b".RMF"),
    (0, b".ra\xfd"),
    (0, b"#!AMR"),
    (0, b"\x0b\x77"),  # AC-3
    (0, b"\x7f\xfe\x80\x01"),  # DTS
    (0, b"\xfe\x7f\x01\x80"),
    (0, b"Creative Voice File"),
    (0, b"NIST_1A"),
    (0, b"MThd"),
    (0, b"APETAGEX"),
)

# Where the first packet's mark stands, and how far it is to the next: bare packets, packets
# with a time stamp before each (Blu-ray), with parity behind each.
_TRANSPORT_PACKETS: Final = ((0, 188), (4, 192), (0, 204))
_TRANSPORT_SYNC: Final = b"GGG"
_RIFF_FORMS: Final = (b"WAVE", b"AVI ", b"RMID", b"CDXA", b"XWMA")
_IFF_FORMS: Final = (b"AIFF", b"AIFC", b"8SVX", b"16SV")
_SYNC_BITS: Final = 0x7FF
_N_ADTS_RATES: Final = 13
_NO_BIT_RATES: Final = (0, 15)
_NO_SAMPLE_RATE: Final = 3


def extension(name: bytes) -> bytes:
    """Return the part of `name` after its last dot in lower case, or nothing if there is none."""
    stem, dot, suffix = name.rpartition(b".")
    return suffix.lower() if dot and stem else b""


def looks_like_audio(head: bytes) -> bool:
    """Whether a file that begins with `head` may hold sound.

    Parameters
    ----------
    head : bytes
        The first `N_SNIFFED_BYTES` of the file, or all of a shorter one.

    Examples
    --------
    >>> looks_like_audio(b"fLaC" + bytes(60)), looks_like_audio(b"Dear diary")
    (True, False)
    """
    if head[:4] in {b"RIFF", b"RF64", b"RIFX", b"BW64"}:
        return head[8:12] in _RIFF_FORMS
    if head[:4] == b"FORM":
        return head[8:12] in _IFF_FORMS
    if any(head.startswith(magic, at) for at, magic in _MAGIC):
        return True
    return _is_mpeg_sync(head) or _is_transport_stream(head)


def _is_transport_stream(head: bytes) -> bool:
    return any(head[first : first + 3 * length : length] == _TRANSPORT_SYNC for first, length in _TRANSPORT_PACKETS)


def _is_mpeg_sync(head: bytes) -> bool:
    # ISO 11172-3 and 13818-3 headers, and ADTS, which is layer 0 with its own meaning of the rest.
    # Eleven set bits alone turn up in every second binary file, so every reserved value is refused.
    word = int.from_bytes(head[:4].ljust(4, b"\0"), "big")
    if word >> 21 != _SYNC_BITS:
        return False
    version, layer = word >> 19 & 3, word >> 17 & 3
    if layer == 0:
        return version & 2 != 0 and (word >> 10 & 0xF) < _N_ADTS_RATES
    return version != 1 and (word >> 12 & 0xF) not in _NO_BIT_RATES and (word >> 10 & 3) != _NO_SAMPLE_RATE
