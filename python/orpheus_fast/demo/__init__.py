"""A small library of synthesised music, for `orpheus demo`: made from a seed, with no network and no recordings."""

from orpheus_fast.demo.collection import PIECES, STYLES, Piece, Style, render, wav_bytes, write_collection

__all__ = ["PIECES", "STYLES", "Piece", "Style", "render", "wav_bytes", "write_collection"]
