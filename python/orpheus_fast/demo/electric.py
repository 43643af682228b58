"""Arrangements with a beat: techno, drum and bass, chiptune, funk.

An arrangement records a piece in a session. It gets the key and the chords, one per bar, and decides who plays what.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from orpheus_fast.demo import drums, instruments
from orpheus_fast.demo.session import BEATS_PER_BAR, STEPS_PER_BAR, Note, every_bar
from orpheus_fast.demo.theory import melody, voice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orpheus_fast.demo.session import Session
    from orpheus_fast.demo.theory import Chord, Key

__all__ = ["chiptune", "drum_and_bass", "funk", "techno"]

REST_BELOW = 0.2
LEAD_RHYTHMS = ("x---x---x-x-x---", "x-x-x---x---x-x-", "x---x-x-x---x-x-", "x-x---x-x---x---")
SPARSE_RHYTHMS = ("x-----x-----x---", "x-----------x---", "x-------x-----x-")
FUNK_BASS = ("x.o...x.x...o.x.", "x..oo...x.x.o..o", "x.o.x...x.o...x.")
CHOPS = ("..x.o.x...x.o.x.", "..x...xo..x...x.", ".ox...x..ox...x.")


def techno(session: Session, _: Key, chords: Sequence[Chord]) -> None:
    """Record four on the floor, an acid line in sixteenths, chords that answer off the beat."""
    n_bars = len(chords)
    line = session.rng.choice(4, size=STEPS_PER_BAR, p=(0.55, 0.15, 0.15, 0.15))
    accents = session.rng.random(STEPS_PER_BAR)
    acid = []
    for bar, chord in enumerate(chords):
        opening = 0.35 + 0.5 * bar / n_bars
        for step in range(STEPS_PER_BAR):
            if step % 2 and accents[step] < REST_BELOW:
                continue
            pitch = chord.bass(36) + (*chord.intervals[:3], 12)[line[step]]
            accent = 1.0 if step % 4 == 0 else 0.5 + 0.2 * float(accents[step])
            acid.append(Note(4 * bar + step / 4, 0.2, pitch, opening * accent))
    answers = ((2.0, 0.9), (3.5, 0.6))
    stabs = [
        Note(4 * bar + beat, 0.3, pitch, velocity)
        for bar, voicing in enumerate(voice(chords, 62))
        for pitch in voicing
        for beat, velocity in answers
    ]
    basses = [
        Note(4 * bar + beat + 0.5, 0.4, chord.bass(28), 0.9) for bar, chord in enumerate(chords) for beat in range(4)
    ]
    session.mix(session.drum(drums.kick, every_bar(n_bars, "x...x...x...x...")), 0.95)
    session.mix(session.drum(drums.open_hat, every_bar(n_bars, "..x...x...x...x.", start=2), place=0.1), 0.17)
    session.mix(session.drum(drums.closed_hat, every_bar(n_bars, "x---x---x---x--o"), place=-0.2), 0.28)
    session.mix(session.drum(drums.clap, every_bar(n_bars, "....x.......x...", start=2)), 0.45, room=0.2)
    session.mix(session.duck(session.play(instruments.acid, acid), 0.4), 0.45, room=0.05)
    session.mix(session.duck(session.play(instruments.stab, stabs), 0.5), 0.35, room=0.3, echo_beats=1.0)
    session.mix(session.duck(session.play(instruments.sub_bass, basses), 0.6), 0.4)


def drum_and_bass(session: Session, key: Key, chords: Sequence[Chord]) -> None:
    """Record a broken beat at full speed over a slow growling bass."""
    n_bars = len(chords)
    basses = []
    for bar, chord in enumerate(chords):
        low = chord.bass(31)
        basses.append(Note(4 * bar, 2.4, low, 0.9))
        basses.append(Note(4 * bar + 2.5, 1.4, low + 12 * ((bar + 1) % 4 == 0), 0.8))
    pads = [Note(4 * bar, 4, pitch, 0.7) for bar, voicing in enumerate(voice(chords, 64)) for pitch in voicing]
    song = melody(session.rng, key, chords, SPARSE_RHYTHMS, 72, 86)
    bells = [Note(start, min(length, 1.0), pitch, 0.7) for start, length, pitch in song if start >= 4 * BEATS_PER_BAR]
    kicks = every_bar(n_bars, "x.........x.....", "x.........x.....", "x.........x.....", "x..x......x.....")
    snares = every_bar(n_bars, "....x..o.o..x...", "....x..o.o..x..o", "....x..o.o..x...", "....x..o.o..x.xo")
    session.mix(session.drum(drums.punchy_kick, kicks), 0.9)
    session.mix(session.drum(drums.snare, snares), 0.75, room=0.08)
    session.mix(session.drum(drums.closed_hat, every_bar(n_bars, "x.x.x.x.x.x.x.x."), place=0.2), 0.4)
    session.mix(session.drum(drums.shaker, every_bar(n_bars, "oxoxoxoxoxoxoxox", start=4), place=-0.4), 0.2)
    session.mix(session.play(instruments.reese, basses), 0.6)
    session.mix(session.play(instruments.pad, pads), 0.22, room=0.3)
    session.mix(session.play(instruments.bell, bells), 0.2, room=0.5, echo_beats=1.5)


def chiptune(session: Session, key: Key, chords: Sequence[Chord]) -> None:
    """Record the four voices of a game console: lead, arpeggio, triangle bass, noise."""
    n_bars = len(chords)
    voicings = voice(chords, 70)
    runs, basses = [], []
    for bar, (chord, voicing) in enumerate(zip(chords, voicings, strict=True)):
        tones = (*voicing[:3], voicing[0] + 12)
        runs += [Note(4 * bar + step / 4, 0.25, tones[step % 4], 0.7) for step in range(STEPS_PER_BAR)]
        low = chord.bass(40)
        basses += [Note(4 * bar + half / 2, 0.45, low + (12 if half % 2 else 0), 0.9) for half in range(8)]
    song = melody(session.rng, key, chords, LEAD_RHYTHMS, 72, 91)
    lead = [Note(start, 0.92 * length, pitch, 0.9) for start, length, pitch in song]
    session.mix(session.play(instruments.pulse, lead, place=0.15), 0.5, echo_beats=0.5)
    session.mix(session.play(partial(instruments.pulse, duty=0.125), runs, place=-0.3), 0.3)
    session.mix(session.play(instruments.triangle, basses), 0.45)
    session.mix(session.drum(drums.chip_kick, every_bar(n_bars, "x.......x.......", "x.......x.....x.")), 0.5)
    session.mix(session.drum(drums.chip_noise, every_bar(n_bars, "....x.......x...", "....x.......x.oo")), 0.35)
    session.mix(session.drum(drums.chip_hat, every_bar(n_bars, "x.o.x.o.x.o.x.o.")), 0.2)


def funk(session: Session, _: Key, chords: Sequence[Chord]) -> None:
    """Record a tight kit, a busy bass, clavinet chops, electric piano and horns that answer."""
    n_bars = len(chords)
    groove = FUNK_BASS[int(session.rng.integers(len(FUNK_BASS)))]
    chop = CHOPS[int(session.rng.integers(len(CHOPS)))]
    colours = session.rng.choice([0, 0, 12, 7, 10], size=STEPS_PER_BAR)
    basses, chops, keys, horns = [], [], [], []
    for bar, (chord, voicing) in enumerate(zip(chords, voice(chords, 62), strict=True)):
        low = chord.bass(33)
        for step in range(STEPS_PER_BAR):
            beat = 4 * bar + (step + 0.12 * (step % 2)) / 4
            if groove[step] != ".":
                pitch = low + (0 if step == 0 else int(colours[step]))
                basses.append(
                    Note(beat, 0.22 if groove[step] == "o" else 0.4, pitch, 0.6 if groove[step] == "o" else 0.9)
                )
            if chop[step] != ".":
                chops += [Note(beat, 0.2, p, 0.9 if chop[step] == "x" else 0.5) for p in voicing[-2:]]
        keys += [Note(4 * bar + beat, 0.9, pitch, 0.6) for beat in (0.0, 2.0) for pitch in voicing]
        if bar % 4 in (1, 3):
            horns += [Note(4 * bar + beat, 0.3, pitch + 12, 0.9) for beat in (2.0, 3.0) for pitch in voicing[-2:]]
    kicks = every_bar(n_bars, "x.......x.o.....", "x.o.....x.....o.")
    session.mix(session.drum(drums.punchy_kick, kicks, swing=0.12), 0.8)
    session.mix(session.drum(drums.snare, every_bar(n_bars, "....x..-.-..x..-"), swing=0.12), 0.7, room=0.06)
    session.mix(session.drum(drums.closed_hat, every_bar(n_bars, "x-o-x-oox-o-x-o-"), place=0.25, swing=0.12), 0.4)
    session.mix(session.drum(drums.open_hat, every_bar(n_bars, "..............x."), place=0.25, swing=0.12), 0.2)
    session.mix(session.play(instruments.finger_bass, basses, loose=0.002), 0.6)
    session.mix(session.play(instruments.clavinet, chops, place=-0.4, loose=0.002), 0.32)
    session.mix(session.play(instruments.electric_piano, keys, place=0.1, loose=0.003), 0.3, room=0.1)
    session.mix(session.play(instruments.brass, horns, place=0.3), 0.4, room=0.15)
