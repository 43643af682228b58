"""`python -m orpheus_fast` is `orpheus`."""

from orpheus_fast.cli import main

if __name__ == "__main__":
    main()
