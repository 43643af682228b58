"""Decodes one file after the other with FFmpeg (PyAV), in a process of its own.

`orpheus_fast.audio.fallback` says how the process is started; nobody imports this to use it. It
must not import the rest of orpheus_fast, nor NumPy: a worker starts in a tenth of a second.

Standard input is a socket to the program that wants the samples. The bytes of the file are asked for
over it, so a worker never opens a file; once PyAV is loaded it could not: no file descriptor is left
to be had. Neither a URL, a playlist nor another file that a hostile file names can be reached from
here.
"""
