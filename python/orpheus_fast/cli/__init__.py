"""The command line: `orpheus`, or `python -m orpheus_fast`."""

from orpheus_fast.cli.app import main

__all__ = ["main"]
