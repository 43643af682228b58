"""Which modules of the package have examples that can be collected here (`pytest --doctest-modules`)."""

from importlib.util import find_spec

# Importing it without its extra is an error, on purpose: its examples are for those who have torch.
collect_ignore = [] if find_spec("torch") else ["python/orpheus_fast/audio/torch_dataset.py"]
