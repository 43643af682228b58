"""Arrangements without a drum machine: piano ballad, ambient pad, folk guitar, orchestral strings.

An arrangement records a piece in a session. It gets the key and the chords, one per bar, and decides who plays what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orpheus_fast.demo import drums, instruments
from orpheus_fast.demo.session import BEATS_PER_BAR, Note, every_bar
from orpheus_fast.demo.theory import melody, voice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orpheus_fast.demo.session import Session
    from orpheus_fast.demo.theory import Chord, Key

__all__ = ["ambient_pad", "folk_guitar", "orchestral_strings", "piano_ballad"]

FIFTH = 7
BALLAD_RHYTHMS = ("x-------x---x---", "x---x---x-------", "x-----x-x-------", "x---x-x-x---x---")
BROKEN_CHORDS = ((0, 1, 2, 3, 2, 1, 2, 1), (0, 1, 2, 1, 3, 2, 1, 2), (0, 2, 1, 2, 3, 2, 1, 2))
FOLK_RHYTHMS = ("x---x-x-x---x---", "x-x-x---x-x-x---", "x---x---x-x-x-x-", "x-----x-x---x---")
STRING_RHYTHMS = ("x-----x-x---x---", "x---x---x-----x-", "x-----x-x-------", "x---x-x-x---x-x-")


def piano_ballad(session: Session, key: Key, chords: Sequence[Chord]) -> None:
    """Record a piano alone: broken chords in the left hand, a slow song in the right."""
    figure = BROKEN_CHORDS[int(session.rng.integers(len(BROKEN_CHORDS)))]
    voicings = voice(chords, 57)
    left = []
    for bar, (chord, voicing) in enumerate(zip(chords, voicings, strict=True)):
        tones = (*voicing[:3], voicing[0] + 12)
        last = bar == len(chords) - 1
        left.append(Note(4 * bar, 4, chord.bass(36), 0.6))
        if last:
            left += [Note(4 * bar + 0.08 * i, 4, pitch, 0.5) for i, pitch in enumerate(tones)]
            continue
        for eighth, index in enumerate(figure):
            left.append(Note(4 * bar + eighth / 2, 1.5, tones[index], 0.5 if eighth % 4 == 0 else 0.4))
    song = melody(session.rng, key, chords, BALLAD_RHYTHMS, 67, 84)
    right = [Note(start, length, pitch, 0.8) for start, length, pitch in song if start >= BEATS_PER_BAR]
    session.mix(session.play(instruments.piano, left, loose=0.008), 0.5, room=0.35)
    session.mix(session.play(instruments.piano, right, loose=0.010), 0.7, room=0.45)


def ambient_pad(session: Session, key: Key, chords: Sequence[Chord]) -> None:
    """Record slow chords of pad and choir over a drone, with a bell here and there."""
    voicings = voice(chords, 60)
    held = [Note(4 * bar, 4, pitch, 0.8) for bar, voicing in enumerate(voicings) for pitch in voicing]
    drone = [Note(4 * bar, 4, chord.bass(33), 0.9) for bar, chord in enumerate(chords)]
    voices = [Note(4 * bar, 4, voicing[-1] + 12, 0.7) for bar, voicing in enumerate(voicings) if bar % 2 == 1]
    scale = key.pitches(79, 96)
    bells = []
    for bar, chord in enumerate(chords):
        pitches = [pitch for pitch in scale if pitch % 12 in chord.pitch_classes]
        starts = session.rng.choice(8, size=2, replace=False) / 2
        bells += [Note(4 * bar + float(start), 1, int(session.rng.choice(pitches)), 0.5) for start in starts]
    session.mix(session.play(instruments.pad, held), 0.6, room=0.5)
    session.mix(session.play(instruments.pad, drone), 0.4, room=0.3)
    session.mix(session.play(instruments.choir, voices), 0.25, room=0.8)
    session.mix(session.play(instruments.bell, bells, loose=0.03), 0.07, room=1.0, echo_beats=0.75)


def folk_guitar(session: Session, key: Key, chords: Sequence[Chord]) -> None:
    """Record two guitars, one picked with an alternating thumb and one singing, and a foot on the floor."""
    voicings = voice(chords, 57)
    picked, strummed = [], []
    for bar, (chord, voicing) in enumerate(zip(chords, voicings, strict=True)):
        low = chord.bass(40)
        thumb = (low, voicing[1], low + FIFTH if FIFTH in chord.intervals else low, voicing[1])
        picked += [Note(4 * bar + beat, 1, pitch, 0.8) for beat, pitch in enumerate(thumb)]
        for beat, index in ((0.5, 2), (1.5, 0), (2.5, 2), (3.0, 0), (3.5, 1)):
            picked.append(Note(4 * bar + beat, 0.9, voicing[index] + 12, 0.6))
        for beat in (1.0, 3.0):
            strummed += [Note(4 * bar + beat + 0.02 * i, 0.8, pitch + 12, 0.6) for i, pitch in enumerate(voicing)]
    song = melody(session.rng, key, chords, FOLK_RHYTHMS, 64, 81)
    lead = [Note(start, length, pitch, 0.9) for start, length, pitch in song if start >= 2 * BEATS_PER_BAR]
    n_bars = len(chords)
    session.mix(session.play(instruments.guitar, picked, place=-0.35, loose=0.004), 0.6, room=0.15)
    session.mix(session.play(instruments.guitar, strummed, place=0.1, loose=0.003), 0.35, room=0.15)
    session.mix(session.play(instruments.guitar, lead, place=0.35, loose=0.006), 0.6, room=0.25)
    session.mix(session.drum(drums.stomp, every_bar(n_bars, "x.......x......."), loose=0.003), 0.45, room=0.1)
    session.mix(session.drum(drums.rim, every_bar(n_bars, "....x.......x..."), loose=0.003), 0.2, room=0.2)


def orchestral_strings(session: Session, key: Key, chords: Sequence[Chord]) -> None:
    """Record violins over moving violas; basses pluck, and a kettledrum marks the phrases."""
    voicings = voice(chords, 60)
    inner, basses, plucked = [], [], []
    for bar, (chord, voicing) in enumerate(zip(chords, voicings, strict=True)):
        low = chord.bass(36)
        basses.append(Note(4 * bar, 4, low, 0.8))
        for half in range(8):
            pitch = voicing[half % 2 + 1] if half % 2 else voicing[0]
            inner.append(Note(4 * bar + half / 2, 0.5, pitch, 0.7 if half % 2 else 0.8))
        plucked += [Note(4 * bar + beat, 1, low + (12 if beat % 2 == 0 else 19), 0.8) for beat in range(4)]
    song = melody(session.rng, key, chords, STRING_RHYTHMS, 69, 88)
    violins = [Note(start, length, pitch, 0.9) for start, length, pitch in song]
    octave = [Note(start, length, pitch - 12, 0.7) for start, length, pitch in song if start >= 4 * BEATS_PER_BAR]
    session.mix(session.play(instruments.strings, violins, loose=0.008), 0.55, room=0.5)
    session.mix(session.play(instruments.strings, octave, loose=0.008), 0.35, room=0.5)
    session.mix(session.play(instruments.strings, inner, loose=0.006), 0.4, room=0.4)
    session.mix(session.play(instruments.strings, basses), 0.4, room=0.4)
    session.mix(session.play(instruments.pizzicato, plucked, loose=0.004), 0.35, room=0.4)
    marks = every_bar(len(chords), "x...............", "................", "................", "............o.x.")
    session.mix(session.drum(drums.timpani, marks), 0.35, room=0.5)
